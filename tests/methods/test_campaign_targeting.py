"""One list: lawful, capped, counted, whatever the order of rows. Brute force and random small worlds."""

from __future__ import annotations

import datetime as dt
import itertools
import math

import ibis
import numpy as np
import pandas as pd
import pytest
from campaign_world import (
    BOUGHT,
    NOW,
    RULES,
    SCENARIOS,
    UNTIL,
    YES,
    consents,
    messages,
    orders,
    planned,
    pool,
    scenario,
    stages,
    table,
    world,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_utils.features import at_random, customer_summary, held_out
from crm_utils.methods.campaign_targeting import (
    STAGES,
    Cap,
    Rules,
    arbitrate,
    days_until_judged,
    everybody_listed,
    latest_consents,
    make_plan,
    moments,
    outside_rules,
)
from crm_utils.methods.campaign_targeting.reach import open_from


def test_who_was_held_out_of_a_list_is_held_out_of_its_message_and_remembered() -> None:
    """The list names ann; bob was held out of it at random. The plan writes to ann and writes bob down."""
    text = {"customer_id": "text"}
    contacts = table([("ann",)], text)
    scores = table([("ann", False), ("bob", True), ("cat", False)], text | {"held_out": "boolean"})
    yes = consents(YES, ("bob", *YES[1:]), ("cat", *YES[1:]))
    plan = planned(
        [scenario(anchor={"list": "churn_contacts"}, at="10:00", delay="0d")],
        orders=BOUGHT, consents=yes, churn_contacts=everybody_listed(contacts, scores),
    )  # fmt: skip
    rows = plan.rows.sort_values("customer_id")[["customer_id", "holdout"]].to_numpy().tolist()
    assert rows == [["ann", False], ["bob", True]]
    assert everybody_listed(None, scores) is None
    assert everybody_listed(contacts, None).to_pyarrow().num_rows == 1


def test_a_list_of_a_quarters_last_day_keeps_its_draw() -> None:
    """Drawn on the last of March, sent on the first of April: the plan's own draw leaves out nobody else."""
    ids, now = [f"c{k}" for k in range(400)], dt.datetime(2024, 4, 1)
    drawn = {"study": "shop", "scenario": "s", "share": 0.2}
    out = held_out(np.array(ids, dtype=object), period="2024Q1", **drawn)
    scores = table(list(zip(ids, out.tolist(), strict=True)), {"customer_id": "text", "held_out": "boolean"})
    contacts = table([(k,) for k, o in zip(ids, out, strict=True) if not o], {"customer_id": "text"})
    listed = scenario(anchor={"list": "l"}, at="10:00", delay="0d", channels=["mail"], holdout={"share": 0.2})
    tables = {"orders": BOUGHT, "l": everybody_listed(contacts, scores)}
    plan = make_plan([listed], tables, RULES, study="shop", now=now, until=now + dt.timedelta(days=1))
    assert len(plan.rows) == 400
    left_out = set(plan.rows.loc[plan.rows["holdout"], "customer_id"])
    assert left_out == {k for k, o in zip(ids, out, strict=True) if o}


def test_a_moment_is_sent_when_it_is_due() -> None:
    plan = planned([scenario()], orders=BOUGHT, consents=consents(YES))
    assert plan.to_send[["customer_id", "channel"]].to_numpy().tolist() == [["ann", "sms"]]
    assert plan.to_send["send_at"].iloc[0] == pd.Timestamp("2024-03-01 12:00")
    assert plan.to_send["cost"].iloc[0] == 12


@pytest.mark.parametrize(
    ("changed", "tables", "stage"),
    [
        ({"exit": ["order"], "anchor": {"order": "first"}}, {"orders": orders(("ann", "2024-02-28", 10),
        ("ann", "2024-02-29", 5))}, "exit"), ({"suppress": {"refund": "14d"}}, {"orders": orders(("ann",
        "2024-02-28 12:00", 10), ("ann", "2024-02-20", -5))}, "suppressed"), ({}, {"messages":
        messages(("ann", "s", "advertising", "2024-02-28 20:00", False))}, "again"), ({}, {"consents":
        consents()}, "no_consent"), ({}, {"consents": consents(YES, ("ann", "sms", False, False,
        "2024-02-29"))}, "no_consent"), ({"delay": "57h", "closed": "skip"}, {}, "closed_hours"), ({},
        {"messages": messages(("ann", "other", "advertising", "2024-02-29 12:01", False))}, "capped"),
        ({"holdout": {"share": 1.0}}, {}, "held_out"), ({"class": "informational", "channels": ["alimtalk"],
        "holdout": {"share": 1.0}}, {"consents": consents()}, "to_send"), ({}, {"messages": messages(("ann",
        "other", "advertising", "2024-02-29 12:00", False))}, "to_send"), ({}, {"messages": messages(("ann",
        "other", "advertising", "2024-02-29 12:01", True))}, "to_send"),
    ],
)  # fmt: skip
def test_every_reason_is_counted_under_its_name(changed: dict, tables: dict, stage: str) -> None:
    given = {"orders": BOUGHT, "consents": consents(YES)} | tables
    assert stages(planned([scenario(**changed)], **given)) == {stage: 1}


def test_a_withdrawal_at_the_same_instant_wins_and_a_later_change_counts_for_nothing() -> None:
    said = consents(
        YES,
        ("ann", "sms", False, False, "2024-01-01"),
        ("bob", "sms", True, False, "2024-02-01"),
        ("bob", "sms", False, False, "2024-03-01"),
    )
    now = latest_consents(said, now=NOW).execute().set_index("customer_id")["advertising"]
    assert now.to_dict() == {"ann": False, "bob": True}


@pytest.mark.parametrize(
    ("due", "night", "sent"),
    [("20:59:59", False, "2024-03-01 20:59:59"), ("21:00:00", False, "2024-03-02 08:00:00"), ("07:59:59",
    False, "2024-03-01 08:00:00"),
     ("08:00:00", False, "2024-03-01 08:00:00"), ("23:00:00", True, "2024-03-01 23:00:00")],
)  # fmt: skip
def test_closed_hours_to_the_second(due: str, night: bool, sent: str) -> None:
    wanted = pd.Series([pd.Timestamp(f"2024-03-01 {due}")])
    assert open_from(wanted, pd.Series([night]), RULES, "sms").tolist() == [pd.Timestamp(sent)]
    assert open_from(wanted, pd.Series([night]), RULES, "email").tolist() == wanted.tolist()


@pytest.mark.parametrize(
    ("due", "night", "sent"),
    [("20:49:59", False, "2024-03-01 20:49:59"), ("20:50:00", False, "2024-03-02 08:00:00"),
     ("20:50:00", True, "2024-03-02 08:00:00"), ("07:59:59", True, "2024-03-01 08:00:00"),
     ("08:00:00", False, "2024-03-01 08:00:00"), ("00:00:00", True, "2024-03-01 08:00:00")],
)  # fmt: skip
def test_a_channels_own_hours_hold_beside_the_countrys_also_with_night_consent(
    due: str, night: bool, sent: str
) -> None:
    own = RULES.model_dump(by_alias=True)
    own["channels"]["brand_message"] = {"closed": {"from": "20:50", "to": "08:00"}}
    rules = Rules(**own)
    wanted = pd.Series([pd.Timestamp(f"2024-03-01 {due}")])
    assert open_from(wanted, pd.Series([night]), rules, "brand_message").tolist() == [pd.Timestamp(sent)]


def test_a_list_brings_its_item_and_its_own_draw() -> None:
    """Of two offers to ann the first of the first task counts; bob was held out by the list's notebook."""
    kinds = {"customer_id": "text", "task": "text", "rank": "int64", "item": "text", "holdout": "boolean"}
    offers = [
        ("ann", "new", 1, "hat", False), ("ann", "new", 2, "cap", False), ("ann", "again", 1, "tie", False),
        ("bob", "new", 1, "hat", True),
    ]  # fmt: skip
    listed = everybody_listed(table(offers, kinds))
    plan = planned(
        [scenario(anchor={"list": "l"}, at="10:00", delay="0d")],
        orders=BOUGHT, consents=consents(YES, ("bob", *YES[1:])), l=listed,
    )  # fmt: skip
    rows = plan.rows.set_index("customer_id")
    assert rows["item"].to_dict() == {"ann": "tie", "bob": "hat"}
    assert rows["holdout"].to_dict() == {"ann": False, "bob": True}
    assert rows["propensity"].isna().all()
    assert rows["message_id"].is_unique


def test_a_birthday_on_29_february_is_kept_on_the_28th_in_other_years() -> None:
    people = table(
        [("ann", "02-29"), ("bob", "03-08"), ("cat", "07-01")], {"customer_id": "text", "birthday": "text"}
    )
    greet = scenario(anchor={"birthday": True}, delay="-7d", at="10:00")
    days = {}
    for year in (2023, 2024):
        now = dt.datetime(year, 2, 21)
        due = moments(greet, {"customers": people}, now=now, until=now + dt.timedelta(days=10)).set_index(
            "customer_id"
        )
        days[year] = due["due_at"].dt.strftime("%m-%d %H:%M").to_dict()
    assert days == {
        2023: {"ann": "02-21 10:00", "bob": "03-01 10:00"},
        2024: {"ann": "02-22 10:00", "bob": "03-01 10:00"},
    }


def test_a_silence_is_counted_in_the_customers_own_rhythm() -> None:
    """Bob came monthly, and is due at twice that; Ann came every third day and is quiet for a month only."""
    rows = [("bob", f"2023-{m:02}-15", 5) for m in range(1, 13)]
    rows += [("ann", f"2024-01-{d:02}", 5) for d in range(1, 32, 3)]
    back = scenario(anchor={"silence": 2, "least": "10d"}, delay="0d", at="10:00", expires="400d")
    due = moments(back, {"orders": orders(*rows)}, now=NOW, until=UNTIL).set_index("customer_id")["due_at"]
    summary = customer_summary(orders(*rows), as_of=dt.date(2024, 2, 29)).execute().set_index("customer_id")
    days = {who: math.ceil(2 * summary.loc[who, "rhythm_days"]) for who in ("ann", "bob")}
    assert due["bob"] == pd.Timestamp("2023-12-15 10:00") + pd.Timedelta(days=days["bob"])
    assert days["ann"] > 30  # shrunk towards everybody's, as two customers say little
    assert "ann" not in due


def test_a_night_that_was_missed_loses_nobody_and_an_expired_moment_is_gone() -> None:
    missed = planned([scenario()], orders=orders(("ann", "2024-02-25 12:00", 10)), consents=consents(YES))
    assert missed.to_send["send_at"].iloc[0] == pd.Timestamp("2024-03-01 08:00")  # it opens then
    gone = planned(
        [scenario(expires="12h")], orders=orders(("ann", "2024-02-25 12:00", 10)), consents=consents(YES)
    )
    assert gone.waterfall["due"].sum() == 0


def test_what_is_missing_is_said_and_the_rest_goes_on() -> None:
    cart = scenario("cart", anchor={"event": "cart"})
    listed = scenario("listed", anchor={"list": "no_list"}, at="10:00")
    plan = planned([cart, listed, scenario()], orders=BOUGHT, consents=consents(YES))
    assert plan.left_out.to_dict("records") == [
        {"scenario": "cart", "missing": "events"},
        {"scenario": "listed", "missing": "no_list"},
    ]
    assert len(plan.to_send) == 1


def fits(times: list[float], caps: list[Cap]) -> bool:
    """By the definition: no window of so many hours, open at its end, holds more than the cap allows."""
    return all(
        sum(start <= t < start + cap.hours for t in times) <= cap.messages for cap in caps for start in times
    )


CAPS = [Cap(messages=1, hours=24), Cap(messages=2, hours=72)]
TIMES = st.lists(st.integers(0, 200), max_size=3)


WANTED = st.lists(st.tuples(st.integers(0, 200), st.integers(1, 3)), min_size=1, max_size=5)
Wanted = list[tuple[int, int]]


def one_by_one(past: list[int], wanted: Wanted) -> list[int]:
    """Each candidate in the order of its priority, kept when every window still holds."""
    kept: list[int] = []
    for k in sorted(range(len(wanted)), key=lambda k: (wanted[k][1], wanted[k][0], k)):
        if fits([*past, *(wanted[i][0] for i in kept), wanted[k][0]], CAPS):
            kept.append(k)
    return sorted(kept)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(TIMES, WANTED), min_size=3, max_size=6))
def test_caps_agree_with_brute_force(people: list[tuple[list[int], Wanted]]) -> None:
    """Of several customers at once: no one's past or wishes change another's."""
    start, hour = pd.Timestamp("2024-01-01"), pd.Timedelta(hours=1)
    people = [([t for k, t in enumerate(past) if fits([*past[:k], t], CAPS)], w) for past, w in people]
    rows = [
        (f"c{n}", start + h * hour, p, f"s{k}")
        for n, (_, w) in enumerate(people)
        for k, (h, p) in enumerate(w)
    ]
    columns = ["customer_id", "send_at", "priority", "scenario"]
    candidates = pd.DataFrame(rows, columns=columns).assign(capped=True)
    heard = [(f"c{n}", start + h * hour) for n, (past, _) in enumerate(people) for h in past]
    sent = pd.DataFrame(heard, columns=columns[:2]).astype({"send_at": "datetime64[us]"})
    accepted = arbitrate(candidates, sent, CAPS)
    for n, (past, wanted) in enumerate(people):
        mine = accepted[candidates["customer_id"] == f"c{n}"].reset_index(drop=True)
        assert sorted(mine.index[mine]) == one_by_one(past, wanted)


@pytest.mark.parametrize("seed", range(25))
def test_random_small_worlds_keep_every_rule(seed: int) -> None:
    tables = world(seed)
    plan = planned(SCENARIOS, **tables)
    assert (plan.waterfall["due"] == plan.waterfall[list(STAGES)].sum(axis=1)).all()
    assert outside_rules(plan, SCENARIOS, RULES, pool(SCENARIOS, **tables)) == 0
    said = latest_consents(tables["consents"], now=NOW).execute().set_index(["customer_id", "channel"])
    changes = tables["reach"].execute().sort_values(["changed_at", "reachable"], ascending=[True, False])
    last = changes.groupby(["customer_id", "channel"])["reachable"].last()
    lost = set(last.index[~last.astype(bool)])
    for row in plan.to_send.to_dict("records"):
        yes = said.loc[(row["customer_id"], row["channel"])]
        assert yes["advertising"]
        assert (row["customer_id"], row["channel"]) not in lost
        assert NOW <= row["send_at"] < UNTIL
        at = row["send_at"].time()
        night = at >= dt.time(21) or at < dt.time(8)
        assert not night or row["channel"] == "email" or yes["night"]
    before = tables["messages"].filter(~ibis._.held_out).execute()
    for who, mine in plan.to_send.groupby("customer_id"):
        times = [*before.loc[before["customer_id"] == who, "sent_at"], *mine["send_at"]]
        new = set(mine["send_at"])
        hours = sorted((t - pd.Timestamp("2024-01-01")) / pd.Timedelta(hours=1) for t in times)
        for cap in RULES.caps:
            for t in new:
                h = (t - pd.Timestamp("2024-01-01")) / pd.Timedelta(hours=1)
                windows = [
                    [x for x in hours if s <= x < s + cap.hours] for s in hours if s <= h < s + cap.hours
                ]
                assert all(len(w) <= cap.messages for w in windows)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_order_of_rows_and_a_future_event_change_nothing(seed: int) -> None:
    tables = world(seed)
    plain = planned(SCENARIOS, **tables).rows
    shuffled = {
        k: ibis.memtable(t.execute().sample(frac=1, random_state=seed), schema=t.schema())
        for k, t in tables.items()
    }
    pd.testing.assert_frame_equal(planned(SCENARIOS, **shuffled).rows, plain)
    later = consents(("c1", "sms", False, False, "2024-03-01 00:00"), ("c2", "sms", True, True, "2024-06-01"))
    with_later = tables | {"consents": tables["consents"].union(later)}
    pd.testing.assert_frame_equal(planned(SCENARIOS, **with_later).rows, plain)


@pytest.mark.parametrize("seed", [4, 5, 6, 7])
def test_one_more_withdrawal_never_adds_a_message(seed: int) -> None:
    tables = world(seed)
    one = SCENARIOS[:1]
    plain = planned(one, **tables).to_send
    for who in sorted(set(plain["customer_id"])):
        gone = consents(
            (who, "sms", False, False, "2024-02-29 23:00"), (who, "email", False, False, "2024-02-29 23:00")
        )
        less = planned(one, **tables | {"consents": tables["consents"].union(gone)}).to_send
        assert set(less["customer_id"]) == set(plain["customer_id"]) - {who}


def test_who_is_held_out_stays_so_whoever_else_is_there() -> None:
    names = [f"c{n}" for n in range(400)]
    bought = [(name, "2024-02-28 12:00", 10) for name in names]
    said = consents(*[(name, "sms", True, False, "2024-01-01") for name in names])
    half = [scenario(holdout={"share": 0.5})]
    one = planned(half, orders=orders(*bought), consents=said).rows.set_index("customer_id")["holdout"]
    two = planned(half, orders=orders(*bought[::2]), consents=said).rows.set_index("customer_id")["holdout"]
    assert (one[two.index] == two).all()
    assert abs(one.mean() - 0.51) < 3 * (0.25 / 400) ** 0.5  # half, and the universal group
    assert 0.2 < at_random(np.array(names), seed=1).mean() < 0.8


def test_an_a_a_scenario_rejects_at_the_nominal_rate() -> None:
    """Outcomes that no message moves: held out against sent differ as often as chance says."""
    rejected, runs = 0, 300
    names = np.array([f"c{n}" for n in range(600)])
    from crm_utils.features import held_out

    for run in range(runs):
        out = held_out(names, study="shop", period=f"{run}", scenario="s", share=0.5)
        y = np.random.default_rng(run).random(600) < 0.2
        a, b = y[out], y[~out]
        error = (y.mean() * (1 - y.mean()) * (1 / len(a) + 1 / len(b))) ** 0.5
        rejected += abs(a.mean() - b.mean()) > 1.96 * error
    assert abs(rejected / runs - 0.05) < 3 * (0.05 * 0.95 / runs) ** 0.5


def test_the_days_until_a_verdict_follow_the_sample_size() -> None:
    """20 to 25 %, power 80 %: 1,092 an arm by the unpooled formula; half held out: twice as many in all."""
    days = days_until_judged(100, base=0.2, effect=0.05, share=0.5)
    assert days == pytest.approx(2 * 1091.9 / 100, rel=0.005)
    assert days_until_judged(100, base=0.2, effect=0.05, share=0.1) == pytest.approx(
        days * 0.25 / 0.09, rel=1e-9
    )
    assert days_until_judged(0, base=0.2, effect=0.05, share=0.5) == float("inf")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"anchor": {"joined": True}}, r'starts from a day: say at what time \(at: "10:00"\)'),
        ({"anchor": {"order": "first", "joined": True}}, "an anchor is one of"),
        ({"delay": "soon"}, "not a span of time"),
        ({"at": "10"}, 'write it in quotes: "08:00"'),
        ({"holdout": {"share": 1.5}}, "less than or equal to 1"),
    ],
)
def test_a_scenario_that_makes_no_sense_is_refused(changed: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        scenario(**changed)


def test_all_subsets_of_channels_give_the_best_one_that_may_be_used() -> None:
    names = ["sms", "email", "mail"]
    for allowed in itertools.chain.from_iterable(itertools.combinations(names[:2], n) for n in range(3)):
        said = consents(*[("ann", name, name in allowed, False, "2024-01-01") for name in names[:2]])
        plan = planned([scenario(channels=names)], orders=BOUGHT, consents=said)
        best = next((n for n in names if n in allowed), "mail")  # mail may be sent until somebody objects
        assert plan.to_send["channel"].tolist() == [best]
