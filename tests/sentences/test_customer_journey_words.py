"""What the page on journeys says: nothing of credit without the lift or that it is not verified."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from crm_utils.features import Cannot
from crm_utils.methods.customer_journey import PLACEBO, Calibration, Coverage, CreditStudy, DelayLifts, Leaks
from crm_utils.methods.customer_journey.beside import COLUMNS
from crm_utils.methods.customer_journey.leaks import LEAK_COLUMNS
from crm_utils.sentences import cannot
from crm_utils.sentences import customer_journey as words

DAY = dt.date(2025, 12, 31)


def rows(name: str, credit: float, lift: float | None) -> list[dict]:
    ends = dict.fromkeys(["lift", "lift_low", "lift_high", "factor", "factor_low", "factor_high"], np.nan)
    if lift is not None:
        ends |= {"lift": lift, "lift_low": lift - 50, "lift_high": lift + 50, "factor": lift / credit,
                 "factor_low": (lift - 50) / credit, "factor_high": (lift + 50) / credit}  # fmt: skip
    return [
        {"rule": rule, "channel": "sms", "campaign_id": name, "credit": credit, "low": credit - 9,
         "high": credit + 9, "verified": lift is not None} | ends
        for rule in ("last_non_direct", "markov", "click_7")
    ]  # fmt: skip


def study(*, placebo: bool = True) -> CreditStudy:
    table = pd.DataFrame([*rows("k1", 300.0, 200.0), *rows("k2", 90.0, None)], columns=COLUMNS)
    fake = pd.DataFrame(rows(PLACEBO, 80.0, 1.0) if placebo else [], columns=COLUMNS)
    empty = pd.DataFrame(columns=["rule", "campaigns", "factor", "off", "off_calibrated"])
    robust = pd.DataFrame({"touch": ["k1"], "linear.28": [1.0]})
    return CreditStudy(table, fake, 1000, 500, 0.1, Calibration(empty, np.nan), robust, DAY, 28)


def test_credit_stands_beside_the_lift_or_is_not_verified():
    text = repr(words.credit_table(study()))
    lines = {
        line.split()[0]: line for line in text.splitlines() if "k1" in line or "k2" in line or "A/A" in line
    }
    assert "200 (150 to 250)" in lines["k1"]
    assert "not verified (증분 미검증)" in lines["k2"]
    assert "1 (−49 to 51)" in lines["nobody"]
    drawn = words.credit_rows(study())
    assert drawn["name"].tolist() == ["nobody got it (A/A)", "k1", "k2: not verified"]
    assert "not verified" in " ".join(words.credit_words(study()))


def test_the_answer_names_the_made_up_campaign():
    said: list[str] = []
    words.be_told(said.append, [], None, study(), None)
    assert said[1] == (
        "A made-up campaign that nobody received gets 80 to 80 orders of credit, by rule; its lift is "
        "1 (−49 to 51). Credit is no effect: believe the lift, and hold out where there is none."
    )


def test_a_shop_without_anything_says_what_is_missing():
    seen = Coverage(
        pd.DataFrame({"stage": ["cart"], "rows": [0], "known": [np.nan]}), pd.DataFrame(), 0, np.nan, []
    )
    said = words.coverage_words(seen)
    assert said[0].startswith("This study has no events: nothing is known of visits, carts and checkouts.")
    assert said[1] == "Not recorded: cart (장바구니)."
    assert "no credit to share" in words.credit_words(None)[0]
    assert words.funnel_words([]) == words.sessions_words(None) == words.leak_words(None, "KRW") == []
    assert "keep messages with who was held out" in cannot.remedy(Cannot("customer_journey.nothing"))


def test_leaks_are_called_a_bound_and_never_a_gain():
    row = dict.fromkeys(LEAK_COLUMNS, 0.5) | {
        "leak": "standing", "segment": "app", "step": "checkout", "next_step": "purchase", "starts_on": DAY,
        "ends_on": DAY, "entrants": 900, "compared_with": "web", "bound": 5000.0, "bound_low": 4000.0,
        "bound_high": 6000.0, "ended": False,
    }  # fmt: skip
    whole = pd.DataFrame(columns=["segment", "entrants", "rate", "low", "high"])
    acts: list[dict] = []

    def act(verb: str, audience: str, **given: object) -> None:
        acts.append({"verb": verb, "audience": audience} | given)

    words.propose(act, None, Leaks(pd.DataFrame([row]), 10.0, whole), pd.DataFrame(), "KRW")
    assert len(acts) == 1
    assert acts[0].get("gain") is None
    assert "It is a bound" in str(acts[0]["why"])


def test_a_tested_delay_is_proposed_with_its_gain_and_an_untested_one_is_not():
    table = pd.DataFrame({
        "scenario": ["cart"], "anchor_event": ["cart"], "variant": ["b"], "hours": [4.0], "sent": [500],
        "held_out": [500], "rate": [0.4], "rate_held_out": [0.25], "lift": [0.15], "low": [0.1], "high":
        [0.2],
        "p": [0.0], "error": [0.025], "a_day": [10.0], "best": [True],
    })  # fmt: skip
    whole = pd.DataFrame(columns=["segment", "entrants", "rate", "low", "high"])
    leaks = Leaks(pd.DataFrame(columns=LEAK_COLUMNS), 1000.0, whole)
    acts: list[dict] = []

    def act(verb: str, audience: str, **given: object) -> None:
        acts.append({"verb": verb} | given)

    words.propose(act, DelayLifts(table, 7), leaks, pd.DataFrame(), "KRW")
    words.propose(act, DelayLifts(table.assign(best=False), 7), leaks, pd.DataFrame(), "KRW")
    assert [one["verb"] for one in acts] == ["Remind after 4\N{NO-BREAK SPACE}h"]
    assert acts[0]["gain"] == 10.0 * 28 * 0.15 * 1000.0
    assert acts[0]["certainty"] == "tested"
