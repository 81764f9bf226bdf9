"""Is anybody's name, phone, e-mail or address found anywhere once data are in? Every byte is searched.

A shop with planted identifiers goes through a whole run, from a database and from files with broken lines,
and through errors. The way back, ``crm export``, finds the people again, for its owner alone.
"""

from __future__ import annotations

import csv
import json
import shutil
import sqlite3
import stat
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from notebook_maker import write_notebook
from people_data import CANARIES, CUSTOMERS, ORDERS, found_in
from tiny import ROOT
from typer.testing import CliRunner, Result

from crm_utils import loading
from crm_utils.command.cli import app
from crm_utils.errors import CrmError, DataError, StudyError
from crm_utils.people import key_map
from crm_utils.people.pseudonyms import KEY_NAME
from crm_utils.study import read_study

HEAD = """\
title: A shop with people
timezone: Asia/Seoul
currency: KRW
as_of: 2024-05-06
history_starts: 2024-01-01
quality: {set_aside_at_most: 1.0}
source:
"""
TABLES = """\
  people: {country: "82"}
  tables:
    customers:
      %s
      columns: {joined_on: joined}
      person: {account: account, email: email, phone: phone, name: full_name, address: street}
    order_lines:
      %s
      columns: {order_id: order_no, product_id: sku, ordered_at: ordered, quantity: qty, amount: total,
        discount: {constant: 0}}
      person: {account: account, email: guest_email}
"""
CUSTOMER_COLUMNS = ["account", "email", "phone", "full_name", "street", "joined"]
ORDER_COLUMNS = ["order_no", "account", "guest_email", "sku", "ordered", "qty", "total"]
LISTS = """\
buyers = run.table("order_lines").group_by("customer_id").agg(spent=lambda t: t.amount.sum())
run.save("buyers", buyers)
"""


def from_a_database(root: Path) -> None:
    source = "  kind: database\n  url: sqlite:///raw/shop.db\n"
    study = HEAD + source + TABLES % ("table: customers", "table: orders")
    (root / "studies" / "shop.yaml").write_text(study, encoding="utf-8")
    with sqlite3.connect(root / "raw" / "shop.db") as db:
        db.execute(f"CREATE TABLE customers ({', '.join(CUSTOMER_COLUMNS)})")
        db.execute(f"CREATE TABLE orders ({', '.join(ORDER_COLUMNS)})")
        db.executemany("INSERT INTO customers VALUES (?, ?, ?, ?, ?, ?)", CUSTOMERS)
        db.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?)", ORDERS)
    db.close()


def from_files(root: Path) -> None:
    study = HEAD + "  kind: files\n  folder: raw\n" + TABLES % ("files: customers.csv", "files: orders.csv")
    (root / "studies" / "shop.yaml").write_text(study, encoding="utf-8")
    for name, head, rows in (("customers", CUSTOMER_COLUMNS, CUSTOMERS), ("orders", ORDER_COLUMNS, ORDERS)):
        with (root / "raw" / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([head, *rows])
            file.write("zaphira.quillon@example.com,010-8765-4321,a line that does not fit\n")


@pytest.fixture(params=[from_a_database, from_files])
def shop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("studies", "notebooks", "raw"):
        (tmp_path / folder).mkdir()
    request.param(tmp_path)
    monkeypatch.setenv(KEY_NAME, "k" * 32)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def crm(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})


def seen(shop: Path, *said: str) -> list[str]:
    """Canaries outside of the raw data and the key map, and in what was said."""
    everywhere = list(found_in(shop, leave_out=frozenset({"raw", "private"})))
    return everywhere + [c for text in said for c in CANARIES if c in text.lower()]


@pytest.mark.slow
def test_a_whole_run_shows_nobody_and_export_finds_them_again(shop: Path) -> None:
    assert list(found_in(shop)), "the search would find them"
    shutil.copy(ROOT / "notebooks" / "01_data_collection.ipynb", shop / "notebooks")
    write_notebook(shop, 2, "lists", LISTS)
    ran = crm("run", "shop", "--log-format", "json")
    assert ran.exit_code == 0, ran.output
    assert seen(shop, ran.output) == []
    assert list((shop / "data").rglob("quarantine/*.parquet")), "rows were set aside"
    report = shop / "reports" / "shop" / "latest"
    numbers = json.loads((report / "results" / "data_collection.json").read_text(encoding="utf-8"))["numbers"]
    assert numbers["customers.joined"]["value"] == 3
    page = " ".join((report / "data_collection.html").read_text(encoding="utf-8").split())
    for keys in ("4 keys of kind account", "4 keys of kind email", "3 keys of kind phone"):
        assert keys in page
    assert "Keys were joined to" in page
    assert "to 4 customers, 3 of them known by more than one key" in page
    done = crm("export", "shop", "latest", "buyers")
    assert done.exit_code == 0, done.output
    assert "3 of 4 rows have somebody to send to: private/shop/exports/buyers-" in done.output
    assert seen(shop, done.output) == []
    _only_its_owner_reads(shop / "private")
    [written] = (shop / "private" / "shop" / "exports").iterdir()
    rows = list(csv.DictReader(written.read_text(encoding="utf-8-sig").splitlines()))
    hers = next(row for row in rows if row["their_email"] == "zaphira.quillon@example.com")
    assert (hers["spent"], hers["their_phone"], hers["their_name"]) == (
        "40.50",
        "+821087654321",
        "Z. Quillon",
    )
    log = (shop / "private" / "shop" / "exports.log").read_text(encoding="utf-8")
    assert [(line["table"], line["rows"], line["found"]) for line in map(json.loads, log.splitlines())] == [
        ("buyers", 4, 3)
    ]
    assert not [canary for canary in CANARIES if canary in log.lower()]


def _only_its_owner_reads(folder: Path) -> None:
    modes = {stat.S_IMODE(p.stat().st_mode) for p in folder.rglob("*") if p.is_file()}
    assert modes == {0o600}
    assert {stat.S_IMODE(p.stat().st_mode) for p in [folder, *folder.rglob("*")] if p.is_dir()} == {0o700}


def _break(shop: Path, before: str, after: str) -> None:
    path = shop / "studies" / "shop.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")


BREAKS = {
    "no such column": ("amount: total", "amount: totals"),
    "no row left": ("ordered_at: ordered", "ordered_at: account"),
    "people joined by name": ("{account: account, email: guest_email}", "{name: sku}"),
    "an expression that does not fit": ("amount: total", "amount: {expression: (total > 1) + 1}"),
}


def test_errors_show_nobody_and_leave_what_was_there(shop: Path) -> None:
    checked = crm("check", "shop")
    assert checked.exit_code == 0, checked.output
    assert seen(shop, checked.output) == []
    assert not list((shop / "private").rglob("*")), "a check writes nothing"
    first, _ = loading.load(shop, read_study(shop, "shop"))
    for name, (before, after) in BREAKS.items():
        _break(shop, before, after)
        failed = crm("load-data", "shop")
        _break(shop, after, before)
        assert (failed.exit_code in (2, 3), "Traceback" in failed.output) == (True, False), failed.output
        assert seen(shop, failed.output) == [], name
        assert (shop / "data" / "snapshots" / "shop" / "CURRENT").read_text().strip() == first.id
        assert not list((shop / "data" / "snapshots" / "shop").glob(".*"))


@pytest.mark.parametrize(
    ("table", "line", "by_mistake", "refused"),
    [
        (
            "orders",
            "person: {account: account, email: guest_email}\n",
            "order_id: order_no, customer_id: guest_email",
            "order_lines.customer_id holds e-mail addresses",
        ),
        (
            "customers",
            "person: {account: account, email: email, phone: phone, name: full_name, address: street}\n",
            "customer_id: account, mobile: phone, joined_on: joined",
            "customers.mobile holds phone numbers",
        ),
    ],
)
def test_what_reaches_people_and_is_mapped_by_mistake_is_refused(
    shop: Path, table: str, line: str, by_mistake: str, refused: str
) -> None:
    first, _ = loading.load(shop, read_study(shop, "shop"))
    _break(shop, line, "\n")
    mapped = {"orders": "order_id: order_no", "customers": "joined_on: joined"}[table]
    _break(shop, mapped, by_mistake)
    failed = crm("load-data", "shop")
    assert failed.exit_code == 3
    assert f"{refused}, which no snapshot may." in failed.output
    assert seen(shop, failed.output) == []
    assert (shop / "data" / "snapshots" / "shop" / "CURRENT").read_text().strip() == first.id


FEEDBACK = """\
    feedback:
      files: cases.csv
      columns: {feedback_id: id, submitted_at: at, kind: {constant: case}, text: words}
"""


def test_free_text_is_kept_without_what_reaches_people(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("studies", "raw"):
        (tmp_path / folder).mkdir()
    from_files(tmp_path)
    monkeypatch.setenv(KEY_NAME, "k" * 32)
    with (tmp_path / "studies" / "shop.yaml").open("a", encoding="utf-8") as study:
        study.write(FEEDBACK)
    words = "Call 010-8765-4321 or write to lonely.guest@example.com: the bag came late"
    cases = [f"{n},{day},{words}" for n, day in enumerate(["2024-05-01", "no day"])]
    (tmp_path / "raw" / "cases.csv").write_text("\n".join(["id,at,words", *cases]), encoding="utf-8")
    snapshot, _ = loading.load(tmp_path, read_study(tmp_path, "shop"))
    assert seen(tmp_path) == []
    hidden = "Call [phone] or write to [email]: the bag came late"
    assert pq.read_table(snapshot.path("feedback"))["text"].to_pylist() == [hidden]
    aside = pq.read_table(snapshot.folder / "quarantine" / "feedback.parquet")
    assert json.loads(aside["raw"].to_pylist()[0])["words"] == hidden


def test_the_datas_own_customer_id_is_kept_beside_the_pseudonym(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_NAME, "k" * 32)
    for folder in ("studies", "raw"):
        (tmp_path / folder).mkdir()
    orders = {"order_id": "o", "product_id": "p", "ordered_at": "t", "quantity": "q", "amount": "a"}
    tables = {
        "order_lines": {"files": "o.csv", "person": {"email": "mail"}, "columns": orders},
        "customers": {
            "files": "c.csv", "person": {"email": "mail"}, "columns": {"crm_number": "customer_id"},
        },
    }  # fmt: skip
    study = {
        "title": "Shop", "timezone": "Asia/Seoul", "currency": "KRW", "history_starts": "2024-01-01",
        "source": {"kind": "files", "folder": "raw", "tables": tables},
    }  # fmt: skip
    (tmp_path / "studies" / "shop.yaml").write_text(json.dumps(study), encoding="utf-8")
    (tmp_path / "raw" / "o.csv").write_text("o,p,t,q,a,mail\n1,p1,2024-05-01,1,1,zaphira@example.com\n")
    (tmp_path / "raw" / "c.csv").write_text("customer_id,mail\n00042,Zaphira@example.com\n")
    snapshot, _ = loading.load(tmp_path, read_study(tmp_path, "shop"))
    customers = pq.read_table(snapshot.path("customers")).to_pylist()
    bought = pq.read_table(snapshot.path("order_lines")).to_pylist()
    assert [c["crm_number"] for c in customers] == ["00042"]
    assert [c["customer_id"] for c in customers] == [line["customer_id"] for line in bought] != ["00042"]


def test_without_a_key_nothing_is_read(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_NAME)
    with pytest.raises(StudyError, match=f"{KEY_NAME} is not set in the environment"):
        loading.load(shop, read_study(shop, "shop"))
    assert not list((shop / "data").rglob("*.parquet"))


def test_another_key_is_another_snapshot_and_no_accident(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = read_study(shop, "shop")
    first, _ = loading.load(shop, study)
    assert not loading.load(shop, study)[1]
    monkeypatch.setenv(KEY_NAME, "another key of 32 characters or more")
    with pytest.raises(StudyError, match="is another key than the load before had"):
        loading.load(shop, study)
    assert crm("load-data", "shop", "--new-key").exit_code == 0
    other, is_new = loading.load(shop, study, new_key=True)[0], True
    assert (other.id != first.id, is_new) == (True, True)
    assert key_map.path_of(shop, "shop", first.id).is_file()


def test_a_lost_key_map_is_made_again(shop: Path) -> None:
    study = read_study(shop, "shop")
    snapshot, _ = loading.load(shop, study)
    place = key_map.path_of(shop, "shop", snapshot.id)
    before = place.read_bytes()
    place.unlink()
    again, is_new = loading.load(shop, study)
    assert (again.id, is_new) == (snapshot.id, True)
    assert place.read_bytes() == before
    key_map.prune(shop, "shop")
    assert place.is_file()
    shutil.rmtree(snapshot.folder)  # by hand
    key_map.prune(shop, "shop")
    assert not place.exists()
    with pytest.raises(CrmError, match="There is no key map for snapshot"):
        key_map.export(shop, "shop", snapshot.id, shop / "list.parquet")


def test_what_cannot_be_logged_is_not_exported(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot, _ = loading.load(shop, read_study(shop, "shop"))
    monkeypatch.setattr("getpass.getuser", lambda: (_ for _ in ()).throw(KeyError("uid 1234")))
    done = key_map.export(shop, "shop", snapshot.id, snapshot.path("order_lines"))
    assert done.rows == 6
    done.path.unlink()
    log = shop / "private" / "shop" / "exports.log"
    log.unlink()
    log.mkdir()
    with pytest.raises(OSError, match=r"exports\.log"):
        key_map.export(shop, "shop", snapshot.id, snapshot.path("order_lines"))
    assert not list((shop / "private" / "shop" / "exports").iterdir())


def test_who_is_held_out_is_not_sent_to(shop: Path) -> None:
    snapshot, _ = loading.load(shop, read_study(shop, "shop"))
    who = pq.read_table(snapshot.path("order_lines"))["customer_id"].to_pylist()
    wanted = pa.table({"customer_id": who[:3], "holdout": [False, True, None]})
    pq.write_table(wanted, shop / "wanted.parquet")
    done = key_map.export(shop, "shop", snapshot.id, shop / "wanted.parquet")
    assert (done.rows, done.matched, done.held_out) == (2, 2, 1)


def test_a_kind_is_a_plain_word(shop: Path) -> None:
    _break(shop, "guest_email}", 'guest_email, "x\' OR true --": sku}')
    with pytest.raises(StudyError, match="should match pattern"):
        loading.load(shop, read_study(shop, "shop"))


@pytest.mark.parametrize("limit", ["set_aside_at_most: 0.1", ""])
def test_a_check_ends_as_a_load_would(shop: Path, limit: str) -> None:
    study = shop / "studies" / "shop.yaml"
    given = f"quality: {{{limit or 'set_aside_at_most: 1.0'}}}"
    study.write_text(study.read_text("utf-8").replace("quality: {set_aside_at_most: 1.0}", given), "utf-8")
    checked = crm("check", "shop")
    assert checked.exit_code == (3 if limit else 0), checked.output
    assert ("A load would be refused" in checked.output) == bool(limit)
    assert crm("load-data", "shop").exit_code == checked.exit_code


def test_a_scratch_folder_is_its_owners_alone(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes, real = [], loading.described

    def describe(item: object) -> object:
        modes.extend(path.stat().st_mode & 0o777 for path in (shop / "data").rglob(".scratch-*"))
        return real(item)  # type: ignore[arg-type]

    monkeypatch.setattr(loading, "described", describe)
    loading.load(shop, read_study(shop, "shop"))
    assert set(modes) == {0o700}


def test_a_file_that_was_delivered_twice_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("studies", "raw"):
        (tmp_path / folder).mkdir()
    from_files(tmp_path)
    monkeypatch.setenv(KEY_NAME, "k" * 32)
    study = tmp_path / "studies" / "shop.yaml"
    study.write_text(study.read_text(encoding="utf-8").replace("files: orders.csv", 'files: "orders*.csv"'))
    shutil.copy(tmp_path / "raw" / "orders.csv", tmp_path / "raw" / "orders (1).csv")
    with pytest.raises(DataError, match="hold the same, byte for byte"):
        loading.load(tmp_path, read_study(tmp_path, "shop"))
    for name in ("orders (1).csv", "orders (2).csv"):  # months without an order
        (tmp_path / "raw" / name).write_text(",".join(ORDER_COLUMNS) + "\n", encoding="utf-8")
    loading.load(tmp_path, read_study(tmp_path, "shop"))
