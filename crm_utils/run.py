"""What does a notebook open? The tables as they were known on a day, and a place for its results.

Started by the pipeline, a run writes to that run's folder. Opened by hand (JupyterLab, bare papermill) it
writes to a draft, loads the data itself when none are loaded, and never touches a published report.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import ibis.backends.duckdb
import ibis.expr.types as ir
import pandas as pd

import __main__
from crm_utils import loading, snapshots, tables, wording
from crm_utils.engine_text import read_parquet
from crm_utils.errors import DataError, RunError, StudyError, known_names
from crm_utils.results import exact, show, write_results, write_table
from crm_utils.snapshots import Snapshot
from crm_utils.study import Study, find_root, read_study
from crm_utils.tables import TABLES, AsOf

__all__ = ["Run", "View", "open_run"]

#: Relative: a Wilson interval of 0 out of n begins at some 1e-17, not at 0.
ROUNDING = 1e-12
_RESULT, _TABLE = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*"), re.compile(r"[a-z][a-z0-9_]*")


def open_run(notebook: str, *, study: str, as_of: str = "") -> Run:
    """Open a study's data as they were known on a day, for one notebook.

    Parameters
    ----------
    notebook
        The notebook's name: its file's name without number and ending.
    study
        A file in ``studies/``, without ``.yaml``.
    as_of
        ``YYYY-MM-DD`` (that day's end), ``latest``, or empty for the study's own day.

    Returns
    -------
    Run

    Raises
    ------
    StudyError
        There is no such study, its file is not valid, or the data cannot answer for that day.
    DataError
        The data cannot be loaded.
    """
    given = os.environ.get("CRM_RUN")
    if given:
        return _open_in_pipeline(Path(given), notebook, study)
    root = find_root()
    chosen = read_study(root, study)
    snapshot = snapshots.current(root, study)
    if (
        snapshot is None
        or snapshot.manifest["options"] != chosen.source
        or snapshot.manifest["zone"] != chosen.timezone
    ):
        snapshot, _ = loading.load(root, chosen)
    moment = snapshot.as_of(as_of or chosen.as_of, chosen)
    folder = root / "reports" / study / ".draft" / str(moment)
    run = Run(notebook, chosen, snapshot, moment, folder)
    shown = folder.relative_to(root).as_posix()
    run.say(f"Opened by hand: {chosen.title} as of {moment}. Results go to the draft in {shown}.")
    for name, value in chosen.notebooks.get(notebook, {}).items():
        here = getattr(__main__, name, value)
        if here != value:
            run.say(f"The study sets {name} = {value!r}; this notebook goes on with {name} = {here!r}.")
    return run


def _open_in_pipeline(folder: Path, notebook: str, study: str) -> Run:
    if os.environ.get("CRM_PYTHON", sys.executable) != sys.executable:
        raise RunError(
            f"This kernel runs {sys.executable}, but the run was started with {os.environ['CRM_PYTHON']}. "
            "Remove the Jupyter kernel 'python3' that stands in the way: jupyter kernelspec list."
        )
    manifest = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    if study != manifest["study"]:
        raise StudyError(f"This run is of '{manifest['study']}', not of '{study}'.")
    root = Path(os.environ["CRM_ROOT"])
    chosen = read_study(root, study, path=folder / "study.yaml")
    snapshot = snapshots.find(root, study, manifest["snapshot"]["id"])
    return Run(notebook, chosen, snapshot, snapshot.as_of(manifest["as_of"], chosen), folder)


class View:
    """The tables of a snapshot as they were known at one moment."""

    def __init__(
        self, con: ibis.backends.duckdb.Backend, study: Study, snapshot: Snapshot, as_of: AsOf
    ) -> None:
        self.con, self.study, self.snapshot, self.as_of = con, study, snapshot, as_of

    def table(self, name: str, *, required: bool = True) -> Any:
        """A canonical table or ``orders``, cut at this moment: no later row, no later value.

        Parameters
        ----------
        name
            One of ``tables.TABLES``, or ``orders``.
        required
            False: None instead of an error where the study has no such table.

        Returns
        -------
        ibis Table or None

        Raises
        ------
        DataError
            The study has no such table.
        """
        if name == "orders":
            return tables.orders(self.table("order_lines"))
        if name not in self.snapshot.tables:
            if not required:
                return None
            what = "has no table" if name in TABLES else "cannot have a table"
            known = known_names(name, [*self.snapshot.tables, "orders"])
            raise DataError(f"Study '{self.study.name}' {what} '{name}'. {known}")
        return tables.cut(read_parquet(self.con, self.snapshot.path(name)), TABLES[name], self.as_of)


class Run:
    """One notebook's run: ``table`` and ``load`` bring data in; ``save``, ``record``, ``finding`` out."""

    def __init__(self, notebook: str, study: Study, snapshot: Snapshot, as_of: AsOf, folder: Path) -> None:
        self.notebook, self.study, self.snapshot, self.as_of, self.folder = (
            notebook,
            study,
            snapshot,
            as_of,
            folder,
        )
        self.con = snapshots.connect()
        self._view = View(self.con, study, snapshot, as_of)
        self._numbers: dict[str, dict[str, Any]] = {}
        self._findings: list[dict[str, Any]] = []
        self._tables: dict[str, dict[str, Any]] = {}
        self._write()

    def __repr__(self) -> str:
        return f"{self.study.title} as of {self.as_of} (snapshot {self.snapshot.id})"

    def table(self, name: str, *, required: bool = True) -> Any:
        """A canonical table or ``orders`` as known at ``as_of``; see :meth:`View.table`."""
        return self._view.table(name, required=required)

    def at(self, day: str | dt.date) -> View:
        """The tables as they were known at an earlier day, to check with what came next.

        Raises
        ------
        StudyError
            The day lies after this run's ``as_of``, or the data cannot answer for it.
        """
        earlier = self.snapshot.as_of(str(day), self.study)
        if earlier.before > self.as_of.before:
            raise StudyError(f"{earlier} lies after this run's as_of {self.as_of}. Choose an earlier day.")
        return View(self.con, self.study, self.snapshot, earlier)

    def load(self, name: str) -> ir.Table:
        """What an earlier notebook saved: from this run, else from the report of the same day.

        Raises
        ------
        RunError
            Nobody saved it yet; the text says which command does.
        """
        published = self.folder.parents[1] / str(self.as_of)
        for folder in (self.folder, published):
            path = folder / "tables" / f"{name}.parquet"
            if path.is_file():
                return read_parquet(self.con, path)
        raise RunError(
            f"No table '{name}' for {self.study.name} as of {self.as_of} yet. Run the notebook that "
            f"saves it, or all of them: crm run {self.study.name} --as-of {self.as_of}."
        )

    def save(self, name: str, table: Any, *, order_by: list[str] | None = None) -> None:
        """Keep a table for later notebooks and for people: Parquet, and CSV when it is small.

        Parameters
        ----------
        name
            Small letters, digits and _; one name in the whole project.
        table
            Ibis table, pandas DataFrame, Arrow table, or Arrow batches (a RecordBatchReader).
        order_by
            Columns that order the rows of an Ibis table; all columns from the left by default. The others
            keep their order.

        Raises
        ------
        RunError
            The name or the table is of another kind.
        """
        if not _TABLE.fullmatch(name):
            raise RunError(f"'{name}' is no table's name: small letters, digits and _.")
        self._tables[name] = write_table(self.con, self.folder / "tables", name, table, order_by)
        self._write()

    def record(
        self, name: str, value: Any, *, unit: str = "", low: Any = None, high: Any = None, p: Any = None
    ) -> None:
        """Keep a named number, with its interval where it is an estimate.

        Parameters
        ----------
        name
            Small letters, digits, _ and dots: ``segment.champions.customers``.
        value
            A number, a short text (a verdict), a day, or None where it cannot be told.
        unit
            What is counted or measured: ``customers``, ``USD``, ``days``, ``share`` (0 to 1); empty for
            an index.
        low, high
            The ends of its interval.
        p
            The p-value of the test that it is 0, where there was one.

        Raises
        ------
        RunError
            The name is malformed, a number is not finite, or the value lies outside its interval.
        """
        if not _RESULT.fullmatch(name):
            raise RunError(
                f"'{name}' is no result's name: small letters, digits and _, parts joined by dots."
            )
        entry = {"value": exact(name, value), "unit": unit}
        if low is not None or high is not None:
            entry |= {"low": exact(name, low), "high": exact(name, high)}
            _check_interval(name, entry)
        if p is not None:
            entry["p"] = exact(name, p)
        self._numbers[name] = entry
        self._write()

    def finding(self, sentence: str, *, at_stake: float | None = None) -> None:
        """Say what was found: shown here and on the report's first page.

        Parameters
        ----------
        sentence
            Plain text built from results; never Markdown.
        at_stake
            The money involved, in the study's currency, by which the first page orders findings.
        """
        anchor = f"finding-{len(self._findings) + 1}"
        stake = None if at_stake is None else exact("at_stake", at_stake)
        self._findings.append({"text": sentence, "at_stake": stake, "anchor": anchor})
        self._write()
        show(sentence, f'class="finding" id="{anchor}"')

    def say(self, sentence: str) -> None:
        """Show a sentence built from results, here only; plain text, never Markdown."""
        show(sentence, 'class="say"')

    def provenance(self) -> wording.Table:
        """Where these results come from: data, day, versions; the last cell of every notebook."""
        simulated = " (simulated)" if self.snapshot.manifest.get("simulated") else ""
        versions = {name: str(sys.modules[name].__version__) for name in ("duckdb", "ibis", "pandas")}
        rows: dict[str, str] = {
            "study": self.study.title,
            "as of": str(self.as_of),
            "snapshot": f"{self.snapshot.id}, source {self.snapshot.manifest['source']}{simulated}",
            "orders from, to": f"{self.snapshot.manifest['first_day']}, {self.snapshot.manifest['last_day']}",
            "Python": sys.version.split()[0],
        } | versions
        frame = pd.DataFrame({"what": list(rows), "which": list(rows.values())})
        return wording.table(frame, caption="Data and versions behind this page")

    def _write(self) -> None:
        write_results(
            self.folder, self.notebook, str(self.as_of), self._numbers, self._findings, self._tables
        )


def _check_interval(name: str, entry: dict[str, Any]) -> None:
    """See that a value lies in its interval; an end that misses it by rounding alone is put on it."""
    value = entry["value"]
    for end, side in (("low", 1), ("high", -1)):
        missed_by = 0.0 if None in (entry[end], value) else side * (entry[end] - value)
        if missed_by > ROUNDING * max(1.0, abs(value or 0)):
            raise RunError(f"{name} = {value} lies outside its interval {entry['low']} to {entry['high']}.")
        if missed_by > 0:
            entry[end] = value
