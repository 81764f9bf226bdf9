"""Notebook 04 on shops of every kind: it answers, or says in one sentence why it cannot; it never fails.

The notebook's own cells are executed here without a kernel, on small random shops and on kinds seen.
"""

from __future__ import annotations

import datetime as dt
import inspect
import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import ibis
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pyarrow as pa
import pytest
from tiny import ROOT

import crm_utils
from crm_utils.errors import StudyError
from crm_utils.features import Cannot, customer_summary, shop_facts
from crm_utils.methods import churn, segmentation
from crm_utils.run.stopping import CannotSay
from crm_utils.runner.notebook_file import read_notebook
from crm_utils.sentences import cannot as words
from crm_utils.tables import orders as orders_of

NOTEBOOK = ROOT / "notebooks" / "04_churn.ipynb"
FIRST = dt.date(2024, 1, 1)
_LINES = pa.schema(
    [
        ("order_id", pa.string()), ("customer_id", pa.string()), ("product_id", pa.string()),
        ("ordered_at", pa.timestamp("us")), ("quantity", pa.decimal128(18, 3)),
        ("amount", pa.decimal128(18, 2)), ("discount", pa.decimal128(18, 2)),
        ("discount_by_others", pa.decimal128(18, 2)), ("store_id", pa.string()), ("channel", pa.string()),
    ]
)  # fmt: skip


@dataclass
class FakeRun:
    """What a notebook asks of a run, with everything kept for looking at."""

    lines: Any
    day: dt.date
    kept: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(
        findings=[], warnings=[], actions=[], sure=[], said=[], numbers={}, tables={}, columns={}, cannot=None
    ))  # fmt: skip

    def __post_init__(self) -> None:
        self.as_of = SimpleNamespace(day=self.day)
        self.study = SimpleNamespace(history_starts=FIRST, currency="USD", name="small")
        self.facts = shop_facts(self.lines, as_of=self.day)

    def table(self, name: str, *, required: bool = True) -> Any:
        return {"order_lines": self.lines, "orders": orders_of(self.lines)}.get(name)

    def load(self, name: str, *, required: bool = True) -> Any:
        return None

    def cannot(self, why: Cannot | None) -> None:
        if why is not None:
            self.kept.cannot = why
            raise CannotSay(words.reason(why) + words.remedy(why))

    def record(self, name: str, value: Any, **kinds: Any) -> None:
        assert value is None or isinstance(value, str | dt.date) or np.isfinite(value), name
        low, high = kinds.get("low"), kinds.get("high")
        assert low is None or low - 1e-9 <= value <= high + 1e-9, (name, value, low, high)
        self.kept.numbers[name] = value

    def record_all(self, numbers: list[Any]) -> None:
        for n in numbers:
            self.record(n.name, n.value, low=n.low, high=n.high)

    def save(self, name: str, table: Any, *, purpose: str, columns: dict[str, Any]) -> None:
        whole = table.read_all() if isinstance(table, pa.RecordBatchReader) else table
        assert purpose
        assert list(columns) == whole.column_names
        self.kept.tables[name] = whole.to_pandas()

    def action(self, verb: str, audience: str, **card: Any) -> None:
        assert card["low"] <= card["gain"] <= card["high"]
        self.kept.actions.append(card)

    def finding(self, text: str) -> None:
        self.kept.findings.append(text)

    def warn_all(self, texts: list[str]) -> None:
        self.kept.warnings += texts

    def sure_all(self, texts: list[str]) -> None:
        self.kept.sure += texts

    def say(self, text: str) -> None:
        self.kept.said.append(text)

    def provenance(self) -> None:
        pass


def make_lines(rows: list[tuple[str, dt.datetime, str | None, str, float]]) -> Any:
    """Order lines: order, time, customer, product, amount."""
    columns = [list(c) for c in zip(*rows, strict=True)] if rows else [[], [], [], [], []]
    order, at, who, product, amount = columns
    n = len(order)
    money = [f"{a:.2f}" for a in amount]
    filled = {
        "order_id": order, "customer_id": who, "product_id": product, "ordered_at": at,
        "quantity": ["1"] * n, "amount": money, "discount": ["0"] * n, "discount_by_others": ["0"] * n,
        "store_id": [None] * n, "channel": [None] * n,
    }  # fmt: skip
    table = pa.table({k: pa.array(v, pa.string() if k != "ordered_at" else pa.timestamp("us"))
                      for k, v in filled.items()})  # fmt: skip
    return ibis.duckdb.connect().create_table("order_lines", table.cast(_LINES))


def run_notebook(lines: Any, day: dt.date, monkeypatch: pytest.MonkeyPatch, **parameters: Any) -> Any:
    """Execute the notebook's code cells as they stand, with other parameters; what the run kept."""
    run = FakeRun(lines, day)
    monkeypatch.setattr(crm_utils, "open_run", lambda *_args, **_kinds: run)
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    space: dict[str, Any] = {}
    with mpl.rc_context():
        mpl.use("agg")
        try:
            for cell in cells:
                if cell["cell_type"] == "code":
                    exec(compile("".join(cell["source"]), NOTEBOOK.name, "exec"), space)
                    if "parameters" in cell["metadata"].get("tags", []):
                        space.update(parameters)
        except CannotSay:
            pass
        finally:
            plt.close("all")
    return run.kept


def random_shop(seed: int) -> tuple[Any, dt.date]:
    """A small shop of no particular kind: size, span, pace, guests, prices, seasons and returns at random."""
    rng = np.random.default_rng(seed)
    customers, days = int(rng.choice([14, 35, 56, 90, 150])), int(rng.choice([30, 80, 160, 300, 420]))
    pace, leave = rng.gamma(1.5, rng.choice([5, 20, 60]), customers), rng.random() < 0.5
    guests, flat = rng.random() < 0.3, rng.random() < 0.2
    money = 0.0 if rng.random() < 0.1 else float(rng.choice([1, 30, 5000]))
    closed = int(rng.choice([0, 0, 0, days // 3]))
    rows, k = [], 0
    for c in range(customers):
        at = rng.random() * days * (0.1 if rng.random() < 0.6 else 1)
        end = days * rng.random() if leave else days
        while at < min(end, days - closed):
            for product in rng.choice(9, rng.integers(1, 3), replace=False):
                price = 1.0 if flat else rng.gamma(2, 0.5)
                sign = -1 if rng.random() < 0.04 else 1
                who = None if guests and rng.random() < 0.5 else f"c{c}"
                moment = dt.datetime.combine(FIRST, dt.time(10)) + dt.timedelta(days=int(at))
                rows.append((f"o{k}", moment, who, f"p{product}", sign * money * price))
            k, at = k + 1, at + 0.5 + rng.exponential(max(pace[c], 0.5))
    return make_lines(rows), FIRST + dt.timedelta(days=days - 1)


def check_whole(kept: Any) -> None:
    """An answer, and lists that agree with it."""
    if kept.cannot is not None:
        assert not kept.findings
        return
    assert len(kept.findings) == 2
    assert len(kept.sure) == 3
    scores, contacts = kept.tables["churn_scores"], kept.tables["churn_contacts"]
    chosen = scores[scores["contact"] & ~scores["held_out"]]
    assert set(contacts["customer_id"]) == set(chosen["customer_id"])
    assert (contacts["expected_gain"] > 0).all()
    assert contacts["expected_gain"].is_monotonic_decreasing
    assert not scores.loc[~scores["contact"], "held_out"].any()
    assert bool(kept.actions) == bool(len(contacts))
    if kept.numbers["ranking.shown"] == 0:
        assert contacts.empty
        assert kept.findings[0].startswith("There is no list today.")
        assert kept.warnings
    if len(contacts):
        card = kept.actions[0]
        assert (card["customers"], card["held_out"]) == (len(contacts), int(scores["held_out"].sum()))


def light_names(orders: Any, *, as_of: dt.date, history_starts: dt.date) -> Any:
    """Two names in place of the segmentation's, which is tested elsewhere and takes most of the time."""
    summary = customer_summary(orders, as_of=as_of)
    return summary.mutate(segment=(summary.orders > 2).ifelse("Champions", "New"))


def answered(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    lines, day = random_shop(seed)
    foreseen = churn.cannot(shop_facts(lines, as_of=day))
    kept = run_notebook(lines, day, monkeypatch)
    check_whole(kept)
    code = getattr(kept.cannot, "code", None)
    assert code == getattr(foreseen, "code", None)


@pytest.mark.parametrize("seed", [1, 26, *(pytest.param(s, marks=pytest.mark.simulated) for s in (0, 7))])
def test_small_random_shops_are_answered_or_told_why(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segmentation, "name_customers", light_names)
    answered(seed, monkeypatch)


@pytest.mark.many
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60))
def test_more_small_random_shops(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if seed % 10:
        monkeypatch.setattr(segmentation, "name_customers", light_names)
    answered(seed, monkeypatch)


def shop_of(customers: int, days: list[int], *, amount: float = 10.0, guests: bool = False) -> Any:
    """Customers who all buy on the same days of theirs, one day later than the customer before them."""
    rows = []
    for c in range(customers):
        for k, day in enumerate(days):
            moment = dt.datetime.combine(FIRST, dt.time(9)) + dt.timedelta(days=day + c % 180)
            rows.append((f"o{c}-{k}", moment, None if guests else f"c{c}", "plan", amount))
    return make_lines(rows)


@pytest.mark.parametrize(
    ("lines", "days", "code", "said"),
    [
        (lambda: make_lines([]), 1, "no_customers", "No order has a customer."),
        (lambda: shop_of(40, [0, 9], guests=True), 200, "no_customers", "No order has a customer."),
        (lambda: shop_of(180, [0]), 180, "churn.nobody_came_back",
         "Nobody ever came back in this history: all 180 customers bought on one day only."),
        (lambda: shop_of(3, [0, 31]), 40, "churn.few_customers", "3 known customers are too few to tell"),
        (lambda: shop_of(14, [0, 31, 60]), 90, "churn.few_customers", "14 known customers are too few"),
        (lambda: shop_of(30, [0, 9]), 30, "churn.short_history", "30 days of history are too few"),
        (lambda: shop_of(56, [0, 9, 30, 60, 90]), 400, "churn.closed", "No order came in the last 254 days"),
    ],
)  # fmt: skip
def test_kinds_that_cannot_be_answered_are_told_why_and_what_would_change_it(
    lines: Any, days: int, code: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = FIRST + dt.timedelta(days=days - 1)
    table = lines()
    foreseen = churn.cannot(shop_facts(table, as_of=day))
    assert foreseen is not None
    assert foreseen.code == code
    assert words.reason(foreseen).startswith(said)
    assert len(words.remedy(foreseen)) > 20
    assert run_notebook(table, day, monkeypatch).cannot == foreseen


def test_a_shop_without_money_still_ranks_and_gives_no_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segmentation, "name_customers", light_names)
    rng = np.random.default_rng(3)
    rows = []
    for c in range(120):
        for k, day in enumerate(np.flatnonzero(rng.random(300) < rng.gamma(1, 0.05))):
            moment = dt.datetime.combine(FIRST, dt.time(9)) + dt.timedelta(days=int(day))
            rows.append((f"o{c}-{k}", moment, f"c{c}", "plan", 0.0))
    kept = run_notebook(make_lines(rows), FIRST + dt.timedelta(days=299), monkeypatch)
    check_whole(kept)
    assert kept.numbers["ranking.shown"] == 1
    assert "without money in the data" in kept.findings[0]
    assert kept.tables["churn_contacts"].empty


@pytest.mark.simulated
def test_chance_gives_no_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody buys on days drawn alike: nothing ranks, and page, list and warning say so."""
    monkeypatch.setattr(segmentation, "name_customers", light_names)
    rng = np.random.default_rng(8)
    rows = []
    for c in range(150):
        for k, day in enumerate(np.flatnonzero(rng.random(320) < 1 / 28)):
            moment = dt.datetime.combine(FIRST, dt.time(9)) + dt.timedelta(days=int(day))
            rows.append((f"o{c}-{k}", moment, f"c{c}", "plan", 400.0))
    kept = run_notebook(make_lines(rows), FIRST + dt.timedelta(days=319), monkeypatch)
    check_whole(kept)
    assert kept.numbers["ranking.shown"] == 0
    assert kept.tables["churn_contacts"].empty
    assert not kept.actions


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"offer_cost": -1.0}, "offer_cost is -1.0. A cost is 0 or more."),
        ({"contact_cost": -0.1}, "contact_cost is -0.1. A cost is 0 or more."),
        ({"margin_share": 1.2}, "margin_share is 1.2. It is a share: from 0 to 1."),
        ({"save_rate": 2.0}, "save_rate is 2.0"),
        ({"horizon_days": 0}, "horizon_days is 0. Give at least 1."),
        ({"budget": -5.0}, "budget is -5.0. Give an amount of money, or 0 for no limit."),
        ({"holdout_share": 1.0}, "holdout_share is 1.0. It is a share: from 0 to below 1."),
    ],
)
def test_a_parameter_that_makes_no_sense_is_refused_before_anything_is_computed(
    given: dict[str, Any], said: str
) -> None:
    day = FIRST + dt.timedelta(days=20)
    with pytest.raises(StudyError, match=said.replace(".", r"\.")):
        churn.cannot(shop_facts(shop_of(3, [0]), as_of=day), **given)


def test_crm_check_asks_with_the_notebook_s_own_parameters() -> None:
    """Their names and defaults are the same; what it does not need it takes all the same."""
    own = read_notebook(NOTEBOOK).parameters
    asked = {k: p for k, p in inspect.signature(churn.cannot).parameters.items() if p.default is not p.empty}
    assert {name: p.default for name, p in asked.items()} == {name: own[name].default for name in asked}
    facts = shop_facts(shop_of(3, [0]), as_of=FIRST)
    assert churn.cannot(facts, **{name: p.default for name, p in own.items()}) is not None


def test_customers_who_all_bought_long_ago_are_foreseen() -> None:
    """Known customers of the first months, and guests alone since then: there is nobody to score."""
    rows = []
    for number in range(400):
        who = f"c{number % 40}" if number < 80 else None
        moment = dt.datetime.combine(FIRST, dt.time(9)) + dt.timedelta(days=number)
        rows.append((f"o{number}", moment, who, "plan", 10.0))
    table, day = make_lines(rows), FIRST + dt.timedelta(days=399)
    facts = shop_facts(table, as_of=day)
    assert facts.customer_days == tuple(FIRST + dt.timedelta(days=n) for n in range(80))
    assert getattr(churn.cannot(facts), "code", "") == "churn.nobody_active"
    assert churn.cannot(facts, horizon_days=28, active_days=400) is None
