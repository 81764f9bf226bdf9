"""Which items lie together often? Frequent itemsets, level by level, counted in the engine.

R. Agrawal, R. Srikant, "Fast Algorithms for Mining Association Rules", VLDB 1994: a set is frequent only if
its parts are. Everything is decided on integer counts: a share such as 0.07 of 400 baskets is a count of
exactly 28.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import count

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from crm_utils.engine import keep
from crm_utils.errors import DataError, StudyError
from crm_utils.features import Number
from crm_utils.methods.cross_sell.coded import Coded

__all__ = ["Itemsets", "at_least", "exact_share", "frequent_itemsets", "least_count"]

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

    def numbers(self) -> list[Number]:
        """What a run records of it."""
        return [Number("itemsets", len(self.table), "itemsets")]


def frequent_itemsets(
    baskets: Coded | ir.Table, *, min_support: float, max_length: int | None = 3, orders: int | None = None
) -> Itemsets:
    """Find all sets of items that lie together in at least a share of the baskets.

    Parameters
    ----------
    baskets
        From :func:`.cross_sell.code_baskets`, or a table of ``order_id``, ``item``: one row an item of an
        order.
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
    Items are numbered from the rarest, and each basket is a row with the list of its frequent ones. Baskets
    that hold a frequent set of k items are looked through for further items, where these form a frequent pair
    with the set's last one: no other set of k + 1
    can be frequent. With a very small ``min_support`` the sets explode, here as in every exact method.

    Examples
    --------
    >>> import ibis
    >>> rows = [("1", "milk"), ("1", "bread"), ("2", "milk"), ("2", "bread"), ("3", "milk"), ("4", "tea")]
    >>> frequent = frequent_itemsets(ibis.memtable(rows, columns=["order_id", "item"]), min_support=0.5)
    >>> [(sorted(s), n) for s, n in zip(frequent.table["itemsets"], frequent.table["count"])]
    [(['milk'], 3), (['bread'], 2), (['bread', 'milk'], 2)]
    """
    share = exact_share("min_support", min_support, above=0)
    if max_length is not None and max_length < 1:
        raise StudyError(f"max_length is {max_length}: an itemset has 1 item or more.")
    if isinstance(baskets, Coded):
        rows, counted = baskets.rows.select("item", order_id="basket"), _scalar(baskets.orders.count())
    else:
        rows, counted = baskets.select("item", "order_id"), _scalar(baskets.order_id.nunique())
    if not counted:
        raise DataError("There is no basket to look into: every order is empty, returned or left out.")
    if orders is not None and orders < counted:
        raise StudyError(f"orders is {orders}, but {counted} orders hold an item.")
    total = orders or counted
    least = least_count(share, total)
    codes = keep(item_codes(rows, least))
    items = codes.to_pyarrow().to_pandas().sort_values("code")
    levels: list[_Level] = [{(code,): int(n) for code, n in zip(items["code"], items["n"], strict=True)}]
    if len(items) > 1 and max_length != 1:
        levels += _longer(_lists(rows, codes), least=least, max_length=max_length)
    numbers = items["item"]
    names = baskets.items[numbers].tolist() if isinstance(baskets, Coded) else numbers.astype(str).tolist()
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


def at_least(counts: ArrayLike, share: Fraction, of: ArrayLike) -> NDArray[np.bool_]:
    """Whether each count is at least a share of another, with no rounding.

    Examples
    --------
    >>> at_least([1, 1], Fraction("0.1"), [10, 11]).tolist()
    [True, False]
    """
    many, few = (np.asarray(n, dtype=object) for n in (of, counts))  # Python's integers never overflow
    return np.asarray(few * share.denominator >= many * share.numerator, dtype=bool)


def item_codes(baskets: ir.Table, least: int) -> ir.Table:
    """Number the items that are in so many baskets, from the rarest: ``item``, ``n`` (baskets), ``code``."""
    counts = baskets.group_by("item").aggregate(n=baskets.count())
    counts = counts.filter(counts.n >= least)
    return counts.mutate(code=ibis.row_number().over(order_by=[counts.n, counts.item]).cast("int32"))


def _lists(rows: ir.Table, codes: ir.Table) -> ir.Table:
    """The frequent items of each basket that has two or more of them: ``codes``."""
    held = rows.inner_join(codes.drop("n"), "item").group_by("order_id")
    lists = held.aggregate(codes=ibis._.code.collect())
    return keep(lists.filter(lists.codes.length() > 1).select("codes"))


def _longer(lists: ir.Table, *, least: int, max_length: int | None) -> Iterator[_Level]:
    """Frequent pairs, triples and so on, until no longer set can be frequent.

    Codes rise with the item's count, so a set is extended by more common items: fewer rows a level.
    """
    # Who holds a set: its number, and its last item.
    rows = lists.select("codes", last=lists.codes.unnest())
    rows = rows.mutate(before=rows["last"].cast("int64"))
    sets: dict[int, _Codes] = {}
    pairs: ir.Table | None = None
    for length in count(2):
        wider = rows.mutate(next=rows.codes.unnest())
        wider = wider.filter(wider["last"] < wider.next)
        if pairs is not None:
            wider = wider.semi_join(pairs, ["last", "next"])
        counts = wider.group_by("before", "next").aggregate(n=wider.count())
        counts = counts.filter(counts.n >= least)
        by = [counts.before, counts.next]
        frequent = keep(counts.mutate(number=ibis.row_number().over(order_by=by).cast("int64")))
        frame = frequent.to_pyarrow().to_pandas()
        named = zip(frame["number"], frame["before"], frame["next"], strict=True)
        sets = {number: (*sets.get(before, (before,)), last) for number, before, last in named}
        yield dict(zip(sets.values(), frame["n"].astype(int), strict=True))
        # A longer set has as many subsets of this length as it has items; all of them would be here.
        if len(sets) <= length or length == max_length:
            return
        pairs = frequent.select(last="before", next="next") if pairs is None else pairs
        rows = wider.inner_join(frequent, ["before", "next"])
        rows = rows.select("codes", last="next", before="number")
        # The last level is streamed; what is held before it is needed twice.
        rows = rows if length + 1 == max_length else keep(rows)


def _scalar(value: ir.Scalar) -> int:
    return int(value.to_pyarrow().as_py())


def _frame(levels: list[_Level], names: list[str], baskets: int) -> pd.DataFrame:
    rows = [
        (frozenset(names[code] for code in codes), len(codes), n)
        for level in levels
        for codes, n in sorted(level.items(), key=lambda e: (-e[1], sorted(names[code] for code in e[0])))
    ]
    frame = pd.DataFrame(rows, columns=["itemsets", "length", "count"])
    return frame.assign(support=frame["count"] / baskets)
