"""What goes with two items or more, beyond basket size? Adjusted lift of rules with a longer antecedent.

The model is that of :mod:`.cross_sell.adjusted_lift`; for an antecedent of one item it is the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_utils.features import SMALLEST_GROUP, Number
from crm_utils.methods.cross_sell.adjusted_lift import LEAST_EXPECTED, PairLift, met_by_part
from crm_utils.methods.cross_sell.coded import Coded
from crm_utils.methods.cross_sell.expected import odds
from crm_utils.methods.cross_sell.itemsets import Itemsets, at_least, exact_share, least_count
from crm_utils.methods.cross_sell.pair_counts import STRATA, PairCounts, code_common, count_met, stratum_of
from crm_utils.methods.cross_sell.parts import PARTS, Floats, judge_ratios
from crm_utils.methods.cross_sell.rules import write_items

__all__ = ["LongerRules", "longer_rules"]


@dataclass(frozen=True)
class LongerRules:
    """Rules from two items or more to one.

    Attributes
    ----------
    table
        A row a rule, by falling adjusted lift: ``antecedents`` (frozenset), ``consequent``, ``count``,
        ``antecedent_count``, ``support``, ``confidence``, ``expected_confidence``, ``lift`` (raw),
        ``adjusted_lift``, ``low``, ``high`` (95 %, clustered by customer), ``q_value`` (Benjamini-Hochberg
        over all tested, before any filter), ``significant`` (bought by five customers or more, too),
        ``shorter`` (the largest adjusted lift of one item of the antecedent with the consequent), ``adds``
        (``low`` is above it: together they say more).
    tested
        Rules that were tested.
    """

    table: pd.DataFrame
    tested: int

    @property
    def adding(self) -> pd.DataFrame:
        """Rules that say more than each of their items alone."""
        return self.table[self.table["adds"]]

    def numbers(self) -> list[Number]:
        """What a run records of it."""
        counted = {
            "rules.longer": len(self.table),
            "rules.longer.significant": int(self.table["significant"].sum()),
            "rules.longer.adding": len(self.adding),
        }
        return [Number(name, value, "rules") for name, value in counted.items()]

    def to_frame(self) -> pd.DataFrame:
        """The table to save: the items on the left written as one text, joined by +."""
        return self.table.assign(antecedents=self.table["antecedents"].map(write_items).astype(object))


def longer_rules(
    baskets: Coded,
    counts: PairCounts,
    pairs: PairLift,
    itemsets: Itemsets,
    *,
    min_support: float,
    min_confidence: float,
    longest_antecedent: int = 2,
    least_expected: float = LEAST_EXPECTED,
) -> LongerRules:
    """Compare how often an item comes with a set of others with what baskets of their sizes would bring.

    Parameters
    ----------
    baskets, counts, pairs
        The same baskets, their pairs counted, and the pairs' lift.
    itemsets
        Frequent itemsets of these baskets: those of two items or more are the antecedents.
    min_support, min_confidence
        The rules' thresholds, as for :func:`.cross_sell.directed_rules`.
    longest_antecedent
        The most items on the left.
    least_expected
        Rules expected in fewer baskets are not tested; what was counted plays no part in that.

    Returns
    -------
    LongerRules

    Notes
    -----
    The antecedent A is taken as it was found. In each stratum its baskets have t_A places for other items
    (s − |A| summed over its baskets of s items). They are filled in proportion to the u of the other items:
    expected are t_A u_c / (U − Σ_{a ∈ A} u_a) baskets with c, where U sums u over all items. Over all c that
    adds up to t_A. The u are those of sets of |A| + 1 items (:func:`.expected.odds`), so
    for a single a the expectation is the pair's own, and for baskets of |A| + 1 items it is exact.

    A longer rule is often strong because a part of its antecedent is: compare with ``shorter``.
    """
    share, confident = exact_share("min_support", min_support), exact_share("min_confidence", min_confidence)
    sets = _antecedents(itemsets, counts, longest=longest_antecedent)
    if sets.empty or pairs.cannot is not None:
        return LongerRules(_empty(), 0)
    families = [_test(baskets, counts, family, least_expected) for _, family in sets.groupby("length")]
    joined = (np.concatenate(part, axis=-1) for part in zip(*families, strict=True))
    row, item, both, expected, without = joined
    met = both.sum(axis=0)
    judged = judge_ratios(met, expected, met - both, without)
    count, base, total = met.astype(np.int64), sets["count"].to_numpy()[row], int(counts.baskets.sum())
    single = counts.item_baskets.sum(axis=0)[item].astype(float)
    table = pd.DataFrame({
        "antecedents": sets["itemsets"].to_numpy()[row], "consequent": counts.items[item], "count": count,
        "antecedent_count": base, "support": count / total, "confidence": count / base,
        "expected_confidence": expected / base, "lift": count * float(total) / (base * single),
        "adjusted_lift": judged.ratio, "low": judged.low, "high": judged.high, "q_value": judged.q_value,
        "several": (both > 0).sum(axis=0) >= SMALLEST_GROUP,
    })  # fmt: skip
    kept = (count >= least_count(share, total)) & at_least(count, confident, base)
    return LongerRules(_beside_shorter(table[kept], pairs), len(table))


def _antecedents(itemsets: Itemsets, counts: PairCounts, *, longest: int) -> pd.DataFrame:
    """Sets of two items or more, with the codes of their items, the rarest first."""
    held = counts.item_baskets.sum(axis=0)
    code = {name: k for k, name in enumerate(counts.items)}
    longer = itemsets.table[itemsets.table["length"].between(2, longest)]
    there = np.array([code.keys() >= names for names in longer["itemsets"]], dtype=bool)
    known = longer[there].reset_index(drop=True)
    codes = [tuple(sorted((code[name] for name in names), key=held.item)) for names in known["itemsets"]]
    return known.assign(codes=pd.Series(codes, dtype=object))


def _test(
    baskets: Coded, counts: PairCounts, sets: pd.DataFrame, least: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats, Floats, Floats]:
    """Rules tested from sets of one length: set, item, baskets by part, expected in all and by part."""
    codes = np.array(sets["codes"].tolist())
    inside = np.zeros((len(codes), len(counts.items)))
    np.put_along_axis(inside, codes, 1, axis=1)
    there, _ = met_by_part(counts, np.arange(len(counts.items)))
    margins, places, held_by = (part[there] for part in _count(baskets, counts, codes))
    whole, all_places = margins.sum(axis=0), places.sum(axis=0)
    expected = _rule_baskets(whole, all_places, inside)
    row, item = np.nonzero((expected >= least) & (inside == 0))
    without = [
        _rule_baskets(whole - part, all_places - some, inside)[row, item]
        for part, some in zip(margins, places, strict=True)
    ]
    number = sets.index.to_numpy(dtype=np.int64)[row]
    return number, item, held_by[:, row, item], expected[row, item], np.array(without)


def _count(baskets: Coded, counts: PairCounts, codes: NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
    """Items met; for each set the places for others, and baskets with each item; all by part."""
    length, shape = codes.shape[1], (PARTS, len(counts.items))
    numbers = np.searchsorted(baskets.items, counts.items)
    orders = baskets.orders.filter(baskets.orders["size"] > length).mutate(slot=baskets.orders.part)
    common = code_common(orders, numbers)
    holders = _holders(common, codes)
    cells = holders.mutate(stratum=stratum_of(holders["size"])).group_by("slot", "found", "stratum")
    t = cells.aggregate(t=(holders["size"] - length).cast("int64").sum()).to_pyarrow().to_pandas()
    places = np.zeros((PARTS, len(codes), len(STRATA)))
    places[t["slot"], t["found"], t["stratum"]] = t["t"]
    # Part and set in one number: a shorter key to group by.
    both = holders.select(cell=holders.slot * len(codes) + holders.found, code=holders.codes.unnest())
    n = both.group_by("cell", "code").aggregate(n=both.count()).to_pyarrow().to_pandas()
    held_by = np.zeros((PARTS * len(codes), len(numbers)))
    held_by[n["cell"], n["code"]] = n["n"]
    met = count_met(orders, common, shape, others=length)[0]
    return met, places, held_by.reshape(PARTS, len(codes), -1)


def _holders(baskets: ir.Table, sets: NDArray[np.int64]) -> ir.Table:
    """Baskets that hold all items of a set: ``found`` (the set's row), ``size``, ``slot``, ``codes``."""
    columns = [f"item_{k}" for k in range(sets.shape[1])]
    wanted = pd.DataFrame(sets, columns=columns).rename_axis("found").reset_index()
    held = baskets.select("size", "slot", "codes", item_0=baskets.codes.unnest())
    held = held.inner_join(ibis.memtable(wanted.astype("int32")), "item_0")
    for column in columns[1:]:
        held = held.filter(held.codes.contains(held[column]))
    return held.select("found", "size", "slot", "codes")


def _rule_baskets(margins: Floats, places: Floats, inside: Floats) -> Floats:
    """Expected baskets of each antecedent (row) that hold each item (column)."""
    u, mass = odds(margins, others=int(inside[0].sum()))
    return np.asarray((places / np.maximum(mass - inside @ u, 1e-9)) @ u.T)


def _beside_shorter(table: pd.DataFrame, pairs: PairLift) -> pd.DataFrame:
    ends = pairs.table[["item", "other"]].to_numpy()
    known = {frozenset(end): lift for end, lift in zip(ends, pairs.table["adjusted_lift"], strict=True)}
    rules = zip(table["antecedents"], table["consequent"], strict=True)
    shorter = [max(known.get(frozenset([one, last]), 0.0) for one in first) for first, last in rules]
    significant = (table["q_value"] <= 0.05) & (table["adjusted_lift"] > 1) & table["several"]
    table = table.drop(columns="several").assign(significant=significant, shorter=shorter)
    table["adds"] = table["significant"] & (table["low"] > table["shorter"])
    names = [" ".join(sorted(s)) for s in table["antecedents"]]
    by = ["adjusted_lift", "_names", "consequent"]
    ordered = table.assign(_names=names).sort_values(by, ascending=[False, True, True], ignore_index=True)
    return ordered.drop(columns="_names")


def _empty() -> pd.DataFrame:
    kinds = {
        "object": ["antecedents", "consequent"],
        "int64": ["count", "antecedent_count"],
        "float64": ["support", "confidence", "expected_confidence", "lift", "adjusted_lift", "low", "high",
                    "q_value", "shorter"],
        "bool": ["significant", "adds"],
    }  # fmt: skip
    typed = {name: pd.Series(dtype=kind) for kind, names in kinds.items() for name in names}
    return pd.DataFrame(typed)[[
        "antecedents", "consequent", "count", "antecedent_count", "support", "confidence",
        "expected_confidence", "lift", "adjusted_lift", "low", "high", "q_value", "significant", "shorter",
        "adds",
    ]]  # fmt: skip
