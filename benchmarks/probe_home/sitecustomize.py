"""How much do notebooks take home from the engine? Counts each table that leaves DuckDB for Python.

Python imports this file by itself where its folder is on PYTHONPATH; it does nothing unless CRM_PROBE_HOME
names a folder, where each process leaves a line a table: rows and bytes.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import Any


def watch(out: Path) -> None:
    while (module := sys.modules.get("ibis.backends.duckdb")) is None or not hasattr(module, "Backend"):
        time.sleep(0.005)
    backend = module.Backend
    relation, batches = backend._to_duckdb_relation, backend.to_pyarrow_batches

    def note(rows: int, size: int) -> None:
        with out.open("a", encoding="utf-8") as lines:
            lines.write(f"{rows} {size}\n")

    class Counted:
        def __init__(self, rows: Any) -> None:
            self._rows = rows

        def __getattr__(self, name: str) -> Any:
            return getattr(self._rows, name)

        def to_arrow_table(self, *args: Any) -> Any:
            table = self._rows.to_arrow_table(*args)
            note(table.num_rows, table.nbytes)
            return table

    def in_batches(*args: Any, **kwargs: Any) -> Any:
        import pyarrow as pa

        def counted(reader: Any) -> Any:
            for batch in reader:
                note(batch.num_rows, batch.nbytes)
                yield batch

        reader = batches(*args, **kwargs)
        return pa.RecordBatchReader.from_batches(reader.schema, counted(reader))

    backend._to_duckdb_relation = lambda *args, **kwargs: Counted(relation(*args, **kwargs))
    backend.to_pyarrow_batches = in_batches


if os.environ.get("CRM_PROBE_HOME") and "ipykernel" in " ".join(sys.orig_argv):
    out = Path(os.environ["CRM_PROBE_HOME"]) / f"{os.getpid()}.txt"
    out.touch()
    threading.Thread(target=watch, args=(out,), daemon=True).start()
