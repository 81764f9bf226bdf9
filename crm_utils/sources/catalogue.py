"""Tables of a catalogue that Spark knows, read where they lie: nothing is copied, they keep the contract.

A study names the database; the tables in it are canonical ones, by name, column and type (data/README.md). A
load looks at every row and refuses what a copy would have set aside.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
from pydantic import BaseModel, ConfigDict, StringConstraints

from crm_utils.errors import DataError, StudyError, known_names
from crm_utils.sources import Decision, Input, Raw, Reading
from crm_utils.tables import TABLES, TableSpec

__all__ = ["DECISIONS", "IN_PLACE", "VERSION", "Options", "inputs", "read", "table"]

VERSION = 1
#: The tables stay where they are.
IN_PLACE = True
DECISIONS = (
    Decision(
        "all", "tables change where they lie", "each run counts them anew; it must not overlap a change"
    ),
)


class Options(BaseModel):
    """What a study's ``source`` may hold.

    Attributes
    ----------
    database
        Where the tables are, as Spark names it: ``crm``, or ``lake.crm`` with its catalogue.
    tables
        For a canonical table its name there, where that is another.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    database: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)?$")]
    tables: dict[str, Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]+$")]] = {}


def inputs(reading: Reading) -> list[Input]:
    """Each table that is there, with what it is known again by: columns, rows, the newest of what is cut.

    Raises
    ------
    StudyError
        The study's engine is no Spark, or it maps a table that is no canonical one.
    DataError
        There is no such database, no order lines, or a column has another type than the contract's.
    """
    options = reading.study.source_options(Options)
    if reading.con.name != "pyspark":
        raise StudyError(
            "A catalogue's tables are read by Spark: add 'engine: {kind: spark, …}' to the study."
        )
    for name in options.tables:
        if name not in TABLES:
            raise StudyError(f"source.tables: '{name}' is no canonical table. {known_names(name, TABLES)}")
    there = _listed(reading.con, options.database)
    named = {name: options.tables.get(name, name) for name in TABLES}
    for name, own in named.items():
        if own not in there and (name == "order_lines" or name in options.tables):
            raise DataError(f"{options.database} has no table '{own}'. {known_names(own, there)}")
    return [_input(reading, name, f"{options.database}.{own}") for name, own in named.items() if own in there]


def read(reading: Reading, inputs: list[Input]) -> Raw:
    """The tables with where each row is from; a row has no number in a catalogue."""
    tables, rows = {}, {}
    for item in inputs:
        whole = table(reading.con, item.shown, TABLES[item.becomes])
        whole = whole if reading.sample is None else whole.limit(reading.sample)
        tables[item.becomes] = whole.mutate(
            _file=ibis.literal(item.shown), _row=ibis.literal(0, "int64"), _raw=ibis.null("string")
        )
        if reading.sample is None:
            rows[item.becomes] = {item.shown: int(json.loads(item.path.read_text("utf-8"))["rows"])}
    return Raw(tables, rows, in_place=True)


def table(con: Any, name: str, spec: TableSpec) -> ir.Table:
    """One table of a catalogue with the contract's columns in their order; what it lacks is null.

    Raises
    ------
    DataError
        A column has another type than the contract's.
    """
    database, _, own = name.rpartition(".")
    rows = con.table(own, database=tuple(database.split(".")) if "." in database else database)
    instants = con.instants(name)
    for column in spec.columns:
        if column.name in instants:
            raise DataError(
                f"{name}.{column.name} is a TIMESTAMP: an instant, whose day depends on a zone. Write the "
                "shop's clock there, as TIMESTAMP_NTZ."
            )
    for column in spec.columns:
        if column.name in rows.columns and not _fits(rows[column.name].type(), ibis.dtype(column.type)):
            kind = rows[column.name].type()
            raise DataError(f"{name}.{column.name} is {kind}, and has to be {column.type}.")
    own_columns = {
        c.name: rows[c.name].cast(c.type) if c.name in rows.columns else ibis.null(c.type)
        for c in spec.columns
    }
    more = [c for c in rows.columns if c not in own_columns]
    if more and not spec.extra:
        allowed = known_names(more[0], own_columns, label="It may have")
        raise DataError(f"{name} may not have a column '{more[0]}'. {allowed}")
    return rows.select(**own_columns, **{c: rows[c] for c in more})


def _listed(con: Any, database: str) -> list[str]:
    if database.rpartition(".")[2] not in con.list_databases(catalog=database.rpartition(".")[0] or None):
        raise DataError(f"Spark knows no database '{database}'. See engine.settings for its catalogue.")
    listed: list[str] = con.list_tables(database=database)
    return listed


def _input(reading: Reading, name: str, own: str) -> Input:
    spec = TABLES[name]
    rows = table(reading.con, own, spec)
    newest = rows[spec.cut].max().cast("string")
    counted = rows.aggregate(rows=rows.count(), newest=newest).to_pyarrow().to_pylist()[0]
    known = {"table": own, "columns": {c: str(kind) for c, kind in rows.schema().items()}} | counted
    path = reading.scratch / f"{name}.json"
    path.write_text(json.dumps(known, sort_keys=True), encoding="utf-8")
    return Input(path, name, own)


def _fits(kind: dt.DataType, wanted: dt.DataType) -> bool:
    if wanted.is_decimal():
        whole = wanted.precision - wanted.scale
        return bool(kind.is_integer() or (
            kind.is_decimal() and kind.scale <= wanted.scale and kind.precision - kind.scale <= whole
        ))  # fmt: skip
    if wanted.is_timestamp():
        return bool(kind.is_timestamp() and not kind.timezone)
    if wanted.is_integer():
        return bool(kind.is_integer())
    return type(kind) is type(wanted)
