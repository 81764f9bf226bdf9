"""What the page on churn says where little is known, and that no sentence claims more than was seen."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from crm_utils.features import Cannot
from crm_utils.features.survival import kaplan_meier
from crm_utils.methods.churn import (
    ContactList,
    ContactPlan,
    Depth,
    Lapses,
    ShareKept,
    Stakes,
    when_judged,
)
from crm_utils.sentences import cannot, churn

STAKES = Stakes(0.1, 0.3, 1, 0.1, 0.25, 28)
TRIED = pd.DataFrame(
    [(s, q, 100 * s / 0.1 - 50 * q / 0.3, -40.0, 160.0, 150.0, 0.0) for s in (0.05, 0.1, 0.15)
     for q in (0.15, 0.3, 0.45)],
    columns=["save_rate", "take_rate", "planned", "low", "high", "possible", "regret"],
)  # fmt: skip


def plan(*, ranked: bool = True, riskier: float = 0.3, best: float = 0.2, money: bool = True) -> ContactPlan:
    curve = pd.DataFrame({"window": [], "depth": [], "profit": [], "low": [], "high": []})
    depth = Depth(curve, best, best, best, 50.0, 40.0, 60.0, riskier)
    return ContactPlan(ranked, riskier, money, depth, TRIED, depth, 2000, 0.2, STAKES)


def listed(customers: int, *, held_out: int = 51, reminders: int = 0) -> ContactList:
    table = pa.table({"customer_id": [str(n) for n in range(customers)]})
    first = pd.Series({"silence": 0.9, "orders": 0.01})
    return ContactList(table, held_out, pd.DataFrame(), 0.5, reminders, first)


def test_the_gain_is_that_of_the_shop_without_those_held_out_and_covers_the_assumptions() -> None:
    """50 a thousand × 2,000 × four fifths × 98 % (the universal group); ends of the worst and best truth."""
    assert plan().gain == pytest.approx((78.4, -62.72, 250.88))
    numbers = {n.name: n for n in plan().numbers("USD")}
    assert (numbers["profit.gain"].low, numbers["profit.gain"].high) == pytest.approx((-62.72, 250.88))


def test_the_assumption_that_turns_it_is_where_the_list_brings_nothing() -> None:
    """Planned is 1000 s − 50 at the assumed q: it brings nothing at s = 5 %."""
    assert plan().break_even == pytest.approx(0.05)


def test_the_card_is_there_only_with_a_list_and_counts_whom_it_contacts() -> None:
    cards: list[dict[str, object]] = []
    act = lambda verb, audience, **card: cards.append(card | {"said": f"{verb} {audience}"})  # noqa: E731
    churn.propose(act, plan(), listed(0), horizon_days=28)
    assert not cards
    churn.propose(act, plan(), listed(181, reminders=3), horizon_days=28)
    assert cards[0]["said"] == "Contact customers who are slipping"
    assert (cards[0]["customers"], cards[0]["held_out"], cards[0]["certainty"]) == (181, 51, "assumed")
    assert cards[0]["offer"] == "a discount; 3 customers get a reminder without one"


def test_a_list_whose_effect_was_measured_is_tested_and_says_so() -> None:
    cards: list[dict[str, object]] = []
    act = lambda verb, audience, **card: cards.append(card)  # noqa: E731
    for low in (0.05, -0.01):
        kept = ShareKept("measured", STAKES, (0.5, 1.0, 1.5), 0.2, 0.1, low, 0.15, 900, 200, 28)
        churn.propose(act, replace(plan(), kept=kept), listed(181), horizon_days=28)
    assert [card["certainty"] for card in cards] == ["tested", "assumed"]
    quality = SimpleNamespace(top=(0.6, 0.5, 0.7), average=(0.4, 0.3, 0.5), days=(1, 2))
    said = churn.sure(quality, replace(plan(), kept=kept), horizon_days=28)[2]  # type: ignore[arg-type]
    assert said.startswith("Earlier lists kept 10\xa0% (−1\xa0% to 15\xa0%) of those who would stop.")
    assert "less than 5.0\xa0%" in said


def test_what_those_held_out_can_show_is_said_with_its_day() -> None:
    judged = when_judged(listed(181), stakes=STAKES, as_of=dt.date(2017, 12, 31))
    said = churn.judgement_words(judged)
    assert said.startswith("51 of 232 are held out at random.")
    assert "44\N{NO-BREAK SPACE}% or more" in said
    assert "20 such lists" in said
    assert said.endswith("decide it on 14 July 2019 at the earliest.")  # 20 × 28 days later
    # Forecasts of 90 % where six in ten lapse would promise to see a share of a third as much.
    bold = replace(listed(181), lapse_rate=0.9)
    smallest = {r: when_judged(bold, stakes=STAKES, as_of=dt.date(2018, 1, 1), lapse_rate=r).smallest
                for r in (None, 0.6)}  # fmt: skip
    assert smallest[None] == pytest.approx(0.44 / 3, abs=0.01)
    assert smallest[0.6] == pytest.approx(0.44 * np.sqrt(2 / 3), abs=0.01)
    nobody = when_judged(listed(50, held_out=0), stakes=STAKES, as_of=dt.date(2017, 12, 31))
    assert "cannot be measured" in churn.judgement_words(nobody)


def test_reasons_of_fewer_than_five_customers_are_not_shown() -> None:
    assert churn.contributions_words(listed(200)).endswith("length of the silence for 90\N{NO-BREAK SPACE}%.")
    assert churn.contributions_words(listed(4)).startswith("No reason is shared by enough")


def test_nothing_known_is_said_and_no_error() -> None:
    empty = pd.DataFrame(columns=["silent_days", "within_days", "customers", "rate", "low", "high"])
    rates = pd.DataFrame(columns=["outcome", "cutoff", "customers", "rate", "low", "high"])
    none = Lapses(rates, empty, (0.5, 0.4, 0.6), 28, (dt.date(2024, 1, 1),))
    assert "Nobody could be followed" in churn.return_title(none)
    assert churn.lapse_words(none).endswith("of active customers bought nothing for 28 days.")
    assert churn.return_words(none).startswith("No silence of three horizons")
    assert "none" in repr(churn.outcome_table(none))
    one = kaplan_meier(pd.DataFrame({"group": "a", "days": [9], "event": [0], "customers": [50]}))
    assert churn.silence_words(one).startswith("There is one group only")
    assert "are not shown to" in churn.silence_title(one, dt.date(2024, 1, 1))
    assert np.isnan(one.groups["median"].iloc[0])
    assert "–" in repr(churn.silence_table(one))


def test_every_code_has_a_reason_and_a_remedy_with_its_numbers() -> None:
    given = {
        "customers": 3,
        "needed": 30,
        "back": 1,
        "days": 20,
        "last_day": "2024-01-01",
        "day": "2024-01-01",
    }
    for code in churn.CANNOT:
        why = Cannot(f"churn.{code}", given)
        assert "{" not in cannot.reason(why) + cannot.remedy(why)
