"""What does one run do? Check everything, load the data, execute the notebooks in order, publish.

Nothing is written before the study, the parameters and the day are known to be valid. Notebooks are
ordered by what they save and load. A run that did not pass keeps its pages for reading and moves no
link: the last good report stays the report.
"""

from __future__ import annotations

import datetime as dt
import graphlib
import json
import os
import platform
import secrets
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Any

import filelock
import psutil

from crm_utils import pages, publish, snapshots
from crm_utils.errors import LockedError, RunError, StudyError, known_names
from crm_utils.execution import Execution, Executor
from crm_utils.notebook_file import NotebookFile, read_notebooks
from crm_utils.snapshots import Snapshot
from crm_utils.study import Study, read_study
from crm_utils.tables import AsOf

__all__ = ["Plan", "Request", "make_plan", "run_study"]

SCHEMA_VERSION = 1
#: Share of the memory that is free at the start which the engines of all kernels may use together.
MEMORY_SHARE = 0.6
_VERSIONS = ("crm-notebooks", "duckdb", "ibis-framework", "pandas", "scikit-learn", "papermill", "nbconvert")
Tell = Callable[[NotebookFile, Execution], None]


@dataclass(frozen=True)
class Request:
    """What somebody asked for: a study, a day, parameters, and how to run.

    Attributes
    ----------
    study, as_of
        As in :func:`crm_utils.open_run`; an empty ``as_of`` is the study's own.
    parameters
        Values for each notebook, over those of the study.
    only
        Names of the notebooks to run; all when empty. Such a run is not published.
    jobs
        Notebooks beside each other.
    cell_timeout, run_timeout
        Seconds that one cell and the whole run may take.
    """

    study: str
    as_of: str = ""
    parameters: dict[str, dict[str, Any]] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    jobs: int = 2
    cell_timeout: int = 900
    run_timeout: int = 7200


@dataclass(frozen=True)
class Plan:
    """A checked request: what will run with which parameters, and what will be skipped and why."""

    request: Request
    study: Study
    snapshot: Snapshot
    as_of: AsOf
    notebooks: tuple[NotebookFile, ...]
    parameters: dict[str, dict[str, Any]]
    skipped: dict[str, str]
    after: dict[str, set[str]]


def make_plan(root: Path, request: Request) -> Plan:
    """Check a request against the study, the notebooks and the data; load the data if need be.

    Raises
    ------
    StudyError
        The study, a notebook's name, a parameter or the day is not valid.
    DataError
        The data cannot be loaded.
    """
    study = read_study(root, request.study)
    notebooks = read_notebooks(root / "notebooks")
    by_name = {notebook.name: notebook for notebook in notebooks}
    for name in [*study.notebooks, *request.parameters, *request.only]:
        if name not in by_name:
            raise StudyError(f"No notebook '{name}'. {known_names(name, by_name, label='There are')}")
    parameters = {
        name: notebook.check_parameters(study.notebooks.get(name, {}) | request.parameters.get(name, {}))
        for name, notebook in by_name.items()
    }
    if request.as_of not in ("", "latest"):
        AsOf.parse(request.as_of)  # a malformed day is refused before data are loaded
    makers = {table: notebook.name for notebook in notebooks for table in notebook.makes}
    for notebook in notebooks:
        for table in sorted(notebook.uses - makers.keys()):
            raise StudyError(
                f"{notebook.path.name} loads '{table}', which no notebook saves. {known_names(table, makers)}"
            )
    after = {n.name: {makers[t] for t in n.uses} for n in notebooks}
    try:
        order = list(graphlib.TopologicalSorter(after).static_order())
    except graphlib.CycleError as error:
        raise StudyError(f"Notebooks wait for each other: {' → '.join(error.args[1])}.") from None
    snapshot, _ = snapshots.load(root, study)
    as_of = snapshot.as_of(request.as_of or study.as_of, study)
    chosen = tuple(n for n in notebooks if not request.only or n.name in request.only)
    skipped: dict[str, str] = {}
    for name in order:
        missing = sorted(by_name[name].needs - set(snapshot.tables))
        gone = sorted(after[name] & skipped.keys())
        if missing:
            skipped[name] = f"needs {', '.join(missing)}, which this study does not have"
        elif gone:
            skipped[name] = f"builds on {', '.join(gone)}, which was skipped"
    return Plan(request, study, snapshot, as_of, chosen, parameters, skipped, after)


def run_study(root: Path, request: Request, *, tell: Tell = lambda *_: None) -> Path:
    """Carry out a request and publish the report.

    Parameters
    ----------
    root
        The project's folder.
    request
        What to run.
    tell
        Called as each notebook ends, from any thread.

    Returns
    -------
    Path
        The report's folder, or the run's own when ``only`` was given.

    Raises
    ------
    StudyError, DataError
        The request cannot be carried out; nothing was written but, perhaps, a new snapshot.
    LockedError
        Another run of this study is at work.
    RunError
        A notebook or a page failed, time was up, or the run was stopped; the text leads to the failed run.
    """
    read_study(root, request.study)  # an unknown study makes no folder
    home = root / "reports" / request.study
    with _locked(home, request.study):
        plan = make_plan(root, request)
        now = dt.datetime.now(dt.UTC)
        folder = home / ".runs" / f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
        folder.mkdir(parents=True)
        shutil.copyfile(root / "studies" / f"{request.study}.yaml", folder / "study.yaml")
        manifest = _manifest(plan, folder.name, now)
        _write(folder, manifest)
        started = time.monotonic()
        try:
            _execute(root, plan, folder, manifest, tell)
            failed = [n for n in manifest["notebooks"] if n["status"] in ("failed", "not run")]
            _close(folder, manifest, "failed" if failed else "passed", started)
            _render(home, folder, manifest)
        except BaseException as error:
            manifest["reason"] = str(error) or type(error).__name__
            _close(folder, manifest, "failed", started)
            raise
        if failed:
            first = next(n for n in failed if n["status"] == "failed")
            shown = (folder / "index.html").relative_to(root).as_posix()
            raise RunError(f"{first['reason']} Nothing was published; the failed run is in {shown}.")
        if request.only:
            return folder
        manifest["published"] = True
        _close(folder, manifest, "passed", started)
        report = publish.publish(folder, home, plan.as_of)
        used = publish.prune_runs(home, keep=folder)
        snapshots.prune(root, request.study, used=used)
        pages.render_overview(root / "reports")
        return report


def _execute(root: Path, plan: Plan, folder: Path, manifest: dict[str, Any], tell: Tell) -> None:
    """Run the planned notebooks, several beside each other, each after those whose tables it loads."""
    notebooks = {n.name: n for n in plan.notebooks if n.name not in plan.skipped}
    entries = {entry["name"]: entry for entry in manifest["notebooks"]}
    sorter = graphlib.TopologicalSorter({name: plan.after[name] & notebooks.keys() for name in notebooks})
    sorter.prepare()
    jobs = max(1, min(plan.request.jobs, len(notebooks)))
    executor = Executor(folder, _environment(root, folder, jobs), cell_timeout=plan.request.cell_timeout)
    deadline = time.monotonic() + plan.request.run_timeout
    running: dict[Future[Execution], str] = {}

    def finish(name: str, execution: Execution) -> None:
        entries[name] |= {
            "status": execution.status,
            "reason": execution.reason,
            "seconds": execution.seconds,
        }
        _write(folder, manifest)
        tell(notebooks[name], execution)
        sorter.done(name)

    with _signals(), ThreadPoolExecutor(jobs) as pool:
        try:
            while sorter.is_active():
                for name in sorter.get_ready():
                    broken = [
                        d for d in plan.after[name] & notebooks.keys() if entries[d]["status"] != "passed"
                    ]
                    if broken:
                        finish(
                            name,
                            Execution("not run", f"builds on {', '.join(sorted(broken))}, which failed", 0.0),
                        )
                        continue
                    given = {"study": plan.study.name, "as_of": str(plan.as_of)} | plan.parameters[name]
                    running[pool.submit(executor.execute, notebooks[name], given)] = name
                ended, _ = wait(
                    running, timeout=max(0.0, deadline - time.monotonic()), return_when=FIRST_COMPLETED
                )
                if running and not ended:
                    executor.stop(
                        f"The run took longer than {plan.request.run_timeout} seconds and was stopped."
                    )
                    ended, _ = wait(running)
                for future in ended:
                    finish(running.pop(future), future.result())
        except BaseException as error:
            executor.stop(str(error) or type(error).__name__)
            raise
        finally:
            pool.shutdown(cancel_futures=True)
            executor.close()


def _render(home: Path, folder: Path, manifest: dict[str, Any]) -> None:
    """Write the run's pages; a failed notebook gets one too, for reading."""
    for entry in manifest["notebooks"]:
        executed = folder / f"{entry['name']}.ipynb"
        if executed.is_file():
            path = folder / "results" / f"{entry['name']}.json"
            results = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
            page = folder / f"{entry['name']}.html"
            pages.render_page(executed, page, manifest=manifest, name=entry["name"], results=results)
    earlier = [
        day for day in publish.days(home) if AsOf.parse(day).before < AsOf.parse(manifest["as_of"]).before
    ]
    pages.render_index(folder, manifest, previous=home / earlier[-1] if earlier else None)


def _manifest(plan: Plan, run_id: str, now: dt.datetime) -> dict[str, Any]:
    data = plan.snapshot.manifest
    kept = {
        k: data[k] for k in ("id", "source", "zone", "inputs", "first_day", "last_day", "last_complete_day")
    }
    counts = {
        t: {k: rows[k] for k in ("read", "loaded", "quarantined")} for t, rows in data["tables"].items()
    }
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": run_id,
        "study": plan.study.name,
        "title": plan.study.title,
        "as_of": str(plan.as_of),
        "currency": plan.study.currency,
        "timezone": plan.study.timezone,
        "history_starts": plan.study.history_starts.isoformat(),
        "simulated": bool(data.get("simulated", False)),
        "status": "running",
        "reason": "",
        "started_at": now.isoformat(timespec="seconds"),
        "finished_at": "",
        "seconds": 0.0,
        "published": False,
        "only": list(plan.request.only),
        "snapshot": kept | {"tables": counts},
        "notebooks": [
            {
                "name": n.name,
                "file": n.path.name,
                "question": n.question,
                "status": "skipped" if n.name in plan.skipped else "not run",
                "reason": plan.skipped.get(n.name, ""),
                "seconds": 0.0,
                "parameters": plan.parameters[n.name],
                "needs": sorted(n.needs),
                "uses": sorted(n.uses),
                "makes": sorted(n.makes),
            }
            for n in plan.notebooks
        ],
        "versions": {"python": platform.python_version()} | {name: version(name) for name in _VERSIONS},
    }


def _environment(root: Path, folder: Path, jobs: int) -> dict[str, str]:
    """What each kernel is told: where the run is, and its share of the machine."""
    megabytes = int(psutil.virtual_memory().available * MEMORY_SHARE / jobs / 1_000_000)
    threads = max(1, (os.cpu_count() or 1) // jobs)
    return {
        "CRM_ROOT": str(root),
        "CRM_RUN": str(folder),
        "CRM_THREADS": str(threads),
        "CRM_MEMORY": f"{megabytes}MB",
    }


def _close(folder: Path, manifest: dict[str, Any], status: str, started: float) -> None:
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    manifest |= {"status": status, "finished_at": now, "seconds": round(time.monotonic() - started, 3)}
    _write(folder, manifest)


def _write(folder: Path, manifest: dict[str, Any]) -> None:
    temporary = folder / ".run.json.tmp"
    temporary.write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    temporary.replace(folder / "run.json")


@contextmanager
def _locked(home: Path, study: str) -> Iterator[None]:
    """One run of a study at a time. The system frees the lock of a process that died."""
    home.mkdir(parents=True, exist_ok=True)
    note = home / ".lock.json"
    lock = filelock.FileLock(home / ".lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise LockedError(
            f"Another run of '{study}' is at work{_who(note)}. Wait for it, or stop it."
        ) from None
    try:
        note.write_text(json.dumps({"process": os.getpid(), "since": dt.datetime.now(dt.UTC).isoformat()}))
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def _who(note: Path) -> str:
    try:
        told = json.loads(note.read_text(encoding="utf-8"))
        age = dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(told["since"])
        return f" (process {told['process']}, for {age.total_seconds():.0f} seconds)"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


class _StoppedError(RunError):
    """A signal asked the run to end."""

    def __init__(self, number: int) -> None:
        super().__init__(f"Stopped by {signal.Signals(number).name}. Nothing was published.")
        self.exit_code = 128 + number


@contextmanager
def _signals() -> Iterator[None]:
    """Turn SIGTERM and SIGINT into an error that ends the run in order (only the main thread can)."""

    def stop(number: int, _: FrameType | None) -> None:
        raise _StoppedError(number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
