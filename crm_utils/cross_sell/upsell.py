"""Who moves to a dearer version, and what goes together? Observed, with the test that would prove more."""

from __future__ import annotations

from collections.abc import Collection

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray
from statsmodels.stats.power import normal_sample_size_one_tail
from statsmodels.stats.proportion import proportion_confint, proportion_effectsize

__all__ = ["bundle_candidates", "price_tiers", "upsell_candidates"]

FEWEST = 30
"""Fewer customers who could move say nothing."""

RISE = 0.2
"""The relative rise that the proposed test should find, with 80 % power at a level of 5 %, two-sided."""

_FEWEST_PRODUCTS = 4
_CANDIDATES = (
    "subcategory", "price_cheap", "price_dear", "began_cheap", "moved", "low", "high", "still_cheap",
    "per_arm",
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


def upsell_candidates(order_lines: ir.Table, tiers: pd.DataFrame) -> pd.DataFrame:
    """Count, for each subcategory, who began with its cheaper half and bought the dearer one later.

    Parameters
    ----------
    order_lines
        Canonical order lines; guests are left out.
    tiers
        From :func:`price_tiers`.

    Returns
    -------
    pandas.DataFrame
        ``subcategory``, ``price_cheap``, ``price_dear`` (median of the products' prices), ``began_cheap``
        (customers whose first day in the subcategory was cheap and who came back to it), ``moved`` (share of
        them that bought dearer on a later day, unasked), ``low``, ``high`` (95 % Wilson), ``still_cheap``
        (customers who never did), ``per_arm`` (customers an arm that a test needs to find a rise of ``moved``
        by a fifth). By falling ``still_cheap``.

    Notes
    -----
    An observed share: it says where dearer versions are taken up, not that an offer would make anybody take
    one. That takes the test.
    """
    if tiers.empty:
        return pd.DataFrame(columns=[*_CANDIDATES])
    columns = ["product_id", "subcategory", "dear"]
    table = ibis.memtable(pa.Table.from_pandas(tiers[columns], preserve_index=False))
    bought = order_lines.filter(
        order_lines.customer_id.notnull(), order_lines.amount > 0, order_lines.quantity > 0
    )
    lines = bought.select("customer_id", "product_id", day=bought.ordered_at.cast("date"))
    lines = lines.inner_join(table, "product_id")
    each = lines.group_by("customer_id", "subcategory").aggregate(
        first=lines.day.min(), last=lines.day.max(), dear_on=lines.day.min(where=lines.dear)
    )
    began = each.filter(each["last"] > each["first"], each.dear_on.isnull() | (each.dear_on > each["first"]))
    sums = began.group_by("subcategory").aggregate(
        began_cheap=began.count(), went=began.dear_on.notnull().cast("int64").sum()
    )
    found = sums.filter(sums.began_cheap >= FEWEST).to_pyarrow().to_pandas()
    prices = tiers.pivot_table(index="subcategory", columns="dear", values="price", aggfunc="median")
    prices = (
        prices.reindex(columns=[False, True]).set_axis(["price_cheap", "price_dear"], axis=1).reset_index()
    )
    found = prices.merge(found, on="subcategory")
    found["moved"] = found["went"] / found["began_cheap"]
    found["low"], found["high"] = proportion_confint(found["went"], found["began_cheap"], method="wilson")
    found["still_cheap"] = found["began_cheap"] - found["went"]
    found["per_arm"] = _per_arm(found["moved"])
    by = ["still_cheap", "subcategory"]
    return found[[*_CANDIDATES]].sort_values(by, ascending=[False, True], ignore_index=True)


def bundle_candidates(rules: pd.DataFrame) -> pd.DataFrame:
    """Pairs that sell together beyond basket size, as a share of baskets more than expected.

    Parameters
    ----------
    rules
        From :func:`crm_utils.cross_sell.directed_rules`.

    Returns
    -------
    pandas.DataFrame
        One row a significant pair, the way with the higher confidence: ``antecedent``, ``consequent``,
        ``confidence``, ``more`` (confidence less what basket size alone brings), ``low``, ``high`` (95 %),
        ``per_arm`` (baskets an arm to find a rise of the confidence by a fifth).
    """
    sure = rules[rules["significant"]].sort_values("confidence", ascending=False, kind="stable")
    pair = [tuple(sorted(ends)) for ends in zip(sure["antecedent"], sure["consequent"], strict=True)]
    sure = sure[~pd.Series(pair, index=sure.index, dtype=object).duplicated()]
    expected = sure["expected_confidence"]
    found = sure[["antecedent", "consequent", "confidence"]].assign(
        more=sure["confidence"] - expected,
        low=expected * (sure["low"] - 1),
        high=expected * (sure["high"] - 1),
        per_arm=_per_arm(sure["confidence"]),
    )
    return found.sort_values("more", ascending=False, ignore_index=True)


def _per_arm(share: ArrayLike) -> NDArray[np.float64]:
    """Units an arm to find a relative rise of a share by a fifth; not known for 0 or where it passes 1."""
    base = np.asarray(share, dtype=float)
    base = np.where((base > 0) & (base * (1 + RISE) < 1), base, np.nan)
    effect = proportion_effectsize(base * (1 + RISE), base)
    # One tail of 2.5 %: a two-sided test of 5 %, whose other tail has no power to speak of.
    units = normal_sample_size_one_tail(effect, power=0.8, alpha=0.025, std_null=np.sqrt(2))
    return np.asarray(np.ceil(units))
