"""What levers, the day of asking and cases say, with what is not known said plainly."""

from __future__ import annotations

import math

import pandas as pd

from crm_utils.methods.feedback import Adjusted, Cases, Timing, Uneven
from crm_utils.sentences.feedback_causes import be_warned, cases_words, drivers_table, timing_words

KNOWN, NOTHING = Adjusted(-0.1, -0.13, -0.07, 0.001, 400, 900, 1.0), Adjusted(*[math.nan] * 4, 0, 0, 0.0)


def test_the_day_of_asking_is_judged_only_where_chance_chose_it() -> None:
    assert "chance did not choose the day" in timing_words(None, by_lot=False)
    assert "too few requests" in timing_words(None, by_lot=True)
    said = timing_words(Timing(KNOWN, KNOWN, NOTHING), by_lot=True)
    assert said.endswith("changes the share who answer by −10.0 pp (−13.0 pp to −7.0 pp).")
    assert "After a late parcel" in timing_words(Timing(KNOWN, KNOWN, KNOWN), by_lot=True)


def test_a_day_that_can_be_told_beforehand_was_not_chosen_by_chance() -> None:
    warned: list[str] = []
    be_warned(warned.append, None)
    be_warned(warned.append, Timing(KNOWN, KNOWN, KNOWN))
    assert warned == []
    uneven = Timing(KNOWN, KNOWN, KNOWN, Uneven("weekday", "0", 0.6, 0.1, 1e-9))
    said = "Orders of a Monday are 60\u00a0% of requests asked later, and 10\u00a0% of those asked sooner."
    be_warned(warned.append, uneven)
    assert said in warned[0]
    assert timing_words(uneven, by_lot=True).endswith(f"though asked_by_lot says so. {said}")
    assert uneven.numbers() == []


def test_cases_say_what_the_tables_tell_and_what_they_do_not() -> None:
    assert cases_words(None) == ["Fewer than five cases: nothing can be said of the service desk."]
    said = cases_words(
        Cases(40, (math.nan, math.nan, math.nan, 0), (0.5, 0.35, 0.65, 40), (0.1, 0.0, 0.3, 3), NOTHING)
    )
    assert said[0].startswith("Of 40 cases 50\u00a0%")
    assert len(said) == 2  # three closed cases are too few to be shown
    assert "in no table" in said[-1]
    known = cases_words(Cases(40, (0.9, 0.8, 0.95, 40), (0.5, 0.35, 0.65, 40), (0.1, 0.0, 0.3, 3), NOTHING))
    assert known[0].startswith("Of 40 cases 90\u00a0% (80\u00a0% to 95\u00a0%) were first replied to")
    assert "in no table" not in " ".join(known)


def test_levers_are_shown_with_their_overlap_and_whether_they_are_chance() -> None:
    rows = pd.DataFrame({
        "lever": ["delivery", "channel"], "level": ["late", "app"], "customers": [400, 900],
        "difference": [0.4, 0.01], "low": [0.35, -0.02], "high": [0.45, 0.04], "p": [0.0, 0.5],
        "overlap": [1.0, 0.8], "q": [0.0, 0.5],
    })  # fmt: skip
    html = drivers_table(rows)._repr_html_()
    assert html.index("late") < html.index("app")
    for word in ("40.0 pp", "100\u00a0%", "shown", "within chance"):
        assert word in html
