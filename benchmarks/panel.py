"""The churn panel against pandas, and scores for ten million customers."""

from __future__ import annotations

import statistics
import sys
from functools import partial
from pathlib import Path

import grow
from compared import HEAD, PEERS_UP_TO, agree, compared
from measure import HERE, Aim, in_turn, ratio, run, task

__all__ = ["churn"]

_CHURN = """
## Churn panel

From orders in Parquet to a row a customer and cut-off: twelve cut-offs four weeks apart, features and labels.
Pandas gets amounts as floats and leaves out half of the labels."""


def churn(folder: Path) -> tuple[list[str], list[Aim]]:
    """The churn panel from a million orders, with pandas beside it, and from ten; then ten million scores."""
    lines, aims = [_CHURN], []
    grow.write_orders(warm := folder / "warm_orders.parquet", 1, only="len(customer_id) = 1")
    for millions in (10, 100):
        grow.write_orders(path := folder / f"orders-{millions}.parquet", millions)
        names = ("panel_ours", "panel_pandas") if millions <= PEERS_UP_TO else ("panel_ours",)
        tasks = {n: partial(task, sys.executable, n, path, cwd=folder, warm=warm) for n in names}
        timings = in_turn(tasks, rounds=3)
        agree(timings)
        rows = timings["panel_ours"][0].rows
        lines += [f"\n### Orders of {millions} million lines, {rows:,} rows\n", HEAD]
        lines += compared(timings, "panel_ours")
        if millions <= PEERS_UP_TO:
            times = statistics.median(ratio(timings["panel_pandas"], timings["panel_ours"]))
            aim = "churn panel of 1 million orders: at least 10 times as fast as pandas"
            aims.append(Aim(aim, f"{times:.1f} times", times >= 10))
    seconds = statistics.median(m.seconds for m in timings["panel_ours"])
    peak = max(m.peak_gb for m in timings["panel_ours"])
    aims += [
        Aim(
            "churn panel of 12 cut-offs from 10.6 million orders within 30 s",
            f"{seconds:.1f} s",
            seconds <= 30,
        ),
        Aim("the same within 3 GB", f"{peak:.2f} GB", peak <= 3),
    ]
    text, peak, _ = run([sys.executable, "-W", "ignore", str(HERE / "score_ten_million.py")], cwd=folder)
    lines.append(
        f"\n### Ten million customers scored\n\n```\n{text.strip()}\n```\n\nThe process held {peak:.2f} GB."
    )
    return lines, [*aims, Aim("10 million customers scored in less than 4 GB", f"{peak:.2f} GB", peak < 4)]
