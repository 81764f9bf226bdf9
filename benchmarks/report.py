"""How long does a report take, and where does every second go?"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from measure import HERE, Aim, run, span

__all__ = ["report"]

STUDY = "complete_journey"
AIM_SECONDS = 45
ROOT = HERE.parent


def report(folder: Path, *, rounds: int) -> tuple[list[str], list[Aim]]:
    """Make the default report from nothing, several times, and once under the eyes of ``probe``."""
    runs = [_run(folder) for _ in range(rounds)]
    seconds, cpu, peak = [r[0] for r in runs], [r[1] for r in runs], max(r[2] for r in runs)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        watched, _, _, manifest = _run(folder, watch=Path(name))
        parts = [(p.name.split("-")[0], json.loads(p.read_text())) for p in Path(name).glob("*.json")]
    command = next(spent for process, spent in parts if process == "command")
    kernels = Counter()
    for process, spent in parts:
        if process == "kernel":
            kernels.update(spent)
    notebooks = manifest["notebooks"]
    lines = [
        f"\n## The default report, all of it\n\n`crm run {STUDY}` in an empty project: loading "
        f"the data, {len(notebooks)} notebooks, pages; byte code is compiled. "
        f"Median {span(seconds)} s of {rounds} runs, {span(cpu)} CPU seconds of all processes together; the "
        f"largest held {peak:.2f} GB.\n",
        f"Where the time goes, in one more run of {watched:.1f} s, looked at every 10 ms (`probe/`). Kernels "
        "run beside the command and beside each other, so their seconds add up to more than the clock's.\n",
        "| process | part | seconds |\n|---|---|---|",
        *(f"| command | {part} | {s:.1f} |" for part, s in _largest_first(command)),
        *(f"| kernels, together | {part} | {s:.1f} |" for part, s in _largest_first(kernels)),
        "\n| notebook | seconds, from starting its kernel to its last cell |\n|---|---|",
        *(f"| {n['name']} | {n['seconds']:.1f} |" for n in notebooks),
    ]
    middle = statistics.median(seconds)
    return lines, [
        Aim(f"the default report within {AIM_SECONDS} s", f"{middle:.1f} s", middle <= AIM_SECONDS)
    ]


def _run(folder: Path, *, watch: Path | None = None) -> tuple[float, float, float, dict]:
    with tempfile.TemporaryDirectory(dir=folder) as name:
        project = Path(name)
        for part in ("notebooks", "studies"):
            shutil.copytree(ROOT / part, project / part)
        paths = os.pathsep.join([str(HERE / "probe"), *filter(None, [os.environ.get("PYTHONPATH")])])
        env = {"CRM_PROBE": str(watch), "PYTHONPATH": paths} if watch else {}
        started = time.perf_counter()
        _, peak, cpu = run([str(Path(sys.executable).with_name("crm")), "run", STUDY], cwd=project, env=env)
        seconds = time.perf_counter() - started
        manifest = json.loads((project / "reports" / STUDY / "latest" / "run.json").read_text())
        print(f"  report: {seconds:.1f} s", flush=True)
        return seconds, cpu, peak, manifest


def _largest_first(spent: dict[str, float]) -> list[tuple[str, float]]:
    return sorted(spent.items(), key=lambda item: -item[1])
