"""Where does a process put what it needs for a while? In folders whose names say whose they are.

A process that is killed (SIGKILL, no memory) removes nothing. So each folder carries its owner's process id,
and whoever makes the next one removes those of processes that are no more.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

import psutil

__all__ = ["new_folder", "remove_abandoned"]

_NAME = re.compile(r"crm-(?:spill|check)-([0-9]+)-.+")


def new_folder(kind: str, place: Path | None = None) -> Path:
    """A new folder below the system's for temporary files (``TMPDIR``), for its owner alone (0700).

    Parameters
    ----------
    kind
        ``spill`` or ``check``.
    place
        Another folder to make it in.
    """
    if place is None:  # one that other machines share holds what their processes left
        remove_abandoned()
    return Path(tempfile.mkdtemp(prefix=f"crm-{kind}-{os.getpid()}-", dir=place))


def remove_abandoned() -> None:
    """Remove what processes of this user left that are no more; what is another's or a link is let be."""
    try:
        there = list(os.scandir(tempfile.gettempdir()))
    except OSError:
        return
    for entry in there:
        match = _NAME.fullmatch(entry.name)
        if match and entry.is_dir(follow_symlinks=False) and _is_left(int(match[1]), entry):
            shutil.rmtree(entry.path, ignore_errors=True)


def _is_left(owner: int, entry: os.DirEntry[str]) -> bool:
    if psutil.pid_exists(owner):
        return False
    try:
        return os.name != "posix" or entry.stat(follow_symlinks=False).st_uid == os.getuid()
    except FileNotFoundError:  # its owner, or another process that looks round, was quicker
        return False
