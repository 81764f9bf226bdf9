"""How do a study's data become a snapshot? Read, held to their contract, written whole or not at all.

The id is a hash of the inputs, the study's source section and the loader's version, so loading the same
twice does nothing. A snapshot is built beside its place and moved there whole; ``CURRENT`` is replaced in
one step. What was in use stays in use until then.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any, cast

import psutil

from crm_utils import engine
from crm_utils.errors import DataError
from crm_utils.loading.build import LOADER_VERSION, Load, build
from crm_utils.loading.inputs import described, refuse_new_key, refuse_twice, seen
from crm_utils.people import contacts, key_map
from crm_utils.snapshots import SCHEMA_VERSION, Snapshot, current_id, find, open_snapshot
from crm_utils.sources import Reading, Source, reader
from crm_utils.study import Study
from crm_utils.tools import durable
from crm_utils.tools.scratch import remove_abandoned

__all__ = ["load", "time_is_up"]


def load(root: Path, study: Study, *, new_key: bool = False) -> tuple[Snapshot, bool]:
    """Bring a study's data in, unless the same data are in already.

    Parameters
    ----------
    root
        The project's folder.
    study
        What to load.
    new_key
        People may get other pseudonyms than in the snapshot that is current.

    Returns
    -------
    snapshot : Snapshot
        The snapshot, now the current one.
    is_new : bool
        Whether anything had to be read.

    Raises
    ------
    DataError
        A file, table or column is missing or damaged, two files hold the same, or nothing could be loaded.
        The snapshot that was current stays so.
    StudyError
        The key is another than that of the snapshot that is current.
    """
    source = reader(study)
    contacts.refuse_names(study.source)
    home = root / "data" / "snapshots" / study.name
    scratch = home / f".scratch-{os.getpid()}"
    remove_abandoned()  # of processes that were killed, wherever they spilled
    _remove_abandoned(home)
    home.mkdir(parents=True, exist_ok=True)
    scratch.mkdir(mode=0o700)  # what is unpacked, fetched and joined may name people
    con = engine.open_engine(study.engine) if getattr(source, "IN_PLACE", False) else engine.connect()
    try:
        planned = _planned(source, Reading(con, study, root, scratch), home, new_key=new_key)
        snapshot = open_snapshot(home / planned.name, verify=True)
        # Without its key map a snapshot's lists lead to nobody, so it is made again.
        is_new = snapshot is None or key_map.is_missing(snapshot, root)
        if is_new:
            _make(planned)
            key_map.keep(scratch, root, study.name, planned.name)
            snapshot = find(root, study.name, planned.name)
    finally:
        con.disconnect()
        shutil.rmtree(scratch, ignore_errors=True)
    if current_id(home) != planned.name:
        durable.replace(home / "CURRENT", f"{planned.name}\n", sync=True)
    return cast(Snapshot, snapshot), is_new


def time_is_up(seconds: int) -> str:
    """The sentence for a load that took longer than it may."""
    return (
        f"Loading took longer than {seconds} seconds and was stopped; --run-timeout gives it more. What was "
        "loaded before stays."
    )


def _planned(source: Source, reading: Reading, home: Path, *, new_key: bool) -> Load:
    """What will be read, and under which name it will stand."""
    inputs = source.inputs(reading)
    states = [seen(item.path) for item in inputs]
    read = [described(item) for item in inputs]
    refuse_twice(inputs, read)
    if not new_key:
        refuse_new_key(home, read)
    name = _identity(reading.study, source, read)
    return Load(name, home, source, reading, inputs, read, states, _before(home, reading.study))


def _make(load: Load) -> None:
    """Build a snapshot beside its place, and move it there whole."""
    building = load.home / f".{load.name}-{os.getpid()}"
    try:
        building.mkdir(parents=True)
        build(load, building)
        load.reading.con.disconnect()  # what is open can be moved on some systems only
        for item, then in zip(load.inputs, load.states, strict=True):
            if seen(item.path) != then:
                raise DataError(f"{item.shown} changed while it was read. Load again when it is complete.")
        durable.sync_tree(building)
        _put(building, load.home / load.name)
        durable.sync_folder(load.home)
    except OSError as error:
        name = load.reading.study.name
        raise DataError(f"The snapshot of '{name}' cannot be written: {error.strerror}.") from error
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _put(building: Path, place: Path) -> None:
    """Move a snapshot to its place, unless a whole one came there meanwhile; a damaged one makes room."""
    try:
        building.rename(place)
    except OSError:
        if open_snapshot(place, verify=True) is None:
            shutil.rmtree(place, ignore_errors=True)
            building.rename(place)


def _identity(study: Study, source: Source, read: list[dict[str, Any]]) -> str:
    what = {
        "inputs": [(item["name"], item["sha256"]) for item in read],
        "source": study.source,
        "timezone": study.timezone,
        "versions": (SCHEMA_VERSION, LOADER_VERSION, source.VERSION),
        "keys": sorted({item["key"] for item in read if item["key"]}),
    }
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]


def _before(home: Path, study: Study) -> Snapshot | None:
    """The snapshot in use until now, if it can be compared: every byte whole, the same source and zone."""
    snapshot = open_snapshot(home / current_id(home), verify=True)
    if snapshot is None:
        return None
    manifest = snapshot.manifest
    return snapshot if (manifest["options"], manifest["zone"]) == (study.source, study.timezone) else None


def _remove_abandoned(home: Path) -> None:
    """Remove what processes left half built that are no more, or had this one's number (in a container)."""
    for left in home.glob(".*-[0-9]*"):
        owner = left.name.rpartition("-")[2]
        if owner.isdecimal() and (int(owner) == os.getpid() or not psutil.pid_exists(int(owner))):
            shutil.rmtree(left, ignore_errors=True)
