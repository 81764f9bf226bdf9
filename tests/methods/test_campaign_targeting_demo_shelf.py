"""What came back and what got cheaper in the demo shop: who is told, against plain pandas."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest
from demo import load_demo
from tiny import ROOT

from crm_utils import engine
from crm_utils.methods.campaign_targeting import Scenario, moments
from crm_utils.study.scenarios import Automation, read_automation
from crm_utils.tables import TABLES, AsOf, cut, orders

pytestmark = pytest.mark.simulated


def test_the_shops_own_scenarios_tell_who_looked(tmp_path: Path) -> None:
    shop = load_demo(tmp_path / "shop", customers=4000, seed=5)
    known = scenarios(tmp_path / "shop", shop.study)
    con = engine.connect()
    whole = {name: engine.read(con, shop.snapshot.path(name)) for name in shop.snapshot.tables}
    shelf, brands = whole["shelf"].execute(), whole["products"].execute().set_index("product_id")["brand"]
    events = whole["events"].execute().dropna(subset=["customer_id", "product_id"])
    back, cheaper = one_change(shelf, "stock"), one_change(shelf, "price")
    for name, (product, at), like in (("back_in_stock", back, None), ("price_drop", cheaper, brands)):
        near = events[(events["occurred_at"] >= at - pd.Timedelta(days=30)) & (events["occurred_at"] < at)]
        of = near["product_id"] if like is None else near["product_id"].map(like)
        looks = near[of == (product if like is None else like[product])].groupby("customer_id").size()
        wanted = set(looks.index[looks >= (1 if like is None else 3)])
        now = at.to_pydatetime() + dt.timedelta(hours=2)
        as_of = AsOf(now, now.date() - dt.timedelta(days=1))
        then = {table: cut(whole[table], TABLES[table], as_of) for table in whole}
        then["orders"] = orders(then["order_lines"])
        due = moments(known[name], then, now=now, until=now + dt.timedelta(days=1))
        assert set(due["customer_id"]) == wanted
        assert len(wanted) >= 3, name
        assert set(due["item"]) == {product}


def scenarios(root: Path, study) -> dict[str, Scenario]:
    for folder, name in (("rules", "kr.yaml"), ("studies", "demo_shop.scenarios.yaml")):
        (root / folder).mkdir(exist_ok=True)
        own = name.replace("demo_shop", study.name)
        (root / folder / own).write_bytes((ROOT / folder / name).read_bytes())
    automation: Automation = read_automation(root, study)
    return {one.id: one for one in automation.scenarios}


def one_change(shelf: pd.DataFrame, what: str) -> tuple[str, pd.Timestamp]:
    """The product that came back after nothing was left, or the one whose price fell; and when."""
    rows = shelf.dropna(subset=[what]).sort_values("changed_at")
    before = rows.groupby("product_id")[what].shift()
    changed = rows[(before == 0) & (rows[what] > 0)] if what == "stock" else rows[rows[what] < before]
    assert len(changed) == 1
    return str(changed["product_id"].iloc[0]), changed["changed_at"].iloc[0]
