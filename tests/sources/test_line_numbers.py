"""The line of each row of files with lines that cannot be parted, however many these are."""

from __future__ import annotations

import random
from pathlib import Path

import duckdb
import ibis
import pandas as pd
from bad_input import HEAD, Case
from test_bad_input import put

from crm_utils import loading
from crm_utils.sources.files.line_numbers import BLOCK, FileRows, blocks, lines_of
from crm_utils.study import read_study


def test_lines_are_those_that_a_count_finds() -> None:
    """Files of all lengths around a block's, with none, few and many bad lines in any place, are counted."""
    draw = random.Random(7)
    with duckdb.connect() as con:
        for _ in range(40):
            files, expected = [], []
            for _ in range(draw.randint(1, 5)):
                bad = draw.choice([0, 1, 3, 300])
                parted = [True] * draw.choice([0, 1, 5, 255, 256, 257, 700]) + [False] * bad
                draw.shuffle(parted)
                above = draw.randint(0, 3)
                after = [sum(parted[:n]) for n, good in enumerate(parted) if not good]
                files.append(FileRows(sum(parted), above, after))
                expected += [above + n for n, good in enumerate(parted, start=1) if good]
            con.register("shifts", blocks(files))
            scan = f"(SELECT range FROM range({sum(file.good for file in files)}))"
            numbers = con.execute(f"SELECT _line FROM {lines_of(scan, 'shifts')} ORDER BY _n").fetchall()
            assert [line for (line,) in numbers] == expected


def test_a_row_is_held_against_the_bad_lines_of_its_block_alone() -> None:
    """However many there are: it took minutes when each row was held against each of them."""
    shifts = blocks([FileRows(good=60_000, above=1, after=list(range(0, 60_000, 2)))])
    assert sum(map(len, shifts["at"].to_pylist())) == 30_000 - len(
        shifts
    )  # a block's first shift stands apart
    assert max(map(len, shifts["at"].to_pylist())) <= BLOCK


def test_rows_are_named_by_their_line_between_thousands_that_cannot_be_parted(tmp_path: Path) -> None:
    """Every third line has a value too few; of the others, one in each file has an amount that is none."""
    lines = [
        "bad,line\n" if n % 3 == 0 else f"{n},c1,A,2024-02-29,1,{'x' if n == 6001 else 1}\n"
        for n in range(2, 60_000)
    ]
    # Two files of the same bytes are refused.
    files = {f"orders.{n}.csv": (HEAD + "".join(lines) + "\n" * n).encode() for n in (1, 2)}
    put(tmp_path, Case("many", files, table={"files": "orders.*.csv", "duplicates": ["Invoice", "Amount"]}))
    snapshot, _ = loading.load(tmp_path, read_study(tmp_path, "bad"))
    rows = snapshot.manifest["tables"]["order_lines"]
    bad = 2 * sum(n % 3 == 0 for n in range(2, 60_000))
    left_out = len(lines) - bad // 2
    assert (rows["read"], rows["quarantined"], rows["left_out"]) == (2 * len(lines), bad + 1, left_out)
    aside = pd.read_parquet(snapshot.folder / "quarantine" / "order_lines.parquet")
    unread = aside[aside["reason"] == "amount cannot be read as a number"]
    assert unread[["file", "row"]].to_numpy().tolist() == [["orders.1.csv", 6001]]
    assert (aside.drop(unread.index)["row"] % 3 == 0).all()
    kept = ibis.read_parquet(snapshot.path("order_lines")).order_id.cast("int64").execute()
    assert sorted(kept) == [n for n in range(2, 60_000) if n % 3 and n != 6001]
