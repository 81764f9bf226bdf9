"""How does a file get its new content, whole or not at all? Written beside its place, then renamed.

For readers that is enough. A machine that loses power may keep a new name and lose the content: what others
rely on (a snapshot, a report, what names them) is synced before it is named, and the name after it. The
system takes milliseconds a file for that, so what nothing leads to yet is not synced one by one.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import psutil

__all__ = ["replace", "sync_folder", "sync_tree"]

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
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            file.write(text)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
    if sync:
        sync_folder(path.parent)
    _remove_abandoned(path)


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
