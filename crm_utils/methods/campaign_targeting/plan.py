"""Whom do we write to, with what, where and when; whom not, and why? One list, with every step counted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis.expr.types as ir
import pandas as pd

from crm_utils.features.facts import Cannot, ShopFacts
from crm_utils.features.held_out import UNIVERSAL_SHARE, held_out, period_of
from crm_utils.features.message_ids import message_ids
from crm_utils.features.statistics import Number
from crm_utils.methods.campaign_targeting.caps import arbitrate
from crm_utils.methods.campaign_targeting.exits import after_the_anchor, these
from crm_utils.methods.campaign_targeting.model import Scenario
from crm_utils.methods.campaign_targeting.moments import moments
from crm_utils.methods.campaign_targeting.reach import latest_consents, reachable
from crm_utils.methods.campaign_targeting.rules import Rules

__all__ = [
    "LIST",
    "STAGES",
    "Plan",
    "cannot",
    "closed_hours",
    "make_plan",
    "other_caps",
    "outside_rules",
]

STAGES = ("exit", "suppressed", "again", "no_consent", "closed_hours", "capped", "held_out", "to_send")
"""What becomes of whoever is due, in the order in which it is asked."""
LIST = (
    "message_id", "customer_id", "scenario", "class", "action", "offer", "item", "template", "anchor_at",
    "due_at", "send_at", "channel", "priority", "expected_margin", "low", "high", "cost", "holdout",
    "propensity",
)  # fmt: skip
_ROW = ("scenario", "customer_id", "anchor_at", "due_at", "expires_at")


@dataclass(frozen=True)
class Plan:
    """What is to be sent, and what became of everybody who was due.

    Attributes
    ----------
    rows
        :data:`LIST`: one row a customer and message, held-out customers among them (``holdout``), by
        ``send_at``, ``scenario``, customer.
    waterfall
        A row a scenario: ``scenario``, ``due``, and a column a stage of :data:`STAGES`, which add up to
        ``due``.
    left_out
        Scenarios that could not be looked for: ``scenario``, ``missing`` (a table or list).
    """

    rows: pd.DataFrame
    waterfall: pd.DataFrame
    left_out: pd.DataFrame

    @property
    def to_send(self) -> pd.DataFrame:
        """What leaves the house: nobody who is held out."""
        return self.rows[~self.rows["holdout"].astype(bool)]

    def numbers(self, *, currency: str) -> list[Number]:
        """What a run records."""
        totals = self.waterfall[["due", *STAGES]].sum()
        counted = [Number(name, int(totals[name]), unit="messages") for name in ("due", *STAGES)]
        return [*counted, Number("cost", float(self.to_send["cost"].sum()), unit=currency)]


def cannot(facts: ShopFacts) -> Cannot | None:
    """Without customers there is nobody to write to."""
    return Cannot("no_customers") if not facts.customers else None


def make_plan(
    scenarios: Sequence[Scenario],
    tables: Mapping[str, ir.Table],
    rules: Rules,
    *,
    study: str,
    now: dt.datetime,
    until: dt.datetime,
    effects: pd.DataFrame | None = None,
) -> Plan:
    """Plan the messages between two instants.

    Parameters
    ----------
    scenarios
        What to look for.
    tables
        ``orders``, and where there are: ``customers``, ``events``, ``messages``, ``consents``, lists by name
        (see :func:`everybody_listed`); all as known at ``now``.
    rules
        The country's.
    study
        For who is held out.
    now, until
        Nothing at or after ``now`` is known; nothing is sent before it, nor at or after ``until``.
    effects
        What each scenario was seen to bring by customers left out of it before: ``scenario``, ``effect``,
        ``low``, ``high`` (money a customer), from :func:`.worth.verified`. Others bring an unknown amount.

    Notes
    -----
    The order is moments → exit → suppressed → again → consent and hours → caps → held out. Who is held out is
    decided last, so that those who would not have got the message anyway do not dilute its effect.
    """
    due, missing = [], []
    for scenario in scenarios:
        needed = {str(scenario.anchor.list)} if scenario.anchor.list else scenario.anchor.tables
        absent = sorted(needed - tables.keys())
        if absent:
            missing.append({"scenario": scenario.id, "missing": absent[0]})
            continue
        due.append(moments(scenario, tables, now=now, until=until))
    rows = pd.concat(due, ignore_index=True) if due else pd.DataFrame(columns=list(_ROW))
    rows = rows.assign(stage="", channel="", cost=0.0)
    rows["send_at"] = pd.Series(pd.NaT, index=rows.index, dtype="datetime64[us]")
    by_id = {scenario.id: scenario for scenario in scenarios}
    rows = after_the_anchor(rows, by_id, tables, now=now)
    rows = _reached(rows, by_id, rules, tables, now=now, until=until)
    rows = _capped(rows, by_id, rules, tables, now=now)
    rows = _held_out(rows, by_id, tables, study=study, now=now)
    return Plan(
        _list(rows, by_id, tables, study=study, effects=effects),
        _waterfall(rows, scenarios, missing),
        pd.DataFrame(missing, columns=["scenario", "missing"]),
    )


def _reached(
    rows: pd.DataFrame, scenarios: Mapping[str, Scenario], rules: Rules, tables: Mapping[str, ir.Table], *,
    now: dt.datetime, until: dt.datetime,
) -> pd.DataFrame:  # fmt: skip
    columns = ["customer_id", "channel", "advertising", "night"]
    consents = pd.DataFrame(columns=columns)
    left = rows[rows["stage"] == ""]
    if "consents" in tables and len(left):
        chosen = these(left["customer_id"])
        consents = latest_consents(tables["consents"].semi_join(chosen, "customer_id"), now=now).execute()
    for scenario in scenarios.values():
        mine = left[left["scenario"] == scenario.id]
        if mine.empty:
            continue
        placed = reachable(mine[list(_ROW)], scenario, rules, consents, now=now)
        late = (placed["why"] == "") & (placed["send_at"] >= pd.Timestamp(until))
        placed.loc[late, "why"] = "closed_hours"  # it waits for the next plan, which finds it again
        rows.loc[placed.index, ["channel", "send_at", "cost"]] = placed[["channel", "send_at", "cost"]]
        rows.loc[placed.index, "stage"] = placed["why"]
    return rows


def _capped(
    rows: pd.DataFrame, scenarios: Mapping[str, Scenario], rules: Rules, tables: Mapping[str, ir.Table], *,
    now: dt.datetime
) -> pd.DataFrame:  # fmt: skip
    left = rows[rows["stage"] == ""]
    if left.empty:
        return rows
    sent = pd.DataFrame({"customer_id": pd.Series(dtype=str), "send_at": pd.Series(dtype="datetime64[us]")})
    if "messages" in tables and rules.caps:
        since = now - dt.timedelta(hours=max(cap.hours for cap in rules.caps))
        messages = tables["messages"]
        kind = messages.kind.fill_null("advertising")
        past = messages.filter(messages.sent_at >= since, ~messages.held_out, kind == "advertising")
        chosen = these(left["customer_id"])
        sent = past.semi_join(chosen, "customer_id").select("customer_id", send_at=past.sent_at).execute()
    candidates = left.assign(
        priority=left["scenario"].map({k: s.priority for k, s in scenarios.items()}),
        capped=left["scenario"].map({k: s.kind == "advertising" for k, s in scenarios.items()}).astype(bool),
    )
    accepted = arbitrate(candidates, sent, rules.caps)
    rows.loc[accepted.index[~accepted], "stage"] = "capped"
    return rows


def _held_out(
    rows: pd.DataFrame, scenarios: Mapping[str, Scenario], tables: Mapping[str, ir.Table], *,
    study: str, now: dt.datetime,
) -> pd.DataFrame:  # fmt: skip
    for scenario in scenarios.values():
        mine = rows.index[(rows["scenario"] == scenario.id) & (rows["stage"] == "")]
        if not len(mine) or scenario.kind == "informational":
            continue
        # A list was drawn on the last day known, which may lie in the quarter before the day of sending.
        day = (now - dt.timedelta(microseconds=1)).date() if scenario.anchor.list else now.date()
        out = held_out(
            rows.loc[mine, "customer_id"], study=study, period=period_of(day), scenario=scenario.id,
            share=scenario.holdout.share,
        )  # fmt: skip
        out = out | rows.loc[mine, "customer_id"].isin(_left_out_by(scenario, tables)).to_numpy()
        rows.loc[mine[out], "stage"] = "held_out"
    rows.loc[rows["stage"] == "", "stage"] = "to_send"
    return rows


def _left_out_by(scenario: Scenario, tables: Mapping[str, ir.Table]) -> set[str]:
    """Whom the list that a scenario starts from held out already: nobody is written to who was left out."""
    listed = tables[scenario.anchor.list] if scenario.anchor.list else None
    if listed is None or "held_out" not in listed.columns:
        return set()
    return set(listed.filter(listed.held_out).select("customer_id").to_pyarrow()["customer_id"].to_pylist())


def _list(
    rows: pd.DataFrame, scenarios: Mapping[str, Scenario], tables: Mapping[str, ir.Table], *,
    study: str, effects: pd.DataFrame | None
) -> pd.DataFrame:  # fmt: skip
    kept = rows[rows["stage"].isin(["to_send", "held_out"])]
    of: dict[str, dict[str, Any]] = {
        "class": {k: s.kind for k, s in scenarios.items()},
        "priority": {k: s.priority for k, s in scenarios.items()},
        "action": {k: s.action for k, s in scenarios.items()},
        "offer": {k: s.offer for k, s in scenarios.items()},
        "template": {k: s.template.id if s.template else "" for k, s in scenarios.items()},
        "propensity": {k: _propensity(s) for k, s in scenarios.items()},
    }
    kept = kept.assign(
        holdout=kept["stage"] == "held_out",
        item=_items(kept, scenarios, tables),
        message_id=message_ids(kept, study=study),
        **{name: kept["scenario"].map(words) for name, words in of.items()},
    ).astype({"priority": "int64", "propensity": "float64"})
    known = (effects if effects is not None else _NO_EFFECTS).set_index("scenario")
    for name, column in (("expected_margin", "effect"), ("low", "low"), ("high", "high")):
        kept[name] = kept["scenario"].map(known[column]).astype("float64")
    return kept.sort_values(["send_at", "scenario", "customer_id"])[list(LIST)].reset_index(drop=True)


_NO_EFFECTS = pd.DataFrame({"scenario": [], "effect": [], "low": [], "high": []}).astype({"scenario": "str"})


def _propensity(scenario: Scenario) -> float:
    """The chance that whoever came so far is sent the message; unknown where a list drew by itself."""
    if scenario.kind == "informational":
        return 1.0
    return float("nan") if scenario.anchor.list else (1 - UNIVERSAL_SHARE) * (1 - scenario.holdout.share)


def _items(
    kept: pd.DataFrame, scenarios: Mapping[str, Scenario], tables: Mapping[str, ir.Table]
) -> pd.Series[str]:
    """What each message is about: the item that a list offers; empty elsewhere."""
    items = pd.Series("", index=kept.index, dtype="str")
    for scenario in scenarios.values():
        name = scenario.anchor.list
        mine = kept.index[kept["scenario"] == scenario.id]
        if not name or name not in tables or "item" not in tables[name].columns or not len(mine):
            continue
        listed = tables[name].filter(tables[name].item.notnull()).select("customer_id", "item")
        frame: pd.DataFrame = listed.to_pyarrow().to_pandas()
        each = dict(zip(frame["customer_id"], frame["item"], strict=True))
        offered = [each.get(who, "") for who in kept.loc[mine, "customer_id"]]
        items.loc[mine] = pd.Series(offered, index=mine, dtype="str")
    return items


def _waterfall(
    rows: pd.DataFrame, scenarios: Sequence[Scenario], missing: list[dict[str, str]]
) -> pd.DataFrame:
    absent = {row["scenario"] for row in missing}
    counts = rows.groupby(["scenario", "stage"]).size()
    table = []
    for scenario in scenarios:
        if scenario.id not in absent:
            stages = {stage: int(counts.get((scenario.id, stage), 0)) for stage in STAGES}
            table.append({"scenario": scenario.id, "due": sum(stages.values()), **stages})
    return pd.DataFrame(table, columns=["scenario", "due", *STAGES])


def outside_rules(plan: Plan, rules: Rules, scenarios: Sequence[Scenario]) -> int:
    """How many messages of a plan are on a channel that may not carry them: 0, or there is a defect.

    A second look, on the finished list.
    """
    kinds = {scenario.id: scenario.kind for scenario in scenarios}
    wrong = 0
    for row in plan.to_send[["scenario", "channel"]].drop_duplicates().to_dict("records"):
        channel = rules.channel(str(row["channel"]))
        informs = channel is not None and channel.kind == "informational"
        if channel is None or (informs and kinds[row["scenario"]] == "advertising"):
            same = (plan.to_send["scenario"] == row["scenario"]) & (plan.to_send["channel"] == row["channel"])
            wrong += int(same.sum())
    return wrong


def other_caps(rules: Rules, step: int) -> Rules:
    """The same rules with caps so many messages higher (or lower, but never below one)."""
    caps = [cap.model_copy(update={"messages": max(1, cap.messages + step)}) for cap in rules.caps]
    return rules.model_copy(update={"caps": caps})


def closed_hours(rules: Rules) -> list[int]:
    """The hours of the day in which advertising rests, 0 to 23."""
    hours = rules.closed
    if hours is None:
        return []
    start, end = hours.start.hour, hours.end.hour
    return [h for h in range(24) if (start <= h < end if start <= end else h >= start or h < end)]
