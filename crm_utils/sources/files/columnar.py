"""Parquet: typed columns as they are, rows numbered by the file itself."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from crm_utils.errors import DataError
from crm_utils.sources.files.finding import Found
from crm_utils.sources.files.options import FileTable
from crm_utils.sources.files.part import Part, Place, used_columns
from crm_utils.tools.sql_text import identifier, literal, path_literal

__all__ = ["footer_of", "read"]


def read(place: Place, files: list[Found], mapping: FileTable) -> Part:
    """Raw rows of all files, columns by their names.

    Raises
    ------
    DataError
        A file is damaged, packed, or lacks a column.
    """
    rows = {}
    for file in files:
        footer = footer_of(file)
        rows[file.name] = min(footer.num_rows, place.sample or footer.num_rows)
        there = footer.schema.to_arrow_schema().names
        used = used_columns(mapping, there, table=place.table, name=file.name)
    paths = [literal(str(file.path)) for file in files]
    names = f"MAP([{', '.join(paths)}], [{', '.join(literal(file.name) for file in files)}])[filename]"
    columns = ", ".join(identifier(name) for name in used)
    table = place.con.sql(
        f"SELECT {columns}, {names} AS _file, file_row_number + 1 AS _row FROM read_parquet("
        f"[{', '.join(path_literal(file.path) for file in files)}], filename = true, "
        "file_row_number = true, union_by_name = true, hive_partitioning = false)"
        + (f" WHERE file_row_number < {place.sample}" if place.sample else "")
    )
    return Part(table=table, rows=rows)


def footer_of(file: Found) -> pq.FileMetaData:
    """What a Parquet file says of itself.

    Raises
    ------
    DataError
        It is damaged, or none.
    """
    try:
        return pq.read_metadata(file.path)
    except (pa.ArrowInvalid, OSError):
        raise DataError(f"{file.name} cannot be read: it is damaged, or no Parquet file.") from None
