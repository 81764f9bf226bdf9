"""crm check and the notebooks ask the same function with the same facts: over random shops they agree."""

from __future__ import annotations

import datetime as dt
import importlib
import pkgutil
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import ROOT

from crm_utils import methods
from crm_utils.errors import StudyError
from crm_utils.features import Cannot, shop_facts
from crm_utils.runner.foresee import foreseen, said_of, to_hold_against
from crm_utils.runner.notebook_file import NotebookFile, Parameter, read_notebooks
from crm_utils.runner.plan import Request, check_request
from crm_utils.sentences import cannot as sentences

FIRST = dt.date(2024, 1, 1)
NOTEBOOKS = read_notebooks(ROOT / "notebooks")


@st.composite
def shops(draw: st.DrawFn) -> pd.DataFrame:
    """Order lines of a small shop: guests, one-time buyers, one price, a closed season, few rows or none."""
    customers = draw(st.integers(0, 12))
    prices = draw(st.sampled_from([[5], [1, 2, 30], [0], [-4, 6]]))
    days = draw(st.integers(1, 300))
    rows = [
        {
            "order_id": f"o{draw(st.integers(0, 40))}",
            "customer_id": f"c{draw(st.integers(1, customers))}" if customers else None,
            "product_id": f"p{draw(st.integers(0, 4))}",
            "ordered_at": dt.datetime.combine(FIRST + dt.timedelta(draw(st.integers(0, days))), dt.time(9)),
            "amount": Decimal(draw(st.sampled_from(prices))),
        }
        for _ in range(draw(st.integers(1, 40)))
    ]
    return pd.DataFrame(rows).astype({"customer_id": "string"})


def facts_of(frame: pd.DataFrame, as_of: dt.date) -> Any:
    lines = ibis.duckdb.connect().create_table("lines", frame)
    amount = lines.amount.cast("decimal(18, 2)")
    quantity = (amount < 0).ifelse(-1, 1).cast("decimal(18, 3)")
    return shop_facts(lines.mutate(amount=amount, quantity=quantity), as_of=as_of)


@settings(max_examples=60, deadline=None)
@given(shops(), st.integers(0, 200))
def test_check_says_what_the_notebook_would(frame: pd.DataFrame, later: int) -> None:
    facts = facts_of(frame, frame.ordered_at.max().date() + dt.timedelta(later))
    for notebook in NOTEBOOKS:
        defaults = {name: one.default for name, one in notebook.parameters.items()}
        own = {name: value for name, value in defaults.items() if name not in ("study", "as_of")}
        said = foreseen(notebook.name, facts, {}, defaults)
        ask = getattr(_methods(notebook.name), "cannot", None)
        if ask is None:
            assert said is None
            continue
        try:
            answer = ask(facts, **own)
        except TypeError:  # it takes some of the parameters alone, by name
            names = ask.__code__.co_varnames[1 : ask.__code__.co_argcount + ask.__code__.co_kwonlyargcount]
            answer = ask(facts, **{name: own[name] for name in names if name in own})
        assert said == answer
        if said is not None:
            assert sentences.reason(said).endswith(".")
            assert sentences.remedy(said)
    assert to_hold_against(facts, "EUR", part="")[1].startswith(f"  orders {facts.orders:,}")


def _methods(name: str) -> object:
    known = {module.name for module in pkgutil.iter_modules(methods.__path__)}
    return importlib.import_module(f"crm_utils.methods.{name}") if name in known else None


def notebook(name: str) -> NotebookFile:
    return NotebookFile(Path(f"01_{name}.ipynb"), name, "?", {"days": Parameter("days", "int", 28, "")})


def test_what_one_cannot_say_those_that_build_on_it_cannot_either(monkeypatch: Any) -> None:
    def ask(name: str) -> Any:
        no = Cannot("no_customers")
        return {"one": lambda facts, *, days: no if days > 7 else None}.get(name)

    monkeypatch.setattr("crm_utils.runner.foresee._cannot_of", ask)
    row = {"order_id": "1", "customer_id": "c", "product_id": "p", "amount": Decimal(1)}
    frame = pd.DataFrame([row | {"ordered_at": dt.datetime(2024, 1, 1)}])
    facts = facts_of(frame, FIRST)
    each = [notebook(name) for name in ("one", "two", "three", "four")]
    after: dict[str, set[str]] = {"one": set(), "two": {"one"}, "three": {"two"}, "four": set()}
    said = said_of(each, {"four": "off"}, facts, {}, after)
    assert said["one"] == said["two"] == said["three"]
    assert said["one"].startswith("would say: No order has a customer.")
    assert said["four"] == "skipped: off"
    assert said_of(each, {}, facts, {"one": {"days": 7}}, after)["three"] == "would run"
    assert set(said_of(each, {}, None, {}, after).values()) == {"would run"}


@pytest.mark.parametrize("value", [{"contact_cost": -5.0}, {"margin_share": 1.5}])
def test_what_a_study_may_not_say_may_not_be_set_either(tmp_path: Path, value: dict[str, float]) -> None:
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    (tmp_path / "studies").mkdir()
    shutil.copy(ROOT / "studies/demo_shop.yaml", tmp_path / "studies")
    with pytest.raises(StudyError, match="--set churn"):
        check_request(tmp_path, Request("demo_shop", parameters={"churn": value}))


def test_a_shop_without_money_is_told_so_on_the_pages_of_money() -> None:
    days = [dt.datetime.combine(FIRST + dt.timedelta(7 * k), dt.time(9)) for k in range(40)]
    rows = [
        {"order_id": f"o{k}-{c}", "customer_id": f"c{c}", "product_id": "p", "ordered_at": day, "amount": 0}
        for k, day in enumerate(days)
        for c in range(30)
    ]
    facts = facts_of(pd.DataFrame(rows), days[-1].date())
    said = {n.name: foreseen(n.name, facts, {}, {}) for n in NOTEBOOKS}
    assert {name for name, why in said.items() if why is not None and why.code == "no_money"} == {
        "lifetime_value",
        "loyalty",
        "scorecard",
    }
    assert "every amount is 0" in " ".join(to_hold_against(facts, "USD", part=""))
