"""Which points were open on earlier days, of how silent customers? And what came of them.

Days looked back from are counted in whole weeks before today, so that what was known on one of them is cut
out of what is known today by leaving out later weeks: one pass over the ledger serves today and every look
back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from crm_utils.features import purchase_days
from crm_utils.methods.loyalty.lots import OPENING

__all__ = ["AGES", "SILENCES", "issue_counts", "open_counts", "points_flow", "redemption_counts", "standing"]

SILENCES = (28, 56, 112, 224)
"""Days without a purchase at which a stratum of silence ends; who never bought is with the longest."""
AGES = 4
"""Strata of age: quarters of the time from issue to expiry."""


def standing(pieces: ir.Table, orders: ir.Table, *, as_of: dt.date, weeks_back: Sequence[int]) -> ir.Table:
    """Put each piece on each day on which it was open.

    Parameters
    ----------
    pieces
        As :func:`.lots.fates` gives them; pieces without a day of expiry are left out.
    orders
        The view ``orders``.
    as_of, weeks_back
        Today, and the days looked back from: weeks before it, 0 for today.

    Returns
    -------
    ibis.expr.types.Table
        ``customer_id``, ``part`` (one of 64, by a hash of the customer), ``back`` (weeks), ``silence`` (0
        to 4), ``age`` (0 to 3), ``left`` (whole weeks until expiry), ``weeks`` (whole weeks from that day
        until the fate, or today), ``fate``, ``points``.
    """
    dated = pieces.filter(pieces.expires_at.notnull())
    rows = dated.select(
        "customer_id", "fate", "points", issued=_ago(dated.issued_at, as_of),
        ends=_ago(dated.expires_at, as_of), ended=_ago(dated.ended_at, as_of), back=_each(weeks_back),
    )  # fmt: skip
    # All in days before today; the day looked back from is 7 · back of them.
    then = rows.back * 7
    rows = rows.filter(rows.issued >= then, rows.ends < then)
    rows = rows.filter(rows.ended.isnull() | (rows.ended < rows.back * 7))
    last = _last_purchases(orders, as_of, weeks_back)
    seen = rows.left_join(last, [rows.customer_id == last.who, rows.back == last.seen_back])
    then = seen.back * 7
    silent, left, life = seen.last_ago - then, then - seen.ends, seen.issued - seen.ends
    bins = [(silent <= most, k) for k, most in enumerate(SILENCES)]
    return seen.select(
        "customer_id", "back", "fate", "points",
        part=_part(seen.customer_id),
        silence=ibis.cases(*bins, else_=len(SILENCES)).cast("int64"),
        age=ibis.least(((life - left) * AGES) // ibis.greatest(life, 1), AGES - 1).cast("int64"),
        left=(left // 7).cast("int64"),
        weeks=ibis.coalesce((then - seen.ended - 1) // 7, seen.back).cast("int64"),
    )  # fmt: skip


def redemption_counts(rows: ir.Table) -> ir.Table:
    """Points by day looked back from, stratum, and week of their fate.

    Returns
    -------
    ibis.expr.types.Table
        ``part``, ``back``, ``silence``, ``age``, ``weeks``, ``spent``, ``ended`` (points; with those spent).
    """
    by = ["part", "back", "silence", "age", "weeks"]
    counts = rows.group_by(by).aggregate(
        spent=rows.points.sum(where=rows.fate == "spent").fill_null(0).cast("int64"),
        ended=rows.points.sum().cast("int64"),
    )
    return counts.order_by(by)


def open_counts(rows: ir.Table) -> ir.Table:
    """Points open on the days looked back from, by stratum and time left; and what was spent of them since.

    Returns
    -------
    ibis.expr.types.Table
        ``part``, ``back``, ``silence``, ``age``, ``left``, ``points``, ``spent``.
    """
    by = ["part", "back", "silence", "age", "left"]
    counts = rows.group_by(by).aggregate(
        points=rows.points.sum().cast("int64"),
        spent=rows.points.sum(where=rows.fate == "spent").fill_null(0).cast("int64"),
    )
    return counts.order_by(by)


def issue_counts(pieces: ir.Table, *, as_of: dt.date) -> ir.Table:
    """The same as :func:`redemption_counts`, each point followed from its issue: in one stratum.

    What share of all points ever issued is spent, as it is reckoned for the price of new ones. Opening
    balances are left out: when they were issued, and what was spent of them before, is not known.
    """
    dated = pieces.filter(pieces.expires_at.notnull(), pieces.kind != OPENING)
    issued = dated.issued_at.cast("date")
    back = (ibis.date(str(as_of)).delta(issued, unit="day") // 7).cast("int64")
    until = (dated.ended_at.cast("date").delta(issued, unit="day") - 1) // 7
    zero = ibis.literal(0).cast("int64")
    rows = dated.select(
        "fate", "points", part=_part(dated.customer_id), back=back, silence=zero, age=zero,
        weeks=ibis.greatest(ibis.coalesce(until, back), 0).cast("int64"),
    )  # fmt: skip
    return redemption_counts(rows)


def points_flow(pieces: ir.Table, *, as_of: dt.date) -> ir.Table:
    """Points that came in and went, by whole weeks before today.

    Parameters
    ----------
    pieces
        As :func:`.lots.fates` gives them.
    as_of
        Today.

    Returns
    -------
    ibis.expr.types.Table
        ``back`` (0 for the last seven days), ``issued``, ``spent``, ``expired``, ``cancelled``.
    """
    came = pieces.select(day=pieces.issued_at.cast("date"), fate=ibis.literal("issued"), points="points")
    gone = pieces.filter(pieces.ended_at.notnull())
    went = gone.select(day=gone.ended_at.cast("date"), fate="fate", points="points")
    both = came.union(went)
    both = both.mutate(back=(ibis.date(str(as_of)).delta(both.day, unit="day") // 7).cast("int64"))
    named = {
        name: both.points.sum(where=both.fate == name).fill_null(0).cast("int64")
        for name in ("issued", "spent", "expired", "cancelled")
    }
    return both.group_by("back").aggregate(**named).order_by("back")


def _ago(moment: ir.TimestampValue, as_of: dt.date) -> ir.IntegerValue:
    """Whole days from the day of a moment to today; negative for a day that is to come."""
    return ibis.date(str(as_of)).delta(moment.cast("date"), unit="day").cast("int64")


def _each(weeks_back: Sequence[int]) -> ir.IntegerValue:
    """A row for each day looked back from. A table in memory would be gone where Spark keeps the result."""
    return ibis.array([ibis.literal(int(w)).cast("int64") for w in weeks_back]).unnest()


def _last_purchases(orders: ir.Table, as_of: dt.date, weeks_back: Sequence[int]) -> ir.Table:
    """Each customer's last day with a purchase, as known on each of the days: in days before today."""
    bought = purchase_days(orders)
    rows = bought.select("customer_id", ago=_ago(bought.day, as_of), seen_back=_each(weeks_back))
    rows = rows.filter(rows.ago >= rows.seen_back * 7)
    return rows.group_by(who="customer_id", seen_back="seen_back").aggregate(last_ago=rows.ago.min())


def _part(customer_id: ir.StringValue) -> ir.IntegerValue:
    """One of 64 groups of customers, the same on every engine."""
    digits = "0123456789abcdef"
    code = customer_id.hexdigest("md5")
    first, second = code.substr(0, 1), code.substr(1, 1)
    return (ibis.literal(digits).find(first) * 4 + ibis.literal(digits).find(second) // 4).cast("int64")
