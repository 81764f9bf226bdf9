"""Which messages does a study send by itself, under which rules? ``<study>.scenarios.yaml`` and ``rules/``.

A study without such a file gets the scenarios that orders alone allow, under the rules of the country that
its currency points to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from crm_utils.errors import StudyError, known_names
from crm_utils.methods.campaign_targeting.model import Scenario
from crm_utils.methods.campaign_targeting.rules import Rules
from crm_utils.study import Study
from crm_utils.tools.yaml_file import explain, read_yaml

__all__ = ["Automation", "Scenarios", "lists_taken", "read_automation", "read_responses",
           "read_scenarios"]  # fmt: skip

Model = TypeVar("Model", bound=BaseModel)
_SHIPPED = Path(__file__).with_name("default.scenarios.yaml")
_COUNTRIES = {"KRW": "KR", "USD": "US"}


class Scenarios(BaseModel):
    """The content of a scenarios file.

    Attributes
    ----------
    country
        Whose rules hold: a file in ``rules/``.
    scenarios
        Each with a name of its own.
    providers
        What a provider's form needs beside the list: a sender's number, a profile's name.
    responses
        For each provider the mapping of its result files; read when one is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None
    scenarios: Annotated[list[Scenario], Field(min_length=1)]
    providers: dict[str, dict[str, str]] = Field(default={})
    responses: dict[str, dict[str, Any]] = Field(default={})

    @model_validator(mode="after")
    def _names(self) -> Scenarios:
        names = [scenario.id for scenario in self.scenarios]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two scenarios are named '{name}'")
        return self


@dataclass(frozen=True)
class Automation:
    """What a study sends by itself.

    Attributes
    ----------
    scenarios
        In the order of the file.
    rules
        The country's.
    own
        Whether the study has a file of its own; else these are the shipped ones.
    providers
        What each provider's form needs beside the list.
    """

    scenarios: tuple[Scenario, ...]
    rules: Rules
    own: bool
    providers: dict[str, dict[str, str]] = field(default_factory=dict)

    def scenario(self) -> dict[str, Scenario]:
        """Each by its name."""
        return {one.id: one for one in self.scenarios}


def read_automation(root: Path, study: Study, *, path: Path | None = None) -> Automation:
    """Read a study's scenarios and the rules they are under.

    Parameters
    ----------
    root
        The project's folder.
    study
        Whose.
    path
        The scenarios file to read instead: the copy that a run keeps.

    Raises
    ------
    StudyError
        A file is not valid, or there are no rules for the country.
    """
    given = path or root / "studies" / f"{study.name}.scenarios.yaml"
    own = given.is_file()
    chosen = _scenarios(given, study.name)
    country = chosen.country or _COUNTRIES.get(study.currency, "EU")
    file = root / "rules" / f"{country.lower()}.yaml"
    if not file.is_file():
        there = sorted(p.stem.upper() for p in (root / "rules").glob("*.yaml"))
        raise StudyError(
            f"There are no rules for {country}. {known_names(country, there, label='There are')}"
        )
    rules = _read(file, Rules, f"rules/{file.name}")
    if own:
        _refuse_information_only(chosen.scenarios, rules)
    return Automation(tuple(chosen.scenarios), rules, own, chosen.providers)


def _refuse_information_only(scenarios: list[Scenario], rules: Rules) -> None:
    """Advertising on a channel that carries none would never be sent: said when the file is read."""
    for scenario in scenarios:
        for name in scenario.channels if scenario.kind == "advertising" else ():
            channel = rules.channel(name)
            if channel is not None and channel.kind == "informational":
                raise StudyError(
                    f"{scenario.id} asks for {name}, which is for information only; its class is advertising."
                )


def read_responses(root: Path, study: str) -> tuple[dict[str, dict[str, Any]], yaml.Node | None, str]:
    """How a study reads its providers' result files: sections by provider, for their reader to check.

    Parameters
    ----------
    root, study
        Whose.

    Returns
    -------
    tuple
        The sections, the file's nodes (for the line of an error), and the file's name for people.
    """
    shown = f"studies/{study}.scenarios.yaml"
    path = root / shown
    if not path.is_file():
        return {}, None, shown
    _, node = read_yaml(path, shown)
    return _read(path, Scenarios, shown).responses, node, shown


def read_scenarios(root: Path, study: str, *, path: Path | None = None) -> tuple[Scenario, ...]:
    """What a study sends by itself, without the rules that it is under: to judge what was sent.

    Parameters
    ----------
    root, study
        The project's folder and the study's name.
    path
        The file to read instead: the copy that a run keeps.

    Raises
    ------
    StudyError
        The file is not valid.
    """
    return tuple(_scenarios(path or root / "studies" / f"{study}.scenarios.yaml", study).scenarios)


def lists_taken(root: Path, study: str) -> list[str]:
    """The lists whose customers a study's scenarios contact, so that they are not sent a second time.

    Parameters
    ----------
    root
        The project's folder.
    study
        Its name.

    Raises
    ------
    StudyError
        Its scenarios file is not valid.
    """
    chosen = _scenarios(root / "studies" / f"{study}.scenarios.yaml", study)
    return sorted({s.anchor.list for s in chosen.scenarios if s.anchor.list})


def _scenarios(given: Path, study: str) -> Scenarios:
    """A study's own scenarios where it has some, else the shipped ones."""
    if given.is_file():
        return _read(given, Scenarios, f"studies/{study}.scenarios.yaml")
    return _read(_SHIPPED, Scenarios, _SHIPPED.name)


def _read(path: Path, model: type[Model], shown: str) -> Model:
    data, node = read_yaml(path, shown)
    try:
        return model(**data)
    except ValidationError as error:
        raise StudyError(explain(error, model, node=node, shown=shown)) from None
