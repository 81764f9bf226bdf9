"""Which data did a run see? Immutable folders of Parquet with a manifest, loaded once and never changed.

``data/snapshots/<study>/<id>/`` holds a file a table, the rows set aside in ``quarantine/``, and
``snapshot.json``; ``CURRENT`` names the one in use. Readers need no lock (see ``loading`` for the writer).
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crm_utils.errors import DataError, StudyError
from crm_utils.study import Study
from crm_utils.tables import AsOf

__all__ = [
    "SCHEMA_VERSION",
    "Snapshot",
    "current",
    "current_id",
    "find",
    "open_snapshot",
    "prune",
    "sealed",
    "sha256",
]

#: Of the manifest.
SCHEMA_VERSION = 2
#: What every manifest says, and the kind of it: one that lacks any is not what was written.
_SAYS = {
    "study": str, "source": str, "options": dict, "zone": str, "inputs": list, "tables": dict,
    "oddities": dict, "decisions": list, "first_day": str, "last_day": str, "last_complete_day": str,
}  # fmt: skip
#: The newest so many are kept, whether a run used them or not.
KEPT = 3


@dataclass(frozen=True)
class Snapshot:
    """One loaded state of a study's data: its folder and what its manifest says."""

    folder: Path
    manifest: dict[str, Any]

    @property
    def id(self) -> str:
        """The hash that names it."""
        return str(self.manifest["id"])

    @property
    def tables(self) -> list[str]:
        """The tables it holds."""
        return sorted(self.manifest["tables"])

    def path(self, table: str) -> Path:
        """The Parquet file of a table."""
        return self.folder / f"{table}.parquet"

    def lies_at(self, table: str) -> str:
        """Where a table lies that was not copied, as Spark names it; empty where it has a file here."""
        return str(self.manifest["tables"][table].get("lies_at", ""))

    def as_of(self, text: str, study: Study) -> AsOf:
        """Turn a day (or an instant, or ``latest``) into one that these data can answer for.

        Raises
        ------
        StudyError
            The day is malformed, before the data or their history begin, or after they end.
        """
        first = max(self.manifest["first_day"], study.history_starts.isoformat())
        last = self.manifest["last_day"]
        as_of = AsOf.parse(self.manifest["last_complete_day"] if text == "latest" else text)
        if not first <= as_of.day.isoformat() <= last:
            when = "before the data begin" if as_of.day.isoformat() < first else "after the data end"
            known = f"'{study.name}' has orders from {first} to {last}: choose one of these days."
            raise StudyError(f"as_of {as_of} is {when}. {known}")
        return as_of


def current(root: Path, study: str) -> Snapshot | None:
    """The snapshot in use, or None where nothing was loaded yet."""
    name = current_id(root / "data" / "snapshots" / study)
    return find(root, study, name) if name else None


def find(root: Path, study: str, name: str) -> Snapshot:
    """One snapshot by its id.

    Raises
    ------
    DataError
        It is not there, or it is damaged: a file is missing or has not the size it was written with.
    """
    snapshot = open_snapshot(root / "data" / "snapshots" / study / name)
    if snapshot is None:
        raise DataError(
            f"The snapshot {name} of '{study}' is missing or damaged. Load it again: crm load-data {study}."
        )
    return snapshot


def prune(root: Path, study: str, *, used: set[str]) -> list[str]:
    """Remove old snapshots; the newest three, the current one and those in ``used`` stay.

    Returns
    -------
    list of str
        The ids that were removed.
    """
    home = root / "data" / "snapshots" / study
    now = current_id(home)
    folders = sorted((p for p in home.glob("[0-9a-f]*") if p.is_dir()), key=lambda p: p.stat().st_mtime)
    spare = [p for p in folders[:-KEPT] if p.name not in used and p.name != now]
    for folder in spare:
        shutil.rmtree(folder, ignore_errors=True)
    return [folder.name for folder in spare]


def open_snapshot(folder: Path, *, verify: bool = False) -> Snapshot | None:
    """The snapshot in a folder, or None when it is not there or not whole.

    Sizes are always compared; ``verify`` reads every byte, once a run, before anything builds on it.
    """
    try:
        manifest = json.loads((folder / "snapshot.json").read_text(encoding="utf-8"))
        if not _is_as_written(manifest, folder.name):
            return None
        copied = {t: entry for t, entry in manifest["tables"].items() if not entry.get("lies_at")}
        files = [(folder / f"{table}.parquet", entry) for table, entry in copied.items()]
        whole = all(path.stat().st_size == entry["bytes"] for path, entry in files)
        if verify:
            whole = whole and all(sha256(path) == entry["sha256"] for path, entry in files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return Snapshot(folder, manifest) if whole else None


def sealed(manifest: dict[str, Any]) -> dict[str, Any]:
    """A manifest with a hash of what it says, by which it is known to be what was written."""
    written = json.loads(json.dumps(manifest))  # keys as they are read again
    return {**written, "says": _hash(written)}


def _is_as_written(manifest: Any, name: str) -> bool:
    """Whether a manifest is that of the folder it lies in, of this version, whole and unchanged."""
    if not isinstance(manifest, dict):
        return False
    known = (manifest.get("schema_version"), manifest.get("id")) == (SCHEMA_VERSION, name)
    whole = all(isinstance(manifest.get(key), kind) for key, kind in _SAYS.items())
    # Those of earlier versions have no hash.
    return known and whole and manifest.get("says") in (None, _hash(manifest))


def _hash(manifest: dict[str, Any]) -> str:
    content = {key: value for key, value in manifest.items() if key != "says"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def current_id(home: Path) -> str:
    """The id of the snapshot in use, as ``CURRENT`` in a study's folder says; empty where none is."""
    try:
        name = (home / "CURRENT").read_text(encoding="utf-8").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return ""
    return name if re.fullmatch("[0-9a-f]+", name) else ""  # damaged: as if nothing were loaded


def sha256(path: Path) -> str:
    """The hash of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
