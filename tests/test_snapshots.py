from __future__ import annotations

import datetime as dt
import json
import os
import stat
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tiny import TINY

from crm_utils import engine, loading, snapshots
from crm_utils.errors import DataError, StudyError
from crm_utils.snapshots import Snapshot
from crm_utils.study import read_study


def load(root: Path) -> tuple[Snapshot, bool]:
    return loading.load(root, read_study(root, "tiny"))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def change(path: Path, **values: object) -> None:
    frame = pd.read_parquet(path)
    for name, value in values.items():
        frame[name] = value
    frame.to_parquet(path, index=False)


def test_loading_twice_does_nothing(project: Path) -> None:
    first, was_new = load(project)
    before = contents(project / "data")
    again, is_new = load(project)
    assert (was_new, is_new, again.id) == (True, False, first.id)
    assert contents(project / "data") == before


def test_another_machine_gives_the_same_tables(project: Path) -> None:
    first, _ = load(project)
    before = {t: first.path(t).read_bytes() for t in first.tables}
    for path in sorted(first.folder.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    first.folder.rmdir()
    again, _ = load(project)
    assert {t: again.path(t).read_bytes() for t in again.tables} == before


def test_rows_read_are_rows_loaded_plus_set_aside(project: Path) -> None:
    change(project / "raw" / "demographics.parquet", household_id=[5] * 40)
    study = (
        project / "studies" / "tiny.yaml"
    )  # without a limit of its own a load that loses 39 of 40 is refused
    study.write_text(study.read_text("utf-8") + "quality: {set_aside_at_most: 1.0}\n", encoding="utf-8")
    snapshot, _ = load(project)
    rows = snapshot.manifest["tables"]["customers"]
    assert (rows["read"], rows["loaded"], rows["quarantined"]) == (40, 1, 39)
    aside = pd.read_parquet(snapshot.folder / "quarantine" / "customers.parquet")
    assert len(aside) == 39
    assert set(aside["reason"]) == {"customer_id is there already"}
    assert json.loads(aside["raw"].iloc[0])["household_id"] == 5
    assert aside["row"].tolist() == list(range(2, 41))


def test_changed_data_make_a_new_snapshot_and_three_are_kept(project: Path) -> None:
    ids = []
    for n in range(5):
        change(project / "raw" / "coupons.parquet", coupon_upc=[n, n])
        ids.append(load(project)[0].id)
    assert len(set(ids)) == 5
    removed = snapshots.prune(project, "tiny", used={ids[0]})
    assert removed == [ids[1]]
    assert snapshots.find(project, "tiny", ids[0]).id == ids[0]
    current = snapshots.current(project, "tiny")
    assert current is not None
    assert current.id == ids[4]


def test_a_damaged_snapshot_is_not_opened_and_is_loaded_anew(project: Path) -> None:
    snapshot, _ = load(project)
    whole = snapshot.path("order_lines").read_bytes()
    snapshot.path("order_lines").write_bytes(whole[:100])
    with pytest.raises(DataError, match="missing or damaged. Load it again: crm load-data tiny"):
        snapshots.current(project, "tiny")
    again, is_new = load(project)
    assert is_new
    assert again.path("order_lines").read_bytes() == whole


def test_a_failed_load_leaves_the_snapshot_in_use_as_it_was(project: Path) -> None:
    snapshot, _ = load(project)
    before = contents(project / "data")
    path = project / "raw" / "transactions.parquet"
    pd.read_parquet(path).rename(columns={"sales_value": "sales"}).to_parquet(path, index=False)
    with pytest.raises(
        DataError, match=r"transactions.parquet has no column 'sales_value'. Did you mean 'sales'\?"
    ):
        load(project)
    assert contents(project / "data") == before
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match="cannot be read"):
        load(project)
    path.unlink()
    with pytest.raises(DataError, match=r"transactions.parquet is missing in raw. There are: campaign"):
        load(project)
    assert contents(project / "data") == before
    current = snapshots.current(project, "tiny")
    assert current is not None
    assert current.id == snapshot.id


def test_no_order_line_is_no_snapshot(project: Path) -> None:
    path = project / "raw" / "transactions.parquet"
    pd.read_parquet(path).iloc[:0].to_parquet(path, index=False)
    with pytest.raises(DataError, match="No order line of 'tiny' could be loaded; 0 were read"):
        load(project)
    assert not list((project / "data").rglob("*.parquet"))


def test_a_day_outside_the_data_is_refused(project: Path) -> None:
    snapshot, _ = load(project)
    study = read_study(project, "tiny")
    assert str(snapshot.as_of("latest", study)) == snapshot.manifest["last_complete_day"]
    with pytest.raises(
        StudyError, match="as_of 2016-12-31 is before the data begin. 'tiny' has orders from 2017-01-0"
    ):
        snapshot.as_of("2016-12-31", study)
    with pytest.raises(StudyError, match="as_of 2018-06-01 is after the data end"):
        snapshot.as_of("2018-06-01", study)


def test_a_day_that_is_not_over_is_not_complete(project: Path) -> None:
    path = project / "raw" / "transactions.parquet"
    frame = pd.read_parquet(path)
    now = pd.Timestamp.now("UTC").tz_localize(None).floor("s")
    # All of it, as a lone line years after the others is taken for a mistyped day.
    frame["transaction_timestamp"] += now - frame["transaction_timestamp"].max()
    frame.to_parquet(path, index=False)
    snapshot, _ = load(project)
    today = now.tz_localize("UTC").tz_convert("America/New_York").date()
    assert snapshot.manifest["last_day"] == today.isoformat()
    assert snapshot.manifest["last_complete_day"] == (today - pd.Timedelta(days=1)).isoformat()


def test_what_came_late_is_counted_against_the_load_before(project: Path) -> None:
    path = project / "raw" / "transactions.parquet"
    whole = pd.read_parquet(path)
    day = whole["transaction_timestamp"].dt.tz_localize("UTC").dt.tz_convert("America/New_York").dt.date
    march, june, last = (pd.Timestamp(text).date() for text in ("2017-03-10", "2017-06-10", "2017-12-31"))
    late, gone = (day == march).sum(), (day == june).sum()
    assert late > 1
    assert gone > 0
    whole[(day != march) & (day != last)].to_parquet(path, index=False)
    first, _ = load(project)
    assert first.manifest["late_arrivals"] is None
    whole[day != june].to_parquet(path, index=False)
    second, _ = load(project)
    assert second.manifest["late_arrivals"] == {
        "since": first.id,
        "through": first.manifest["last_day"],
        "came": late,
        "went": gone,
        "days": 2,
        "oldest": "2017-03-10",
    }


def test_an_unknown_source_or_option_is_refused(project: Path) -> None:
    study = project / "studies" / "tiny.yaml"
    study.write_text(TINY.replace("kind: complete_journey", "kind: complete_jorney"), encoding="utf-8")
    with pytest.raises(
        StudyError, match=r"no source of kind 'complete_jorney'. Did you mean 'complete_journey'\?"
    ):
        load(project)
    study.write_text(TINY.replace("folder: raw", "foldr: raw"), encoding="utf-8")
    with pytest.raises(
        StudyError, match=r"tiny.yaml, line 2: a source has no 'foldr'. Did you mean 'folder'\?"
    ):
        load(project)
    assert not (project / "data").exists()


def test_a_file_replaced_after_it_was_hashed_is_seen(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is hashed early, while a later one is being hashed."""
    hashed, real = [], loading.described

    def describe(item: Any) -> Any:
        hashed.append(item.path)
        if len(hashed) == 2:
            change(hashed[0], week=1)
        return real(item)

    monkeypatch.setattr(loading, "described", describe)
    with pytest.raises(DataError, match="changed while it was read"):
        load(project)
    assert snapshots.current(project, "tiny") is None


def test_leftovers_of_an_own_number_do_not_live_on(project: Path) -> None:
    """A container begins with the same number again and again."""
    home = project / "data" / "snapshots" / "tiny"
    for name in (f".scratch-{os.getpid()}", f".abc-{os.getpid()}", ".foo-1abc"):
        (home / name).mkdir(parents=True)
    (home / f".scratch-{os.getpid()}" / "identity.json").write_text('{"keys": [], "customers": 9}')
    snapshot, _ = load(project)
    assert snapshot.manifest["identity"] is None
    assert [path.name for path in home.glob(".*")] == [".foo-1abc"]


def test_who_loads_second_takes_what_the_first_published(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, real = project / "data" / "snapshots" / "tiny", loading.durable.sync_tree

    def meanwhile(folder: Path) -> None:
        real(folder)
        monkeypatch.setattr(loading.durable, "sync_tree", real)
        other, _ = load(project)
        (home / other.id / "first").touch()

    monkeypatch.setattr(loading.durable, "sync_tree", meanwhile)
    snapshot, _ = load(project)
    assert (snapshot.folder / "first").exists()
    assert snapshots.open_snapshot(snapshot.folder, verify=True)


def test_a_mistyped_year_is_not_the_newest_day(project: Path) -> None:
    path = project / "raw" / "transactions.parquet"
    frame = pd.read_parquet(path)
    last = frame["transaction_timestamp"].max()
    frame.loc[frame.index[0], "transaction_timestamp"] = pd.Timestamp("2190-01-01")
    frame.to_parquet(path, index=False)
    snapshot, _ = load(project)
    assert snapshot.manifest["last_day"] == str((last - dt.timedelta(hours=5)).date())
    assert snapshot.manifest["oddities"]["order lines of days that are still to come"] == 1


def test_a_damaged_note_of_the_current_snapshot_is_as_none(project: Path) -> None:
    first, _ = load(project)
    for garbage in (b"\xff\xfe", b"../../etc"):
        (first.folder.parent / "CURRENT").write_bytes(garbage)
        assert snapshots.current(project, "tiny") is None
        assert load(project)[0].id == first.id


def test_what_spills_is_its_owners_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    con = engine.connect().con
    folder = Path(con.execute("SELECT current_setting('temp_directory')").fetchone()[0])
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    con.execute("SET memory_limit = '60MB'; SET threads = 1")
    con.execute("CREATE TEMP TABLE big AS SELECT range AS a, random()::VARCHAR AS b FROM range(3_000_000)")
    assert list(folder.iterdir()), "something was spilled"
    assert not list(tmp_path.iterdir())
