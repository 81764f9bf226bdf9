"""Ninety days in a row: not one message outside consent, hours, caps and suppression; by brute force."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pytest
from demo import load_demo
from tiny import ROOT

from crm_utils import engine
from crm_utils.methods.campaign_targeting import Rules, Scenario, replay
from crm_utils.study.scenarios import read_automation
from crm_utils.tables import TABLES, AsOf, cut, orders


def outside(
    rows: pd.DataFrame, consents: pd.DataFrame, bought: pd.DataFrame, scenarios: list[Scenario], rules: Rules,
    feedback: pd.DataFrame | None = None, status: pd.DataFrame | None = None,
    reach: pd.DataFrame | None = None,
) -> dict[str, int]:  # fmt: skip
    """Messages that break a rule, each looked at by itself and beside all others of its customer."""
    known = {one.id: one for one in scenarios}
    counts = dict.fromkeys(["consent", "hours", "caps", "suppressed", "again", "channel", "reach"], 0)
    said = {k: part.sort_values("changed_at") for k, part in consents.groupby(["customer_id", "channel"])}
    back = {k: part["ordered_at"] for k, part in bought[bought["amount"] < 0].groupby("customer_id")}
    made = {k: part["ordered_at"] for k, part in bought[bought["amount"] > 0].groupby("customer_id")}
    answers = dict(list(feedback.groupby("customer_id"))) if feedback is not None else {}
    parcels = dict(list(status.groupby("customer_id"))) if status is not None else {}
    for row in rows.to_dict("records"):
        one, channel = known[row["scenario"]], rules.channels.get(row["channel"])
        counts["channel"] += channel is None or row["channel"] not in one.channels
        for what, when in (("refund", back), ("order", made)):
            if what in one.suppress and row["customer_id"] in when:
                past = when[row["customer_id"]]
                since = row["planned"] - one.suppress[what]  # type: ignore[index]
                counts["suppressed"] += bool(((past >= since) & (past < row["planned"])).any())
        if reach is not None:
            own = reach[(reach["customer_id"] == row["customer_id"]) & (reach["channel"] == row["channel"])]
            own = own[own["changed_at"] < row["planned"]].sort_values("changed_at")
            counts["reach"] += bool(len(own)) and not own["reachable"].iloc[-1]
        if "open_case" in one.suppress and feedback is not None:
            own = answers.get(row["customer_id"], feedback.head(0))
            own = own[own["submitted_at"] < row["planned"]].sort_values("submitted_at")
            still = (own["kind"] == "case") & ~(own["resolved_at"] < row["planned"])
            cases = own[still & (own["submitted_at"] >= row["planned"] - one.suppress["open_case"])]
            last = cases["submitted_at"].max()
            answered = (own.loc[own["kind"] != "case", "submitted_at"] > last).any()
            counts["suppressed"] += bool(len(cases) and not answered)
        low = answers.get(row["customer_id"])
        if "low_score" in one.suppress and low is not None:
            low = low[(low["submitted_at"] < row["planned"])
                      & (low["submitted_at"] >= row["planned"] - one.suppress["low_score"])]  # fmt: skip
            ends = low["kind"].map({"nps": 6, "csat": 2, "review": 2}).astype(float)
            low = low[(low["score"] <= ends) & ~(low["resolved_at"] < row["planned"])]
            counts["suppressed"] += bool(len(low))
        mine = parcels.get(row["customer_id"])
        if "late_delivery" in one.suppress and mine is not None:
            mine = mine[mine["occurred_at"] < row["planned"]]
            counts["suppressed"] += waited(mine, row["planned"], one.suppress["late_delivery"])
        if one.kind == "informational":
            continue
        own = said.get((row["customer_id"], row["channel"]))
        own = own[own["changed_at"] < row["planned"]] if own is not None else None
        last = own[own["changed_at"] == own["changed_at"].max()] if own is not None and len(own) else None
        yes = channel.unknown_consent if last is None else bool(last["advertising"].all())  # type: ignore[union-attr]
        counts["consent"] += not yes
        night = last is not None and bool(last["night"].fillna(False).astype(bool).all())
        counts["hours"] += closed(row["send_at"].time(), row["channel"], night, rules)
    advertising = rows[rows["scenario"].map(lambda name: known[name].kind == "advertising")]
    for _, mine in advertising.groupby("customer_id"):
        times = sorted(mine["send_at"])
        for cap in rules.caps:
            window = pd.Timedelta(hours=cap.hours)
            counts["caps"] += sum(sum(s <= t < s + window for t in times) > cap.messages for s in times)
    for (name, _), mine in rows.groupby(["scenario", "customer_id"]):
        times = mine["send_at"].sort_values()
        counts["again"] += int((times.diff().dropna() < known[str(name)].again - pd.Timedelta(days=1)).sum())
    return counts


def waited(states: pd.DataFrame, planned: pd.Timestamp, span: dt.timedelta) -> bool:
    """Whether a parcel of one customer came late in the span, or is late on its way; order by order."""
    for _, own in states.groupby("order_id"):
        begun, came = own["occurred_at"].min(), own.loc[own["status"] == "delivered", "occurred_at"]
        if len(came):
            days = (came.min().normalize() - begun.normalize()).days
            if days >= 5 and came.min() >= planned - span:
                return True
        elif own.loc[own["occurred_at"].idxmax(), "status"] == "shipped":
            days = (planned.normalize() - begun.normalize()).days
            if days >= 5:
                return True
    return False


def closed(at: dt.time, channel: str, night: bool, rules: Rules) -> bool:
    spans = [rules.closed] if rules.closed and channel not in rules.closed.not_for else []
    own = rules.channels[channel].closed
    inside = False
    for span in [*spans, *([own] if own else [])]:
        free = span.unless_night_consent and night
        within = at >= span.start or at < span.end if span.start > span.end else span.start <= at < span.end
        inside |= within and not free
    return inside


def replayed(root: Path, *, customers: int, seed: int, days: int) -> tuple[dict[str, int], int]:
    shop = load_demo(root, customers=customers, seed=seed)
    for folder in ("rules", "studies"):
        (root / folder).mkdir(exist_ok=True)
    (root / "rules" / "kr.yaml").write_bytes((ROOT / "rules" / "kr.yaml").read_bytes())
    scenarios_of = (ROOT / "studies" / "demo_shop.scenarios.yaml").read_bytes()
    (root / "studies" / "demo.scenarios.yaml").write_bytes(scenarios_of)
    automation = read_automation(root, shop.study)
    late = {"late_delivery": dt.timedelta(days=14)}
    chosen = [
        one.model_copy(update={"suppress": {**one.suppress, **late}})
        for one in automation.scenarios
        if not one.anchor.list
    ]
    con = engine.connect()
    whole = {name: engine.read(con, shop.snapshot.path(name)) for name in shop.snapshot.tables}

    def known(now: dt.datetime) -> dict[str, Any]:
        as_of = AsOf(now, (now - dt.timedelta(days=1)).date())
        then = {
            name: cut(whole[name], TABLES[name], as_of)
            for name in (
                "order_lines",
                "customers",
                "events",
                "consents",
                "products",
                "feedback",
                "order_status",
                "reach",
                "shelf",
            )
        }
        return {**then, "orders": orders(then["order_lines"])}

    first = dt.datetime(2025, 10, 1)
    plans = replay(chosen, known, automation.rules, study="demo", first=first, days=days)
    sent = pd.concat([plan.to_send.assign(planned=pd.Timestamp(now)) for now, plan in plans])
    lines = orders(whole["order_lines"]).select("customer_id", "ordered_at", "amount")
    bought = lines.mutate(amount=ibis._.amount.cast("float64")).execute()
    con_sents = whole["consents"].execute()
    answers, arrives = whole["feedback"].execute(), whole["reach"].execute()
    owners = whole["order_lines"].select("order_id", "customer_id").distinct()
    states = whole["order_status"].inner_join(owners, "order_id").execute()
    return outside(sent, con_sents, bought, chosen, automation.rules, answers, states, arrives), len(sent)


@pytest.mark.simulated
def test_ninety_days_of_the_demo_shop_stay_within_every_rule(tmp_path: Path) -> None:
    counts, sent = replayed(tmp_path / "shop", customers=600, seed=5, days=90)
    assert counts == dict.fromkeys(counts, 0)
    assert sent > 100


def test_the_brute_force_sees_what_is_wrong() -> None:
    rules = Rules(
        country="KR", valid_from="2024-01-01", closed={"from": "21:00", "to": "08:00"},
        channels={"sms": {}}, caps=[{"messages": 1, "hours": 24}],
    )  # fmt: skip
    plain = {"id": "s", "title": "s", "class": "advertising", "anchor": {"order": "last"}}
    one = Scenario(**plain, channels=["sms"], suppress={"refund": "5d"}, again="3d")
    rows = pd.DataFrame({
        "customer_id": "ann", "scenario": "s", "channel": ["sms", "sms", "fax"],
        "send_at": pd.to_datetime(["2024-03-01 10:00", "2024-03-01 22:00", "2024-03-02 10:00"]),
        "planned": pd.Timestamp("2024-03-01"),
    }).iloc[:2]  # fmt: skip
    refund = pd.DataFrame(
        {"customer_id": ["ann"], "ordered_at": [pd.Timestamp("2024-02-28")], "amount": [-1.0]}
    )
    nobody = pd.DataFrame(columns=["customer_id", "channel", "advertising", "night", "changed_at"])
    counts = outside(rows, nobody, refund, [one], rules)
    assert counts == {
        **{"consent": 2, "hours": 1, "caps": 1, "suppressed": 2, "again": 1},
        **{"channel": 0, "reach": 0},
    }


def test_the_brute_force_sees_low_scores_and_late_parcels() -> None:
    rules = Rules(country="KR", valid_from="2024-01-01", channels={"sms": {}})
    plain = {"id": "s", "title": "s", "class": "advertising", "anchor": {"order": "last"}}
    one = Scenario(**plain, channels=["sms"], suppress=["low_score_14d", "late_delivery_14d"], again="3d")
    planned = pd.Timestamp("2024-03-01")
    rows = pd.DataFrame({
        "customer_id": ["ann", "bob", "cyd", "dee"], "scenario": "s", "channel": "sms",
        "send_at": pd.Timestamp("2024-03-01 10:00"), "planned": planned,
    })  # fmt: skip
    yes = rows[["customer_id", "channel"]].assign(
        advertising=True, night=False, changed_at=pd.Timestamp("2024-01-01")
    )
    nothing = pd.DataFrame(columns=["customer_id", "ordered_at", "amount"])
    feedback = pd.DataFrame({
        "customer_id": ["ann", "bob"], "kind": "nps", "score": [6, 6],
        "submitted_at": pd.Timestamp("2024-02-20"),
        "resolved_at": [pd.NaT, pd.Timestamp("2024-02-21")],
    })  # fmt: skip
    status = pd.DataFrame({
        "customer_id": ["cyd", "cyd", "dee", "dee"], "order_id": ["1", "1", "2", "2"],
        "status": ["paid", "delivered"] * 2,
        "occurred_at": pd.to_datetime(["2024-02-20", "2024-02-26", "2024-02-20", "2024-02-23"]),
    })  # fmt: skip
    counts = outside(rows, yes, nothing.astype({"amount": float}), [one], rules, feedback, status)
    assert counts["suppressed"] == 2  # ann's score, cyd's parcel
