"""What starts a scenario, and what spares a customer: each by a small world whose answer is plain."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
import yaml
from campaign_world import (
    BOUGHT,
    NOW,
    RULES,
    UNTIL,
    YES,
    consents,
    messages,
    orders,
    planned,
    scenario,
    stages,
    table,
    world,
)
from tiny import ROOT

from crm_utils.features import customer_summary
from crm_utils.methods.campaign_targeting import Plan, moments, past_of_customers, recheck
from crm_utils.study.scenarios import Scenarios

SHIPPED = yaml.safe_load((ROOT / "studies" / "demo_shop.scenarios.yaml").read_text(encoding="utf-8"))
DEMO = {one.id: one for one in Scenarios(**SHIPPED).scenarios}
EVENTS = {"event_id": "text", "customer_id": "text", "occurred_at": "timestamp(6)", "event": "text"}
ANSWERS = {"customer_id": "text", "kind": "text", "submitted_at": "timestamp(6)"}
PUSHED = {
    "customer_id": "text", "scenario": "text", "channel": "text", "kind": "text", "sent_at": "timestamp(6)",
    "held_out": "boolean", "clicked_at": "timestamp(6)", "failed_reason": "text",
}  # fmt: skip


def at(text: str) -> pd.Timestamp:
    return pd.Timestamp(text)


@pytest.mark.parametrize("seed", range(5))
def test_the_past_in_one_row_agrees_with_the_summary_of_customers(seed: int) -> None:
    bought = world(seed)["orders"]
    summary = customer_summary(bought, as_of=dt.date(2024, 2, 29)).execute().set_index("customer_id")
    past = past_of_customers(bought, now=NOW).execute().set_index("customer_id")
    buyers = past[past["last_at"].notna()].loc[summary.index]
    assert len(buyers) == past["last_at"].notna().sum()
    for name in ("recency_days", "rhythm_days"):
        pd.testing.assert_series_equal(buyers[name], summary[name], check_dtype=False)
    frame = bought.execute().query("amount < 0").groupby("customer_id")["ordered_at"].max()
    pd.testing.assert_series_equal(
        past["refund_at"].dropna(), frame, check_names=False, check_dtype=False, check_like=True
    )


def pushed(*rows: tuple) -> Plan:
    """A week after these pushes: customer, scenario, sent, held out, clicked, failed."""
    full = [
        (r[0], r[1], "app_push", "advertising", at(r[2]), r[3], at(r[4]) if r[4] else pd.NaT, r[5])
        for r in rows
    ]
    yes = consents(*[(who, "email", True, False, "2024-01-01") for who in sorted({r[0] for r in rows})])
    return planned(
        [DEMO["push_no_click"]],
        orders=orders(("zed", "2024-02-28", 10)),
        consents=yes,
        messages=table(full, PUSHED),
    )


def test_a_push_that_nobody_clicked_in_a_week_is_followed_by_an_e_mail() -> None:
    """Ann did not click; bob did; cat was left out; dan never got it; eve's own follow-up starts nothing."""
    plan = pushed(
        ("ann", "welcome", "2024-02-23 09:00", False, "", None),
        ("bob", "welcome", "2024-02-23 09:00", False, "2024-02-25 10:00", None),
        ("cat", "welcome", "2024-02-23 09:00", True, "", None),
        ("dan", "welcome", "2024-02-23 09:00", False, "", "no such device"),
        ("eve", "push_no_click", "2024-02-23 09:00", False, "", None),
    )
    assert set(plan.rows["customer_id"]) == {"ann"}
    assert plan.rows["due_at"].tolist() == [at("2024-03-01 09:00")]
    assert int(plan.waterfall["exit"].iloc[0]) == 1


def test_a_push_of_six_days_ago_is_not_due_and_a_later_push_starts_the_week_again() -> None:
    plan = pushed(
        ("ann", "welcome", "2024-02-24 09:00", False, "", None),
        ("bob", "welcome", "2024-02-23 09:00", False, "", None),
        ("bob", "birthday", "2024-02-27 09:00", False, "", None),
    )
    assert plan.waterfall["due"].sum() == 0


def launched(*lines: tuple) -> Plan:
    """A new coat and a new hat came out; who had bought what, and when: customer, product, moment, pieces."""
    products = table(
        [("old_coat", "coats", None), ("new_coat", "coats", dt.date(2024, 2, 29)),
         ("new_hat", "hats", dt.date(2024, 2, 28)), ("late_hat", "hats", dt.date(2024, 3, 5)),
         ("old_hat", "hats", None), ("odd", None, dt.date(2024, 2, 29))],
        {"product_id": "text", "category": "text", "launched_on": "date"},
    )  # fmt: skip
    kinds = {"order_id": "text", "customer_id": "text", "product_id": "text", "ordered_at": "timestamp(6)",
             "quantity": "float64", "amount": "float64"}  # fmt: skip
    rows = [
        (f"o{n}", who, what, at(when), pieces, 10.0 * pieces)
        for n, (who, what, when, pieces) in enumerate(lines)
    ]
    bought = orders(*[(who, when, 10 * pieces) for who, _, when, pieces in lines if who])
    yes = consents(*[(who, "email", True, False, "2024-01-01") for who in "abcdef"])
    whole = table(rows, kinds).cast({"amount": "decimal(18,2)", "quantity": "decimal(18,3)"})
    return planned([DEMO["new_product"]], orders=bought, order_lines=whole, products=products, consents=yes)


def test_a_new_product_is_told_to_who_bought_its_category() -> None:
    """Only a year back, only what was bought and not sent back, each the newest; an unnamed shelf is none."""
    plan = launched(
        ("a", "old_coat", "2023-11-01", 1), ("b", "old_hat", "2023-11-01", 1),
        ("b", "old_coat", "2023-12-01", 1), ("c", "old_hat", "2022-11-01", 1),
        ("d", "old_coat", "2023-11-01", -1), ("e", "old_hat", "2023-11-01", 1),
        (None, "old_hat", "2023-11-01", 1), ("f", "odd", "2023-11-01", 1),
    )  # fmt: skip
    items = plan.rows.set_index("customer_id")["item"].to_dict()
    assert items == {"a": "new_coat", "b": "new_coat", "e": "new_hat"}
    first = plan.rows.set_index("customer_id")["anchor_at"]
    assert first["a"] == at("2024-02-29")


@pytest.mark.parametrize(
    ("said", "due"),
    [
        ([("2022-04-01 15:00", True)], True),  # 23 months ago to the day
        ([("2022-04-05 15:00", True)], False),  # not yet
        ([("2022-02-20 15:00", True)], False),  # long ago: too late, as it expires
        ([("2022-04-01 15:00", True), ("2023-05-01", False)], False),  # withdrawn
        ([("2022-04-01 15:00", True), ("2023-05-01", True)], False),  # confirmed since
        ([("2021-01-01", False), ("2022-04-01 15:00", True)], True),
        ([("2022-04-01 15:00", True), ("2022-04-01 15:00", False)], False),  # at one instant: the no wins
    ],
)
def test_a_consent_is_confirmed_after_23_months(said: list[tuple[str, bool]], due: bool) -> None:
    rows = consents(*[("ann", "sms", yes, False, when) for when, yes in said])
    one = DEMO["reconfirm_consent"]
    assert (one.kind, one.anchor.consent) == ("informational", 23)
    plan = planned([one], orders=BOUGHT, consents=rows)
    assert plan.to_send["customer_id"].tolist() == ["ann"] * due


def test_months_are_counted_by_the_calendar() -> None:
    """23 months after 31 March 2022 is 29 February 2024, and of two channels the earlier one counts."""
    one = scenario(anchor={"consent": 23}, delay="0d", at="10:00", **{"class": "informational"})
    said = consents(
        ("ann", "sms", True, False, "2022-03-31 09:00"), ("ann", "email", True, False, "2022-05-01")
    )
    due_ones = moments(one, {"consents": said}, now=NOW, until=UNTIL)
    assert due_ones["anchor_at"].tolist() == [at("2024-02-29 09:00")]


def spared(**changed) -> dict[str, int]:
    """What becomes of ann, who ordered two days ago."""
    tables = {name: changed.pop(name) for name in ("feedback", "events", "orders", "order_status")
              if name in changed}  # fmt: skip
    tables = {"orders": BOUGHT, "consents": consents(YES)} | tables
    return stages(planned([scenario(**changed)], **tables))


def answers(*rows: tuple[str, str]) -> object:
    """Ann's: kind, moment."""
    return table([("ann", kind, at(when)) for kind, when in rows], ANSWERS)


@pytest.mark.parametrize(
    ("rows", "stage"),
    [
        ([("case", "2024-02-20")], "suppressed"),
        ([("case", "2024-01-20")], "to_send"),  # longer ago than the scenario asks about
        ([("case", "2024-02-20"), ("csat", "2024-02-25")], "to_send"),  # answered since
        ([("csat", "2024-02-10"), ("case", "2024-02-20")], "suppressed"),  # answered before
        ([("case", "2024-02-20"), ("csat", "2024-02-21"), ("case", "2024-02-25")], "suppressed"),
        ([("review", "2024-02-20")], "to_send"),
    ],
)
def test_who_has_an_open_case_is_spared(rows: list[tuple[str, str]], stage: str) -> None:
    assert spared(suppress={"open_case": "30d"}, feedback=answers(*rows)) == {stage: 1}


def test_a_case_that_was_solved_is_not_open() -> None:
    solved = {"resolved_at": "timestamp(6)"}
    for when, stage in ((pd.NaT, "suppressed"), (at("2024-02-22"), "to_send")):
        feedback = table([("ann", "case", at("2024-02-20"), when)], ANSWERS | solved)
        assert spared(suppress={"open_case": "30d"}, feedback=feedback) == {stage: 1}


@pytest.mark.parametrize(
    ("name", "when", "stage"),
    [("late_delivery", "2024-02-20", "suppressed"), ("late_delivery", "2024-02-10", "to_send"),
     ("delivered", "2024-02-20", "to_send")],
)  # fmt: skip
def test_whose_parcel_was_late_is_spared(name: str, when: str, stage: str) -> None:
    events = table([("e", "ann", at(when), name)], EVENTS)
    assert spared(suppress={"late_delivery": "14d"}, events=events) == {stage: 1}


SCORED = {"feedback_id": "string", "score": "int64", "resolved_at": "timestamp(6)"}


def scored(kind: str, score: int | None, when: str, resolved: object = pd.NaT) -> object:
    return table([("ann", kind, at(when), "f", score, resolved)], ANSWERS | SCORED)


@pytest.mark.parametrize(
    ("kind", "score", "when", "stage"),
    [
        ("nps", 6, "2024-02-20", "suppressed"),
        ("nps", 7, "2024-02-20", "to_send"),
        ("nps", 0, "2024-02-16 00:00", "suppressed"),  # the first instant of the fourteen days
        ("nps", 0, "2024-02-15 23:59", "to_send"),
        ("nps", -1, "2024-02-20", "to_send"),  # no score at all
        ("csat", 2, "2024-02-20", "suppressed"),
        ("csat", 3, "2024-02-20", "to_send"),
        ("review", 1, "2024-02-20", "suppressed"),
        ("review", 0, "2024-02-20", "to_send"),
        ("case", 1, "2024-02-20", "to_send"),
        ("csat", None, "2024-02-20", "to_send"),
    ],
)
def test_who_gave_a_low_score_is_spared(kind: str, score: int | None, when: str, stage: str) -> None:
    assert spared(suppress=["low_score_14d"], feedback=scored(kind, score, when)) == {stage: 1}


def test_a_low_score_that_was_dealt_with_spares_nobody() -> None:
    feedback = scored("nps", 2, "2024-02-20", at("2024-02-22"))
    assert spared(suppress=["low_score"], feedback=feedback) == {"to_send": 1}


def test_those_whom_a_person_should_call_are_those_who_are_spared() -> None:
    """The list of page 09 and the fourteen days of a scenario, over many answers."""
    from crm_utils.methods.feedback import closed_loop

    rng = np.random.default_rng(17)
    rows = [
        (f"c{n}", str(rng.choice(["nps", "csat", "review", "case"])),
         NOW - dt.timedelta(minutes=int(rng.integers(1, 30 * 1440))), f"f{n}", int(rng.integers(0, 11)),
         NOW - dt.timedelta(minutes=1) if rng.random() < 0.2 else pd.NaT, None)
        for n in range(400)
    ]  # fmt: skip
    feedback = table(rows, ANSWERS | SCORED | {"order_id": "string"})
    day = NOW.date() - dt.timedelta(days=1)
    called = closed_loop(feedback, as_of=day, days=14, reply_days=2).execute()
    pairs = [(f"c{n}", "2024-02-28 12:00", 10) for n in range(400)]
    agreed = consents(*[(who, *YES[1:]) for who, *_ in pairs])
    plan = planned(
        [scenario(suppress=["low_score"])], orders=orders(*pairs), consents=agreed, feedback=feedback
    )
    assert 20 < len(called) < 380
    assert set(plan.rows["customer_id"]) == {who for who, *_ in pairs} - set(called["customer_id"])


STATES = {"order_id": "string", "status": "string", "occurred_at": "timestamp(6)"}


@pytest.mark.parametrize(
    ("states", "stage"),
    [
        ([("paid", "2024-02-15"), ("delivered", "2024-02-20")], "suppressed"),  # five days
        ([("paid", "2024-02-16 23:00"), ("delivered", "2024-02-20 01:00")], "to_send"),  # four
        ([("paid", "2024-02-01"), ("delivered", "2024-02-10")], "to_send"),  # long ago
        ([("paid", "2024-02-01"), ("shipped", "2024-02-02")], "suppressed"),  # on its way until now
        ([("paid", "2024-02-27"), ("shipped", "2024-02-28")], "to_send"),
        ([("paid", "2024-02-01"), ("shipped", "2024-02-02"), ("returned", "2024-02-20")], "to_send"),
        ([("paid", "2024-02-01")], "to_send"),  # bought in a store
    ],
)
def test_whose_parcel_came_late_by_its_states_is_spared(states: list[tuple[str, str]], stage: str) -> None:
    """The table of states decides where there is one, whatever events say."""
    (order_id,) = BOUGHT.filter(BOUGHT.customer_id == "ann").order_id.execute()
    status = table([(order_id, name, at(when)) for name, when in states], STATES)
    events = table([("e", "ann", at("2024-02-25"), "late_delivery")], EVENTS)
    for more in ({}, {"events": events}):
        assert spared(suppress={"late_delivery": "14d"}, order_status=status, **more) == {stage: 1}


@pytest.mark.parametrize(
    ("back", "stage"), [("2024-02-16 00:00", "suppressed"), ("2024-02-15 23:59", "to_send")]
)
def test_who_sent_something_back_in_fourteen_days_is_spared(back: str, stage: str) -> None:
    sent_back = orders(("ann", "2024-02-28 12:00", 10), ("ann", back, -5))
    assert spared(suppress=["refund_14d"], orders=sent_back) == {stage: 1}


@pytest.mark.parametrize(("days", "stage"), [("3d", "suppressed"), ("1d", "to_send")])
def test_who_just_bought_is_spared(days: str, stage: str) -> None:
    assert spared(suppress={"order": days}) == {stage: 1}


def test_a_list_of_names_says_how_long_each_holds() -> None:
    short = scenario(
        suppress=["open_case", "low_score_7d", "late_delivery", "refund_14d", "just_bought"]
    ).suppress
    days = {name: span.days for name, span in short.items()}
    assert days == {"open_case": 30, "low_score": 7, "late_delivery": 14, "refund": 14, "order": 3}
    assert scenario(suppress=["low_score"]).suppress["low_score"].days == 14


@pytest.mark.parametrize("written", [{"opencase": "30d"}, ["opencase"]])
def test_an_unknown_reason_to_spare_is_refused_with_the_known_ones(written: object) -> None:
    said = "Did you mean 'open_case'\\? There are: late_delivery, low_score, open_case, order, refund."
    with pytest.raises(ValueError, match=f"customers cannot be spared by 'opencase'. {said}"):
        scenario(suppress=written)


def test_what_these_data_do_not_tell_is_said() -> None:
    one = scenario(suppress=["open_case", "late_delivery", "low_score", "refund_14d"])
    plan = planned([one], orders=BOUGHT, consents=consents(YES))
    assert plan.not_looked_at == ("late_delivery", "low_score", "open_case")
    events = table([("e", "ann", at("2024-01-01"), "visit")], EVENTS)
    both = planned(
        [one], orders=BOUGHT, consents=consents(YES), events=events, feedback=scored("nps", 9, "2024-01-01")
    )
    assert both.not_looked_at == ()


def test_a_case_opened_since_the_plan_stops_the_message() -> None:
    one = scenario(suppress={"open_case": "30d"})
    plan = planned([one], orders=BOUGHT, consents=consents(YES))
    newest = {"orders": BOUGHT, "consents": consents(YES), "feedback": answers(("case", "2024-03-01 08:00"))}
    assert recheck(plan.rows, {"s": one}, newest, RULES, now=UNTIL).tolist() == ["suppressed"]


def test_what_was_handed_over_already_is_found_among_messages() -> None:
    sent = messages(("ann", "s", "advertising", "2024-02-29", False))
    assert stages(planned([scenario()], orders=BOUGHT, consents=consents(YES), messages=sent)) == {"again": 1}
