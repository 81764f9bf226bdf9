"""Which data, which day, which parameters? A study file, read and checked before anything starts.

A study is a YAML file in ``studies/``. What is wrong in it is refused with its line, what was found and
what is allowed. Secrets never stand in a study: they come from the environment.
"""

from __future__ import annotations

import difflib
import re
import zoneinfo
from collections.abc import Hashable
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from crm_utils.errors import StudyError, known_names
from crm_utils.experiments import Day, Experiment, Guardrail, Metric, Trigger
from crm_utils.tables import AsOf

__all__ = ["Goal", "Study", "find_root", "read_study", "study_names"]

_NAME = re.compile(r"[a-z0-9][a-z0-9_]*")


def _zone(name: str) -> str:
    if name not in zoneinfo.available_timezones():
        near = difflib.get_close_matches(name, zoneinfo.available_timezones(), n=1)
        hint = f"did you mean {near[0]}?" if near else "write one such as Asia/Seoul"
        raise ValueError(f"'{name}' is not a time zone; {hint}")
    return name


def _as_of(text: str) -> str:
    if text != "latest":
        try:
            AsOf.parse(text)
        except StudyError as error:
            raise ValueError(str(error)) from None
    return text


Scalar = bool | int | float | str


class Goal(BaseModel):
    """What a study wants to reach: a recorded number that should be at least, or at most, so much.

    Attributes
    ----------
    name
        What people call the goal.
    number
        ``<notebook>.<number>`` as recorded: ``segmentation.repeat_purchase_rate``.
    at_least, at_most
        One of them: the target, in the number's unit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Annotated[str, StringConstraints(min_length=1)]
    number: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)+$")]
    at_least: Annotated[float, Field(strict=False)] | None = None
    at_most: Annotated[float, Field(strict=False)] | None = None

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


class Study(BaseModel):
    """One study: what is analysed, from where, and up to which day.

    Attributes
    ----------
    name
        The file's name without ``.yaml``.
    title
        What people call it; heads every page.
    source
        ``kind`` names a reader in ``crm_utils.sources``; the rest are that reader's options.
    timezone, currency
        The shop's clock (IANA name) and the currency of all its amounts (ISO 4217).
    as_of
        The day to look back from, or ``latest``: the last complete day of the data.
    history_starts
        The first day from which the data are complete, so that a panel's start is not mistaken for
        acquisition.
    notebooks
        Parameters for each notebook, by its name.
    goals
        What the numbers should reach; the report's first page says whether they do.
    experiments
        Experiments as they were declared before they began.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str
    title: Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
    source: dict[str, Scalar]
    timezone: Annotated[str, AfterValidator(_zone)]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    as_of: Annotated[str, AfterValidator(_as_of)] = "latest"
    history_starts: Day
    notebooks: dict[str, dict[str, Scalar | list[Scalar]]] = {}
    goals: list[Goal] = []
    experiments: list[Experiment] = []

    @field_validator("experiments")
    @classmethod
    def _each_once(cls, declared: list[Experiment]) -> list[Experiment]:
        ids = [experiment.id for experiment in declared]
        if len(set(ids)) < len(ids):
            raise ValueError(f"an experiment stands twice: {', '.join(ids)}")
        return declared

    @property
    def kind(self) -> str:
        """The reader of this study's data."""
        return str(self.source["kind"])


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
    return sorted(path.stem for path in (root / "studies").glob("*.yaml"))


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
    try:
        text = path.read_text(encoding="utf-8")
        data = yaml.load(text, Loader=_Loader)
    except UnicodeDecodeError:
        raise StudyError(f"{shown} is not UTF-8 text. Save it as UTF-8.") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise StudyError(f"{shown}, line {line}: {error.problem or error.context}.") from None
    node = yaml.compose(text, Loader=_Loader)
    if node is None or not isinstance(data, dict):
        raise StudyError(f"{shown} is not a study. Begin with 'title: …'; studies/ has examples.")
    if "name" in data:
        raise StudyError(f"{shown}: 'name' is not written in a study; it is the file's name.")
    try:
        study = Study(name=name, **data)
    except ValidationError as error:
        raise StudyError(_explain(error, node, str(shown))) from None
    if "kind" not in study.source:
        raise StudyError(f"{shown}, line {_line(node, ('source',))}: source has no 'kind'. Name a reader.")
    return study


_TEXT_KEYS = {"tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"}


class _Loader(yaml.SafeLoader):
    """Safe YAML; dates stay text (an impossible one is ours to explain); a key is text and stands once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [k.value for k, _ in node.value]
        for key_node, _ in node.value:
            # no, on and 2017 are False, True and a number to YAML.
            if isinstance(key_node, yaml.ScalarNode) and key_node.tag not in _TEXT_KEYS:
                kind = key_node.tag.rpartition(":")[2]
                raise yaml.MarkedYAMLError(
                    problem=f"YAML reads '{key_node.value}' as {kind}, not as text; put it in quotes",
                    problem_mark=key_node.start_mark,
                )
            if keys.count(key_node.value) > 1:
                last = [k for k, _ in node.value if k.value == key_node.value][-1]
                raise yaml.MarkedYAMLError(
                    problem=f"'{last.value}' stands twice", problem_mark=last.start_mark
                )
        return super().construct_mapping(node, deep=deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _line(node: yaml.Node, loc: tuple[int | str, ...]) -> int:
    """The line (from 1) on which the key or value at ``loc`` stands."""
    line = node.start_mark.line + 1
    for part in loc:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
            continue
        found = (
            [(k, v) for k, v in node.value if k.value == str(part)]
            if isinstance(node, yaml.MappingNode)
            else []
        )
        if not found:
            break
        line, node = found[0][0].start_mark.line + 1, found[0][1]
    return line


def _explain(error: ValidationError, node: yaml.Node, shown: str) -> str:
    # A misspelt key explains the missing one, so it comes first.
    found = sorted(error.errors(include_url=False), key=lambda e: e["type"] != "extra_forbidden")
    first = found[0]
    loc = tuple(first["loc"])
    name = str(loc[-1])
    if first["type"] == "extra_forbidden":
        parents = [_PARTS[part] for part in loc[:-1] if part in _PARTS]
        whole, model = parents[-1] if parents else ("study", Study)
        fields = [f for f in model.model_fields if (whole, f) != ("study", "name")]
        article = "an" if whole == "experiment" else "a"
        what = f"{article} {whole} has no '{name}'. {known_names(name, fields, label='It has')}"
    elif first["type"] == "missing":
        what = f"'{name}' is missing. Add a line '{name}: …'."
    else:
        keys = ".".join(str(part) for part in loc if "[" not in str(part) and part not in _TYPE_NAMES)
        what = f"{keys}: {first['msg'].removeprefix('Value error, ')} (found: {first['input']!r})."
    return f"{shown}, line {_line(node, loc)}: {what}"


#: Pydantic puts the branch of a union into an error's place; people did not write it.
_TYPE_NAMES = {"bool", "int", "float", "str"}

#: What a key of a study holds, for the sentence about a name that it does not have.
_PARTS: dict[int | str, tuple[str, type[BaseModel]]] = {
    "goals": ("goal", Goal),
    "experiments": ("experiment", Experiment),
    "primary": ("metric", Metric),
    "metrics": ("metric", Metric),
    "metric": ("metric", Metric),
    "guardrails": ("guardrail", Guardrail),
    "trigger": ("trigger", Trigger),
}
