"""How does a finished run become the report? In one step, so that a reader sees the old one or the new.

Every run is a folder of its own under ``reports/<study>/.runs/``. A report's day is a relative link to
one of them, and ``latest`` a link to the newest day. Links are replaced whole. Where a system has no
links, the folder is copied and renamed under the run's lock.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from contextlib import suppress
from pathlib import Path

from crm_utils.errors import StudyError
from crm_utils.tables import AsOf
from crm_utils.tools import durable

__all__ = ["days", "mend", "point", "prune_runs", "publish", "published"]

#: Runs that no day points to (failed ones, replaced ones) are kept for reading, the newest so many.
SPARE_RUNS = 10
_NOT_FOR_LACK_OF_LINKS = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS)


def publish(run: Path, home: Path, as_of: AsOf) -> Path:
    """Make a run the report of its day, and ``latest`` the newest day there is.

    Parameters
    ----------
    run
        The run's folder, in ``home/.runs``.
    home
        ``reports/<study>``.
    as_of
        The day or instant it looks back from; its text names the report's folder.

    Returns
    -------
    Path
        The report: ``home/<as_of>``.
    """
    report = home / str(as_of)
    durable.sync_tree(run)  # a link that a power cut leaves must not lead to empty files
    point(report, f".runs/{run.name}")
    newest = days(home)[-1]
    # Through a link it is up to date already; a copy is not.
    if not ((home / "latest").is_symlink() and (home / "latest").readlink() == Path(newest)):
        point(home / "latest", newest)
    return report


def days(home: Path) -> list[str]:
    """The days that have a report, oldest first; a folder that somebody put beside them is none."""
    moments = {}
    for path in home.glob("[0-9]*"):
        with suppress(StudyError):
            moments[path.name] = AsOf.parse(path.name).before
    return sorted((day for day in moments if (home / day / "run.json").is_file()), key=moments.__getitem__)


def published(home: Path) -> set[str]:
    """The runs that a day leads to: by its link or, where it is a copy, by what its ``run.json`` says."""
    reports = [home / day for day in days(home)]
    return {path.resolve().name for path in reports} | {_told(path)[0] for path in reports}


def point(link: Path, target: str) -> None:
    """Let ``link`` lead to ``target`` (relative to its folder), replacing what stood there in one step."""
    temporary = link.with_name(f".{link.name}.{os.getpid()}")
    _remove(temporary)
    try:
        temporary.symlink_to(target, target_is_directory=True)
        temporary.replace(link)
        durable.sync_folder(link.parent)
    except (OSError, NotImplementedError) as error:
        _remove(temporary)
        if getattr(error, "errno", None) in _NOT_FOR_LACK_OF_LINKS:
            raise
        # No links here (Windows without the right), or a folder in the way.
        shutil.copytree(link.parent / target, temporary)
        old = link.with_name(f".{link.name}.{os.getpid()}.old")
        if link.exists():
            link.rename(old)
        temporary.rename(link)
        _remove(old)


def mend(home: Path) -> None:
    """Undo what a process left that was killed in :func:`point`; only under the lock."""
    for left in home.glob(".*.[0-9]*"):
        name = left.name[1:].removesuffix(".old").rpartition(".")[0]
        if left.suffix == ".old" and not (home / name).exists():
            left.rename(home / name)  # where there are no links: the report that was about to be replaced
        else:
            _remove(left)


def prune_runs(home: Path, *, keep: Path) -> set[str]:
    """Remove old runs that no report's day leads to; the newest few and ``keep`` stay.

    Returns
    -------
    set of str
        The snapshots that the remaining runs and all reports used, as their manifests say.
    """
    runs = sorted((path for path in (home / ".runs").iterdir() if path.is_dir()), key=lambda path: path.name)
    led_to = published(home)
    spare = [path for path in runs if path.name not in led_to and path != keep]
    for path in spare[:-SPARE_RUNS]:
        shutil.rmtree(path, ignore_errors=True)
    left = [path for path in runs if path.exists()] + [home / day for day in days(home)]
    return {snapshot for path in left if (snapshot := _told(path)[1])}


def _told(folder: Path) -> tuple[str, str]:
    """The run and the snapshot that a manifest names, of whatever version; empty where it cannot be read."""
    try:
        manifest = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        return str(manifest["run_id"]), str(manifest["snapshot"]["id"])
    except (OSError, ValueError, KeyError, TypeError):
        return "", ""


def _remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)
