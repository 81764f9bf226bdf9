"""Who may be written to, where, and from when? Consent as of the instant, and closed hours."""

from __future__ import annotations

import datetime as dt

import ibis.expr.types as ir
import pandas as pd

from crm_utils.methods.campaign_targeting.model import Scenario
from crm_utils.methods.campaign_targeting.rules import Hours, Rules

__all__ = ["latest_consents", "open_from", "reachable"]


def latest_consents(consents: ir.Table, *, now: dt.datetime) -> ir.Table:
    """What each customer last said for each channel, before an instant.

    Parameters
    ----------
    consents
        Canonical ``consents``.
    now
        Exclusive end.

    Returns
    -------
    ibis.expr.types.Table
        ``customer_id``, ``channel``, ``advertising``, ``night``. Of two changes at one instant the withdrawal
        wins; a night that nobody asked about is no.
    """
    known = consents.filter(consents.changed_at < now)
    last = known.group_by("customer_id", "channel").aggregate(changed_at=known.changed_at.max())
    both = known.inner_join(last, ["customer_id", "channel", "changed_at"])
    return both.group_by("customer_id", "channel").aggregate(
        advertising=both.advertising.cast("int8").min() > 0,
        night=both.night.fill_null(False).cast("int8").min() > 0,
    )


def reachable(
    candidates: pd.DataFrame, scenario: Scenario, rules: Rules, consents: pd.DataFrame, *, now: dt.datetime
) -> pd.DataFrame:
    """The best channel of a scenario on which each candidate may be written to, and when.

    Parameters
    ----------
    candidates
        Of this scenario, from :func:`moments`.
    rules
        The country's.
    consents
        ``customer_id``, ``channel``, ``advertising``, ``night``: as :func:`latest_consents` gives them.
    now
        Nothing is sent before.

    Returns
    -------
    pandas.DataFrame
        The candidates with ``channel``, ``send_at``, ``cost`` and ``why``: empty where there is a channel,
        else ``no_consent`` (or no channel that the rules know) or ``closed_hours`` (open only when it has
        expired, or the scenario does not wait).

    Notes
    -----
    Advertising needs a yes for its channel; where nobody said anything it is sent only on channels whose
    rule says ``unknown_consent``. What informs needs none and has no closed hours.
    """
    rows = candidates.assign(channel="", cost=0.0, why="no_consent")
    wanted = _not_before(rows["due_at"], now, scenario.at)
    rows["send_at"] = pd.Series(pd.NaT, index=rows.index, dtype="datetime64[us]")
    for name in scenario.channels:
        rule = rules.channel(name)
        if rule is None or (rule.kind == "informational" and scenario.kind == "advertising"):
            continue
        said = consents[consents["channel"] == name].set_index("customer_id")
        yes, night = (
            pd.Series(said[what].reindex(rows["customer_id"]).to_numpy(dtype=object), index=rows.index)
            for what in ("advertising", "night")
        )
        if scenario.kind == "advertising":
            may = yes.where(yes.notna(), rule.unknown_consent).astype(bool)
            send = open_from(wanted, night.where(night.notna(), False).astype(bool), rules, name)
        else:
            may, send = pd.Series(True, index=rows.index), wanted
        in_time = send < rows["expires_at"] if scenario.closed == "defer" else send == wanted
        here = (rows["channel"] == "") & may
        rows.loc[here & ~in_time, "why"] = "closed_hours"
        chosen = here & in_time
        rows.loc[chosen, "channel"] = name
        rows.loc[chosen, "why"] = ""
        rows.loc[chosen, "cost"] = rule.cost
        rows.loc[chosen, "send_at"] = send[chosen]
    return rows


def _not_before(
    due: pd.Series[pd.Timestamp], now: dt.datetime, at: dt.time | None
) -> pd.Series[pd.Timestamp]:
    """When each is wanted: when due or, where that is past, now, or today's or tomorrow's time of day."""
    later = now
    if at is not None:
        later = dt.datetime.combine(now.date(), at)
        later = later if later >= now else later + dt.timedelta(days=1)
    return due.where(due >= pd.Timestamp(now), pd.Timestamp(later)).astype("datetime64[us]")


def open_from(
    wanted: pd.Series[pd.Timestamp], night: pd.Series[bool], rules: Rules, channel: str
) -> pd.Series[pd.Timestamp]:
    """When advertising may be sent on a channel: at the wanted moment, or when its closed hours end.

    Parameters
    ----------
    wanted
        When it is due, on the shop's clock.
    night
        Whether the customer agreed to the night as well.
    rules, channel
        The country's hours, and for which channel.
    """
    own = rules.channel(channel)
    spans = [rules.closed if rules.closed and channel not in rules.closed.not_for else None,
             own.closed if own else None]  # fmt: skip
    for hours in [span for span in spans if span] * 2:  # where one ends, the other may still be closed
        wanted = _after(hours, wanted, night)
    return wanted


def _after(hours: Hours, wanted: pd.Series[pd.Timestamp], night: pd.Series[bool]) -> pd.Series[pd.Timestamp]:
    day = wanted.dt.normalize()
    at, start, end = wanted - day, _since_midnight(hours.start), _since_midnight(hours.end)
    over_midnight = hours.start > hours.end
    closed = (at >= start) | (at < end) if over_midnight else (at >= start) & (at < end)
    if hours.unless_night_consent:
        closed &= ~night
    opens = day + end + pd.to_timedelta((at >= end).astype("int64"), unit="D")
    return wanted.where(~closed, opens.astype("datetime64[us]"))


def _since_midnight(clock: dt.time) -> dt.timedelta:
    return dt.timedelta(hours=clock.hour, minutes=clock.minute)
