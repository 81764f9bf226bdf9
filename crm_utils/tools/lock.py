"""Is another run of this study at work? One at a time; the system frees the lock of a process that died."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from crm_utils.errors import LockedError

__all__ = ["locked"]


@contextmanager
def locked(home: Path, study: str) -> Iterator[None]:
    """Hold the lock of a study's reports and snapshots.

    Parameters
    ----------
    home
        ``reports/<study>``; made if need be.
    study
        Its name, for the sentence.

    Raises
    ------
    LockedError
        Another process holds it; the text says which, and for how long.
    """
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
        holder = json.loads(note.read_text(encoding="utf-8"))
        age = dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(holder["since"])
        # A clock that was set back makes no negative age.
        return f" (process {holder['process']}, for {max(0.0, age.total_seconds()):.0f} seconds)"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
