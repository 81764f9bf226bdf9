"""Does a rule still hold later? Rules of the first part of the period, judged on the rest."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pandas as pd

from crm_utils.features import SMALLEST_GROUP, Cannot, Number
from crm_utils.methods.cross_sell.adjusted_lift import PairLift, judge_pairs
from crm_utils.methods.cross_sell.itemsets import at_least, exact_share, least_count
from crm_utils.methods.cross_sell.pair_counts import PairCounts

__all__ = ["RuleStability", "directed_rules", "rule_numbers", "rule_stability", "same_verdict"]


def directed_rules(pairs: PairLift, *, min_support: float, min_confidence: float) -> pd.DataFrame:
    """Rules of one item to one other, ranked by how far they go beyond basket size.

    Parameters
    ----------
    pairs
        From :func:`.cross_sell.pair_lift`.
    min_support
        Share of baskets that hold both items.
    min_confidence
        Share of the antecedent's baskets that hold the consequent.

    Returns
    -------
    pandas.DataFrame
        ``antecedent``, ``consequent``, ``count``, ``antecedent_count``, ``support``, ``confidence``,
        ``expected_confidence`` (by basket size alone), ``lift`` (raw), ``adjusted_lift``, ``low``, ``high``,
        ``q_value`` (over all tested pairs, before any filter here), ``significant`` (beyond basket size at a
        false discovery rate of 5 %, and bought by five customers or more). By falling adjusted lift.
    """
    least = least_count(exact_share("min_support", min_support), pairs.baskets)
    confident = exact_share("min_confidence", min_confidence)
    ways = []
    for antecedent, consequent in (("item", "other"), ("other", "item")):
        table = pairs.table[pairs.table["count"] >= least]
        base = table[f"{antecedent}_count"]
        way = table[["count", "lift", "adjusted_lift", "low", "high", "q_value", "parts"]].assign(
            antecedent=table[antecedent], consequent=table[consequent], antecedent_count=base,
            support=table["count"] / max(pairs.baskets, 1), confidence=table["count"] / base,
            expected_confidence=table["expected"] / base,
        )  # fmt: skip
        ways.append(way[at_least(way["count"], confident, way["antecedent_count"])])
    rules = pd.concat(ways)
    several = rules["parts"] >= SMALLEST_GROUP
    rules["significant"] = (rules["q_value"] <= 0.05) & (rules["adjusted_lift"] > 1) & several
    by = ["adjusted_lift", "confidence", "antecedent", "consequent"]
    rules = rules.sort_values(by, ascending=[False, False, True, True], ignore_index=True)
    first = ["antecedent", "consequent", "count", "antecedent_count", "support", "confidence"]
    rest = ["expected_confidence", "lift", "adjusted_lift", "low", "high", "q_value", "significant"]
    return rules[first + rest]


def rule_numbers(rules: pd.DataFrame) -> list[Number]:
    """What a run records of rules from :func:`directed_rules`."""
    counted = {"rules": len(rules), "rules.significant": int(rules["significant"].sum())}
    return [Number(name, value, "rules") for name, value in counted.items()]


def same_verdict(rules: pd.DataFrame, others: pd.DataFrame) -> tuple[int, float | None]:
    """Rules that are in both tables, and the share of them with one verdict; None without such a rule."""
    both = rules.merge(others, on=["antecedent", "consequent"], suffixes=("", "_other"))
    alike = both["significant"] == both["significant_other"]
    return len(both), float(alike.mean()) if len(both) else None


@dataclass(frozen=True)
class RuleStability:
    """What became of the first part's rules.

    Attributes
    ----------
    table
        A row a rule that was significant in the first part: ``antecedent``, ``consequent``, ``adjusted_lift``
        and ``confidence`` then, ``adjusted_lift_rest``, ``low_rest``, ``high_rest``, ``confidence_rest``
        (null where the rest is too small to tell), and ``holds``.
    split_on
        The last day of the first part.
    cannot
        Why a part could not be looked at; None where both were.
    """

    table: pd.DataFrame
    split_on: dt.date
    cannot: Cannot | None = None

    @property
    def hold_share(self) -> float | None:
        """Share of the first part's rules that hold; None where there was no rule."""
        return float(self.table["holds"].mean()) if len(self.table) else None

    def numbers(self) -> list[Number]:
        """What a run records of it."""
        return [
            Number("rules.first_part", len(self.table), "rules"),
            Number("rules.hold_share", self.hold_share, "share"),
        ]


def rule_stability(
    counts: PairCounts, *, split_on: dt.date, min_rule_support: float, min_confidence: float
) -> RuleStability:
    """Find rules up to a day, and look whether they hold after it.

    A rule holds when, in the rest alone, its adjusted lift's lower bound stays above 1 and its confidence at
    ``min_confidence`` or above. Of many rules the luckiest look strongest, so expect weaker ones in the rest.

    Parameters
    ----------
    counts
        From :func:`.cross_sell.count_pairs`, with a period that ends with ``split_on``.
    split_on
        The last day of the first part.
    min_rule_support, min_confidence
        The rules' thresholds, as for :func:`directed_rules`.

    Returns
    -------
    RuleStability
        Without a rule where a part has too few customers with a basket of two items.
    """
    then = judge_pairs(counts.span(until=split_on))
    # Every pair that was a rule is looked at again, however rare it has become.
    later = judge_pairs(counts.span(after=split_on), min_support=0, least_expected=1)
    why = then.cannot or later.cannot
    rules = directed_rules(then, min_support=min_rule_support, min_confidence=min_confidence)
    rules = rules[rules["significant"]]
    rest = directed_rules(later, min_support=0, min_confidence=0)
    columns = ["adjusted_lift", "low", "high", "confidence"]
    table = rules[["antecedent", "consequent", "adjusted_lift", "confidence"]].merge(
        rest[["antecedent", "consequent", *columns]],
        on=["antecedent", "consequent"], how="left", suffixes=("", "_rest"),
    )  # fmt: skip
    table = table.rename(columns={"low": "low_rest", "high": "high_rest"})
    holds = (table["low_rest"] > 1) & (table["confidence_rest"] >= min_confidence)
    return RuleStability(
        table.assign(holds=holds)[: 0 if why else None].reset_index(drop=True), split_on, why
    )
