"""What does a notebook leave behind? Tables, named numbers and findings, as files that never vary.

The same results give the same bytes: rows have an order, numbers a stated precision, keys are sorted.
Every file is written beside its place and moved there whole.
"""

from __future__ import annotations

import csv
import datetime as dt
import html
import json
import math
from decimal import Decimal
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from crm_utils import engine, wording
from crm_utils.errors import RunError
from crm_utils.tools import durable
from crm_utils.tools.csv_text import harmless

__all__ = ["CSV_ROWS", "DIGITS", "exact", "show", "write_results", "write_table"]

SCHEMA_VERSION = 1
#: A saved table with at most this many rows is also written as CSV, for people with a spreadsheet; a report's
#: index says so where it is not. Spreadsheets hold a million rows, and become slow long before.
CSV_ROWS = 200_000
#: Of a share in a CSV: people read it. Parquet keeps every digit.
CSV_DIGITS, CSV_DECIMALS = 4, 2
_BATCH = 20_000
#: Significant digits of a recorded number: cents of ten million, and no trace of the order of additions.
DIGITS = 10


def write_table(
    con: Any, folder: Path, name: str, table: Any, order_by: list[str] | None = None
) -> dict[str, Any]:
    """Write one table as Parquet, and as CSV up to :data:`CSV_ROWS` rows.

    Parameters
    ----------
    con
        The engine an Ibis table lives on.
    folder, name
        ``folder/name.parquet`` is written; the folder is made.
    table
        Ibis table, pandas DataFrame (its index is left out), Arrow table, or a RecordBatchReader, whose
        batches are written as they come.
    order_by
        Columns that order an Ibis table's rows; all from the left by default. The others keep their order.

    Returns
    -------
    dict
        rows, columns, files: as they stand in the results.

    Raises
    ------
    RunError
        The table is of another kind.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.parquet"
    with durable.replacing(path) as temporary:
        _write_parquet(con, temporary, name, table, order_by)
    kept = pq.read_metadata(path)
    files = [path.name]
    if kept.num_rows <= CSV_ROWS:
        files.append(_write_csv(path))
    return {"rows": kept.num_rows, "columns": kept.schema.names, "files": files}


def write_results(
    folder: Path,
    notebook: str,
    as_of: str,
    *,
    numbers: dict[str, dict[str, Any]],
    findings: list[dict[str, Any]],
    actions: list[dict[str, Any]],
    warnings: list[dict[str, Any]],
    sure: list[str],
    cannot: dict[str, Any] | None,
    tables: dict[str, dict[str, Any]],
) -> None:
    """Write ``results/<notebook>.json``: what one notebook found, for the pages and for other programs."""
    record = {
        "schema_version": SCHEMA_VERSION,
        "notebook": notebook,
        "as_of": as_of,
        "numbers": dict(sorted(numbers.items())),
        "cannot": cannot,
        "warnings": warnings,
        "actions": actions,
        "sure": sure,
        "findings": findings,
        "tables": dict(sorted(tables.items())),
    }
    path = folder / "results" / f"{notebook}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    durable.replace(path, json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def exact(name: str, value: Any) -> Any:
    """A value as results keep it: whole numbers whole, others to :data:`DIGITS` significant digits.

    Raises
    ------
    RunError
        It is no finite number, text, day or None.
    """
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, dt.date) and value is not pd.NaT:
        return value.isoformat()
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real | Decimal) and math.isfinite(value):
        return float(f"{float(value):.{DIGITS}g}")
    raise RunError(
        f"{name} = {value!r} is not a finite number, a text or a day. Record None where it cannot be told."
    )


def show(sentence: str, kind: str, *, anchor: str = "") -> None:
    """Show a sentence where a notebook shows its output; escaped, with a plain text beside it.

    Two amounts in dollars would be a formula to JupyterLab, but for the class that keeps MathJax away.
    """
    from IPython.display import display  # in a kernel it is there already; others need none of it

    attributes = f'class="{kind} {wording.NO_FORMULA}"' + (f' id="{anchor}"' if anchor else "")

    display(  # type: ignore[no-untyped-call]
        {"text/plain": sentence, "text/html": f"<p {attributes}>{html.escape(sentence)}</p>"}, raw=True
    )


def _write_parquet(con: Any, path: Path, name: str, table: Any, order_by: list[str] | None) -> None:
    if isinstance(table, pd.DataFrame):
        table = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
    if isinstance(table, pa.Table):
        pq.write_table(table, path, compression="zstd")
    elif isinstance(table, pa.RecordBatchReader):
        with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
            for batch in table:
                writer.write_batch(batch)
    elif isinstance(table, ir.Table):
        engine.write(con, table, path, order_by=order_by or list(table.columns))
    else:
        raise RunError(
            f"'{name}' is a {type(table).__name__}. Save an Ibis table, a DataFrame, an Arrow table or "
            "Arrow batches."
        )


def _write_csv(parquet: Path) -> str:
    """Write a table for a spreadsheet: UTF-8 with a mark, text that would be a formula made harmless."""
    path = parquet.with_suffix(".csv")
    table = pq.ParquetFile(parquet)
    with (
        durable.replacing(path) as temporary,
        temporary.open("w", encoding="utf-8-sig", newline="") as file,
    ):
        writer = csv.writer(file)  # RFC 4180: rows end in CR LF, so that either in a text is quoted
        writer.writerow([harmless(name) for name in table.schema_arrow.names])
        for batch in table.iter_batches(_BATCH):
            columns = [column.to_pylist() for column in batch.columns]  # by place: names may stand twice
            writer.writerows([_cell(v) for v in row] for row in zip(*columns, strict=True))
    return path.name


def _cell(value: Any) -> Any:
    """A value as people read it: amounts to cents, shares to four digits, lists as words."""
    if isinstance(value, float) and math.isfinite(value):
        return round(value, CSV_DECIMALS) if abs(value) >= 1 else float(f"{value:.{CSV_DIGITS}g}")
    if isinstance(value, list):
        value = "; ".join(map(str, value))
    return harmless(value)
