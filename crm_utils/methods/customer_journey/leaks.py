"""Where do customers stall, and what could it be worth at most? A bound, never a gain.

A step's rate of one segment is held against the best comparable one, and a week's against the segment's other
weeks. Who is best among several is partly best by luck: the best is chosen on one half of the customers and
measured on the other, both ways, so that luck cancels.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control, norm

from crm_utils.features import is_purchase
from crm_utils.features.statistics import SMALLEST_GROUP, Number, z
from crm_utils.methods.customer_journey.clock import group_of
from crm_utils.methods.customer_journey.funnel import STEPS, entries, wilson
from crm_utils.methods.customer_journey.stages import kind_of

__all__ = ["LEAK_COLUMNS", "SEGMENTS", "Leaks", "leak_counts", "leaks", "order_amount"]

LEAK_COLUMNS = [
    "leak", "segment", "step", "next_step", "starts_on", "ends_on", "entrants", "rate", "other", "gap", "low",
    "high", "compared_with", "orders", "bound", "bound_low", "bound_high", "ended",
]  # fmt: skip
SEGMENTS = ("app", "web", "store")
"""Kinds of touchpoints that are compared; social networks lead to the web."""
_LEAST = 100
"""Entrants from which a segment, or a week, is looked at."""
_FEWEST_WEEKS = 8
_FALSE = 0.05
_ENDED = 3
"""Weeks: a leak whose last week lies further back is over."""


@dataclass(frozen=True)
class Leaks:
    """What leaks there are.

    Attributes
    ----------
    table
        :data:`LEAK_COLUMNS`, the costliest first. ``leak`` is ``standing`` (a segment below the best one all
        the time) or ``sudden`` (weeks below the segment's others); ``bound``: margin of the orders missing if
        the segment did as well, with its interval.
    margin
        Of one order.
    whole
        A row a segment: ``segment``, ``entrants`` (visits at the first step), ``rate`` (of them, that end
        with
        the last), ``low``, ``high``: steps trade off, so a place may leak at one step and not on the whole.
    """

    table: pd.DataFrame
    margin: float
    whole: pd.DataFrame

    @property
    def shown(self) -> pd.DataFrame:
        """The three costliest."""
        return self.table.head(3)

    def numbers(self, currency: str) -> list[Number]:
        """What is recorded."""
        sudden = self.table[self.table["leak"] == "sudden"]
        rows = [Number("leaks", len(self.table), "leaks"), Number("leaks.sudden", len(sudden), "leaks")]
        if len(self.table):
            top = self.table.iloc[0]
            rows.append(Number("leaks.largest", top["bound"], currency, top["bound_low"], top["bound_high"]))
        return rows


def leak_counts(
    visits: ir.Table, steps: Sequence[str] = STEPS, *, since: dt.date, as_of: dt.date
) -> ir.Table:
    """Count visits that got to each step, by kind of touchpoint, week and half of the customers.

    Parameters
    ----------
    visits
        From :func:`.visits.without_robots`.
    steps
        Of a closed funnel.
    since, as_of
        First and last day.

    Returns
    -------
    ibis.expr.types.Table
        ``segment``, ``week`` (0 is the last seven days), ``half`` (0 or 1, by a hash), ``step_1`` …
        (visits), ``persons``.
    """
    day = visits.occurred_at.cast("date")
    seen = visits.filter(day >= ibis.date(str(since)), day <= ibis.date(str(as_of)))
    # A visit that a message brought is no standard for others: who clicks on it wants to buy.
    kind = kind_of(seen)
    seen = seen.mutate(segment=(kind == "social").ifelse("web", kind))
    seen = seen.filter(seen.segment.isin(SEGMENTS))
    each = entries(seen, steps, by="session", within_days=0, group=["segment"])
    half = (group_of(each.person) < "8").cast("int64")
    behind = ibis.date(str(as_of)).epoch_days() - each.entered_at.cast("date").epoch_days()
    each = each.mutate(half=half, week=(behind / 7).floor().cast("int64"))
    names = [f"step_{k}" for k in range(1, len(steps) + 1)]
    return each.group_by("segment", "week", "half").aggregate(
        **{name: each[name].cast("int64").sum() for name in names}, persons=each.person.nunique()
    )


def order_amount(orders: ir.Table, *, since: dt.date, as_of: dt.date) -> float:
    """The mean amount of a purchase between two days; 0 without any."""
    day = orders.ordered_at.cast("date")
    bought = orders.filter(is_purchase(orders), day >= ibis.date(str(since)), day <= ibis.date(str(as_of)))
    sums = bought.aggregate(n=bought.count(), money=bought.amount.sum()).to_pyarrow().to_pylist()[0]
    return float(sums["money"] or 0) / sums["n"] if sums["n"] else 0.0


def leaks(
    counts: pd.DataFrame, steps: Sequence[str] = STEPS, *, as_of: dt.date, margin: float,
    silent: Sequence[dt.date] = (),
) -> Leaks:  # fmt: skip
    """Find standing and sudden leaks.

    Parameters
    ----------
    counts
        From :func:`leak_counts`.
    steps, as_of
        As for it.
    margin
        Of one order, money.
    silent
        Days without events; their weeks are left out.

    Returns
    -------
    Leaks
        Only what chance does not explain: standing ones whose gap's interval is above 0, sudden ones at a
        false
        discovery rate of 5 %.

    Notes
    -----
    orders missing = entrants · gap · the segment's own later rate; bound = that · margin. Weeks are tested
    by a
    binomial whose spread is widened by how much weeks differ beyond chance.
    """
    bad = {(as_of - day).days // 7 for day in silent}
    rows = counts[~counts["week"].isin(bad)]
    every, weekly = [], []
    for k, step in enumerate(steps[:-1]):
        names = [f"step_{k + 1}", f"step_{k + 2}", f"step_{len(steps)}"]
        part = rows.rename(columns=dict(zip(names[:2], ("entrants", "passed"), strict=True)))
        part = part.assign(won=rows[names[2]])
        part = part[["segment", "week", "half", "entrants", "passed", "won", "persons"]]
        every += [row | {"step": step, "next_step": steps[k + 1]} for row in _standing(part, as_of)]
        weekly.append(_scored(part).assign(step=step, next_step=steps[k + 1]))
    frame = pd.DataFrame([*every, *_sudden(pd.concat(weekly), as_of)], columns=["later", *LEAK_COLUMNS])
    whole = _whole(rows, len(steps))
    if not len(frame):
        return Leaks(pd.DataFrame(columns=LEAK_COLUMNS), margin, whole)
    for name, of in (("orders", "gap"), ("bound_low", "low"), ("bound_high", "high")):
        frame[name] = frame["entrants"] * frame[of].clip(lower=0) * frame["later"]
    frame["bound"] = frame["orders"] * margin
    frame[["bound_low", "bound_high"]] *= margin
    frame = frame.sort_values(["bound", "segment", "step"], ascending=[False, True, True], ignore_index=True)
    return Leaks(frame[LEAK_COLUMNS], margin, whole)


def _whole(rows: pd.DataFrame, steps: int) -> pd.DataFrame:
    sums = rows.groupby("segment", as_index=False)[["step_1", f"step_{steps}"]].sum()
    sums = sums[sums["step_1"] >= 2 * _LEAST]
    parts = [
        (row[0], int(row[1]), row[2] / row[1], *wilson(row[2] / row[1], float(row[1])))
        for row in sums.itertuples(index=False, name=None)
    ]
    return pd.DataFrame(parts, columns=["segment", "entrants", "rate", "low", "high"])


def _standing(part: pd.DataFrame, as_of: dt.date) -> list[dict[str, object]]:
    sums = part.groupby(["segment", "half"])[["entrants", "passed", "won"]].sum()
    whole = sums.groupby("segment").sum()
    large = [name for name in whole.index if whole.loc[name, "entrants"] >= 2 * _LEAST]
    large = [
        s
        for s in large
        if all((s, h) in sums.index and sums.loc[(s, h), "entrants"] >= _LEAST for h in (0, 1))
    ]
    rows: list[dict[str, object]] = []
    if len(large) < 2:
        return rows
    rate = {key: row["passed"] / row["entrants"] for key, row in sums.iterrows()}
    for segment in large:
        gaps, variances, best = [], [], []
        for half in (0, 1):
            top = max((s for s in large if s != segment), key=lambda s: (rate[s, half], s))
            other = 1 - half
            gaps.append(rate[top, other] - rate[segment, other])
            variances.append(sum(_var(sums.loc[(s, other)]) for s in (top, segment)))
            best.append(top)
        gap, error = float(np.mean(gaps)), float(np.sqrt(sum(variances))) / 2
        low, high = gap - z() * error, gap + z() * error
        if low <= 0:
            continue
        own = whole.loc[segment]
        share = own["passed"] / own["entrants"]
        first = as_of - dt.timedelta(days=7 * (int(part["week"].max()) + 1) - 1)
        rows.append({
            "leak": "standing", "segment": segment, "starts_on": first, "ends_on": as_of,
            "entrants": int(own["entrants"]), "rate": float(share), "other": float(share + gap), "gap": gap,
            "low": low, "high": high, "compared_with": " / ".join(sorted(set(best))), "ended": False,
            "later": float(own["won"] / own["passed"]) if own["passed"] else 0.0,
        })  # fmt: skip
    return rows


def _scored(part: pd.DataFrame) -> pd.DataFrame:
    """Each week of each segment with the chance of a rate as low, beside the segment's usual one."""
    weeks = part.groupby(["segment", "week"], as_index=False)[["entrants", "passed", "won", "persons"]].sum()
    weeks = weeks[weeks["entrants"] >= _LEAST].reset_index(drop=True)
    scored = [weeks.head(0).assign(p=0.0, spread=0.0)]
    for _segment, own in weeks.groupby("segment"):
        if len(own) < _FEWEST_WEEKS:
            continue
        n, rate = own["entrants"].to_numpy(float), (own["passed"] / own["entrants"]).to_numpy(float)
        level = float(np.median(rate))
        score = (rate - level) / np.sqrt(max(level * (1 - level), 1e-9) / n)
        # Median rather than mean: a leak must not widen the limits that it is judged by.
        spread = max(1.0, float(np.median(np.abs(score))) / float(norm.ppf(0.75)))
        scored.append(own.assign(p=norm.cdf(score / spread), spread=spread))
    return pd.concat(scored, ignore_index=True)


def _sudden(frame: pd.DataFrame, as_of: dt.date) -> list[dict[str, object]]:
    if not len(frame):
        return []
    frame = frame.assign(low_week=false_discovery_control(frame["p"]) < _FALSE)
    rows: list[dict[str, object]] = []
    for (segment, step, following), own in frame.groupby(["segment", "step", "next_step"]):
        own = own.sort_values("week")
        beside = own["low_week"].shift(1, fill_value=False) | own["low_week"].shift(-1, fill_value=False)
        low = own["low_week"] | (beside & (own["p"] < _FALSE))  # a leak's edges are weaker than its middle
        normal, hit = own[~low], own[low]
        other = normal["passed"].sum() / normal["entrants"].sum() if len(normal) else float("nan")
        later = normal["won"].sum() / normal["passed"].sum() if normal["passed"].sum() else 0.0
        runs = (hit["week"].diff().fillna(1) > 1).cumsum()
        for _run, inside in hit.groupby(runs):
            if inside["persons"].sum() < SMALLEST_GROUP:
                continue
            n = float(inside["entrants"].sum())
            rate = float(inside["passed"].sum()) / n
            reach = z() * float(np.sqrt(rate * (1 - rate) / n) * inside["spread"].iloc[0])
            newest, oldest = int(inside["week"].min()), int(inside["week"].max())
            rows.append({
                "leak": "sudden", "segment": segment, "step": step, "next_step": following,
                "starts_on": as_of - dt.timedelta(days=7 * oldest + 6),
                "ends_on": as_of - dt.timedelta(days=7 * newest), "entrants": int(n), "rate": rate,
                "other": float(other), "gap": float(other - rate), "low": float(other - rate - reach),
                "high": float(other - rate + reach), "compared_with": "", "ended": newest > _ENDED,
                "later": float(later),
            })  # fmt: skip
    return rows


def _var(row: pd.Series[float]) -> float:
    rate = row["passed"] / row["entrants"]
    return float(rate * (1 - rate) / row["entrants"])
