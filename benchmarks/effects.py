"""Effects of an experiment against the libraries that analysts use."""

from __future__ import annotations

import statistics
import sys
from functools import partial
from pathlib import Path

import grow
from compared import HEAD, agree, compared
from measure import Aim, in_turn, ratio, task

__all__ = ["experiments"]

_EXPERIMENTS = """
## Effects of an experiment

From a row a customer in Parquet (arm, orders and amount, after and before the assignment) to the effects on
conversion, orders, revenue and money an order, each with its covariate. Amounts reach pandas as floats."""


def experiments(folder: Path, peers: Path) -> tuple[list[str], list[Aim]]:
    """Effects of an experiment on ten million customers: time against peers, memory against a tenth."""
    lines, aims, peaks = [_EXPERIMENTS], [], {}
    grow.write_customers(warm := folder / "warm-customers.parquet", 0.001)
    for millions in (1, 10):
        path = folder / f"customers-{millions}.parquet"
        grow.write_customers(path, millions)
        tasks = {"effects_ours": sys.executable, "effects_tea_tasting": peers, "effects_confidence": peers}
        print(f"{millions} million customers", flush=True)
        found = in_turn(
            {name: partial(task, who, name, path, cwd=folder, warm=warm) for name, who in tasks.items()},
            rounds=3,
        )
        agree(found)
        peaks[millions] = max(m.peak_gb for m in found["effects_ours"])
        lines += [f"\n### {millions} million customers\n", HEAD, *compared(found, "effects_ours")]
    for name in ("effects_tea_tasting", "effects_confidence"):
        times = statistics.median(ratio(found[name], found["effects_ours"]))
        aim = f"effects of 10 million customers: at least 10 times as fast as {name.removeprefix('effects_')}"
        aims.append(Aim(aim, f"{times:.1f} times", times >= 10))
    more = peaks[10] - peaks[1]
    flat = Aim("effects: less than 0.5 GB more for ten times the customers", f"{more:.2f} GB", more < 0.5)
    return lines, [*aims, flat]
