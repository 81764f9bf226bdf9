"""Who has done it already, or what forbids it, or got it lately? At planning, and again before sending."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping

import ibis
import ibis.expr.types as ir
import pandas as pd

from crm_utils.features.deliveries import late_deliveries
from crm_utils.features.low_scores import low_scores
from crm_utils.methods.campaign_targeting.model import NEEDED, Scenario
from crm_utils.methods.campaign_targeting.past import past_of_customers

__all__ = ["after_the_anchor", "not_looked_at", "these"]

_LATE, _LOW = "late_delivery", "low_score"
_CLICK = "click"


def these(ids: pd.Series[str]) -> ir.Table:
    """These customers as a table of the engine."""
    chosen = pd.DataFrame({"customer_id": pd.unique(ids)})
    return ibis.memtable(chosen, schema={"customer_id": "string"})


def after_the_anchor(
    rows: pd.DataFrame,
    scenarios: Mapping[str, Scenario],
    tables: Mapping[str, ir.Table],
    *,
    now: dt.datetime,
    past: ir.Table | None = None,
) -> pd.DataFrame:
    """Mark who has done it already, who did something that forbids it, and who got it lately.

    Parameters
    ----------
    rows
        ``scenario``, ``customer_id``, ``anchor_at``, ``stage`` (empty where nothing was said yet).
    scenarios
        By name.
    tables
        ``orders``, and where there are: ``events``, ``feedback``, ``messages``, ``order_status``.
    now
        The instant of the plan.
    past
        From :func:`.past.past_of_customers`; made of the orders where it is not given.
    """
    if rows.empty:
        return rows
    when = _moments(rows, scenarios, tables, now=now, past=past)
    sent = _sent(rows, tables)
    for scenario in scenarios.values():
        mine = (rows["scenario"] == scenario.id) & (rows["stage"] == "")
        for name in scenario.exit:
            if name in when:
                rows.loc[mine & (when[name] > rows["anchor_at"]), "stage"] = "exit"
        mine &= rows["stage"] == ""
        for name, span in scenario.suppress.items():
            if name in when:
                rows.loc[mine & (when[name] >= pd.Timestamp(now - span)), "stage"] = "suppressed"
        mine &= rows["stage"] == ""
        if sent is not None:
            recent = (sent >= pd.Timestamp(now - scenario.again)) | (sent >= rows["anchor_at"])
            rows.loc[mine & recent, "stage"] = "again"
    return rows


def not_looked_at(scenarios: Mapping[str, Scenario], known: Collection[str]) -> list[str]:
    """What scenarios spare customers by although no known table tells it: names of :data:`.model.NEEDED`."""
    wanted = {name for scenario in scenarios.values() for name in scenario.suppress}
    return sorted(name for name in wanted if NEEDED[name] and not set(NEEDED[name]) & set(known))


def _moments(
    rows: pd.DataFrame, scenarios: Mapping[str, Scenario], tables: Mapping[str, ir.Table], *,
    now: dt.datetime, past: ir.Table | None,
) -> dict[str, pd.Series[pd.Timestamp]]:  # fmt: skip
    """For each thing that scenarios ask about, when each row's customer last did it; missing where never."""
    chosen = these(rows["customer_id"])
    past = past if past is not None else past_of_customers(tables["orders"], now=now)
    bought: pd.DataFrame = past.semi_join(chosen, "customer_id").execute()
    of = {"order": bought["last_at"], "refund": bought["refund_at"]}
    last = {name: values.set_axis(bought["customer_id"]) for name, values in of.items()}
    exits = {name for s in scenarios.values() for name in s.exit} - {"order"}
    suppressed = {name for s in scenarios.values() for name in s.suppress}
    by_status = "order_status" in tables and _LATE in suppressed
    names = sorted(exits | (suppressed & {_LATE} if not by_status else set()))
    if "events" in tables and names:
        events = tables["events"]
        seen = events.filter(events.event.isin(names)).semi_join(chosen, "customer_id")
        each = seen.group_by("customer_id", "event").aggregate(last_at=seen.occurred_at.max()).execute()
        last |= {str(name): part.set_index("customer_id")["last_at"] for name, part in each.groupby("event")}
    if "messages" in tables and _CLICK in exits and "clicked_at" in tables["messages"].columns:
        sent = tables["messages"].semi_join(chosen, "customer_id")
        clicks = sent.group_by("customer_id").aggregate(last_at=sent.clicked_at.max()).execute()
        last[_CLICK] = clicks.set_index("customer_id")["last_at"]
    if "feedback" in tables and "open_case" in suppressed:
        last["open_case"] = _open_cases(tables["feedback"].semi_join(chosen, "customer_id"))
    if "feedback" in tables and _LOW in suppressed:
        low = low_scores(tables["feedback"].semi_join(chosen, "customer_id"))
        last[_LOW] = _last(low.group_by("customer_id").aggregate(last_at=low.submitted_at.max()))
    if by_status:
        mine = tables["orders"].semi_join(chosen, "customer_id")
        last[_LATE] = _last(late_deliveries(tables["order_status"], mine, now=now))
    return {name: _of_rows(rows, values) for name, values in last.items()}


def _last(each: ir.Table) -> pd.Series[pd.Timestamp]:
    """``last_at`` of each ``customer_id``."""
    rows: pd.DataFrame = each.select("customer_id", "last_at").execute()
    return rows.set_index("customer_id")["last_at"]


def _open_cases(feedback: ir.Table) -> pd.Series[pd.Timestamp]:
    """When each customer's latest case was opened, where nothing was answered or solved since."""
    case = feedback.kind == "case"
    still = case & feedback.resolved_at.isnull() if "resolved_at" in feedback.columns else case
    each = feedback.group_by("customer_id").aggregate(
        case_at=feedback.submitted_at.max(where=still), answered_at=feedback.submitted_at.max(where=~case)
    )
    open_now = each.filter(
        each.case_at.notnull(), each.answered_at.isnull() | (each.answered_at <= each.case_at)
    )
    each_last: pd.DataFrame = open_now.select("customer_id", "case_at").execute()
    return each_last.set_index("customer_id")["case_at"]


def _of_rows(rows: pd.DataFrame, values: pd.Series[pd.Timestamp]) -> pd.Series[pd.Timestamp]:
    """Each row's own moment."""
    known = values.astype("datetime64[us]")
    return pd.Series(known.reindex(rows["customer_id"]).to_numpy(), index=rows.index)


def _sent(rows: pd.DataFrame, tables: Mapping[str, ir.Table]) -> pd.Series[pd.Timestamp] | None:
    """When each row's customer last got the row's scenario, or was left out of it; None without messages."""
    if "messages" not in tables:
        return None
    own = tables["messages"].semi_join(these(rows["customer_id"]), "customer_id")
    own = own.filter(own.scenario.isin(sorted(rows["scenario"].unique())))
    each: pd.DataFrame = (
        own.group_by("customer_id", "scenario").aggregate(last_at=own.sent_at.max()).execute()
    )
    wanted = rows[["customer_id", "scenario"]]
    each_last = wanted.merge(each, on=["customer_id", "scenario"], how="left")["last_at"]
    return pd.Series(each_last.astype("datetime64[us]").to_numpy(), index=rows.index)
