"""Did each scenario work? Everybody who was planned for it, sent or held out, by what they did afterwards.

By intention to treat: whoever was to be written to counts as sent, delivered or not. Those delivered beside
those held out are no fair comparison (whose number is wrong, or whose app is gone, differs), so that is shown
as a warning only. What the message does to those whom it reaches follows from the first: the effect divided
by the share that was reached, by Wald's estimator (Angrist, Imbens and Rubin, *JASA* 91, 1996).
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.stats import norm

from crm_utils.features import is_purchase
from crm_utils.features.statistics import SMALLEST_GROUP, Number, z

__all__ = ["COLUMNS", "ScenarioResults", "judge_scenarios", "scenario_outcomes"]

LEAST_REACHED = 0.05
"""Share reached: below, dividing by it says nothing."""
_EXACT = "decimal(18, 2)"
_COUNTS = ["sent", "held_out", "complete", "complete_held_out", "delivered", "clicked", "horizon_days"]
_RATES = ["rate", "rate_held_out", "buyers", "buyers_low", "buyers_high"]
_MONEY = [
    "effect",
    "low",
    "high",
    "p",
    "reached",
    "reached_low",
    "reached_high",
    "delivered_only",
    "attributed",
]
COLUMNS = ["scenario", "metric", *_COUNTS, *_RATES, *_MONEY, "judged_on", "decision"]
"""Of :attr:`ScenarioResults.table`."""


@dataclass(frozen=True)
class ScenarioResults:
    """What scenarios did, a row each.

    Attributes
    ----------
    table
        ``scenario``; ``metric`` (``contribution``: margin less what messages cost, or ``revenue`` less
        that); ``sent``, ``held_out`` (customers planned), ``complete`` and ``complete_held_out`` of them
        whose horizon is over, ``delivered``, ``clicked`` (of the complete ones sent), ``horizon_days``;
        ``rate`` and
        ``rate_held_out`` (share who bought) with the difference ``buyers``; ``effect`` (money a customer,
        sent less held out) with ``low``, ``high``, ``p``; ``reached`` (the same for those whom it reached)
        with its interval; ``delivered_only`` (money of those delivered less that of those held out: biased);
        ``attributed`` (money of those who clicked or, where no clicks are known, received it, all of it: what
        many tools count); ``judged_on``; ``decision``: ``send``, ``stop``, ``trim`` (more buy, and no gain is
        seen), ``test`` (nothing is shown yet) or ``wait`` (no horizon is over).
    """

    table: pd.DataFrame

    def numbers(self, currency: str) -> list[Number]:
        """What a run records: the effect of each scenario that has one, and how many were shown to work."""
        judged = self.table[self.table["effect"].notna()]
        each = [
            Number(f"scenario.{r['scenario']}.effect", r["effect"], currency, r["low"], r["high"], r["p"])
            for r in judged.to_dict("records")
        ]
        shown = int((judged["decision"] == "send").sum())
        return [*each, Number("scenarios.shown_to_work", shown, "scenarios")] if each else []


def scenario_outcomes(messages: ir.Table, orders: ir.Table, *, horizon_days: int, as_of: dt.date) -> ir.Table:
    """Sum up what customers of each scenario did after it, for those sent and those held out.

    Parameters
    ----------
    messages
        From :func:`crm_utils.features.all_messages`, of scenarios that are judged over this horizon. A
        customer counts once a scenario and quarter, from the first message on, and not at all where both sent
        and held out.
    orders
        ``customer_id``, ``ordered_at``, ``amount``, ``margin`` (of :func:`.outcomes.orders_with_margin`).
    horizon_days
        Days from the message in which orders count.
    as_of
        The last day known: later horizons are counted, and not judged.

    Returns
    -------
    ibis.expr.types.Table
        ``scenario``, ``wave``, ``held_out``, ``customers``, ``last`` (message); of the ``complete`` ones
        ``reached``, ``clicked``, ``buyers`` and exact sums of ``money`` (margin, or amount where no margin is
        known, less cost), its ``squares``, ``of_reached`` and ``of_clicked`` (money, cost not taken off).
    """
    wave = messages.sent_at.year().cast("string") + "Q" + messages.sent_at.quarter().cast("string")
    each = messages.filter(messages.scenario.notnull()).mutate(wave=wave)
    each = each.group_by("scenario", "wave", "customer_id").aggregate(
        sent_at=each.sent_at.min(), arms=each.held_out.nunique(), held_out=each.held_out.max(),
        reached=each.delivered_at.count() > 0, clicked=each.clicked_at.count() > 0,
        cost=each.held_out.ifelse(0, each.cost.fill_null(ibis.literal(0))).sum().cast(_EXACT),
    )  # fmt: skip
    each = each.filter(each.arms == 1)
    own = each.select("scenario", "wave", "sent_at", _customer=each.customer_id)
    near = orders.inner_join(own, orders.customer_id == own._customer)
    near = near.filter(
        near.ordered_at >= near.sent_at, near.ordered_at < near.sent_at + ibis.interval(days=horizon_days)
    )
    earned = ibis.coalesce(near.margin.cast("decimal(38, 5)"), near.amount.cast("decimal(38, 5)"))
    bought = near.group_by(_scenario="scenario", _wave="wave", _who="customer_id").aggregate(
        orders=is_purchase(near).cast("int64").sum(), earned=earned.sum().cast(_EXACT)
    )
    same = [each.scenario == bought._scenario, each.wave == bought._wave, each.customer_id == bought._who]
    rows = each.left_join(bought, same)
    end = dt.datetime.combine(as_of + dt.timedelta(days=1), dt.time()) - dt.timedelta(days=horizon_days)
    rows = rows.mutate(done=rows.sent_at <= end, earned=rows.earned.fill_null(ibis.literal(0)).cast(_EXACT))
    rows = rows.mutate(money=(rows.earned - rows.cost).cast(_EXACT))
    done = rows.done
    square = rows.money.cast("decimal(19, 2)") * rows.money
    return rows.group_by("scenario", "wave", "held_out").aggregate(
        customers=rows.count(), last=rows.sent_at.max(), complete=done.cast("int64").sum(),
        reached=(done & rows.reached).cast("int64").sum(), clicked=(done & rows.clicked).cast("int64").sum(),
        buyers=(done & (rows.orders.fill_null(0) > 0)).cast("int64").sum(),
        money=rows.money.sum(where=done).cast("decimal(38, 2)"),
        squares=square.sum(where=done).cast("decimal(38, 4)"),
        money_reached=rows.money.sum(where=done & rows.reached).cast("decimal(38, 2)"),
        of_reached=rows.earned.sum(where=done & rows.reached).cast("decimal(38, 2)"),
        of_clicked=rows.earned.sum(where=done & rows.clicked).cast("decimal(38, 2)"),
    )  # fmt: skip


def judge_scenarios(
    messages: ir.Table, orders: ir.Table, *, horizons: Mapping[str, int], as_of: dt.date
) -> ScenarioResults:
    """Judge every scenario that holds customers out.

    Parameters
    ----------
    messages, orders, as_of
        As for :func:`scenario_outcomes`.
    horizons
        For each scenario the days in which it is judged.

    Notes
    -----
    Effects are differences of means, quarters weighted by n₁n₀/(n₁ + n₀), because each quarter draws anew.
    """
    priced = orders.aggregate(n=orders.margin.count()).to_pyarrow().to_pylist()[0]["n"]
    metric = "contribution" if priced else "revenue"
    rows = []
    for days in sorted(set(horizons.values())):
        mine = messages.filter(messages.scenario.isin([k for k, v in horizons.items() if v == days]))
        sums = scenario_outcomes(mine, orders, horizon_days=days, as_of=as_of)
        seen = sums.order_by("scenario", "wave", "held_out").to_pyarrow().to_pandas()
        numbers = [c for c in seen.columns if c not in ("scenario", "wave", "held_out", "last")]
        seen[numbers] = seen[numbers].astype(float).fillna(0.0)
        rows += [_row(str(name), part, days) | {"metric": metric} for name, part in seen.groupby("scenario")]
    rows = [row for row in rows if min(row["sent"], row["held_out"]) >= SMALLEST_GROUP]
    frame = pd.DataFrame(rows, columns=COLUMNS).sort_values("scenario", ignore_index=True)
    types = dict.fromkeys(["scenario", "metric", "decision"], "str") | dict.fromkeys(_COUNTS, "int64")
    types |= dict.fromkeys([*_RATES, *_MONEY], "float64")
    return ScenarioResults(frame.astype(types).assign(judged_on=pd.to_datetime(frame["judged_on"])))


def _row(scenario: str, part: pd.DataFrame, days: int) -> dict[str, Any]:
    """One scenario; quarters in which only one group is whole say nothing about the difference."""
    arms = part.set_index(["wave", "held_out"])
    both = part[part.groupby("wave")["held_out"].transform("nunique") == 2]
    waves = sorted(set(both.loc[both["complete"] > 0, "wave"]))
    total = part.groupby("held_out")["customers"].sum()
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    row |= dict.fromkeys(_COUNTS, 0)
    row |= {"scenario": scenario, "horizon_days": days, "sent": int(total.get(False, 0)),
            "held_out": int(total.get(True, 0)), "decision": "wait",
            "judged_on": (part["last"].max() + pd.Timedelta(days=days)).date()}  # fmt: skip
    pairs = [(arms.loc[(w, False)], arms.loc[(w, True)]) for w in waves]
    pairs = [(sent, out) for sent, out in pairs if min(sent["complete"], out["complete"]) >= 2]
    if not pairs:
        return row
    sent, out = (pd.DataFrame([pair[arm] for pair in pairs]) for arm in (0, 1))
    n1, n0 = sent["complete"].to_numpy(float), out["complete"].to_numpy(float)
    row |= {"complete": int(n1.sum()), "complete_held_out": int(n0.sum()),
            "delivered": int(sent["reached"].sum()), "clicked": int(sent["clicked"].sum())}  # fmt: skip
    if min(n1.sum(), n0.sum()) < SMALLEST_GROUP:
        return row
    row |= _judged(sent, out, n1, n0)
    return row | {"decision": _decision(row)}


def _judged(sent: pd.DataFrame, out: pd.DataFrame, n1: Any, n0: Any) -> dict[str, Any]:
    weight = n1 * n0 / (n1 + n0)
    weight = weight / weight.sum()

    def difference(name: str) -> float:
        return float((weight * (sent[name].to_numpy() / n1 - out[name].to_numpy() / n0)).sum())

    def error(c: float) -> float:
        """Standard error of the mean difference of money − c · reached."""
        parts = _variance(sent, n1, c) / n1 + _variance(out, n0, c) / n0
        return math.sqrt(max(0.0, float((weight**2 * parts).sum())))

    p1, p0 = sent["buyers"].to_numpy() / n1, out["buyers"].to_numpy() / n0
    spread = math.sqrt(float((weight**2 * (p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0)).sum()))
    buyers, effect, half = difference("buyers"), difference("money"), z() * error(0.0)
    judged = {
        "rate": float(sent["buyers"].sum() / n1.sum()),
        "rate_held_out": float(out["buyers"].sum() / n0.sum()),
        "buyers": buyers, "buyers_low": buyers - z() * spread, "buyers_high": buyers + z() * spread,
        "effect": effect, "low": effect - half, "high": effect + half,
        "p": float(2 * norm.sf(abs(effect) / (half / z()))) if half else None,
    }  # fmt: skip
    reached = difference("reached")
    if reached >= LEAST_REACHED and sent["reached"].sum() >= SMALLEST_GROUP:
        c = effect / reached
        reach = z() * error(c) / reached
        judged |= {"reached": c, "reached_low": c - reach, "reached_high": c + reach}
        mean = sent["money_reached"].sum() / sent["reached"].sum()
        judged["delivered_only"] = float(mean - out["money"].sum() / n0.sum())
        clicks = sent["clicked"].sum() >= SMALLEST_GROUP
        judged["attributed"] = float(sent["of_clicked" if clicks else "of_reached"].sum())
    return judged


def _variance(arm: pd.DataFrame, n: Any, c: float) -> Any:
    """Of money − c · reached, by wave (n − 1)."""
    money, reached = arm["money"].to_numpy(), arm["reached"].to_numpy()
    squares = arm["squares"].to_numpy() - 2 * c * arm["money_reached"].to_numpy() + c**2 * reached
    return (squares - (money - c * reached) ** 2 / n) / np.maximum(n - 1, 1)


def _decision(row: Mapping[str, Any]) -> str:
    if row["low"] > 0:
        return "send"
    if row["high"] < 0:
        return "stop"
    return "trim" if row["buyers_low"] > 0 else "test"
