"""Who is left out: more before the verdict, fewer after it, never another once it is written."""

from __future__ import annotations

import pandas as pd
import pytest
from campaign_world import BOUGHT, NOW, RULES, UNTIL, consents, messages, orders, planned, scenario

from crm_utils.methods.campaign_targeting import arbitrate, judged
from crm_utils.methods.campaign_targeting.candidates import find_candidates
from crm_utils.methods.campaign_targeting.plan import plan_of

NAMES = [f"c{n}" for n in range(1500)]
WORLD = {
    "orders": orders(*[(name, "2024-02-28 12:00", 10) for name in NAMES]),
    "consents": consents(*[(name, "sms", True, False, "2024-01-01") for name in NAMES]),
}
FALLS = {"share": 0.5, "until": "verdict", "then": 0.1}


def left_out(holdout: dict, *, verdict: bool, **more) -> pd.Series:
    one = scenario(holdout=holdout)
    rows = planned([one], judged=("s",) if verdict else (), **WORLD | more).rows
    return rows.set_index("customer_id")["holdout"]


def test_after_the_verdict_fewer_are_left_out_and_the_list_says_so() -> None:
    before, after = left_out(FALLS, verdict=False), left_out(FALLS, verdict=True)
    for share, out in ((0.5, before), (0.1, after)):
        expected = 1 - 0.98 * (1 - share)
        assert abs(out.mean() - expected) < 3 * (0.25 / len(NAMES)) ** 0.5
    assert before[after[after].index].all()  # those of the smaller share are of the larger one
    chances = [
        planned([scenario(holdout=FALLS)], judged=who, **WORLD).rows["propensity"].iloc[0]
        for who in ((), ("s",))
    ]
    assert chances == pytest.approx([0.98 * 0.5, 0.98 * 0.9])


def test_without_until_the_share_stays_after_the_verdict() -> None:
    plain = {"share": 0.5}
    assert left_out(plain, verdict=True).equals(left_out(plain, verdict=False))


def test_who_was_drawn_stays_so_when_the_share_falls() -> None:
    """Forty were left out this quarter, and would be written to by the smaller share; so would forty sent."""
    before, after = left_out(FALLS, verdict=False), left_out(FALLS, verdict=True)
    moved = sorted(before[before & ~after].index)[:40]
    kept = sorted(before[~before].index)[:40]
    written = [(who, "s", "advertising", "2024-01-15", True) for who in moved]
    written += [(who, "s", "advertising", "2024-01-15", False) for who in kept]
    now = left_out(FALLS, verdict=True, messages=messages(*written))
    assert now[moved].all()
    assert not now[kept].any()
    others = now.index.difference([*moved, *kept])
    assert now[others].equals(after[others])


def test_what_was_written_in_the_last_quarter_binds_nobody() -> None:
    after = left_out(FALLS, verdict=True)
    kept = sorted(after[~after].index)[:40]
    old = messages(*[(who, "s", "advertising", "2023-12-31 23:59", True) for who in kept])
    assert not left_out(FALLS, verdict=True, messages=old)[kept].any()


def test_a_verdict_is_a_decision_that_more_data_are_not_needed_for() -> None:
    from crm_utils import engine

    decisions = ["send", "trim", "stop", "test", "wait"]
    results = pd.DataFrame({"scenario": [f"s_{name}" for name in decisions], "decision": decisions})
    con = engine.connect()
    assert judged(con.create_table("r", results)) == {"s_send", "s_trim", "s_stop"}
    assert judged(None) == set()


def two(slot: str) -> pd.DataFrame:
    """Two messages for everybody at one hour, under a cap of one a day; half of the first are left out."""
    first = scenario("first", priority=1, holdout={"share": 0.5, "slot": slot})
    second = scenario("second", priority=2)
    rows = planned([first, second], **WORLD).rows
    return rows.pivot_table(index="customer_id", columns="scenario", values="holdout", aggfunc="first")


def test_a_kept_slot_is_compared_with_silence_and_a_given_one_with_the_next_message() -> None:
    kept, given = two("kept"), two("given")
    assert kept["first"].astype(bool).equals(given["first"].astype(bool))
    assert "second" not in kept.columns
    out = given["first"].astype(bool)
    assert given.loc[out, "second"].notna().all()
    assert given.loc[~out, "second"].isna().all()
    sent = given["second"].dropna()
    assert abs(sent.mean() - 0.02 / 0.51) < 0.05  # of these, the universal group is left out again


@pytest.mark.parametrize("slot", ["kept", "given"])
def test_a_given_slot_breaks_no_cap(slot: str) -> None:
    names = {"first": 0.5, "second": 0.5, "third": 0.5}
    chosen = [
        scenario(n, priority=k, holdout={"share": s, "slot": slot}) for k, (n, s) in enumerate(names.items())
    ]
    pool = find_candidates(chosen, WORLD, RULES, now=NOW, until=UNTIL)
    rows = plan_of(pool, chosen, RULES, study="shop").rows
    sent = rows[~rows["holdout"]]
    assert sent["customer_id"].is_unique
    again = sent.assign(capped=True)
    nothing = pd.DataFrame({"customer_id": [], "send_at": pd.to_datetime([])})
    assert arbitrate(again, nothing, RULES.caps).all()


def test_a_share_that_grows_with_the_verdict_is_refused() -> None:
    with pytest.raises(ValueError, match="left out after the verdict \\('then'\\) is larger than 'share'"):
        scenario(holdout={"share": 0.1, "until": "verdict", "then": 0.5})


def test_information_is_held_back_from_nobody() -> None:
    one = scenario(**{"class": "informational"}, holdout=FALLS)
    assert not planned([one], orders=BOUGHT).rows["holdout"].any()
