"""The whole report of a shop that grows: every notebook at 1, 10 and 100 million order lines.

``python benchmarks/whole.py FOLDER 1 10`` measures these sizes alone and keeps the grown shops in FOLDER.
Linux only: the most memory that a process held is read from ``/proc``.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import grow
import psutil
import yaml
from measure import HERE, LIMITS, Aim, run

__all__ = ["STUDY", "Notebook", "Whole", "page_lines", "project", "whole"]

STUDY = "complete_journey"
ROOT = HERE.parent
AIM_MINUTES = 10
AIM_GB = 8
AIM_EXPONENT = 1.05
#: What DuckDB may take of the 8 GB; the rest is for what a notebook holds beside it.
MEMORY = "4GB"
LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Notebook:
    """One notebook of a report: what became of it, wall and CPU seconds of its kernel, the most it held (GB),
    and its slowest cells (seconds, first line).
    """

    name: str
    status: str
    seconds: float
    cpu: float
    peak: float
    cells: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True)
class Whole:
    """A report of so many million lines: loading them, the command, the most it held (GB), its notebooks."""

    millions: int
    customers: int
    loading: float
    loading_peak: float
    seconds: float
    peak: float
    notebooks: tuple[Notebook, ...]

    @property
    def most(self) -> float:
        """The most memory (GB) that any process of the run held."""
        return max(self.peak, *(n.peak for n in self.notebooks))

    @property
    def cpu(self) -> float:
        """CPU seconds of all kernels."""
        return sum(n.cpu for n in self.notebooks)


def whole(folder: Path, sizes: Sequence[int]) -> tuple[list[str], list[Aim]]:
    """The report at each size, from an empty project: loading, then every notebook, one at a time."""
    made = []
    for millions in sizes:
        made.append(_made(project(folder, millions), millions))
        shown = f"{made[-1].seconds:.0f} s, {made[-1].most:.2f} GB"
        print(f"  whole report, {millions} million lines: {shown}", flush=True)
    return page_lines(made)


def page_lines(made: Sequence[Whole]) -> tuple[list[str], list[Aim]]:
    """The lines of the page, and what was aimed at."""
    first, last = made[0], made[-1]
    lines = [_WHOLE, *_table_of_sizes(made), *_table_of_notebooks(made), *_slowest(last)]
    minutes = last.seconds / 60
    what = f"{last.millions} million lines through every notebook"
    broken = [n.name for n in last.notebooks if n.status not in ("passed", "cannot")]
    failed = f"; failed: {', '.join(broken)}" if broken else ""
    aims = [
        Aim(
            f"{what} within {AIM_MINUTES} minutes",
            f"{minutes:.1f} minutes{failed}",
            minutes <= AIM_MINUTES and not broken,
        ),
        Aim(f"{what} in less than {AIM_GB} GB", f"{last.most:.2f} GB{failed}", last.most < AIM_GB),
    ]
    if len(made) > 1:
        b = _exponent(first.cpu, last.cpu, first, last)
        span = f"from {first.millions} to {last.millions} million lines"
        aim = f"growth exponent of the whole report's CPU seconds {span} at most {AIM_EXPONENT}"
        aims.append(Aim(aim, f"{b:.2f}", b <= AIM_EXPONENT))
        name, worst = max(_growth(*made[-2:]).items(), key=lambda item: item[1])
        span = f"from {made[-2].millions} to {last.millions} million lines"
        aim = f"no notebook's growth exponent above {AIM_EXPONENT} {span}"
        aims.append(Aim(aim, f"{worst:.2f} ({name})", worst <= AIM_EXPONENT))
    return lines, aims


def project(folder: Path, millions: int) -> Path:
    """A project of its own whose Complete Journey has so many million lines; its files are grown once."""
    home = folder / f"shop-{millions}"
    if not home.is_dir():
        grow.write_whole_source(home / "source", millions)
        (home / "studies").mkdir()
        study = yaml.safe_load((ROOT / "studies" / f"{STUDY}.yaml").read_text(encoding="utf-8"))
        study["source"] |= {"folder": "source"}
        (home / "studies" / f"{STUDY}.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    for part in ("notebooks", "rules", "reports", "data"):
        shutil.rmtree(home / part, ignore_errors=True)
    for part in ("notebooks", "rules"):
        shutil.copytree(ROOT / part, home / part)
    return home


def _made(home: Path, millions: int) -> Whole:
    crm, env = str(Path(sys.executable).with_name("crm")), LIMITS | {"CRM_MEMORY": MEMORY}
    started = time.perf_counter()
    _, loading_peak, _ = run([crm, "load-data", STUDY], cwd=home, env=env)
    loading, started = time.perf_counter() - started, time.perf_counter()
    peak, kernels = _watched([crm, "run", STUDY, "--jobs", "1", "--cell-timeout", "3600"], home, env)
    seconds = time.perf_counter() - started
    # Of a run that failed as well: what broke is the finding.
    report = max((home / "reports" / STUDY / ".runs").iterdir(), key=lambda folder: folder.name)
    first = json.loads((report / "results" / "data_collection.json").read_text(encoding="utf-8"))
    customers = int(first["numbers"]["customers"]["value"])
    return Whole(millions, customers, loading, loading_peak, seconds, peak, _notebooks(report, kernels))


def _watched(
    command: list[str], home: Path, env: dict[str, str]
) -> tuple[float, list[tuple[float, float, float]]]:
    """Run a command: the most memory (GB) it held, and of each kernel the start, CPU seconds and GB."""
    kernels: dict[int, tuple[float, float, float]] = {}
    top = 0.0
    given = dict(os.environ) | env
    with subprocess.Popen(command, cwd=home, env=given, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            with suppress(psutil.Error, OSError, StopIteration):  # what has just ended says nothing
                top = max(top, _most_held(process.pid))
                for child in psutil.Process(process.pid).children():
                    if "ipykernel_launcher" in child.cmdline():
                        spent = child.cpu_times()
                        cpu = spent.user + spent.system
                        kernels[child.pid] = (child.create_time(), cpu, _most_held(child.pid))
            time.sleep(LOOK_SECONDS)
    return top, sorted(kernels.values())


def _most_held(pid: int) -> float:
    """The most memory (GB) that a process has held until now."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024**2


def _notebooks(report: Path, kernels: list[tuple[float, float, float]]) -> tuple[Notebook, ...]:
    """Each notebook with its kernel: of one job, the last that had begun before the notebook's first cell."""
    entries = json.loads((report / "run.json").read_text(encoding="utf-8"))["notebooks"]
    notebooks = []
    for n in entries:
        path = report / f"{n['name']}.ipynb"
        if cells := _cells(path) if path.is_file() else []:
            begun = _time(cells[0][0]).timestamp()
            _, cpu, peak = max(kernel for kernel in kernels if kernel[0] <= begun)
            timed = tuple((seconds, line) for _, seconds, line in cells)
            notebooks.append(Notebook(n["name"], n["status"], n["seconds"], cpu, peak, timed))
    return tuple(notebooks)


def _cells(path: Path) -> list[tuple[str, float, str]]:
    """When each cell began, its seconds, and its first line of code."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    timed = [(c["metadata"].get("execution", {}), "".join(c["source"])) for c in cells]
    return [
        (
            times["iopub.execute_input"],
            (_time(times["iopub.status.idle"]) - _time(times["iopub.execute_input"])).total_seconds(),
            code.splitlines()[0],
        )
        for times, code in timed
        if {"iopub.execute_input", "iopub.status.idle"} <= times.keys()
    ]


def _time(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text.replace("Z", "+00:00"))


def _exponent(before: float, after: float, small: Whole, large: Whole) -> float:
    """The b of seconds ~ lines^b between two sizes."""
    return math.log(after / before) / math.log(large.millions / small.millions)


def _growth(small: Whole, large: Whole) -> dict[str, float]:
    """Of each notebook the exponent of its CPU seconds between two sizes."""
    then = {n.name: n.cpu for n in small.notebooks}
    return {n.name: _exponent(then[n.name], n.cpu, small, large) for n in large.notebooks if n.name in then}


def _table_of_sizes(made: Sequence[Whole]) -> list[str]:
    heads = ("order lines", "customers", "loading, s", "its peak, GB", "the report, s", "CPU s", "peak, GB")
    return [
        f"| {' | '.join(heads)} |\n{'|---' * len(heads)}|",
        *(
            f"| {m.millions} million | {m.customers:,} | {m.loading:.0f} | {m.loading_peak:.1f} "
            f"| {m.seconds:.0f} | {m.cpu:.0f} | {m.most:.1f} |"
            for m in made
        ),
    ]


def _table_of_notebooks(made: Sequence[Whole]) -> list[str]:
    """CPU seconds and memory of each notebook at each size, the slowest first."""
    by_size = [{n.name: n for n in m.notebooks} for m in made]
    growth = _growth(*made[-2:]) if len(made) > 1 else {}
    heads = [
        "notebook",
        *(f"{m.millions} million, CPU s | its peak, GB" for m in made),
        "seconds",
        "exponent",
    ]
    lines = [f"\n| {' | '.join(heads)} |\n|---{'|---|---' * len(made)}|---|---|"]
    for row in sorted(by_size[-1].values(), key=lambda n: -n.cpu):
        there = [m.get(row.name) for m in by_size]
        cells = " | ".join(f"{n.cpu:.0f} | {n.peak:.1f}" if n else "– | –" for n in there)
        grown = f"{growth[row.name]:.2f}" if row.name in growth else ""
        name = row.name if row.status == "passed" else f"{row.name} ({row.status})"
        lines.append(f"| {name} | {cells} | {row.seconds:.0f} | {grown} |")
    return lines


def _slowest(last: Whole, *, cells: int = 12) -> list[str]:
    """The cells in which the seconds go at the largest size."""
    timed = [(s, n.name, code) for n in last.notebooks for s, code in n.cells]
    rows = sorted(timed, reverse=True)[:cells]
    return [
        f"\nThe slowest cells at {last.millions} million lines:\n",
        "| notebook | seconds | the cell's first line |\n|---|---|---|",
        *(f"| {name} | {s:.0f} | `{code.replace('|', ' ')}` |" for s, name, code in rows),
    ]


_WHOLE = f"""
## The whole report as a shop grows

`crm run {STUDY} --jobs 1` of Complete Journey multiplied (`grow.py`): its customers, what they were sent and
what they redeemed grow with its lines; products and campaigns stay. DuckDB may take {MEMORY} and
{LIMITS["CRM_THREADS"]} threads. Loading is measured by itself. A notebook that *cannot* say anything of this
shop, since it has no such table, ends there and is counted. *Seconds* of a notebook are the clock's at the
largest size, *exponent* is the b of CPU seconds ~ lines^b between the two largest.
"""


if __name__ == "__main__":
    print("\n".join(whole(Path(sys.argv[1]), [int(size) for size in sys.argv[2:]])[0]))
