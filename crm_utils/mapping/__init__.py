"""How do someone's columns become a canonical table? By what the study says, with nothing lost on the way.

``TableMapping`` is the study's section for one table; ``apply`` makes the canonical columns of it as one
Ibis expression. A value that cannot be read leaves its row in place with the reason beside it, and so does
a row that the study leaves out: ``quality.split`` parts and counts them.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from crm_utils import engine
from crm_utils.errors import CrmError, DataError, known_names
from crm_utils.mapping import reading as read
from crm_utils.mapping.compiling import CUSTOMER, LINEAGE, Compiler, Typed
from crm_utils.mapping.expressions import column_named, columns_cut, columns_of
from crm_utils.mapping.model import ColumnMap, TableMapping, check_columns
from crm_utils.mapping.returns import negated, netted
from crm_utils.tables import DAY, MONEY, QUANTITY, SHARE, TABLES, TEXT, TIME, WHOLE, YES_NO

__all__ = ["SWAPPED", "ColumnMap", "TableMapping", "apply", "check_columns", "columns_named", "columns_used"]

#: Of a row set aside whose day is one only with day and month the other way round.
SWAPPED = "day and month stand the other way round"
#: Types of a customer's attributes beyond the contract.
#: What the text of a row set aside says of a column of which a part is read.
CUT = "(a part of it is read)"
_EXTRA = {"text": TEXT, "number": QUANTITY, "date": DAY, "yes_no": YES_NO}
_WORDS = {
    MONEY: "a number",
    QUANTITY: "a number",
    SHARE: "a number",
    WHOLE: "a whole number",
    TIME: "a time",
    DAY: "a day",
    YES_NO: "yes or no",
}
_Problems = list[tuple[ir.BooleanValue, str]]


def apply(raw: ir.Table, mapping: TableMapping, *, table: str, zone: str) -> ir.Table:
    """Canonical columns of one table, from the columns that someone's data have.

    Parameters
    ----------
    raw
        The data as they were read, text or typed, with ``_file`` (text) and ``_row`` (counted from 1). Lines
        that could not be split into columns have ``_problem`` (why) and ``_raw`` (the line), and nulls
        elsewhere.
    mapping
        What the study says of this table.
    table
        The canonical table.
    zone
        The shop's zone, on whose clock times are kept.

    Returns
    -------
    ibis Table
        The mapped columns in their types, then ``_file``, ``_row``, ``_raw`` (the columns that the mapping
        reads, as JSON), ``_problem`` and ``_left_out`` (a reason each, or null).

    Raises
    ------
    DataError
        The data lack a column that the mapping names.
    StudyError
        An expression does not fit its columns.

    Notes
    -----
    Where the mapping has ``person``, its columns are gone from ``raw`` already, and ``_customer`` stands
    there in their place: none of them reaches the table or the raw text.
    """
    raw = _trimmed(raw)
    values: dict[str, ir.Value] = {}
    problems: _Problems = []
    used: set[str] = set()
    made = {"customer_id": ColumnMap(column=CUSTOMER)} if mapping.person else {}
    for name, column in (mapping.columns | made).items():
        try:
            mapped = _mapped(raw, name, column, mapping, table, zone)
        except CrmError as error:
            raise type(error)(f"{table}.{name}: {error}") from None
        values[name] = mapped.value
        problems += mapped.problems
        used |= mapped.used
    flags = {f"_flag_{n}": test for n, (test, _) in enumerate(problems)}
    is_return = _is_return(raw, values, mapping, table, zone)
    read_once = engine.as_view(
        raw.select(
            **values,
            _file=raw._file,
            _row=raw._row,
            _raw=_raw_text(raw, used, _cut(mapping, list(raw.columns))),
            _left_out=_left_out(raw, mapping, table, zone),
            _before=raw._problem if "_problem" in raw.columns else ibis.null("string"),
            **flags,
            **({"_is_return": is_return.fill_null(False)} if is_return is not None else {}),
        )
    )
    judged = [(read_once[flag], reason) for flag, (_, reason) in zip(flags, problems, strict=True)]
    result = read_once.mutate(_problem=ibis.coalesce(read_once._before, _first(judged))).drop(
        *flags, "_before"
    )
    return _with_returns(result, mapping)


def columns_named(mapping: TableMapping) -> list[str]:
    """The columns of the data that a mapping asks for, as it writes them; each once."""
    texts = [c.expression for c in mapping.columns.values() if c.expression]
    texts += [rule.when for rule in mapping.leave_out]
    texts += [mapping.returns.when] if mapping.returns and mapping.returns.when else []
    named = [c.column for c in mapping.columns.values() if c.column] + list(mapping.person.values())
    named += [name for c in mapping.columns.values() for name in c.columns or ()]
    named += mapping.duplicates if isinstance(mapping.duplicates, list) else []
    return list(dict.fromkeys([*named, *(name for text in texts for name in columns_of(text))]))


def columns_used(mapping: TableMapping, there: list[str], *, table: str) -> list[str]:
    """The columns of the data that a mapping reads, in the data's order; all where duplicates are dropped.

    Raises
    ------
    DataError
        One of them is not there, or is called as a column of ours.
    """
    used = set()
    for name in columns_named(mapping):
        try:
            used.add(column_named(name, there))
        except KeyError:
            known = known_names(name, there, label="They have")
            raise DataError(f"{table}: the data have no column '{name}'. {known}") from None
    columns = [name for name in there if name in used or mapping.duplicates == "drop"]
    for name in columns:
        if name.casefold() in (*LINEAGE, CUSTOMER):
            raise DataError(
                f"{table}: the data have a column '{name}', as a column of ours is called that says where a "
                "row came from. Rename it in the data."
            )
    return columns


@dataclass(frozen=True)
class _Mapped:
    value: ir.Value
    problems: _Problems
    used: set[str]


def _mapped(
    raw: ir.Table, name: str, column: ColumnMap, mapping: TableMapping, table: str, zone: str
) -> _Mapped:
    """One canonical column: its value, what of it cannot be read, and the raw columns it is made of."""
    types = {c.name: c.type for c in TABLES[table].columns}
    kind = types.get(name, _EXTRA[column.type])
    reader = Compiler(raw, mapping.reading(column), zone)
    item = _each(column.each, raw, mapping, table, zone) if column.each else _origin(reader, column)
    if column.anew:
        item = Typed(_begins(column.anew, raw, mapping, table, zone) + "-" + reader.text(item), "text")
    problems: _Problems = []
    if column.codes is not None:
        item, problems = _decoded(reader, item, name, column)
    parsed = _typed(reader, item, kind, column)
    problems += [(swapped, f"{name}: {SWAPPED}") for swapped in reader.swapped]
    problems += [(unread, f"{name}: {what}") for unread, what in reader.unread]
    problems += [(parsed.swapped, f"{name}: {SWAPPED}")] if parsed.swapped is not None else []
    problems += [(parsed.unread, f"{name} cannot be read as {_WORDS[kind]}")] if kind in _WORDS else []
    if kind == TEXT and name.endswith("_id") and column.column != CUSTOMER:
        parsed = read.Parsed(read.of_an_id(parsed.value), parsed.unread)
        cut = read.shortened(parsed.value)
        problems.append((cut, f"{name} was shortened by a spreadsheet (such as 1.2E+12)"))
    return _Mapped(parsed.value, problems, reader.used)


def _begins(anew: str, raw: ir.Table, mapping: TableMapping, table: str, zone: str) -> ir.StringValue:
    """In what an order's number is one only: its file, or the day, month or year of its line."""
    if anew == "file":
        return raw._file
    day = _mapped(raw, "ordered_at", mapping.columns["ordered_at"], mapping, table, zone).value
    return day.strftime({"year": "%Y", "month": "%Y-%m", "day": "%Y-%m-%d"}[anew])


def _each(each: str, raw: ir.Table, mapping: TableMapping, table: str, zone: str) -> Typed:
    """An order where none is numbered: each row, or all that a customer buys in a day."""
    row = raw._file + "-" + raw._row.cast("string")
    whose = ColumnMap(column=CUSTOMER) if mapping.person else mapping.columns.get("customer_id")
    if each == "row" or whose is None:
        return Typed(row, "text")
    customer = _mapped(raw, "customer_id", whose, mapping, table, zone).value
    day = _mapped(raw, "ordered_at", mapping.columns["ordered_at"], mapping, table, zone).value
    return Typed(ibis.coalesce(customer + "-" + day.strftime("%Y-%m-%d"), row), "text")


def _origin(reader: Compiler, column: ColumnMap) -> Typed:
    if column.column is not None:
        return reader.column(column.column)
    if column.columns is not None:
        parts = [reader.text(reader.column(name)) for name in column.columns]
        return Typed(functools.reduce(lambda left, right: left + "-" + right, parts), "text")
    if column.expression is not None:
        return reader.compile(column.expression)
    constant = column.constant
    if isinstance(constant, bool):
        return Typed(ibis.literal(constant), "yes_no")
    return Typed(ibis.literal(str(constant)), "text")


def _decoded(reader: Compiler, item: Typed, name: str, column: ColumnMap) -> tuple[Typed, _Problems]:
    """Codes as the words that the study gives them."""
    text = reader.text(item)
    known = column.codes or {}
    kept = text if column.other == "keep" else ibis.null("string")
    value = ibis.cases(*[(text == code, ibis.literal(word)) for code, word in known.items()], else_=kept)
    if column.other != "set_aside":
        return Typed(value, "text"), []
    return Typed(value, "text"), [
        (text.notnull() & text.notin(list(known)), f"{name} has a code that the study does not list")
    ]


def _typed(reader: Compiler, item: Typed, kind: str, column: ColumnMap) -> read.Parsed:
    if kind == TEXT:
        return read.Parsed(reader.text(item), ibis.literal(False))
    if kind == YES_NO:
        return read.to_yes_no(item.value, column)
    if kind == WHOLE:
        return read.to_whole(item.value, reader.reading)
    if kind in (MONEY, QUANTITY, SHARE):
        return read.to_number(item.value, reader.reading, kind)
    if item.kind == "time" and not item.column:  # an expression's: on the shop's clock already
        return read.Parsed(item.value.cast(kind), ibis.literal(False))
    parsed = read.to_time(item.value, reader.reading, reader.zone)
    return read.Parsed(parsed.value.cast(kind), parsed.unread, parsed.swapped)


def _left_out(raw: ir.Table, mapping: TableMapping, table: str, zone: str) -> ir.StringValue:
    """Why a row is none of this table's: the study's rules in order, then what stands twice."""
    branches: _Problems = [
        (_test(raw, rule.when, mapping, zone, f"{table}.leave_out"), rule.reason)
        for rule in mapping.leave_out
    ]
    if mapping.duplicates != "keep":
        there = raw._as_read.type().names
        drop = mapping.duplicates == "drop"
        names = there if drop else [column_named(c, there) for c in mapping.duplicates]
        keys = [raw._as_read[name] for name in names]
        # What a rule leaves out is no first row: the next one like it stays.
        kept = [_first(branches).isnull()] if branches else []
        first = ibis.window(group_by=[*keys, *kept], order_by=["_file", "_row"])
        again = ibis.row_number().over(first) > 0
        parted = raw._problem.isnull() if "_problem" in raw.columns else ibis.literal(True)
        once = f"one row a {', '.join(mapping.duplicates)}: its first is kept"
        branches.append((again & parted, "stands there already" if drop else once))
    return _first(branches)


def _is_return(
    raw: ir.Table, values: dict[str, ir.Value], mapping: TableMapping, table: str, zone: str
) -> ir.BooleanValue | None:
    if mapping.returns is None:
        return None
    if mapping.returns.when is not None:
        return _test(raw, mapping.returns.when, mapping, zone, f"{table}.returns")
    return (values["quantity"] < 0) | (values["amount"] < 0)


def _test(raw: ir.Table, text: str, mapping: TableMapping, zone: str, where: str) -> ir.BooleanValue:
    reader = Compiler(raw, mapping.reading(ColumnMap(constant="")), zone)
    try:
        return reader.yes_no(reader.compile(text), text)
    except CrmError as error:
        raise type(error)(f"{where}: {error}") from None


def _with_returns(result: ir.Table, mapping: TableMapping) -> ir.Table:
    if mapping.returns is None:
        return result
    if mapping.returns.written == "positive":
        result = negated(result, result._is_return)
    if mapping.returns.lines == "netted":
        result = netted(result, "_is_return")
    return result.drop("_is_return")


def _trimmed(raw: ir.Table) -> ir.Table:
    """Columns without blanks, taken off once for whatever reads them; as they were read, in ``_as_read``."""
    columns = {name: raw[name] for name in raw.columns if name not in LINEAGE}
    return engine.as_view(
        raw.mutate(_as_read=ibis.struct(columns), **{n: read.trimmed(c) for n, c in columns.items()})
    )


def _first(
    branches: list[tuple[ir.BooleanValue, str]] | list[tuple[ir.BooleanValue, ir.StringValue]],
) -> ir.StringValue:
    """The reason of the first test that is true; null where none is."""
    if not branches:
        return ibis.null("string")
    return ibis.cases(*branches, else_=ibis.null("string"))


def _cut(mapping: TableMapping, there: list[str]) -> set[str]:
    """Columns of which the mapping takes a part alone (the town of an address, the year of a birthday)."""
    columns = mapping.columns.values()
    whole = {c.column for c in columns if c.column}
    cut = {name for c in columns if c.expression for name in columns_cut(c.expression)}
    return {column_named(name, there) for name in cut - whole}


def _raw_text(raw: ir.Table, used: set[str], cut: set[str]) -> ir.StringValue:
    """The columns that were read, as JSON; no other: what the mapping does not name may name a person.

    Of a column that it takes a part of the text says no more than that it is there: a row that is set aside
    keeps no more of a person than one that is loaded.
    """
    hidden = ibis.literal(CUT)
    made = "customer_id" if "customer_id" not in used else CUSTOMER
    shown = {
        made if name == CUSTOMER else name: (
            raw._as_read[name].isnull().ifelse(ibis.null("string"), hidden)
            if name in cut
            else raw._as_read[name].cast("string")
        )
        for name in raw.columns
        if name in used
    }
    text = ibis.struct(shown).cast("json").cast("string") if shown else ibis.null("string")
    return ibis.coalesce(raw._raw, text) if "_raw" in raw.columns else text
