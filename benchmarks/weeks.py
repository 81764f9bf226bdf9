"""The scorecard's weeks beside one plain aggregation of the same orders: time and memory."""

from __future__ import annotations

import statistics
import sys
from functools import partial
from pathlib import Path

import grow
from compared import HEAD, agree, compared
from measure import Aim, in_turn, ratio, task

__all__ = ["weeks"]

_WEEKS = """
## Weeks of the scorecard

From order lines in Parquet to ten sums a week and part of the customers, from which every number of the
page follows, against one aggregation of the same orders (a week's orders, different customers, money,
discount)."""


def weeks(folder: Path, made: Path) -> tuple[list[str], list[Aim]]:
    """How much more than one aggregation all numbers of all weeks cost."""
    lines, aims = [_WEEKS], []
    grow.write_order_lines(warm := folder / "warm-weeks.parquet", 1, only="len(customer_id) = 1")
    path = made / "10.parquet"
    if not path.is_file():
        grow.write_order_lines(path, 10)
    print("weeks of 10 million lines", flush=True)
    names = ("weeks_ours", "weeks_bare")
    timings = in_turn(
        {name: partial(task, sys.executable, name, path, cwd=folder, warm=warm) for name in names}, rounds=5
    )
    agree(timings)
    lines += ["\n### 10 million lines\n", HEAD, *compared(timings, "weeks_ours")]
    times = statistics.median(ratio(timings["weeks_ours"], timings["weeks_bare"]))
    aim = "all numbers of all weeks, 10 million lines: within 1.5 times one aggregation"
    aims.append(Aim(aim, f"{times:.1f} times", times <= 1.5))
    return lines, aims
