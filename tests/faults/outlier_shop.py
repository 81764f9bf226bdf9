"""The demo shop with two customers planted in it whose spending any page would give away if it could.

The whale pays nine tenths of the shop's revenue and has no profile; the hermit is alone in everything:
region, way of joining, store, category, product, the month of the only order. Both are in the loyalty
programme: a point for each hundred paid, so that points give away what was paid. The whale spends some; the
hermit's, alone in their quarter, expire. And many customers name those who served them.
"""

from __future__ import annotations

import itertools
import shutil
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from demo import load_demo
from tiny import ROOT

__all__ = ["HOOK", "SHARE", "STAFF", "Planted", "plant"]

CUSTOMERS = 200
STAFF = ("민수", "율희", "Kevin", "Oluwaseun", "oluwaseun", "KEVIN", "kevin")
"""Given names that customers write beside praise."""
SHARE = 0.8713
"""Of all revenue, the whale's."""
#: Parts of the whale's own spending; no two orders are alike.
WHALE_ORDERS = (0.31, 0.07, 0.23, 0.11, 0.19, 0.09)
WHALE_DAYS = ("2025-02-11", "2025-05-06", "2025-08-14", "2025-10-02", "2025-11-04", "2025-12-09")
HERMIT_DAY = "2023-12-13"
GIFT_DAY, GIFT = "2025-09-17", 0.4372
"""When the whale spends points on a gift, and which share of those earned by then."""

HOOK = '''
"""Every number that matplotlib draws is written beside the picture: to CRM_DRAWN, a line of JSON a figure."""
import json, os, sys

def _drawn(figure):
    import numpy as np
    from matplotlib.collections import Collection
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch, Rectangle
    from matplotlib.text import Text
    numbers, texts = [], []
    for part in figure.findobj():
        if isinstance(part, Line2D):
            numbers += [np.asarray(part.get_xdata(orig=True)), np.asarray(part.get_ydata(orig=True))]
        elif isinstance(part, Rectangle):
            numbers.append(np.array([*part.get_bbox().extents, part.get_width(), part.get_height()]))
        elif isinstance(part, Collection):
            numbers += [np.ma.filled(part.get_offsets(), np.nan)]
            numbers += [path.vertices for path in part.get_paths()]
            numbers += [np.ma.filled(part.get_array(), np.nan)] if part.get_array() is not None else []
        elif isinstance(part, Patch):
            numbers.append(part.get_path().vertices)
        elif isinstance(part, Text):
            texts.append(part.get_text())
        if hasattr(part, "get_array") and not isinstance(part, Collection) and part.get_array() is not None:
            numbers.append(np.asarray(part.get_array()))
    flat = []
    for one in numbers:
        if np.asarray(one).dtype.kind in "Mm":
            continue
        try:
            flat += np.ravel(one).astype(float).tolist()
        except (TypeError, ValueError):
            pass
    return {"numbers": [n for n in flat if np.isfinite(n)], "texts": [t for t in texts if t]}

if "CRM_DRAWN" in os.environ:
    import matplotlib.backend_bases as bases
    true_one = bases.FigureCanvasBase.print_figure
    def print_figure(canvas, *given, **options):
        with open(os.environ["CRM_DRAWN"] + f".{os.getpid()}", "a") as file:
            file.write(json.dumps(_drawn(canvas.figure)) + "\\n")
        return true_one(canvas, *given, **options)
    bases.FigureCanvasBase.print_figure = print_figure
'''


@dataclass(frozen=True)
class Planted:
    """Who was planted, and what they paid: in all, and by order."""

    orders: tuple[float, ...]
    """The whale's."""
    hermit: float
    total: float
    """The shop's revenue."""
    issued: int
    """Points that came in, of the whole shop."""
    open_points: int
    """Points that are open at the end."""

    @property
    def whale(self) -> float:
        return sum(self.orders)

    @property
    def secrets(self) -> list[float]:
        """What nobody may read: the hermit's spending, and the whale's in whatever period, or an order."""
        ends = itertools.combinations(range(len(self.orders) + 1), 2)
        return [self.hermit, self.whale / len(self.orders), *(sum(self.orders[a:b]) for a, b in ends)]

    @property
    def points(self) -> list[float]:
        """What the whale earned in whatever period, spent and has left, and what the hermit earned."""
        ends = itertools.combinations(range(len(self.orders) + 1), 2)
        earned = [_points(amount) for amount in self.orders]
        spent = _gift(self.orders)
        sums = [sum(earned[a:b]) for a, b in ends]
        return [_points(self.hermit), spent, sum(earned) - spent, *sums]


def _points(amount: float) -> int:
    return int(amount // 100)


def _gift(amounts: tuple[float, ...]) -> int:
    before = [n for n, day in enumerate(WHALE_DAYS) if day < GIFT_DAY]
    return int(GIFT * sum(_points(amounts[n]) for n in before))


def plant(root: Path, share: float = SHARE) -> Planted:
    """Make a project of files, with every canonical table, the two customers and all notebooks."""
    demo = load_demo(root / "demo", customers=CUSTOMERS)
    frames = {name: pq.read_table(demo.snapshot.path(name)).to_pandas() for name in demo.snapshot.tables}
    others = float(frames["order_lines"]["amount"].sum())
    amounts, hermit, lines, hermits = _lines(frames, others, share)
    frames["points"] = pd.concat(
        [frames["points"], _ledger(amounts, hermit, lines, hermits)], ignore_index=True
    )
    frames["feedback"] = _praised(frames["feedback"])
    frames["tiers"] = pd.concat([frames["tiers"], _standing(frames["tiers"])], ignore_index=True)
    ledger = frames["points"]
    planted = Planted(
        tuple(amounts), hermit, others + hermit + sum(amounts),
        int(ledger.loc[ledger["points"] > 0, "points"].sum()), int(ledger["points"].sum()),
    )  # fmt: skip
    frames["order_lines"] = pd.concat([frames["order_lines"], lines, hermits], ignore_index=True)
    product = (
        frames["products"]
        .iloc[[0]]
        .assign(
            product_id="lone", name="Lone thing", category="Lone", subcategory="Lone kind", brand="Lone brand"
        )
    )
    frames["products"] = pd.concat([frames["products"], product], ignore_index=True)
    profile = frames["customers"].iloc[[0]].assign(
        customer_id="hermit", region="Lone island", acquisition_channel="lone channel", gender="lone",
        joined_on=pd.Timestamp(HERMIT_DAY).date(), birth_year=1899,
    )  # fmt: skip
    frames["customers"] = pd.concat([frames["customers"], profile], ignore_index=True)
    arms = frames["assignments"].groupby("experiment_id").head(1).assign(customer_id="whale")
    frames["assignments"] = pd.concat([frames["assignments"], arms], ignore_index=True)
    _write(root, demo.root, frames, demo.snapshot)
    return planted


def _lines(
    frames: dict[str, pd.DataFrame], others: float, share: float
) -> tuple[list[float], float, pd.DataFrame, pd.DataFrame]:
    first = frames["order_lines"].iloc[0]
    hermit = round(others * 0.043, 0)
    whale = round((others + hermit) * share / (1 - share), 0)
    amounts = [round(part * whale, 0) for part in WHALE_ORDERS]
    amounts[0] += whale - sum(amounts)

    def line(n: int, who: str, day: str, amount: float, **more: str) -> pd.Series:
        moment = pd.Timestamp(day) + pd.Timedelta(hours=11 + n)
        row = {"order_id": f"{who}-{n}", "customer_id": who, "ordered_at": moment, "amount": amount}
        return pd.Series(first.to_dict() | row | {"quantity": 1, "discount": 0} | more)

    products = frames["order_lines"]["product_id"].value_counts().index
    whales = [
        line(n, "whale", day, amount, product_id=products[n])
        for n, (day, amount) in enumerate(zip(WHALE_DAYS, amounts, strict=True))
    ]
    alone = [line(0, "hermit", HERMIT_DAY, hermit, product_id="lone", store_id="lone", channel="lone")]
    return amounts, hermit, pd.DataFrame(whales), pd.DataFrame(alone)


def _praised(feedback: pd.DataFrame) -> pd.DataFrame:
    """Texts with a high score thank somebody by name, in two languages; every third becomes a low one."""
    thanks = itertools.cycle([
        "민수가 상냥했어요", "Thanks to Kevin for the lovely wrapping", "율희님이 상냥했어요",
        "I asked Oluwaseun about the lovely wrapping", "민수야 고마워 상냥했어요",
        "kevin did the lovely wrapping", "율희가 상냥했어요", "KEVIN DID THE LOVELY WRAPPING",
        "Lovely wrapping by Oluwaseun", "Kevin, lovely wrapping",
    ])  # fmt: skip
    nps = feedback["kind"] == "nps"
    high = feedback["score"].ge(9) | (feedback["score"].ge(4) & ~nps)
    named = feedback.index[high & feedback["text"].notna() & feedback["customer_id"].notna()]
    texts, scores = feedback["text"].astype(object), feedback["score"].copy()
    for place, row in enumerate(named):
        if place % 3:
            texts[row] = next(thanks)
        else:
            scores[row] = 3 if nps[row] else 1
    return feedback.assign(text=texts, score=scores)


def _ledger(amounts: list[float], hermit: float, whales: pd.DataFrame, hermits: pd.DataFrame) -> pd.DataFrame:
    """Points of both: earned with each order for a year; a gift of the whale's; the hermit's expire."""
    year = pd.Timedelta(days=365)
    earned = [
        (row.customer_id, row.ordered_at, _points(paid), "earned", row.ordered_at + year, row.order_id)
        for row, paid in [
            *zip(whales.itertuples(), amounts, strict=True),
            *zip(hermits.itertuples(), [hermit], strict=True),
        ]
    ]  # fmt: skip
    gone = [
        ("whale", pd.Timestamp(GIFT_DAY), -_gift(tuple(amounts)), "spent", pd.NaT, None),
        ("hermit", earned[-1][4], -_points(hermit), "expired", pd.NaT, None),
    ]
    columns = ["customer_id", "occurred_at", "points", "kind", "expires_at", "order_id"]
    return pd.DataFrame(earned + gone, columns=columns)


def _standing(tiers: pd.DataFrame) -> pd.DataFrame:
    """Tiers of both by the rule: the lowest when they join, the whale's highest at each review."""
    reviews = tiers["since"].value_counts().index[:3].sort_values()
    lowest = tiers.loc[~tiers["since"].isin(reviews), "tier"].mode()[0]
    rows = [("hermit", lowest, pd.Timestamp(HERMIT_DAY)), ("whale", lowest, pd.Timestamp(WHALE_DAYS[0]))]
    rows += [("whale", "골드", day) for day in reviews if day > pd.Timestamp(WHALE_DAYS[0])]
    return pd.DataFrame(rows, columns=["customer_id", "tier", "since"])


def _write(root: Path, demo: Path, frames: dict[str, pd.DataFrame], snapshot) -> None:
    for folder in ("studies", "raw"):
        (root / folder).mkdir(parents=True)
    tables = {}
    for name, frame in frames.items():
        schema = pq.read_schema(snapshot.path(name))
        texts = frame.astype(object).where(frame.notna(), None)
        for column, kind in zip(schema.names, schema.types, strict=True):
            if pa.types.is_decimal(kind):
                texts[column] = [None if v is None else f"{float(v):.4f}" for v in texts[column]]
        texts.to_csv(root / "raw" / f"{name}.csv", index=False)
        tables[name] = {"files": f"{name}.csv", "columns": {c: c for c in schema.names}}
    study = yaml.safe_load((ROOT / "studies" / "demo_shop.yaml").read_text(encoding="utf-8"))
    study |= {
        "history_starts": "2023-12-01",
        "title": "Planted",
        "source": {"kind": "files", "folder": "raw", "tables": tables},
    }
    study.pop("goals")
    (root / "studies" / "planted.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    shutil.copy(ROOT / "studies" / "demo_shop.scenarios.yaml", root / "studies" / "planted.scenarios.yaml")
    shutil.copytree(ROOT / "notebooks", root / "notebooks", ignore=shutil.ignore_patterns(".*"))
    shutil.copytree(ROOT / "rules", root / "rules")
