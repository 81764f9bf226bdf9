"""Ordinary experiments and shops never crash: every code cell of notebook 08, on small random shops.

Kinds that failed before: newcomers without a past, one price for everything, three customers, one product an
order, nobody in an arm yet, a feature that is missing for all, an experiment without an end, no money known.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ibis
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from tiny import ROOT

from crm_utils import engine
from crm_utils.experiments import Experiment
from crm_utils.features import shop_facts
from crm_utils.methods import ab_test
from crm_utils.run import Run
from crm_utils.run.stopping import CannotSay

AS_OF = dt.date(2024, 6, 30)
START = pd.Timestamp("2024-04-01")
NOTEBOOK = ROOT / "notebooks" / "08_ab_test.ipynb"
FEW = {"splits": 12}
"""Parameters of the notebook that only make it slower."""


class Shop:
    """Tables of a small shop, each of a kind that seed and kind decide."""

    def __init__(self, seed: int, **kind: Any) -> None:
        rng = np.random.default_rng(seed)
        pick = lambda *values: values[int(rng.integers(len(values)))]  # noqa: E731
        self.kind = {
            "customers": pick(0, 1, 3, 9, 30, 120, 300), "price": pick("one", "many"),
            "past": pick(True, True, False), "rate": pick(0.0, 0.3, 1.0, 3.0), "arms": pick(2, 2, 3, 4),
            "assigned": pick(0.0, 0.02, 0.5, 1.0), "ends": pick(True, True, False),
            "looks": pick(True, False),
            "messages": pick("none", "sent", "held_out"), "priced": pick(True, False),
            "people": pick("none", "empty", "known"), "guests": pick(0.0, 0.3),
            "declared": pick(0, 1, 1, 1, 2),
            "primary": pick("conversion", "orders", "order_value", "contribution", "return_rate",
                            "unsubscribed"),
            "one_arm": pick(False, False, False, True),
        } | kind  # fmt: skip
        self.rng, self.tables = rng, {}
        self._fill()

    def _fill(self) -> None:
        kind, rng, n = self.kind, self.rng, self.kind["customers"]
        ids = np.array([f"c{k}" for k in range(n)], dtype=object)
        arms = ["control", "coupon", "sms", "mail"][: kind["arms"]]
        at = START + pd.to_timedelta(rng.integers(0, 20 * 86_400, n), unit="s")
        known = rng.random(n) < kind["assigned"]
        drawn = np.zeros(n, dtype=int) if kind["one_arm"] else rng.integers(0, len(arms), n)
        chosen = np.array(arms, dtype=object)[drawn]
        rows = pd.DataFrame(
            {"experiment_id": "one", "customer_id": ids, "arm": chosen, "assigned_at": at}
        )[known]  # fmt: skip
        self.tables["assignments"] = rows if len(rows) else None
        who = np.repeat(np.arange(n), rng.poisson(kind["rate"], n))
        when = at[who] + pd.to_timedelta(rng.integers(0, 55 * 86_400, len(who)), unit="s")
        if kind["past"]:
            past = np.repeat(np.arange(n), rng.poisson(2 * kind["rate"], n))
            before = at[past] - pd.to_timedelta(rng.integers(0, 80 * 86_400, len(past)), unit="s")
            who, when = np.concatenate([who, past]), when.append(before)
        owner = np.where(rng.random(len(who)) < kind["guests"], None, ids[who] if n else None)
        amount = 9.99 if kind["price"] == "one" else rng.gamma(2, 15, len(who)).round(2)
        lines = pd.DataFrame({"order_id": [f"o{k}" for k in range(len(who))], "customer_id": owner,
                              "product_id": "p", "ordered_at": when, "quantity": 1, "amount": amount,
                              "discount": 0.0})  # fmt: skip
        guest = {"order_id": "g", "customer_id": None, "product_id": "p", "ordered_at": START, "quantity": 1,
                 "amount": 9.99, "discount": 0.0}  # fmt: skip
        lines = pd.concat([lines, pd.DataFrame([guest])], ignore_index=True)
        lines.loc[self.rng.random(len(lines)) < 0.05, "amount"] *= -1
        self.tables["order_lines"] = lines
        self.tables["products"] = (
            pd.DataFrame({"product_id": ["p"], "unit_margin": [4.0]}) if kind["priced"] else None
        )
        self.tables["customers"] = {
            "none": None,
            "empty": pd.DataFrame({"customer_id": ids, "region": pd.Series([None] * n, dtype="str")}),
            "known": pd.DataFrame({"customer_id": ids, "region": np.where(rng.random(n) < 0.5, "a", "b"),
                                   "birth_year": rng.integers(1950, 2000, n)}),
        }[kind["people"]]  # fmt: skip
        if kind["messages"] != "none" and n:
            out = (rng.random(n) < 0.2) & (kind["messages"] == "held_out")
            self.tables["messages"] = pd.DataFrame({
                "message_id": ids, "campaign_id": "k", "customer_id": ids, "sent_at": at, "held_out": out,
                "cost": 0.1, "unsubscribed_at": pd.Series(pd.NaT, index=range(n)),
            })  # fmt: skip
            day = START.date()
            self.tables["campaigns"] = pd.DataFrame({"campaign_id": ["k"], "name": ["K"], "starts_on": [day],
                                                     "ends_on": [day + dt.timedelta(days=20)]})  # fmt: skip

    def experiments(self) -> list[Experiment]:
        kind, arms = self.kind, ["control", "coupon", "sms", "mail"][: self.kind["arms"]]
        declared: dict[str, Any] = {
            "id": "one", "arms": dict.fromkeys(arms, 1), "control": "control", "starts_on": "2024-04-01",
            "horizon_days": 28, "primary": kind["primary"], "metrics": [
                {"name": "p90", "kind": "quantile", "of": "amount", "q": 0.9}, "revenue"],
            "segments": ["before"], "trigger": {"campaign": "k"}, "campaigns": {"coupon": "k"},
        }  # fmt: skip
        if kind["primary"] != "unsubscribed":
            declared["guardrails"] = [{"metric": "unsubscribed", "margin": 0.02}]
        if kind["ends"]:
            declared["ends_on"] = "2024-04-20"
        if kind["looks"]:
            declared |= {"looks": ["2024-05-10"], "customers": 200}
        later = declared | {"id": "two", "starts_on": "2025-01-01", "ends_on": None, "looks": []}
        return [Experiment(**fields) for fields in (declared, later)[: kind["declared"]]]

    def run(self, folder: Path) -> Run:
        """A real run, whose tables are these: it records, saves and checks as any."""
        con, kinds = engine.connect(), {"quantity": "decimal(18, 3)"}
        kinds |= dict.fromkeys(["amount", "discount", "cost", "unit_margin"], "decimal(18, 2)")

        def table(name: str, *, required: bool = True) -> Any:
            frame = self.tables.get(name)
            if frame is None:
                return None
            times = {c: "timestamp(6)" for c in frame.columns if c.endswith("_at")}
            texts = {c: "string" for c in frame.columns if c.endswith("_id") or c == "region"}
            frame = frame.reset_index(drop=True).astype(dict.fromkeys(texts, "string"))
            made = con.create_table(ibis.util.gen_name("t"), frame)
            cast = {c: k for c, k in (kinds | times | texts).items() if c in frame.columns}
            return made.cast(cast)

        run = Run.__new__(Run)
        study = SimpleNamespace(currency="USD", title="Small", name="small", experiments=self.experiments(),
                                history_starts=dt.date(2024, 1, 1), parameters=lambda _: {})  # fmt: skip
        run.notebook, run.study, run.folder, run.con = "ab_test", study, folder, con
        run.as_of = SimpleNamespace(
            day=AS_OF, before=dt.datetime.combine(AS_OF, dt.time()) + dt.timedelta(days=1)
        )
        run.table = functools.cache(table)  # type: ignore[method-assign]
        run.__dict__["facts"] = shop_facts(run.table("order_lines"), as_of=AS_OF)
        run._numbers, run._findings, run._actions, run._warnings = {}, [], [], []
        run._sure, run._cannot, run._tables = [], None, {}
        return run


def execute(shop: Shop, folder: Path) -> Run:
    """Every code cell of the notebook on a shop, but the first and the last."""
    run, cells = shop.run(folder), json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    space: dict[str, Any] = {"run": run}
    for cell in cells:
        text = "".join(cell["source"]).replace('open_run("ab_test", study=study, as_of=as_of)', "run")
        if cell["cell_type"] == "code" and "run.provenance()" not in text:
            exec(compile(text, str(cell.get("id")), "exec"), space)
            space |= FEW if "parameters" in cell["metadata"].get("tags", []) else {}
            plt.close("all")
    return run


SHOPS, BLOCKS = 60, 10


@pytest.fixture(autouse=True)
def _no_window() -> Any:
    with mpl.rc_context():
        mpl.use("agg")
        yield
        plt.close("all")


@pytest.mark.parametrize(
    "block",
    [0, *(pytest.param(block, marks=[pytest.mark.slow, pytest.mark.many]) for block in range(1, BLOCKS))],
)
def test_no_small_shop_is_an_exception_where_cannot_says_nothing(block: int, tmp_path: Path) -> None:
    for seed in range(block, SHOPS, BLOCKS):
        shop = Shop(seed)
        facts = shop.run(tmp_path / str(seed)).facts
        try:
            run = execute(shop, tmp_path / str(seed))
        except CannotSay:
            assert ab_test.cannot(facts) is not None, shop.kind
            continue
        except Exception as error:
            raise AssertionError(f"seed {seed}: {shop.kind}") from error
        assert ab_test.cannot(facts) is None, shop.kind
        assert {"experiment_results", "campaign_results", "contact_effects"} <= set(run._tables)
        assert len(run._findings) >= 1
        assert len(run._sure) == 3
        for table in run._tables.values():
            assert set(table["meanings"]) == set(table["columns"])
        for name, number in run._numbers.items():
            if name.startswith("smallest_effect.conversion"):
                assert number["value"] is None or number["value"] <= 1


def test_three_customers_are_too_few_to_plan_a_test(tmp_path: Path, capsys: Any) -> None:
    run = execute(Shop(1, customers=3, declared=0, rate=3.0, guests=0.0), tmp_path)
    assert run._findings[0]["text"].startswith("No experiment can be judged yet")
    assert "too few to plan a test" in capsys.readouterr().out
    assert run._numbers["past.customers"]["value"] is None  # fewer than five are not shown


def test_one_price_has_no_size_of_an_order(tmp_path: Path, capsys: Any) -> None:
    execute(Shop(2, customers=300, price="one", declared=0, rate=1.0), tmp_path)
    assert "No sample size exists for: order value" in capsys.readouterr().out


def test_newcomers_without_a_past_are_judged(tmp_path: Path) -> None:
    kind = {"customers": 300, "past": False, "rate": 1.0, "arms": 2, "assigned": 1.0, "ends": True,
            "looks": False, "people": "empty", "declared": 1, "primary": "conversion", "one_arm": False,
            "priced": False}  # fmt: skip
    run = execute(Shop(3, **kind), tmp_path)
    assert run._numbers["one.verdict"]["value"] in ("ship", "stop", "cannot tell")
    assert not any("qini" in name for name in run._numbers)
