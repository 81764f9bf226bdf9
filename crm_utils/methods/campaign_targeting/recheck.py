"""May each message of a list still be sent? Exit, consent, reach and hours once more, by the newest data."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import ibis.expr.types as ir
import pandas as pd

from crm_utils.methods.campaign_targeting.exits import after_the_anchor, these
from crm_utils.methods.campaign_targeting.model import Scenario
from crm_utils.methods.campaign_targeting.reach import latest_consents, open_from, out_of_reach, unreachable
from crm_utils.methods.campaign_targeting.rules import Rules

__all__ = ["recheck"]


def recheck(
    rows: pd.DataFrame, scenarios: Mapping[str, Scenario], tables: Mapping[str, ir.Table], rules: Rules, *,
    now: dt.datetime,
) -> pd.Series[str]:  # fmt: skip
    """Why a message of a list may not be sent any more.

    Parameters
    ----------
    rows
        A contact list: ``scenario``, ``customer_id``, ``anchor_at``, ``channel``, ``send_at``. Customers who
        are held out are asked about like all others, or the two groups would differ.
    scenarios
        By name. A message of a scenario that is no more is not sent.
    tables
        ``orders``, and where there are ``events``, ``consents`` and ``reach``: the newest.
    rules
        The country's.
    now
        The end of these data.

    Returns
    -------
    pandas.Series
        By the rows' index: empty where it may go, else ``no_scenario``, ``exit``, ``suppressed``,
        ``no_consent``, ``without_channel`` or ``closed_hours``.
    """
    known = {name: scenario for name, scenario in scenarios.items() if name in set(rows["scenario"])}
    start = rows[["scenario", "customer_id", "anchor_at"]].assign(stage="")
    start.loc[~start["scenario"].isin(known), "stage"] = "no_scenario"
    without_messages = {name: table for name, table in tables.items() if name != "messages"}
    why = after_the_anchor(start, known, without_messages, now=now)["stage"]
    said = _said(rows, tables, now)
    for name, scenario in known.items():
        if scenario.kind == "informational":
            continue
        for channel in rows.loc[rows["scenario"] == name, "channel"].unique():
            mine = rows.index[(rows["scenario"] == name) & (rows["channel"] == channel) & (why == "")]
            rule = rules.channel(str(channel))
            own = said[said["channel"] == channel].drop_duplicates("customer_id").set_index("customer_id")
            who = rows.loc[mine, "customer_id"]
            yes = _answer(own["advertising"], who, rule is not None and rule.unknown_consent)
            if rule is None or rule.kind == "informational":
                yes[:] = False
            why.loc[mine[~yes]] = "no_consent"
            at = rows.loc[mine, "send_at"].astype("datetime64[us]")
            late = open_from(at, _answer(own["night"], who, False), rules, str(channel)) != at
            why.loc[mine[yes & late]] = "closed_hours"
    if "reach" in tables and len(rows):
        lost = out_of_reach(tables["reach"].semi_join(these(rows["customer_id"]), "customer_id"), now=now)
        gone = lost.to_pyarrow().to_pandas()
        for channel, mine in rows.groupby("channel"):
            out = unreachable(mine["customer_id"], str(channel), gone) & (why[mine.index] == "")
            why.loc[out.index[out]] = "without_channel"
    return why


def _answer(said: pd.Series[bool], who: pd.Series[str], unknown: bool) -> pd.Series[bool]:
    answers = dict(zip(said.index, said, strict=True))
    return pd.Series([bool(answers.get(one, unknown)) for one in who], index=who.index, dtype=bool)


def _said(rows: pd.DataFrame, tables: Mapping[str, ir.Table], now: dt.datetime) -> pd.DataFrame:
    if "consents" not in tables or rows.empty:
        return pd.DataFrame(columns=["customer_id", "channel", "advertising", "night"])
    chosen = tables["consents"].semi_join(these(rows["customer_id"]), "customer_id")
    said: pd.DataFrame = latest_consents(chosen, now=now).to_pyarrow().to_pandas()
    return said
