"""Did the last actions work? What experiments and held-out customers of a report say, a row each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from crm_utils.errors import StudyError
from crm_utils.features.statistics import SMALLEST_GROUP
from crm_utils.methods.campaign_targeting.model import Scenario
from crm_utils.study.scenarios import read_scenarios
from crm_utils.tools.yaml_file import read_yaml

__all__ = ["SHOWN", "outcomes", "planned"]

#: Experiments, and as many contacts, on the first page; the others stand on the page of their analysis.
SHOWN = 4
_SENT = "contact_list"
_SPENT = {"effect": "spend", "low": "spend_low", "high": "spend_high"}
#: What the analysis decided of an experiment, guardrails and money included; a page never says otherwise.
_VERDICTS = {"ship": "better", "stop": "worse", "go on": "running", "cannot tell": "open", "none": "void"}


def outcomes(folder: Path, results: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each experiment's primary metric, and the latest contacts that left customers out.

    Parameters
    ----------
    folder
        The report's folder.
    results
        What its notebooks recorded; says which notebook saved which table.

    Returns
    -------
    list of dict
        notebook, name, arm, metric, effect, low, high (a customer; None where there is none to tell),
        held_out, judged_on (None where they are not said), and verdict: ``better``, ``worse``, ``open``,
        ``running`` or ``void``.
    """
    makers = _makers(results)
    tests = _rows(folder, makers, "experiment_results", "experiment_id", "metric", "effect", "low", "high")
    campaigns = _rows(
        folder, makers, "campaign_results", "name", "metric", "held_out", "effect", "low", "high"
    )
    contacts = _rows(folder, makers, "contact_effects", "scenario", "held_out", "judged_on", *_SPENT.values())
    declared = _declared(folder)
    titles = {one["id"]: one["title"] for one in declared if one.get("title")}
    tested = [{"notebook": makers["experiment_results"], **row} for row in _tests(tests, titles)][:SHOWN]
    if contacts:
        names = {one.id: one.title for one in _scenarios(folder)}
        names |= {row["campaign_id"]: row["name"] for row in campaigns if row.get("campaign_id")}
        # What an experiment sent is told with the experiment: one action is no two rows.
        sent = (
            {one for plan in declared for one in (plan.get("campaigns") or {}).values()} if tested else set()
        )
        own = [row for row in contacts if row["scenario"] not in sent]
        contacted = _contacts(own, names)
        return tested + [{"notebook": makers["contact_effects"], **row} for row in contacted][:SHOWN]
    return tested + [{"notebook": makers["campaign_results"], **row} for row in _campaigns(campaigns)][:SHOWN]


def planned(folder: Path, results: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What is sent with this report and leaves customers out: the scenarios with most of them.

    Parameters
    ----------
    folder, results
        As for :func:`outcomes`.

    Returns
    -------
    list of dict
        name, held_out, and horizon_days: the days after which the scenario is judged. Empty where
        the day's list is not to be sent.
    """
    makers = _makers(results)
    actions = results.get(makers.get("exclusions", ""), {}).get("actions", [])
    if not any(action["list"] == _SENT for action in actions):
        return []
    rows = _rows(folder, makers, "exclusions", "scenario", "held_out", "to_send")
    known = {one.id: one for one in _scenarios(folder)}
    out = [row for row in rows if row["held_out"] >= SMALLEST_GROUP and row["scenario"] in known]
    return [
        {
            "name": known[row["scenario"]].title,
            "held_out": row["held_out"],
            "horizon_days": known[row["scenario"]].outcome.horizon_days,
        }
        for row in sorted(out, key=lambda row: row["held_out"], reverse=True)[:SHOWN]
    ]


def _makers(results: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Which notebook saved which table."""
    return {table: notebook for notebook, r in results.items() for table in r.get("tables", {})}


def _rows(folder: Path, makers: Mapping[str, str], table: str, *needed: str) -> list[dict[str, Any]]:
    """A table that this run saved, with the columns needed; else empty."""
    path = folder / "tables" / f"{table}.parquet"
    if table not in makers or not path.is_file():
        return []
    saved = pq.read_table(path)
    return saved.to_pylist() if set(saved.column_names) >= set(needed) else []


def _declared(folder: Path) -> list[dict[str, Any]]:
    """The experiments of a run's study."""
    path = folder / "study.yaml"
    return (read_yaml(path, path.name)[0].get("experiments") or []) if path.is_file() else []


def _scenarios(folder: Path) -> tuple[Scenario, ...]:
    """What a run's study sends by itself; none where its copy is of an older form."""
    try:
        return read_scenarios(folder, "", path=folder / "scenarios.yaml")
    except StudyError:
        return ()


def _tests(rows: list[dict[str, Any]], titles: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    primary = [row for row in rows if row.get("role", "primary") == "primary"]
    arms = Counter(row["experiment_id"] for row in primary)
    for row in primary:
        named = str(row.get("title") or titles.get(row["experiment_id"], row["experiment_id"]))
        outcome = _outcome(_as_decided(row), named, verdict=_VERDICTS.get(str(row.get("verdict"))))
        yield (
            outcome
            if arms[row["experiment_id"]] > 1 or named == row["experiment_id"]
            else outcome | {"arm": ""}
        )


def _as_decided(row: dict[str, Any]) -> dict[str, Any]:
    """With the interval that decides, as the experiment's own page shows it, and the control as left out."""
    ends = {end: _number(row.get(f"holds_{end}")) for end in ("low", "high")}
    decides = {} if None in ends.values() else ends
    left_out = row.get("control_customers") or 0
    return row | decides | {"held_out": left_out if left_out >= SMALLEST_GROUP else None}


def _contacts(rows: list[dict[str, Any]], names: Mapping[Any, str]) -> Iterator[dict[str, Any]]:
    """In money a customer, the latest first; the sum over all of them is no action."""
    own = [row for row in rows if row["held_out"] and row["scenario"] != "all" and row["judged_on"]]
    for row in sorted(own, key=lambda row: row["judged_on"], reverse=True):
        spent = {"metric": "spend"} | {key: row[column] for key, column in _SPENT.items()}
        plain = str(row["scenario"]).replace("_", " ")
        yield _outcome(row | spent, str(names.get(row["scenario"]) or plain[:1].upper() + plain[1:]))


def _campaigns(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for row in rows:
        if row["held_out"] and _number(row["effect"]) is not None:  # else its page says why
            yield _outcome(row, str(row["name"]))


def _outcome(row: Mapping[str, Any], name: str, *, verdict: str | None = None) -> dict[str, Any]:
    effect, low, high = (_number(row[key]) for key in ("effect", "low", "high"))
    return {
        "name": name,
        "arm": str(row.get("arm") or ""),
        "metric": str(row["metric"]),
        "effect": effect,
        "low": low,
        "high": high,
        "held_out": row.get("held_out"),
        "judged_on": row.get("judged_on"),
        "verdict": verdict or _verdict(effect, low, high),
    }


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and value == value else None


def _verdict(effect: float | None, low: float | None, high: float | None) -> str:
    if effect is None or low is None or high is None:
        return "void"
    return "better" if low > 0 else "worse" if high < 0 else "open"
