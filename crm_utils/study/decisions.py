"""What was decided, by whom, until when? A study's ``decisions``; the scorecard says what came after."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, field_validator, model_validator

from crm_utils.errors import known_names
from crm_utils.experiments import Day

__all__ = ["Decision"]

Words = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class Decision(BaseModel):
    """One decision.

    Attributes
    ----------
    finding, action, owner
        What was seen, what is done about it, who does it.
    decided_on, due
        When, and until when it is to be done.
    number
        The scorecard's measure that it is to move: ``return_share``.
    expects
        Whether it should become ``more`` or ``less``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    finding: Words
    action: Words
    owner: Words
    decided_on: Day
    due: Day
    number: str
    expects: Literal["more", "less"]

    @field_validator("number")
    @classmethod
    def _is_measured(cls, number: str) -> str:
        from crm_utils.methods.scorecard import REGISTRY

        names = [measure.name for measure in REGISTRY]
        if number not in names:
            raise ValueError(f"the scorecard has no number '{number}'. {known_names(number, names)}")
        return number

    @model_validator(mode="after")
    def _in_order(self) -> Decision:
        if self.due < self.decided_on:
            raise ValueError("it is due before it was decided")
        return self
