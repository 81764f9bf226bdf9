"""What does a notebook bring out? Tables, numbers, actions, warnings and findings, in its run's folder."""

from __future__ import annotations

import datetime as dt
import functools
import json
import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import ibis.expr.types as ir
import pandas as pd

from crm_utils import engine, wording
from crm_utils.errors import RunError, StudyError, known_names
from crm_utils.features import Cannot, Number, ShopFacts, shop_facts
from crm_utils.methods.campaign_targeting.model import Scenario
from crm_utils.people import responses
from crm_utils.run.drill import members
from crm_utils.run.results import exact, show, write_results, write_table
from crm_utils.run.shared import shared_facts
from crm_utils.run.stopping import CannotSay
from crm_utils.run.view import View
from crm_utils.sentences import cannot as words
from crm_utils.sentences.actions import action_sentence
from crm_utils.snapshots import Snapshot
from crm_utils.study import Study, find_root
from crm_utils.study.scenarios import Automation, read_automation, read_scenarios
from crm_utils.tables import AsOf
from crm_utils.tools.language import _, ngettext

__all__ = ["Run"]

#: Relative: a Wilson interval of 0 out of n begins at some 1e-17, not at 0.
ROUNDING = 1e-12
_RESULT, _TABLE = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*"), re.compile(r"[a-z][a-z0-9_]*")


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
        self.con = engine.open_engine(study.engine)
        self._view = View(self.con, study, snapshot, as_of, shared=True)
        self._numbers: dict[str, dict[str, Any]] = {}
        self._findings: list[dict[str, Any]] = []
        self._actions: list[dict[str, Any]] = []
        self._warnings: list[dict[str, Any]] = []
        self._sure: list[str] = []
        self._cannot: dict[str, Any] | None = None
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

    @functools.cached_property
    def facts(self) -> ShopFacts:
        """What these data can answer at all: customers, repeat customers, days, products; see ShopFacts."""
        starts = self.study.history_starts
        lines = self.table("order_lines")
        facts = shared_facts(lambda: shop_facts(lines, as_of=self.as_of.day, history_starts=starts))
        return replace(facts, tables=frozenset(self.snapshot.tables))

    def handed_over(self) -> ir.Table:
        """What earlier plans handed over, who was left out, what providers said: see ``people.responses``."""
        root = Path(os.environ.get("CRM_ROOT") or find_root())
        day, end = self.as_of.day, self.as_of.before
        rows = responses.messages(root, self.study.name, before=day, end=end)
        return engine.bring(self.con, rows)

    @functools.cached_property
    def automation(self) -> Automation:
        """The study's scenarios and the rules of its country; see :mod:`crm_utils.study.scenarios`."""
        kept = self.folder / "scenarios.yaml"
        root = Path(os.environ.get("CRM_ROOT") or find_root())
        if not (root / "rules").is_dir():
            self.cannot(Cannot("campaign_targeting.no_rules"))
        return read_automation(root, self.study, path=kept if kept.is_file() else None)

    @property
    def scenarios(self) -> tuple[Scenario, ...]:
        """What the study sends by itself; also where no rules say what may be sent."""
        kept = self.folder / "scenarios.yaml"
        root = Path(os.environ.get("CRM_ROOT") or find_root())
        return read_scenarios(root, self.study.name, path=kept if kept.is_file() else None)

    @property
    def horizons(self) -> dict[str, int]:
        """Days in which each scenario of the study is judged."""
        return {one.id: one.outcome.horizon_days for one in self.scenarios}

    @property
    def titles(self) -> dict[str, str]:
        """What people call each scenario of the study."""
        return {one.id: one.title for one in self.scenarios}

    def load(self, name: str, *, required: bool = True) -> Any:
        """What an earlier notebook saved: from this run, else from the report of the same day.

        Parameters
        ----------
        name
            The table's name.
        required
            False: None instead of an error where nobody saved it, because its notebook could not answer.

        Raises
        ------
        RunError
            Nobody saved it yet; the text says which command does.
        """
        published = self.folder.parents[1] / str(self.as_of)
        for folder in (self.folder, published):
            path = folder / "tables" / f"{name}.parquet"
            if path.is_file():
                return engine.read(self.con, path)
        if not required:
            return None
        raise RunError(
            f"No table '{name}' for {self.study.name} as of {self.as_of} yet. Run the notebook that "
            f"saves it, or all of them: crm run {self.study.name} --as-of {self.as_of}."
        )

    @functools.cached_property
    def last_report(self) -> Path | None:
        """The folder of the newest report of an earlier day; None where there is none."""
        home, written = self.folder.parents[1], self.folder / "run.json"
        if written.is_file():
            last = json.loads(written.read_text(encoding="utf-8")).get("previous")
            return home / last["as_of"] if last else None
        days = sorted(path.parent.name for path in home.glob("[0-9]*/run.json"))
        earlier = [day for day in days if AsOf.parse(day).before < self.as_of.before]
        return home / earlier[-1] if earlier else None

    def earlier(self, name: str) -> pd.DataFrame | None:
        """A small table as the last report saved it; None where there is no such report, or it has none.

        Parameters
        ----------
        name
            The table's name.
        """
        path = self.last_report / "tables" / f"{name}.parquet" if self.last_report else None
        return pd.read_parquet(path) if path and path.is_file() else None

    def vendors(self) -> pd.DataFrame | None:
        """The tools that a study compares, ``<study>.vendors.csv`` beside it; None where it has no such file.

        Raises
        ------
        RunError
            A column is missing, or a weight or score is no number.
        """
        kept = self.folder / "vendors.csv"
        root = Path(os.environ.get("CRM_ROOT") or find_root())
        own = root / "studies" / f"{self.study.name}.vendors.csv"
        path = kept if kept.is_file() else own
        if not path.is_file():
            return None
        rows = pd.read_csv(path)
        missing = [name for name in ("vendor", "criterion", "weight", "score") if name not in rows.columns]
        if missing:
            raise RunError(
                f"{own.name} has no column {', '.join(missing)}. It has: {', '.join(rows.columns)}."
            )
        numbers = rows[["weight", "score"]].apply(pd.to_numeric, errors="coerce")
        if numbers.isna().any(axis=None) or (numbers["weight"] <= 0).any():
            raise RunError(f"{own.name}: every weight is a number above 0, and every score a number.")
        return rows.assign(**{name: numbers[name] for name in numbers})

    def save(
        self,
        name: str,
        table: Any,
        *,
        order_by: list[str] | None = None,
        purpose: str = "",
        columns: Mapping[str, tuple[str, str]] | None = None,
    ) -> None:
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
        purpose
            What the list is for, in a sentence for people.
        columns
            For each column its meaning and its unit.

        Raises
        ------
        RunError
            The name or the table is of another kind, or ``columns`` speaks of one that is not there.
        """
        if not _TABLE.fullmatch(name):
            raise RunError(f"'{name}' is no table's name: small letters, digits and _.")
        written = write_table(self.con, self.folder / "tables", name, table, order_by)
        for column in columns or ():
            if column not in written["columns"]:
                raise RunError(
                    f"'{name}' has no column '{column}'. {known_names(column, written['columns'])}"
                )
        meanings = {column: list(meaning) for column, meaning in (columns or {}).items()}
        self._tables[name] = written | {"purpose": purpose, "meanings": meanings}
        self._write()
        if "CRM_RUN" not in os.environ:  # somebody looks on
            saved = ngettext("Saved {rows} row: {file}", "Saved {rows} rows: {file}", written["rows"])
            path = self.folder.joinpath("tables", f"{name}.parquet")
            self.say(saved.format(rows=wording.count(written["rows"]), file=path))

    def peek(self, table: Any, *, rows: int = 5) -> Any:
        """The first rows of a table, for looking at in JupyterLab; a run in the pipeline shows none.

        A page shows groups, never customers.
        """
        if "CRM_RUN" in os.environ:
            return None
        return table.head(rows).execute() if isinstance(table, ir.Table) else table.head(rows)

    def segment(self, name: str) -> Any:
        """The customers of a segment with what this run's lists know of each; see :func:`drill.members`.

        For looking at in JupyterLab, as ``run.segment("At Risk")``; a run in the pipeline shows none.

        Raises
        ------
        RunError
            There is no such segment, or nobody saved ``segments`` yet.
        """
        return None if "CRM_RUN" in os.environ else members(self.load, name)

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

    def record_all(self, numbers: Iterable[Number]) -> None:
        """Keep many named numbers, as a result's ``numbers()`` gives them; see :meth:`record`."""
        for n in numbers:
            self.record(n.name, n.value, unit=n.unit, low=n.low, high=n.high, p=n.p)

    def cannot(self, why: Cannot | None) -> None:
        """End this notebook here when these data cannot answer its question; go on when ``why`` is None.

        Its page says why, and what would change it; the other notebooks run, and the report is published.

        Raises
        ------
        CannotSay
            There is a reason.
        """
        if why is None:
            return
        reason, remedy = words.reason(why), words.remedy(why)
        self._cannot = {"code": why.code, "reason": reason, "remedy": remedy}
        self._write()
        raise CannotSay(f"{reason} {remedy}")

    def warn(self, sentence: str) -> None:
        """Say what must not be overlooked: shown here, and above everything else on the first page."""
        anchor = f"warning-{len(self._warnings) + 1}"
        self._warnings.append({"text": sentence, "anchor": anchor})
        self._write()
        show(sentence, "warning", anchor=anchor)

    def action(
        self,
        verb: str,
        audience: str,
        *,
        customers: int,
        why: str,
        offer: str = "",
        channel: str = "",
        gain: float | None = None,
        low: float | None = None,
        high: float | None = None,
        horizon_days: int | None = None,
        certainty: Literal["tested", "assumed", "unknown"] = "unknown",
        list: str = "",
        held_out: int = 0,
        avoid: bool = False,
    ) -> None:
        """Say what to do: a card on the report's first page, ordered by the gain.

        Parameters
        ----------
        verb
            What to do, as a command: ``Remind``, ``Win back``, ``Do not discount``.
        audience
            Whom: ``customers who are late for their usual order``.
        customers
            How many will be contacted (those held out are not among them). For nobody there is nothing to do:
            no card.
        why
            A sentence: what speaks for it.
        offer, channel
            What they get and how; empty where the analysis cannot say.
        gain, low, high
            The expected change from acting over ``horizon_days``, net of cost, in the study's currency, with
            its interval; None where no number can be defended. Past revenue is no gain.
        certainty
            ``tested``: by a held-out comparison; ``assumed``: it hangs on a parameter; ``unknown``.
        list
            The saved table that holds them.
        held_out
            Customers left out to see whether it works.
        avoid
            True for what must not be done; shown below the cards.

        Raises
        ------
        RunError
            The list was not saved, the gain lies outside its interval, or it has no horizon.
        """
        if not customers:
            return
        if list and list not in self._tables:
            raise RunError(f"No list '{list}' was saved. {known_names(list, self._tables)}")
        if gain is not None and horizon_days is None:
            raise RunError(f"The gain of '{verb} {audience}' has no horizon: say horizon_days.")
        entry = {"value": gain, "low": low, "high": high}
        _check_interval(f"{verb} {audience}", entry)
        money = {name: None if v is None else exact("gain", v) for name, v in entry.items()}
        anchor = f"action-{len(self._actions) + 1}"
        self._actions.append({
            "verb": verb, "audience": audience, "customers": int(customers), "why": why, "offer": offer,
            "channel": channel, "gain": money["value"], "low": money["low"], "high": money["high"],
            "horizon_days": horizon_days, "certainty": certainty, "list": list, "held_out": int(held_out),
            "avoid": avoid, "anchor": anchor,
        })  # fmt: skip
        self._write()
        show(action_sentence(self._actions[-1], currency=self.study.currency), "action", anchor=anchor)

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
        show(sentence, "finding", anchor=anchor)

    def warn_all(self, sentences: Iterable[str]) -> None:
        """Say each as a warning; see :meth:`warn`."""
        for sentence in sentences:
            self.warn(sentence)

    def say_all(self, sentences: Iterable[str]) -> None:
        """Show each sentence; see :meth:`say`."""
        for sentence in sentences:
            self.say(sentence)

    def sure_all(self, sentences: Iterable[str]) -> None:
        """Say each as a line of "How sure?"; see :meth:`sure`."""
        for sentence in sentences:
            self.sure(sentence)

    def sure(self, sentence: str) -> None:
        """Say how sure the answer is, in a line of "How sure?" at the top of the page: three are enough.

        On what it was tested, how often it was wrong, and which assumption would turn it.
        """
        self._sure.append(sentence)
        self._write()
        show(sentence, "sure")

    def say(self, sentence: str) -> None:
        """Show a sentence built from results, here only; plain text, never Markdown."""
        show(sentence, "say")

    def provenance(self) -> wording.Table:
        """Where these results come from: data, day, versions; the last cell of every notebook."""
        manifest = self.snapshot.manifest
        source = _("{snapshot}, source {source} (simulated)") if manifest.get("simulated") else _(
            "{snapshot}, source {source}"
        )  # fmt: skip
        parts = ["duckdb", *(["pyspark"] if self.study.engine.kind == "spark" else []), "ibis", "pandas"]
        rows: dict[str, str] = {
            _("study"): self.study.title,
            _("as of"): str(self.as_of),
            _("snapshot"): source.format(snapshot=self.snapshot.id, source=manifest["source"]),
            _("orders from, to"): f"{manifest['first_day']}, {manifest['last_day']}",
            "Python": sys.version.split()[0],
        } | {name: str(sys.modules[name].__version__) for name in parts}
        frame = pd.DataFrame({"what": list(rows), "which": list(rows.values())})
        names = {"what": _("what"), "which": _("which")}
        return wording.table(frame, caption=_("Data and versions behind this page"), names=names)

    def _write(self) -> None:
        write_results(
            self.folder,
            self.notebook,
            str(self.as_of),
            numbers=self._numbers,
            findings=self._findings,
            actions=self._actions,
            warnings=self._warnings,
            sure=self._sure,
            cannot=self._cannot,
            tables=self._tables,
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
