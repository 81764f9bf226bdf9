"""Whom to write to: who is close to a tier, whose points end soon, and who brought friends."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import ibis
import ibis.expr.types as ir

from crm_utils import engine
from crm_utils.methods.loyalty.overview import Programme
from crm_utils.methods.loyalty.standings import Window, standings
from crm_utils.methods.loyalty.tiers import Rule

__all__ = ["Lists", "expiring_points", "make_lists", "near_threshold", "next_review", "referrers"]

_NEAR = {"customer_id": "string", "tier": "string", "next_tier": "string", "running": "decimal(38,2)"} | {
    "lacks": "decimal(38,2)",
    "review_on": "date",
}
_EXPIRING = {"customer_id": "string", "points": "int64", "ends_on": "date", "balance": "int64"}
_REFERRERS = {"customer_id": "string", "friends": "int64", "orders": "int64", "last_referred_on": "date"}


@dataclass(frozen=True)
class Lists:
    """Whom to write to: lists, empty where the study lacks what they need, and how many are on each."""

    near_threshold: ir.Table
    expiring_points: ir.Table
    referrers: ir.Table
    near: int
    expiring: int
    thanked: int


def make_lists(
    lines: ir.Table,
    orders: ir.Table,
    tiers: ir.Table | None,
    made: Programme,
    pieces: ir.Table | None,
    suspicious: ir.Table | None,
    *,
    as_of: dt.date,
    within: float,
    near_days: int,
    days: int,
) -> Lists:
    """Make the three lists.

    Parameters
    ----------
    lines, orders, tiers
        Canonical tables and the view ``orders``.
    made
        As ``programme`` gives it.
    pieces, suspicious
        As ``fates`` and ``shared_keys`` give them; None where there are none.
    as_of
        The last day known.
    within, near_days
        Share of a cut that may be lacking; days before the next review from which on that is told.
    days
        Days within which points end.
    """
    # A table that is nowhere yet cannot be kept: it would be kept in another engine than the run's.
    near, ending, thanked = (ibis.memtable([], schema=each) for each in (_NEAR, _EXPIRING, _REFERRERS))
    review = next_review(made.reviews, as_of)
    soon = review is not None and (review - as_of).days <= near_days
    if tiers is not None and made.rule and review and soon:
        rows = near_threshold(lines, orders, tiers, made.rule, review=review, as_of=as_of, within=within)
        near = engine.keep(rows)
    if pieces is not None:
        ending = engine.keep(expiring_points(pieces, as_of=as_of, days=days))
    if suspicious is not None:
        thanked = engine.keep(referrers(suspicious))
    sizes = [int(each.count().to_pyarrow().as_py()) for each in (near, ending, thanked)]
    return Lists(near, ending, thanked, *sizes)


def next_review(reviews: Sequence[dt.date], as_of: dt.date) -> dt.date | None:
    """When tiers will be set next, if reviews go on as they did; None where there was one at most.

    Examples
    --------
    >>> next_review([dt.date(2024, 7, 1), dt.date(2025, 1, 1), dt.date(2025, 7, 1)], dt.date(2025, 12, 31))
    datetime.date(2026, 1, 1)
    """
    if len(reviews) < 2:
        return None
    months = [(b.year - a.year) * 12 + b.month - a.month for a, b in pairwise(reviews)]
    same_day = len({day.day for day in reviews}) == 1 and len(set(months)) == 1
    gap = round(sum((b - a).days for a, b in pairwise(reviews)) / len(months))
    day = reviews[-1]
    while day <= as_of:
        if same_day:
            year, month = divmod(day.year * 12 + day.month - 1 + months[0], 12)
            day = dt.date(year, month + 1, day.day)
        else:
            day += dt.timedelta(days=gap)
    return day


def near_threshold(
    lines: ir.Table,
    orders: ir.Table,
    recorded: ir.Table,
    rule: Rule,
    *,
    review: dt.date,
    as_of: dt.date,
    within: float,
) -> ir.Table:
    """Who lacks little for the next tier, and has bought in the window that counts.

    Parameters
    ----------
    lines, orders, recorded
        Canonical tables and the view ``orders``.
    rule, review
        The rule, and the review that comes.
    as_of
        The last day known.
    within
        Share of the cut that may be lacking.

    Returns
    -------
    ibis.expr.types.Table
        ``customer_id``, ``tier`` (now), ``next_tier``, ``running`` (what counts so far), ``lacks``,
        ``review_on``.
    """
    window = Window(review, rule.starts(review), review)
    rows = standings(lines, orders, [window], metric=rule.metric, recorded=recorded)
    below = [(rows.running < _exact(cut), (cut, tier)) for cut, tier in rule.cuts]
    lacks = [(test, _exact(cut) - rows.running) for test, (cut, _tier) in below]
    most = [(test, _exact(cut * within)) for test, (cut, _tier) in below]
    names = [(test, tier) for test, (_cut, tier) in below]
    rows = rows.mutate(
        lacks=ibis.cases(*lacks, else_=ibis.null("decimal(38,2)")), most=ibis.cases(*most, else_=_exact(0)),
        next_tier=ibis.cases(*names, else_=""),
    )  # fmt: skip
    near = rows.filter(rows.running > 0, rows.lacks.notnull(), rows.lacks <= rows.most)
    # A tier that they have already is not one to aim at.
    near = near.filter(near.tier != near.next_tier)
    return near.select(
        "customer_id", "tier", "next_tier", "running", lacks=near.lacks.cast("decimal(38,2)"),
        review_on=ibis.date(str(review)),
    )  # fmt: skip


def _exact(value: float) -> ir.DecimalScalar:
    return ibis.literal(f"{value:.2f}").cast("decimal(38,2)")


def expiring_points(pieces: ir.Table, *, as_of: dt.date, days: int, least: int = 1) -> ir.Table:
    """Whose points end in the next days.

    Parameters
    ----------
    pieces
        As :func:`.lots.fates` gives them.
    as_of, days
        The last day known, and how far ahead.
    least
        Points that are worth a message.

    Returns
    -------
    ibis.expr.types.Table
        ``customer_id``, ``points`` (that end), ``ends_on`` (the first of them), ``balance`` (all open
        points).
    """
    still = pieces.filter(pieces.fate == "open")
    ends = still.expires_at.cast("date")
    soon = (ends > as_of) & (ends <= as_of + dt.timedelta(days=days))
    rows = still.group_by("customer_id").aggregate(
        points=still.points.sum(where=soon).fill_null(0).cast("int64"), ends_on=ends.min(where=soon),
        balance=still.points.sum().cast("int64"),
    )  # fmt: skip
    return rows.filter(rows.points >= least)


def referrers(suspicious: ir.Table) -> ir.Table:
    """Who brought friends that bought: those under suspicion left out.

    Parameters
    ----------
    suspicious
        As :func:`.referrals.shared_keys` gives it.

    Returns
    -------
    ibis.expr.types.Table
        ``customer_id`` (of the referrer), ``friends`` (who bought), ``orders`` (of theirs),
        ``last_referred_on``.
    """
    bad = (
        suspicious.filter((suspicious.same == 1) | (suspicious.shared == 1)).select("referrer_id").distinct()
    )
    clean = suspicious.filter(suspicious.orders > 0).anti_join(bad, "referrer_id")
    return clean.group_by(customer_id="referrer_id").aggregate(
        friends=clean.customer_id.nunique(), orders=clean.orders.sum().cast("int64"),
        last_referred_on=clean.referred_on.max(),
    )  # fmt: skip
