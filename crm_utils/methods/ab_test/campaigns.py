"""Did past campaigns work? By their held-out share where there is one; else only after a passed placebo.

Where nobody was held out, those targeted differ from the others before the campaign. The difference of
changes (difference-in-differences) is an estimate only if both groups would have changed alike; the placebo
asks whether they did so *before* the campaign, when there was nothing to find. If not, no estimate is shown.
A placebo that finds nothing has not passed either: it may have been too small to find what is there. So an
estimate's interval is widened by as much as the placebo's interval leaves possible (as Rambachan and Roth,
*A more credible approach to parallel trends*, Review of Economic Studies 90, 2023, bound what comes after by
what was before).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.stats import t
from statsmodels.stats.meta_analysis import combine_effects

from crm_utils.experiments import Metric
from crm_utils.features import is_purchase
from crm_utils.features.statistics import LEVEL, SMALLEST_GROUP, z
from crm_utils.methods.ab_test.effects import adjust, compare
from crm_utils.methods.ab_test.moments import Sums, exact_product

__all__ = ["ESTIMATED", "Pooled", "campaign_changes", "held_out_effects", "placebo_table", "pool"]

ESTIMATED = "estimated"
"""The ``status`` of a campaign with an estimate. Others say why there is none: ``no_past`` (data begin too
late for a span before and one for the placebo), ``too_few`` (of those who were there two spans before, or no
day of its end), ``not_passed`` (its span), ``placebo_failed``, ``too_different`` and ``failed_both``."""

DIFFERENT = 0.25
"""Standard deviations (of those not targeted) between groups before, from which adjusting misleads.

The rule of thumb of Imbens and Rubin (2015), who divide by the mean of both groups' variances.
"""


@dataclass(frozen=True)
class Pooled:
    """What all campaigns together say.

    Attributes
    ----------
    effect, low, high
        Mean over campaigns (random effects), in the metric's unit, with its 95 % interval.
    campaigns
        How many are in it.
    i_squared
        Share of the estimates' spread that is not chance: how much campaigns differ.
    """

    effect: float
    low: float
    high: float
    campaigns: int
    i_squared: float


def held_out_effects(
    sums: Mapping[tuple[Any, ...], Sums], metrics: Sequence[Metric], *, alpha: float = 1 - LEVEL
) -> pd.DataFrame:
    """Effect of each campaign on those it was meant for, against those held out at random.

    Parameters
    ----------
    sums
        By (campaign, arm), arms being ``sent`` and ``held_out``.
    metrics
        Conversions, means and ratios.
    alpha
        1 − the intervals' level.

    Returns
    -------
    pandas.DataFrame
        ``campaign_id``, ``metric``, ``sent``, ``held_out`` (customers), ``effect``, ``low``, ``high``,
        ``error``, ``p``, ``p_adjusted`` (Benjamini-Hochberg over campaigns, within a metric). Campaigns
        with fewer than :data:`~crm_utils.features.statistics.SMALLEST_GROUP` on a side have no row.
    """
    rows = []
    for metric in metrics:
        for campaign in sorted({key[0] for key in sums}):
            out, sent = sums.get((campaign, "held_out")), sums.get((campaign, "sent"))
            if out is None or sent is None or min(out.n, sent.n) < SMALLEST_GROUP:
                continue
            if metric.per and not (out.totals[metric.per] and sent.totals[metric.per]):
                continue
            effect = compare(out, sent, metric, alpha=alpha)
            rows.append({
                "campaign_id": campaign, "metric": metric.name, "sent": sent.n, "held_out": out.n,
                "effect": effect.effect, "low": effect.low, "high": effect.high, "error": effect.error, "p":
                effect.p,
            })  # fmt: skip
    columns = ["campaign_id", "metric", "sent", "held_out", "effect", "low", "high", "error", "p"]
    frame = pd.DataFrame(rows, columns=columns)
    frame["p_adjusted"] = None
    for _, part in frame[frame["p"].notna()].groupby("metric"):
        frame.loc[part.index, "p_adjusted"] = adjust(part["p"].tolist(), how="benjamini_hochberg")
    return frame


def pool(effects: pd.DataFrame) -> Pooled | None:
    """Bring campaigns' effects together (random effects, Paule and Mandel 1982).

    Parameters
    ----------
    effects
        ``effect`` and ``error`` of one metric, a row a campaign; rows without an error are left out.

    Returns
    -------
    Pooled or None
        None without any effect.

    Notes
    -----
    The interval is Hartung's and Knapp's (2001), by t with campaigns − 1 degrees of freedom, and never by a
    smaller error than the weights' own. A normal one holds 90 % instead of 95 where few campaigns differ.

    One customer may be in several campaigns. Where each campaign drew its held-out share on its own, the
    errors of two campaigns' estimates are uncorrelated all the same, because they come from the draws.
    """
    known = effects[effects["error"].fillna(0).astype(float) > 0]
    if known.empty:
        return None
    if len(known) == 1:
        effect, error = float(known["effect"].iloc[0]), float(known["error"].iloc[0])
        return Pooled(effect, effect - z() * error, effect + z() * error, 1, 0.0)
    with np.errstate(divide="ignore"):  # campaigns that agree to the last digit: Q is 0
        combined = combine_effects(
            known["effect"].to_numpy(float),
            known["error"].to_numpy(float) ** 2,
            # Not "dl": statsmodels lets its variance between campaigns become negative.
            method_re="iterated",
        )
    error = max(float(combined.sd_eff_w_re_hksj), float(combined.sd_eff_w_re))
    effect, half = float(combined.mean_effect_re), float(t.ppf((1 + LEVEL) / 2, len(known) - 1)) * error
    return Pooled(effect, effect - half, effect + half, len(known), max(0.0, float(combined.i2)))


def campaign_changes(
    orders: ir.Table, messages: ir.Table, campaigns: ir.Table, *, newcomers: bool = False
) -> ir.Table:
    """Sum, for targeted customers and all others, what they spent around each campaign's start.

    Parameters
    ----------
    orders
        ``customer_id``, ``ordered_at``, ``amount``.
    messages, campaigns
        The canonical tables. A campaign's span is the whole weeks that cover it.
    newcomers
        Also customers who first came within the two spans before the start, or after it. They can only have
        risen, and hardly one of them is targeted: in a shop that grows, honest campaigns fail by them.

    Returns
    -------
    ibis.expr.types.Table
        A row a campaign and group: ``campaign_id``, ``targeted``, ``days`` (span), ``customers``, then exact
        sums over them of ``before`` (the span before the start), ``placebo`` (before − the span before that),
        ``change`` (after − before) and their squares. Who bought nothing adds 0.
    """
    length = campaigns.ends_on.delta(campaigns.starts_on, unit="day").cast("int64") + 1
    spans = campaigns.filter(campaigns.ends_on.notnull()).select(
        "campaign_id", "starts_on", days=((length + 6) // 7 * 7).cast("int64")
    )
    bought = orders.filter(orders.customer_id.notnull())
    daily = bought.group_by("customer_id", day=bought.ordered_at.cast("date")).aggregate(
        amount=bought.amount.sum().cast("decimal(18, 2)"), purchases=is_purchase(bought).cast("int64").sum()
    )
    known = daily.filter(daily.purchases > 0).group_by("customer_id").aggregate(first=ibis._.day.min())
    known = known.cross_join(spans)
    came = known.first.delta(known.starts_on, unit="day").cast("int64")
    known = known if newcomers else known.filter(came < -2 * known.days)
    each = known.left_join(_spent(daily, spans), ["campaign_id", "customer_id"])
    meant = messages.filter(messages.campaign_id.notnull())
    meant = meant.select(_campaign=meant.campaign_id, _customer=meant.customer_id).distinct()
    each = each.left_join(meant, [each.campaign_id == meant._campaign, each.customer_id == meant._customer])
    spent = {name: each[name].fill_null(ibis.literal(0)) for name in ("earlier", "before", "after")}
    each = each.select(
        "campaign_id", "days", before=spent["before"].cast("decimal(18, 2)"),
        targeted=each._customer.notnull(),
        placebo=(spent["before"] - spent["earlier"]).cast("decimal(18, 2)"),
        change=(spent["after"] - spent["before"]).cast("decimal(18, 2)"),
    )  # fmt: skip
    sums: dict[str, Any] = {"customers": each.count()}
    for name in ("before", "placebo", "change"):
        sums[f"{name}_sum"] = each[name].sum().cast("decimal(38, 2)")
        sums[f"{name}_squares"] = exact_product(each[name], each[name]).sum().cast("decimal(38, 4)")
    return each.group_by("campaign_id", "targeted", "days").aggregate(**sums)


def _spent(daily: ir.Table, spans: ir.Table) -> ir.Table:
    """What each customer spent in the three spans around each campaign's start; a row for who spent any."""
    near = daily.cross_join(spans)
    since = near.day.delta(near.starts_on, unit="day").cast("int64")
    near = near.mutate(since=since).filter(since >= -2 * near.days, since < near.days)
    spans_of = {
        "earlier": near.since < -near.days,
        "before": (near.since >= -near.days) & (near.since < 0),
        "after": near.since >= 0,
    }
    return near.group_by("campaign_id", "customer_id").aggregate(
        **{name: near.amount.sum(where=when).cast("decimal(18, 2)") for name, when in spans_of.items()}
    )


def placebo_table(
    changes: pd.DataFrame,
    campaigns: pd.DataFrame,
    *,
    first: Any,
    last: Any,
    alpha: float = 1 - LEVEL,
) -> pd.DataFrame:
    """Judge campaigns without a held-out share, with an estimate only where it may stand.

    Parameters
    ----------
    changes
        :func:`campaign_changes` as a frame.
    campaigns
        ``campaign_id``, ``name``, ``starts_on``, ``targeted`` (customers meant).
    first, last
        First and last day of the data.
    alpha
        Error rate of the placebo, and 1 − the level of intervals.

    Returns
    -------
    pandas.DataFrame
        A row a campaign: ``campaign_id``, ``name``, ``targeted``, ``days``, ``difference`` (of the span
        before, in standard deviations of those not targeted), ``placebo``, ``placebo_low``, ``placebo_high``,
        and ``effect``, ``low``, ``high`` (money a customer and week; widened by the placebo's furthest end)
        or, where they are empty, why in ``status`` (:data:`ESTIMATED`, and others).
    """
    return pd.DataFrame([_judged(changes, row, first, last, alpha) for row in campaigns.to_dict("records")])


def _judged(
    changes: pd.DataFrame, campaign: Mapping[Any, Any], first: Any, last: Any, alpha: float
) -> dict[str, Any]:
    judged: dict[str, Any] = {name: campaign[name] for name in ("campaign_id", "name", "targeted")}
    judged |= dict.fromkeys(
        ["days", "difference", "placebo", "placebo_low", "placebo_high", "effect", "low", "high"]
    )
    own = changes[changes["campaign_id"] == campaign["campaign_id"]].set_index("targeted")
    start = pd.Timestamp(campaign["starts_on"])
    days = judged["days"] = int(own["days"].iloc[0]) if len(own) else None
    if days is not None and start - pd.Timedelta(days=2 * days) < pd.Timestamp(first):
        return judged | {"status": "no_past"}
    if days is None or len(own) < 2 or own["customers"].min() < SMALLEST_GROUP:
        return judged | {"status": "too_few"}
    groups = {at: own.loc[at] for at in (False, True)}
    before = {at: _sums(groups[at], "before").aggregates() for at in groups}
    spread = math.sqrt(before[False].var("amount"))
    judged["difference"] = (
        (before[True].mean("amount") - before[False].mean("amount")) / spread if spread else None
    )
    judged |= dict(
        zip(
            ("placebo", "placebo_low", "placebo_high"),
            _weekly(groups, "placebo", days, alpha),
            strict=True,
        )
    )
    if start + pd.Timedelta(days=days - 1) > pd.Timestamp(last):
        return judged | {"status": "not_passed"}
    failed = judged["placebo_low"] > 0 or judged["placebo_high"] < 0
    apart = judged["difference"] is None or abs(judged["difference"]) > DIFFERENT
    if failed or apart:
        return judged | {"status": "failed_both" if failed and apart else "placebo_failed" if failed else
                       "too_different"}  # fmt: skip
    effect, low, high = _weekly(groups, "change", days, alpha)
    possible = max(abs(judged["placebo_low"]), abs(judged["placebo_high"]))
    return judged | {"effect": effect, "low": low - possible, "high": high + possible, "status": ESTIMATED}


def _sums(row: Any, name: str) -> Sums:
    total, squares = (Fraction(row[f"{name}_{part}"]) for part in ("sum", "squares"))
    return Sums(int(row["customers"]), {"amount": total}, {("amount", "amount"): squares})


def _weekly(groups: Mapping[bool, Any], name: str, days: int, alpha: float) -> tuple[float, ...]:
    """Targeted less others, money a customer and week, with a normal interval."""
    sums = [_sums(groups[at], name) for at in (False, True)]
    one, other = (part.aggregates() for part in sums)
    gap = other.mean("amount") - one.mean("amount")
    error = math.sqrt(one.var("amount") / sums[0].n + other.var("amount") / sums[1].n)
    half = z(1 - alpha) * error
    return tuple(float(v) * 7 / days for v in (gap, gap - half, gap + half))
