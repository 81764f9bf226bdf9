"""What the page says of shops that know little, of rules that do not hold yet, and of hours."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pandas as pd
import pytest
import yaml
from campaign_world import BOUGHT, NOW, RULES, consents, messages, orders, planned, scenario
from tiny import ROOT

from crm_utils.methods.campaign_targeting import (
    Rules,
    SendHours,
    closed_hours,
    make_plan,
    overdue_reconfirmations,
)
from crm_utils.sentences import campaign_targeting as words
from crm_utils.sentences import campaign_targeting_ways as ways_words
from crm_utils.study.scenarios import Scenarios


def rules_of(country: str) -> Rules:
    read = yaml.safe_load((ROOT / "rules" / f"{country}.yaml").read_text(encoding="utf-8"))
    return Rules(**read | {"valid_from": str(read["valid_from"])})


def shipped() -> list:
    path = ROOT / "crm_utils" / "study" / "default.scenarios.yaml"
    return list(Scenarios(**yaml.safe_load(path.read_text(encoding="utf-8"))).scenarios)


def test_a_shop_of_orders_alone_gets_its_scenarios_and_sends_no_advertising_in_korea() -> None:
    """A customer of a single order is due for a win-back after thirty days, and may not be written to."""
    bought = orders(("ann", "2024-02-11", 10), ("bob", "2024-03-10", 10))
    kr = rules_of("kr")
    now = dt.datetime(2024, 3, 12)
    scenarios = shipped()
    plan = make_plan(scenarios, {"orders": bought}, kr, study="s", now=now, until=now + dt.timedelta(days=1))
    missing = set(plan.left_out["scenario"])
    assert {one.id for one in scenarios} - missing == {"win_back"}
    row = plan.waterfall.set_index("scenario").loc["win_back"]
    assert (row["due"], row["no_consent"]) == (1, 1)
    assert plan.rows.empty
    said = words.warnings(kr, consents_known=False, starts=now.date())
    assert said == ["Consent is unknown: nothing may be sent as advertising in South Korea."]
    assert words.warnings(kr, consents_known=True, starts=now.date()) == []


def test_where_the_law_lets_one_write_the_other_channels_are_named() -> None:
    (said,) = words.warnings(rules_of("us"), consents_known=False, starts=dt.date(2025, 1, 1))
    assert said == (
        "Consent is unknown: under the rules of the United States, advertising may not be sent by push, sms."
    )


def test_a_plan_for_days_before_its_rules_hold_is_an_exercise() -> None:
    kr = rules_of("kr").model_copy(update={"valid_from": dt.date(2026, 4, 1)})
    said = words.warnings(kr, consents_known=True, starts=dt.date(2026, 3, 2))
    assert said == [
        "The rules of South Korea hold from 1 April 2026; this plan is for 2 March 2026. Read it as an "
        "exercise: crm export hands nothing over."
    ]
    assert words.warnings(kr, consents_known=True, starts=dt.date(2026, 4, 1)) == []


@pytest.mark.parametrize(("notified", "overdue"), [([], 1), (["2024-02-01"], 0), (["2022-01-01"], 1)])
def test_a_consent_of_two_years_is_overdue_until_it_was_told_of(notified: list[str], overdue: int) -> None:
    """Ann said yes in 2021 and bob in 2023; cat took hers back."""
    said = consents(
        ("ann", "sms", True, False, "2021-05-01"), ("bob", "sms", True, False, "2023-05-01"),
        ("cat", "sms", True, False, "2021-05-01"), ("cat", "sms", False, False, "2022-05-01"),
    )  # fmt: skip
    one = scenario("again", anchor={"consent": 23}, at="10:00", **{"class": "informational"})
    sent = messages(*[("ann", "again", "informational", when, False) for when in notified])
    kr = rules_of("kr")
    assert overdue_reconfirmations(said, sent, [one], kr, now=NOW) == overdue
    assert len(ways_words.reconfirm_warnings(kr, overdue)) == overdue
    assert overdue_reconfirmations(said, sent, [one], RULES, now=NOW) is None
    assert overdue_reconfirmations(None, sent, [one], kr, now=NOW) is None


WEEK = pd.DataFrame({"weekday": [], "hour": [], "visits": []})
HOURS = SendHours(19, 0.14, 0.20, 0.06, 0.04, 0.08, 900, True, None, WEEK)


def test_hours_are_told_with_their_difference_and_its_interval() -> None:
    better = ways_words.hours_sentence(HOURS)
    assert better.startswith("Customers' own hours are better: in the last 28 days 20")
    assert "a difference of 6.0 pp (4.0 pp to 8.0 pp), over 900 customers" in better
    same = ways_words.hours_sentence(replace(HOURS, low=-0.01))
    assert same.startswith("Customers' own hours are not shown to be better than the shop's best, 19:00")
    assert "Scenarios at the best hour use 19:00 for all." in same
    few = ways_words.hours_sentence(replace(HOURS, customers=40))
    assert "40 of 100 needed" in few
    assert ways_words.hours_sentence(replace(HOURS, shop_hour=None)).startswith("Nothing is known")


def test_the_title_of_the_week_says_what_share_comes_in_closed_hours() -> None:
    week = pd.DataFrame({"weekday": [0, 0, 6], "hour": [10, 22, 12], "visits": [60, 30, 30]})
    labels = ways_words.week_labels(replace(HOURS, week=week), closed_hours(RULES))
    assert labels["title"].replace("\xa0", " ") == "25 % of visits begin in hours closed for advertising"


def test_what_cannot_be_looked_at_is_warned_of() -> None:
    plan = planned([scenario(suppress=["open_case"])], orders=BOUGHT)
    assert ways_words.not_looked_at_warnings(plan) == [
        "Customers with an open case cannot be spared: this study has no feedback."
    ]


def test_a_day_on_which_nobody_is_due_says_so() -> None:
    now = dt.datetime(2024, 3, 12)
    plan = make_plan(
        shipped(), {"orders": orders(("ann", "2024-03-11", 10))}, rules_of("kr"), study="s", now=now,
        until=now + dt.timedelta(days=1),
    )  # fmt: skip
    assert words.answer(plan) == "No message became due: nobody reached a moment that a scenario waits for."


def test_a_plan_before_its_rules_hold_hands_no_list_over() -> None:
    now = dt.datetime(2024, 3, 12)
    plan = make_plan(
        shipped(), {"orders": orders(("ann", "2024-02-11", 10))}, rules_of("us"), study="s", now=now,
        until=now + dt.timedelta(days=1),
    )  # fmt: skip
    us = rules_of("us")
    card = words.send_action(plan, shipped(), "USD", rules=us, starts=now.date())
    assert (card["verb"], card["list"]) == ("Send today's", "contact_list")
    early = words.send_action(plan, shipped(), "USD", rules=us, starts=us.valid_from - dt.timedelta(days=1))
    assert "list" not in early
    assert early["verb"].startswith("Send nothing")
