"""Do names rank customers better than a count of their latest visits? Both are held against what came next.

The baseline is what anyone could do in a spreadsheet: order customers by their order days of the last eight
weeks. Names are worth their trouble where they beat it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_utils.features import is_purchase, known_orders, purchase_days
from crm_utils.features.statistics import LEVEL, Number

__all__ = ["Ranking", "rank_by_names"]

RECENT_DAYS = 56
FEWEST = 100
"""Customers: with fewer, or with fewer than ten who buy and ten who do not, nothing is compared."""
TOP = 0.2
_RESAMPLES = 200

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Ranking:
    """How well customers are ranked by their segment's name, and by their order days of the last eight weeks.

    Attributes
    ----------
    table
        Two rows, ``by`` = ``names`` and ``order_days``: ``auc`` (the chance that of two customers, one who
        buys next and one who does not, the right one stands higher) and ``top_share`` (the share of the next
        period's revenue from the fifth ranked highest), each with 95 % interval ``_low`` and ``_high``. No
        row where too few customers can be compared.
    auc_gain, top_gain
        Names less order days: estimate, low, high.
    customers
        Who was ranked.
    """

    table: pd.DataFrame
    auc_gain: tuple[float, float, float] | None
    top_gain: tuple[float, float, float] | None
    customers: int

    def numbers(self) -> list[Number]:
        """What a run records of it."""
        auc, top = self.auc_gain or (None,) * 3, self.top_gain or (None,) * 3
        return [
            Number("names.auc_gain", auc[0], "", auc[1], auc[2]),
            Number("names.top_fifth_gain", top[0], "share", top[1], top[2]),
        ]


def rank_by_names(named: ir.Table, orders: ir.Table, *, named_on: dt.date, days: int) -> Ranking:
    """Rank customers by name and by recent order days, and see who buys and spends in the days after.

    Parameters
    ----------
    named
        ``customer_id`` and ``segment`` as of ``named_on``.
    orders
        The view ``orders``, those after ``named_on`` as well.
    named_on
        The day of the names.
    days
        How many days to look ahead.

    Notes
    -----
    Names have no order of their own: they are ranked by what their customers did next, with hindsight, which
    flatters them a little. Equal customers count half. Intervals are from 200 resamples of customers.
    """
    cells = _cells(named, orders, named_on=named_on, days=days)
    customers, bought = int(cells["customers"].sum()), int(cells["bought"].sum())
    if customers < FEWEST or min(bought, customers - bought) < 10 or cells["money"].sum() <= 0:
        return Ranking(pd.DataFrame(columns=["by", "auc", "top_share"]), None, None, customers)
    seen = _measures(cells, cells["weight"].to_numpy())
    rng = np.random.default_rng(0)
    draws = rng.multinomial(customers, cells["weight"].to_numpy() / customers, size=_RESAMPLES)
    again = np.array([_measures(cells, drawn.astype(float)) for drawn in draws])
    ends = np.nanquantile(again, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    rows = [
        {"by": by, "auc": seen[k], "auc_low": ends[0, k], "auc_high": ends[1, k], "top_share": seen[k + 2],
         "top_share_low": ends[0, k + 2], "top_share_high": ends[1, k + 2]}
        for k, by in enumerate(["names", "order_days"])
    ]  # fmt: skip
    gains = [_gain(seen, again, k) for k in (0, 2)]
    return Ranking(pd.DataFrame(rows), gains[0], gains[1], customers)


def _cells(named: ir.Table, orders: ir.Table, *, named_on: dt.date, days: int) -> pd.DataFrame:
    """A row for each combination of name, recent order days, and whether they bought."""
    day = dt.timedelta(days=1)
    recent = purchase_days(known_orders(orders, as_of=named_on, since=named_on - (RECENT_DAYS - 1) * day))
    recent = recent.group_by(recent_id=recent.customer_id).aggregate(recent=recent.count())
    later = known_orders(orders, as_of=named_on + days * day, since=named_on + day)
    later = later.group_by(later_id=later.customer_id).aggregate(
        purchases=is_purchase(later).cast("int64").sum(), money=later.amount.sum().cast("decimal(38, 2)")
    )
    both = named.left_join(recent, named.customer_id == recent.recent_id)
    both = both.select("customer_id", "segment", recent=both.recent.fill_null(0))
    both = both.left_join(later, both.customer_id == later.later_id)
    both = both.select("segment", "recent", "money", bought=(both.purchases.fill_null(0) > 0).cast("int64"))
    cells = both.group_by("segment", "recent", "bought").aggregate(
        weight=both.count(), money=both.money.sum().cast("float64")
    )
    frame: pd.DataFrame = cells.order_by("segment", "recent", "bought").to_pyarrow().to_pandas()
    frame = frame.fillna({"money": 0.0})
    return frame.assign(customers=frame["weight"], bought_flag=frame["bought"],
                        bought=frame["bought"] * frame["weight"])  # fmt: skip


def _measures(cells: pd.DataFrame, weight: Floats) -> tuple[float, float, float, float]:
    """AUC by names and by order days, then the top fifth's share of money by both."""
    bought = cells["bought_flag"].to_numpy() * weight
    money = cells["money"].to_numpy() / cells["weight"].to_numpy() * weight
    name, recent = cells["segment"].to_numpy(), cells["recent"].to_numpy().astype(float)
    n_of, bought_of, money_of = (
        pd.Series(v).groupby(name).transform("sum").to_numpy() for v in (weight, bought, money)
    )
    rate, spend = bought_of / np.maximum(n_of, 1), money_of / np.maximum(n_of, 1)
    return (
        _auc(rate, weight, bought), _auc(recent, weight, bought), _top(spend, weight, money),
        _top(recent, weight, money),
    )  # fmt: skip


def _grouped(score: Floats, *sums: Floats) -> tuple[Floats, ...]:
    """Sums over equal scores, lowest score first."""
    _, at = np.unique(score, return_inverse=True)
    return tuple(np.bincount(at, weights=values).astype(np.float64) for values in sums)


def _auc(score: Floats, weight: Floats, bought: Floats) -> float:
    n, yes = _grouped(score, weight, bought)
    no: Floats = n - yes
    pairs = yes.sum() * no.sum()
    return float((yes * (np.cumsum(no) - no / 2)).sum() / pairs) if pairs else float("nan")


def _top(score: Floats, weight: Floats, money: Floats) -> float:
    """The share of money from the fifth with the highest scores; of equal scores an even part."""
    n, paid = (values[::-1] for values in _grouped(score, weight, money))
    if paid.sum() <= 0:
        return float("nan")
    return float(
        np.interp(TOP, np.append(0, np.cumsum(n)) / n.sum(), np.append(0, np.cumsum(paid)) / paid.sum())
    )


def _gain(seen: tuple[float, float, float, float], again: Floats, k: int) -> tuple[float, float, float]:
    value = seen[k] - seen[k + 1]
    low, high = np.nanquantile(again[:, k] - again[:, k + 1], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return value, min(value, float(low)), max(value, float(high))
