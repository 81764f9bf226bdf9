"""Rows set aside keep no more of a person than the contract needs; a changed manifest is damage; exports."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crm_utils import loading
from crm_utils.errors import DataError
from crm_utils.loading.preview import described, preview
from crm_utils.people import key_map
from crm_utils.people.pseudonyms import KEY_NAME
from crm_utils.snapshots import open_snapshot
from crm_utils.study import read_study

COLUMNS = {"order_id": "o", "product_id": "p", "ordered_at": "t", "quantity": "q", "amount": "a"}
STUDY = {
    "title": "Shop", "timezone": "Asia/Seoul", "currency": "KRW", "history_starts": "2024-01-01",
    "source": {
        "kind": "files", "folder": "raw",
        "tables": {
            "order_lines": {"files": "o*.csv", "person": {"account": "who"}, "columns": COLUMNS},
            "customers": {
                "files": "c.csv", "person": {"account": "id"},
                "columns": {"joined_on": "joined", "region": {"expression": 'part(addr, ",", 2)'}},
            },
        },
    },
}  # fmt: skip


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(KEY_NAME, "k" * 32)
    for folder in ("studies", "raw"):
        (tmp_path / folder).mkdir()
    (tmp_path / "studies" / "shop.yaml").write_text(json.dumps(STUDY), encoding="utf-8")
    name = "orders Kim 010-2468-1357.csv"
    (tmp_path / "raw" / name).write_text(
        "o,who,p,t,q,a\n1,c1,p1,2024-05-01,1,1\n2,c2,p1,2024-05-01,1,1\n3,c3,p1,x,1,1\n"
    )
    (tmp_path / "raw" / "c.csv").write_text('id,addr,joined\nc1,"Larkspur Lane 7731, Town",no day\n')
    return tmp_path


def test_a_row_set_aside_keeps_no_whole_address_and_a_files_name_no_phone(shop: Path) -> None:
    study = read_study(shop, "shop")
    said = "\n".join(described(preview(shop, study)))
    snapshot, _ = loading.load(shop, study)
    files = [path for path in (shop / "data").rglob("*") if path.is_file()]
    tables = [str(pq.read_table(path).to_pylist()) for path in files if path.suffix == ".parquet"]
    everything = "\n".join([said, (snapshot.folder / "snapshot.json").read_text(encoding="utf-8"), *tables])
    assert "Larkspur" not in everything
    assert "2468-1357" not in everything
    assert "orders Kim [phone].csv" in everything
    assert '"joined":"no day"' in everything.replace("\\", "").replace(": ", ":"), (
        "what is wrong is still seen"
    )
    aside = snapshot.folder / "quarantine"
    assert stat.S_IMODE(aside.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in aside.iterdir()} == {0o600}


CHANGES = {
    "short": lambda manifest: {"id": manifest["id"], "tables": manifest["tables"]},
    "another's id": lambda manifest: manifest | {"id": "0123456789abcdef"},
    "another version": lambda manifest: manifest | {"schema_version": 1},
    "a day changed": lambda manifest: manifest | {"last_complete_day": "2030-01-01"},
    "a list": lambda manifest: [manifest],
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_manifest_that_is_not_what_was_written_is_damage(shop: Path, change: str) -> None:
    study = read_study(shop, "shop")
    snapshot, _ = loading.load(shop, study)
    path = snapshot.folder / "snapshot.json"
    whole = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(CHANGES[change](whole)), encoding="utf-8")
    assert open_snapshot(snapshot.folder) is None
    again, is_new = loading.load(shop, study)
    assert (again.id, is_new) == (snapshot.id, True)
    assert json.loads(path.read_text(encoding="utf-8"))["last_day"] == whole["last_day"]


def test_an_export_is_the_audience_alone_in_a_folder_of_its_own(shop: Path) -> None:
    snapshot, _ = loading.load(shop, read_study(shop, "shop"))
    who = pq.read_table(snapshot.path("order_lines"))["customer_id"].to_pylist()
    assert len(who) == 2
    rows = {"customer_id": [who[0], who[1], who[0], who[1]], "contact": [True, False, None, True],
            "held_out": [False, False, False, True], "=cmd|calc": ["\n=1+1", "", "", ""]}  # fmt: skip
    pq.write_table(pa.table(rows), shop / "churn_scores.parquet")
    (shop / "private").chmod(0o777)
    (shop / "private" / "shop").chmod(0o777)
    done = key_map.export(shop, "shop", snapshot.id, shop / "churn_scores.parquet")
    assert (done.rows, done.held_out, done.not_chosen) == (1, 1, 2)
    text = done.path.read_text(encoding="utf-8-sig")
    assert text.startswith("customer_id,contact,held_out,'=cmd|calc,")
    assert "'\n=1+1" in text
    for folder in (shop / "private", shop / "private" / "shop", done.path.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_column_of_names_is_no_customer_id(shop: Path) -> None:
    declared = json.loads(json.dumps(STUDY))
    lines = declared["source"]["tables"]["order_lines"]
    del lines["person"]
    lines["columns"]["customer_id"] = "who"
    (shop / "studies" / "shop.yaml").write_text(json.dumps(declared), encoding="utf-8")
    [path] = (shop / "raw").glob("o*.csv")
    path.write_text("o,who,p,t,q,a\n1,Kim Minsu,p1,2024-05-01,1,1\n")
    with pytest.raises(DataError, match="order_lines.customer_id holds names of persons"):
        loading.load(shop, read_study(shop, "shop"))
