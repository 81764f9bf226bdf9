"""What the page on loyalty says: with no programme, with a ledger that cannot be counted, of each verdict."""

from __future__ import annotations

import datetime as dt
import math

import pandas as pd

from crm_utils.features import Cannot
from crm_utils.methods.loyalty import (
    Bunching,
    DensityBreak,
    Estimate,
    Fraud,
    Jump,
    Ledger,
    Owed,
    Placebo,
    Programme,
    Threshold,
    TierPage,
    Window,
    parse_rule,
)
from crm_utils.sentences import loyalty as words
from crm_utils.sentences import loyalty_answers as answers

NAN = math.nan
RULE = parse_rule("spend_182d >= 300000: silver")
JUMP = Jump(1.08, 0.63, 1.65, 0.00001, 140_000, 230_000, 2000, 1300)
NONE = Jump(0.1, -0.4, 0.5, 0.7, 140_000, 230_000, 2000, 1300)
SMOOTH = DensityBreak(1e-6, 1e-6, -0.6, 0.55, 9e4, 9e4, 1400, 900)
BROKEN = DensityBreak(1e-6, 3e-6, 7.7, 1e-14, 7e4, 6e4, 1400, 1300)
BINS = pd.DataFrame({"starts": [1.0], "inside": [True]})
FLAT = Bunching(BINS, -17, -75, 53, 10, -40, 60, 700)
HEAPED = Bunching(BINS, 247, 158, 324, 240, 180, 300, 770)
LINE = Placebo(
    130_000, 900, 2000, Estimate(2.36, 2.16, 2.57), Estimate(180_000, 178_000, 186_000),
    Estimate(-7_900, -25_000, 9_500), 700, NONE,
)  # fmt: skip
DAYS = Window(dt.date(2025, 7, 1), dt.date(2024, 12, 31), dt.date(2025, 12, 30))


def page(*cuts: Threshold) -> TierPage:
    rule = RULE if cuts else None
    return TierPage(LINE, DAYS, None, ("family", "silver"), 212, 9800, list(cuts), pd.DataFrame(), rule)


def owed(why: Cannot | None = None) -> Owed:
    ledger = Ledger(None, 0, why, {})
    return Owed(ledger, None, pd.DataFrame(), (NAN, NAN, NAN), None, None, None, 0, why)


def said_by(function: object, *given: object) -> list[str]:
    said: list[str] = []
    function(said.append, *given)  # type: ignore[operator]
    return said


def test_a_shop_without_a_programme_learns_what_a_line_does_to_nobody_and_what_to_record() -> None:
    made = Programme(False, False, False, (), None)
    first, second = said_by(answers.be_told, made, owed(Cannot("loyalty.no_points")), page(), "KRW")
    assert first.startswith("There is no loyalty programme in these data: nothing is owed.")
    assert "spend 2.36 (2.16 to 2.57) times as much" in first
    assert "gave nobody anything" in first
    assert second.startswith("To learn more from a programme than this, record from its first day")
    assert said_by(answers.be_warned, made, owed(Cannot("loyalty.no_points")), page()) == []


def test_each_verdict_says_what_may_be_said_and_no_more() -> None:
    assert RULE is not None
    aimed = words.threshold_words(page(Threshold(300_000, "silver", HEAPED, BROKEN, None, None)), RULE, "KRW")
    assert aimed == [
        "silver from ₩300,000: customers aim at it, 247 (158 to 324) more stand just above than expected. "
        "What the tier changes cannot be told there."
    ]
    effect = words.threshold_words(page(Threshold(300_000, "silver", FLAT, SMOOTH, JUMP, JUMP)), RULE, "KRW")
    assert "customers just above make 1.08 (0.63 to 1.65) more purchases in 182 days" in effect[0]
    none = words.threshold_words(page(Threshold(300_000, "silver", FLAT, SMOOTH, NONE, NONE)), RULE, "KRW")
    assert "is not shown: 0.10 (−0.40 to 0.50)." in none[0]
    few = words.threshold_words(page(Threshold(300_000, "silver", FLAT, SMOOTH, None, None)), RULE, "KRW")
    assert few == ["silver from ₩300,000: too few customers near it to tell anything."]
    assert words.threshold_words(page(), None, "KRW") == ["Without a rule there is no cut to judge."]


def test_a_ledger_that_cannot_be_counted_and_a_rule_that_disagrees_are_warned_of() -> None:
    made = Programme(True, True, False, (), RULE)
    cut = Threshold(300_000, "silver", HEAPED, BROKEN, None, None)
    warned = said_by(
        answers.be_warned, made, owed(Cannot("loyalty.below_zero", {"customers": 14})), page(cut)
    )
    assert warned[0].startswith(
        "Balance of 14 customers falls below 0: the ledger begins later than the points (opening balance?)."
    )
    assert warned[1] == "Tier rule 'spend_182d ≥ 300000: silver' disagrees with 212 of 9,800 recorded tiers."


def test_suspicions_are_called_suspicions_and_counts_under_five_are_not_told() -> None:
    text = words.fraud_words(Fraud(806, 766, 0, 3, 3, True))
    assert "in fewer than 5 both were seen in one session" in text
    assert "suspected, not proven" in text
    assert "cannot be told without sessions" in words.fraud_words(Fraud(806, 766, 0, 0, 0, False))
    assert words.fraud_words(None) == "No referrals are recorded."
