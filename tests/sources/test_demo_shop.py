"""The simulated shop as a source: contract, same bytes again, any size, and what it must not tell."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from demo import DemoShop, load_demo
from tiny import ROOT

from crm_utils import loading, sources
from crm_utils.engine import connect
from crm_utils.errors import DataError, StudyError
from crm_utils.loading.preview import preview
from crm_utils.run import View
from crm_utils.sources import demo_shop as source
from crm_utils.study import read_study
from crm_utils.tables import TABLES, AsOf

pytestmark = pytest.mark.slow
TABLES_OF = {
    "full": set(TABLES) - {"marketing_costs", "asked", "reach", "referrals", "tiers"},
    "pure": {"order_lines", "products", "customers"},
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> DemoShop:
    return load_demo(tmp_path_factory.mktemp("small"), customers=300, seed=5)


@pytest.mark.parametrize("world", ["full", "pure"])
@pytest.mark.parametrize("customers", [1, 37, 500])
def test_any_size_keeps_the_contract(tmp_path: Path, world: str, customers: int) -> None:
    shop = load_demo(tmp_path, world=world, customers=customers)
    loaded = shop.snapshot.manifest["tables"]
    assert set(loaded) == TABLES_OF[world]
    assert all(rows["read"] == rows["loaded"] for rows in loaded.values())
    assert loaded["customers"]["loaded"] == customers
    for name in loaded:  # a column too many could tell what nobody may know
        columns = shop.sql(f"FROM {name} LIMIT 0").columns
        assert list(columns) == [column.name for column in TABLES[name].columns]


def test_nothing_is_set_aside_and_nothing_is_odd(demo_shop: DemoShop) -> None:
    manifest = demo_shop.snapshot.manifest
    assert sum(rows["quarantined"] for rows in manifest["tables"].values()) == 0
    assert all(rows["loaded"] > 0 for rows in manifest["tables"].values())
    assert manifest["simulated"] is True
    assert manifest["inputs"] == []
    odd = manifest["oddities"]
    assert odd["orders with more than one customer"] == 0
    assert odd["order lines whose product is not in products"] == 0


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_shop(
    small: DemoShop, tmp_path: Path
) -> None:
    def bytes_of(shop: DemoShop) -> dict[str, str]:
        return {name: rows["sha256"] for name, rows in shop.snapshot.manifest["tables"].items()}

    again = load_demo(tmp_path / "again", customers=300, seed=5)
    other = load_demo(tmp_path / "other", customers=300, seed=6)
    assert bytes_of(again) == bytes_of(small)
    assert again.snapshot.id == small.snapshot.id != other.snapshot.id
    fixed = {"products", "campaigns"}
    assert {name for name, sha in bytes_of(other).items() if sha == bytes_of(small)[name]} == fixed


def test_the_snapshot_is_loaded_once_and_anew_when_an_option_changes(small: DemoShop) -> None:
    snapshot, is_new = loading.load(small.root, small.study)
    assert (snapshot.id, is_new) == (small.snapshot.id, False)
    larger = small.study.model_copy(update={"source": small.study.source | {"customers": 310}})
    snapshot, is_new = loading.load(small.root, larger)
    assert is_new
    assert snapshot.id != small.snapshot.id


def test_a_larger_shop_begins_with_the_same_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (source, source.block):
        monkeypatch.setattr(module, "BLOCK", 100)
    one = [block for block in source._seen("full", 100, 1) if "order_lines" in block]
    more = [block for block in source._seen("full", 250, 1) if "order_lines" in block]
    assert [len(block["customers"]) for block in more] == [100, 100, 50]
    assert more[0]["order_lines"].equals(one[0]["order_lines"])
    for name, key in (("order_lines", "order_id"), ("messages", "message_id"), ("events", "event_id")):
        seen = [set(block[name][key].to_pylist()) for block in more]
        assert not seen[0] & seen[1]  # ids go on from block to block
        assert not seen[1] & seen[2]


@pytest.mark.parametrize(("options", "said"), [
    ({"world": "ful"}, "source.world: Input should be 'full' or 'pure' (found: 'ful')"),
    ({"customers": 0}, "source.customers: Input should be greater than or equal to 1 (found: 0)"),
    ({"customers": "many"}, "source.customers: Input should be a valid integer (found: 'many')"),
    ({"customers": True}, "source.customers: Input should be a valid integer (found: True)"),
    ({"seed": -1}, "source.seed: Input should be greater than or equal to 0 (found: -1)"),
    ({"size": 5}, "a source has no 'size'. "),
])  # fmt: skip
def test_options_that_cannot_be(small: DemoShop, options: dict[str, object], said: str) -> None:
    study = small.study.model_copy(update={"source": {"kind": "demo_shop"} | options})
    with pytest.raises(StudyError) as error:
        loading.load(small.root, study)
    assert said in str(error.value)


def test_the_study_in_the_project_is_valid_and_its_helpers_are_no_readers() -> None:
    study = read_study(ROOT, "demo_shop")
    assert sources.reader(study) is source
    assert {"demo_shop", "complete_journey"} <= set(sources.kinds())
    assert "worlds" not in sources.kinds()


def test_a_run_cannot_open_the_truth(small: DemoShop) -> None:
    view = View(connect(), small.study, small.snapshot, AsOf.parse("2025-12-31"))
    small.sql("SELECT 1")  # the truth is drawn now
    for name in ("outcomes", "truth", "true_outcomes"):
        with pytest.raises(DataError, match="cannot have a table"):
            view.table(name)
    assert not small.truth.is_relative_to(small.snapshot.folder)
    assert {path.stem for path in small.snapshot.folder.glob("**/*.parquet")} == set(small.snapshot.tables)


def test_the_truth_is_known_of_simulated_shops_alone(small: DemoShop) -> None:
    with pytest.raises(
        StudyError, match="of kind 'complete_journey': only a simulated shop's truth is known"
    ):
        source.truth(read_study(ROOT, "complete_journey"), small.root)


def test_the_truth_is_drawn_once_and_is_the_same_again(small: DemoShop, tmp_path: Path) -> None:
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in small.truth.iterdir()}
    again = source.truth(small.study, tmp_path)
    assert {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in again.iterdir()} == files
    known = ("customers", "outcomes", "scenarios", "lost")
    assert set(files) == {f"{name}.parquet" for name in known}


def test_no_column_of_a_customer_tells_who_is_averse(demo_shop: DemoShop) -> None:
    """Age is a hint by design; nothing, alone, is more than a hint."""
    seen = demo_shop.sql("FROM customers JOIN true_customers USING (customer_id) ORDER BY customer_id")
    averse = seen["averse"]
    for name in seen.columns.difference(["customer_id", "orders_a_year", "left_at", "left_why", "averse",
                                         "favourite", "tier"]):  # fmt: skip
        column = seen[name]
        if column.nunique() > 30:
            column = pd.qcut(column.rank(method="first"), 30, labels=False)
        rate = averse.groupby(column).mean()[averse.groupby(column).size() >= 30]
        assert rate.max() < 0.9, name
        assert rate.min() > 0, name
    place = np.arange(len(seen)) / len(seen)
    assert abs(place[averse].mean() - place.mean()) < 4 * place.std() / np.sqrt(averse.sum())


def test_orders_are_numbered_by_time_so_that_no_number_tells_what_brought_them(demo_shop: DemoShop) -> None:
    orders = demo_shop.sql("""
        SELECT order_id, min(ordered_at) AS moment FROM order_lines
        WHERE order_id LIKE 'o%' GROUP BY 1 ORDER BY 1""")
    assert orders["moment"].is_monotonic_increasing
    number = orders["order_id"].str[1:].astype(int)
    assert (number.diff().dropna() == 1).all()


def test_a_look_says_what_part_it_was_of(small: DemoShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """There are no files here: what is drawn whole is no part, however many rows it has."""
    whole = preview(small.root, small.study, sample=10)
    assert {table.part for table in whole} == {""}
    monkeypatch.setattr(source, "BLOCK", 100)
    assert {table.part for table in preview(small.root, small.study, sample=10)} == {
        "the first 100 customers"
    }
