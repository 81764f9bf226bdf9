"""What does one run do? Load the data, execute the notebooks in order, publish.

Nothing is written before the request is known to be valid (see ``plan``). A run that did not pass keeps
its pages for reading and moves no link: the last good report stays the report. A run that was cut off
without a word is marked as such by the next one.
"""

from __future__ import annotations

import errno
import graphlib
import importlib
import json
import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from crm_utils import key_map, publish, resume, snapshots
from crm_utils.errors import RunError, StudyError
from crm_utils.execution import Execution, Executor, work_folder
from crm_utils.goals import judge_goals
from crm_utils.lock import locked
from crm_utils.plan import Plan, Request, make_plan
from crm_utils.record import Record, code_hash, read_manifest, write_manifest
from crm_utils.signals import held
from crm_utils.snapshots import sha256
from crm_utils.study import read_study
from crm_utils.tables import AsOf

__all__ = ["Tell", "run_study"]

#: Share of the memory that is free at the start which the engines of all kernels may use together.
MEMORY_SHARE = 0.6
#: Called with an event (started, notebook, published, finished, warning) and its facts.
Tell = Callable[[str, dict[str, Any]], None]


def run_study(root: Path, request: Request, *, tell: Tell = lambda *_: None) -> Path:
    """Carry out a request and publish the report.

    Parameters
    ----------
    root
        The project's folder.
    request
        What to run.
    tell
        Called as the run goes on, always from this thread.

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
        A notebook or a page failed, time was up, the run was stopped, or nothing could be written; the
        text leads to the failed run where there is one.
    """
    home = root / "reports" / request.study
    try:
        read_study(root, request.study)  # an unknown study makes no folder
        with locked(home, request.study):
            _mend(home)
            return _run(root, home, request, tell)
    except OSError as error:
        raise RunError(_unwritable(root, error)) from error


def _run(root: Path, home: Path, request: Request, tell: Tell) -> Path:
    deadline = time.monotonic() + request.run_timeout
    plan = make_plan(root, request)
    record = Record(plan, home / ".runs")
    folder, manifest = record.folder, record.manifest
    tell("started", {"run": folder.name, "study": plan.study.name, "as_of": str(plan.as_of),
                     "snapshot": plan.snapshot.id, "manifest": str(folder / "run.json")})  # fmt: skip
    try:
        shutil.copyfile(root / "studies" / f"{request.study}.yaml", folder / "study.yaml")
        kept = read_study(root, request.study, path=folder / "study.yaml")
        if kept.model_dump() != plan.study.model_dump():  # the file that it was read from may differ
            raise StudyError(f"studies/{request.study}.yaml was changed as the run began. Run again.")
        _execute(root, plan, record, deadline, tell)
        manifest["goals"] = judge_goals(plan.study.goals, _results(folder))
        failed = [n for n in manifest["notebooks"] if n["status"] in ("failed", "not run")]
        record.close("failed" if failed else "passed")
        _render(home, folder, manifest)
    except BaseException as error:
        with held(), suppress(Exception):  # what went wrong first is what is told
            record.close("failed", reason=str(error) or type(error).__name__)
            _render(home, folder, manifest)
        raise
    if failed:
        first = next(n for n in failed if n["status"] == "failed")
        shown = (folder / "index.html").relative_to(root).as_posix()
        raise RunError(f"{first['reason']} Nothing was published; the failed run is in {shown}.")
    if request.only:
        tell("finished", {"run": folder.name, "report": str(folder / "index.html")})
        return folder
    with held():
        try:
            record.close("passed", published=True)
            report = publish.publish(folder, home, plan.as_of)
        except OSError as error:
            with suppress(OSError):
                record.close("failed", reason=_unwritable(root, error))
            raise
        tell(
            "published",
            {"run": folder.name, "report": str(report / "index.html"), "seconds": manifest["seconds"]},
        )
        try:
            _tidy(root, home, folder)
        except OSError as error:
            tell("warning", {"message": f"The report is published, but tidying up failed: {error}."})
    return report


def _execute(root: Path, plan: Plan, record: Record, deadline: float, tell: Tell) -> None:
    """Run the planned notebooks, several beside each other, each after those whose tables it loads."""
    notebooks = {n.name: n for n in plan.notebooks if n.name not in plan.skipped}
    after = {name: plan.after[name] & notebooks.keys() for name in notebooks}
    sorter = graphlib.TopologicalSorter(after)
    sorter.prepare()
    jobs = max(1, min(plan.request.jobs, len(notebooks)))
    folder, running = record.folder, dict[Future[Execution], str]()

    def finish(name: str, execution: Execution, taken: str = "") -> None:
        entry = record.entry(name)
        entry |= {"status": execution.status, "reason": execution.reason, "seconds": execution.seconds}
        if taken:
            entry["taken_from"] = taken
        if execution.status == "passed" and code_hash() == record.manifest["code"]:
            entry["files"] = resume.made(folder, name)
        record.write()
        keys = ("name", "file", "status", "reason", "seconds")
        tell("notebook", {"run": folder.name, **{k: entry[k] for k in keys}, "taken_from": taken})
        sorter.done(name)

    def start(name: str) -> None:
        broken = sorted(d for d in after[name] if record.entry(d)["status"] != "passed")
        if broken:
            finish(name, Execution("not run", f"builds on {', '.join(broken)}, which failed", 0.0))
            return
        given = {"study": plan.study.name, "as_of": str(plan.as_of)} | plan.parameters[name]
        entry, source = record.entry(name), executor.source(notebooks[name])
        entry["source"] = sha256(source)
        entry["key"] = resume.key(
            source,
            given,
            manifest=record.manifest,
            study=plan.study.model_dump(mode="json", exclude={"notebooks"}),
            uses=[_table(folder, plan.as_of, table) for table in sorted(notebooks[name].uses)],
        )
        taken = resume.take(folder.parent, name, entry["key"], folder) if plan.request.resume else ""
        if taken:
            finish(name, Execution("passed", "", 0.0), taken)
        else:
            running[pool.submit(executor.execute, notebooks[name], given)] = name

    environment = _environment(root, folder, jobs)
    executor = Executor(folder, plan.notebooks, environment, cell_timeout=plan.request.cell_timeout)
    with ThreadPoolExecutor(jobs) as pool:
        try:
            while sorter.is_active():
                for name in sorter.get_ready():
                    start(name)
                importlib.import_module("crm_utils.pages")  # takes a second; kernels are busy starting
                ended = _wait(running, deadline - time.monotonic())
                if running and not ended:
                    executor.stop(
                        f"The run took longer than {plan.request.run_timeout} seconds and was stopped; "
                        "--run-timeout gives it more."
                    )
                    ended = _wait(running, None)
                for future in ended:
                    finish(running.pop(future), future.result())
        except BaseException as error:
            executor.stop(str(error) or type(error).__name__)
            with held():
                for future in _wait(running, None, all_of_them=True):
                    finish(running.pop(future), future.result())
            raise
        finally:
            pool.shutdown(cancel_futures=True)
            executor.close()


def _wait(
    running: dict[Future[Execution], str], seconds: float | None, *, all_of_them: bool = False
) -> set[Future[Execution]]:
    """The notebooks that ended: the next, or all; none when time is up."""
    when = "ALL_COMPLETED" if all_of_them else FIRST_COMPLETED
    return wait(running, timeout=None if seconds is None else max(0.0, seconds), return_when=when).done


def _table(folder: Path, as_of: AsOf, table: str) -> Path:
    """Where ``run.load`` finds a table: in this run, else in the report of the same day."""
    own = folder / "tables" / f"{table}.parquet"
    return own if own.is_file() else folder.parents[1] / str(as_of) / "tables" / own.name


def _render(home: Path, folder: Path, manifest: dict[str, Any]) -> None:
    """Write the run's pages; a failed notebook gets one too, for reading."""
    from crm_utils import pages

    results = _results(folder)
    for name in (entry["name"] for entry in manifest["notebooks"]):
        executed = folder / f"{name}.ipynb"
        if executed.is_file():
            page, found = folder / f"{name}.html", results.get(name, {})
            pages.render_page(executed, page, manifest=manifest, name=name, results=found)
    earlier = [
        day for day in publish.days(home) if AsOf.parse(day).before < AsOf.parse(manifest["as_of"]).before
    ]
    pages.render_index(folder, manifest, previous=home / earlier[-1] if earlier else None)


def _results(folder: Path) -> dict[str, dict[str, Any]]:
    """What each notebook of a run recorded, by its name."""
    found = sorted((folder / "results").glob("*.json"))
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in found}


def _mend(home: Path) -> None:
    """Put in order what a process that was killed left: half-made links, runs that never ended."""
    publish.mend(home)
    for folder in (home / ".runs").glob("*/"):
        manifest = read_manifest(folder)
        if manifest is None and not (folder / "run.json").exists():
            shutil.rmtree(folder, ignore_errors=True)  # killed before its first word
        if manifest is None or manifest["status"] != "running":
            continue
        shutil.rmtree(work_folder(folder), ignore_errors=True)
        manifest |= {"status": "failed", "reason": "The run was broken off: its process was killed, or the "
                     "machine went down. Nothing was published; the next run does its work."}  # fmt: skip
        write_manifest(folder, manifest)
        with suppress(Exception):  # half-written files make no page; the record is what counts
            _render(home, folder, manifest)


def _tidy(root: Path, home: Path, folder: Path) -> None:
    """Remove old runs and snapshots, and list all reports anew."""
    from crm_utils import pages

    used = publish.prune_runs(home, keep=folder)
    key_map.prune(root, home.name, snapshots.prune(root, home.name, used=used))
    pages.render_overview(root / "reports")


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


_TODO = {
    errno.ENOSPC: "Make room on the disk, then run again.",
    errno.EDQUOT: "Make room in the quota, then run again.",
    errno.EACCES: "Let this user read and write there, then run again.",
    errno.EPERM: "Let this user read and write there, then run again.",
    errno.EROFS: "Make that file system writable, then run again.",
}


def _unwritable(root: Path, error: OSError) -> str:
    """One sentence: which file, what the system said, what to do."""
    place = Path(os.fsdecode(error.filename)) if error.filename else root / "reports"
    shown = place.relative_to(root).as_posix() if place.is_relative_to(root) else str(place)
    todo = _TODO.get(error.errno or 0, "Mend that, then run again.")
    return f"{shown}: {error.strerror or error}. Nothing was published. {todo}"
