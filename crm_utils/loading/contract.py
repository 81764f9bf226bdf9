"""Does a row keep the table's contract? Boolean checks, each with a reason; what fails is set aside.

A check is an Ibis expression that is true for a row that *breaks* the contract. Rows that break one go
to the quarantine with file, row and raw text. Rows that the study leaves out, with a reason, are counted.
Nothing is dropped silently: what was read is always what was loaded, set aside or left out.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from crm_utils.errors import DataError, known_names
from crm_utils.people import contacts
from crm_utils.tables import DAY, TABLES, TIME, TableSpec

__all__ = [
    "LINEAGE",
    "Check",
    "checks",
    "conform",
    "counted",
    "late_arrivals",
    "left_out",
    "oddities",
    "split",
]

#: Columns a source adds to say where a row came from; the raw text is only read for rows set aside.
LINEAGE = {"_file": "string", "_row": "int64", "_raw": "string"}
#: What a mapping adds: why a row cannot be read, and why the study leaves it out; null where neither.
VERDICTS = {"_problem": "string", "_left_out": "string"}
#: Where people write what they like, by table: there digits alone are hidden too, as a phone's.
FREE_TEXT = {"feedback": ("text",)}
#: No shop's records are older; a year such as 0017 or 1900 is a typing error or an empty cell.
EARLIEST = dt.datetime(1970, 1, 2)
#: Nor newer: 9999-12-31 is how some systems write "never".
LATEST = dt.datetime(2200, 1, 1)


@dataclass(frozen=True)
class Check:
    """One rule of the contract: what is wrong, and the expression that is true where it is."""

    reason: str
    breaks: ir.BooleanValue


def conform(raw: ir.Table, spec: TableSpec) -> ir.Table:
    """Give a source's rows the contract's columns, in order; what a source lacks is null.

    Parameters
    ----------
    raw
        What a source read: any of the contract's columns, and those of :data:`LINEAGE`.
    spec
        The table to be.

    Returns
    -------
    ibis Table
        All columns of ``spec``, then extra ones where allowed, then the lineage and the mapping's verdicts.

    Raises
    ------
    DataError
        A required column is missing, or a column is there that the contract does not know.
    """
    names = [c.name for c in spec.columns]
    there = [c for c in raw.columns if c not in LINEAGE | VERDICTS]
    for name in spec.required:
        if name not in there:
            raise DataError(f"{spec.name} has no column '{name}'. {known_names(name, there)} Map one to it.")
    extra = [c for c in there if c not in names]
    if extra and not spec.extra:
        allowed = known_names(extra[0], names, label="It may have")
        raise DataError(f"{spec.name} may not have a column '{extra[0]}'. {allowed}")
    columns = {
        c.name: raw[c.name].try_cast(c.type) if c.name in there else ibis.null(c.type) for c in spec.columns
    }
    if spec.instant in there:
        day = columns[spec.instant].date()
        columns[spec.cut] = ibis.coalesce(columns[spec.cut], day)
    kept = {c: raw[c] for c in [*extra, *LINEAGE]}
    kept |= {c: raw[c] if c in raw.columns else ibis.null(kind) for c, kind in VERDICTS.items()}
    # A value that cannot be read in its type is remembered, so that it is told from an empty one.
    unread = {
        f"_unread_{c.name}": raw[c.name].notnull() & raw[c.name].try_cast(c.type).isnull()
        for c in spec.columns
        if c.name in there and raw[c.name].type() != ibis.dtype(c.type)
    }
    return raw.select(**columns, **kept, **unread)


def checks(table: ir.Table, spec: TableSpec) -> list[Check]:
    """The rules that the rows of a conformed table are held to, most telling first."""
    rules = [
        Check(f"{c.name} cannot be read as {c.type}", table[f"_unread_{c.name}"])
        for c in spec.columns
        if f"_unread_{c.name}" in table.columns
    ]
    rules += [Check(f"{name} is empty", table[name].isnull()) for name in spec.required]
    rules += [
        Check(
            f"{c.name} is before {EARLIEST.year} or after {LATEST.year}",
            ~table[c.name].between(EARLIEST, LATEST),
        )
        for c in spec.columns
        if c.type in (TIME, DAY)
    ]
    rules += _of_table(table, spec)
    if spec.key:
        first = ibis.window(group_by=list(spec.key), order_by=["_file", "_row"])
        rules += [Check(f"{', '.join(spec.key)} is there already", ibis.row_number().over(first) > 0)]
    return rules


#: Times that cannot come before the row's own, and values that cannot be negative, by table.
_NOT_BEFORE = {
    "messages": ("sent_at", ("delivered_at", "opened_at", "clicked_at", "redeemed_at")),
    "campaigns": ("starts_on", ("ends_on",)),
    "marketing_costs": ("starts_on", ("ends_on",)),
    "coupons": ("issued_at", ("expires_at", "redeemed_at")),
    "points": ("occurred_at", ("expires_at",)),
    "feedback": ("submitted_at", ("resolved_at", "replied_at")),
}
_NOT_NEGATIVE = {"marketing_costs": ("cost",), "coupons": ("value",), "shelf": ("price",)}


def _of_table(table: ir.Table, spec: TableSpec) -> list[Check]:
    """What belongs to one table alone."""
    first, later = _NOT_BEFORE.get(spec.name, ("", ()))
    rules = [Check(f"{name} is before {first}", table[name] < table[first]) for name in later]
    rules += [Check(f"{name} is negative", table[name] < 0) for name in _NOT_NEGATIVE.get(spec.name, ())]
    if spec.name == "messages":
        rules += [Check("propensity is not between 0 and 1", ~table.propensity.between(0, 1))]
    if spec.name == "customers":
        rules += [Check("joined_on is not the day of joined_at", table.joined_on != table.joined_at.date())]
    if spec.name == "order_lines":
        # What comes back may bring its discount back.
        sold = (table.quantity >= 0) & (table.amount >= 0)
        rules += [
            Check(f"{name} is negative", (table[name] < 0) & sold.fill_null(True))
            for name in ("discount", "discount_by_others")
        ]
    return rules


def split(raw: ir.Table, name: str, *, hide: bool = True) -> tuple[ir.Table, ir.Table]:
    """Part the rows that keep the contract from those that break it.

    Parameters
    ----------
    raw
        What a source read for the table ``name``.
    name
        A canonical table.
    hide
        Whether contacts are hidden in texts; by a function in Python, which no other machine has.

    Returns
    -------
    good : ibis Table
        The contract's columns (and extra ones), every row within the contract; in text that is no id contacts
        are hidden.
    bad : ibis Table
        file, row (counted from 1), raw (the row as it was read), reason (the first rule that it broke);
        contacts are hidden in file and raw.

    Notes
    -----
    What the study leaves out is in neither; see :func:`left_out`.
    """
    judged = _judged(raw, TABLES[name])
    ours = {*LINEAGE, *VERDICTS, "_reason"}
    keep = [c for c in judged.columns if c not in ours and not c.startswith("_unread_")]
    once = judged.mutate(_reason=_held(judged._reason))
    good = once.filter(once._reason.isnull()).select(*keep)
    bad = judged.filter(judged._reason.notnull())
    if not hide:
        return good, bad.select(file="_file", row="_row", raw="_raw", reason="_reason")
    good = contacts.masked_columns(good, free=FREE_TEXT.get(name, ()))
    file, raw = contacts.masked(bad._file), contacts.masked(bad._raw)
    return good, bad.select(file=file, row=bad._row, raw=raw, reason=bad._reason)


def _judged(raw: ir.Table, spec: TableSpec) -> ir.Table:
    """The conformed rows that the study does not leave out, with the first rule that each breaks."""
    table = conform(raw, spec)
    table = table.filter(table._left_out.isnull())
    branches = [(check.breaks, ibis.literal(check.reason)) for check in checks(table, spec)]
    return table.mutate(_reason=ibis.coalesce(table._problem, ibis.cases(*branches, else_=None)))


def _held(reason: ir.StringValue) -> ir.StringValue:
    """The reason, in a form that the engine does not move into the filter.

    There it would map each row once to judge it and again to write it. What random numbers are in stays
    where it stands, once a row; these are never below 0.
    """
    return (ibis.random() >= 0).ifelse(reason, ibis.null("string"))


def left_out(raw: ir.Table) -> dict[str, int]:
    """How many rows the study leaves out, by its reason.

    Parameters
    ----------
    raw
        What a source read, with the mapping's verdicts where it has a mapping.

    Returns
    -------
    dict
        Rows for each reason, in the order of the reasons; empty where nothing is left out.
    """
    if "_left_out" not in raw.columns:
        return {}
    return counted(raw.filter(raw._left_out.notnull()), "_left_out")


def counted(table: ir.Table, column: str) -> dict[str, int]:
    """How many rows have each value of a column, in the order of the values."""
    counts = table.group_by(column).agg(rows=table.count()).order_by(column).execute()
    return {str(value): int(rows) for value, rows in counts.itertuples(index=False)}


def oddities(tables: dict[str, ir.Table]) -> dict[str, ir.IntegerScalar]:
    """What is within the contract and still worth a look, counted over the loaded tables.

    Parameters
    ----------
    tables
        The canonical tables that were loaded, uncut.

    Returns
    -------
    dict
        For each oddity, in words, the Ibis expression that counts its rows.
    """
    lines = tables["order_lines"]
    customers_of = lines.group_by("order_id").agg(customers=lines.customer_id.nunique())
    counts = {
        "order lines with quantity 0": lines.filter(lines.quantity == 0).count(),
        "order lines with amount 0": lines.filter(lines.amount == 0).count(),
        "order lines with a negative amount (returns)": lines.filter(lines.amount < 0).count(),
        "order lines of a guest": lines.filter(lines.customer_id.isnull()).count(),
        "orders with more than one customer": customers_of.filter(customers_of.customers > 1).count(),
    }
    if "products" in tables:
        counts["order lines whose product is not in products"] = lines.anti_join(
            tables["products"], "product_id"
        ).count()
    if "customers" in tables:
        counts["customers without an order"] = tables["customers"].anti_join(lines, "customer_id").count()
    if "messages" in tables:
        counts["messages to customers without an order"] = (
            tables["messages"].anti_join(lines, "customer_id").count()
        )
    return counts


def late_arrivals(now: ir.Table, before: ir.Table, *, through: dt.date) -> ir.Table:
    """How the order lines of days that an earlier load already held have changed since.

    Parameters
    ----------
    now, before
        The order lines of this load and of the earlier one.
    through
        The last day that was complete in the earlier load.

    Returns
    -------
    ibis Table
        day, came (lines more than before), went (lines fewer), for the days on which any did; in time order.

    Notes
    -----
    Days are compared by their number of lines: a line that left while another came on one day is not seen.
    """
    end = dt.datetime.combine(through + dt.timedelta(days=1), dt.time())
    counts = []
    for lines, sign in ((now, 1), (before, -1)):
        known = lines.filter(lines.ordered_at < end)
        counts.append(known.group_by(day=known.ordered_at.date()).agg(lines=known.count() * sign))
    by_day = counts[0].union(counts[1])
    change = by_day.group_by("day").agg(change=by_day.lines.sum())
    changed = change.filter(change.change != 0).order_by("day")
    nothing = ibis.literal(0, "int64")
    return changed.select(
        "day",
        came=ibis.greatest(changed.change, nothing).cast("int64"),
        went=ibis.greatest(-changed.change, nothing).cast("int64"),
    )
