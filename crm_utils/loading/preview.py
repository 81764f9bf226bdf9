"""What would a load bring in, and what would it set aside and why? Looked at before anything is written.

Files of a usual size are read whole, of larger ones and of databases the first rows, and judged exactly as a
load does it; nothing reaches ``data/``.
"""

from __future__ import annotations

import datetime as dt
import shutil
import zoneinfo
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import ibis
import ibis.backends.duckdb
import ibis.expr.types as ir
import pyarrow as pa

from crm_utils.engine import checkpoint, connect, open_engine
from crm_utils.errors import DataError, without_values
from crm_utils.features import ShopFacts, shop_facts
from crm_utils.loading import contract, doubts
from crm_utils.loading.doubts import Ends
from crm_utils.loading.inputs import refuse_damaged
from crm_utils.people import contacts
from crm_utils.sources import Input, Raw, Reading, reader
from crm_utils.study import Study
from crm_utils.study.limits import set_aside
from crm_utils.tables import TABLES, AsOf, cut
from crm_utils.tools.scratch import new_folder

__all__ = ["SAMPLE", "Aside", "Shop", "TablePreview", "described", "look", "preview", "refuse_as_a_load"]

#: Rows of each file or table that are looked at: a few seconds' work, and most faults show in them.
SAMPLE = 100_000
#: Bytes of all files together that are read whole: a few seconds' work too.
WHOLE = 50 << 20
#: Reasons shown for a table.
SHOWN = 10


@dataclass(frozen=True)
class Aside:
    """A reason for which rows would be set aside: how many, and the first of them."""

    reason: str
    rows: int
    file: str
    row: int
    raw: str


@dataclass(frozen=True)
class TablePreview:
    """What would become of one table.

    Attributes
    ----------
    name
        The canonical table.
    read, loaded, quarantined
        Rows of the part that was looked at.
    left_out
        Rows by the study's reasons.
    aside
        Reasons for which rows would be set aside, the most frequent first.
    first, last
        The days that the table covers, where it has times.
    part
        What was looked at, where that is not everything: ``the first 100,000 rows of each file or
        table``.
    """

    name: str
    read: int
    loaded: int
    quarantined: int
    left_out: dict[str, int]
    aside: list[Aside]
    first: dt.date | None
    last: dt.date | None
    part: str


@dataclass(frozen=True)
class Shop:
    """What the order lines that would load say of the shop.

    Attributes
    ----------
    facts
        As the notebooks would find them, as of the study's day; None where no line would load.
    doubts
        What would load without an error and may be wrong, a sentence each.
    ends
        The first and the last day, a lone mistyped one left aside; None where no line would load.
    orders
        Up to 100,000 of the orders: customer_id, day, amount.
    refused
        Why a load would be refused, beside the study's limits for rows set aside; empty where it would not.
    """

    facts: ShopFacts | None
    doubts: list[str]
    refused: str
    ends: Ends | None = None
    orders: pa.Table | None = None


def preview(root: Path, study: Study, *, sample: int | None = None) -> list[TablePreview]:
    """The tables of :func:`look`."""
    return look(root, study, sample=sample)[0]


def look(root: Path, study: Study, *, sample: int | None = None) -> tuple[list[TablePreview], Shop]:
    """Judge the first rows of each of a study's files or tables.

    Parameters
    ----------
    root
        The project's folder; nothing in it is written.
    study
        What would be loaded.
    sample
        Rows of each file; left out: everything where that is soon read, else the first 100,000.

    Returns
    -------
    tables : list of TablePreview
        In the order of the study.
    shop : Shop
        What their order lines say.

    Raises
    ------
    StudyError, DataError
        As at a load.
    """
    source = reader(study)
    contacts.refuse_names(study.source)
    scratch = new_folder("check")
    con = open_engine(study.engine) if getattr(source, "IN_PLACE", False) else connect()
    inputs: list[Input] = []
    try:
        most = sample or SAMPLE
        reading = Reading(con, study, root, scratch, most)
        inputs = source.inputs(reading)
        rows = None if sample is None and _is_soon_read(study, inputs) else most
        raw = source.read(replace(reading, sample=rows), inputs)
        return [_table(name, raw, rows) for name in raw.tables], _shop(study, raw)
    except (ibis.IbisError, duckdb.Error) as error:
        refuse_damaged(con, inputs)
        raise DataError(f"The data of '{study.name}' cannot be read: {without_values(error)}.") from None
    finally:
        con.disconnect()
        shutil.rmtree(scratch, ignore_errors=True)


def _is_soon_read(study: Study, inputs: list[Input]) -> bool:
    """Whether everything is read: plain files that are not large. A database gives a sample."""
    return study.kind == "files" and sum(item.path.stat().st_size for item in inputs) <= WHOLE


def _shop(study: Study, raw: Raw) -> Shop:
    mapped = raw.tables["order_lines"]
    good, _ = contract.split(mapped, "order_lines", hide=not raw.in_place)
    lines = checkpoint(good)
    today = dt.datetime.now(zoneinfo.ZoneInfo(study.timezone)).date()
    days = doubts.ends(lines, until=today) or doubts.ends(lines, until=contract.LATEST.date())
    if days is None:
        return Shop(None, [], "")
    mixed = doubts.mixed_orders(lines)
    refused = ""
    try:
        if not raw.overlap_is_known and len(raw.rows.get("order_lines", ())) > 1:
            doubts.refuse_repeated(mapped)
        doubts.refuse_mixed(mixed, study.quality)
    except DataError as error:
        refused = str(error)
    last = min(days.last, today - dt.timedelta(days=1))
    as_of = AsOf.parse(last.isoformat() if study.as_of == "latest" else study.as_of)
    known = cut(lines, TABLES["order_lines"], as_of)
    facts = shop_facts(known, as_of=as_of.day, history_starts=study.history_starts)
    facts = replace(facts, tables=frozenset(raw.tables))
    return Shop(facts, _doubts(study, lines, days, mixed), refused, days, _orders(known))


def _orders(lines: ir.Table) -> pa.Table:
    each = lines.group_by("order_id").agg(
        customer_id=lines.customer_id.max(),
        day=lines.ordered_at.min().cast("date"),
        amount=lines.amount.sum().cast("float64"),
    )
    return each.order_by("order_id").limit(SAMPLE).select("customer_id", "day", "amount").to_pyarrow()


def _doubts(study: Study, lines: ir.Table, days: doubts.Ends, mixed: dict[str, int]) -> list[str]:
    """What may be wrong though it loads, a sentence each."""
    said = []
    if stray := days.before + days.after:
        verb, move = ("line lies", "It does not move") if stray == 1 else ("lines lie", "They do not move")
        said.append(
            f"{stray:,} {verb} long before {days.first} or after {days.last}, far from "
            f"all others: is a day mistyped? {move} the first or the last day."
        )
    counts: dict[str, Any] = lines.aggregate(
        lines=lines.count(), guests=lines.customer_id.isnull().sum(), customers=lines.customer_id.nunique()
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    person = _person(study)
    guests, customers = int(counts["guests"] or 0), int(counts["customers"])
    if person and guests:
        country = study.source.get("people", {}).get("country")
        kinds = ", ".join(person.values())
        hint = (
            f": {person['phone']} cannot be read without people: {{country: …}}, for phones without a "
            "country code"
            if "phone" in person and not country
            else f": {kinds} is empty there, or cannot be read"
        )
        said.append(f"{guests:,} of {counts['lines']:,} rows would have no customer{hint}.")
    if customers and mixed["orders"] >= _MANY * customers and customers <= _FEW:
        who = "one customer" if customers == 1 else f"{customers:,} customers"
        said.append(f"All orders are of {who}: does their column say who bought, or of what kind they are?")
    if mixed["mixed"]:
        have = "1 order has" if mixed["mixed"] == 1 else f"{mixed['mixed']:,} orders have"
        said.append(f"{have} lines of several customers or stores, or over a month apart.")
    if not lines.filter(lines.amount != 0).limit(1).count().execute():
        said.append("Every amount is 0: nothing can be said of money.")
    return said


#: So few customers of so many orders each are kinds of customers.
_FEW, _MANY = 3, 20


def _person(study: Study) -> dict[str, str]:
    table = study.source.get("tables", {}).get("order_lines", {})
    person: dict[str, str] = table.get("person", {}) if isinstance(table, dict) else {}
    return person


def refuse_as_a_load(study: Study, tables: list[TablePreview], shop: Shop | None = None) -> None:
    """Say that a load would be refused, as far as the first rows tell.

    Raises
    ------
    DataError
        No order line would load, or more rows would be set aside than the study allows.
    """
    lines = next(table for table in tables if table.name == "order_lines")
    if not lines.loaded:
        raise DataError(f"No order line of '{study.name}' would load; {lines.read:,} were read.")
    for table in tables:
        doubts.refuse_swapped({aside.reason: aside.rows for aside in table.aside})
    counts = {table.name: {"read": table.read, "quarantined": table.quarantined} for table in tables}
    if broken := set_aside(study.quality, counts):
        raise DataError(
            f"A load would be refused, as these rows break the study's limits: {'; '.join(broken)}. Mend the "
            "data or their mapping, or change 'quality' in the study."
        )
    if shop is not None and shop.refused:
        raise DataError(f"A load would be refused. {shop.refused}")


def _table(name: str, raw: Raw, sample: int | None) -> TablePreview:
    rows = raw.tables[name]
    good, bad = contract.split(raw.with_lines(name), name, hide=not raw.in_place)
    contacts.refuse_contacts(good, name)
    counted = raw.rows.get(name)
    read = sum(counted.values()) if counted is not None else int(rows.count().execute())
    left = contract.left_out(rows)
    cut = good[TABLES[name].cut]
    summary: dict[str, Any] = (
        good.aggregate(n=good.count(), first=cut.min(), last=cut.max()).to_pyarrow().to_pylist()[0]
    )
    reasons = bad.group_by("reason").agg(
        rows=bad.count(), file=bad.file.argmin(bad.row), raw=bad.raw.argmin(bad.row), row=bad.row.min()
    )
    aside = [
        Aside(r["reason"], r["rows"], r["file"], r["row"], r["raw"] or "")
        for r in reasons.order_by(ibis.desc("rows"), "reason").to_pyarrow().to_pylist()
    ]
    first, last = (
        value.date() if isinstance(value, dt.datetime) else value
        for value in (summary["first"], summary["last"])
    )
    part = raw.sampled
    if part is None:
        part = (
            ""
            if sample is None
            else f"the first {sample:,} rows of each file or table"
            if read >= sample
            else ""
        )
    return TablePreview(name, read, summary["n"], sum(a.rows for a in aside), left, aside, first, last, part)


def described(tables: list[TablePreview]) -> list[str]:
    """Lines for people: what would load or be left out, and what set aside, with the first row of each."""
    lines = []
    for table in tables:
        part = f" (of {table.part})" if table.part else ""
        days = f", {table.first} to {table.last}" if table.first else ""
        lines.append(
            f"  {table.name:<12} {table.read:>13,} read {table.loaded:>13,} would load "
            f"{table.quarantined:>9,} set aside {sum(table.left_out.values()):>9,} left out{days}{part}"
        )
        lines += [f"      left out: {reason} ({rows:,})" for reason, rows in table.left_out.items()]
        for aside in table.aside[:SHOWN]:
            lines.append(
                f"      set aside: {aside.reason} ({aside.rows:,}); {aside.file}, row {aside.row:,}:"
            )
            lines.append(f"          {aside.raw[:200]}")
        if len(table.aside) > SHOWN:
            lines.append(f"      … and {len(table.aside) - SHOWN} more reasons")
    return lines
