from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from crm_utils.reports import publish
from crm_utils.tables import AsOf
from crm_utils.tools import durable


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the system is asked for, in order: a sync of a file or folder, a rename."""
    asked: list[str] = []
    sync, rename = os.fsync, Path.replace

    def fsync(descriptor: int) -> None:
        asked.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink().name}")
        sync(descriptor)

    def replace(self: Path, target: Path) -> Path:
        asked.append(f"rename to {Path(target).name}")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    return asked


linux = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="asks Linux which file is synced")


@linux
def test_content_is_on_the_disk_before_its_name_and_the_name_after(events: list[str], tmp_path: Path) -> None:
    durable.replace(tmp_path / "CURRENT", "a", sync=True)
    assert events == [f"sync .CURRENT.{os.getpid()}.part", "rename to CURRENT", f"sync {tmp_path.name}"]


@linux
def test_all_of_a_report_is_on_the_disk_before_a_link_leads_to_it(events: list[str], tmp_path: Path) -> None:
    run = tmp_path / ".runs" / "r"
    (run / "tables").mkdir(parents=True)
    for name in ("run.json", "index.html", "tables/t.parquet"):
        (run / name).write_text("{}")
    publish.publish(run, tmp_path, AsOf.parse("2017-12-31"))
    linked = events.index("rename to 2017-12-31")
    assert set(events[:linked]) == {
        f"sync {n}" for n in ("run.json", "index.html", "t.parquet", "r", "tables")
    }
    assert events[linked:] == [
        "rename to 2017-12-31", f"sync {tmp_path.name}", "rename to latest", f"sync {tmp_path.name}",
    ]  # fmt: skip


def test_what_a_killed_process_left_is_removed_and_a_living_ones_is_not(tmp_path: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    mine = tmp_path / f".x.{os.getpid()}.part"
    for left in (tmp_path / f".x.{gone.pid}.part", tmp_path / f".x.{os.getppid()}.part"):
        left.write_text("half")
    durable.replace(tmp_path / "x", "whole")
    assert sorted(p.name for p in tmp_path.iterdir()) == [f".x.{os.getppid()}.part", "x"]
    assert not mine.exists()


def test_nothing_is_left_where_there_is_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_text("old")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(OSError, match="No space"):
        durable.replace(tmp_path / "x", "new")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("x", "old")]
