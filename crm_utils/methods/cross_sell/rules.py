"""Which item follows which? Association rules from frequent itemsets, decided on integer counts.

R. Agrawal, T. Imieliński, A. Swami, "Mining Association Rules between Sets of Items in Large Databases",
SIGMOD 1993. Lift, leverage and conviction: S. Brin et al., SIGMOD 1997, and G. Piatetsky-Shapiro, 1991.
Zhang's metric: T. Zhang, "Association Rules", PAKDD 2000. Redundancy: as the R package arules defines it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from fractions import Fraction
from itertools import combinations

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from crm_utils.errors import StudyError
from crm_utils.features import SMALLEST_GROUP
from crm_utils.methods.cross_sell.coded import Coded
from crm_utils.methods.cross_sell.itemsets import Itemsets, exact_share

__all__ = ["association_rules", "rules_to_show", "write_items"]

_Items = frozenset[str]
_COUNTS = ("count", "antecedent count", "consequent count")


def association_rules(
    itemsets: Itemsets,
    *,
    min_confidence: float = 0.0,
    min_lift: float = 0.0,
    longest_consequent: int | None = 1,
    antecedents: Collection[str] = (),
    consequents: Collection[str] = (),
) -> pd.DataFrame:
    """Form rules "who has these also has those" from frequent itemsets.

    Parameters
    ----------
    itemsets
        From :func:`.cross_sell.frequent_itemsets`.
    min_confidence
        Share of the antecedent's baskets that hold the consequent too; a rule in exactly that share stays.
    min_lift
        At least so much lift, exactly as well.
    longest_consequent
        The most items on the right; None for any number.
    antecedents, consequents
        Keep rules whose antecedent (consequent) holds at least one of these items; empty for all.

    Returns
    -------
    pandas.DataFrame
        mlxtend's names: ``antecedents``, ``consequents`` (frozensets), ``antecedent support``,
        ``consequent support``, ``support``, ``confidence``, ``lift``, ``leverage``, ``conviction``,
        ``zhangs_metric``; beside them the integers ``count``, ``antecedent count``, ``consequent count``, and
        ``redundant``. By falling confidence, then lift, then support, then names.

    Raises
    ------
    StudyError
        A threshold is out of range.

    Notes
    -----
    With n baskets, a and c of them with antecedent and consequent, and b with both: support b/n, confidence
    b/a, lift bn/(ac) (0 to infinity, 1 as if independent), leverage b/n − ac/n² (−1/4 to 1/4), conviction
    (1 − c/n)/(1 − b/a) (infinite for a rule without exception), Zhang's metric (bn − ac) / max(b(n − a),
    a(c − b)) (−1 to 1, 0 where it is undefined). ``redundant`` marks a rule when leaving items off its
    antecedent, up to all of them, gives at least its confidence.

    Lift mixes what goes together with how large baskets are: see :mod:`.cross_sell.adjusted_lift`.

    Examples
    --------
    >>> import ibis
    >>> from crm_utils.methods.cross_sell import frequent_itemsets
    >>> rows = [("1", "gin"), ("1", "tonic"), ("2", "gin"), ("2", "tonic"), ("3", "gin"), ("4", "tea")]
    >>> frequent = frequent_itemsets(ibis.memtable(rows, columns=["order_id", "item"]), min_support=0.5)
    >>> association_rules(frequent, min_confidence=1)[["antecedents", "confidence", "lift"]].values.tolist()
    [[frozenset({'tonic'}), 1.0, 1.3333333333333333]]
    """
    confident = exact_share("min_confidence", min_confidence)
    if not min_lift >= 0 or min_lift == float("inf"):
        raise StudyError(f"min_lift is {min_lift}: lift is 0 or more, such as 1.2.")
    lifted = Fraction(str(float(min_lift)))
    counts = dict(zip(itemsets.table["itemsets"], itemsets.table["count"].astype(int), strict=True))
    n, rows = itemsets.baskets, []
    for left, right in _splits(counts, longest_consequent):
        if (antecedents and left.isdisjoint(antecedents)) or (consequents and right.isdisjoint(consequents)):
            continue
        both, a, c = counts[left | right], counts[left], counts[right]
        # Cross-multiplied, so that no rule at a threshold is lost to rounding.
        if both >= confident * a and both * n >= lifted * (a * c):
            rows.append((left, right, both, a, c, _redundant(left, right, counts, n)))
    frame = pd.DataFrame(rows, columns=["antecedents", "consequents", *_COUNTS, "redundant"])
    frame = frame.astype(dict.fromkeys(_COUNTS, "int64") | {"redundant": "bool"})
    return _sorted(_measured(frame, n))


def rules_to_show(rules: pd.DataFrame, baskets: Coded, *, most: int = 8) -> pd.DataFrame:
    """The rules of the highest lift that are not redundant and speak of five customers or more.

    Parameters
    ----------
    rules
        From :func:`association_rules`.
    baskets
        The same baskets. Where every order is a guest's, a basket is nobody's and all rules may be shown.
    most
        How many rules at most.
    """
    top = rules[~rules["redundant"]].nlargest(4 * most, "lift")
    sets = [left | right for left, right in zip(top["antecedents"], top["consequents"], strict=True)]
    if top.empty or not len(baskets.customers):
        return top.head(most)
    owners = _holders(sets, baskets).to_pyarrow().to_pandas()
    enough = set(owners.loc[owners["owners"] >= SMALLEST_GROUP, "rule"])
    return top[[k in enough for k in range(len(top))]].head(most)


def write_items(items: Collection[str]) -> str:
    """A set of items in words, in the order of their names; names may hold commas.

    Examples
    --------
    >>> write_items(frozenset({"tonic", "gin"}))
    'gin + tonic'
    """
    return " + ".join(sorted(items))


def _holders(sets: list[_Items], baskets: Coded) -> ir.Table:
    """How many customers hold all items of each set in one basket: ``rule`` (the set's place), ``owners``."""
    codes = {name: code for code, name in enumerate(baskets.items)}
    known = {k: [codes[name] for name in items] for k, items in enumerate(sets) if items <= codes.keys()}
    longest = max(map(len, sets))
    columns = [f"item_{k}" for k in range(longest)]
    # A shorter set names its first item again.
    wanted = [[k, *items, *items[:1] * (longest - len(items))] for k, items in known.items()]
    asked = ibis.memtable(pd.DataFrame(wanted, columns=["rule", *columns]).astype("int32"))
    orders = baskets.orders
    held = orders.select("customer", "codes", item_0=orders.codes.unnest()).inner_join(asked, "item_0")
    for column in columns[1:]:
        held = held.filter(held.codes.contains(held[column]))
    return held.group_by("rule").aggregate(owners=held.customer.nunique())


def _splits(counts: dict[_Items, int], longest: int | None) -> Iterator[tuple[_Items, _Items]]:
    for items in counts:
        most = len(items) - 1 if longest is None else min(longest, len(items) - 1)
        for size in range(1, most + 1):
            for right in combinations(sorted(items), size):
                yield items.difference(right), frozenset(right)


def _redundant(left: _Items, right: _Items, counts: dict[_Items, int], n: int) -> bool:
    both, a = counts[left | right], counts[left]
    if both * n <= counts[right] * a:  # no better than the consequent's own share
        return True
    smaller = (frozenset(part) for size in range(1, len(left)) for part in combinations(left, size))
    return any(counts[part | right] * a >= both * counts[part] for part in smaller)


def _measured(frame: pd.DataFrame, n: int) -> pd.DataFrame:
    b, a, c = (frame[name].astype("float64") for name in _COUNTS)
    confidence, leverage = b / a, b / n - a * c / (float(n) * n)
    # Products of counts as floats: exact below 2^53, and never overflowing.
    with np.errstate(divide="ignore", invalid="ignore"):
        conviction = np.where(b == a, np.inf, (1 - c / n) / (1 - confidence))
        bound = np.maximum(b * (n - a), a * (c - b))
        zhang = np.where(bound > 0, (b * n - a * c) / bound, 0.0)
    return pd.DataFrame(
        {
            "antecedent support": a / n, "consequent support": c / n, "support": b / n,
            "confidence": confidence, "lift": b * n / (a * c), "leverage": leverage,
            "conviction": conviction, "zhangs_metric": zhang,
        }
    ).join(frame)  # fmt: skip


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    first = ["antecedents", "consequents", "antecedent support", "consequent support", "support"]
    rest = ["confidence", "lift", "leverage", "conviction", "zhangs_metric", *_COUNTS, "redundant"]
    ends = zip(frame["antecedents"], frame["consequents"], strict=True)
    names = [f"{write_items(a)} > {write_items(c)}" for a, c in ends]
    order = ["confidence", "lift", "support"]
    by_name = frame.assign(_name=names).sort_values([*order, "_name"], ascending=[False] * 3 + [True])
    return by_name[first + rest].reset_index(drop=True)
