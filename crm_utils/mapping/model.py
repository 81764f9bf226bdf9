"""What may a study say about how someone's columns become a canonical table? The section, checked.

Nothing here touches data: a misspelt column of the contract, an expression that cannot be read or a date
format without a year is refused before a file is opened.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from crm_utils.errors import known_names
from crm_utils.mapping.expressions import parse
from crm_utils.study.zones import zone_name
from crm_utils.tables import TABLES, TableSpec

__all__ = ["ColumnMap", "LeaveOut", "Reading", "Returns", "TableMapping", "check_columns"]

#: Kinds of time that are a count since 1970 in UTC, not text.
EPOCHS = {"epoch": 1, "epoch_ms": 1_000, "epoch_us": 1_000_000}
Text = Annotated[str, StringConstraints(min_length=1)]
Kind = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]


def _one_or_more(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _date_format(text: str) -> str:
    if text in ("iso", *EPOCHS):
        return text
    if not re.search(r"%[Yy]", text) or not re.search(r"%[mbB]", text) or "%d" not in text:
        raise ValueError(
            f"'{text}' is no date format. Write iso, epoch, epoch_ms, epoch_us, or one such as "
            "%d.%m.%Y %H:%M with day, month and year"
        )
    return text


def _expression(text: str) -> str:
    parse(text)
    return text


def _words(value: object) -> object:
    """Codes and marks are text in the data; a study may write a number."""
    if isinstance(value, dict):
        return {str(k): str(v) for k, v in value.items()}
    if isinstance(value, list):
        return [str(item) if isinstance(item, (int, float)) else item for item in value]
    return [str(value)] if isinstance(value, (str, int, float)) else value


Expression = Annotated[Text, AfterValidator(_expression)]
DateFormat = Annotated[str, AfterValidator(_date_format)]
Words = Annotated[list[str], BeforeValidator(_words)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Reading(_Section):
    """How text is to be read as numbers and times; for a table, and over that for a column.

    Attributes
    ----------
    decimal, thousands
        The marks within a number; without ``thousands`` a number that has such marks is not read.
    signs
        Texts that may stand around a number and mean nothing: ``["$", "KRW"]``.
    dates
        ``iso``, ``epoch``, ``epoch_ms``, ``epoch_us`` (counts since 1970, UTC), or strptime formats, tried in
        that order. A format with ``%z`` or ``%Z`` reads the offset or the zone's name and needs no zone, and
        so does an ``iso`` time that ends in ``UTC``.
    zone
        The zone of the times; the study's own when left out.
    empty
        Texts that mean "no value", beside the empty text: ``["NULL", "-"]``.
    """

    decimal: Literal[".", ","] | None = None
    thousands: Literal[",", ".", " ", "'"] | None = None
    signs: Annotated[list[Text], BeforeValidator(_one_or_more)] | None = None
    dates: Annotated[list[DateFormat], BeforeValidator(_one_or_more), Field(min_length=1)] | None = None
    zone: Annotated[str, AfterValidator(zone_name)] | None = None
    empty: Words | None = None


class ColumnMap(Reading):
    """Where one column of the contract comes from, and how it is read.

    Attributes
    ----------
    column, columns, constant, expression, each
        One of them: a column of the data, several put together with a minus (an id that is one only with
        its store), one value for all rows, an expression over columns (see
        :mod:`crm_utils.mapping.expressions`), or (``order_id`` of data without order numbers) what an order
        is: each ``row``, or all that a customer buys in a day (``customer_day``; a guest's row is one alone).
    anew
        Of ``order_id``: numbers begin anew each ``day``, ``month`` or ``year``, or in each ``file``; it is
        put in front.
    codes
        The data's codes and what they mean here: ``{1: web, 2: store}``.
    other
        A code that is not listed: its row is set aside, the code is kept, or the value is empty.
    yes, no
        Texts that mean yes and no, where they are not the usual ones.
    type
        For a customer's attribute beyond the contract: how it is kept.
    """

    column: Text | None = None
    columns: Annotated[list[Text], Field(min_length=2)] | None = None
    anew: Literal["file", "day", "month", "year"] | None = None
    constant: bool | int | float | str | None = None
    expression: Expression | None = None
    each: Literal["row", "customer_day"] | None = None
    codes: Annotated[dict[str, str], BeforeValidator(_words)] | None = None
    other: Literal["set_aside", "keep", "empty"] = "set_aside"
    yes: Words | None = None
    no: Words | None = None
    type: Literal["text", "number", "date", "yes_no"] = "text"

    def model_post_init(self, context: Any) -> None:
        """See that the value has one origin."""
        given = [self.column, self.columns, self.constant, self.expression, self.each]
        if sum(item is not None for item in given) != 1:
            raise ValueError("write one of column, columns, constant, expression, each")


def _column(value: object) -> object:
    return {"column": value} if isinstance(value, str) else value


class LeaveOut(_Section):
    """Rows that are none of this table's: which, and why. They are counted under the reason."""

    when: Expression
    reason: Text


class Returns(_Section):
    """Which lines take goods back, how they are written, and what becomes of them.

    Attributes
    ----------
    when
        True for a return: a flag, or ``startswith(Invoice, "C")``. Left out: lines with a negative quantity
        or amount.
    written
        ``negative``: with a minus, as the contract has it. ``positive``: without; the minus is added.
    lines
        ``kept``: in the order they stand in. ``netted``: moved to the latest earlier order in which the same
        customer bought the same product, where there is one; time and amount stay.
    """

    when: Expression | None = None
    written: Literal["negative", "positive"] = "negative"
    lines: Literal["kept", "netted"] = "kept"

    def model_post_init(self, context: Any) -> None:
        """See that positive returns can be told from sales."""
        if self.written == "positive" and self.when is None:
            raise ValueError("returns written as positive need 'when', to be told from sales")


class TableMapping(Reading):
    """How rows of someone's data become rows of one canonical table.

    Attributes
    ----------
    columns
        For each column of the contract that the data have: a column's name, or a :class:`ColumnMap`.
    person
        The data's columns that say who a row's customer is (an account, an e-mail address, a phone number),
        each under what it is. Of them a ``customer_id`` is made before the mapping; none is kept.
    leave_out
        Rows that do not belong here, first rule first.
    returns
        Order lines only: how returns are told and kept.
    duplicates
        ``keep``, ``drop`` (rows equal in every column of the data), or the data's columns by which rows are
        equal. The first stays; the others are counted as left out.
    """

    columns: dict[str, Annotated[ColumnMap, BeforeValidator(_column)]]
    person: dict[Kind, Text] = {}
    leave_out: list[LeaveOut] = []
    returns: Returns | None = None
    duplicates: Literal["keep", "drop"] | Annotated[list[Text], Field(min_length=1)] = "keep"

    @property
    def counts_rows(self) -> bool:
        """Whether an order is told by its row, so that the number of each row is needed."""
        return any(column.each for column in self.columns.values())

    def reading(self, column: ColumnMap) -> Reading:
        """How a column is read: what it says itself, else what its table says, else the usual."""
        usual = {"decimal": ".", "thousands": None, "signs": [], "dates": ["iso"], "zone": None, "empty": []}
        settings = {
            name: next((v for v in (getattr(column, name), getattr(self, name)) if v is not None), value)
            for name, value in usual.items()
        }
        return Reading.model_validate(settings)


def check_columns(table: str, mapping: TableMapping) -> None:
    """See that a mapping fills a canonical table, its required columns above all.

    Raises
    ------
    ValueError
        The text says which column is unknown, or missing.
    """
    if table not in TABLES:
        raise ValueError(f"no table '{table}'. {known_names(table, TABLES, label='There are')}")
    spec: TableSpec = TABLES[table]
    names = [column.name for column in spec.columns]
    for name in mapping.columns:
        if name not in names and not spec.extra:
            raise ValueError(f"{table} has no column '{name}'. {known_names(name, names)}")
        if mapping.columns[name].anew and (table, name) != ("order_lines", "order_id"):
            raise ValueError("'anew' belongs to the order_id of order_lines")
        if mapping.columns[name].each and (table, name) != ("order_lines", "order_id"):
            raise ValueError("'each' belongs to the order_id of order_lines")
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise ValueError(f"'{name}' is no column's name: small letters, digits and _")
    if mapping.person and ("customer_id" in mapping.columns or "customer_id" not in names):
        raise ValueError("'person' makes the customer_id of a table that has one; do not map it as well")
    made = {"customer_id"} if mapping.person else set()
    for name in spec.required:
        if name not in mapping.columns.keys() | made:
            raise ValueError(f"{table} needs a column '{name}': map one, or write a constant")
    if mapping.returns and table != "order_lines":
        raise ValueError(f"returns belong to order_lines, not to {table}")
