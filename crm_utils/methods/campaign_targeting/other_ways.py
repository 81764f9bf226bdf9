"""Other ways of choosing, and other rules: what they would send, and what they would break.

Five ways that shops use, beside the plan: everybody who is due; the newest moment first; caps by calendar day
and week; no priority; only the best tenth by recency, frequency and money. All choose among the same
candidates, and nobody is left out at random in any of them, so that they can be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import ibis.expr.types as ir
import pandas as pd

from crm_utils.methods.campaign_targeting.candidates import Candidates
from crm_utils.methods.campaign_targeting.caps import arbitrate, over_caps
from crm_utils.methods.campaign_targeting.exits import these
from crm_utils.methods.campaign_targeting.model import Scenario
from crm_utils.methods.campaign_targeting.plan import (
    Plan,
    candidates_to_rank,
    other_caps,
    other_hours,
    plan_of,
    reached,
)
from crm_utils.methods.campaign_targeting.reach import may_be_sent, open_from, unreachable
from crm_utils.methods.campaign_targeting.rules import Cap, Rules

__all__ = ["BREAKS", "WAYS", "best_tenth", "broken_rules", "other_ways", "outside_rules",
           "under_other_rules"]  # fmt: skip

BREAKS = ("done_already", "no_consent", "out_of_reach", "closed_hours", "over_caps")
"""What a message can break; one that breaks two is counted under both."""
WAYS = ("plan", "everybody", "newest_first", "calendar_caps", "no_priority", "best_tenth")
_TOP = 0.9


def best_tenth(scored: ir.Table | None, pool: Candidates) -> set[str] | None:
    """Which candidates are of the best tenth of all customers by recency, frequency and money.

    Parameters
    ----------
    scored
        ``customer_id``, ``r``, ``f``, ``m`` (scores 1 to 5); None: nobody was scored.
    pool
        Whose candidates.

    Returns
    -------
    set or None
        Their ids. Customers of equal scores are in together, so it may be more than a tenth.
    """
    if scored is None or pool.rows.empty:
        return None
    each = scored.select("customer_id", score=scored.r + scored.f + scored.m)
    sizes = each.group_by("score").aggregate(n=each.count()).order_by("score").execute()
    below = sizes["n"].cumsum() / sizes["n"].sum()
    least = int(sizes.loc[below > _TOP, "score"].min())
    own = each.filter(each.score >= least).semi_join(these(pool.rows["customer_id"]), "customer_id")
    return set(own.select("customer_id").to_pyarrow()["customer_id"].to_pylist())


def broken_rules(
    messages: pd.DataFrame, scenarios: Sequence[Scenario], rules: Rules, pool: Candidates
) -> dict[str, int]:
    """How many of these messages break what, looked at anew on the finished list.

    Parameters
    ----------
    messages
        ``customer_id``, ``scenario``, ``anchor_at``, ``channel``, ``send_at``.
    scenarios, rules
        The plan's.
    pool
        What these customers said, heard and did, as it was known.

    Returns
    -------
    dict
        For each of :data:`BREAKS` the number of messages. Over the caps is one that follows too many others.
    """
    kinds = {one.id: one.kind for one in scenarios}
    stages = pool.rows.set_index(["scenario", "customer_id"])["stage"]
    key = pd.MultiIndex.from_frame(messages[["scenario", "customer_id"]])
    broken = dict.fromkeys(BREAKS, 0) | {"done_already": int((stages.reindex(key) != "").sum())}
    advertising = messages[messages["scenario"].map(kinds) == "advertising"]
    for channel, rows in advertising.groupby("channel"):
        may, night = may_be_sent(rows["customer_id"], str(channel), rules, pool.consents)
        broken["no_consent"] += int((~may).sum())
        at = rows["send_at"].astype("datetime64[us]")
        broken["closed_hours"] += int((open_from(at, night, rules, str(channel)) != at).sum())
    for channel, rows in messages.groupby("channel"):
        broken["out_of_reach"] += int(unreachable(rows["customer_id"], str(channel), pool.lost).sum())
    # A channel for information that carries advertising, or one that the rules do not know, has no consent.
    informing = messages[messages["scenario"].map(kinds) != "advertising"]
    broken["no_consent"] += int((~informing["channel"].isin(rules.channels)).sum())
    broken["over_caps"] = over_caps(advertising, pool.heard, rules.caps)
    return broken


def outside_rules(plan: Plan, scenarios: Sequence[Scenario], rules: Rules, pool: Candidates) -> int:
    """How many messages of a plan's finished list break a rule: 0, or there is a defect."""
    return sum(broken_rules(plan.to_send, scenarios, rules, pool).values())


def other_ways(
    plan: Plan, pool: Candidates, scenarios: Sequence[Scenario], rules: Rules, *,
    best: set[str] | None, effects: pd.DataFrame,
) -> pd.DataFrame:  # fmt: skip
    """The plan beside other ways of choosing.

    Parameters
    ----------
    plan, pool
        From :func:`.plan.plan_of` and :func:`.candidates.find_candidates`.
    scenarios, rules
        Theirs.
    best
        From :func:`best_tenth`; None leaves that way out.
    effects
        From :func:`.worth.verified`.

    Returns
    -------
    pandas.DataFrame
        In the order of :data:`WAYS`: ``way``, ``messages``, a column for each of :data:`BREAKS`, ``verified``
        (messages of scenarios with a verified effect), ``expected``, ``low``, ``high`` (what these should
        bring; missing where there are none).
    """
    by_id = {one.id: one for one in scenarios}
    open_rows = candidates_to_rank(reached(pool, by_id, rules), by_id)
    ways: dict[str, Callable[[], pd.DataFrame]] = {
        "plan": lambda: plan.rows,
        "everybody": lambda: _everybody(pool, by_id),
        "newest_first": lambda: _ranked(open_rows, -open_rows["anchor_at"].astype("int64"), pool, rules),
        "calendar_caps": lambda: open_rows[_by_calendar(open_rows, pool.heard, rules.caps)],
        "no_priority": lambda: _ranked(open_rows, pd.Series(0, index=open_rows.index), pool, rules),
        "best_tenth": lambda: plan.rows[plan.rows["customer_id"].isin(best or set())],
    }
    table = []
    for name in WAYS:
        if name == "best_tenth" and best is None:
            continue
        rows = ways[name]()
        broken = broken_rules(rows, scenarios, rules, pool)
        table.append({"way": name, "messages": len(rows), **broken, **_worth(rows, effects)})
    return pd.DataFrame(table)


def under_other_rules(
    pool: Candidates, scenarios: Sequence[Scenario], rules: Rules, *,
    study: str, effects: pd.DataFrame, judged: Collection[str],
) -> dict[str, Plan]:  # fmt: skip
    """The same day with caps one message lower and higher, and closed hours longer and shorter.

    Parameters
    ----------
    pool, scenarios, rules, study, effects, judged
        As for :func:`.plan.plan_of`.
    """
    others = {
        "lower_caps": other_caps(rules, -1), "higher_caps": other_caps(rules, 1),
        "longer_night": other_hours(rules, 1), "shorter_night": other_hours(rules, -1),
    }  # fmt: skip
    return {
        name: plan_of(pool, scenarios, other, study=study, effects=effects, judged=judged)
        for name, other in others.items()
    }


def _worth(rows: pd.DataFrame, effects: pd.DataFrame) -> dict[str, float]:
    counts = rows["scenario"].value_counts()
    known = effects.set_index("scenario")
    n = counts.reindex(known.index, fill_value=0).astype(float)
    if not n.sum():
        return {"verified": 0, "expected": float("nan"), "low": float("nan"), "high": float("nan")}
    sums = {name: float((known[column] * n).sum()) for name, column in _COLUMNS.items()}
    return {"verified": int(n.sum()), **sums}


_COLUMNS = {"expected": "effect", "low": "low", "high": "high"}


def _everybody(pool: Candidates, scenarios: Mapping[str, Scenario]) -> pd.DataFrame:
    """Everybody who is due, when they are due, on the scenario's first channel."""
    first = {name: one.channels[0] for name, one in scenarios.items()}
    now = pd.Timestamp(pool.now)
    at = pool.rows["due_at"].astype("datetime64[us]")
    return pool.rows.assign(channel=pool.rows["scenario"].map(first), send_at=at.where(at >= now, now))


def _ranked(rows: pd.DataFrame, rank: pd.Series[int], pool: Candidates, rules: Rules) -> pd.DataFrame:
    return rows[arbitrate(rows.assign(priority=rank), pool.heard, rules.caps)]


def _by_calendar(rows: pd.DataFrame, heard: pd.DataFrame, caps: Sequence[Cap]) -> pd.Series[bool]:
    """Whose message keeps the caps when 24 hours are read as a day, and a week as beginning on Monday."""
    ordered = rows.sort_values(["customer_id", "priority", "send_at", "scenario"])
    kept = ordered["capped"].to_numpy(dtype=bool)
    counts = pd.Series(kept, index=ordered.index)
    for cap in sorted(caps, key=lambda one: one.hours):
        unit = "D" if cap.hours <= 24 else "W"
        past = heard.assign(span=heard["send_at"].dt.to_period(unit)).groupby(["customer_id", "span"]).size()
        mine = ordered.assign(span=ordered["send_at"].dt.to_period(unit))
        key = pd.MultiIndex.from_frame(mine[["customer_id", "span"]])
        before = past.reindex(key, fill_value=0).to_numpy() if len(past) else 0
        nth = counts.groupby([mine["customer_id"], mine["span"]]).cumsum()
        counts &= nth + before <= cap.messages
    return (counts | ~ordered["capped"]).reindex(rows.index)
