"""What would these scenarios have sent over many days? Each plan knows what those before it sent."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence

import ibis
import ibis.expr.types as ir
import pandas as pd

from crm_utils.features import all_messages
from crm_utils.methods.campaign_targeting.model import Scenario
from crm_utils.methods.campaign_targeting.plan import Plan, make_plan
from crm_utils.methods.campaign_targeting.rules import Rules

__all__ = ["replay"]

_SENT = {"customer_id": "string", "scenario": "string", "channel": "string", "kind": "string",
         "sent_at": "string", "held_out": "boolean"}  # fmt: skip


def replay(
    scenarios: Sequence[Scenario],
    known: Callable[[dt.datetime], Mapping[str, ir.Table]],
    rules: Rules,
    *,
    study: str,
    first: dt.datetime,
    days: int,
) -> Iterator[tuple[dt.datetime, Plan]]:
    """Plan day after day, as if every list had been sent.

    Parameters
    ----------
    scenarios, rules
        As for :func:`.plan.make_plan`.
    known
        The tables as they were known at an instant: ``orders``, and what scenarios need. ``messages`` are
        what the shop sent besides.
    study
        For who is held out.
    first
        The first plan's instant.
    days
        How many plans, a day apart.

    Yields
    ------
    tuple
        Each plan's instant, and the plan. Only what was sent is kept between two of them.
    """
    sent = pd.DataFrame({name: pd.Series(dtype=object) for name in _SENT})
    for number in range(days):
        now = first + dt.timedelta(days=number)
        tables = known(now)
        # Moments go to the engine as text: Spark moves those of a frame by its session's zone.
        ours = ibis.memtable(sent, schema=_SENT).mutate(sent_at=ibis._.sent_at.cast("timestamp(6)"))
        messages = {"messages": all_messages(tables.get("messages"), ours)}
        until = now + dt.timedelta(days=1)
        plan = make_plan(scenarios, {**tables, **messages}, rules, study=study, now=now, until=until)
        yield now, plan
        new = plan.rows.rename(columns={"send_at": "sent_at", "holdout": "held_out", "class": "kind"})
        new = new.assign(sent_at=new["sent_at"].dt.strftime("%Y-%m-%d %H:%M:%S.%f"))
        sent = pd.concat([sent, new[list(_SENT)]], ignore_index=True)
