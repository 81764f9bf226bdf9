"""PostgreSQL, MySQL, MariaDB and SQLite: a table or a query for each canonical table.

All are read in one transaction, read-only and repeatable, so that orders and customers are of one moment.
Only the columns that the study maps are asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import ibis
import ibis.expr.types as ir
from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

from crm_utils import engine, people
from crm_utils.mapping import TableMapping, check_columns, columns_used
from crm_utils.people import PeopleOptions
from crm_utils.sources import Decision, Input, Raw, Reading
from crm_utils.sources.database.address import read_address
from crm_utils.sources.database.sessions import INSTANT, YES_NO
from crm_utils.sources.database.staging import Query, digest, kinds_of, stage

if TYPE_CHECKING:
    import ibis.backends.duckdb

__all__ = ["DECISIONS", "VERSION", "Options", "inputs", "read"]

VERSION = 1
DECISIONS = (
    Decision(
        "all", "a database changes while it is read", "one read-only transaction shows one moment of it"
    ),
    Decision("all", "rows come in any order", "the snapshot's id counts what they hold, not how they came"),
    Decision("all", "times with a zone (timestamptz, MySQL's TIMESTAMP)", "moments: onto the shop's clock"),
    Decision("all", "dates that are none (0000-00-00, infinity)", "the row is set aside, with the value"),
)


class DatabaseTable(TableMapping):
    """One canonical table: a table of the database, or a query; the rest as in every mapping."""

    table: Annotated[str, StringConstraints(min_length=1)] | None = None
    query: Annotated[str, StringConstraints(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> DatabaseTable:
        if (self.table is None) == (self.query is None):
            raise ValueError("write either table or query")
        return self


class Options(BaseModel):
    """The options of ``source: {kind: database}``.

    Attributes
    ----------
    url
        Where the database is, without user and password.
    credentials
        User and password are the environment's ``<credentials>_USER`` and ``<credentials>_PASSWORD``.
    people
        How people are told apart.
    tables
        By canonical table.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    url: Annotated[str, StringConstraints(min_length=1)]
    credentials: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")] = "CRM_DATABASE"
    people: PeopleOptions = PeopleOptions()
    tables: dict[str, DatabaseTable]

    @model_validator(mode="after")
    def _contract(self) -> Options:
        if "order_lines" not in self.tables:
            raise ValueError("tables must have 'order_lines': nothing can be said without orders")
        for table, mapping in self.tables.items():
            check_columns(table, mapping)
        return self

    @property
    def persons(self) -> dict[str, dict[str, str]]:
        """What names a person, by table."""
        return {table: mapping.person for table, mapping in self.tables.items()}


def inputs(reading: Reading) -> list[Input]:
    """What the study asks of the database, put down as one file a table: everything, or the first rows."""
    options = reading.study.source_options(Options)
    key = people.fingerprint(options.persons)
    address = read_address(options.url, prefix=options.credentials, root=reading.root)
    queries = {table: _query(table, mapping, address.kind) for table, mapping in options.tables.items()}
    staged = stage(address, queries, reading.scratch / "staged", most=reading.sample)
    return [
        Input(path, table, name=queries[table].shown, digest=digest(path), key=key)
        for table, path in staged.items()
    ]


def read(reading: Reading, inputs: list[Input]) -> Raw:
    """The canonical tables, from the files that :func:`inputs` put down."""
    options = reading.study.source_options(Options)
    raws = {item.becomes: _rows(reading.con, item).limit(reading.sample) for item in inputs}
    who = people.identify(reading.con, raws, options.persons, options.people, reading.scratch)
    mapped = {
        table: who.apply(rows, options.tables[table], table=table, zone=reading.study.timezone)
        for table, rows in raws.items()
    }
    return Raw(mapped)


def _query(table: str, mapping: DatabaseTable, kind: str) -> Query:
    def wanted(there: list[str]) -> list[str]:
        return columns_used(mapping, there, table=table)

    if mapping.query is not None:
        return Query(f"({mapping.query.strip().rstrip(';')}\n) AS crm_query", f"the query of {table}", wanted)
    mark = "`" if kind == "mysql" else '"'
    parts = [f"{mark}{part.replace(mark, mark * 2)}{mark}" for part in str(mapping.table).split(".")]
    return Query(".".join(parts), f"table {mapping.table}", wanted)


def _rows(con: ibis.backends.duckdb.Backend, item: Input) -> ir.Table:
    """The rows as they were read, moments and answers in their types, the others as the server wrote them."""
    rows = engine.read(con, item.path, name=f"crm_staged_{item.becomes}", numbered=True)
    kinds = kinds_of(item.path)
    typed = {name: rows[name].try_cast("timestamp('UTC')") for name, kind in kinds.items() if kind == INSTANT}
    typed |= {name: rows[name].isin(["t", "true", "1"]) for name, kind in kinds.items() if kind == YES_NO}
    unread = [
        (rows[name].notnull() & typed[name].isnull(), ibis.literal(f"{name} cannot be read as a time"))
        for name, kind in kinds.items()
        if kind == INSTANT
    ]
    problem = ibis.cases(*unread, else_=ibis.null("string")) if unread else ibis.null("string")
    lineage = {"_file": ibis.literal(item.shown), "_row": rows.file_row_number + 1, "_problem": problem}
    return rows.select(**{name: typed.get(name, rows[name]) for name in kinds}, **lineage)
