"""Which items sell together beyond what basket size alone brings? Lift within strata of basket size.

A large basket holds many items, so any two of them meet there: that alone gives a lift above 1 (E[s(s − 1)] /
E[s]² for baskets of s items). The question is what is left among baskets of one size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_utils.errors import DataError
from crm_utils.features import Cannot, Number
from crm_utils.methods.cross_sell.expected import expected_pairs
from crm_utils.methods.cross_sell.itemsets import exact_share, least_count
from crm_utils.methods.cross_sell.pair_counts import PairCounts
from crm_utils.methods.cross_sell.parts import FEWEST_CUSTOMERS, Floats, judge_ratios

__all__ = ["LEAST_EXPECTED", "PairLift", "judge_pairs", "pair_lift"]

LEAST_EXPECTED = 20.0
"""Pairs expected in fewer baskets are not tested: too little to tell, whatever was counted."""

_COUNTS = ("count", "item_count", "other_count", "parts")
_RATIOS = ("lift", "expected", "adjusted_lift", "low", "high", "p_value", "q_value")


@dataclass(frozen=True)
class PairLift:
    """All tested pairs of items.

    Attributes
    ----------
    table
        A row a pair: ``item``, ``other`` (the rarer first), ``count``, ``item_count``,
        ``other_count`` (baskets), ``lift`` (raw), ``expected`` (baskets, from their sizes), ``adjusted_lift``
        (count / expected), ``low``, ``high`` (95 %, clustered by customer), ``p_value``, ``q_value``
        (Benjamini-Hochberg over all rows), ``parts`` (of the customers, in which the pair was bought: so many
        customers at least bought it). By falling adjusted lift, then names.
    baskets, items
        All baskets, and the items that are frequent enough.
    cannot
        Why no pair could be tested; None where they were.
    """

    table: pd.DataFrame
    baskets: int
    items: int
    cannot: Cannot | None = None

    @property
    def beyond(self) -> pd.DataFrame:
        """Pairs that sell together beyond basket size, at a false discovery rate of 5 %."""
        return self.table[(self.table["q_value"] <= 0.05) & (self.table["adjusted_lift"] > 1)]

    @property
    def substitutes(self) -> pd.DataFrame:
        """Pairs that meet less often than baskets of their size would bring; the strongest first."""
        apart = self.table[(self.table["q_value"] <= 0.05) & (self.table["adjusted_lift"] < 1)]
        return apart[::-1].reset_index(drop=True)

    def numbers(self) -> list[Number]:
        """What a run records of it."""
        counted = {
            "pairs.tested": len(self.table),
            "pairs.beyond": len(self.beyond),
            "pairs.substitutes": len(self.substitutes),
        }
        numbers = [Number(name, value, "pairs") for name, value in counted.items()]
        if len(self.table):
            medians = self.table[["lift", "adjusted_lift"]].median()
            numbers += [Number(f"{name}.median", float(value)) for name, value in medians.items()]
        return numbers


def judge_pairs(
    counts: PairCounts, *, min_support: float | None = None, least_expected: float = LEAST_EXPECTED
) -> PairLift:
    """Judge pairs as :func:`pair_lift` does; where there are too few customers, say so instead of failing."""
    met = counts.met.sum(axis=0).any(axis=(1, 2)).sum()
    if met >= FEWEST_CUSTOMERS:
        return pair_lift(counts, min_support=min_support, least_expected=least_expected)
    whole, fractions = dict.fromkeys(_COUNTS, "int64"), dict.fromkeys(_RATIOS, "float64")
    empty = pd.DataFrame(columns=["item", "other", *_COUNTS, *_RATIOS]).astype(whole | fractions)
    why = Cannot("cross_sell.few_baskets", {"needed": FEWEST_CUSTOMERS})
    return PairLift(empty, int(counts.baskets.sum()), 0, why)


def pair_lift(
    counts: PairCounts, *, min_support: float | None = None, least_expected: float = LEAST_EXPECTED
) -> PairLift:
    """Compare how often two items meet with how often baskets of the same sizes would bring them together.

    Parameters
    ----------
    counts
        From :func:`.cross_sell.count_pairs`, or a span of them.
    min_support
        Share of baskets that an item is in at least, 0 for all that were counted; that of ``counts`` by
        default.
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
    share = exact_share("min_support", counts.min_support if min_support is None else min_support)
    total, held = int(counts.baskets.sum()), counts.item_baskets.sum(axis=0)
    frequent = np.flatnonzero(held >= least_count(share, total))
    frequent = frequent[np.argsort(held[frequent], kind="stable")]  # the rarest first
    there, margins = met_by_part(counts, frequent)
    whole = margins.sum(axis=0)
    expected = expected_pairs(whole)
    first, second = np.nonzero(np.triu(expected >= least_expected, k=1))
    without = [expected_pairs(whole - part)[first, second] for part in margins]
    met = counts.together(frequent[first], frequent[second])[there]
    both = met.sum(axis=0)
    judged = judge_ratios(both, expected[first, second], both - met, np.array(without))
    names, n = counts.items[frequent], held[frequent]
    frame = pd.DataFrame({
        "item": names[first], "other": names[second], "count": both.astype("int64"),
        "item_count": n[first], "other_count": n[second],
        "lift": both * float(total) / (n[first].astype(float) * n[second]),
        "expected": expected[first, second],
        "adjusted_lift": judged.ratio, "low": judged.low, "high": judged.high,
        "p_value": judged.p_value, "q_value": judged.q_value, "parts": (met > 0).sum(axis=0),
    })  # fmt: skip
    by = ["adjusted_lift", "item", "other"]
    frame = frame.sort_values(by, ascending=[False, True, True], ignore_index=True)
    return PairLift(frame, total, len(frequent))


def met_by_part(counts: PairCounts, frequent: NDArray[np.int64]) -> tuple[NDArray[np.bool_], Floats]:
    """Which parts have a basket of two items, and what the items met there: parts × items × strata.

    Items that are not frequent come together behind the others.

    Raises
    ------
    DataError
        The parts are too few to be sure of anything.
    """
    met = counts.met.sum(axis=0)
    there = met.any(axis=(1, 2))
    if there.sum() < FEWEST_CUSTOMERS:
        raise DataError(
            f"{there.sum()} customers with a basket of two items are too few to say what sells together: "
            f"it takes {FEWEST_CUSTOMERS}."
        )
    rare = np.delete(met, frequent, axis=1).sum(axis=1, keepdims=True)
    return there, np.concatenate([met[:, frequent], rare], axis=1)[there]
