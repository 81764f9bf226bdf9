"""How long and how much memory does one process take? And how do several compare, measured in turn?"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["HERE", "LIMITS", "Aim", "Measurement", "in_turn", "ratio", "run", "span", "task"]

HERE = Path(__file__).resolve().parent
LIMITS = {"CRM_THREADS": "2", "CRM_MEMORY": "3GB"}
"""What DuckDB may take; the process may need more than DuckDB."""


@dataclass(frozen=True)
class Measurement:
    """Wall and CPU seconds of the task, the most memory that its process held (GB), rows that came out."""

    seconds: float
    cpu_seconds: float
    peak_gb: float
    rows: int


@dataclass(frozen=True)
class Aim:
    """What was aimed at, what was found, and whether that is enough."""

    aim: str
    reached: str
    met: bool


def run(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None
) -> tuple[str, float, float]:
    """Run a process to its end: what it printed, the most memory (GB) that it or a child of it held, and
    the CPU seconds of all of them.
    """
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, cwd=cwd, env=dict(os.environ) | dict(env or {}), stdout=said)
        _, status, usage = os.wait4(process.pid, 0)
        said.seek(0)
        text = said.read()
    if status:
        raise SystemExit(f"{' '.join(command)} failed:\n{text}")
    return text, usage.ru_maxrss / 1024**2, usage.ru_utime + usage.ru_stime


def task(
    python: str | Path, name: str, *arguments: str | Path, cwd: Path, warm: str | Path = ""
) -> Measurement:
    """Measure one of ``tasks.py`` in a fresh process of the given Python."""
    command = [str(python), "-W", "ignore", str(HERE / "tasks.py"), name, *map(str, (warm, *arguments))]
    text, peak, _ = run(command, cwd=cwd, env=LIMITS)
    return Measurement(peak_gb=peak, **json.loads(text.strip().splitlines()[-1]))


def in_turn(
    contenders: Mapping[str, Callable[[], Measurement]], *, rounds: int
) -> dict[str, list[Measurement]]:
    """Measure everyone once a round, so that what else the machine does falls on all alike."""
    timings: dict[str, list[Measurement]] = {name: [] for name in contenders}
    for number in range(rounds):
        names = list(contenders)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            timings[name].append(contenders[name]())
            print(f"  {name}: {timings[name][-1]}", flush=True)
    return timings


def ratio(theirs: Sequence[Measurement], ours: Sequence[Measurement]) -> list[float]:
    """Their seconds over ours, round by round."""
    return [a.seconds / b.seconds for a, b in zip(theirs, ours, strict=True)]


def span(values: Sequence[float], *, decimals: int = 1) -> str:
    """Median and range: ``3.2 (3.0–4.1)``."""
    low, middle, high = (f"{f(values):.{decimals}f}" for f in (min, statistics.median, max))
    return f"{middle} ({low}–{high})"
