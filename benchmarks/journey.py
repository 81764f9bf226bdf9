"""Events to paths beside a plain grouping by customer, to visits, and Markov's credit, beside peers."""

from __future__ import annotations

import statistics
import sys
from functools import partial
from pathlib import Path

from compared import HEAD, agree, compared
from journey_tasks import write_events
from measure import Aim, in_turn, ratio, task
from written import versions

__all__ = ["journey"]

_JOURNEY = """
## Paths of journeys

From touches and orders in Parquet to counted paths (cut by orders, pauses and the look-back, repeats in a row
once), against one grouping of the same rows by customer that collects the touches in their order."""


_VISITS = """
### Visits of {events:,} events

From Parquet to visits cut at pauses of 30 minutes, counted. {versions} holds every event in pandas."""
_MARKOV = """
### Markov's credit

6,000 drawn paths over 300 channels to what would be lost without each. {versions} inverts a
matrix for each. Both find the same sum, to a millionth. With 1,000 channels ours takes {seconds:.2f} s."""
_FEW = "300"
"""Channels: with 1,000 the peer took six minutes."""


def journey(folder: Path, peers: Path | None, events: int = 10_000_000) -> tuple[list[str], list[Aim]]:
    """How much more than one grouping by customer paths cost; visits and Markov beside their peers."""
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
    aims = [
        Aim(f"paths of {events:,} events: within 2 times a plain grouping", f"{times:.1f} times", times <= 2)
    ]
    for part in (_visits(folder, peers, events // 5), _markov(folder, peers)):
        lines, aims = lines + part[0], aims + part[1]
    return lines, aims


def _visits(folder: Path, peers: Path | None, events: int) -> tuple[list[str], list[Aim]]:
    """Pauses to visits, beside retentioneering where it is installed."""
    warm, path = folder / "warm-events.parquet", folder / "fewer-events.parquet"
    write_events(str(path), events)
    pythons = {"visits_ours": Path(sys.executable)} | ({"visits_retentioneering": peers} if peers else {})
    timings = in_turn(
        {name: partial(task, python, name, path, cwd=folder, warm=warm) for name, python in pythons.items()},
        rounds=3,
    )
    agree(timings)
    said = versions(peers, ["retentioneering"]) if peers else "retentioneering, which was not installed,"
    lines = [_VISITS.format(events=events, versions=said), "", HEAD, *compared(timings, "visits_ours")]
    return lines, []


def _markov(folder: Path, peers: Path | None) -> tuple[list[str], list[Aim]]:
    """A thousand channels within a second, and a few beside the peer."""
    pythons = {"markov_ours": Path(sys.executable)} | ({"markov_mam": peers} if peers else {})
    timings = in_turn(
        {n: partial(task, python, n, _FEW, cwd=folder, warm="2") for n, python in pythons.items()}, rounds=3
    )
    agree(timings)
    many = in_turn(
        {"markov_many": partial(task, sys.executable, "markov_ours", "1000", cwd=folder, warm="2")}, rounds=3
    )
    seconds = statistics.median(m.seconds for m in many["markov_many"])
    package = ["marketing-attribution-models"]
    said = versions(peers, package) if peers else f"{package[0]}, which was not installed,"
    lines = [_MARKOV.format(versions=said, seconds=seconds), "", HEAD, *compared(timings, "markov_ours")]
    return lines, [Aim("Markov with 1,000 channels: within a second", f"{seconds:.2f} s", seconds < 1)]
