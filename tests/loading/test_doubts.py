"""What loads without an error and is wrong is seen: asked, refused, or counted once by an option."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from crm_utils import loading
from crm_utils.command.cli import app
from crm_utils.errors import DataError
from crm_utils.loading.doubts import usual_ends
from crm_utils.snapshots import Snapshot
from crm_utils.study import read_study

STUDY = """title: Shop
source:
  kind: files
  folder: data/raw
  tables:
    order_lines:
      files: "o*.csv"
      columns: {{order_id: {order}, ordered_at: {day}, customer_id: who, product_id: sku, quantity: qty,
        amount: sum, store_id: shop}}
{more}timezone: Europe/London
currency: GBP
history_starts: 2024-01-01
{end}"""
HEAD = "nr,day,who,sku,qty,sum,shop\n"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("studies", "notebooks", "data/raw"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def study(shop: Path, *, order: str = "nr", day: str = "day", more: str = "", end: str = "") -> None:
    text = STUDY.format(order=order, day=day, more=more, end=end)
    (shop / "studies/s.yaml").write_text(text, encoding="utf-8")


def load(shop: Path) -> Snapshot:
    return loading.load(shop, read_study(shop, "s"))[0]


def rows(shop: str, *, orders: int = 30, year: int = 2024, first: int = 0) -> str:
    start = dt.date(year, 1, 1)
    return "".join(
        f"{100 + n},{start + dt.timedelta(n)},{shop}{n % 7},p{n % 3},1,10.00,{shop}\n"
        for n in range(first, orders)
    )


def values(snapshot: Snapshot, column: str) -> list[object]:
    return list(pq.read_table(snapshot.path("order_lines"))[column].to_pylist())


def test_receipt_numbers_of_several_stores_are_refused_and_put_together_by_their_store(shop: Path) -> None:
    (shop / "data/raw/o.csv").write_text(HEAD + rows("A") + rows("B") + rows("C"))
    study(shop)
    with pytest.raises(
        DataError, match=r"30 of 30 orders have lines .* order_id: \{columns: \[store, number\]\}"
    ):
        load(shop)
    said = CliRunner().invoke(app, ["check", "s"])
    assert (said.exit_code, "A load would be refused. 30 of 30 orders" in said.output) == (3, True)
    study(shop, order="{columns: [shop, nr]}")
    assert set(values(load(shop), "order_id")) == {f"{s}-{100 + n}" for s in "ABC" for n in range(30)}
    study(shop, end="quality: {mixed_orders_at_most: 1}\n")
    assert load(shop).manifest["oddities"]["orders with more than one customer"] == 30


def test_receipt_numbers_that_begin_anew_each_year_are_refused_and_told_apart_by_it(shop: Path) -> None:
    text = rows("A") + rows("A", year=2025)
    (shop / "data/raw/o.csv").write_text(HEAD + text.replace(",A0,", ",,"))
    study(shop)
    with pytest.raises(DataError, match=r"30 more than 31 days apart.*anew: year"):
        load(shop)
    study(shop, order="{column: nr, anew: year}")
    ids = values(load(shop), "order_id")
    assert len(set(ids)) == 60
    assert {"2024-100", "2025-100"} <= set(ids)


def test_one_mixed_order_is_counted_and_stops_nothing(shop: Path) -> None:
    (shop / "data/raw/o.csv").write_text(HEAD + rows("A") + "100,2024-01-01,B9,p1,1,10.00,A\n")
    study(shop)
    assert load(shop).manifest["oddities"]["orders with more than one customer"] == 1


def test_exports_that_overlap_are_refused_or_counted_once(shop: Path) -> None:
    (shop / "data/raw/o1.csv").write_text(HEAD + rows("A", orders=20))
    # The same product twice in one order is two lines, in whichever file it stands.
    again = rows("A", orders=30, first=15) + "129,2024-01-30,A1,p2,1,10.00,A\n"
    (shop / "data/raw/o2.csv").write_text(HEAD + again)
    study(shop)
    with pytest.raises(
        DataError, match=r"5 orders stand in two files \(o1.csv and o2.csv.*5 lines .*overlap: drop"
    ):
        load(shop)
    said = CliRunner().invoke(app, ["check", "s"])
    assert (said.exit_code, "5 orders stand in two files" in said.output) == (3, True)
    study(shop, more="      overlap: drop\n")
    snapshot = load(shop)
    counts = snapshot.manifest["tables"]["order_lines"]
    assert (counts["read"], counts["loaded"], counts["left_out"]) == (36, 31, 5)
    assert counts["left_out_by_reason"] == {"stands in another file already": 5}
    study(shop, more="      overlap: keep\n")
    assert load(shop).manifest["tables"]["order_lines"]["loaded"] == 36


def test_numbers_that_begin_anew_in_each_file(shop: Path) -> None:
    for name, orders in (("1", 30), ("2", 20)):
        (shop / f"data/raw/o{name}.csv").write_text(HEAD + rows("A", orders=orders))
    study(shop, order="{column: nr, anew: file}")
    assert len(set(values(load(shop), "order_id"))) == 50


@pytest.mark.parametrize(("form", "second"), [("%d/%m/%Y", "01/30/2024"), ("%m/%d/%Y", "30/01/2024")])
def test_day_and_month_in_both_orders_are_refused(shop: Path, form: str, second: str) -> None:
    days = [dt.date(2024, 1, 1) + dt.timedelta(n) for n in range(200)]
    lines = "".join(f"{n},{day:{form}},A{n % 5},p1,1,10.00,A\n" for n, day in enumerate(days))
    (shop / "data/raw/o.csv").write_text(HEAD + lines + f"900,{second},A1,p1,1,10.00,A\n")
    study(shop, day=f'{{column: day, dates: "{form}"}}')
    with pytest.raises(
        DataError, match="ordered_at: 1 values are days only with day and month the other way"
    ):
        load(shop)
    said = CliRunner().invoke(app, ["check", "s"])
    assert (said.exit_code, "the other way round (1)" in said.output) == (3, True)


def test_a_day_that_is_none_either_way_is_only_set_aside(shop: Path) -> None:
    lines = rows("A", orders=60) + "900,2024-02-30,A1,p1,1,10.00,A\n"
    (shop / "data/raw/o.csv").write_text(HEAD + lines)
    study(shop, day='{column: day, dates: "%Y-%m-%d"}')
    assert load(shop).manifest["tables"]["order_lines"]["quarantined"] == 1


@pytest.mark.parametrize("lone", ["2025-09-15", "2004-06-15", "2042-06-15"])
def test_a_lone_mistyped_day_moves_no_end(shop: Path, lone: str) -> None:
    (shop / "data/raw/o.csv").write_text(HEAD + rows("A", orders=90) + f"900,{lone},A1,p1,1,10.00,A\n")
    study(shop)
    manifest = load(shop).manifest
    assert (manifest["first_day"], manifest["last_complete_day"]) == ("2024-01-01", "2024-03-30")
    said = CliRunner().invoke(app, ["check", "s"]).output
    assert ("is a day mistyped?" in said) == (lone < "2030")


def by_day(*days: tuple[int, int]) -> list[tuple[dt.date, int]]:
    return [(dt.date(2024, 1, 1) + dt.timedelta(day), lines) for day, lines in days]


@pytest.mark.parametrize(
    ("days", "kept"),
    [
        ([(n, 5) for n in range(90)], True),
        ([(n, 5) for n in range(90)] + [(400, 5)], True),  # five lines of 455: no typing error
        ([(n, 5) for n in range(90)] + [(100, 1)], True),  # ten days of silence are none either
        ([(n * 30, 1) for n in range(20)] + [(700, 1)], True),  # a sparse shop
        ([(n, 5) for n in range(90)] + [(n, 5) for n in range(270, 360)], True),  # a season
        ([(0, 1)], True),
        ([(0, 1), (400, 1)], True),
        ([(n, 5) for n in range(90)] + [(400, 1)], False),
    ],
)
def test_an_end_is_only_moved_by_what_stands_alone(days: list[tuple[int, int]], kept: bool) -> None:
    ends = usual_ends(by_day(*days))
    assert (ends.last == by_day(*days)[-1][0]) is kept


def test_three_of_four_rows_set_aside_are_refused_unless_the_study_says_so(shop: Path) -> None:
    bad = "".join(f"{n},2024-01-0{n},A,p1,1,x,A\n" for n in range(1, 4))
    (shop / "data/raw/o.csv").write_text(HEAD + bad + "4,2024-01-08,A,p1,1,15,A\n")
    study(shop)
    with pytest.raises(DataError, match=r"3 of 4 rows .*set_aside_at_most: 0.05, which holds unless"):
        load(shop)
    said = CliRunner().invoke(app, ["check", "s"])
    assert said.exit_code == 3
    study(shop, end="quality: {set_aside_at_most: 0.8}\n")
    assert load(shop).manifest["tables"]["order_lines"]["loaded"] == 1


def test_one_bad_row_of_few_is_set_aside(shop: Path) -> None:
    (shop / "data/raw/o.csv").write_text(HEAD + rows("A", orders=3) + "9,2024-01-08,A,p1,1,x,A\n")
    study(shop)
    assert load(shop).manifest["tables"]["order_lines"]["quarantined"] == 1


@pytest.mark.parametrize("word", ["NULL", "nan", "\\N", "#N/A", "-", "None"])
def test_a_word_for_nothing_is_no_customer(shop: Path, word: str) -> None:
    (shop / "data/raw/o.csv").write_text(HEAD + rows("A").replace(",A0,", f",{word},"))
    study(shop)
    ids = values(load(shop), "customer_id")
    assert word not in ids
    assert ids.count(None) == 5


@pytest.mark.parametrize(
    "alike",
    ["회원1 ", "\u00a0회원1", "회원1\u3000", "회원1\u202f", "\ufeff회원1", "회원1\u200b", "회\u200d원1",
     "회원１",
     "\u1112\u116c\u110b\u116f\u11ab1"],
)  # fmt: skip
def test_ids_that_look_alike_are_one(shop: Path, alike: str) -> None:
    lines = f"1,2024-01-01,회원1,p1,1,5,A\n2,2024-01-02,{alike},p1,1,5,A\n"
    (shop / "data/raw/o.csv").write_text(HEAD + lines, encoding="utf-8")
    study(shop)
    assert set(values(load(shop), "customer_id")) == {"회원1"}


@pytest.mark.parametrize(
    ("written", "loaded"),
    [
        ("2.024010112345678E15", "2024010112345678"),
        ("8.80123456789e12", "8801234567890"),
        ("2.02E+15", None),
        ("8.8e+12", None),
        ("8.80123E12", None),
        ("1.23456789012345E17", None),
        ("8.8012345678E12", None),
        ("1E10", "1E10"),
    ],
)
def test_an_id_with_an_exponent_is_whole_again_or_set_aside(
    shop: Path, written: str, loaded: str | None
) -> None:
    (shop / "data/raw/o.csv").write_text(HEAD + rows("A") + f"9,2024-01-08,{written},p1,1,5,A\n")
    study(shop)
    snapshot = load(shop)
    assert (loaded in values(snapshot, "customer_id")) is (loaded is not None)
    assert snapshot.manifest["tables"]["order_lines"]["quarantined"] == (loaded is None)


@pytest.mark.parametrize(
    ("written", "marks", "amount"),
    [
        ('"1\u00a0234,50"', 'decimal: ",", thousands: " "', "1234.50"),
        ('"1\u202f234,50 €"', 'decimal: ",", thousands: " ", signs: "€"', "1234.50"),
        ("(50.00)", "", "-50.00"),
        ("(RM 50.00)", 'signs: "RM"', "-50.00"),
        ("50.00-", "", "-50.00"),
        ("\u221250.00", "", "-50.00"),
    ],
)
def test_numbers_of_typesetters_and_bookkeepers(shop: Path, written: str, marks: str, amount: str) -> None:
    (shop / "data/raw/o.csv").write_text(HEAD + f"1,2024-01-01,A,p1,1,{written},A\n", encoding="utf-8")
    study(shop)
    path = shop / "studies/s.yaml"
    path.write_text(
        path.read_text("utf-8").replace("amount: sum", f"amount: {{column: sum, {marks}}}"), "utf-8"
    )
    assert [str(value) for value in values(load(shop), "amount")] == [amount]
