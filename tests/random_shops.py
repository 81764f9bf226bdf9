"""Small shops of every kind, drawn from a seed, and a way to run all notebooks on them."""

from __future__ import annotations

import ast
import contextlib
import csv
import datetime as dt
import io
import json
import os
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tiny import ROOT

__all__ = ["Shop", "draw_shop", "executed", "write_shop"]

ORDER = "{order_id: order, customer_id: who, product_id: item, ordered_at: at, quantity: qty, amount: sum}"
STUDY = """\
title: Shop {seed}
source:
  kind: files
  folder: raw
  tables:
    order_lines:
      files: orders.csv
      columns: {order}
timezone: Asia/Seoul
currency: USD
history_starts: {starts}
"""


#: order, customer, product, moment, quantity, amount
Row = tuple[str, str, str, str, int, float]


@dataclass(frozen=True)
class Shop:
    """One drawn shop: its rows, and the kind of trouble that it was drawn to have."""

    seed: int
    kind: str
    rows: list[Row]
    starts: dt.date


KINDS = (
    "ordinary", "guests only", "half guests", "one product an order", "one-time buyers", "three customers",
    "one price", "closed season", "thirty rows", "one day", "newcomers", "one product", "returns too",
    "sent back whole", "sparse", "few weeks", "big spender", "two years", "free orders",
)  # fmt: skip


def draw_shop(seed: int) -> Shop:
    """A shop of the kind that the seed names, all other things at random."""
    draw, kind = random.Random(seed), KINDS[seed % len(KINDS)]
    spans = {"one day": 1, "few weeks": 24, "two years": 730, "sparse": 180}
    days = spans.get(kind, draw.choice((90, 200, 400)))
    customers = {"three customers": 3, "sparse": 12}.get(kind, draw.choice((8, 30, 80)))
    orders = {"thirty rows": 20, "sparse": 20}.get(kind, customers * draw.choice((2, 6)))
    products = 1 if kind == "one product" else draw.choice((3, 9, 40))
    starts = dt.date(2023, 1, 1) + dt.timedelta(days=draw.randrange(300))
    rows: list[Row] = []
    for number in range(customers if kind == "one-time buyers" else orders):
        who = _customer(draw, kind, number, customers)
        first = dt.datetime.combine(starts, dt.time(8)) + dt.timedelta(minutes=draw.randrange(700))
        moment = first + dt.timedelta(days=_day(draw, kind, number, days))
        lines = 1 if kind == "one product an order" else draw.randint(1, min(4, products))
        for item in draw.sample(range(products), min(lines, products)):
            price = _price(draw, kind, who)
            rows.append((f"o{number}", who, f"p{item}", f"{moment:%Y-%m-%d %H:%M:%S}", 1, price))
            if draw.random() < {"returns too": 0.15, "sent back whole": 0.5}.get(kind, 0.0):
                order = f"o{number}" if kind == "sent back whole" else f"r{number}-{item}"
                back = moment + dt.timedelta(days=3)
                rows.append((order, who, f"p{item}", f"{back:%Y-%m-%d %H:%M:%S}", -1, -price))
    return Shop(seed, kind, rows, starts)


def _customer(draw: random.Random, kind: str, number: int, customers: int) -> str:
    if kind == "one-time buyers":
        return f"c{number}"
    guest = kind == "guests only" or (kind == "half guests" and draw.random() < 0.5)
    return "" if guest else f"c{draw.randrange(customers)}"


def _day(draw: random.Random, kind: str, number: int, days: int) -> int:
    days = max(1, days - 70 if kind == "closed season" else days)
    late = kind == "newcomers" and number % 3 > 0
    return draw.randrange(days * 4 // 5 if late else 0, days)


def _price(draw: random.Random, kind: str, who: str) -> float:
    if kind == "one price":
        return 9.99
    if kind == "free orders" and draw.random() < 0.3:
        return 0.0
    return round(draw.uniform(1, 60) * (50 if kind == "big spender" and who == "c1" else 1), 2)


def write_shop(root: Path, shop: Shop) -> str:
    """Put a shop's file and study, and the rules of sending, into a project; returns the study's name."""
    shutil.copytree(ROOT / "rules", root / "rules", dirs_exist_ok=True)
    (root / "raw").mkdir(exist_ok=True)
    with (root / "raw" / "orders.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("order", "who", "item", "at", "qty", "sum"))
        writer.writerows(shop.rows)
    name = f"shop{shop.seed}"
    text = STUDY.format(seed=shop.seed, starts=shop.starts, order=ORDER)
    (root / "studies" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return name


def executed(root: Path, notebook: Path, study: str) -> tuple[str, str]:
    """Run a notebook's cells in this process, as by hand: its status (passed, cannot, failed) and why."""
    from crm_utils.run.stopping import CannotSay

    space: dict[str, Any] = {"__name__": "__main__", "display": lambda *_: None}
    try:
        with _in(root), contextlib.redirect_stdout(io.StringIO()):
            for cell in _code(notebook, study):
                exec(compile(cell, str(notebook), "exec"), space)
    except CannotSay as said:
        return "cannot", str(said)
    except Exception as error:  # whatever it is, it is what the test is for
        return "failed", f"{type(error).__name__}: {error}"
    finally:
        import matplotlib.pyplot as plt

        plt.close("all")
    return "passed", ""


def _code(notebook: Path, study: str) -> Iterator[str]:
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] != "code":
            continue
        text = "".join(cell["source"])
        ast.parse(text)
        yield text
        if "parameters" in cell["metadata"].get("tags", []):
            yield f"study = {study!r}"


@contextlib.contextmanager
def _in(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
