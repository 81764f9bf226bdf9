"""Online Retail (UCI) by its study alone: every published number, and no code that knows the file."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ibis
import pyarrow.parquet as pq
import pytest
import yaml
from mlxtend.frequent_patterns import association_rules, fpgrowth
from tiny import ROOT

from crm_utils import engine, loading
from crm_utils.loading import contract
from crm_utils.methods import data_collection
from crm_utils.snapshots import Snapshot
from crm_utils.study import read_study

pytestmark = pytest.mark.slow

COHORT = [948, 362, 317, 367, 341, 376, 360, 336, 336, 374, 354, 474, 260]


@pytest.fixture(scope="module")
def root(golden: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("online_retail")
    shutil.copytree(ROOT / "studies", root / "studies")
    folder = root / "data" / "raw" / "online_retail"
    folder.mkdir(parents=True)
    shutil.copy(golden("online_retail.parquet"), folder)
    return root


@pytest.fixture(scope="module")
def snapshot(root: Path) -> Snapshot:
    return loading.load(root, read_study(root, "online_retail"))[0]


def changed(root: Path, name: str, **lines: Any) -> Snapshot:
    """The same study with something more said of its order lines."""
    study = yaml.safe_load((ROOT / "studies" / "online_retail.yaml").read_text(encoding="utf-8"))
    study |= {"as_of": str(study["as_of"]), "history_starts": str(study["history_starts"])}
    section = study["source"]["tables"]["order_lines"]
    section["columns"] |= lines.pop("columns", {})
    study["source"]["tables"] = {"order_lines": section | lines}
    (root / "studies" / f"{name}.yaml").write_text(json.dumps(study), encoding="utf-8")
    return loading.load(root, read_study(root, name))[0]


def lines_of(snapshot: Snapshot) -> Any:
    return engine.connect().read_parquet(snapshot.path("order_lines"))


def test_the_published_profile(snapshot: Snapshot) -> None:
    lines = lines_of(snapshot)
    totals = data_collection.control_totals(lines)
    assert (totals.lines, totals.orders, totals.customers) == (541_909, 25_900, 4_372)
    assert (totals.products, totals.stores) == (4_070, 38)
    assert float(totals.revenue) == pytest.approx(9_747_747.934, abs=0.01)
    assert contract.oddities({"order_lines": lines})["order lines of a guest"].execute() == 135_080
    assert lines.filter(lines.quantity < 0).count().execute() == 10_624


def test_nothing_is_lost_and_products_are_counted_by_reason(snapshot: Snapshot) -> None:
    for rows in snapshot.manifest["tables"].values():
        assert rows["read"] == 541_909 == rows["loaded"] + rows["quarantined"] + rows["left_out"]
    products = snapshot.manifest["tables"]["products"]
    assert products["left_out_by_reason"]["no description"] == 1_454
    assert products["quarantined"] == 0


def test_the_published_clean_part(root: Path) -> None:
    rule = {"when": "empty(CustomerID) or Quantity <= 0 or UnitPrice <= 0", "reason": "not clean"}
    lines = lines_of(changed(root, "clean", leave_out=[rule]))
    totals = data_collection.control_totals(lines)
    assert (totals.lines, totals.customers, totals.orders) == (397_884, 4_338, 18_532)
    assert float(totals.revenue) == pytest.approx(8_911_407.904, abs=0.01)


def test_the_published_duplicates(root: Path) -> None:
    rows = changed(root, "single", duplicates="drop").manifest["tables"]["order_lines"]
    assert rows["left_out_by_reason"] == {"stands there already": 5_268}


def test_the_published_cohort(snapshot: Snapshot) -> None:
    lines = lines_of(snapshot)
    known = lines.filter(lines.customer_id.notnull())
    month = known.ordered_at.truncate("M")
    months = known.group_by("customer_id", month=month).agg()
    first = months.group_by("customer_id").agg(first=months.month.min())
    cohort = months.join(
        first.filter(first["first"] == ibis.timestamp(dt.datetime(2010, 12, 1))), "customer_id"
    )
    counted = cohort.group_by("month").agg(n=cohort.count()).order_by("month").execute()
    assert counted["n"].tolist() == COHORT


def test_the_published_french_baskets(root: Path) -> None:
    rules = [
        {"when": 'startswith(InvoiceNo, "C")', "reason": "cancelled"},
        {"when": 'Country != "France"', "reason": "not France"},
    ]
    loaded = changed(root, "france", leave_out=rules, columns={"product_id": "Description"})
    lines = lines_of(loaded)
    pairs = lines.select("order_id", "product_id").distinct().execute()
    baskets = pairs.assign(there=True).pivot(index="order_id", columns="product_id", values="there")
    assert len(baskets) == 392  # orders of postage alone among them: as published, its column is dropped
    baskets = baskets.notna().drop(columns="POSTAGE")
    itemsets = fpgrowth(baskets, min_support=0.07, use_colnames=True)
    rules_found = association_rules(itemsets, metric="lift", min_threshold=1)
    assert (len(itemsets), len(rules_found)) == (51, 26)
    alarm = rules_found[
        (rules_found["antecedents"] == {"ALARM CLOCK BAKELIKE GREEN"})
        & (rules_found["consequents"] == {"ALARM CLOCK BAKELIKE RED"})
    ].iloc[0]
    assert alarm["support"] == pytest.approx(0.079082, abs=1e-6)
    assert alarm["confidence"] == pytest.approx(0.815789, abs=1e-6)
    assert alarm["lift"] == pytest.approx(8.642959, abs=1e-6)


def test_the_same_from_csv(root: Path, snapshot: Snapshot, tmp_path: Path) -> None:
    """As text, the file gives the same table, row for row."""
    source = root / "data" / "raw" / "online_retail" / "online_retail.parquet"
    folder = tmp_path / "data" / "raw" / "online_retail"
    folder.mkdir(parents=True)
    shutil.copytree(ROOT / "studies", tmp_path / "studies")
    con = engine.connect()
    con.raw_sql(f"COPY (FROM '{source}') TO '{folder / 'online_retail.csv'}' (HEADER)")
    other, _ = loading.load(tmp_path, read_study(tmp_path, "online_retail"))
    for table in ("order_lines", "products"):
        assert pq.read_table(other.path(table)).equals(pq.read_table(snapshot.path(table)))
