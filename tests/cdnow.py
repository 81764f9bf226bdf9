"""CDNOW's sample of customers, as the package lifetimes brings it along; its old pandas does not fit ours.

The file is looked for in the folder of published data (CRM_TEST_DATA, or beside the project); else the
package alone, without what it needs, is put into a folder of the tests and its file is read.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
from tiny import ROOT

__all__ = ["CUT_OFF", "END", "cdnow_orders", "cdnow_text"]

CUT_OFF, END = dt.date(1997, 9, 30), dt.date(1998, 6, 30)
_NAME, _PACKAGE = "CDNOW_sample.txt", "lifetimes==0.11.3"


def cdnow_text(folder: Path) -> str | None:
    """The file's text; None where it is neither there nor to be had."""
    beside = Path(os.environ.get("CRM_TEST_DATA") or ROOT.parent / "shared" / "data") / _NAME
    if beside.is_file():
        return beside.read_text(encoding="ascii")
    scripts = Path(sys.executable).parent
    uv = shutil.which("uv", path=f"{scripts}{os.pathsep}{os.environ.get('PATH', '')}")
    install = [uv, "pip"] if uv else [sys.executable, "-m", "pip"]
    command = [*install, "install", "--no-deps", "--quiet", "--target", str(folder), _PACKAGE]
    with contextlib.suppress(subprocess.SubprocessError, OSError):
        subprocess.run(command, capture_output=True, timeout=120, check=True)
    brought = folder / "lifetimes" / "datasets" / _NAME
    return brought.read_text(encoding="ascii") if brought.is_file() else None


def cdnow_orders(text: str) -> ir.Table:
    """The canonical orders: one a customer and line of the file."""
    columns = ["master", "customer_id", "day", "cds", "amount"]
    frame = pd.read_csv(io.StringIO(text), sep=r"\s+", names=columns, dtype=str)
    table = pa.table({
        "order_id": [str(k) for k in range(len(frame))], "customer_id": frame["customer_id"].tolist(),
        "ordered_at": pd.to_datetime(frame["day"], format="%Y%m%d"), "amount": frame["amount"].tolist(),
        "lines": [1] * len(frame),
    })  # fmt: skip
    return ibis.memtable(table).cast({"amount": "decimal(18, 2)", "ordered_at": "timestamp(6)"})
