"""Which items sell together beyond what basket size alone brings? Lift within strata of basket size.

A large basket holds many items, so any two of them meet there: that alone gives a lift above 1 (E[s(s − 1)] /
E[s]² for baskets of s items). The question is what is left among baskets of one size.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_utils.cross_sell.baskets import basket_sizes
from crm_utils.cross_sell.itemsets import exact_share, item_codes, least_count
from crm_utils.cross_sell.parts import FEWEST_CUSTOMERS, Floats, customer_parts, judge_ratios
from crm_utils.errors import DataError

__all__ = ["LEAST_EXPECTED", "PairLift", "pair_lift"]

LEAST_EXPECTED = 20.0
"""Pairs expected in fewer baskets are not tested: too little to tell, whatever was counted."""

_BOUNDS = (2, 3, 4, 5, 6, 7, 8, 10, 13, 17, 22, 29, 38, 50, 65, 85, 110, 150, 200)
"""Where strata of basket size begin: a size each while baskets are small, then a third wider each time."""

_ROUNDS = 60


@dataclass(frozen=True)
class PairLift:
    """All tested pairs of items.

    Attributes
    ----------
    table
        A row a pair: ``item``, ``other`` (the rarer first), ``count``, ``item_count``,
        ``other_count`` (baskets), ``lift`` (raw), ``expected`` (baskets, from their sizes), ``adjusted_lift``
        (count / expected), ``low``, ``high`` (95 %, clustered by customer), ``p_value``, ``q_value``
        (Benjamini-Hochberg over all rows). By falling adjusted lift, then names.
    baskets, items
        All baskets, and the items that are frequent enough.
    """

    table: pd.DataFrame
    baskets: int
    items: int

    @property
    def beyond(self) -> pd.DataFrame:
        """Pairs that sell together beyond basket size, at a false discovery rate of 5 %."""
        return self.table[(self.table["q_value"] <= 0.05) & (self.table["adjusted_lift"] > 1)]

    @property
    def substitutes(self) -> pd.DataFrame:
        """Pairs that meet less often than baskets of their size would bring; the strongest first."""
        found = self.table[(self.table["q_value"] <= 0.05) & (self.table["adjusted_lift"] < 1)]
        return found[::-1].reset_index(drop=True)


def pair_lift(baskets: ir.Table, *, min_support: float, least_expected: float = LEAST_EXPECTED) -> PairLift:
    """Compare how often two items meet with how often baskets of the same sizes would bring them together.

    Parameters
    ----------
    baskets
        ``order_id``, ``item``, ``customer_id`` (null for a guest); one row an item of an order.
    min_support
        Share of baskets that an item is in at least.
    least_expected
        Pairs expected in fewer baskets are not tested. What was counted plays no part in that choice, so
        pairs that never meet are tested too, and selection makes no pair look strong.

    Returns
    -------
    PairLift

    Raises
    ------
    StudyError
        ``min_support`` is out of range.
    DataError
        There is no basket of two items, or there are too few customers for an interval.

    Notes
    -----
    In a stratum of baskets of about one size, item a meets t_a items in all (s − 1 summed over its baskets
    of s items). Under independence given the size, the expected number of baskets with a and b is u_a u_b
    with the u that give every item its t: Σ_b u_a u_b = t_a over all b ≠ a (quasi-independence, a table
    without its diagonal). So in every stratum expected and counted pairs have one sum, and each item its own.
    Expected counts add up over strata. For baskets of two items this is exact; for larger ones it agrees with
    conditional Poisson sampling to the order of 1/s² (J. Hájek, Annals of Mathematical Statistics 35, 1964).

    It does not remove what moves all of a customer's shopping (a store, a season, a family): items of one
    kind of customer still meet more often than at random. Association shows no cause.
    """
    share = exact_share("min_support", min_support, above=0)
    held = _hold(baskets, share)
    whole = held.margins.sum(axis=0)
    expected = _expected(whole)
    first, second = np.nonzero(np.triu(expected >= least_expected, k=1))
    without = [_expected(whole - margins)[first, second] for margins in held.margins]
    met = _met(held, first, second)
    total = met.sum(axis=0)
    judged = judge_ratios(total, expected[first, second], total - met, np.array(without))
    a, b = held.counts[first].astype("float64"), held.counts[second].astype("float64")
    names = np.array(held.names, dtype=object)
    frame = pd.DataFrame({
        "item": names[first], "other": names[second], "count": total.astype("int64"),
        "item_count": held.counts[first], "other_count": held.counts[second],
        "lift": total * float(held.baskets) / (a * b), "expected": expected[first, second],
        "adjusted_lift": judged.ratio, "low": judged.low, "high": judged.high,
        "p_value": judged.p_value, "q_value": judged.q_value,
    })  # fmt: skip
    by = ["adjusted_lift", "item", "other"]
    frame = frame.sort_values(by, ascending=[False, True, True], ignore_index=True)
    return PairLift(frame, held.baskets, len(held.names))


@dataclass(frozen=True)
class _Held:
    """Baskets of two items or more, by integers; the items that are too rare share the last code."""

    rows: ir.Table  # basket, code, stratum, part
    names: list[str]
    counts: NDArray[np.int64]
    baskets: int
    margins: Floats  # parts × items (and the rare ones together) × strata: items met


def _hold(baskets: ir.Table, share: Fraction) -> _Held:
    sizes = basket_sizes(baskets)
    total = int(sizes.aggregate(n=sizes.count()).to_pyarrow().to_pylist()[0]["n"])
    codes = item_codes(baskets, least_count(share, total)).cache()
    items = codes.to_pyarrow().to_pandas().sort_values("code")
    rows = _rows(baskets, sizes, codes, rare=len(items))
    met = rows.group_by("code", "stratum", "part").aggregate(t=(rows["size"] - 1).sum())
    cells = met.to_pyarrow().to_pandas()
    parts = 0 if cells.empty else int(cells["part"].max()) + 1
    if parts < FEWEST_CUSTOMERS:
        raise DataError(
            f"{parts} customers with a basket of two items are too few to say what sells together: "
            f"it takes {FEWEST_CUSTOMERS}."
        )
    margins = np.zeros((parts, len(items) + 1, len(_BOUNDS)))
    margins[cells["part"], cells["code"], cells["stratum"]] = cells["t"]
    counts = items["n"].to_numpy(dtype="int64")
    return _Held(rows, items["item"].astype(str).tolist(), counts, total, margins)


def _rows(baskets: ir.Table, sizes: ir.Table, codes: ir.Table, *, rare: int) -> ir.Table:
    large = sizes.filter(sizes["size"] > 1)
    above = [(large["size"] >= bound).cast("int64") for bound in _BOUNDS[1:]]
    large = large.mutate(stratum=sum(above[1:], above[0]))
    several = baskets.semi_join(large, "order_id")
    orders = large.inner_join(customer_parts(several), "order_id").mutate(basket=ibis.row_number())
    rows = several.inner_join(orders, "order_id").left_join(codes.select("item", "code"), "item")
    code = rows.code.fill_null(rare).cast("int64")
    # Kept once: numbered anew, the two sides of a join would be other orders.
    return rows.select("basket", "size", "stratum", "part", code=code).cache()


def _met(held: _Held, first: NDArray[np.intp], second: NDArray[np.intp]) -> Floats:
    """In how many baskets of each part the tested pairs meet: parts × pairs."""
    rows = held.rows.filter(held.rows.code < len(held.names)).select("basket", "code", "part")
    other = rows.select(basket_2="basket", code_2="code")
    both = rows.inner_join(other, [rows.basket == other.basket_2, rows.code < other.code_2])
    cells = both.group_by("part", "code", "code_2").aggregate(n=both.count()).to_pyarrow().to_pandas()
    place = np.full((len(held.names), len(held.names)), -1)
    place[first, second] = np.arange(len(first))
    at = place[cells["code"], cells["code_2"]]
    met = np.zeros((len(held.margins), len(first)))
    met[cells["part"].to_numpy()[at >= 0], at[at >= 0]] = cells["n"].to_numpy()[at >= 0]
    return met


def _expected(margins: Floats) -> Floats:
    """Expected baskets of each pair of items, from the items met by stratum; rare ones in the last row."""
    items, rare = margins[:-1], margins[-1]
    total = margins.sum(axis=0)
    u = items / np.sqrt(np.maximum(total, 1))
    for _ in range(_ROUNDS):
        # Rare items are many and each of them small: of u (U − u) = t only u U = t is left.
        mass = u.sum(axis=0)
        mass = (mass + np.sqrt(mass**2 + 4 * rare)) / 2
        # Half a step on the logarithm: whole ones swing where one item is in nearly every basket.
        u = np.sqrt(u * items / np.maximum(mass - u, 1e-9))
    return np.asarray(u @ u.T)
