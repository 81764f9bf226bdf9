"""Which data, which day, which parameters? A study file, read and checked before anything starts.

A study is a YAML file in ``studies/``. What is wrong in it is refused with its line, what was found and
what is allowed. Secrets never stand in a study: they come from the environment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from crm_utils.engine.settings import Engine
from crm_utils.errors import StudyError, known_names
from crm_utils.experiments import Day, Experiment
from crm_utils.study.calendar import Calendar
from crm_utils.study.decisions import Decision
from crm_utils.study.limits import Quality
from crm_utils.study.zones import zone_name
from crm_utils.tables import AsOf
from crm_utils.tools.yaml_file import explain, line_of, read_yaml

__all__ = ["Goal", "Study", "find_root", "impossible", "new_path", "read_study", "study_names"]

_NAME = re.compile(r"[a-z0-9][a-z0-9_]*")


def _as_of(text: str) -> str:
    if text != "latest":
        try:
            AsOf.parse(text)
        except StudyError as error:
            raise ValueError(str(error)) from None
    return text


#: How a notebook that a study leaves out stands among those that get parameters.
_OFF = {"off": True}


def _marked(notebooks: Any) -> Any:
    """``churn: off`` in the form that parameters have; YAML reads it as False."""
    if not isinstance(notebooks, dict):
        return notebooks
    return {
        name: dict(_OFF) if given is False or given == "off" else given for name, given in notebooks.items()
    }


Scalar = bool | int | float | str
Options = TypeVar("Options", bound=BaseModel)


class Goal(BaseModel):
    """What a study wants to reach: a recorded number that should be at least, or at most, so much.

    Attributes
    ----------
    name
        What people call the goal.
    number
        ``<notebook>.<number>`` as recorded: ``segmentation.repeat_purchase_rate``.
    at_least, at_most
        One of them: the target, in the number's unit; a share from 0 to 1.
    owner
        Who answers for it.
    by
        The day on which it is to be reached.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Annotated[str, StringConstraints(min_length=1)]
    number: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)+$")]
    at_least: Annotated[float, Field(strict=False, allow_inf_nan=False)] | None = None
    at_most: Annotated[float, Field(strict=False, allow_inf_nan=False)] | None = None
    owner: str = ""
    by: Day | None = None

    @model_validator(mode="after")
    def _one_target(self) -> Goal:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("a goal has either at_least or at_most")
        return self

    @property
    def target(self) -> float:
        """The number to reach."""
        return self.at_least if self.at_least is not None else float(self.at_most or 0)

    @property
    def bound(self) -> str:
        """Which side of the target is good."""
        return "at least" if self.at_least is not None else "at most"


class Texts(BaseModel):
    """What a shop knows of the words in its customers' texts.

    Attributes
    ----------
    hide
        Names of people (of those who serve, of customers): no page shows a word that begins with one.
    show
        Words with a capital that are no people: brands, places.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    hide: list[Annotated[str, StringConstraints(min_length=2, strip_whitespace=True)]] = []
    show: list[Annotated[str, StringConstraints(min_length=2, strip_whitespace=True)]] = []


@dataclass(frozen=True)
class Origin:
    """The file that a study was read from, for the lines in its errors; two studies may differ in it."""

    shown: str = field(default="", compare=False)
    node: yaml.Node | None = field(default=None, compare=False)


class Study(BaseModel):
    """One study: what is analysed, from where, and up to which day.

    Attributes
    ----------
    name
        The file's name without ``.yaml``.
    title
        What people call it; heads every page.
    source
        ``kind`` names a reader in ``crm_utils.sources``; the rest are that reader's options, which it checks
        itself when data are loaded.
    timezone, currency
        The shop's clock (IANA name) and the currency of all its amounts (ISO 4217).
    as_of
        The day to look back from, or ``latest``: the last complete day of the data.
    history_starts
        The first day from which the data are complete, so that a panel's start is not mistaken for
        acquisition.
    notebooks
        Parameters for each notebook, by its name; ``off`` leaves it out.
    goals
        What the numbers should reach; the report's first page says whether they do.
    quality
        Limits that stop a load.
    experiments
        Experiments as they were declared before they began.
    calendar
        Holidays and the shop's sales, whose weeks are compared with their like.
    decisions
        What was decided on a finding of the scorecard, by whom, until when.
    texts
        Names that no page may show, and words that are no names.
    engine
        What does the work: DuckDB in each notebook's process, or a Spark.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str
    title: Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
    source: dict[str, Any]
    timezone: Annotated[str, AfterValidator(zone_name)]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    as_of: Annotated[str, AfterValidator(_as_of)] = "latest"
    history_starts: Day
    notebooks: Annotated[dict[str, dict[str, Scalar | list[Scalar]]], BeforeValidator(_marked)] = {}
    goals: list[Goal] = []
    quality: Quality = Quality()
    experiments: list[Experiment] = []
    calendar: Calendar = Calendar()
    decisions: list[Decision] = []
    texts: Texts = Texts()
    engine: Engine = Engine()
    _origin: Origin = PrivateAttr(default=Origin())

    def parameters(self, notebook: str) -> dict[str, Scalar | list[Scalar]]:
        """What the study sets for a notebook; nothing for one that it leaves out."""
        return {} if self.leaves_out(notebook) else self.notebooks.get(notebook, {})

    def leaves_out(self, notebook: str) -> bool:
        """Whether the study says ``off`` of a notebook."""
        return self.notebooks.get(notebook) == _OFF

    @field_validator("experiments")
    @classmethod
    def _each_once(cls, declared: list[Experiment]) -> list[Experiment]:
        ids = [experiment.id for experiment in declared]
        if len(set(ids)) < len(ids):
            raise ValueError(f"an experiment stands twice: {', '.join(ids)}")
        return declared

    @field_validator("goals")
    @classmethod
    def _one_owner(cls, goals: list[Goal]) -> list[Goal]:
        owners: dict[str, str] = {}
        for goal in goals:
            other = owners.setdefault(goal.number, goal.owner)
            if goal.owner and other and other != goal.owner:
                raise ValueError(f"{goal.number} has two owners, {other} and {goal.owner}; name one")
            owners[goal.number] = other or goal.owner
        return goals

    @property
    def kind(self) -> str:
        """The reader of this study's data."""
        return str(self.source["kind"])

    def source_options(self, model: type[Options]) -> Options:
        """The source's own options, as its reader declares them.

        Raises
        ------
        StudyError
            They are not valid; the text names the line and what is allowed.
        """
        try:
            return model.model_validate({key: value for key, value in self.source.items() if key != "kind"})
        except ValidationError as error:
            shown = self._origin.shown or f"study '{self.name}'"
            raise StudyError(
                explain(error, model, node=self._origin.node, shown=shown, at=("source",))
            ) from None


def find_root(start: Path | None = None) -> Path:
    """The project's folder: the nearest parent that holds ``studies/``.

    Raises
    ------
    StudyError
        There is none above ``start`` (the working folder by default).
    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "studies").is_dir():
            return folder
    raise StudyError(
        f"No folder 'studies' in {here} or above it. Change into the project's folder, or make one there."
    )


def study_names(root: Path) -> list[str]:
    """The studies there are, in order of their names."""
    # A study's scenarios stand beside it, as <study>.scenarios.yaml.
    names = (path.stem for path in (root / "studies").glob("*.yaml"))
    return sorted(name for name in names if not name.endswith(".scenarios"))


def new_path(root: Path, name: str) -> Path:
    """Where a new study is to be written.

    Raises
    ------
    StudyError
        The name is none, or there is such a study already.
    """
    if not _NAME.fullmatch(name):
        raise StudyError(f"'{name}' is not a study's name: small letters, digits and _ only.")
    path = root / "studies" / f"{name}.yaml"
    if path.exists():
        raise StudyError(
            f"There is a study '{name}' already. Choose another name, or remove studies/{name}.yaml."
        )
    return path


def read_study(root: Path, name: str, *, path: Path | None = None) -> Study:
    """Read and check one study.

    Parameters
    ----------
    root
        The project's folder.
    name
        The study: a file in ``studies/``, without ``.yaml``.
    path
        The file to read instead: the copy that a run keeps of its study.

    Returns
    -------
    Study

    Raises
    ------
    StudyError
        There is no such study, or its file is not valid; the text names the line and what is allowed.
    """
    if not _NAME.fullmatch(name):
        raise StudyError(f"'{name}' is not a study's name: small letters, digits and _ only.")
    path = path or root / "studies" / f"{name}.yaml"
    if not path.is_file():
        raise StudyError(f"No study '{name}'. {known_names(name, study_names(root), label='There are')}")
    shown = path.relative_to(root) if path.is_relative_to(root) else path.name
    data, node = read_yaml(path, str(shown))
    if "name" in data:
        raise StudyError(f"{shown}: 'name' is not written in a study; it is the file's name.")
    try:
        study = Study(name=name, **data)
    except ValidationError as error:
        raise StudyError(explain(error, Study, node=node, shown=str(shown))) from None
    if "kind" not in study.source:
        raise StudyError(f"{shown}, line {line_of(node, ('source',))}: source has no 'kind'. Name a reader.")
    study._origin = Origin(str(shown), node)
    for notebook in study.notebooks:
        for parameter, value in study.parameters(notebook).items():
            if wrong := impossible(parameter, value):
                line = line_of(node, ("notebooks", notebook, parameter))
                raise StudyError(f"{shown}, line {line}: notebooks.{notebook}.{parameter} {wrong}.")
    return study


def impossible(parameter: str, value: Any) -> str:
    """What is wrong with a number by its parameter's name alone; empty where nothing is."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return ""
    if parameter.endswith(("_share", "_rate")) and not 0 <= value <= 1:
        return f"is a share, from 0 to 1, not {value:g}"
    if parameter.endswith(("_cost", "_days", "budget")) and value < 0:
        return f"cannot be less than 0, as {value:g} is"
    return ""
