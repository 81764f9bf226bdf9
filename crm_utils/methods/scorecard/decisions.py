"""Did what was decided work? Each decision's number after it was due, beside the weeks before."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t

from crm_utils.features.calendar import Event
from crm_utils.features.statistics import LEVEL
from crm_utils.methods.scorecard.calendar import marks_of
from crm_utils.methods.scorecard.control import LEAST_WEEKS

__all__ = ["LEAST_AFTER", "decision_log"]

LEAST_AFTER = 4
"""Whole weeks after a decision was due, below which nothing is said of its result."""
_COLUMNS = [
    "decided_on", "finding", "action", "owner", "due", "measure", "unit", "expects", "before", "after",
    "change", "low", "high", "weeks", "result",
]  # fmt: skip


def decision_log(
    decisions: Iterable[Any],
    history: pd.DataFrame,
    alerts: pd.DataFrame,
    *,
    as_of: dt.date,
    events: Iterable[Event] = (),
    baseline_weeks: int = 26,
) -> pd.DataFrame:
    """What was decided and what became of it; and findings that nobody has decided on yet.

    Parameters
    ----------
    decisions
        Mappings, or the study's own; each with ``finding``, ``action``, ``owner``, ``decided_on``, ``due``,
        ``number`` (a measure) and ``expects`` (``more`` or ``less``).
    history
        A card's: ``measure``, ``unit``, ``week``, ``value``.
    alerts
        From :func:`alerts_of`: open ones without a decision since they began are listed as ``undecided``.
    as_of, events, baseline_weeks
        The day looked back from; weeks of holidays and sales are on neither side; weeks before.

    Returns
    -------
    pandas.DataFrame
        A row a decision: ``before`` and ``after`` (means a week), ``change`` (a share of before; a difference
        where values are not all above 0) with ``low`` and ``high``, ``weeks`` after it was due, ``result``:
        ``better``, ``worse``, ``open``, ``not_due``, ``too_early``, ``unknown_number``, ``undecided``.

    Notes
    -----
    Two means of weeks, compared with the variation between weeks (Welch would trust four weeks' variance;
    it is pooled), neighbours' correlation mended as in the limits. It says what came after, and not what came
    of it: only a held-out comparison does.
    """
    special = marks_of(events)
    made: list[dict[str, Any]] = [dict(one) for one in decisions]
    rows = []
    for one in made:
        weeks = history[history["measure"] == one["number"]]
        usual = np.array([not special.is_special(week) for week in weeks["week"]], dtype=bool)
        ordinary = weeks[usual].dropna(subset=["value"])
        rows.append({**_named(one), **_judged(one, weeks, ordinary, as_of=as_of, baseline=baseline_weeks)})
    decided = {(one["number"], one["decided_on"]) for one in made}
    for alert in alerts[alerts["state"] != "cleared"].to_dict("records"):
        since = _day(alert["since"])
        if not any(number == alert["measure"] and day >= since for number, day in decided):
            rows.append({"measure": alert["measure"], "unit": alert["unit"], "finding": alert["says"],
                         "decided_on": None, "action": "", "owner": "", "due": None, "expects": "",
                         "after": alert["value"], "weeks": 0, "result": "undecided"})  # fmt: skip
    return pd.DataFrame(rows, columns=_COLUMNS).astype(
        dict.fromkeys(("before", "after", "change", "low", "high"), float) | {"weeks": "int64"}
    )


def _named(one: Mapping[str, Any]) -> dict[str, Any]:
    return {key: one[key] for key in ("decided_on", "finding", "action", "owner", "due", "expects")} | {
        "measure": one["number"]
    }


def _judged(
    one: Mapping[str, Any], weeks: pd.DataFrame, ordinary: pd.DataFrame, *, as_of: dt.date, baseline: int
) -> dict[str, Any]:
    unit = "" if weeks.empty else weeks["unit"].iloc[0]
    empty = {"unit": unit, "weeks": 0}
    if weeks.empty:
        return empty | {"result": "unknown_number"}
    if one["due"] > as_of:
        return empty | {"result": "not_due"}
    ends = ordinary["week"] + dt.timedelta(days=6)
    before = ordinary[ends < one["decided_on"]]["value"].to_numpy(dtype=float)[-baseline:]
    after = ordinary[ordinary["week"] > one["due"]]["value"].to_numpy(dtype=float)
    count = {"unit": unit, "weeks": len(after)}
    if len(after) < LEAST_AFTER or len(before) < LEAST_WEEKS:
        return count | {"result": "too_early"}
    change, low, high = _change(before, after)
    good = {"more": low > 0, "less": high < 0}[one["expects"]]
    bad = {"more": high < 0, "less": low > 0}[one["expects"]]
    return count | {
        "before": before.mean(), "after": after.mean(), "change": change, "low": low, "high": high,
        "result": "better" if good else "worse" if bad else "open",
    }  # fmt: skip


def _change(before: NDArray[np.float64], after: NDArray[np.float64]) -> tuple[float, float, float]:
    logged = bool((before > 0).all() and (after > 0).all())
    x, y = (np.log(before), np.log(after)) if logged else (before, after)
    n, m = len(x), len(y)
    rest = np.concatenate([x - x.mean(), y - y.mean()])
    variance = float((rest**2).sum()) / (n + m - 2)
    rho = float(np.clip((rest[1:] * rest[:-1]).sum() / max((rest**2).sum(), 1e-300), 0.0, 0.9))
    error = math.sqrt(variance * (1 / n + 1 / m) * (1 + rho) / (1 - rho))
    half = float(t.ppf((1 + LEVEL) / 2, n + m - 2)) * error
    ends = [float(y.mean() - x.mean()) + move for move in (0.0, -half, half)]
    middle, low, high = (math.expm1(end) for end in ends) if logged else ends
    return middle, low, high


def _day(value: Any) -> dt.date:
    return dt.date.fromisoformat(str(value)[:10])
