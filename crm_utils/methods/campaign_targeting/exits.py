"""Who has done it already, or what forbids it, or got it lately? At planning, and again before sending."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import ibis
import ibis.expr.types as ir
import pandas as pd

from crm_utils.features import is_purchase
from crm_utils.methods.campaign_targeting.model import Scenario

__all__ = ["after_the_anchor", "these"]


def these(ids: pd.Series[str]) -> ir.Table:
    """These customers as a table of the engine."""
    chosen = pd.DataFrame({"customer_id": pd.unique(ids)})
    return ibis.memtable(chosen, schema={"customer_id": "string"})


def _since(table: ir.Table, ids: pd.Series[str], at: str) -> pd.DataFrame:
    """The last moment of each of these customers in a table."""
    chosen = these(ids)
    seen = table.inner_join(chosen, "customer_id")
    last: pd.DataFrame = seen.group_by("customer_id").aggregate(last_at=seen[at].max()).execute()
    return last


def _last(rows: pd.DataFrame, since: pd.DataFrame) -> pd.Series[pd.Timestamp]:
    """Each row's last moment; missing where there was none."""
    known = since.set_index("customer_id")["last_at"].astype("datetime64[us]")
    return pd.Series(known.reindex(rows["customer_id"]).to_numpy(), index=rows.index)


def after_the_anchor(
    rows: pd.DataFrame, scenarios: Mapping[str, Scenario], tables: Mapping[str, ir.Table], *, now: dt.datetime
) -> pd.DataFrame:
    """Mark who has done it already, who did something that forbids it, and who got it lately."""
    if rows.empty:
        return rows
    orders = tables["orders"]
    last = {
        "order": _since(orders.filter(is_purchase(orders)), rows["customer_id"], "ordered_at"),
        "refund": _since(orders.filter(orders.amount < 0), rows["customer_id"], "ordered_at"),
    }
    exits = {name for s in scenarios.values() for name in s.exit} - {"order"}
    for name in sorted(exits if "events" in tables else ()):
        events = tables["events"]
        last[name] = _since(events.filter(events.event == name), rows["customer_id"], "occurred_at")
    when = {name: _last(rows, frame) for name, frame in last.items()}
    for scenario in scenarios.values():
        mine = (rows["scenario"] == scenario.id) & (rows["stage"] == "")
        for name in scenario.exit:
            if name in when:
                rows.loc[mine & (when[name] > rows["anchor_at"]), "stage"] = "exit"
        mine &= rows["stage"] == ""
        for name, span in scenario.suppress.items():
            rows.loc[mine & (when[name] >= pd.Timestamp(now - span)), "stage"] = "suppressed"
        mine &= rows["stage"] == ""
        if "messages" in tables:
            messages = tables["messages"]
            sent = _since(
                messages.filter(messages.scenario == scenario.id), rows.loc[mine, "customer_id"], "sent_at"
            )
            got = _last(rows, sent)
            recent = (got >= pd.Timestamp(now - scenario.again)) | (got >= rows["anchor_at"])
            rows.loc[mine & recent, "stage"] = "again"
    return rows
