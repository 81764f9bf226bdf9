"""What does a country allow, and what does a channel take? Dated rules, which somebody has to confirm."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from crm_utils.experiments import Day
from crm_utils.methods.campaign_targeting.fields import Clock, Money, Name

__all__ = ["Cap", "Channel", "Hours", "Mark", "Rules"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Cap(_Strict):
    """At most so many advertising messages to one customer in any so many hours."""

    messages: Annotated[int, Field(ge=1)]
    hours: Annotated[int, Field(ge=1)]


class Hours(_Strict):
    """When advertising rests: from, to (over midnight when from is later), and for which channels not."""

    start: Clock = Field(alias="from")
    end: Clock = Field(alias="to")
    unless_night_consent: bool = False
    not_for: list[Name] = []


class Channel(_Strict):
    """What a channel takes and costs.

    Attributes
    ----------
    kind
        ``informational`` where the channel carries nothing else.
    unknown_consent
        Whether advertising may be sent while nobody said yes or no: only where the law says opt-out.
    cost
        Of one message, in the study's currency.
    closed
        Hours of its own in which advertising rests, beside the country's.
    characters, bytes, subject_bytes
        The longest text and subject; bytes are counted in ``charset``.
    charset
        Of a text message: Korean networks count in cp949.
    """

    kind: Literal["advertising", "informational", "both"] = "both"
    unknown_consent: bool = False
    cost: Money = 0.0
    closed: Hours | None = None
    characters: Annotated[int, Field(ge=1)] | None = None
    bytes: Annotated[int, Field(ge=1)] | None = None
    subject_bytes: Annotated[int, Field(ge=1)] | None = None
    charset: Literal["cp949", "utf-8"] = "cp949"
    source: str = ""


class Mark(_Strict):
    """What advertising must begin and end with: ``(광고)``, ``무료거부 {number}``; and the number."""

    first: str = ""
    last: str = ""
    number: str = ""
    never: list[str] = []


class Reviewed(_Strict):
    """Who looked at these rules, and when; nobody when empty."""

    day: Day | None = None
    by: str | None = None


class Rules(_Strict):
    """One country's rules, from a day on. They are no legal advice: somebody has to confirm them."""

    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    valid_from: Day
    reviewed: Reviewed = Reviewed()
    sources: list[str] = []
    closed: Hours | None = None
    mark: Mark = Mark()
    reconfirm_months: Annotated[int, Field(ge=1)] | None = None
    channels: dict[Name, Channel]
    caps: list[Cap] = []

    def channel(self, name: str) -> Channel | None:
        """A channel's rule; None where the country's file does not know it: then nothing is sent on it."""
        return self.channels.get(name)
