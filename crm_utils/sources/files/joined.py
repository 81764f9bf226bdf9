"""Lines whose order stands in another file: a row of that file beside each of theirs, by a key.

The key is there once in the other file, or the load is refused: else lines would count several times. A line
that finds no row there is set aside with that reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import ibis
import ibis.expr.types as ir

from crm_utils.errors import DataError, known_names
from crm_utils.mapping import columns_named
from crm_utils.mapping.expressions import column_named
from crm_utils.mapping.reading import of_an_id, to_text, trimmed
from crm_utils.sources.files import columnar, delimited, json_lines, workbook
from crm_utils.sources.files.finding import Found
from crm_utils.sources.files.options import FileTable, Join
from crm_utils.sources.files.part import Part, Place, plain_text

__all__ = ["read_joined"]

Reader = Callable[[Place, list[Found], FileTable], Part]
_OWN = {"_file", "_row", "_problem", "_raw"}


def read_joined(
    place: Place,
    files: list[Found],
    mapping: FileTable,
    joined: list[list[Found]],
    readers: Mapping[str, Reader],
) -> tuple[Part, list[dict[str, int]]]:
    """Raw rows of a table's files, with the columns that stand in others.

    Parameters
    ----------
    place, files, mapping
        As for the reader of one format.
    joined
        For each of the study's joins its files.
    readers
        By format.

    Returns
    -------
    part : Part
        The rows of ``files``, no more and no fewer.
    rows : list of dict
        For each join the rows of its files, by name.

    Raises
    ------
    DataError
        A column stands in none of the files, or a key is there several times.
    """
    there = [_header(place, files[0], mapping)]
    asked = [mapping.model_copy(update=_settings(join)) for join in mapping.join]
    there += [_header(place, other_files[0], one) for other_files, one in zip(joined, asked, strict=True)]
    homes: list[dict[str, str]] = [{} for _ in there]
    for name in dict.fromkeys(
        [*columns_named(mapping), *(own for join in mapping.join for own in join.keys)]
    ):
        home = next((n for n, header in enumerate(there) if _named(name, header)), None)
        if home is None:
            every = [column for header in there for column in header]
            known = known_names(name, every, label="They have")
            raise DataError(f"{place.table}: no file of it has a column '{name}'. {known}")
        homes[home][name] = _named(name, there[home])
    part = readers[files[0].format](place, files, _reading(mapping, list(homes[0].values())))
    rows = []
    for n, (join, other_files, one) in enumerate(zip(mapping.join, joined, asked, strict=True), start=1):
        own, theirs = join.keys[0], join.others[0]
        wanted = [*homes[n].values(), _named(theirs, there[n]) or theirs]
        # All of it: the rows of a sample may belong to any of these.
        whole = replace(place, table=f"{place.table}_join{n}", sample=None)
        other = readers[other_files[0].format](whole, other_files, _reading(one, list(dict.fromkeys(wanted))))
        rows.append(other.rows)
        right = _once(other.table, wanted[-1], homes[n], name=other_files[0].name)
        numbered = None if part.numbered is None else _beside(part.numbered, right, own, other_files[0].name)
        part = Part(_beside(part.table, right, own, other_files[0].name), part.rows, numbered)
    return part, rows


def _settings(join: Join) -> dict[str, object]:
    return join.model_dump(exclude={"by"}) | {"join": []}


def _reading(mapping: FileTable, wanted: list[str]) -> FileTable:
    """The same file, read for these columns alone."""
    columns = {f"c{n}": {"column": name} for n, name in enumerate(wanted)}
    plain = FileTable.model_validate({"files": mapping.files, "columns": columns})
    same = {name: getattr(mapping, name) for name in Join.model_fields if name not in ("by", "files")}
    return plain.model_copy(update=same)


def _named(name: str, header: list[str]) -> str:
    try:
        return column_named(name, header)
    except KeyError:
        return ""


def _header(place: Place, file: Found, mapping: FileTable) -> list[str]:
    """The columns of a file, whatever its format."""
    if file.format == "parquet":
        return list(columnar.footer_of(file).schema.to_arrow_schema().names)
    if file.format == "excel":
        with workbook.opened_sheet(file, mapping.sheet) as (values, _):
            return mapping.names or workbook.header_of(values, mapping.skip)[0]
    text = plain_text(replace(place, table=f"{place.table}_head", sample=1_000), 0, file, mapping)
    if file.format == "jsonl":
        return json_lines.keys_of(text)
    return delimited.header_of(text, mapping.model_copy(update={"format": file.format}), file.name)


def _key(value: ir.Value) -> ir.StringValue:
    return of_an_id(trimmed(to_text(value)))


def _once(rows: ir.Table, key: str, kept: dict[str, str], *, name: str) -> ir.Table:
    """The other file's rows by their key, which is there once."""
    columns = {f"{column}": rows[column] for column in kept.values() if column not in _OWN}
    keyed = rows.select(_key=_key(rows[key]), **columns).filter(lambda t: t._key.notnull())
    again = keyed.group_by("_key").agg(n=keyed.count()).filter(lambda t: t.n > 1).count().execute()
    if again:
        raise DataError(
            f"{name}: {again:,} values of '{key}' stand there more than once, so that a line would count "
            "several times. Join by a column that is there once, or remove the rows that stand twice."
        )
    return keyed


def _beside(rows: ir.Table, right: ir.Table, own: str, name: str) -> ir.Table:
    column = _named(own, rows.columns)
    others = right.select(**{f"right {c}": right[c] for c in right.columns})
    keyed = rows.mutate(**{"own key": _key(rows[column])})
    joined = keyed.left_join(others, keyed["own key"] == others["right _key"])
    problem = joined._problem if "_problem" in rows.columns else ibis.null("string")
    lone = joined["right _key"].isnull() & problem.isnull()
    reason = lone.ifelse(ibis.literal(f"{name} has no row of this {column}"), problem)
    taken = {c: joined[f"right {c}"] for c in right.columns if c != "_key" and c not in rows.columns}
    raw = {"_raw": ibis.null("string")} if "_raw" not in rows.columns else {}
    return joined.select(*[c for c in rows.columns if c != "_problem"], **taken, **raw, _problem=reason)
