"""What do notebooks take home from the engine, and what does it grow with? Rows and bytes, at two sizes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from measure import HERE, LIMITS, Aim
from whole import STUDY, project

__all__ = ["home"]

Taken = tuple[int, int, int, int]
"""Tables, rows in all, bytes in all, rows of the largest."""

_HOME = f"""
## What comes home

Rows and megabytes that leave the engine for Python, of each notebook of `crm run {STUDY} --jobs 1`: all its
tables together, and the largest of them. With ten times the customers an aggregate stays as it is, a row a
customer grows tenfold, and what is capped (`most_rows`, samples of models and contests) stops growing. The
engine is DuckDB; on Spark the same expressions come home. Lists that the engine writes are not in it.
"""


def home(folder: Path, sizes: Sequence[int] = (1, 10)) -> tuple[list[str], list[Aim]]:
    """Count what comes home in each notebook at two sizes of the grown shop."""
    taken = [_taken(project(folder, millions)) for millions in sizes]
    customers = [f"{customers:,} customers" for customers, _ in taken]
    heads = [
        "notebook",
        *(f"{which}: tables | rows | MB | largest, rows" for which in customers),
        "times the rows",
    ]
    lines = [_HOME, f"| {' | '.join(heads)} |\n|---{'|---|---|---|---' * len(sizes)}|---|"]
    small, large = taken[0][1], taken[-1][1]
    for name, most in large.items():
        cells = [
            f"{t} | {rows:,} | {size / 1e6:,.1f} | {top:,}" for t, rows, size, top in (small[name], most)
        ]
        lines.append(f"| {name} | {' | '.join(cells)} | {most[1] / max(small[name][1], 1):.1f} |")
    return lines, []


def _taken(root: Path) -> tuple[int, dict[str, Taken]]:
    """One run of a project, counted: its customers, and of each notebook what it took."""
    crm = str(Path(sys.executable).with_name("crm"))
    taken: dict[str, Taken] = {}
    with tempfile.TemporaryDirectory() as out:
        paths = os.pathsep.join([str(HERE / "probe_home"), *filter(None, [os.environ.get("PYTHONPATH")])])
        env = dict(os.environ) | LIMITS | {"PYTHONPATH": paths, "CRM_PROBE_HOME": out}
        subprocess.run([crm, "run", STUDY, "--jobs", "1"], cwd=root, env=env, check=True, capture_output=True)
        kernels = sorted(Path(out).glob("*.txt"), key=lambda path: path.stat().st_mtime)
        report = root / "reports" / STUDY / "latest"
        ran = [n for n in json.loads((report / "run.json").read_text("utf-8"))["notebooks"] if n["seconds"]]
        ended = sorted(ran, key=lambda n: (report / f"{n['name']}.ipynb").stat().st_mtime)
        for notebook, kernel in zip(ended, kernels, strict=True):
            tables = [tuple(map(int, line.split())) for line in kernel.read_text("utf-8").splitlines()]
            rows, sizes = [table[0] for table in tables], [table[1] for table in tables]
            taken[notebook["name"]] = (len(tables), sum(rows), sum(sizes), max(rows, default=0))
    first = json.loads((report / "results" / "data_collection.json").read_text(encoding="utf-8"))
    return int(first["numbers"]["customers"]["value"]), taken
