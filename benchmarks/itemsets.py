"""Itemsets against the libraries that analysts use, and pairs from order lines: time, memory, growth."""

from __future__ import annotations

import statistics
import subprocess
import sys
from functools import partial
from pathlib import Path

import grow
from basket_tasks import MAX_LENGTH, MIN_SUPPORT
from compared import HEAD, agree, compared
from measure import Aim, Measurement, in_turn, ratio, task

__all__ = ["itemsets", "pairs"]

SIZES = {156_000: 3, 1_000_000: 3, 10_000_000: 1}
"""Rounds by number of baskets."""
LEFT_OUT = {
    "itemsets_apriori": (1_000_000, "would hold a table of 2 GB and copies of it"),
    "itemsets_fpgrowth": (1_000_000, "would hold a table of 2 GB and copies of it"),
    "itemsets_efficient": (1_000_000, "would hold every basket as a tuple of Python objects"),
}
"""The largest number of baskets that a peer is measured at, and why no more."""
LINES = {10: 1, 100: 1}
"""Rounds by millions of order lines."""


def itemsets(folder: Path, made: Path, peers: Path, sizes: list[int]) -> tuple[list[str], list[Aim]]:
    """The same sets from the same file by everyone, lists and tables that a peer needs included."""
    lines, aims = [_ITEMSETS], []
    names = ["itemsets_apriori", "itemsets_fpgrowth", "itemsets_efficient"]
    if _has(peers, "fim"):
        names.append("itemsets_pyfim")
    else:
        lines.append("\npyfim could not be built here (it needs a C compiler), and is left out.")
    for size in sizes:
        path = made / f"baskets-{size}.parquet"
        if not path.is_file():
            grow.write_baskets(path, size)
        print(f"{size:,} baskets", flush=True)
        used = [name for name in names if size <= LEFT_OUT.get(name, (size,))[0]]
        tasks = {"itemsets_ours": sys.executable} | dict.fromkeys(used, peers)
        timings = in_turn(
            {name: partial(task, python, name, path, cwd=folder) for name, python in tasks.items()},
            rounds=SIZES.get(size, 3),
        )
        agree(timings)
        lines += [f"\n### {size:,} baskets, {timings['itemsets_ours'][0].rows:,} sets\n", HEAD]
        lines += compared(timings, "itemsets_ours")
        lines += [f"\nNot measured at this size: {name}." for name in _left_out(names, size)]
        aims += _aims(size, timings)
    return lines, aims


def pairs(folder: Path, made: Path) -> tuple[list[str], list[Aim]]:
    """From order lines to the pairs of categories in at least 1 % of the baskets."""
    lines, aims = [_PAIRS], []
    for millions, rounds in LINES.items():
        path = made / f"{millions}.parquet"
        if not path.is_file():
            grow.write_order_lines(path, millions)
        print(f"pairs from {millions} million lines", flush=True)
        run = partial(task, sys.executable, "pairs_ours", path, cwd=folder)
        timings = in_turn({"pairs_ours": run}, rounds=rounds)
        lines += [f"\n### {millions} million lines\n", HEAD, *compared(timings, "pairs_ours")]
        if millions == max(LINES):
            seconds = statistics.median(m.seconds for m in timings["pairs_ours"])
            aim = f"pairs from {millions} million lines within 60 s"
            aims.append(Aim(aim, f"{seconds:.1f} s", seconds <= 60))
    return lines, aims


def _aims(size: int, timings: dict[str, list[Measurement]]) -> list[Aim]:
    aims, ours = [], timings["itemsets_ours"]
    if size == 1_000_000:
        times = statistics.median(ratio(timings["itemsets_fpgrowth"], ours))
        aim = f"itemsets of {size:,} baskets: at least 10 times as fast as mlxtend's fpgrowth"
        aims.append(Aim(aim, f"{times:.1f} times", times >= 10))
        if "itemsets_pyfim" in timings:
            times = 1 / statistics.median(ratio(timings["itemsets_pyfim"], ours))
            aim = f"itemsets of {size:,} baskets: at most 2 times pyfim's time, its lists included"
            aims.append(Aim(aim, f"{times:.1f} times", times <= 2))
    if size == max(SIZES):
        peak = max(m.peak_gb for m in ours)
        aims.append(Aim(f"itemsets of {size:,} baskets in less than 6 GB", f"{peak:.2f} GB", peak < 6))
    return aims


def _left_out(names: list[str], size: int) -> list[str]:
    return [
        f"{name.removeprefix('itemsets_')}, which {LEFT_OUT[name][1]}"
        for name in names
        if name in LEFT_OUT and size > LEFT_OUT[name][0]
    ]


def _has(python: Path, module: str) -> bool:
    return not subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False).returncode


_ITEMSETS = f"""
## Frequent itemsets

All sets of up to {MAX_LENGTH} items in at least {MIN_SUPPORT:.0%} of the baskets, from Parquet with a row an
item of an order, both as text. Items are the 188 product categories of Complete Journey in the most baskets;
baskets are copies of its own that each lost one item in ten by lot (`grow.py`). What a peer needs, lists or a
table of true and false, is built from integer codes by pandas, and counts as its time."""
_PAIRS = """
## Pairs from order lines

From `order_lines` and `products` to the pairs of categories in at least 1 % of the orders: what was bought is
brought down to a row an item of an order, returns left out, and pairs are counted on integers."""
