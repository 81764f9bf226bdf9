"""What study would fit a SQLite file? Its tables are looked at as files are, headers joined to lines."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from crm_utils.errors import DataError
from crm_utils.proposal.choosing import table_of
from crm_utils.proposal.joins import joined_in, with_the_lines_key
from crm_utils.proposal.table import TableProposal
from crm_utils.sources.files.guessing import LINES, Looked

__all__ = ["Database", "is_database", "look_into"]

_HEAD = b"SQLite format 3\0"
#: Tables that are looked into.
_MOST_TABLES = 200
#: Of the customers (or products) in the lines, so many stand in the table of them.
_KNOWN = 0.5


@dataclass(frozen=True)
class Database:
    """Tables of a database that a study would read, and the names of those that it would not."""

    tables: list[tuple[str, TableProposal]]
    others: list[str]


def is_database(path: Path) -> bool:
    """Whether a file is one of SQLite, whatever it is called."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_HEAD)) == _HEAD


def look_into(path: Path) -> Database:
    """The tables that hold orders, and what goes with them.

    Parameters
    ----------
    path
        The file; it is read only.

    Raises
    ------
    DataError
        It is damaged, or none of its tables looks like orders.
    """
    try:
        with _opened(path) as con:
            looked = [_looked(con, name) for name in _tables_of(con)]
    except sqlite3.Error as error:
        raise DataError(f"{path.name} cannot be read: {error}.") from None
    names = [one.name for one in looked]
    parts = joined_in(names, [table_of(one) for one in looked], table_of)
    lines = [(name, table) for name, table in parts if table.table == "order_lines" and table.matches]
    if not lines:
        raise DataError(
            f"{path.name}: none of its tables looks like orders: {', '.join(names)}. Write the study by "
            "hand: docs/databases.md."
        )
    best = min(lines, key=lambda item: (len(item[1].missing), -item[1].looked.rows))
    kept = [best, *_beside(best[1], [item for item in parts if item[0] != best[0]])]
    used = {name for name, _ in kept} | {str(join["files"]) for join in _joins(best[1])}
    by_name = {one.name: one for one in looked}
    read = [(name, _read_as(name, table, by_name)) for name, table in kept]
    return Database(read, [name for name in names if name not in used])


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as con:
        con.text_factory = lambda raw: raw.decode("utf-8", "replace")
        yield con


def _tables_of(con: sqlite3.Connection) -> list[str]:
    rows = con.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name")
    return [name for (name,) in rows if not name.startswith("sqlite_")][:_MOST_TABLES]


def _looked(con: sqlite3.Connection, name: str) -> Looked:
    cursor = con.execute(f"SELECT * FROM {_identifier(name)} LIMIT {LINES}")
    columns = [column for column, *_ in cursor.description]
    rows = cursor.fetchall()
    texts = {c: ["" if r[n] is None else str(r[n]).strip() for r in rows] for n, c in enumerate(columns)}
    return Looked(name, "sqlite", texts, whole=len(rows) < LINES)


def _beside(lines: TableProposal, left: list[tuple[str, TableProposal]]) -> list[tuple[str, TableProposal]]:
    """The tables of the lines' customers and products: those that know most of them."""
    kept = []
    for table, key in (("customers", "customer_id"), ("products", "product_id")):
        there = set(lines.looked.columns.get(lines.source(key), []))
        known = []
        for name, candidate in left:
            of_kind = table_of(candidate.looked, table)
            if table == "products":
                of_kind = with_the_lines_key(of_kind, lines)
            own = of_kind.looked.columns.get(of_kind.source(key), [])
            share = len(there & set(own)) / len(there) if there else 0.0
            if share >= _KNOWN and len(set(own)) == len(own):
                known.append((share, -len(own), name, of_kind))
        if known:
            _, _, name, best = max(known, key=lambda item: item[:2])
            kept.append((name, best))
    return kept


def _joins(lines: TableProposal) -> list[dict[str, Any]]:
    joins: list[dict[str, Any]] = lines.looked.options.get("join", [])  # type: ignore[assignment]
    return joins


def _read_as(name: str, proposal: TableProposal, looked: Mapping[str, Looked]) -> TableProposal:
    """The same with what a study writes of where its rows come from: a table, or a query that joins."""
    joins = _joins(proposal)
    if not joins:
        return replace(proposal, looked=replace(proposal.looked, options={"table": name}))
    chosen, origin, there = ["l.*"], f"{_identifier(name)} l", set(looked[name].cells)
    for n, join in enumerate(joins, start=1):
        by = join["by"]
        own, theirs = (by, by) if isinstance(by, str) else next(iter(by.items()))
        brought = [c for c in looked[join["files"]].cells if c not in there and c != theirs]
        there |= set(brought)
        chosen += [f"j{n}.{_identifier(c)}" for c in brought]
        on = f"l.{_identifier(own)} = j{n}.{_identifier(theirs)}"
        origin += f" JOIN {_identifier(join['files'])} j{n} ON {on}"
    query = f"SELECT {', '.join(chosen)} FROM {origin}"
    return replace(proposal, looked=replace(proposal.looked, options={"query": query}))


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
