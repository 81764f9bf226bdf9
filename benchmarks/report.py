"""How long does a report take, and where does every second go?

``python benchmarks/report.py`` prints this part alone.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from measure import HERE, Aim, run, span

__all__ = ["report"]

STUDY = "complete_journey"
AIM_SECONDS = 45
AIM_OVERHEAD_SECONDS = 2
ROOT = HERE.parent


def report(folder: Path, *, rounds: int) -> tuple[list[str], list[Aim]]:
    """Make the default report from nothing, several times, and once under the eyes of ``probe``."""
    made = [_made(folder) for _ in range(rounds)]
    with tempfile.TemporaryDirectory(dir=folder) as name:
        watched = _made(folder, watch=Path(name))
        parts = [(p.name.split("-")[0], json.loads(p.read_text())) for p in Path(name).glob("*.json")]
    command = next(spent for process, spent in parts if process == "command")
    kernels = Counter()
    for process, spent in parts:
        if process == "kernel":
            kernels.update(spent)
    middle = statistics.median(m.seconds for m in made)
    beyond = statistics.median(m.overhead for m in made)
    return _told(made) + _seconds_of(watched, command, kernels), [
        Aim(f"the default report within {AIM_SECONDS} s", f"{middle:.1f} s", middle <= AIM_SECONDS),
        Aim(
            f"a run's own time, beyond its notebooks and new data, under {AIM_OVERHEAD_SECONDS} s",
            f"{beyond:.1f} s",
            beyond < AIM_OVERHEAD_SECONDS,
        ),
    ]


@dataclass(frozen=True)
class Made:
    """One report: wall and CPU seconds, the largest process (GB), its run.json, and taking it over anew."""

    seconds: float
    cpu: float
    peak: float
    manifest: dict
    again: float

    @property
    def overhead(self) -> float:
        """Seconds of the whole process in which no notebook was at work and no new data were loaded."""
        parts = self.manifest["durations"]
        return self.seconds - parts["notebooks"] - parts["loading"]


def _told(made: list[Made]) -> list[str]:
    notebooks = len(made[0].manifest["notebooks"])
    return [
        f"\n## The default report, all of it\n\n`crm run {STUDY}` in an empty project: loading the data, "
        f"{notebooks} notebooks, pages; byte code is compiled. Median {span([m.seconds for m in made])} s of "
        f"{len(made)} runs, {span([m.cpu for m in made])} CPU seconds of all processes together; the largest "
        f"held {max(m.peak for m in made):.2f} GB.\n",
        f"Beyond its notebooks and the loading of new data a run takes {span([m.overhead for m in made])} s: "
        "Python and its imports, the last page and the index, publishing, tidying up. A run that executes "
        f"nothing, since `--resume` takes over all of it, ends after {span([m.again for m in made])} s.\n",
    ]


def _seconds_of(watched: Made, command: dict[str, float], kernels: dict[str, float]) -> list[str]:
    return [
        f"Where the time goes, in one more run of {watched.seconds:.1f} s, looked at every 10 ms (`probe/`). "
        "Kernels run beside the command and beside each other, so their seconds add up to more than the "
        "clock's.\n",
        "| process | part | seconds |\n|---|---|---|",
        *(f"| command | {part} | {s:.1f} |" for part, s in _largest_first(command)),
        *(f"| kernels, together | {part} | {s:.1f} |" for part, s in _largest_first(kernels)),
        "\n| notebook | seconds, from starting its kernel to its last cell |\n|---|---|",
        *(f"| {n['name']} | {n['seconds']:.1f} |" for n in watched.manifest["notebooks"]),
    ]


def _made(folder: Path, *, watch: Path | None = None) -> Made:
    with tempfile.TemporaryDirectory(dir=folder) as name:
        project = Path(name)
        for part in ("notebooks", "studies"):
            shutil.copytree(ROOT / part, project / part)
        paths = os.pathsep.join([str(HERE / "probe"), *filter(None, [os.environ.get("PYTHONPATH")])])
        env = {"CRM_PROBE": str(watch), "PYTHONPATH": paths} if watch else {}
        command = [str(Path(sys.executable).with_name("crm")), "run", STUDY]
        started = time.perf_counter()
        _, peak, cpu = run(command, cwd=project, env=env)
        seconds = time.perf_counter() - started
        manifest = json.loads((project / "reports" / STUDY / "latest" / "run.json").read_text())
        started = time.perf_counter()
        run([*command, "--resume"], cwd=project)
        made = Made(seconds, cpu, peak, manifest, time.perf_counter() - started)
        print(f"  report: {seconds:.1f} s, {made.overhead:.1f} s beyond its notebooks and data", flush=True)
        return made


def _largest_first(spent: dict[str, float]) -> list[tuple[str, float]]:
    return sorted(spent.items(), key=lambda item: -item[1])


if __name__ == "__main__":
    print("\n".join(report(Path(tempfile.gettempdir()), rounds=3)[0]))
