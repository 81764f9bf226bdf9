"""Small shops of every kind, through all cells of the notebook: an answer each, and never an exception.

The notebook's own code runs here in this process, on tables made up: no kernel, no loading.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pyarrow as pa
import pytest
from tiny import ROOT

import crm_utils
from crm_utils.engine import Engine
from crm_utils.methods import cross_sell, segmentation
from crm_utils.run import Run, View
from crm_utils.run.stopping import CannotSay
from crm_utils.tables import TABLES, AsOf, cut, orders

STARTS, DAY = dt.date(2024, 1, 1), dt.date(2024, 6, 30)
CELLS = [
    "".join(cell["source"])
    for cell in json.loads((ROOT / "notebooks" / "03_cross_sell.ipynb").read_text(encoding="utf-8"))["cells"]
    if cell["cell_type"] == "code"
]


class MadeUp(Run):
    """A run whose tables are made up: everything else is the real one."""

    def __init__(self, tables: dict[str, pa.Table], folder: Path, *, day: dt.date) -> None:
        study: Any = SimpleNamespace(
            name="shop", title="Shop", currency="USD", history_starts=STARTS, engine=Engine()
        )
        snapshot: Any = SimpleNamespace(tables=sorted(tables))
        super().__init__("cross_sell", study, snapshot, AsOf.parse(day), folder)
        self.made = {name: self.con.create_table(name, table) for name, table in tables.items()}

    def table(self, name: str, *, required: bool = True) -> Any:
        return self.at(self.as_of.day).table(name, required=required)

    def at(self, day: Any) -> Any:
        as_of, made = AsOf.parse(day), self.made

        class Then(View):
            def table(self, name: str, *, required: bool = True) -> Any:
                if name == "orders":
                    return orders(self.table("order_lines"))
                return cut(made[name], TABLES[name], as_of) if name in made else None

        return Then(self.con, self.study, self.snapshot, as_of)

    def load(self, name: str, *, required: bool = True) -> Any:
        try:  # where the notebook of segments could not answer, there is no table
            return segmentation.name_customers(
                self.table("orders"), as_of=DAY, history_starts=STARTS, engine=Engine()
            )
        except Exception:
            return None

    def provenance(self) -> Any:
        return None


def shop(seed: int) -> tuple[str, dict[str, pa.Table]]:
    """A small shop of one of the kinds that were seen."""
    rng = np.random.default_rng(seed)
    kind = KINDS[seed % len(KINDS)]
    n = {"30 rows": 12, "three customers": 60, "returns only": 20}.get(kind, int(rng.integers(2, 260)))
    days = 1 if kind == "one day" else int(rng.integers(2, 182))
    goods = 2 if kind == "two products" else int(rng.integers(3, 25))
    rows = []
    for order in range(n):
        size = 1 if kind == "single items" else 1 + int(rng.integers(0, min(6, goods)))
        owner = {
            "guests": None, "three customers": f"c{order % 3}", "one-time buyers": f"c{order}",
        }.get(kind, f"c{int(rng.integers(0, max(2, n // 3)))}" if rng.random() < 0.8 else None)  # fmt: skip
        back = 45 if kind == "closed season" else 0
        on = DAY - dt.timedelta(days=int(rng.integers(0, days)) + back)
        for good in rng.choice(goods, size=size, replace=False):
            sign = -1 if kind == "returns only" or rng.random() < 0.03 else 1
            amount = sign * (5 if kind == "one price" else round(1 + float(rng.gamma(2, 3)), 2))
            rows.append((f"o{order}", owner, f"p{good:02d}", on, sign, amount))
    order_id, owner_id, product, day, quantity, amounts = zip(*rows, strict=True)
    lines = pa.table({
        "order_id": pa.array(order_id, pa.string()), "customer_id": pa.array(owner_id, pa.string()),
        "product_id": pa.array(product, pa.string()),
        "ordered_at": pa.array([dt.datetime.combine(d, dt.time(12)) for d in day], pa.timestamp("us")),
        "quantity": pa.array([Decimal(q) for q in quantity], pa.decimal128(18, 3)),
        "amount": pa.array([Decimal(str(a)) for a in amounts], pa.decimal128(18, 2)),
        "discount": pa.array([None] * len(rows), pa.decimal128(18, 2)),
    })  # fmt: skip
    tables = {"order_lines": lines}
    if seed % 2:
        names = [f"p{k:02d}" for k in range(goods)]
        tables["products"] = pa.table({
            "product_id": names, "category": [f"shelf {k % 3}" for k in range(goods)],
            "subcategory": [f"kind {k // 2}" for k in range(goods)],
            "unit_price": pa.array([Decimal(4)] * goods, pa.decimal128(18, 2)),
            "unit_margin": pa.array([Decimal(1)] * goods, pa.decimal128(18, 2)),
            "launched_on": pa.array([None] * goods, pa.date32()),
        })  # fmt: skip
    return kind, tables


KINDS = (
    "any", "guests", "single items", "one-time buyers", "three customers", "one price", "closed season",
    "30 rows", "one day", "two products", "returns only",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _own_look() -> Iterator[None]:
    with mpl.rc_context():
        mpl.use("agg")
        yield
        plt.close("all")


def run_cells(run: Run, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """All cells of the notebook, as far as they go; the results that it leaves."""
    monkeypatch.setattr(crm_utils, "open_run", lambda *_, **__: run)
    here: dict[str, Any] = {}
    try:
        for cell in CELLS:
            exec(compile(cell, "03_cross_sell", "exec"), here)
    except CannotSay:
        pass
    results: dict[str, Any] = json.loads(
        (run.folder / "results" / "cross_sell.json").read_text(encoding="utf-8")
    )
    return results


@pytest.mark.parametrize(
    "block", [0, *(pytest.param(block, marks=[pytest.mark.slow, pytest.mark.many]) for block in range(1, 6))]
)
def test_every_small_shop_gets_an_answer(
    block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CRM_RUN", os.fspath(tmp_path))
    for seed in range(block * 11, block * 11 + 11):
        kind, tables = shop(seed)
        run = MadeUp(tables, tmp_path / "reports" / str(seed) / "x", day=DAY)
        foreseen = cross_sell.cannot(run.facts, level="subcategory")
        recorded = run_cells(run, monkeypatch)
        plt.close("all")
        said = recorded["cannot"]
        assert (said is None) == (foreseen is None), (seed, kind, said)
        if said is not None:
            assert kind in {"returns only", "single items", "two products", "30 rows", "any"}, (seed, kind)
            assert said["code"] == foreseen.code
            continue
        assert len(recorded["findings"]) == 2, (seed, kind)
        assert len(recorded["sure"]) == 3
        small = [n for n in recorded["numbers"].values() if n["unit"] == "customers"]
        assert not [n for n in small if n["value"] is not None and 0 < n["value"] < 5], (seed, kind, small)
        assert all(set(t["columns"]) == set(t["meanings"]) for t in recorded["tables"].values())
        if kind in {"guests", "three customers"}:
            assert recorded["tables"]["next_best_offers"]["rows"] == 0
            assert not any(action["list"] == "next_best_offers" for action in recorded["actions"])
    assert "Error" not in capsys.readouterr().err
