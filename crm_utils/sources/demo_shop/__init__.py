"""A clothes shop in Seoul that does not exist: every canonical table, and every truth behind it known.

The option ``world`` chooses what is true (see :mod:`crm_utils.sources.demo_shop.worlds`): ``full`` (all that
a shop has) or ``pure`` (BG/NBD and Gamma-Gamma to the letter). ``customers`` and ``seed`` choose size and
draw. It reads no file. What nobody in a shop could know is in no table; tests and exercises get it from
:func:`truth`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field

from crm_utils import engine
from crm_utils.errors import StudyError
from crm_utils.sources import Input, Raw, Reading
from crm_utils.sources.demo_shop import ads, canonical, fulfilment, pure, standing
from crm_utils.sources.demo_shop.block import BLOCK, Block, stream
from crm_utils.sources.demo_shop.catalogue import stock
from crm_utils.sources.demo_shop.columns import moments
from crm_utils.sources.demo_shop.decisions import DECISIONS
from crm_utils.sources.demo_shop.outcomes import of_buyers, of_customers, of_lost, of_lots, of_scenarios
from crm_utils.sources.demo_shop.worlds import PURE

if TYPE_CHECKING:
    from crm_utils.study import Study

__all__ = ["DECISIONS", "SIMULATED", "VERSION", "Options", "inputs", "read", "truth"]

VERSION = 3
SIMULATED = True
MOST_CUSTOMERS = 100_000_000
MOST_SEED = 2**63 - 1


class Options(BaseModel):
    """What a study may say of it: the world, its size and its draw."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    world: Literal["full", "pure"] = "full"
    customers: Annotated[int, Field(ge=1, le=MOST_CUSTOMERS)] = 10_000
    seed: Annotated[int, Field(ge=0, le=MOST_SEED)] = 1


def inputs(reading: Reading) -> list[Input]:
    """No file is read."""
    return []


def read(reading: Reading, inputs: list[Input]) -> Raw:
    """Canonical tables of the world that the study names; a sample is a block of customers.

    Blocks go to disk, so that memory holds one of them at a time.
    """
    options, con, scratch = reading.study.source_options(Options), reading.con, reading.scratch
    customers = options.customers if reading.sample is None else min(options.customers, BLOCK)
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    names = _write(scratch, _seen(options.world, customers, options.seed))
    for name in names:
        engine.read(con, scratch / f"{name}.parquet", name=name, numbered=True)
    sampled = "" if customers == options.customers else f"the first {customers:,} customers"
    return Raw({name: con.sql(_QUERY.format(name=name)) for name in names}, sampled=sampled)


def truth(study: Study, root: Path) -> Path:
    """What no table tells: a folder with ``customers.parquet`` and, in the full world, both outcomes.

    Drawn again from the study's seed when it is not there yet; see
    :mod:`crm_utils.sources.demo_shop.outcomes` for the columns. For tests, and for exercises that compare an
    estimate with what is so.

    Parameters
    ----------
    study
        A study of this source.
    root
        The project's folder; the files are written to ``data/truth/<study>/<id>/`` in it.

    Raises
    ------
    StudyError
        The study is of another source, or an option has a value that it cannot have.
    """
    if study.kind != "demo_shop":
        raise StudyError(
            f"study '{study.name}' is of kind '{study.kind}': only a simulated shop's truth is known."
        )
    options = study.source_options(Options)
    settings = (options.world, options.customers, options.seed)
    digest = hashlib.sha256(json.dumps([VERSION, *settings]).encode()).hexdigest()[:16]
    folder = root / "data" / "truth" / study.name / digest
    if not folder.is_dir():
        building = folder.with_name(f".{digest}-{os.getpid()}")
        building.mkdir(parents=True, exist_ok=True)
        _write(building, _known(*settings))
        try:
            building.rename(folder)
        except OSError:  # another process was faster, with the same bytes
            shutil.rmtree(building)
    return folder


def _sizes(customers: int) -> Iterator[tuple[int, int]]:
    """Number and size of each block."""
    for number, first in enumerate(range(0, customers, BLOCK)):
        yield number, min(BLOCK, customers - first)


def _seen(world: str, customers: int, seed: int) -> Iterator[dict[str, pa.Table]]:
    """What the shop sees, block by block."""
    counts: dict[str, int] = defaultdict(int)
    yield {"products": canonical.products(priced=world == "full")}
    if world == "full":
        yield {
            "campaigns": canonical.campaigns(), "shelf": fulfilment.shelf(seed, customers),
            "marketing_costs": ads.marketing_costs(seed, customers),
        }  # fmt: skip
    for number, size in _sizes(customers):
        if world == "full":
            block = Block.simulate(seed, number, size, stock())
            yield canonical.tables(block, seed, number, counts)
        else:
            rng = stream(seed, number, "pure")
            yield pure.tables(rng, pure.simulate(rng, PURE, size), number * BLOCK, counts)


def _known(world: str, customers: int, seed: int) -> Iterator[dict[str, pa.Table]]:
    """What nobody in the shop knows, block by block."""
    for number, size in _sizes(customers):
        if world == "full":
            block = Block.simulate(seed, number, size, stock())
            yield {
                "customers": of_customers(block), "outcomes": of_lots(block),
                "scenarios": of_scenarios(block), "lost": of_lost(block),
                "asked": canonical.asked_of(block, seed, number),
                "reviews": standing.reviews(block), "referrals": standing.who_refers_whom(block),
                "visits": block.by_week, "holidays": pa.table({"moved_from": moments(block.moved)}),
            }  # fmt: skip
        else:
            buyers = pure.simulate(stream(seed, number, "pure"), PURE, size)
            yield {"customers": of_buyers(buyers, number * BLOCK)}


def _write(folder: Path, blocks: Iterable[dict[str, pa.Table]]) -> list[str]:
    """A Parquet file a table, block by block."""
    with contextlib.ExitStack() as files:
        writers: dict[str, pq.ParquetWriter] = {}
        for block in blocks:
            for name, table in block.items():
                if name not in writers:
                    writer = pq.ParquetWriter(folder / f"{name}.parquet", table.schema)
                    writers[name] = files.enter_context(writer)
                writers[name].write_table(table)
    return list(writers)


_QUERY = """
    SELECT t.* EXCLUDE (file_row_number), 'simulation' AS _file, t.file_row_number + 1 AS _row,
        CAST(to_json(t) AS VARCHAR) AS _raw
    FROM "{name}" t"""
