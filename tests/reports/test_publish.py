from __future__ import annotations

import json
from pathlib import Path

import pytest

from crm_utils.reports import publish
from crm_utils.tables import AsOf


def make_run(home: Path, name: str, snapshot: str = "s") -> Path:
    folder = home / ".runs" / name
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(
        json.dumps({"run_id": name, "snapshot": {"id": snapshot}}), encoding="utf-8"
    )
    (folder / "index.html").write_text(name, encoding="utf-8")
    return folder


@pytest.fixture(params=["links", "no links"])
def home(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study's reports, on a system with symbolic links and on one without the right to make them."""
    if request.param == "no links":

        def refuse(*_: object, **__: object) -> None:
            raise OSError("A required privilege is not held by the client")

        monkeypatch.setattr(Path, "symlink_to", refuse)
    return tmp_path / "reports" / "tiny"


def test_a_report_is_replaced_and_latest_is_the_newest_day(home: Path) -> None:
    for name, day in [("1", "2017-12-31"), ("2", "2017-09-30"), ("3", "2017-12-31")]:
        report = publish.publish(make_run(home, name), home, AsOf.parse(day))
        assert (report / "index.html").read_text() == name
    assert publish.days(home) == ["2017-09-30", "2017-12-31"]
    assert (home / "latest" / "index.html").read_text() == "3"
    assert sorted(p.name for p in home.iterdir()) == [".runs", "2017-09-30", "2017-12-31", "latest"]


def test_a_folder_may_move_with_its_reports(tmp_path: Path) -> None:
    home = tmp_path / "reports" / "tiny"
    publish.publish(make_run(home, "1"), home, AsOf.parse("2017-12-31"))
    moved = (tmp_path / "reports").rename(tmp_path / "elsewhere")
    assert (moved / "tiny" / "latest" / "index.html").read_text() == "1"


def test_old_runs_go_published_ones_and_the_newest_stay(home: Path) -> None:
    first = make_run(home, "00", snapshot="old")
    publish.publish(first, home, AsOf.parse("2017-12-31"))
    others = [make_run(home, f"{n:02}", snapshot=f"s{n}") for n in range(1, 15)]
    used = publish.prune_runs(home, keep=others[-1])
    left = sorted(path.name for path in (home / ".runs").iterdir())
    assert left == ["00", *(f"{n:02}" for n in range(4, 15))]
    assert used == {"old", *(f"s{n}" for n in range(4, 15))}


def test_days_and_instants_are_ordered_by_time(tmp_path: Path) -> None:
    home = tmp_path / "tiny"
    for name, day in [("1", "2017-12-31"), ("2", "2017-12-31T10:15:30"), ("3", "2017-12-30")]:
        publish.publish(make_run(home, name), home, AsOf.parse(day))
    assert publish.days(home) == ["2017-12-30", "2017-12-31T101530", "2017-12-31"]


def test_a_report_that_is_a_copy_keeps_its_snapshot_when_its_run_is_gone(tmp_path: Path) -> None:
    home = tmp_path / "tiny"
    run = make_run(home, "1", snapshot="old")
    run.rename(home / "2017-12-31")
    assert publish.published(home) >= {"1"}
    assert publish.prune_runs(home, keep=make_run(home, "2", snapshot="new")) == {"old", "new"}


@pytest.mark.parametrize("name", ["2017-12-31 copy", "2017", "2017-12-31.bak", "20171231"])
def test_a_folder_that_somebody_put_there_is_no_day(home: Path, name: str) -> None:
    publish.publish(make_run(home, "1"), home, AsOf.parse("2017-12-31"))
    make_run(home, "2").rename(home / name)
    report = publish.publish(make_run(home, "3"), home, AsOf.parse("2018-01-01"))
    assert (report / "index.html").read_text() == "3"
    assert publish.days(home) == ["2017-12-31", "2018-01-01"]
    assert (home / "latest" / "index.html").read_text() == "3"
