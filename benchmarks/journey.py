"""Events to paths beside a plain grouping by customer, and Markov with a thousand channels."""

from __future__ import annotations

import statistics
import sys
from functools import partial
from pathlib import Path

from compared import HEAD, agree, compared
from journey_tasks import write_events
from measure import Aim, in_turn, ratio, task

__all__ = ["journey"]

_JOURNEY = """
## Paths of journeys

From touches and orders in Parquet to counted paths (cut by orders, pauses and the look-back, repeats in a row
once), against one grouping of the same rows by customer that collects the touches in their order."""


def journey(folder: Path, events: int = 10_000_000) -> tuple[list[str], list[Aim]]:
    """How much more than one grouping by customer paths cost."""
    write_events(str(warm := folder / "warm-events.parquet"), 10_000)
    write_events(str(path := folder / "events.parquet"), events)
    print(f"paths of {events:,} events", flush=True)
    names = ("paths_ours", "paths_bare")
    timings = in_turn(
        {name: partial(task, sys.executable, name, path, cwd=folder, warm=warm) for name in names}, rounds=3
    )
    agree(timings)
    lines = [_JOURNEY, f"\n### {events:,} events\n", HEAD, *compared(timings, "paths_ours")]
    times = statistics.median(ratio(timings["paths_ours"], timings["paths_bare"]))
    markov = in_turn(
        {"markov_ours": partial(task, sys.executable, "markov_ours", warm, cwd=folder)}, rounds=3
    )
    seconds = statistics.median(m.seconds for m in markov["markov_ours"])
    aims = [
        Aim(f"paths of {events:,} events: within 2 times a plain grouping", f"{times:.1f} times", times <= 2),
        Aim("Markov with 1,000 channels: within a second", f"{seconds:.1f} s", seconds < 1),
    ]
    return lines, aims
