"""What do several notebooks of a run need? Made by the first that asks, read by the others.

It lies in the folder that a run's kernels share (``CRM_SHARED``) and goes with it. A notebook opened by hand
has no such folder, and a Spark holds its own: both make everything themselves.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
from pydantic import TypeAdapter

from crm_utils import engine
from crm_utils.features import ShopFacts

__all__ = ["shared_facts", "shared_table"]

_FACTS = TypeAdapter(ShopFacts)


def shared_table(
    con: Any, name: str, make: Callable[[], ir.Table], *, order_by: list[str] | None = None
) -> ir.Table:
    """A table that is worked out once a run, or once a notebook where a run shares nothing.

    Parameters
    ----------
    con
        The engine that reads it.
    name
        What it is called among the run's tables.
    make
        Says how it is made, where nobody has made it yet.
    order_by
        Columns by which its rows are put in order, where it is shared: rows that are grouped together most
        often are read a third faster where they lie together.
    """
    folder = os.environ.get("CRM_SHARED")
    if not folder or con.name == "pyspark":
        return engine.keep(make())
    path = Path(folder) / f"{name}.parquet"
    if not path.exists():
        _put(path, lambda own: engine.write(con, make(), own, order_by=order_by))
    return engine.read(con, path)


def shared_facts(make: Callable[[], ShopFacts]) -> ShopFacts:
    """The facts of the run's data and day, found once a run."""
    folder = os.environ.get("CRM_SHARED")
    if not folder:
        return make()
    path = Path(folder) / "facts.json"
    if path.exists():
        return _FACTS.validate_json(path.read_bytes())
    facts = make()
    _put(path, lambda own: own.write_bytes(_FACTS.dump_json(facts)))
    return facts


def _put(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file whole or not at all; of two who are at it, the first stays, as the others may read it."""
    own = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        write(own)
        with suppress(FileExistsError):
            os.link(own, path)
    finally:
        own.unlink(missing_ok=True)
