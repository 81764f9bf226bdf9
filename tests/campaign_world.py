"""Small worlds for tests of plans: a few customers, orders, consents and messages, each row written out."""

from __future__ import annotations

import datetime as dt
import random

import ibis
import pandas as pd

from crm_utils.methods.campaign_targeting import (
    STAGES,
    Candidates,
    Plan,
    Rules,
    Scenario,
    find_candidates,
    make_plan,
)

__all__ = [
    "BOUGHT",
    "NOW",
    "RULES",
    "SCENARIOS",
    "UNTIL",
    "YES",
    "consents",
    "messages",
    "orders",
    "planned",
    "pool",
    "reach",
    "scenario",
    "stages",
    "table",
    "world",
]  # fmt: skip

NOW = dt.datetime(2024, 3, 1)
UNTIL = NOW + dt.timedelta(days=1)
RULES = Rules(
    country="KR", valid_from="2024-01-01",
    closed={"from": "21:00", "to": "08:00", "unless_night_consent": True, "not_for": ["email"]},
    channels={"sms": {"cost": 12}, "email": {"cost": 1}, "mail": {"unknown_consent": True}, "alimtalk":
    {"kind": "informational"}}, caps=[{"messages": 1, "hours": 24}, {"messages": 3, "hours": 168}],
)  # fmt: skip


def scenario(name: str = "s", **changed) -> Scenario:
    plain = {
        "id": name, "title": name, "class": "advertising", "anchor": {"order": "last"}, "delay": "2d",
        "expires": "7d", "channels": ["sms"], "holdout": {"share": 0.0},
    }  # fmt: skip
    return Scenario(**(plain | changed))


def table(rows: list[tuple], kinds: dict[str, str]) -> ibis.expr.types.Table:
    frame = pd.DataFrame(rows, columns=list(kinds))
    return ibis.memtable(frame, schema={k: "string" if v == "text" else v for k, v in kinds.items()})


def orders(*rows: tuple) -> ibis.expr.types.Table:
    """customer, moment, amount."""
    full = [(f"o{n}", who, pd.Timestamp(at), amount) for n, (who, at, amount) in enumerate(rows)]
    kinds = {"order_id": "text", "customer_id": "text", "ordered_at": "timestamp(6)", "amount": "float64"}
    return table(full, kinds).cast({"amount": "decimal(18,2)"})


def consents(*rows: tuple) -> ibis.expr.types.Table:
    """customer, channel, yes, night, moment."""
    kinds = {
        "customer_id": "text",
        "channel": "text",
        "advertising": "boolean",
        "night": "boolean",
        "changed_at": "timestamp(6)",
    }
    return table([(*r[:4], pd.Timestamp(r[4])) for r in rows], kinds)


def messages(*rows: tuple) -> ibis.expr.types.Table:
    """customer, scenario, kind, moment, held out."""
    kinds = {
        "customer_id": "text",
        "scenario": "text",
        "kind": "text",
        "sent_at": "timestamp(6)",
        "held_out": "boolean",
    }
    return table([(*r[:3], pd.Timestamp(r[3]), r[4]) for r in rows], kinds)


def reach(*rows: tuple) -> ibis.expr.types.Table:
    """customer, channel, whether it arrives, moment."""
    kinds = {"customer_id": "text", "channel": "text", "reachable": "boolean", "changed_at": "timestamp(6)"}
    return table([(*row[:3], pd.Timestamp(row[3])) for row in rows], kinds)


YES = ("ann", "sms", True, False, "2024-01-01")


def pool(scenarios: list[Scenario], **tables) -> Candidates:
    """Who is due on the day of :func:`planned`."""
    return find_candidates(scenarios, tables, RULES, now=NOW, until=UNTIL)


def planned(scenarios: list[Scenario], *, judged: tuple[str, ...] = (), **tables) -> Plan:
    """One day's plan of a shop."""
    return make_plan(scenarios, tables, RULES, study="shop", now=NOW, until=UNTIL, judged=judged)


def stages(plan: Plan) -> dict[str, int]:
    row = plan.waterfall.iloc[0]
    return {stage: int(row[stage]) for stage in STAGES if row[stage]}


BOUGHT = orders(("ann", "2024-02-28 12:00", 10))


def world(seed: int) -> dict[str, ibis.expr.types.Table]:
    draw = random.Random(seed)

    def who() -> str:
        return f"c{draw.randrange(25)}"

    def moment() -> str:
        return f"2024-02-{draw.randrange(1, 30):02} {draw.randrange(24):02}:{draw.randrange(60):02}"

    bought = [(who(), moment(), draw.choice((10, 20, -5))) for _ in range(80)]
    said = [
        (who(), draw.choice(("sms", "email")), draw.random() < 0.7, draw.random() < 0.3, moment())
        for _ in range(60)
    ]
    sent = [
        (who(), draw.choice(("a", "b", "x")), "advertising", moment(), draw.random() < 0.2) for _ in range(40)
    ]
    arrives = [(who(), draw.choice(("sms", "email")), draw.random() < 0.6, moment()) for _ in range(30)]
    heard = {"consents": consents(*said), "messages": messages(*sent), "reach": reach(*arrives)}
    return {"orders": orders(*bought), **heard}


SCENARIOS = [
    scenario("a", anchor={"order": "first"}, delay="3d", channels=["sms", "email"], holdout={"share": 0.3},
    priority=1), scenario("b", anchor={"order": "last"}, delay="20h", channels=["email", "sms"],
    suppress={"refund": "5d"}, priority=2), scenario("c", anchor={"silence": 1.5, "least": "5d"}, at="22:30",
    channels=["sms"], exit=["order"], priority=3),
]  # fmt: skip
