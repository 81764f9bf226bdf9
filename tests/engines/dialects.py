"""Can a reduction be said in other engines' SQL? Every expression that it executes is compiled for them."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
from engines.compare import settle
from engines.reductions import CASES
from engines.shop import Shop, write_shop
from ibis.backends.duckdb import Backend
from ibis.common.exceptions import IbisError
from tiny import ROOT

__all__ = ["DIALECTS", "missing", "page"]

DIALECTS = {"postgres": "PostgreSQL", "bigquery": "BigQuery", "snowflake": "Snowflake"}


class Recorder(Backend):
    """A DuckDB that remembers what it was asked."""

    asked: list[ir.Expr]

    def to_pyarrow(self, expr: ir.Expr, /, **options: Any) -> Any:
        self.asked.append(expr)
        return super().to_pyarrow(expr, **options)

    def execute(self, expr: ir.Expr, /, **options: Any) -> Any:
        self.asked.append(expr)
        return super().execute(expr, **options)

    def to_pyarrow_batches(self, expr: ir.Expr, /, **options: Any) -> Any:
        self.asked.append(expr)
        return super().to_pyarrow_batches(expr, **options)

    def _create_cached_table(self, name: str, expr: ir.Table) -> ir.Table:
        self.asked.append(expr)
        return super()._create_cached_table(name, expr)


def missing() -> dict[str, dict[str, list[str]]]:
    """What each dialect cannot say, by reduction: Ibis' own words, nothing where it can say all."""
    con = Recorder()
    con.do_connect(threads=1)
    con.asked, lacking = [], {}
    with tempfile.TemporaryDirectory() as folder:
        write_shop(Path(folder), seed=20240229)
        shop = Shop(con, Path(folder))
        for name in sorted(CASES):
            con.asked.clear()
            settle(CASES[name](shop))
            assert con.asked, f"{name} executed nothing: there is nothing to compile."
            lacking[name] = {d: sorted({m for e in con.asked if (m := _refusal(e, d))}) for d in DIALECTS}
    return lacking


def page(lacking: dict[str, dict[str, list[str]]]) -> str:
    """``docs/engines.md``: a row a module, and below it what is missing where."""
    modules: dict[str, list[str]] = {}
    for name in lacking:
        modules.setdefault(_module(name), []).append(name)
    rows = []
    for module, names in modules.items():
        cells = []
        for dialect in DIALECTS:
            refused = sum(bool(lacking[name][dialect]) for name in names)
            cells.append(f"{len(names) - refused} of {len(names)}" if refused else "all")
        rows.append(f"| {module} | {len(names)} | {' | '.join(['same tables', *cells])} |")
    head = ["module", "reductions", "DuckDB and Spark", *DIALECTS.values()]
    table = [f"| {' | '.join(head)} |", "|---" * len(head) + "|", *rows]
    refusals = [
        f"- {DIALECTS[dialect]}: {words}: {', '.join(f'`{name}`' for name in names)}"
        for (dialect, words), names in _by_refusal(lacking).items()
    ]
    kept = json.loads((ROOT / "benchmarks" / "parts" / "home.json").read_text(encoding="utf-8"))
    home: list[str] = kept["lines"]
    return "\n".join([_TEXT, *table, "\nWhat does not compile, and Ibis' reason:\n", *refusals, *home]) + "\n"


def _module(name: str) -> str:
    return ".".join(part for part in name.split(".")[:-1] if part.islower())


def _by_refusal(lacking: dict[str, dict[str, list[str]]]) -> dict[tuple[str, str], list[str]]:
    refused: dict[tuple[str, str], list[str]] = {}
    for name, by_dialect in lacking.items():
        for dialect, refusals in by_dialect.items():
            for words in refusals:
                refused.setdefault((dialect, words), []).append(name)
    return refused


def _refusal(expr: ir.Expr, dialect: str) -> str:
    try:
        ibis.to_sql(expr, dialect=dialect)
    except (IbisError, NotImplementedError) as error:  # the second: functions of our own, in Python
        return str(error)
    return ""


_TEXT = """# What runs where

This page is generated (`python tests/write_engines.py`), and a test says when it is out of date.

Every analysis has two halves. The *reductions*, which bring lines and orders down to a row a customer or
less, are Ibis expressions and run where the data are. Models, tests and pictures work on what is left, in
pandas, on the machine that runs the notebook. A reduction is a public function that takes an Ibis table;
the list is found by looking for them, not kept by hand.

| part | engine |
|---|---|
| reading sources, snapshots, checks while loading | DuckDB; Spark for a catalogue's tables |
| `run.table`, `run.load`, `run.save` in a notebook | DuckDB or Spark, as the study says |
| reductions | DuckDB and Spark, tested; other engines as far as the table says |
| models, tests, rules, pictures | pandas, NumPy, SciPy, scikit-learn |

- **DuckDB and Spark**: each reduction runs on both over the same Parquet files, made of edge cases (guests,
  ties to the microsecond, one-order customers, returns, free orders, days when clocks change, 29 February,
  the last moment before a day ends, names in Hangul), and whole tables are compared: counts, days, text and
  decimals exactly, floating point to 12 digits. Spark thinks in another time zone meanwhile.
  `nox -s spark` runs it.
- **PostgreSQL, BigQuery, Snowflake**: every expression that a reduction executes is compiled for them. Ibis
  refuses there what it cannot say in an engine's SQL. That it can be said does not prove that the engine
  gives the same table: run the parity test against yours before you rely on it.
"""
