"""Are referred customers worth more than others? Against those of the same month and channel.

P. Schmitt, B. Skiera, C. Van den Bulte, Referral programs and customer value, *Journal of Marketing* 75,
2011, hold referred customers against others who came at the same time. So here: against those whose first
purchase was in the same month and on the same channel.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_utils.features import NEW_DAYS, Number, is_purchase
from crm_utils.features.statistics import SMALLEST_GROUP, z
from crm_utils.methods.loyalty.placebo import Estimate

__all__ = ["Referrals", "newcomer_cells", "newcomers", "referral_value"]

Floats = NDArray[np.float64]
_ORIGINS = ["origin", "customers"] + [
    f"{name}{end}" for name in ("margin", "rate", "again") for end in ("", "_low", "_high")
]
_NEVER = Estimate(math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class Referrals:
    """Referred customers against others of the same month and channel.

    Attributes
    ----------
    referred, others
        Customers compared.
    margin
        Margin a customer in the days after the first purchase: of the referred, as a multiple of the others'.
    rate
        Margin a money paid: of the referred less of the others.
    again
        Share who bought a second time in those days, likewise.
    origins
        The same against the others of each origin: ``origin``, ``customers``, and ``margin``, ``rate``,
        ``again`` each with ``_low`` and ``_high``; origins of five customers or more.
    days
        After the first purchase.
    by_margin
        Whether products' own margins were known; else margin is money paid.
    """

    referred: int
    others: int
    margin: Estimate
    rate: Estimate
    again: Estimate
    origins: pd.DataFrame
    days: int
    by_margin: bool

    @property
    def known(self) -> bool:
        """Whether five customers or more could be compared."""
        return self.margin.known

    def numbers(self) -> list[Number]:
        """What is recorded."""
        named = {
            "referred_margin_ratio": (self.margin, "times"),
            "referred_margin_rate": (self.rate, "share"),
            "referred_again": (self.again, "share"),
        }
        return [Number(k, e.value, unit, e.low, e.high) for k, (e, unit) in named.items() if e.known]


def newcomers(
    orders: ir.Table,
    lines: ir.Table,
    referrals: ir.Table,
    *,
    starts: dt.date,
    as_of: dt.date,
    days: int,
    products: ir.Table | None = None,
    customers: ir.Table | None = None,
) -> ir.Table:
    """Customers whose first purchase can be told and is old enough to be judged.

    Parameters
    ----------
    orders, lines, referrals, products, customers
        Canonical tables and the view ``orders``; products and customers where the study has them.
    starts
        The first day of the data. Who joined earlier is left out, and where joining is not known, who
        bought in the first 90 days.
    as_of, days
        The last day known; days after the first purchase that are judged.

    Returns
    -------
    ibis.expr.types.Table
        ``customer_id``, ``month`` and ``channel`` of the first purchase, ``referred`` (1 or 0), ``origin``
        (how they were won; empty where not known), ``margin`` and ``paid`` (cents in those days, returns
        taken off), ``again`` (1 or 0).
    """
    bought = orders.filter(is_purchase(orders), orders.customer_id.notnull())
    ranked = ibis.window(group_by="customer_id", order_by=["ordered_at", "order_id"])
    first = bought.mutate(place=ibis.row_number().over(ranked)).filter(lambda t: t.place == 0)
    first = first.select(
        who="customer_id", first=first.ordered_at.cast("date"), channel=first.channel.fill_null("")
    )
    latest = as_of - dt.timedelta(days=days)
    new = first["first"] >= starts + dt.timedelta(days=NEW_DAYS)
    if customers is not None and "joined_on" in customers.columns:
        joined = customers.select(member="customer_id", joined="joined_on")
        first = first.left_join(joined, first.who == joined.member)
        new = (first.joined >= starts).fill_null(first["first"] >= starts + dt.timedelta(days=NEW_DAYS))
    first = first.filter(new, first["first"] <= latest).select("who", "first", "channel")
    earned = _money(lines, products)
    money = earned.inner_join(first, earned.customer_id == first.who)
    end = money["first"] + ibis.interval(days=days)
    money = money.filter(money.day >= money["first"], money.day <= end)
    sums = money.group_by("customer_id").aggregate(
        margin=(money.margin * 100).sum().round(0).cast("int64"),
        paid=(money.paid * 100).sum().round(0).cast("int64"),
    )
    days_bought = bought.select("customer_id", day=bought.ordered_at.cast("date")).distinct()
    came = days_bought.inner_join(first, days_bought.customer_id == first.who)
    end = came["first"] + ibis.interval(days=days)
    came = came.filter(came.day > came["first"], came.day <= end).select("customer_id").distinct()
    rows = first.left_join(sums, first.who == sums.customer_id).drop("customer_id")
    rows = rows.left_join(came, rows.who == came.customer_id)
    rows = rows.select(
        customer_id="who", month=rows["first"].strftime("%Y-%m"), channel="channel",
        margin=rows.margin.fill_null(0), paid=rows.paid.fill_null(0),
        again=rows.customer_id.notnull().cast("int64"),
    )  # fmt: skip
    return _with_origin(rows, referrals, customers)


def newcomer_cells(rows: ir.Table) -> ir.Table:
    """Sums by month, channel, ``referred`` and origin, and sums of products ``mm``, ``pp``, ``mp``."""
    big = "decimal(38,0)"
    by = ["month", "channel", "referred", "origin"]
    m, p = rows.margin.cast(big), rows.paid.cast(big)
    cells = rows.group_by(by).aggregate(
        customers=rows.count(),
        again=rows.again.sum(),
        **{
            name: each.cast(big).sum().cast(big)
            for name, each in {"margin": m, "paid": p, "mm": m * m, "pp": p * p, "mp": m * p}.items()
        },
    )
    return cells.order_by(by)


def referral_value(cells: pd.DataFrame, *, days: int, by_margin: bool) -> Referrals:
    """Hold referred customers against others of the same month and channel.

    Parameters
    ----------
    cells
        :func:`newcomer_cells`.
    days, by_margin
        As they were counted.

    Notes
    -----
    Others are weighted so that their months and channels are those of the referred (direct standardisation);
    months without both say nothing. Intervals: variances within cells, for ratios by the delta method.
    """
    rows = cells.copy()
    for name in ("margin", "paid"):
        rows[name] = rows[name].astype(float) / 100
    for name in ("mm", "pp", "mp"):
        rows[name] = rows[name].astype(float) / 10_000
    both = _pairs(rows, rows["referred"] == 0)
    if both is None:
        return Referrals(0, 0, _NEVER, _NEVER, _NEVER, pd.DataFrame(columns=_ORIGINS), days, by_margin)
    one, other, _weight = both
    named = []
    for origin in sorted(set(rows.loc[rows["referred"] == 0, "origin"])):
        pair = _pairs(rows, (rows["referred"] == 0) & (rows["origin"] == origin))
        if pair is not None:
            each = [(e.value, e.low, e.high) for e in (_times(*pair), _rates(*pair), _again(*pair))]
            named.append((origin, int(pair[1]["customers"].sum()), *each[0], *each[1], *each[2]))
    return Referrals(
        referred=int(one["customers"].sum()),
        others=int(other["customers"].sum()),
        margin=_times(*both),
        rate=_rates(*both),
        again=_again(*both),
        origins=pd.DataFrame(named, columns=_ORIGINS),
        days=days,
        by_margin=by_margin,
    )


def _money(lines: ir.Table, products: ir.Table | None) -> ir.Table:
    known = lines.filter(lines.customer_id.notnull())
    rows = known.select(
        "customer_id", "product_id", "quantity", day=known.ordered_at.cast("date"), paid=known.amount,
        discount=known.discount.fill_null(0),
    )  # fmt: skip
    if products is None:
        return rows.select("customer_id", "day", "paid", margin=rows.paid)
    goods = products.select(good="product_id", each="unit_margin")
    both = rows.left_join(goods, rows.product_id == goods.good)
    earned = (both.quantity.cast("decimal(19,3)") * both.each).fill_null(0)
    margin = earned.cast("decimal(38,5)") - both.discount
    return both.select("customer_id", "day", "paid", margin=margin)


def _with_origin(rows: ir.Table, referrals: ir.Table, customers: ir.Table | None) -> ir.Table:
    came = referrals.select(friend="customer_id").distinct()
    rows = rows.left_join(came, rows.customer_id == came.friend)
    origin = ibis.literal("")
    if customers is not None and "acquisition_channel" in customers.columns:
        won = customers.select(known="customer_id", origin=customers.acquisition_channel.fill_null(""))
        rows = rows.left_join(won, rows.customer_id == won.known)
        origin = rows.origin.fill_null("")
    columns = ["customer_id", "month", "channel", "margin", "paid", "again"]
    return rows.select(*columns, referred=rows.friend.notnull().cast("int64"), origin=origin)


def _pairs(rows: pd.DataFrame, against: pd.Series[bool]) -> tuple[pd.DataFrame, pd.DataFrame, Floats] | None:
    """Cells of the referred, those of the others of the same month and channel, and what these weigh."""
    by, sums = ["month", "channel"], ["customers", "margin", "paid", "again", "mm", "pp", "mp"]
    one, other = (rows[mask].groupby(by)[sums].sum() for mask in (rows["referred"] == 1, against))
    shared = one.index.intersection(other.index)
    one, other = one.loc[shared].sort_index(), other.loc[shared].sort_index()
    if not len(shared) or min(one["customers"].sum(), other["customers"].sum()) < SMALLEST_GROUP:
        return None
    return one, other, (one["customers"] / other["customers"]).to_numpy()


def _times(one: pd.DataFrame, other: pd.DataFrame, weight: Floats) -> Estimate:
    totals = float(one["margin"].sum()), float(weight @ other["margin"])
    if min(totals) <= 0:
        return _NEVER
    variances = (
        _scatter(one["margin"], one["mm"], one["customers"]).sum(),
        float(weight**2 @ _scatter(other["margin"], other["mm"], other["customers"])),
    )
    error = math.sqrt(sum(v / t**2 for v, t in zip(variances, totals, strict=True)))
    times = totals[0] / totals[1]
    return Estimate(times, times * math.exp(-z() * error), times * math.exp(z() * error))


def _rates(one: pd.DataFrame, other: pd.DataFrame, weight: Floats) -> Estimate:
    rate, variance = [], 0.0
    for cells, w in ((one, np.ones(len(one))), (other, weight)):
        paid = float(w @ cells["paid"])
        if paid <= 0:
            return _NEVER
        r = float(w @ cells["margin"]) / paid
        rest = cells["margin"] - r * cells["paid"]
        squares = cells["mm"] - 2 * r * cells["mp"] + r**2 * cells["pp"]
        variance += float(w**2 @ _scatter(rest, squares, cells["customers"])) / paid**2
        rate.append(r)
    return _around(rate[0] - rate[1], math.sqrt(variance))


def _again(one: pd.DataFrame, other: pd.DataFrame, weight: Floats) -> Estimate:
    n = float(one["customers"].sum())
    shares = float(one["again"].sum()) / n, float(weight @ other["again"]) / n
    variance = sum(
        float(w**2 @ _scatter(cells["again"], cells["again"], cells["customers"])) / n**2
        for cells, w in ((one, np.ones(len(one))), (other, weight))
    )
    return _around(shares[0] - shares[1], math.sqrt(variance))


def _scatter(total: pd.Series[float], squares: pd.Series[float], n: pd.Series[float]) -> Floats:
    """Variance of a cell's sum: n times that of one customer; a cell of one takes the mean square."""
    t, sq, size = (each.to_numpy(dtype=float) for each in (total, squares, n))
    several = np.maximum((sq - t**2 / size) * size / np.maximum(size - 1, 1), 0)
    return np.where(size > 1, several, sq)


def _around(value: float, error: float) -> Estimate:
    return Estimate(value, value - z() * error, value + z() * error)
