"""What was measured, kept part by part, and RESULTS.md made of all parts that were ever measured.

A part that is measured again replaces itself alone, so each says when it was measured, on what, and how
busy the machine was.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import psutil
from measure import HERE, LIMITS, Aim

__all__ = ["keep_part", "measured", "versions", "write_page"]

PARTS = HERE / "parts"
OURS = ["duckdb", "ibis-framework", "pandas", "pyarrow", "numpy", "scikit-learn"]
THEIRS = [
    "lifetimes", "openretailscience", "mlxtend", "efficient-apriori", "pyfim", "tea-tasting",
    "spotify-confidence", "pandas", "duckdb",
]  # fmt: skip
_TITLE = f"""# Results

Written by `nox -s bench` (`benchmarks/bench.py`), never by hand; `nox -s bench -- --only NAME` measures one
part anew and leaves the others. Every measurement is a process of its own; the contenders take turns, round
after round; before the clock starts, libraries are imported and the task has run once on a few lines, loading
and the report apart. *Seconds* are the median and, in brackets, the range; *times ours* is the median and
range of the ratios within each round; *peak* is the most memory that any of the processes held, interpreter
and libraries included. DuckDB may take {LIMITS["CRM_MEMORY"]} and {LIMITS["CRM_THREADS"]} threads.
"""


def keep_part(name: str, lines: Sequence[str], aims: Sequence[Aim], *, where: str) -> None:
    """Keep what one part found, in place of what it found before."""
    PARTS.mkdir(exist_ok=True)
    part = {"lines": [*lines, f"\n{where}"], "aims": [asdict(aim) for aim in aims]}
    text = json.dumps(part, indent=1, ensure_ascii=False)
    (PARTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def write_page(out: Path, order: Sequence[str]) -> None:
    """RESULTS.md: all aims, and then part by part; what was never measured is named."""
    kept = {name: PARTS / f"{name}.json" for name in order}
    parts = {name: json.loads(path.read_text("utf-8")) for name, path in kept.items() if path.is_file()}
    aims = [
        f"| {aim['aim']} | {aim['reached']} | {'yes' if aim['met'] else '**no**'} |"
        for part in parts.values()
        for aim in part["aims"]
    ]
    head = [_TITLE, "## Aims\n\n| aim | reached | met |\n|---|---|---|", *aims]
    missing = [name for name in order if name not in parts]
    if missing:
        head.append(f"\nNot measured yet: {', '.join(missing)}.")
    out.write_text(
        "\n".join([*head, *(line for part in parts.values() for line in part["lines"])]) + "\n", "utf-8"
    )


def measured(started: dt.datetime, busy: float, peers: Path) -> str:
    """When a part was measured, on what, with what, and how busy the machine was beside it."""
    minutes = (dt.datetime.now(dt.UTC) - started).total_seconds() / 60
    memory = psutil.virtual_memory().total / 1024**3
    machine = f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GB, {platform.system()}"
    ours = f"Python {platform.python_version()}, {versions(Path(sys.executable), OURS)}"
    return (
        f"Measured {started:%Y-%m-%d %H:%M} UTC in {minutes:.0f} minutes; load average {busy:.1f} before and "
        f"{os.getloadavg()[0]:.1f} after (what exceeds the one or two of the measurement is other work, "
        f"and slows everyone). {machine}. Ours: {ours}. Peers: {versions(peers, THEIRS)}."
    )


def versions(python: Path, packages: list[str]) -> str:
    """Of these packages, those that a Python has."""
    say = (
        "import sys, importlib.metadata as m; "
        "there = {d.name.lower().replace('_', '-') for d in m.distributions()}; "
        "print(*(f'{p} {m.version(p)}' for p in sys.argv[1:] if p in there), sep=', ')"
    )
    done = subprocess.run([python, "-c", say, *packages], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
