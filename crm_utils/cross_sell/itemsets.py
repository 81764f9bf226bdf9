"""Which items lie together often? Frequent itemsets, level by level, counted in the engine.

R. Agrawal, R. Srikant, "Fast Algorithms for Mining Association Rules", VLDB 1994 (candidates from the level
below); M. Houtsma, A. Swami, "Set-Oriented Mining for Association Rules", ICDE 1995 (by joins). Everything is
decided on integer counts: a share such as 0.07 of 400 baskets is a count of exactly 28.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, count

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from crm_utils.errors import DataError, StudyError

__all__ = ["Itemsets", "exact_share", "frequent_itemsets", "least_count"]

_Codes = tuple[int, ...]
_Level = dict[_Codes, int]


@dataclass(frozen=True)
class Itemsets:
    """Frequent itemsets and what they are a share of.

    Attributes
    ----------
    table
        A row an itemset: ``itemsets`` (frozenset of names), ``length``, ``count`` (baskets that hold all of
        it), ``support`` (count / baskets); by length, then by falling count, then by name. mlxtend's
        functions take it as it is.
    baskets
        All orders that the shares are of, those of one item as well.
    least
        The smallest count that is frequent.
    """

    table: pd.DataFrame
    baskets: int
    least: int


def frequent_itemsets(
    baskets: ir.Table, *, min_support: float, max_length: int | None = 3, orders: int | None = None
) -> Itemsets:
    """Find all sets of items that lie together in at least a share of the baskets.

    Parameters
    ----------
    baskets
        ``order_id``, ``item``; one row an item of an order.
    min_support
        Share of baskets, above 0 and at most 1; a set in exactly that share is frequent.
    max_length
        The most items in a set; None for any number.
    orders
        How many orders the shares are of, where some hold no item (nothing but postage); by default those
        that are in ``baskets``.

    Returns
    -------
    Itemsets

    Raises
    ------
    StudyError
        ``min_support``, ``max_length`` or ``orders`` is out of range.
    DataError
        There is no basket.

    Notes
    -----
    Orders and items are given small integers once. Sets of k + 1 items are counted only where all their
    subsets of k are frequent, by joining the baskets that hold such a subset with their further items. With a
    very small ``min_support`` the number of sets explodes, here as in every exact method.

    Examples
    --------
    >>> import ibis
    >>> rows = [("1", "milk"), ("1", "bread"), ("2", "milk"), ("2", "bread"), ("3", "milk"), ("4", "tea")]
    >>> found = frequent_itemsets(ibis.memtable(rows, columns=["order_id", "item"]), min_support=0.5)
    >>> [(sorted(s), n) for s, n in zip(found.table["itemsets"], found.table["count"])]
    [(['milk'], 3), (['bread'], 2), (['bread', 'milk'], 2)]
    """
    share = exact_share("min_support", min_support, above=0)
    if max_length is not None and max_length < 1:
        raise StudyError(f"max_length is {max_length}: an itemset has 1 item or more.")
    counted = baskets.aggregate(n=baskets.order_id.nunique()).to_pyarrow().to_pylist()[0]["n"]
    if not counted:
        raise DataError("There is no basket to look into: every order is empty, returned or left out.")
    if orders is not None and orders < counted:
        raise StudyError(f"orders is {orders}, but {counted} orders hold an item.")
    total = orders or counted
    least = least_count(share, total)
    names, counts = _frequent_items(baskets, least)
    levels: list[_Level] = [{(code,): n for code, n in enumerate(counts)}]
    if len(names) > 1 and max_length != 1:
        levels += _longer(_encoded(baskets, names), items=len(names), least=least, max_length=max_length)
    return Itemsets(_frame(levels, names, total), total, least)


def exact_share(name: str, value: float, *, above: float | None = None) -> Fraction:
    """Read a share as it is written: 0.1 is one tenth, not the nearest binary number.

    Raises
    ------
    StudyError
        It is not between 0 and 1, or not above ``above``.

    Examples
    --------
    >>> exact_share("min_support", 0.07)
    Fraction(7, 100)
    """
    if not 0 <= value <= 1 or (above is not None and value <= above):
        bounds = "from 0 to 1" if above is None else f"above {above} and at most 1"
        raise StudyError(f"{name} is {value}: it is a share of baskets, {bounds}, such as 0.01.")
    return Fraction(str(float(value)))


def least_count(share: Fraction, baskets: int) -> int:
    """The smallest count that is at least a share of the baskets; never 0.

    Examples
    --------
    >>> least_count(Fraction("0.07"), 400), least_count(Fraction("0.07"), 401)
    (28, 29)
    """
    return max(1, math.ceil(share * baskets))


def _frequent_items(baskets: ir.Table, least: int) -> tuple[list[str], list[int]]:
    counts = baskets.group_by("item").aggregate(n=baskets.count())
    frame = counts.filter(counts.n >= least).to_pyarrow().to_pandas().sort_values(["n", "item"])
    return [str(item) for item in frame["item"]], [int(n) for n in frame["n"]]


def _encoded(baskets: ir.Table, names: list[str]) -> ir.Table:
    """Frequent items of each order, by integers: ``basket``, ``code``."""
    codes = pa.table({"item": pa.array(names, pa.string()), "code": pa.array(range(len(names)), pa.int32())})
    orders = baskets.select("order_id").distinct().mutate(basket=ibis.row_number().cast("int32"))
    kept = baskets.inner_join(ibis.memtable(codes), "item").inner_join(orders, "order_id")
    # Kept once: numbered anew, the two sides of a join would be other orders.
    return kept.select("basket", "code").cache()


def _longer(held: ir.Table, *, items: int, least: int, max_length: int | None) -> Iterator[_Level]:
    """Frequent pairs, triples and so on, until no longer set can be frequent."""
    level = _pairs(held, least)
    yield level
    rows = held.mutate(number=held.code.cast("int64"))
    numbers: dict[_Codes, int] = {(code,): code for code in range(items)}
    for length in count(3):
        candidates = _candidates(level)
        if not candidates or (max_length is not None and length > max_length):
            return
        sets = sorted(level)
        rows = _extended(rows, held, numbers, sets)
        if length != max_length:
            rows = rows.cache()  # needed again for the next level
        numbers = {codes: k for k, codes in enumerate(sets)}
        longer = _extended(rows, held, numbers, candidates)
        counts = longer.group_by("number").aggregate(n=longer.count())
        frame = counts.filter(counts.n >= least).to_pyarrow().to_pydict()
        level = {candidates[k]: int(n) for k, n in zip(frame["number"], frame["n"], strict=True)}
        yield level


def _pairs(held: ir.Table, least: int) -> _Level:
    """Frequent pairs, streamed through one self-join: by far the most rows of all levels."""
    other = held.rename(basket_2="basket", code_2="code")
    both = held.inner_join(other, [held.basket == other.basket_2, held.code < other.code_2])
    counts = both.group_by("code", "code_2").aggregate(n=both.count())
    frame = counts.filter(counts.n >= least).to_pyarrow().to_pydict()
    return {(a, b): int(n) for a, b, n in zip(frame["code"], frame["code_2"], frame["n"], strict=True)}


def _candidates(level: _Level) -> list[_Codes]:
    """Sets of one more item, all of whose subsets are frequent (Apriori's join and prune)."""
    by_prefix: dict[_Codes, list[int]] = {}
    for codes in sorted(level):
        by_prefix.setdefault(codes[:-1], []).append(codes[-1])
    joined = ((*prefix, *pair) for prefix, lasts in by_prefix.items() for pair in combinations(lasts, 2))
    return [codes for codes in joined if all(part in level for part in combinations(codes, len(codes) - 1))]


def _extended(rows: ir.Table, held: ir.Table, numbers: dict[_Codes, int], sets: list[_Codes]) -> ir.Table:
    """Baskets that hold each set: ``basket``, ``code`` (the set's last item), ``number`` (its place in sets).

    ``rows`` hold the same for the sets without their last item, numbered by ``numbers``.
    """
    wanted = ibis.memtable(pa.table({
        "before": pa.array([numbers[codes[:-1]] for codes in sets], pa.int64()),
        "last": pa.array([codes[-1] for codes in sets], pa.int32()),
        "found": pa.array(range(len(sets)), pa.int64()),
    }))  # fmt: skip
    begun = rows.inner_join(wanted, [("number", "before")])
    more = held.rename(basket_2="basket", code_2="code")
    whole = begun.inner_join(more, [("basket", "basket_2"), ("last", "code_2")])
    return whole.select("basket", code=whole["last"], number=whole.found)


def _frame(levels: list[_Level], names: list[str], baskets: int) -> pd.DataFrame:
    rows = [
        (frozenset(names[code] for code in codes), len(codes), n)
        for level in levels
        for codes, n in sorted(level.items(), key=lambda e: (-e[1], sorted(names[code] for code in e[0])))
    ]
    frame = pd.DataFrame(rows, columns=["itemsets", "length", "count"])
    return frame.assign(support=frame["count"] / baskets)
