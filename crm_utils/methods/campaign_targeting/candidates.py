"""Who became due, and what has to be known of them? All that a plan asks the engine, asked once.

What comes home is a row a candidate, and what these customers said and heard. Plans under other caps, and
what other ways of choosing would send, are made of it without asking again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ibis.expr.types as ir
import pandas as pd

from crm_utils import engine
from crm_utils.features.held_out import period_of
from crm_utils.methods.campaign_targeting.exits import after_the_anchor, not_looked_at, these
from crm_utils.methods.campaign_targeting.hours import SendHours
from crm_utils.methods.campaign_targeting.model import Scenario
from crm_utils.methods.campaign_targeting.moments import COLUMNS, moments
from crm_utils.methods.campaign_targeting.past import past_of_customers
from crm_utils.methods.campaign_targeting.reach import latest_consents, out_of_reach
from crm_utils.methods.campaign_targeting.rules import Rules

__all__ = ["Candidates", "find_candidates"]


@dataclass(frozen=True)
class Candidates:
    """Everybody who became due between two instants.

    Attributes
    ----------
    rows
        :data:`.moments.COLUMNS` and ``stage``: ``exit``, ``suppressed``, ``again``, or empty.
    consents
        What they last said: ``customer_id``, ``channel``, ``advertising``, ``night``.
    lost
        Channels on which nothing arrives at them: ``customer_id``, ``channel``.
    heard
        Advertising that they got within the widest cap: ``customer_id``, ``send_at``.
    drawn
        Who was drawn in this period already, by list or message: ``scenario``, ``customer_id``, ``held_out``.
    left_out
        Scenarios that could not be looked for: ``scenario``, ``missing`` (a table or list).
    not_looked_at
        What scenarios spare customers by, and these data do not tell.
    now, until
        The two instants.
    """

    rows: pd.DataFrame
    consents: pd.DataFrame
    lost: pd.DataFrame
    heard: pd.DataFrame
    drawn: pd.DataFrame
    left_out: pd.DataFrame
    not_looked_at: tuple[str, ...]
    now: dt.datetime
    until: dt.datetime


def find_candidates(
    scenarios: Sequence[Scenario],
    tables: Mapping[str, ir.Table],
    rules: Rules,
    *,
    now: dt.datetime,
    until: dt.datetime,
    hours: SendHours | None = None,
) -> Candidates:
    """Find who is due, who has done it already, and what they said and heard.

    Parameters
    ----------
    scenarios, tables, rules, now, until, hours
        As for :func:`.plan.make_plan`.
    """
    past = engine.keep(past_of_customers(tables["orders"], now=now))
    due, missing = [], []
    for scenario in scenarios:
        needed = {str(scenario.anchor.list)} if scenario.anchor.list else scenario.anchor.tables
        absent = sorted(needed - tables.keys())
        if absent:
            missing.append({"scenario": scenario.id, "missing": absent[0]})
            continue
        found_now = moments(scenario, tables, now=now, until=until, past=past)
        due.append(_at_the_best_hour(found_now, hours) if scenario.hour == "best" else found_now)
    pool = [part for part in due if len(part)]
    rows = pd.concat(pool, ignore_index=True) if pool else pd.DataFrame(columns=list(COLUMNS))
    by_id = {scenario.id: scenario for scenario in scenarios}
    rows = after_the_anchor(rows.assign(stage=""), by_id, tables, now=now, past=past)
    left = rows[rows["stage"] == ""]
    rows, listed = _listed(rows, left, by_id, tables)
    return Candidates(
        rows,
        known_consents(rows, tables, now=now),
        known_losses(rows, tables, now=now),
        heard_before(left, rules, tables, now=now),
        pd.concat([listed, _drawn_before(left, by_id, tables, now=now)], ignore_index=True),
        pd.DataFrame(missing, columns=["scenario", "missing"]),
        tuple(not_looked_at(by_id, tables)),
        now,
        until,
    )


def _at_the_best_hour(due: pd.DataFrame, hours: SendHours | None) -> pd.DataFrame:
    """Each at the hour that is best for them, on the day on which it is due."""
    best = hours.of(due["customer_id"]) if hours is not None and len(due) else None
    if best is None:
        return due
    at = due["due_at"].dt.normalize() + pd.to_timedelta(best, unit="h")
    at = at.astype("datetime64[us]")
    return due.assign(due_at=at, expires_at=due["expires_at"] + (at - due["due_at"]))


def known_consents(rows: pd.DataFrame, tables: Mapping[str, ir.Table], *, now: dt.datetime) -> pd.DataFrame:
    """What these customers last said."""
    if "consents" not in tables or rows.empty:
        return pd.DataFrame(columns=["customer_id", "channel", "advertising", "night"])
    own = tables["consents"].semi_join(these(rows["customer_id"]), "customer_id")
    said: pd.DataFrame = latest_consents(own, now=now).execute()
    return said


def known_losses(rows: pd.DataFrame, tables: Mapping[str, ir.Table], *, now: dt.datetime) -> pd.DataFrame:
    """Channels on which nothing arrives at these customers."""
    if "reach" not in tables or rows.empty:
        return pd.DataFrame(columns=["customer_id", "channel"])
    own = tables["reach"].semi_join(these(rows["customer_id"]), "customer_id")
    lost: pd.DataFrame = out_of_reach(own, now=now).execute()
    return lost


def heard_before(
    rows: pd.DataFrame, rules: Rules, tables: Mapping[str, ir.Table], *, now: dt.datetime
) -> pd.DataFrame:
    """Advertising that these customers got within the widest cap."""
    if "messages" not in tables or not rules.caps or rows.empty:
        nobody = pd.DataFrame({"customer_id": pd.Series(dtype="str"), "send_at": pd.Series(dtype="str")})
        return nobody.astype({"send_at": "datetime64[us]"})
    since = now - dt.timedelta(hours=max(cap.hours for cap in rules.caps))
    messages = tables["messages"]
    kind = messages.kind.fill_null("advertising")
    past = messages.filter(messages.sent_at >= since, ~messages.held_out, kind == "advertising")
    own = past.semi_join(these(rows["customer_id"]), "customer_id")
    heard: pd.DataFrame = own.select("customer_id", send_at=own.sent_at).execute()
    return heard


def _drawn_before(
    rows: pd.DataFrame, scenarios: Mapping[str, Scenario], tables: Mapping[str, ir.Table], *, now: dt.datetime
) -> pd.DataFrame:
    """Who was sent, or left out of, a scenario in the period of the plan: that is written and stays so."""
    if "messages" not in tables or rows.empty:
        return pd.DataFrame(columns=["scenario", "customer_id", "held_out"])
    messages = tables["messages"]
    starts = {
        name: _starts(now - dt.timedelta(microseconds=1) if one.anchor.list else now)
        for name, one in scenarios.items()
    }
    parts = []
    own = messages.semi_join(these(rows["customer_id"]), "customer_id")
    for start in sorted(set(starts.values())):
        names = sorted(name for name, begins in starts.items() if begins == start)
        mine = own.filter(own.scenario.isin(names), own.sent_at >= start)
        each = mine.group_by("scenario", "customer_id").aggregate(
            held_out=mine.held_out.cast("int8").max() > 0
        )
        parts.append(each.execute())
    drawn: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return drawn


def _starts(moment: dt.datetime) -> dt.datetime:
    """When the period of a moment begins."""
    year, quarter = period_of(moment.date()).split("Q")
    return dt.datetime(int(year), 3 * int(quarter) - 2, 1)


def _listed(
    rows: pd.DataFrame, left: pd.DataFrame, scenarios: Mapping[str, Scenario], tables: Mapping[str, ir.Table]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What lists of other notebooks say of candidates: what is offered, and whom they held out already."""
    drawn = [pd.DataFrame(columns=["scenario", "customer_id", "held_out"])]
    for name, scenario in scenarios.items():
        mine = left.index[left["scenario"] == name]
        if not scenario.anchor.list or not len(mine):
            continue
        listed = tables[scenario.anchor.list]
        known = [column for column in ("held_out", "item") if column in listed.columns]
        own = listed.semi_join(these(left.loc[mine, "customer_id"]), "customer_id")
        said: pd.DataFrame = own.select("customer_id", *known).to_pyarrow().to_pandas()
        said = said.drop_duplicates("customer_id").set_index("customer_id")
        if "item" in known:
            items = said["item"].reindex(left.loc[mine, "customer_id"]).fillna("").astype("str")
            rows.loc[mine, "item"] = items.to_numpy()
        if "held_out" in known:
            out = said.index[said["held_out"].astype(bool)]
            drawn.append(pd.DataFrame({"scenario": name, "customer_id": out, "held_out": True}))
    return rows, pd.concat(drawn, ignore_index=True)
