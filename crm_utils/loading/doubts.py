"""What loads without an error and is still wrong? Orders of several, twice, on a wrong day.

Each doubt is counted over the loaded lines. One that would make every number wrong refuses the load, and says
which line of the study answers it.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

import ibis.expr.types as ir

from crm_utils.errors import DataError
from crm_utils.mapping import SWAPPED
from crm_utils.mapping.returns import same_line
from crm_utils.study.limits import Quality

__all__ = [
    "Ends",
    "ends",
    "mixed_orders",
    "oddity_words",
    "refuse_mixed",
    "refuse_repeated",
    "refuse_swapped",
    "usual_ends",
]

#: Days between the first and the last sale of one order; more are two orders of one number.
_LONGEST_ORDER = 31
#: A day is stray where it lies so many days from all others, so many times further than is usual ...
_LONE_DAYS, _TIMES_USUAL, _TIMES_LONGEST = 30, 10, 2
#: ... and where it and what lies beyond it are so few of all lines.
_LONE_SHARE = 0.001


@dataclass(frozen=True)
class Ends:
    """The first and the last day of orders, and the lines that lie beyond them, far from all others."""

    first: dt.date
    last: dt.date
    before: int = 0
    after: int = 0


def usual_ends(days: Sequence[tuple[dt.date, int]]) -> Ends:
    """Where the orders begin and end, a lone mistyped day left aside.

    Parameters
    ----------
    days
        The days with an order, in time order, and the lines of each; at least one.

    Returns
    -------
    Ends
        A day beyond the ends lies more than 30 days from the others, twice as far as any two others do from
        each other, ten times as far as on average, and no more than one line in a thousand lies there.

    Examples
    --------
    >>> days = [(dt.date(2024, 1, 1) + dt.timedelta(n), 9) for n in range(90)]
    >>> usual_ends([*days, (dt.date(2042, 1, 1), 1)])
    Ends(first=datetime.date(2024, 1, 1), last=datetime.date(2024, 3, 30), before=0, after=1)
    """
    low, high = 0, len(days) - 1
    few = max(1, int(_LONE_SHARE * sum(lines for _, lines in days)))
    gaps = [(after - before).days for (before, _), (after, _) in itertools.pairwise(days)]
    for n, gap in sorted(enumerate(gaps), key=lambda item: -item[1]):
        others = [other for m, other in enumerate(gaps) if m != n and low <= m < high]
        if len(others) < 2 or gap <= max(
            _LONE_DAYS, _TIMES_LONGEST * max(others), _TIMES_USUAL * mean(others)
        ):
            break
        if sum(lines for _, lines in days[n + 1 :]) <= few:
            high = min(high, n)
        elif sum(lines for _, lines in days[: n + 1]) <= few:
            low = max(low, n + 1)
    before, after = (sum(lines for _, lines in part) for part in (days[:low], days[high + 1 :]))
    return Ends(days[low][0], days[high][0], before, after)


def ends(lines: ir.Table, *, until: dt.date) -> Ends | None:
    """:func:`usual_ends` of order lines as far as a day; None where none is so early."""
    known = lines.filter(lines.ordered_at < dt.datetime.combine(until + dt.timedelta(days=1), dt.time()))
    by_day = known.group_by(day=known.ordered_at.date()).agg(lines=known.count()).order_by("day")
    days = [(row["day"], row["lines"]) for row in by_day.to_pyarrow().to_pylist()]
    return usual_ends(days) if days else None


def mixed_orders(lines: ir.Table) -> dict[str, int]:
    """How many orders there are, and how many cannot be one order, by why.

    Returns
    -------
    dict
        orders, mixed (those for any reason), customers (with several), stores, days (sales more than a month
        apart).
    """
    sold = lines.ordered_at.cast("date")
    per = lines.group_by("order_id").agg(
        customers=lines.customer_id.min() != lines.customer_id.max(),
        stores=lines.store_id.min() != lines.store_id.max(),
        first=sold.min(where=lines.amount >= 0),
        last=sold.max(where=lines.amount >= 0),
    )
    days = per["last"].delta(per["first"], unit="day") > _LONGEST_ORDER
    each = {"customers": per.customers, "stores": per.stores, "days": days}
    each = {name: test.fill_null(False) for name, test in each.items()}
    tests = each | {"mixed": each["customers"] | each["stores"] | each["days"]}
    counts = per.aggregate(orders=per.count(), **{n: test.cast("int64").sum() for n, test in tests.items()})
    return {name: int(number or 0) for name, number in counts.to_pyarrow().to_pylist()[0].items()}


def refuse_mixed(counts: dict[str, int], quality: Quality) -> None:
    """Stop where order ids are no order's: numbers that begin anew in each store, till or year.

    Raises
    ------
    DataError
        More orders are mixed than the study allows.
    """
    limit = quality.mixed_orders_at_most
    if counts["mixed"] < 2 or counts["mixed"] <= limit * counts["orders"]:
        return
    words = {
        "customers": "of several customers",
        "stores": "of several stores",
        "days": f"more than {_LONGEST_ORDER} days apart",
    }
    why = ", ".join(f"{counts[name]:,} {word}" for name, word in words.items() if counts[name])
    raise DataError(
        f"{counts['mixed']:,} of {counts['orders']:,} orders have lines that cannot be one order's: {why}. "
        "Do the numbers begin anew in each store, till or year? Then write order_id: {columns: [store, "
        "number]}, with the data's own columns, or order_id: {column: number, anew: year} (or month, day, "
        f"file). If they are right as they are: quality: {{mixed_orders_at_most: 1}} (it is {limit})."
    )


def refuse_repeated(lines: ir.Table) -> None:
    """Stop where two files hold the same lines of the same orders: exports that overlap.

    Parameters
    ----------
    lines
        Mapped order lines with ``_file``, ``_left_out`` and ``_problem``, of more than one file.

    Raises
    ------
    DataError
        The text says how many orders stand in two files, and which.
    """
    kept = lines
    for verdict in ("_left_out", "_problem"):
        kept = kept.filter(kept[verdict].isnull()) if verdict in kept.columns else kept
    places = kept.group_by("order_id").agg(one=kept._file.min(), other=kept._file.max())
    spread = places.filter(places.one != places.other)
    if not spread.count().execute():
        return
    there, line = kept.semi_join(spread, "order_id"), same_line(kept)
    of_file = there.group_by([*line, "_file"]).agg(copies=there.count())
    again = of_file.group_by(line).agg(
        files=of_file.count(),
        again=of_file.copies.sum() - of_file.copies.max(),
        one=of_file._file.min(),
        other=of_file._file.max(),
    )
    again = again.filter(again.files > 1)
    overlap: dict[str, Any] = (
        again.aggregate(
            orders=again.order_id.nunique(),
            lines=again.again.sum(),
            one=again.one.min(),
            other=again.other.max(),
        )
        .to_pyarrow()
        .to_pylist()[0]
    )
    if overlap["orders"]:
        raise DataError(
            f"{overlap['orders']:,} orders stand in two files ({overlap['one']} and {overlap['other']}, or "
            f"others): {int(overlap['lines']):,} lines would count twice. Where exports overlap, "
            "write overlap: drop beside 'files' of order_lines: each line then counts once. Where "
            "numbers begin anew in each file, order_id: {column: …, anew: file}. If they are right "
            "as they are, overlap: keep."
        )


def refuse_swapped(reasons: dict[str, int]) -> None:
    """Stop where a column of days has both orders: what can be read of it may be on a wrong day.

    Parameters
    ----------
    reasons
        Rows set aside, by reason.

    Raises
    ------
    DataError
        Some are days with day and month the other way round.
    """
    for reason, rows in reasons.items():
        name, _, rest = reason.partition(": ")
        if rest == SWAPPED:
            raise DataError(
                f"{name}: {rows:,} values are days only with day and month the other way round, so both "
                "orders stand in one column, and values such as 03/04/2024 may be loaded on a wrong day. "
                "Map each part of the data with its own dates (a file, a till); or leave those rows out by a "
                "rule of leave_out."
            )


def oddity_words(counts: dict[str, int], days: Ends) -> dict[str, int]:
    """The doubts that stop nothing, in words, counted."""
    return {
        "orders with more than one customer": counts["customers"],
        "orders with more than one store": counts["stores"],
        f"orders with sales more than {_LONGEST_ORDER} days apart": counts["days"],
        "order lines long before or after all others (a mistyped day?)": days.before + days.after,
    }
