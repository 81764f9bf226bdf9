"""Who may be written to, where, and from when? Consent and reachability as of the instant, closed hours."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
import pandas as pd

from crm_utils.methods.campaign_targeting.model import Scenario
from crm_utils.methods.campaign_targeting.rules import Hours, Rules

__all__ = [
    "latest_consents",
    "may_be_sent",
    "open_from",
    "out_of_reach",
    "overdue_reconfirmations",
    "reachable",
    "still_yes",
    "unreachable",
]


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


def out_of_reach(reach: ir.Table, *, now: dt.datetime) -> ir.Table:
    """On which channels no message can arrive at each customer: a lost token, a number that is none.

    Parameters
    ----------
    reach
        Canonical ``reach``.
    now
        Exclusive end.

    Returns
    -------
    ibis.expr.types.Table
        ``customer_id``, ``channel``, one row each. Of two changes at one instant the loss wins. A channel of
        which nothing is recorded is taken to be reachable.
    """
    known = reach.filter(reach.changed_at < now)
    last = known.group_by("customer_id", "channel").aggregate(
        yes_at=known.changed_at.max(where=known.reachable),
        no_at=known.changed_at.max(where=~known.reachable),
    )
    lost = last.filter(last.no_at.notnull(), last.yes_at.isnull() | (last.yes_at <= last.no_at))
    return lost.select("customer_id", "channel")


def unreachable(who: pd.Series[str], channel: str, lost: pd.DataFrame) -> pd.Series[bool]:
    """Whether no message can arrive at each of these customers on a channel.

    Parameters
    ----------
    who
        Customers, by message.
    channel
        Which channel.
    lost
        As :func:`out_of_reach` gives it.
    """
    return who.isin(lost.loc[lost["channel"] == channel, "customer_id"])


def overdue_reconfirmations(
    consents: ir.Table | None, messages: ir.Table | None, scenarios: Sequence[Scenario], rules: Rules, *,
    now: dt.datetime,
) -> int | None:  # fmt: skip
    """How many customers agreed longer ago than the rules let go without a word.

    Parameters
    ----------
    consents, messages
        Canonical; None where there are none.
    scenarios
        Those that start from a consent are the word.
    rules
        The country's.
    now
        Exclusive end.

    Returns
    -------
    int or None
        Customers with a yes that still holds, older than ``reconfirm_months``, who were sent no such message
        within as many months. None where the rules or the data do not say.
    """
    if consents is None or rules.reconfirm_months is None:
        return None
    since = (pd.Timestamp(now) - pd.DateOffset(months=rules.reconfirm_months)).to_pydatetime()
    old = still_yes(consents, now=now).filter(ibis._.yes_at < since).select("customer_id").distinct()
    names = [one.id for one in scenarios if one.anchor.consent]
    if messages is not None and names:
        notified = messages.filter(
            messages.scenario.isin(names), messages.sent_at >= since, ~messages.held_out
        )
        old = old.anti_join(notified, "customer_id")
    return int(old.count().to_pyarrow().as_py())


def still_yes(consents: ir.Table, *, now: dt.datetime) -> ir.Table:
    """The last yes of each customer and channel that no later change took back: ``yes_at``."""
    known = consents.filter(consents.changed_at < now)
    said = known.group_by("customer_id", "channel").aggregate(
        yes_at=known.changed_at.max(where=known.advertising),
        no_at=known.changed_at.max(where=~known.advertising),
    )
    return said.filter(said.yes_at.notnull(), said.no_at.isnull() | (said.no_at < said.yes_at))


def reachable(
    candidates: pd.DataFrame, scenario: Scenario, rules: Rules, consents: pd.DataFrame, *,
    lost: pd.DataFrame, now: dt.datetime,
) -> pd.DataFrame:  # fmt: skip
    """The best channel of a scenario on which each candidate may be written to, and when.

    Parameters
    ----------
    candidates
        Of this scenario, from :func:`moments`.
    rules
        The country's.
    consents
        ``customer_id``, ``channel``, ``advertising``, ``night``: as :func:`latest_consents` gives them.
    lost
        As :func:`out_of_reach` gives it: what may be sent there does not arrive.
    now
        Nothing is sent before.

    Returns
    -------
    pandas.DataFrame
        The candidates with ``channel``, ``send_at``, ``cost`` and ``why``: empty where there is a channel,
        else ``no_consent`` (or no channel that the rules know), ``without_channel`` (none of those on which
        it may be sent arrives) or ``closed_hours`` (open only when it has expired, or the scenario does not
        wait).

    Notes
    -----
    Advertising needs a yes for its channel; where nobody said anything it is sent only on channels whose
    rule says ``unknown_consent``. What informs needs none and has no closed hours.
    """
    rows = candidates.assign(channel="", cost=0.0, why="no_consent")
    wanted = _not_before(rows["due_at"], now, by_clock=scenario.at is not None)
    rows["send_at"] = pd.Series(pd.NaT, index=rows.index, dtype="datetime64[us]")
    for name in scenario.channels:
        rule = rules.channel(name)
        if rule is None or (rule.kind == "informational" and scenario.kind == "advertising"):
            continue
        if scenario.kind == "advertising":
            may, night = may_be_sent(rows["customer_id"], name, rules, consents)
            send = open_from(wanted, night, rules, name)
        else:
            may, send = pd.Series(True, index=rows.index), wanted
        in_time = send < rows["expires_at"] if scenario.closed == "defer" else send == wanted
        arrives = ~unreachable(rows["customer_id"], name, lost)
        here = (rows["channel"] == "") & may
        rows.loc[here & ~arrives & (rows["why"] == "no_consent"), "why"] = "without_channel"
        here &= arrives
        rows.loc[here & ~in_time, "why"] = "closed_hours"
        chosen = here & in_time
        rows.loc[chosen, "channel"] = name
        rows.loc[chosen, "why"] = ""
        rows.loc[chosen, "cost"] = rule.cost
        rows.loc[chosen, "send_at"] = send[chosen]
    return rows


def may_be_sent(
    who: pd.Series[str], channel: str, rules: Rules, consents: pd.DataFrame
) -> tuple[pd.Series[bool], pd.Series[bool]]:
    """Whether advertising may be sent to each of these customers on a channel, and whether at night.

    Parameters
    ----------
    who
        Customers, by message.
    channel, rules
        Which channel, under whose rules.
    consents
        As :func:`latest_consents` gives them.
    """
    rule = rules.channel(channel)
    nobody = pd.Series(False, index=who.index)
    if rule is None or rule.kind == "informational":
        return nobody, nobody
    said = consents[consents["channel"] == channel].set_index("customer_id")
    yes, night = (
        pd.Series(said[what].reindex(who).to_numpy(dtype=object), index=who.index)
        for what in ("advertising", "night")
    )
    may = yes.where(yes.notna(), rule.unknown_consent).astype(bool)
    return may, night.where(night.notna(), False).astype(bool)


def _not_before(due: pd.Series[pd.Timestamp], now: dt.datetime, *, by_clock: bool) -> pd.Series[pd.Timestamp]:
    """When each is wanted: when due or, where that is past, now, or its time of day today or tomorrow."""
    start = pd.Timestamp(now)
    if not by_clock:
        return due.where(due >= start, start).astype("datetime64[us]")
    later = start.normalize() + (due - due.dt.normalize())
    later = later.where(later >= start, later + pd.Timedelta(days=1))
    return due.where(due >= start, later).astype("datetime64[us]")


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
