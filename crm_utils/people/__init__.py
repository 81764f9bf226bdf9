"""Who is behind each row of someone's data? Identifiers become one customer_id; nothing else of them stays.

A study says of a table which of its columns name a person, and how: ``person: {account: ID, email: E-mail}``.
Here these columns leave the rows, hashed under the key and joined (see ``identity``), and what they said goes
to the key map, which lies apart (see ``key_map``). E-mails and phones are normalised first; a name or an
address joins nobody.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import ibis
import ibis.backends.duckdb
import ibis.expr.types as ir
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from crm_utils.errors import DataError, StudyError
from crm_utils.mapping import TableMapping, apply
from crm_utils.mapping.compiling import CUSTOMER
from crm_utils.mapping.expressions import column_named
from crm_utils.people import joining, key_map, pseudonyms

__all__ = ["People", "PeopleOptions", "fingerprint", "identify", "report"]

#: Kinds with one of these words join nobody, whatever stands around it: two people share a name or a house.
_NEVER_JOIN = ("name", "address")
#: The report of what was joined, in the load's scratch folder.
_REPORT = "identity.json"
#: Nobody is so many people; a chain of shared keys is.
LARGEST = 1_000

_OTHER_ACCOUNT = "another account of a customer who is there already"

Persons = Mapping[str, Mapping[str, str]]


class PeopleOptions(BaseModel):
    """How people are told apart: part of a source's options.

    Attributes
    ----------
    country
        The country code of phone numbers that are written without one: ``82`` for Korea.
    joins_at_most
        A key that meets more others of one kind (a phone with more accounts) is nobody's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    country: Annotated[str, StringConstraints(pattern=r"^([1-9][0-9]{0,2})?$")] = ""
    joins_at_most: Annotated[int, Field(ge=1, le=1_000)] = 10


def fingerprint(persons: Persons) -> str:
    """What a snapshot remembers of the key; empty where no table names a person.

    Parameters
    ----------
    persons
        For each table the kinds of what names a person there, and the columns that hold them.

    Raises
    ------
    StudyError
        There is no key in the environment, or a table names people by what never joins.

    Examples
    --------
    >>> fingerprint({"order_lines": {}})
    ''
    """
    for table, person in persons.items():
        if person and not any(map(_joins, person)):
            raise StudyError(
                f"person of {table} names {' and '.join(person)} alone, by which nobody is told apart. "
                "Add an account, card, email or phone."
            )
    return pseudonyms.read_key().fingerprint if any(persons.values()) else ""


@dataclass(frozen=True)
class People:
    """Whose each combination of a table's identifiers is; made by :func:`identify`.

    Attributes
    ----------
    who
        For each table with a person the combinations, as they stand, and their ``customer_id``.
    columns
        For each of them the kinds, and the columns that hold them.
    """

    who: dict[str, ir.Table] = field(default_factory=dict)
    columns: Persons = field(default_factory=dict)

    def apply(self, rows: ir.Table, mapping: TableMapping, *, table: str, zone: str) -> ir.Table:
        """Canonical columns by the mapping, with the customer instead of what names one.

        Parameters
        ----------
        rows
            The rows that :func:`identify` saw, or more of the same columns.
        mapping, table, zone
            As for :func:`crm_utils.mapping.apply`.

        Returns
        -------
        ibis Table
            As :func:`crm_utils.mapping.apply` gives it. ``customer_id`` is null where a row names nobody, or
            only by a key that is nobody's. Of a customer with several accounts the one that joined first
            stands in ``customers``; the others are left out, and counted.
        """
        if table not in self.who:
            return apply(rows, mapping, table=table, zone=zone)
        mapped = apply(self._named(table, rows), mapping, table=table, zone=zone)
        return _once(mapped) if table == "customers" else mapped

    def _named(self, table: str, rows: ir.Table) -> ir.Table:
        columns = self.columns[table]
        right = self.who[table].select(*[f"raw_{kind}" for kind in columns], found="customer_id")
        same = [rows[column].identical_to(right[f"raw_{kind}"]) for kind, column in columns.items()]
        kept = {name: rows[name] for name in rows.columns if name not in columns.values()}
        return rows.left_join(right, same).select(**kept, **{CUSTOMER: right.found})


def identify(
    con: ibis.backends.duckdb.Backend,
    raws: dict[str, ir.Table],
    persons: Persons,
    options: PeopleOptions,
    scratch: Path,
    *,
    named: Mapping[str, ir.Table] | None = None,
) -> People:
    """Find out who is behind the rows of all tables.

    Parameters
    ----------
    con
        The DuckDB that ``raws`` live on.
    raws
        What was read, by table, as often as it is scanned: for the identifiers here, then for the rows.
    persons
        For each table what names a person there: kind and column.
    options
        The country of the phone numbers, and the guard.
    scratch
        The load's own folder, readable by its owner alone. The key map and a report are left in it.
    named
        Of tables whose reader has counted them already: each combination of the columns that name a person,
        and how many rows have it (``crm_rows``). Others are counted here, which reads them once more.

    Raises
    ------
    StudyError
        There is no key in the environment.
    DataError
        So many keys hang together that they cannot be one person's.
    """
    columns = {
        table: {kind: column_named(name, list(raws[table].columns)) for kind, name in person.items()}
        for table, person in persons.items()
        if person and table in raws
    }
    if not columns:
        return People()
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    pseudonyms.prepare(con, pseudonyms.read_key())
    counted = {table: raws[table].mutate(crm_rows=1) for table in columns} | dict(named or {})
    seen = {table: _sightings(con, counted[table], table, columns[table], options) for table in columns}
    members = con.create_table("crm_members", _members(seen, _kinds(columns), options), temp=True)
    _report(members, scratch)
    who = {
        table: con.create_table(f"crm_who_{table}", _who(rows, members, _kinds(columns)), temp=True)
        for table, rows in seen.items()
    }
    key_map.write(con, _known(who, columns), scratch)
    # Rows keep their order only where they, not the people, are what the join walks along.
    con.con.execute("SET disabled_optimizers = 'build_side_probe_side'")
    return People(who, columns)


def report(scratch: Path) -> dict[str, Any] | None:
    """What :func:`identify` joined, for the snapshot's manifest; None where no table names a person.

    Returns
    -------
    dict or None
        keys (for each kind: how many, and how many of them are nobody's), customers, merges (how many
        customers were joined from how many keys).
    """
    try:
        summary: dict[str, Any] = json.loads((scratch / _REPORT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return summary


def _once(customers: ir.Table) -> ir.Table:
    joined = [customers.joined_on] if "joined_on" in customers.columns else []
    order = [customers._problem.notnull(), *joined, customers._file, customers._row]
    again = ibis.row_number().over(ibis.window(group_by="customer_id", order_by=order)) > 0
    is_other = again & customers.customer_id.notnull() & customers._problem.isnull()
    reason = ibis.coalesce(customers._left_out, is_other.ifelse(_OTHER_ACCOUNT, ibis.null("string")))
    return customers.mutate(_left_out=reason)


def _members(seen: dict[str, ir.Table], kinds: list[str], options: PeopleOptions) -> ir.Table:
    nothing = ibis.null("string")
    sightings = [
        rows.select(**{k: rows[f"key_{k}"] if f"key_{k}" in rows.columns else nothing for k in kinds})
        for rows in seen.values()
    ]
    return joining.join_people(functools.reduce(ir.Table.union, sightings), most=options.joins_at_most)


def _kinds(persons: Persons) -> list[str]:
    """What joins people, in the order in which the study names it first: the first names a person best."""
    every = (kind for person in persons.values() for kind in person)
    return list(dict.fromkeys(kind for kind in every if _joins(kind)))


def _joins(kind: str) -> bool:
    return not any(word in kind.lower() for word in _NEVER_JOIN)


def _sightings(
    con: ibis.backends.duckdb.Backend,
    raw: ir.Table,
    table: str,
    person: Mapping[str, str],
    options: PeopleOptions,
) -> ir.Table:
    """Each combination of a table's identifiers once: as they stand, normalised, and as keys."""
    rows = raw.group_by(**{f"raw_{kind}": raw[column] for kind, column in person.items()}).agg(
        rows=raw.crm_rows.sum().cast("int64")
    )
    values = {
        f"value_{kind}": pseudonyms.normalised(_text(rows[f"raw_{kind}"]), kind, country=options.country)
        for kind in person
    }
    rows = rows.mutate(**values)
    keys = {
        f"key_{kind}": pseudonyms.pseudonym(rows[f"value_{kind}"], kind) for kind in person if _joins(kind)
    }
    return con.create_table(f"crm_seen_{table}", rows.mutate(**keys), temp=True)


def _text(value: ir.Value) -> ir.StringValue:
    # A spreadsheet's or pandas' whole number: 1001.0 is the account 1001.
    text = value.cast("string")
    return text.re_replace(r"\.0+$", "") if value.type().is_floating() else text


def _who(rows: ir.Table, members: ir.Table, kinds: list[str]) -> ir.Table:
    """Whose each combination is: its first key that is somebody's says it."""
    columns = []
    for kind in (k for k in kinds if f"key_{k}" in rows.columns):
        of_kind = members.filter(members.kind == kind)
        of_kind = of_kind.select(**{f"key_{kind}": "key", f"customer_{kind}": "customer_id"})
        rows = rows.left_join(of_kind, f"key_{kind}").drop(f"key_{kind}_right")
        columns.append(f"customer_{kind}")
    return rows.mutate(customer_id=ibis.coalesce(*[rows[name] for name in columns])).drop(*columns)


def _known(who: dict[str, ir.Table], persons: Persons) -> ir.Table:
    """What is known of each customer: kind, value, and how many rows say so."""
    parts = [
        rows.filter(rows.customer_id.notnull() & rows[f"value_{kind}"].notnull()).select(
            "customer_id", kind=ibis.literal(kind), value=f"value_{kind}", rows="rows"
        )
        for table, rows in who.items()
        for kind in persons[table]
    ]
    known = functools.reduce(ir.Table.union, parts)
    return known.group_by("customer_id", "kind", "value").agg(rows=known["rows"].sum().cast("int64"))


def _report(members: ir.Table, scratch: Path) -> None:
    """Leave behind what was joined; refuse what cannot be a person."""
    sizes = joining.merges(members).execute()
    largest = int(sizes["keys"].max()) if len(sizes) else 0
    if largest > LARGEST:
        raise DataError(
            f"{largest:,} identifiers hang together, more than one person has: some are shared, each by few. "
            "Lower people.joins_at_most in the study, or leave the kind out that is shared."
        )
    of_kind = members.group_by("kind").agg(
        keys=members.count(), shared=members.customer_id.isnull().sum().cast("int64")
    )
    summary = {
        "keys": of_kind.order_by("kind").execute().to_dict("records"),
        "customers": int(sizes["customers"].sum()),
        "merges": sizes.to_dict("records"),
    }
    (scratch / _REPORT).write_text(json.dumps(summary), encoding="utf-8")
