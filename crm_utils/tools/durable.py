"""How does a file get its new content, whole or not at all? Written beside its place, then renamed.

For readers that is enough. A machine that loses power may keep a new name and lose the content: what others
rely on (a snapshot, a report, what names them) is synced before it is named, and the name after it. The
system takes milliseconds a file for that, so what nothing leads to yet is not synced one by one.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

__all__ = ["refusal", "replace", "replacing", "sync_folder", "sync_tree"]

_CAN_SYNC_FOLDERS = os.name == "posix"  # Windows opens no folder, and writes renames through


def replace(path: Path, text: str, *, sync: bool = False) -> None:
    """Replace a file's text in one step; with ``sync`` it survives a power cut.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     replace(Path(folder) / "CURRENT", "a")
    ...     replace(Path(folder) / "CURRENT", "b")
    ...     [(p.name, p.read_text()) for p in Path(folder).iterdir()]
    [('CURRENT', 'b')]
    """
    with replacing(path) as part, part.open("w", encoding="utf-8") as file:
        file.write(text)
        if sync:
            file.flush()
            os.fsync(file.fileno())
    if sync:
        sync_folder(path.parent)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A place beside ``path`` to write to: what stands there at the end becomes the file, in one step.

    Nothing is left of it after an error; what a killed process left is removed by the next one.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
    _remove_abandoned(path)


_TODO = {
    errno.ENOSPC: "Make room on the disk, then run again.",
    errno.EDQUOT: "Make room in the quota, then run again.",
    errno.EACCES: "Let this user read and write there, then run again.",
    errno.EPERM: "Let this user read and write there, then run again.",
    errno.EROFS: "Make that file system writable, then run again.",
}


def refusal(error: OSError, *, root: Path | None = None, outcome: str = "") -> str:
    """What the system would not do, in a sentence or three: which file, what it said, what to do.

    Parameters
    ----------
    error
        What it said.
    root
        The project's folder: paths are shown from there, and ``reports`` where the error names none.
    outcome
        A sentence about what came of it.

    Examples
    --------
    >>> refusal(PermissionError(errno.EACCES, "Permission denied", "/data/x"), outcome="Nothing was loaded.")
    '/data/x: Permission denied. Nothing was loaded. Let this user read and write there, then run again.'
    """
    place = Path(os.fsdecode(error.filename)) if error.filename else root and root / "reports"
    shown: object = place
    if place and root and place.is_relative_to(root):
        shown = place.relative_to(root).as_posix()
    said = f"{error.strerror or str(error) or type(error).__name__}."
    todo = _TODO.get(error.errno or 0, "Mend that, then run again.")
    return " ".join(part for part in (f"{shown}:" if shown else "", said, outcome, todo) if part)


def sync_tree(folder: Path) -> None:
    """Bring all files below a folder to the disk, and every name in it."""
    for place, _, files in os.walk(folder):
        for file in files:
            _sync(Path(place) / file)
        sync_folder(Path(place))


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk: what was renamed stays renamed."""
    if _CAN_SYNC_FOLDERS:
        _sync(folder)


def _sync(path: Path) -> None:
    # Windows syncs only what is open for writing.
    descriptor = os.open(path, os.O_RDONLY if _CAN_SYNC_FOLDERS else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_abandoned(path: Path) -> None:
    """Remove what processes left that were killed between writing and renaming."""
    for left in path.parent.glob(f".{path.name}.[0-9]*.part"):
        if not psutil.pid_exists(int(left.name.split(".")[-2])):
            left.unlink(missing_ok=True)
