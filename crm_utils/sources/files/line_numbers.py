"""On which line of its file does a row stand, where lines between could not be parted? By a shift a block.

The engine gives the good rows alone, numbered over all files. A line is that number and a shift, which
changes where a file begins and after each bad line. Rows are joined to the shifts of their block of rows, so
that a row costs the same however many bad lines there are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

__all__ = ["FileRows", "blocks", "lines_of"]

#: Rows whose shifts stand together.
BLOCK = 256


@dataclass(frozen=True)
class FileRows:
    """How the rows of one file lie in it.

    Attributes
    ----------
    good
        Rows that could be parted.
    above
        Lines above the first row.
    after
        For each bad line, in their order, how many good rows stand before it.
    """

    good: int
    above: int
    after: list[int]


def blocks(files: list[FileRows]) -> pa.Table:
    """For each block of rows how many lines are to be added to a row's number.

    Parameters
    ----------
    files
        In the order in which the engine reads them.

    Returns
    -------
    pyarrow.Table
        block (from 0), first (the shift of its first row), at (rows of it after which the shift changes) and
        shift (to what).

    Examples
    --------
    >>> blocks([FileRows(good=2, above=1, after=[1]), FileRows(good=2, above=0, after=[])]).to_pylist()
    [{'block': 0, 'first': 1, 'at': [1, 2], 'shift': [2, -2]}]
    """
    steps: dict[int, int] = {}
    start = 0
    for file in files:
        steps[start] = file.above - start
        steps |= {start + good: file.above - start + n for n, good in enumerate(file.after, start=1)}
        start += file.good
    at, shift = (np.array(part, dtype=np.int64) for part in (list(steps), list(steps.values())))
    number = np.arange(start // BLOCK + 1)
    first = shift[np.searchsorted(at, number * BLOCK, side="right") - 1]
    inner = at % BLOCK > 0
    ends = np.searchsorted(at[inner], np.append(number, number[-1] + 1) * BLOCK).astype(np.int32)
    lists = [pa.ListArray.from_arrays(pa.array(ends), pa.array(part[inner])) for part in (at, shift)]
    return pa.table([number, first, *lists], names=["block", "first", "at", "shift"])


def lines_of(scan: str, shifts: str) -> str:
    """SQL of a scan's rows with the line of each as ``_line``; ``shifts`` names a table of :func:`blocks`."""
    return (
        "(SELECT t.*, _n + coalesce(b.shift[len(list_filter(b.at, lambda g: g < _n))], b.first) AS _line "
        f"FROM (SELECT *, row_number() OVER () AS _n FROM {scan}) t "
        f"LEFT JOIN {shifts} b ON b.block = (_n - 1) // {BLOCK})"
    )
