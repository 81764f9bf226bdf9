"""What would a run do? A request, checked against the study, the notebooks and the data.

Nothing is written but, perhaps, a new snapshot. Notebooks are ordered by what they save and load.
"""

from __future__ import annotations

import graphlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crm_utils import loading
from crm_utils.engine.reach import refuse_unreachable
from crm_utils.errors import StudyError, known_names
from crm_utils.runner.notebook_file import NotebookFile, read_notebooks
from crm_utils.snapshots import Snapshot
from crm_utils.study import Study, impossible, read_study
from crm_utils.tables import TABLES, AsOf

__all__ = ["Checked", "Plan", "Request", "check_request", "given_parameters", "make_plan"]


@dataclass(frozen=True)
class Request:
    """What somebody asked for: a study, a day, parameters, and how to run.

    Attributes
    ----------
    study, as_of
        As in :func:`crm_utils.open_run`; an empty ``as_of`` is the study's own.
    parameters
        Values for each notebook, over those of the study.
    only
        Names of the notebooks to run; all when empty. Such a run is not published.
    jobs
        Notebooks to run in parallel.
    cell_timeout, run_timeout
        Seconds that one cell and the whole run may take.
    resume
        Take over what an earlier run finished with the same input, code and parameters.
    """

    study: str
    as_of: str = ""
    parameters: dict[str, dict[str, Any]] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    jobs: int = 2
    cell_timeout: int = 900
    run_timeout: int = 7200
    resume: bool = False


@dataclass(frozen=True)
class Plan:
    """A checked request: what will run with which parameters, and what will be skipped and why."""

    request: Request
    study: Study
    snapshot: Snapshot
    as_of: AsOf
    notebooks: tuple[NotebookFile, ...]
    parameters: dict[str, dict[str, Any]]
    skipped: dict[str, str]
    after: dict[str, set[str]]
    later: dict[str, set[str]]


def make_plan(root: Path, request: Request) -> Plan:
    """Check a request against the study, the notebooks and the data; load the data if need be.

    Raises
    ------
    StudyError
        The study, a notebook's name, a parameter or the day is not valid, or the study's engine cannot be
        reached.
    DataError
        The data cannot be loaded.
    """
    checked = check_request(root, request)
    study = checked.study
    refuse_unreachable(study.engine)  # before the data, which may take an hour to load
    snapshot, _ = loading.load(root, study)
    as_of = snapshot.as_of(request.as_of or study.as_of, study)
    chosen = tuple(n for n in checked.notebooks if not request.only or n.name in request.only)
    skipped = checked.skipped(set(snapshot.tables))
    return Plan(
        request, study, snapshot, as_of, chosen, checked.parameters, skipped, checked.after, checked.later
    )


@dataclass(frozen=True)
class Checked:
    """A request whose study, notebooks and parameters are valid, before any data are looked at."""

    study: Study
    notebooks: list[NotebookFile]
    parameters: dict[str, dict[str, Any]]
    order: list[str]
    after: dict[str, set[str]]
    later: dict[str, set[str]]

    def given(self, name: str) -> dict[str, Any]:
        """A notebook's parameters: what the study says, else its own; none where there is no notebook."""
        own = {
            key: one.default for n in self.notebooks if n.name == name for key, one in n.parameters.items()
        }
        return own | self.parameters.get(name, {})

    def skipped(self, tables: set[str]) -> dict[str, str]:
        """The notebooks that cannot run on these tables, and why."""
        by_name = {n.name: n for n in self.notebooks}
        reasons: dict[str, str] = {}
        for name in self.order:
            missing = sorted(by_name[name].needs - tables)
            gone = sorted(self.after[name] & reasons.keys())
            if self.study.leaves_out(name):
                reasons[name] = "left out by the study"
            elif missing:
                reasons[name] = f"needs {', '.join(missing)}, which this study does not have"
            elif gone:
                reasons[name] = f"builds on {', '.join(gone)}, which was skipped"
        return reasons


def check_request(root: Path, request: Request) -> Checked:
    """Check a request against the study and the notebooks; no data are looked at.

    Raises
    ------
    StudyError
        The study, a notebook's name, a parameter or the day is not valid.
    """
    study = read_study(root, request.study)
    notebooks = read_notebooks(root / "notebooks")
    by_name = {notebook.name: notebook for notebook in notebooks}
    measured = [goal.number.partition(".")[0] for goal in study.goals]
    for name in [*study.notebooks, *measured, *request.parameters, *request.only]:
        if name not in by_name:
            raise StudyError(f"No notebook '{name}'. {known_names(name, by_name, label='There are')}")
    parameters = {
        name: notebook.check_parameters(study.parameters(name) | request.parameters.get(name, {}))
        for name, notebook in by_name.items()
    }
    for name, given in request.parameters.items():  # the study's own were checked as it was read
        for parameter, value in given.items():
            if wrong := impossible(parameter, value):
                raise StudyError(f"--set {name}.{parameter} {wrong}.")
    if request.as_of not in ("", "latest"):
        AsOf.parse(request.as_of)  # a malformed day is refused before data are loaded
    after, later, order = _order(notebooks)
    return Checked(study, notebooks, parameters, order, after, later)


def given_parameters(root: Path, given: list[str]) -> dict[str, dict[str, Any]]:
    """Read NOTEBOOK.NAME=VALUE in the type that the notebook's parameters cell declares.

    Raises
    ------
    StudyError
        It is written in another way, or the value has another type. What there is no parameter for stays
        text: :func:`check_request` says so.
    """
    notebooks = {n.name: n for n in read_notebooks(root / "notebooks")} if given else {}
    values: dict[str, dict[str, Any]] = {}
    for text in given:
        place, equals, value = text.partition("=")
        notebook, dot, name = place.partition(".")
        if not (equals and dot):
            raise StudyError(f"--set {text}: write it as NOTEBOOK.NAME=VALUE, such as segmentation.seed=7.")
        parameter = notebooks[notebook].parameters.get(name) if notebook in notebooks else None
        values.setdefault(notebook, {})[name] = parameter.parse(value) if parameter else value
    return values


def _order(notebooks: list[NotebookFile]) -> tuple[dict[str, set[str]], dict[str, set[str]], list[str]]:
    """Which notebooks each one builds on, which it comes after, and all in an order that keeps to it."""
    makers = {table: notebook.name for notebook in notebooks for table in notebook.makes}
    for notebook in notebooks:
        file = notebook.path.name
        for table in sorted((notebook.needs | notebook.wants) - TABLES.keys()):
            known = known_names(table, [*TABLES, "orders"], label="There are")
            raise StudyError(f"{file} reads '{table}', which is no canonical table. {known}")
        for table in sorted(notebook.uses - makers.keys()):
            raise StudyError(f"{file} loads '{table}', which no notebook saves. {known_names(table, makers)}")
    after = {n.name: {makers[t] for t in n.uses} for n in notebooks}
    # What a notebook may do without can be the work of one that somebody took away.
    later = {n.name: {makers[t] for t in n.uses | n.hopes if t in makers} for n in notebooks}
    try:
        return after, later, list(graphlib.TopologicalSorter(later).static_order())
    except graphlib.CycleError as error:
        raise StudyError(f"Notebooks wait for each other: {' → '.join(error.args[1])}.") from None
