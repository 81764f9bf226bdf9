"""Effects of an experiment against the libraries that analysts use."""

from __future__ import annotations

import statistics
import sys
from functools import partial
from pathlib import Path

import grow
from compared import HEAD, WHO, agree, compared
from measure import Aim, in_turn, ratio, task

__all__ = ["experiments"]

_EXPERIMENTS = """
## Effects of an experiment

From a row a customer in Parquet (arm, orders and amount, after and before the assignment) to the effects on
conversion, orders, revenue and money an order, each with its covariate. spotify-confidence tests means and
takes no covariate from such rows, so it is held against the same of ours. Amounts reach pandas as floats."""


def experiments(folder: Path, peers: Path) -> tuple[list[str], list[Aim]]:
    """Effects of an experiment on ten million customers: time against peers, memory against a tenth."""
    lines, aims, peaks = [_EXPERIMENTS], [], {}
    grow.write_customers(warm := folder / "warm-customers.parquet", 0.001)
    for millions in (1, 10):
        path = folder / f"customers-{millions}.parquet"
        grow.write_customers(path, millions)
        print(f"{millions} million customers", flush=True)
        lines += [f"\n### {millions} million customers\n", HEAD]
        for ours, peer in (("effects_ours", "effects_tea_tasting"), ("means_ours", "means_confidence")):
            pair = {ours: sys.executable, peer: peers}
            timings = in_turn(
                {name: partial(task, who, name, path, cwd=folder, warm=warm) for name, who in pair.items()},
                rounds=5,
            )
            agree(timings)
            lines += compared(timings, ours)
            peaks[ours, millions] = max(m.peak_gb for m in timings[ours])
            if millions == 10:
                times = statistics.median(ratio(timings[peer], timings[ours]))
                name = WHO[peer].split(" on ")[0]
                aim = f"effects of 10 million customers: at least 10 times as fast as {name}"
                aims.append(Aim(aim, f"{times:.1f} times", times >= 10))
    more = peaks["effects_ours", 10] - peaks["effects_ours", 1]
    flat = Aim("effects: less than 0.5 GB more for ten times the customers", f"{more:.2f} GB", more < 0.5)
    return lines, [*aims, flat]
