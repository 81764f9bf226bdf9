"""What does one run do? Load the data, execute the notebooks in order, publish.

Nothing is written before the request is known to be valid (see ``plan``). A run that did not pass keeps
its pages for reading and moves no link: the last good report stays the report. A run that was cut off
without a word is marked as such by the next one.
"""

from __future__ import annotations

import importlib
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from crm_utils import snapshots
from crm_utils.errors import CrmError, RunError, StudyError
from crm_utils.loading import time_is_up
from crm_utils.people import key_map
from crm_utils.reports import publish
from crm_utils.reports.goals import judge_goals
from crm_utils.reports.manifest import read_manifest, read_results, write_manifest
from crm_utils.runner.dispatch import Conductor, Tell
from crm_utils.runner.kernel import work_folder
from crm_utils.runner.open_files import notebooks_in_parallel
from crm_utils.runner.plan import Plan, Request, make_plan
from crm_utils.runner.record import Record
from crm_utils.study import read_study
from crm_utils.study.scenarios import lists_taken
from crm_utils.tables import AsOf
from crm_utils.tools import durable
from crm_utils.tools.lock import locked
from crm_utils.tools.signals import held, within

__all__ = ["Tell", "run_study"]


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
        notebooks_in_parallel(1)
        with locked(home, request.study):
            _mend(home)
            return _run(root, home, request, tell)
    except OSError as error:
        raise RunError(_unwritable(root, error)) from error


def _run(root: Path, home: Path, request: Request, tell: Tell) -> Path:
    begun = time.monotonic()  # not the wall clock, which may be set while we run
    with within(request.run_timeout, time_is_up(request.run_timeout)):
        plan = make_plan(root, request)
    record = Record(plan, home / ".runs", begun=begun)
    folder, manifest = record.folder, record.manifest
    tell("started", {"run": folder.name, "study": plan.study.name, "as_of": str(plan.as_of),
                     "snapshot": plan.snapshot.id, "manifest": str(folder / "run.json")})  # fmt: skip
    try:
        shutil.copyfile(root / "studies" / f"{request.study}.yaml", folder / "study.yaml")
        kept = read_study(root, request.study, path=folder / "study.yaml")
        if kept.model_dump() != plan.study.model_dump():  # the file that it was read from may differ
            raise StudyError(f"studies/{request.study}.yaml was changed as the run began. Run again.")
        scenarios = root / "studies" / f"{request.study}.scenarios.yaml"
        if scenarios.is_file():
            shutil.copyfile(scenarios, folder / "scenarios.yaml")
        vendors = root / "studies" / f"{request.study}.vendors.csv"
        if vendors.is_file():
            shutil.copyfile(vendors, folder / "vendors.csv")
        manifest["previous"] = _last_report(home, plan.as_of)
        manifest["lists_taken"] = lists_taken(root, request.study)
        record.write()  # before a notebook asks with which report it is compared
        record.lap("loading")
        _execute(root, plan, record, begun + request.run_timeout, tell)
        record.lap("notebooks")
        manifest["goals"] = judge_goals(plan.study.goals, read_results(folder))
        failed = [n for n in manifest["notebooks"] if n["status"] in ("failed", "not run")]
        empty = not any(n["status"] == "passed" for n in manifest["notebooks"])
        record.close("failed" if failed or empty else "passed")
        _render(home, folder, manifest, pages_too=bool(failed))  # else they are written
        record.lap("index")
    except BaseException as error:
        with held(), suppress(Exception):  # what went wrong first is what is told
            record.close("failed", reason=str(error) or type(error).__name__)
            _render(home, folder, manifest)
        raise
    if failed:
        first = next(n for n in failed if n["status"] == "failed")
        shown = (folder / "index.html").relative_to(root).as_posix()
        raise RunError(f"{first['reason']} Nothing was published; the failed run is in {shown}.")
    if all(n["status"] != "passed" for n in manifest["notebooks"]):
        raise RunError(_nothing_said(manifest))
    if request.only:
        tell("finished", {"run": folder.name, "report": str(folder / "index.html")})
        return folder
    return _publish(root, home, record, plan.as_of, tell)


def _publish(root: Path, home: Path, record: Record, as_of: AsOf, tell: Tell) -> Path:
    """Make the run the report of its day; a signal waits until that is done, and all is tidy."""
    folder = record.folder
    with held():
        try:
            record.close("passed", published=True)
            report = publish.publish(folder, home, as_of)
        except OSError as error:
            with suppress(OSError):
                record.close("failed", reason=_unwritable(root, error))
            raise
        page, took = str(report / "index.html"), record.manifest["seconds"]
        tell("published", {"run": folder.name, "report": page, "seconds": took})
        try:
            _tidy(root, home, folder, str(as_of))
        except (OSError, CrmError) as error:
            why = str(error).removesuffix(".")
            tell("warning", {"message": f"The report is published, but tidying up failed: {why}."})
    return report


def _execute(root: Path, plan: Plan, record: Record, deadline: float, tell: Tell) -> None:
    """Run the notebooks; while some are still at work, write the pages of those that passed."""

    def write_pages(ended: list[str]) -> None:
        importlib.import_module(
            "crm_utils.reports.pages"
        )  # takes a while, the first time; kernels are starting
        for name in ended:
            if record.entry(name)["status"] in ("passed", "cannot"):
                _render_page(record.folder, record.manifest, name)

    Conductor(root, plan, record, tell).run(deadline, write_pages)


def _render(home: Path, folder: Path, manifest: dict[str, Any], *, pages_too: bool = True) -> None:
    """Write the run's index and its pages; a failed notebook gets one too, for reading."""
    from crm_utils.reports import pages

    for entry in manifest["notebooks"] if pages_too else ():
        _render_page(folder, manifest, entry["name"])
    last = _last_report(home, AsOf.parse(manifest["as_of"]))
    pages.render_index(folder, manifest, previous=home / last["as_of"] if last else None)


def _last_report(home: Path, as_of: AsOf) -> dict[str, str] | None:
    """The newest report of an earlier day, which this one is compared with."""
    earlier = [day for day in publish.days(home) if AsOf.parse(day).before < as_of.before]
    manifest = read_manifest(home / earlier[-1]) if earlier else None
    return {"as_of": earlier[-1], "run_id": (manifest or {}).get("run_id", "")} if earlier else None


def _render_page(folder: Path, manifest: dict[str, Any], name: str) -> None:
    from crm_utils.reports import pages

    executed = folder / f"{name}.ipynb"
    if executed.is_file():
        results = read_results(folder).get(name, {})
        pages.render_page(executed, folder / f"{name}.html", manifest=manifest, name=name, results=results)


def _mend(home: Path) -> None:
    """Put in order what a process that was killed left: half-made links, runs that never ended."""
    publish.mend(home)
    led_to = publish.published(home)
    for folder in (home / ".runs").glob("*/"):
        manifest = read_manifest(folder)
        if manifest is None and not (folder / "run.json").exists():
            shutil.rmtree(folder, ignore_errors=True)  # killed before its first word
        if manifest is None:
            continue
        # Killed before its link was made, or replaced since.
        if manifest.get("published") and folder.name not in led_to:
            manifest["published"] = False
            write_manifest(folder, manifest)
        if manifest["status"] != "running":
            continue
        shutil.rmtree(work_folder(folder), ignore_errors=True)
        manifest |= {"status": "failed", "reason": "The run was broken off: its process was killed, or the "
                     "machine went down. Nothing was published; the next run does its work."}  # fmt: skip
        write_manifest(folder, manifest)
        with suppress(Exception):  # half-written files make no page; the record is what counts
            _render(home, folder, manifest)


def _tidy(root: Path, home: Path, folder: Path, day: str) -> None:
    """List all reports anew, lead from the days beside to this one, and remove old runs and snapshots."""
    from crm_utils.reports import pages

    pages.render_neighbours(home, day)
    pages.render_overview(root / "reports")
    used = publish.prune_runs(home, keep=folder)
    snapshots.prune(root, home.name, used=used)
    key_map.prune(root, home.name)


def _nothing_said(manifest: dict[str, Any]) -> str:
    """Why there is nothing to publish, when no notebook failed and none passed either."""
    reasons = [f"{n['name']}: {n['reason'].removesuffix('.')}." for n in manifest["notebooks"]]
    why = " ".join(reasons) or "There is no notebook in notebooks/."
    return f"No notebook passed, so nothing was published and the last report stays. {why}"


def _unwritable(root: Path, error: OSError) -> str:
    return durable.refusal(error, root=root, outcome="Nothing was published.")
