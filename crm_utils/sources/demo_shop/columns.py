"""How do arrays become the columns of a canonical table? Moments, names, money and ids, in Arrow."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crm_utils.sources.demo_shop.arrays import Flags, Floats, Ints
from crm_utils.sources.demo_shop.clock import END
from crm_utils.sources.demo_shop.worlds import START

__all__ = ["days", "ids", "moments", "money", "pieces", "shares", "whole", "words"]

_ZERO = int(dt.datetime(START.year, START.month, START.day, tzinfo=dt.UTC).timestamp())
_ID_DIGITS = 9


def moments(at: Ints) -> pa.Array:
    """Seconds from the first day as timestamps; what lies after the data did not happen: empty."""
    stamps = (at + _ZERO) * 1_000_000
    return pa.array(stamps, mask=at >= END).cast(pa.timestamp("us"))


def days(day: Ints) -> pa.Array:
    """Days from the first day as dates."""
    return pa.array((day + _ZERO // 86_400).astype(np.int32)).cast(pa.date32())


def words(numbers: Ints, names: Sequence[str | None]) -> pa.Array:
    """Names by their numbers; −1 is empty."""
    index = pa.array(numbers.astype(np.int32), mask=numbers < 0)
    return pa.array(list(names), pa.string()).take(index)


def money(won: Ints, known: Flags | None = None) -> pa.Array:
    """Won as exact decimals; empty where not known."""
    return _decimal(won, known, 2)


def pieces(quantity: Ints) -> pa.Array:
    """Quantities as exact decimals."""
    return _decimal(quantity, None, 3)


def shares(values: Floats) -> pa.Array:
    """Shares between 0 and 1 as exact decimals of six places."""
    table, place = np.unique(values, return_inverse=True)  # a handful of values
    exact = pa.array([Decimal(f"{value:.6f}") for value in table], pa.decimal128(9, 6))
    return exact.take(pa.array(place))


def whole(values: Ints, known: Flags | None = None) -> pa.Array:
    """Whole numbers; empty where not known."""
    return pa.array(values, mask=None if known is None else ~known)


def ids(letter: str, numbers: Ints, known: Flags | None = None) -> pa.Array:
    """Ids such as c000000017, of one length; empty where not known.

    Examples
    --------
    >>> ids("c", np.array([17])).to_pylist()
    ['c000000017']
    """
    padded = pa.array(numbers + 10**_ID_DIGITS, mask=None if known is None else ~known).cast(pa.string())
    return pc.binary_join_element_wise(letter, pc.utf8_slice_codeunits(padded, 1), "")


def _decimal(values: Ints, known: Flags | None, scale: int) -> pa.Array:
    # Arrow takes a whole number of 64 bits only into a decimal that could hold any of them.
    wide = pa.array(values, mask=None if known is None else ~known).cast(pa.decimal128(19 + scale, scale))
    return wide.cast(pa.decimal128(18, scale))
