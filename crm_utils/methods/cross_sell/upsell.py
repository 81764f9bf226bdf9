"""Who moves to a dearer version? Observed, with the test that would prove more."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
from statsmodels.stats.proportion import proportion_confint

from crm_utils.engine import keep
from crm_utils.methods.cross_sell.coded import day_number
from crm_utils.methods.cross_sell.sizes import units_an_arm
from crm_utils.tables import orders_sent_back

__all__ = ["price_tiers", "upsell_candidates"]

FEWEST = 30
"""Fewer customers who could move say nothing."""

WINDOWS = 3
"""Of a test's length, at the end of the data, from which its base rate is learnt: customers like today's."""

_FEWEST_PRODUCTS = 4
_CANDIDATES = (
    "subcategory", "price_cheap", "price_dear", "began_cheap", "moved", "low", "high", "still_cheap", "rate",
    "rate_low", "rate_high", "per_arm",
)  # fmt: skip


def price_tiers(
    order_lines: ir.Table, products: ir.Table | None, *, leave_out: Collection[str] = ()
) -> pd.DataFrame:
    """Split the products of each subcategory into a cheaper and a dearer half, by what was paid for one.

    Parameters
    ----------
    order_lines, products
        Canonical tables; without products there are no tiers.
    leave_out
        Names of categories and subcategories that are no product.

    Returns
    -------
    pandas.DataFrame
        ``product_id``, ``subcategory``, ``price`` (amount ÷ quantity over all sales), ``dear`` (above the
        median price of the subcategory's products). Subcategories of fewer than four products, or of one
        price, have no tiers.
    """
    if products is None:
        return pd.DataFrame(columns=["product_id", "subcategory", "price", "dear"])
    sold = order_lines.filter(order_lines.amount > 0, order_lines.quantity > 0)
    sums = sold.group_by("product_id").aggregate(
        amount=sold.amount.sum().cast("decimal(38, 2)"), quantity=sold.quantity.sum().cast("decimal(38, 3)")
    )
    shelf = products.filter(products.subcategory.notnull())
    if leave_out:
        named = shelf.category.fill_null("").notin(sorted(leave_out))
        shelf = shelf.filter(named, shelf.subcategory.notin(sorted(leave_out)))
    shelf = shelf.select("product_id", "subcategory")
    priced = sums.inner_join(shelf, "product_id")
    priced = priced.select(
        "product_id", "subcategory", price=priced.amount.cast("float64") / priced.quantity.cast("float64")
    )
    frame: pd.DataFrame = priced.to_pyarrow().to_pandas().sort_values("product_id", ignore_index=True)
    groups = frame.groupby("subcategory")["price"]
    frame["dear"] = frame["price"] > groups.transform("median")
    several = (groups.transform("size") >= _FEWEST_PRODUCTS) & (
        groups.transform("max") > groups.transform("min")
    )
    return frame[several].reset_index(drop=True)


def upsell_candidates(
    order_lines: ir.Table,
    tiers: pd.DataFrame,
    *,
    as_of: dt.date | None = None,
    horizon_days: int | None = None,
) -> pd.DataFrame:
    """Count, for each subcategory, who began with its cheaper half and bought the dearer one later.

    Parameters
    ----------
    order_lines
        Canonical order lines; guests are left out.
    tiers
        From :func:`price_tiers`.
    as_of, horizon_days
        The last day, and the days that a test would run; without them it would run as long as the data do.

    Returns
    -------
    pandas.DataFrame
        ``subcategory``, ``price_cheap``, ``price_dear`` (median of the products' prices), ``began_cheap``
        (customers whose first day in the subcategory was cheap and who came back to it), ``moved`` (share of
        them that bought dearer on a later day, unasked), ``low``, ``high`` (95 % Wilson), ``still_cheap``
        (customers who never did: those a test is about), ``rate`` (share of such customers who bought dearer
        within ``horizon_days``, unasked), ``rate_low``, ``rate_high`` (95 % Wilson), ``per_arm`` (customers
        an arm that a test of ``horizon_days`` needs to find a rise of ``rate`` by a fifth). By falling
        ``still_cheap``. A rate is missing where nobody was there to move.

    Notes
    -----
    An observed share: it says where dearer versions are taken up, not that an offer would make anybody take
    one. That takes the test.

    ``rate`` is a hazard: of customers who had come back and bought nothing dearer up to a day, those who did
    in the ``horizon_days`` after it, over the last three such windows. A customer moves once, so customers'
    windows count as independent, as in a discrete-time survival model (P. D. Allison, "Discrete-Time Methods
    for the Analysis of Event Histories", Sociological Methodology 13, 1982). The share of a year is many
    times larger, and a test sized by it would find nothing.
    """
    if tiers.empty:
        return pd.DataFrame(columns=[*_CANDIDATES])
    moves = _sums(order_lines, tiers, as_of=as_of, horizon_days=horizon_days)
    prices = tiers.pivot_table(index="subcategory", columns="dear", values="price", aggfunc="median")
    prices = (
        prices.reindex(columns=[False, True]).set_axis(["price_cheap", "price_dear"], axis=1).reset_index()
    )
    moves = prices.merge(moves, on="subcategory")
    moves["moved"] = moves["went"] / moves["began_cheap"]
    moves["low"], moves["high"] = proportion_confint(moves["went"], moves["began_cheap"], method="wilson")
    moves["still_cheap"] = moves["began_cheap"] - moves["went"]
    there = moves["exposed"].where(moves["exposed"] > 0)
    moves["rate"] = moves["stepped"] / there
    ends = proportion_confint(moves["stepped"], there.fillna(1), method="wilson")
    moves["rate_low"], moves["rate_high"] = (end.where(there.notna()) for end in map(pd.Series, ends))
    moves["per_arm"] = units_an_arm(moves["rate"])
    by = ["still_cheap", "subcategory"]
    return moves[[*_CANDIDATES]].sort_values(by, ascending=[False, True], ignore_index=True)


def _sums(
    order_lines: ir.Table, tiers: pd.DataFrame, *, as_of: dt.date | None, horizon_days: int | None
) -> pd.DataFrame:
    """For each subcategory: who began cheap and moved; customers' windows, and those in which they did."""
    # Customers and subcategories by small integers: a window over texts would hold them line by line.
    shelf, names = pd.factorize(tiers["subcategory"])
    coded = {"product_id": tiers["product_id"], "shelf": shelf.astype("int32"), "dear": tiers["dear"]}
    table = ibis.memtable(pa.Table.from_pydict(coded))
    known = order_lines.filter(order_lines.customer_id.notnull())
    customers = known.select("customer_id").distinct()
    customers = keep(customers.mutate(customer=ibis.row_number().cast("int32")))
    bought = known.filter(known.amount > 0, known.quantity > 0)
    bought = bought.anti_join(orders_sent_back(order_lines), "order_id").inner_join(customers, "customer_id")
    day = bought.ordered_at.cast("date").epoch_days().cast("int32")
    lines = bought.select("customer", "product_id", day=day).inner_join(table, "product_id")
    lines = lines.select("customer", "shelf", "dear", "day")
    each = ["customer", "shelf"]
    lines = lines.mutate(first=lines.day.min().over(group_by=each))
    each = lines.group_by(*each, "first").aggregate(
        back_on=lines.day.min(where=lines.day > lines["first"]), dear_on=lines.day.min(where=lines.dear)
    )
    began = each.filter(each.back_on.notnull(), each.dear_on.isnull() | (each.dear_on > each["first"]))
    went = began.dear_on.notnull().cast("int64")
    if as_of is None or horizon_days is None:
        began = began.mutate(exposed=ibis.literal(1, "int64"), stepped=went)
    else:
        # Windows are counted back from the last day; one that a customer enters back, and not yet dearer.
        back = ((day_number(as_of) - began.back_on) // horizon_days).cast("int64")
        moved = ((day_number(as_of) - began.dear_on) // horizon_days).cast("int64")
        first, last = moved.fill_null(0), ibis.least(back, ibis.literal(WINDOWS, "int64"))
        exposed = ibis.greatest(last - first, ibis.literal(0, "int64"))
        began = began.mutate(exposed=exposed, stepped=((went == 1) & (exposed > 0)).cast("int64"))
    sums = began.group_by("shelf").aggregate(
        began_cheap=began.count(), went=began.dear_on.notnull().cast("int64").sum(),
        exposed=began.exposed.sum(), stepped=began.stepped.sum(),
    )  # fmt: skip
    enough: pd.DataFrame = sums.filter(sums.began_cheap >= FEWEST).to_pyarrow().to_pandas()
    return enough.assign(subcategory=names[enough["shelf"]])
