"""Other ways of choosing, and what each breaks: counted a second time, message by message."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest
from campaign_world import (
    BOUGHT,
    NOW,
    RULES,
    SCENARIOS,
    consents,
    messages,
    orders,
    planned,
    pool,
    scenario,
    table,
    world,
)

from crm_utils.methods.campaign_targeting import (
    WAYS,
    Candidates,
    Scenario,
    best_tenth,
    broken_rules,
    other_ways,
    outside_rules,
)

NOTHING = pd.DataFrame({"scenario": pd.Series(dtype="str"), "effect": [], "low": [], "high": []})
SEEN = pd.DataFrame({"scenario": ["a"], "effect": [3.0], "low": [1.0], "high": [5.0]})


def one_by_one(rows: pd.DataFrame, scenarios: list[Scenario], known: Candidates) -> dict[str, int]:
    """Each message by itself: its last word on consent, the clock, and all others of its customer."""
    kinds = {one.id: one.kind for one in scenarios}
    said = known.consents.set_index(["customer_id", "channel"])
    stage = known.rows.set_index(["scenario", "customer_id"])["stage"]
    counts = dict.fromkeys(["done_already", "no_consent", "out_of_reach", "closed_hours", "over_caps"], 0)
    lost = set(known.lost.itertuples(index=False, name=None))
    advertising = rows[rows["scenario"].map(kinds) == "advertising"]
    for row in rows.to_dict("records"):
        counts["done_already"] += stage[row["scenario"], row["customer_id"]] != ""
        counts["out_of_reach"] += (row["customer_id"], row["channel"]) in lost
    for row in advertising.to_dict("records"):
        key = (row["customer_id"], row["channel"])
        yes = bool(said.loc[key, "advertising"]) if key in said.index else row["channel"] == "mail"
        night = key in said.index and bool(said.loc[key, "night"])
        counts["no_consent"] += not yes
        clock = row["send_at"].time()
        closed = clock >= dt.time(21) or clock < dt.time(8)
        counts["closed_hours"] += closed and not night and row["channel"] != "email"
        mine = advertising.loc[advertising["customer_id"] == row["customer_id"], "send_at"].tolist()
        heard = known.heard.loc[known.heard["customer_id"] == row["customer_id"], "send_at"].tolist()
        before = sorted([*heard, *[t for t in mine if t < row["send_at"]]])
        counts["over_caps"] += any(
            len([t for t in before if row["send_at"] - t < pd.Timedelta(hours=cap.hours)]) >= cap.messages
            for cap in RULES.caps
        )
    return counts


@pytest.mark.parametrize("seed", range(12))
def test_what_each_way_breaks_is_what_brute_force_counts(seed: int) -> None:
    tables = world(seed)
    known, plan = pool(SCENARIOS, **tables), planned(SCENARIOS, **tables)
    ids = set(known.rows["customer_id"].iloc[::2])
    ways = other_ways(plan, known, SCENARIOS, RULES, best=ids, effects=NOTHING).set_index("way")
    assert tuple(ways.index) == WAYS
    everybody = known.rows.assign(
        channel=known.rows["scenario"].map({one.id: one.channels[0] for one in SCENARIOS}),
        send_at=known.rows["due_at"].clip(lower=pd.Timestamp(NOW)),
    )
    if not everybody.duplicated(["customer_id", "send_at"]).any():
        assert broken_rules(everybody, SCENARIOS, RULES, known) == one_by_one(everybody, SCENARIOS, known)
    assert ways.loc["everybody", "messages"] == len(everybody)
    for lawful in ("plan", "newest_first", "no_priority", "best_tenth"):
        assert ways.loc[lawful, ["done_already", "no_consent", "closed_hours", "over_caps"]].sum() == 0
    assert ways.loc["calendar_caps", ["done_already", "no_consent", "closed_hours"]].sum() == 0
    assert ways.loc["best_tenth", "messages"] == plan.rows["customer_id"].isin(ids).sum()


def test_caps_by_calendar_day_are_broken_around_midnight() -> None:
    """Heard of us at 13:00 yesterday, and again at noon today: another day, but not 24 hours."""
    yes = consents(("ann", "sms", True, False, "2024-01-01"))
    heard = messages(("ann", "x", "advertising", "2024-02-29 13:00", False))
    tables = {"orders": BOUGHT, "consents": yes, "messages": heard}
    chosen = [scenario()]
    ways = other_ways(
        planned(chosen, **tables), pool(chosen, **tables), chosen, RULES, best=None, effects=NOTHING
    ).set_index("way")
    assert ways.loc["plan", "messages"] == 0
    assert ways.loc["calendar_caps", ["messages", "over_caps"]].tolist() == [1, 1]


def test_newest_first_and_no_priority_choose_another_message() -> None:
    """One a day: by priority the first order's hint, by age or clock the other."""
    yes = consents(("ann", "sms", True, False, "2024-01-01"))
    bought = orders(("ann", "2024-02-20 15:00", 10), ("ann", "2024-02-28 12:00", 10))
    chosen = [
        scenario("hint", anchor={"order": "first"}, delay="10d", priority=1),  # due 2024-03-01 15:00
        scenario("thanks", anchor={"order": "last"}, delay="2d", priority=2),  # due 2024-03-01 12:00
    ]
    tables = {"orders": bought, "consents": yes}
    effects = pd.DataFrame(
        {"scenario": ["hint", "thanks"], "effect": [7.0, 4.0], "low": [6.0, 3.0], "high": [8.0, 5.0]}
    )
    plan = planned(chosen, **tables)
    ways = other_ways(plan, pool(chosen, **tables), chosen, RULES, best={"ann"}, effects=effects).set_index(
        "way"
    )
    assert ways["messages"].to_dict() == {
        "plan": 1, "everybody": 2, "newest_first": 1, "calendar_caps": 1, "no_priority": 1, "best_tenth": 1
    }  # fmt: skip
    expected = {
        "plan": 7.0,
        "everybody": 11.0,
        "newest_first": 4.0,
        "calendar_caps": 7.0,
        "no_priority": 4.0,
        "best_tenth": 7.0,
    }
    assert ways["expected"].to_dict() == expected
    assert ways.loc["everybody", ["low", "high", "over_caps"]].tolist() == [9.0, 13.0, 1]


def test_without_a_verified_effect_no_money_is_compared() -> None:
    tables = world(3)
    plan, known = planned(SCENARIOS, **tables), pool(SCENARIOS, **tables)
    assert other_ways(plan, known, SCENARIOS, RULES, best=None, effects=NOTHING)["expected"].isna().all()
    some = other_ways(plan, known, SCENARIOS, RULES, best=None, effects=SEEN)
    counts = plan.rows["scenario"].value_counts()
    assert some.set_index("way").loc["plan", "verified"] == counts.get("a", 0)


def test_the_second_look_sees_a_message_that_is_moved_into_the_night_or_to_another_channel() -> None:
    yes = consents(("ann", "sms", True, False, "2024-01-01"))
    tables = {"orders": BOUGHT, "consents": yes}
    plan, known = planned([scenario()], **tables), pool([scenario()], **tables)
    assert outside_rules(plan, [scenario()], RULES, known) == 0
    for column, value, what in (
        ("send_at", pd.Timestamp("2024-03-01 22:00"), "closed_hours"), ("channel", "email", "no_consent"),
        ("channel", "alimtalk", "no_consent"),
    ):  # fmt: skip
        rows = plan.rows.assign(**{column: value})
        assert broken_rules(rows, [scenario()], RULES, known)[what] == 1


def test_the_best_tenth_is_of_all_customers_and_takes_equals_in() -> None:
    """Of twenty customers one has 15 points, three have 14: the best tenth is all four of them."""
    points = [5] + [4] * 3 + [2] * 16
    kinds = {"customer_id": "text", "r": "int64", "f": "int64", "m": "int64"}
    scored = table([(f"c{n}", 5, 5, p) for n, p in enumerate(points)], kinds)
    bought = orders(*[(f"c{n}", "2024-02-28 12:00", 10) for n in (0, 2, 3, 9)])
    known = pool([scenario()], orders=bought)
    assert best_tenth(scored, known) == {"c0", "c2", "c3"}
    assert best_tenth(None, known) is None
