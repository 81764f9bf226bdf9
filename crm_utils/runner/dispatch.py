"""In which order do the notebooks run? Each after those whose tables it loads, several in parallel.

All but the executing happens in the thread that called: one place writes the record and tells of it.
"""

from __future__ import annotations

import graphlib
import os
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import psutil

from crm_utils.runner import resume
from crm_utils.runner.environment import for_kernels
from crm_utils.runner.kernel import Execution, Executor
from crm_utils.runner.open_files import notebooks_in_parallel
from crm_utils.runner.plan import Plan
from crm_utils.runner.record import Record, code_hash
from crm_utils.snapshots import sha256
from crm_utils.tables import AsOf
from crm_utils.tools.signals import held

__all__ = ["Conductor", "Tell"]

#: Share of the memory that is free at the start which the engines of all kernels may use together.
MEMORY_SHARE = 0.6
#: Seconds between two looks at how far the notebooks at work have come.
PROGRESS = 2.0
#: Called with an event (started, progress, notebook, published, finished, warning) and its facts.
Tell = Callable[[str, dict[str, Any]], None]


class Conductor:
    """Carries out a plan's notebooks.

    Parameters
    ----------
    root
        The project's folder.
    plan
        Which notebooks, in which order, with which parameters.
    record
        Where it is written what became of each.
    tell
        Called as each ends.
    """

    def __init__(self, root: Path, plan: Plan, record: Record, tell: Tell) -> None:
        self._plan, self._record, self._tell = plan, record, tell
        self._notebooks = {n.name: n for n in plan.notebooks if n.name not in plan.skipped}
        self._after = {name: plan.after[name] & self._notebooks.keys() for name in self._notebooks}
        later = {name: plan.later[name] & self._notebooks.keys() for name in self._notebooks}
        self._sorter = graphlib.TopologicalSorter(later)
        self._jobs = notebooks_in_parallel(max(1, min(plan.request.jobs, len(self._notebooks))))
        environment = for_kernels(os.environ, plan.study.source, opens=plan.study.engine.variables)
        environment |= _environment(root, record.folder, self._jobs)
        self._executor = Executor(
            record.folder, plan.notebooks, environment, cell_timeout=plan.request.cell_timeout
        )
        self._running: dict[Future[Execution], str] = {}
        self._ended: list[str] = []

    def run(self, deadline: float, meanwhile: Callable[[list[str]], None]) -> None:
        """Run all notebooks.

        Parameters
        ----------
        deadline
            When it has to be over, on the monotonic clock.
        meanwhile
            Called before each wait, when kernels are at work, with the names of those that ended since: time
            to write their pages.
        """
        with ThreadPoolExecutor(self._jobs) as pool:
            try:
                self._sorter.prepare()
                while self._sorter.is_active():
                    for name in self._sorter.get_ready():
                        self._start(name, pool)
                    meanwhile(self._just_ended())
                    self._finish_those(self._next(deadline))
                meanwhile(self._just_ended())
            except BaseException as error:
                self._executor.stop(str(error) or type(error).__name__)
                with held():
                    self._finish_those(wait(self._running).done)
                raise
            finally:
                pool.shutdown(cancel_futures=True)
                self._executor.close()

    def _start(self, name: str, pool: ThreadPoolExecutor) -> None:
        statuses = {d: self._record.entry(d)["status"] for d in sorted(self._after[name])}
        unsaid = [d for d, status in statuses.items() if status == "cannot"]
        broken = [d for d, status in statuses.items() if status not in ("passed", "cannot")]
        if unsaid and not broken:
            self._finish(name, Execution("cannot", self._record.entry(unsaid[0])["reason"], 0.0))
            return
        if broken:
            self._finish(name, Execution("not run", f"builds on {', '.join(broken)}, which failed", 0.0))
            return
        plan, folder, notebook = self._plan, self._record.folder, self._notebooks[name]
        given = {"study": plan.study.name, "as_of": str(plan.as_of)} | plan.parameters[name]
        entry, source = self._record.entry(name), self._executor.source(notebook)
        entry["source"] = sha256(source)
        last = folder.parents[1] / (self._record.manifest.get("previous") or {}).get("as_of", "none")
        entry["key"] = resume.key(
            source,
            given,
            manifest=self._record.manifest,
            study=plan.study.model_dump(mode="json", exclude={"notebooks"}),
            uses=[_table(folder, plan.as_of, table) for table in sorted(notebook.uses | notebook.hopes)],
            recalls=[
                folder / "vendors.csv",
                *(last / "tables" / f"{table}.parquet" for table in sorted(notebook.recalls)),
            ],
        )
        taken = resume.take(folder.parent, name, entry["key"], folder) if plan.request.resume else ""
        if taken:
            self._finish(name, Execution("passed", "", 0.0), taken)
        else:
            self._running[pool.submit(self._executor.execute, notebook, given)] = name

    def _next(self, deadline: float) -> set[Future[Execution]]:
        """The notebooks that ended next; when time is up, all that were running."""
        ended: set[Future[Execution]] = set()
        while self._running and not ended and (left := deadline - time.monotonic()) > 0:
            self._tell("progress", {"notebooks": self._progress()})
            ended = wait(self._running, timeout=min(left, PROGRESS), return_when=FIRST_COMPLETED).done
        if self._running and not ended:
            limit = f"{self._plan.request.run_timeout} seconds"
            self._executor.stop(
                f"The run took longer than {limit} and was stopped; --run-timeout gives it more."
            )
            ended = wait(self._running).done
        return ended

    def _progress(self) -> dict[str, tuple[int, int]]:
        """Of each notebook at work the cells begun, of how many."""
        at_work = [self._notebooks[name] for name in self._running.values()]
        return {n.path.stem: self._executor.progress(n) for n in at_work}

    def _just_ended(self) -> list[str]:
        names, self._ended = self._ended, []
        return names

    def _finish_those(self, ended: set[Future[Execution]]) -> None:
        for future in ended:
            self._finish(self._running.pop(future), future.result())

    def _finish(self, name: str, execution: Execution, taken: str = "") -> None:
        entry = self._record.entry(name)
        entry |= {"status": execution.status, "reason": execution.reason, "seconds": execution.seconds}
        if taken:
            entry["taken_from"] = taken
        if execution.status == "passed" and code_hash() == self._record.manifest["code"]:
            entry["files"] = resume.made(self._record.folder, name)
        self._record.write()
        keys = ("name", "file", "status", "reason", "seconds")
        facts = {"run": self._record.folder.name, **{k: entry[k] for k in keys}, "taken_from": taken}
        self._tell("notebook", facts)
        self._ended.append(name)
        self._sorter.done(name)


def _table(folder: Path, as_of: AsOf, table: str) -> Path:
    """Where ``run.load`` finds a table: in this run, else in the report of the same day."""
    own = folder / "tables" / f"{table}.parquet"
    return own if own.is_file() else folder.parents[1] / str(as_of) / "tables" / own.name


def _environment(root: Path, folder: Path, jobs: int) -> dict[str, str]:
    """What each kernel is told: where the run is, and its share of the machine, or what somebody set."""
    megabytes = int(psutil.virtual_memory().available * MEMORY_SHARE / jobs / 1_000_000)
    threads = max(1, (os.cpu_count() or 1) // jobs)
    return {
        "CRM_ROOT": str(root),
        "CRM_RUN": str(folder),
        "CRM_THREADS": os.environ.get("CRM_THREADS") or str(threads),
        "CRM_MEMORY": os.environ.get("CRM_MEMORY") or f"{megabytes}MB",
    }
