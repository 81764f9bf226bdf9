"""What the page on feedback says: where nobody was asked, where nothing is sure, and where it is."""

from __future__ import annotations

import math

import pandas as pd

from crm_utils.features import Cannot
from crm_utils.methods.campaign_targeting import Scenario
from crm_utils.methods.feedback import Adjusted, Kept, Repairs, Response, ScoreAndLapse, Themes, nps
from crm_utils.sentences import cannot, feedback

NO = Adjusted(0.01, -0.02, 0.04, 0.5, 300, 900, 1.0)
YES = Adjusted(0.12, 0.08, 0.16, 1e-6, 300, 900, 1.0)
STRATA = pd.DataFrame({"delivery": [], "low": [], "customers": [], "lapsed": []})
COLUMNS = ["repair", "word", "customers", "difference", "low", "high", "p", "overlap", "value", "value_low"]


def lapse(plain: Adjusted, within: Adjusted | None, cause: Adjusted | None) -> ScoreAndLapse:
    return ScoreAndLapse(plain, within, cause, STRATA, 1200)


def repairs(*rows: tuple) -> Repairs:
    return Repairs(pd.DataFrame(rows, columns=[*COLUMNS, "value_high"]), Kept(100.0, 1.0, 900), 0.3, 56)


LATE = ("late", "", 400, 0.12, 0.08, 0.16, 1e-6, 1.0, 1440.0, 900.0, 1980.0)
UNSURE = ("word", "느려요", 9, 0.1, -0.2, 0.4, 0.6, 1.0, 30.0, -50.0, 110.0)


def test_a_shop_without_feedback_is_told_what_to_collect_in_one_sentence_each() -> None:
    why = Cannot("feedback.no_feedback")
    assert cannot.reason(why) == "This shop has no feedback: nobody wrote down what customers said."
    assert "keep who was asked" in cannot.remedy(why)
    few = cannot.reason(Cannot("feedback.few_answers", {"least": 5}))
    assert few.startswith("Fewer than 5 customers")


def test_the_verdict_on_the_score_needs_the_interval_to_be_sure() -> None:
    said = {
        kind: feedback.lapse_words(result, horizon_days=56)
        for kind, result in {
            "nothing": lapse(NO, NO, NO), "cause": lapse(YES, NO, YES), "both": lapse(YES, YES, YES),
            "unknown": lapse(YES, None, None), "open": lapse(YES, NO, NO),
        }.items()
    }  # fmt: skip
    assert "is not shown" in said["nothing"]
    assert "Mend the deliveries before the score." in said["cause"]
    assert "lateness does not explain it all" in said["both"]
    assert "cannot be told: deliveries are not known" in said["unknown"]
    assert "so the cause stays open" in said["open"]
    assert len({feedback.lapse_title(f) for f in (lapse(NO, NO, NO), lapse(YES, NO, YES))}) == 2


def test_only_a_repair_whose_whole_interval_is_above_nothing_is_proposed() -> None:
    cards: list[dict] = []

    def act(verb: str, audience: str, **more: object) -> None:
        cards.append({"verb": verb, "audience": audience} | more)

    feedback.propose(act, repairs(LATE, UNSURE), 7, scenarios=[])
    assert [(c["audience"], c["customers"], c.get("gain")) for c in cards] == [
        ("customers: parcels that come late", 400, 1440.0),
        ("customers who gave a low score lately", 7, None),
    ]
    cards.clear()
    feedback.propose(act, repairs(UNSURE), 0, scenarios=[])
    assert [c["customers"] for c in cards] == [0]  # nobody to call: run.action makes no card of it


def test_who_should_be_called_first_is_told_as_the_scenarios_say() -> None:
    plain = {"title": "s", "anchor": {"order": "last"}, "channels": ["sms"], "class": "advertising"}
    spares, none, notice = (
        Scenario(**plain | {"id": name} | more)
        for name, more in (
            ("a", {"suppress": ["low_score_10d"]}), ("b", {}), ("c", {"class": "informational"}),
        )
    )  # fmt: skip
    assert feedback.spared_words([spares, notice]) == (
        "All advertising scenarios leave them out of contact_list for 10 days after the answer."
    )
    assert feedback.spared_words([spares, none]).startswith("1 of 2 advertising scenarios leaves them out")
    for without in ([none], [notice], []):
        assert feedback.spared_words(without).startswith("No scenario spares them")


def test_the_answer_is_told_first_and_once() -> None:
    said: list[str] = []
    feedback.be_told(said.append, lapse(YES, NO, YES), repairs(LATE), "USD", horizon_days=56)
    assert said[0].startswith("The repair worth most: parcels that come late.")
    assert len(said) == 2
    said.clear()
    feedback.be_told(said.append, lapse(NO, NO, NO), repairs(), "USD", horizon_days=56)
    assert len(said) == 1


def test_a_biased_nps_is_warned_of_and_scores_off_the_scale_are_named() -> None:
    plain, weighted = nps({10: 500, 7: 300, 2: 200}), nps({10: 300, 7: 300, 2: 400}, effective=600.0)
    result = Response(4000, 1000, 0.23, 0.27, 1.6, 1.4, 1.8, plain, weighted, ("frequency",), 0.0)
    off = pd.DataFrame({"kind": ["nps"], "score": [11], "answers": [3]})
    warned: list[str] = []
    feedback.be_warned(warned.append, off, result)
    assert warned[0] == "Score 11 in 3 rows of kind nps: 0 to 10. These rows are left out."
    assert warned[1].startswith("Report an NPS of ")
    first, second = feedback.response_words(result, known=True)
    assert "who answered had bought 1.60 (1.40 to 1.80) times as often" in first
    assert "worth 600 independent answers" in second
    assert feedback.response_words(None, known=False)[0].startswith("There is no record of who was asked")


def test_counts_under_five_are_not_told() -> None:
    themes = Themes(pd.DataFrame(columns=["word"]), 3, 800, "blanks", math.nan, pd.DataFrame())
    assert feedback.themes_words(themes)[0].startswith("fewer than 5 texts")
