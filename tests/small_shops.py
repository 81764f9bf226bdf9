"""Small shops of every kind, and a notebook's cells run on one without a kernel."""

from __future__ import annotations

import ast
import datetime as dt
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from tiny import ROOT

from crm_utils.run import Run
from crm_utils.run.stopping import CannotSay
from crm_utils.snapshots import Snapshot
from crm_utils.study import read_study
from crm_utils.tables import AsOf

__all__ = ["KINDS", "lines_of", "open_shop", "run_cells"]

KINDS = (
    "ordinary", "few_customers", "three_customers", "guests", "some_guests", "one_product", "one_price",
    "one_day", "thirty_rows", "returns_only", "sent_back", "closed_season", "once", "newcomers", "no_money",
    "twenty_days", "sparse", "one_whale", "weekends", "two_days",
)  # fmt: skip
"""What was seen in real files, and its neighbours."""

STUDY = """\
title: Small shop
source: {{kind: complete_journey, folder: raw}}
timezone: Europe/London
currency: GBP
as_of: {as_of}
history_starts: {starts}
"""
END = dt.date(2024, 6, 30)
SCHEMA = pa.schema([
    ("order_id", pa.string()), ("customer_id", pa.string()), ("product_id", pa.string()),
    ("ordered_at", pa.timestamp("us")), ("quantity", pa.decimal128(18, 3)), ("amount", pa.decimal128(18, 2)),
    ("discount", pa.decimal128(18, 2)), ("discount_by_others", pa.decimal128(18, 2)),
    ("store_id", pa.string()), ("channel", pa.string()),
])  # fmt: skip


def lines_of(kind: str, seed: int) -> pd.DataFrame:
    """A shop's order lines: customer (None is a guest), product, day before :data:`END`, quantity, amount."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    customers = {"few_customers": 7, "three_customers": 3, "thirty_rows": 12}.get(
        kind, int(rng.integers(20, 70))
    )
    span = {"one_day": 1, "two_days": 2, "twenty_days": 20, "newcomers": 60}.get(kind, 365)
    mean = {"few_customers": 9, "sparse": 0.4, "thirty_rows": 1.5}.get(kind, 4)
    orders = 1 + rng.poisson(rng.gamma(1.0, mean, customers)) * (kind != "once")
    who = np.repeat(np.arange(customers), orders)
    day = rng.integers(0, span, len(who)) + 80 * (kind == "closed_season")
    lines = 1 + rng.integers(0, 3, len(who)) * (kind not in ("one_product", "thirty_rows"))
    frame = pd.DataFrame({"order": np.arange(len(who)), "who": who, "day": day}).loc[
        np.arange(len(who)).repeat(lines)
    ]
    n = len(frame)
    frame["product"] = rng.integers(0, 1 if kind == "one_product" else 9, n)
    frame["quantity"] = 1.0 if kind == "one_price" else rng.integers(1, 4, n).astype(float)
    frame["amount"] = 9.9 if kind == "one_price" else np.round(rng.lognormal(3, 1, n), 2)
    if kind == "no_money":
        frame["amount"] = 0.0
    if kind == "one_whale":
        frame.loc[frame["who"] == 0, "amount"] = 99_999.0
    if kind == "returns_only":
        frame[["quantity", "amount"]] *= -1
    if kind == "sent_back":
        back = frame[frame["who"] % 2 == 0].assign(
            quantity=lambda f: -f["quantity"], amount=lambda f: -f["amount"]
        )
        frame = pd.concat([frame, back])
    if kind == "weekends":
        frame["day"] = frame["day"] // 7 * 7 + frame["day"] % 2
    if kind == "thirty_rows":
        frame = frame.head(30)
    guest = kind == "guests" or (kind == "some_guests") * (frame["order"] % 2 == 0)
    return frame.assign(customer=np.where(guest, None, "c" + frame["who"].astype(str))).reset_index(drop=True)


def open_shop(folder: Path, frame: pd.DataFrame, notebook: str) -> Run:
    """A run of the shop, as of :data:`END`, with its order lines as the only table."""
    moment = [dt.datetime.combine(END, dt.time(9)) - dt.timedelta(days=int(d)) for d in frame["day"]]
    n = len(frame)
    columns = [
        "o" + frame["order"].astype(str), frame["customer"], "p" + frame["product"].astype(str), moment,
        *(pa.array([f"{v:.3f}" for v in frame["quantity"]]).cast(SCHEMA.field("quantity").type),),
        *(pa.array([f"{v:.2f}" for v in frame["amount"]]).cast(SCHEMA.field("amount").type),),
        *(pa.nulls(n, field.type) for field in list(SCHEMA)[6:]),
    ]  # fmt: skip
    arrays = [
        pa.array(c, f.type) if not isinstance(c, pa.Array) else c
        for c, f in zip(columns, SCHEMA, strict=True)
    ]
    (folder / "studies").mkdir(parents=True)
    pq.write_table(pa.table(arrays, schema=SCHEMA), folder / "order_lines.parquet")
    first = min(moment).date()
    text = STUDY.format(as_of=END, starts=first)
    (folder / "studies" / "small.yaml").write_text(text, encoding="utf-8")
    counts = {"read": n, "loaded": n, "quarantined": 0, "left_out": 0}
    reasons = {"quarantined_by_reason": {}, "left_out_by_reason": {}}
    manifest = {
        "id": "small", "tables": {"order_lines": counts | reasons}, "inputs": [], "oddities": {},
        "decisions": [],
        "first_day": str(first), "last_day": str(END), "last_complete_day": str(END), "source": "files",
    }  # fmt: skip
    study = read_study(folder, "small")
    return Run(notebook, study, Snapshot(folder, manifest), AsOf.parse(END), folder / "run" / "x")


def run_cells(run: Run, monkeypatch: Any) -> str | None:
    """Run a notebook's code cells on a shop; why it cannot be done where it says so."""
    mpl.use("agg")
    shown: list[Any] = []
    path = next((ROOT / "notebooks").glob(f"??_{run.notebook}.ipynb"))
    cells = [c for c in json.loads(path.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "code"]
    import crm_utils

    monkeypatch.setattr(crm_utils, "open_run", lambda *_, **__: run)
    space: dict[str, Any] = {"display": shown.append}
    for cell in cells:
        source = "".join(cell["source"])
        try:
            exec(compile(ast.parse(source), path.name, "exec"), space)
        except CannotSay as why:
            return str(why)
        except Exception as error:
            raise AssertionError(f"{type(error).__name__}: {error}, in\n{source}") from error
        import matplotlib.pyplot as plt

        plt.close("all")
    return None
