"""Does contacting keep customers? Everybody on a list, sent or held out, by what they did afterwards.

Lists leave out some customers at random; ``messages`` remembers who they were. Those sent are compared with
those held out by intention to treat: whoever was to be written to counts as sent, opened or not. What comes
out is ``share_kept``: of the customers who would have lapsed, the share that a contact keeps. The churn
analysis needs it for its profit.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.stats import norm

from crm_utils.features import is_purchase
from crm_utils.features.statistics import LEVEL, POWER, SMALLEST_GROUP, Number, z

__all__ = ["ALL", "ContactEffects", "contact_outcomes", "judge_contacts"]

ALL = "all"
"""The row of all scenarios together."""

_TEXT, _COUNTS = ["scenario"], ["customers", "held_out"]
_NUMBERS = ["lapsed", "lapsed_held_out", "share_kept", "low", "high", "spend", "spend_low", "spend_high"]
_COLUMNS = [*_TEXT, *_COUNTS, *_NUMBERS, "judged_on", "detectable", "horizon_days"]


@dataclass(frozen=True)
class ContactEffects:
    """What contacts did, a row a scenario, and :data:`ALL` of them where there are several.

    Attributes
    ----------
    table
        ``scenario``, ``customers`` (sent), ``held_out``, ``lapsed``, ``lapsed_held_out`` (shares without an
        order in the horizon), ``share_kept`` with its 95 % interval ``low``, ``high``; ``spend`` (sent less
        held out, money a customer in the horizon) with ``spend_low``, ``spend_high``; ``judged_on`` (the day
        on which the last horizon is over), ``detectable`` (the smallest share kept that so many customers
        find with 80 % power; missing where not even all would be seen), ``horizon_days``. Empty where nobody
        was held out.
    horizon_days
        Days from the message in which orders count.
    """

    table: pd.DataFrame
    horizon_days: int

    @property
    def judged(self) -> pd.DataFrame:
        """Scenarios with a result."""
        return self.table[self.table["share_kept"].notna()]

    def numbers(self, currency: str) -> list[Number]:
        """What a run records of all lists together: ``contact.share_kept`` and ``contact.spend``."""
        numbers = []
        for row in self.judged.tail(1).to_dict("records"):
            name = "contact"
            numbers += [
                Number(f"{name}.share_kept", row["share_kept"], "share", row["low"], row["high"]),
                Number(f"{name}.spend", row["spend"], currency, row["spend_low"], row["spend_high"]),
            ]
        return numbers


def contact_outcomes(messages: ir.Table, orders: ir.Table, *, horizon_days: int, as_of: dt.date) -> ir.Table:
    """Sum up what customers of each list did after it, for those sent and those held out.

    Parameters
    ----------
    messages
        The canonical table. A list is a campaign, or a scenario's quarter where there is no campaign; a
        customer counts once a list, from the first message on, and not at all where both sent and held out.
    orders
        ``customer_id``, ``ordered_at``, ``amount``.
    horizon_days
        Days from the message.
    as_of
        The last day known: later horizons are counted, and not judged.

    Returns
    -------
    ibis.expr.types.Table
        ``scenario``, ``wave``, ``held_out``, ``customers``, ``last`` (message); of the ``complete`` ones
        ``lapsed`` (no order in the horizon), ``spend`` and ``squares`` of it.
    """
    known = messages if "scenario" in messages.columns else messages.mutate(scenario=ibis.null("string"))
    scenario = ibis.coalesce(known.scenario, known.campaign_id)
    quarter = known.sent_at.year().cast("string") + "Q" + known.sent_at.quarter().cast("string")
    each = known.mutate(scenario=scenario, wave=ibis.coalesce(known.campaign_id, quarter))
    each = each.filter(each.scenario.notnull())
    each = each.group_by("scenario", "wave", "customer_id").aggregate(
        sent_at=each.sent_at.min(), arms=each.held_out.nunique(), held_out=each.held_out.max()
    )
    each = each.filter(each.arms == 1)
    own = each.select("scenario", "wave", "sent_at", _customer=each.customer_id)
    near = orders.inner_join(own, orders.customer_id == own._customer)
    near = near.filter(
        near.ordered_at >= near.sent_at, near.ordered_at < near.sent_at + ibis.interval(days=horizon_days)
    )
    bought = near.group_by(_scenario="scenario", _wave="wave", _who="customer_id").aggregate(
        orders=is_purchase(near).cast("int64").sum(), amount=near.amount.sum().cast("decimal(18, 2)")
    )
    same = [each.scenario == bought._scenario, each.wave == bought._wave, each.customer_id == bought._who]
    joined = each.left_join(bought, same)
    end = dt.datetime.combine(as_of + dt.timedelta(days=1), dt.time()) - dt.timedelta(days=horizon_days)
    done = joined.sent_at <= end
    spent = joined.amount.fill_null(ibis.literal(0)).cast("decimal(18, 2)")
    return joined.group_by("scenario", "wave", "held_out").aggregate(
        customers=joined.count(), last=joined.sent_at.max(), complete=done.cast("int64").sum(),
        lapsed=(done & (joined.orders.fill_null(0) == 0)).cast("int64").sum(),
        spend=spent.sum(where=done).cast("decimal(38, 2)"),
        squares=(spent.cast("decimal(19, 2)") * spent).sum(where=done).cast("decimal(38, 4)"),
    )  # fmt: skip


def judge_contacts(
    messages: Any, orders: ir.Table, *, horizon_days: int, as_of: dt.date, usual_lapse: float | None = None
) -> ContactEffects:
    """Judge every scenario that held customers out, and all of them together.

    Parameters
    ----------
    messages
        The canonical table, or None.
    orders, horizon_days, as_of
        As for :func:`contact_outcomes`.
    usual_lapse
        The share of customers who do not buy in a horizon anyway: says what can be detected where no horizon
        is over yet.

    Notes
    -----
    share_kept = 1 − R, R being Mantel's and Haenszel's ratio of the lapse rates over lists, with the variance
    of log R by Greenland and Robins (*Biometrics* 41, 1985). Lists drawn apart make estimates that are
    uncorrelated, although one customer may stand on several.
    """
    nothing = pd.DataFrame(columns=_COLUMNS).astype(dict.fromkeys(_NUMBERS, "float64"))
    if messages is None:
        return ContactEffects(_typed(nothing), horizon_days)
    table = contact_outcomes(messages, orders, horizon_days=horizon_days, as_of=as_of)
    seen = table.order_by("scenario", "wave", "held_out").to_pyarrow().to_pandas()
    number = ["customers", "complete", "lapsed", "spend", "squares"]
    seen[number] = seen[number].astype(float).fillna(0.0)
    both = seen.groupby(["scenario", "wave"])["held_out"].transform("nunique") == 2
    seen = seen[both]
    rows = [_row(name, part, horizon_days, usual_lapse) for name, part in seen.groupby("scenario")]
    if len(rows) > 1:
        rows.append(_row(ALL, seen, horizon_days, usual_lapse))
    rows = [row for row in rows if min(row["customers"], row["held_out"]) >= SMALLEST_GROUP]
    return ContactEffects(
        _typed(pd.DataFrame(rows, columns=_COLUMNS)) if rows else _typed(nothing), horizon_days
    )


def _row(scenario: str, part: pd.DataFrame, horizon_days: int, usual: float | None) -> dict[str, Any]:
    arms = part.set_index(["scenario", "wave", "held_out"])[
        ["customers", "complete", "lapsed", "spend", "squares"]
    ]
    both: list[Any] = [arms.xs(flag, level="held_out") for flag in (True, False)]
    out, sent = both
    last = part["last"].max() + pd.Timedelta(days=horizon_days)
    row: dict[str, Any] = dict.fromkeys(_COLUMNS)
    row |= {"scenario": scenario, "customers": int(sent["customers"].sum()),
            "held_out": int(out["customers"].sum()), "judged_on": last.date(),
            "horizon_days": horizon_days}  # fmt: skip
    done = (out["complete"] > 0) & (sent["complete"] > 0)
    n0, n1 = out.loc[done, "complete"], sent.loc[done, "complete"]
    base = usual
    if min(n0.sum(), n1.sum()) >= SMALLEST_GROUP:
        base = float(out.loc[done, "lapsed"].sum() / n0.sum())
        row |= {"lapsed": float(sent.loc[done, "lapsed"].sum() / n1.sum()), "lapsed_held_out": base}
        row |= _kept(sent.loc[done, "lapsed"], n1, out.loc[done, "lapsed"], n0)
        row |= _spend(sent.loc[done], out.loc[done])
    row["detectable"] = _detectable(base, row["customers"], row["held_out"])
    return row


def _kept(
    a: pd.Series[float], n1: pd.Series[float], b: pd.Series[float], n0: pd.Series[float]
) -> dict[str, Any]:
    """1 − the ratio of lapse rates over lists, with its interval; half a customer where nobody lapsed."""
    if not b.sum():
        return {}
    if not a.sum():
        a, b, n1, n0 = a + 0.5, b + 0.5, n1 + 1, n0 + 1
    n = n1 + n0
    r, s = float((a * n0 / n).sum()), float((b * n1 / n).sum())
    variance = float(((a + b) * n1 * n0 / n**2 - a * b / n).sum()) / (r * s)
    ratio, reach = r / s, z() * math.sqrt(max(variance, 0.0))
    return {
        "share_kept": 1 - ratio, "low": 1 - ratio * math.exp(reach), "high": 1 - ratio * math.exp(-reach)
    }  # fmt: skip


def _spend(sent: pd.DataFrame, out: pd.DataFrame) -> dict[str, Any]:
    """Spend of those sent less that of those held out, lists weighted by their size."""
    means: list[Any] = []
    errors: list[Any] = []
    for arm in (sent, out):
        n = arm["complete"]
        means.append(arm["spend"] / n)
        errors.append((arm["squares"] - arm["spend"] ** 2 / n) / np.maximum(n - 1, 1) / n)
    weight = sent["complete"] * out["complete"] / (sent["complete"] + out["complete"])
    weight = weight / weight.sum()
    effect = float((weight * (means[0] - means[1])).sum())
    half = z() * math.sqrt(max(0.0, float((weight**2 * (errors[0] + errors[1])).sum())))
    return {"spend": effect, "spend_low": effect - half, "spend_high": effect + half}


def _detectable(base: float | None, sent: int, out: int) -> float | None:
    """The smallest share kept that is found with :data:`~crm_utils.features.statistics.POWER`."""
    if base is None or not 0 < base <= 1 or not min(sent, out):
        return None
    spread = math.sqrt(max(base * (1 - base), 1e-9) * (1 / sent + 1 / out))
    share = (z(LEVEL) + float(norm.ppf(POWER))) * spread / base
    return share if share < 1 else None


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    numbers = dict.fromkeys([*_NUMBERS, "detectable"], "float64")
    counts = dict.fromkeys([*_COUNTS, "horizon_days"], "int64")
    return frame.astype(numbers | counts | {"scenario": "str"}).assign(
        judged_on=pd.to_datetime(frame["judged_on"])
    )
