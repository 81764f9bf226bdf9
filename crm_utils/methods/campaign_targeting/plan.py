"""Whom do we write to, with what, where and when; whom not, and why? One list, with every step counted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis.expr.types as ir
import pandas as pd

from crm_utils.features.facts import Cannot, ShopFacts
from crm_utils.features.held_out import UNIVERSAL_SHARE, held_out, period_of
from crm_utils.features.message_ids import message_ids
from crm_utils.features.statistics import Number
from crm_utils.methods.campaign_targeting.candidates import Candidates, find_candidates
from crm_utils.methods.campaign_targeting.caps import arbitrate
from crm_utils.methods.campaign_targeting.hours import SendHours
from crm_utils.methods.campaign_targeting.model import Scenario
from crm_utils.methods.campaign_targeting.reach import reachable
from crm_utils.methods.campaign_targeting.rules import Rules

__all__ = [
    "LIST",
    "STAGES",
    "Plan",
    "candidates_to_rank",
    "cannot",
    "closed_hours",
    "make_plan",
    "other_caps",
    "other_hours",
    "plan_of",
    "reached",
]

STAGES = (
    "exit", "suppressed", "again", "no_consent", "without_channel", "closed_hours", "capped", "held_out",
    "to_send",
)  # fmt: skip
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
    not_looked_at
        What scenarios spare customers by, and these data do not tell, such as ``open_case``.
    """

    rows: pd.DataFrame
    waterfall: pd.DataFrame
    left_out: pd.DataFrame
    not_looked_at: tuple[str, ...] = ()

    @property
    def to_send(self) -> pd.DataFrame:
        """What leaves the house: nobody who is held out."""
        return self.rows[~self.rows["holdout"].astype(bool)]

    def numbers(self, *, currency: str, outside: int, overdue: int | None) -> list[Number]:
        """What a run records.

        Parameters
        ----------
        currency
            The study's.
        outside, overdue
            Messages that break a rule, and consents to confirm: see :func:`.other_ways.outside_rules` and
            :func:`.reach.overdue_reconfirmations`.
        """
        totals = self.waterfall[["due", *STAGES]].sum()
        counted = [Number(name, int(totals[name]), unit="messages") for name in ("due", *STAGES)]
        counted.append(Number("outside_rules", outside, unit="messages"))
        if overdue is not None:
            counted.append(Number("overdue_reconfirmations", overdue, unit="customers"))
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
    judged: Collection[str] = (),
    hours: SendHours | None = None,
) -> Plan:
    """Plan the messages between two instants.

    Parameters
    ----------
    scenarios
        What to look for.
    tables
        ``orders``, and where there are: ``customers``, ``events``, ``messages``, ``consents``, ``reach``,
        ``feedback``, ``order_status``, ``shelf``, ``products`` with ``order_lines``, lists by name (see
        :func:`everybody_listed`); all as known at ``now``.
    rules
        The country's.
    study
        For who is held out.
    now, until
        Nothing at or after ``now`` is known; nothing is sent before it, nor at or after ``until``.
    effects, judged
        As for :func:`plan_of`.
    hours
        From :func:`.hours.send_hours`, for scenarios that leave at the best hour.

    Notes
    -----
    The order is moments → exit → suppressed → again → consent, reach and hours → caps → held out. Who is
    held out is decided last, so that those who would not have got the message anyway do not dilute its
    effect.
    """
    pool = find_candidates(scenarios, tables, rules, now=now, until=until, hours=hours)
    return plan_of(pool, scenarios, rules, study=study, effects=effects, judged=judged)


def plan_of(
    pool: Candidates,
    scenarios: Sequence[Scenario],
    rules: Rules,
    *,
    study: str,
    effects: pd.DataFrame | None = None,
    judged: Collection[str] = (),
) -> Plan:
    """Plan the messages of candidates that were found already: under other caps, say.

    Parameters
    ----------
    pool
        From :func:`.candidates.find_candidates`, for the same scenarios.
    scenarios, rules, study
        As for :func:`make_plan`.
    effects
        What each scenario was seen to bring by customers left out of it before: ``scenario``, ``effect``,
        ``low``, ``high`` (money a customer), from :func:`.worth.verified`. Others bring an unknown amount.
    judged
        Scenarios that have a verdict: from :func:`.worth.judged`.
    """
    by_id = {scenario.id: scenario for scenario in scenarios}
    shares = {name: one.holdout.now(name in judged) for name, one in by_id.items()}
    rows = reached(pool, by_id, rules)
    draws = _drawn(rows[rows["stage"] == ""], by_id, pool, shares, study=study)
    rows = _capped(rows, by_id, rules, pool.heard, draws)
    rows.loc[(rows["stage"] == "") & draws.reindex(rows.index, fill_value=False), "stage"] = "held_out"
    rows.loc[rows["stage"] == "", "stage"] = "to_send"
    return Plan(
        _list(rows, by_id, shares, study=study, effects=effects),
        _waterfall(rows, scenarios, set(pool.left_out["scenario"])),
        pool.left_out,
        pool.not_looked_at,
    )


def reached(pool: Candidates, scenarios: Mapping[str, Scenario], rules: Rules) -> pd.DataFrame:
    """Candidates with ``channel``, ``send_at`` and ``cost``, and ``stage`` where they cannot be reached."""
    rows = pool.rows.assign(channel="", cost=0.0)
    rows["send_at"] = pd.Series(pd.NaT, index=rows.index, dtype="datetime64[us]")
    left = rows[rows["stage"] == ""]
    for scenario in scenarios.values():
        mine = left[left["scenario"] == scenario.id]
        if mine.empty:
            continue
        placed = reachable(mine[list(_ROW)], scenario, rules, pool.consents, lost=pool.lost, now=pool.now)
        late = (placed["why"] == "") & (placed["send_at"] >= pd.Timestamp(pool.until))
        placed.loc[late, "why"] = "closed_hours"  # it waits for the next plan, which finds it again
        rows.loc[placed.index, ["channel", "send_at", "cost"]] = placed[["channel", "send_at", "cost"]]
        rows.loc[placed.index, "stage"] = placed["why"]
    return rows


def candidates_to_rank(rows: pd.DataFrame, scenarios: Mapping[str, Scenario]) -> pd.DataFrame:
    """Those who can be reached, with ``priority`` and ``capped`` as :func:`.caps.arbitrate` wants them."""
    left = rows[rows["stage"] == ""]
    return left.assign(
        priority=left["scenario"].map({k: s.priority for k, s in scenarios.items()}),
        capped=left["scenario"].map({k: s.kind == "advertising" for k, s in scenarios.items()}).astype(bool),
    )


def _drawn(
    left: pd.DataFrame, scenarios: Mapping[str, Scenario], pool: Candidates, shares: Mapping[str, float], *,
    study: str,
) -> pd.Series[bool]:  # fmt: skip
    """Who is left out at random, by the candidates' index; who was drawn in this period stays so."""
    out = pd.Series(False, index=left.index)
    before = {
        name: part.set_index("customer_id")["held_out"] for name, part in pool.drawn.groupby("scenario")
    }
    for scenario in scenarios.values():
        mine = left.index[left["scenario"] == scenario.id]
        if not len(mine) or scenario.kind == "informational":
            continue
        # A list was drawn on the last day known, which may lie in the quarter before the day of sending.
        day = pool.now - dt.timedelta(microseconds=1) if scenario.anchor.list else pool.now
        who = left.loc[mine, "customer_id"]
        new = held_out(
            who, study=study, period=period_of(day.date()), scenario=scenario.id, share=shares[scenario.id]
        )
        out.loc[mine] = new
        if scenario.id in before:
            written = (
                before[scenario.id].astype(bool).groupby(level=0).max().reindex(who).to_numpy(dtype=object)
            )
            known = ~pd.isna(written)
            out.loc[mine[known]] = written[known].astype(bool)
    return out


def _capped(
    rows: pd.DataFrame, scenarios: Mapping[str, Scenario], rules: Rules, heard: pd.DataFrame,
    draws: pd.Series[bool],
) -> pd.DataFrame:  # fmt: skip
    left = rows[rows["stage"] == ""]
    if left.empty:
        return rows
    candidates = candidates_to_rank(left, scenarios)
    gives = left["scenario"].map({k: s.holdout.slot == "given" for k, s in scenarios.items()}).astype(bool)
    accepted = arbitrate(candidates, heard, rules.caps)
    free = accepted & gives & draws
    while free.any():  # what is left out makes room for the next best, which may be left out as well
        stays = accepted & candidates["capped"] & ~(gives & draws)
        taken = pd.concat([heard, candidates.loc[stays, ["customer_id", "send_at"]]], ignore_index=True)
        waiting = candidates[~accepted & candidates["customer_id"].isin(candidates.loc[free, "customer_id"])]
        more = arbitrate(waiting, taken, rules.caps)
        accepted.loc[more.index[more]] = True
        free = more.reindex(accepted.index, fill_value=False) & gives & draws
    rows.loc[accepted.index[~accepted], "stage"] = "capped"
    return rows


def _list(
    rows: pd.DataFrame, scenarios: Mapping[str, Scenario], shares: Mapping[str, float], *,
    study: str, effects: pd.DataFrame | None
) -> pd.DataFrame:  # fmt: skip
    kept = rows[rows["stage"].isin(["to_send", "held_out"])]
    of: dict[str, dict[str, Any]] = {
        "class": {k: s.kind for k, s in scenarios.items()},
        "priority": {k: s.priority for k, s in scenarios.items()},
        "action": {k: s.action for k, s in scenarios.items()},
        "offer": {k: s.offer for k, s in scenarios.items()},
        "template": {k: s.template.id if s.template else "" for k, s in scenarios.items()},
        "propensity": {k: _propensity(s, shares[k]) for k, s in scenarios.items()},
    }
    kept = kept.assign(
        holdout=kept["stage"] == "held_out",
        item=kept["item"].astype("str"),
        message_id=message_ids(kept, study=study),
        **{name: kept["scenario"].map(words) for name, words in of.items()},
    ).astype({"priority": "int64", "propensity": "float64"})
    known = (effects if effects is not None else _NO_EFFECTS).set_index("scenario")
    for name, column in (("expected_margin", "effect"), ("low", "low"), ("high", "high")):
        kept[name] = kept["scenario"].map(known[column]).astype("float64")
    return kept.sort_values(["send_at", "scenario", "customer_id"])[list(LIST)].reset_index(drop=True)


_NO_EFFECTS = pd.DataFrame({"scenario": [], "effect": [], "low": [], "high": []}).astype({"scenario": "str"})


def _propensity(scenario: Scenario, share: float) -> float:
    """The chance that whoever came so far is sent the message; unknown where a list drew by itself."""
    if scenario.kind == "informational":
        return 1.0
    return float("nan") if scenario.anchor.list else (1 - UNIVERSAL_SHARE) * (1 - share)


def _waterfall(rows: pd.DataFrame, scenarios: Sequence[Scenario], absent: Collection[str]) -> pd.DataFrame:
    counts = rows.groupby(["scenario", "stage"]).size()
    table = []
    for scenario in scenarios:
        if scenario.id not in absent:
            stages = {stage: int(counts.get((scenario.id, stage), 0)) for stage in STAGES}
            table.append({"scenario": scenario.id, "due": sum(stages.values()), **stages})
    return pd.DataFrame(table, columns=["scenario", "due", *STAGES])


def other_caps(rules: Rules, step: int) -> Rules:
    """The same rules with caps so many messages higher (or lower, but never below one)."""
    caps = [cap.model_copy(update={"messages": max(1, cap.messages + step)}) for cap in rules.caps]
    return rules.model_copy(update={"caps": caps})


def other_hours(rules: Rules, step: int) -> Rules:
    """The same rules with closed hours so many hours longer at both ends (or shorter)."""
    if rules.closed is None:
        return rules
    moved = {"start": (rules.closed.start.hour - step) % 24, "end": (rules.closed.end.hour + step) % 24}
    clocks = {name: dt.time(hour, getattr(rules.closed, name).minute) for name, hour in moved.items()}
    return rules.model_copy(update={"closed": rules.closed.model_copy(update=clocks)})


def closed_hours(rules: Rules) -> list[int]:
    """The hours of the day in which advertising rests, 0 to 23."""
    hours = rules.closed
    if hours is None:
        return []
    start, end = hours.start.hour, hours.end.hour
    return [h for h in range(24) if (start <= h < end if start <= end else h >= start or h < end)]
