"""A CSV file to a checked snapshot, against the bare engine and pandas."""

from __future__ import annotations

import shutil
import statistics
import sys
from functools import partial
from pathlib import Path

import grow
from compared import HEAD, PEERS_UP_TO, ROUNDS, agree, compared
from measure import Aim, Measurement, in_turn, ratio, task

__all__ = ["csv_files", "load_anew"]

_CSV = """
## A CSV file to a snapshot

Eight columns of text, about 60 bytes a line. Ours looks at every byte for its encoding, hashes the file,
parts each line by the marks that the study declares, counts the lines by themselves, makes each customer a
pseudonym, reads each value as declared, checks each row, and writes Parquet with a manifest and a key map.
The engine alone guesses types from the first lines, and so does pandas."""


def csv_files(folder: Path, sizes: list[int]) -> tuple[list[str], list[Aim]]:
    """One CSV file to a snapshot, against the bare engine and pandas."""
    lines, aims = [_CSV], []
    for millions in sizes:
        source = folder / f"csv-{millions}"
        source.mkdir()
        grow.write_csv(source / "orders.csv", millions)
        print(f"CSV of {millions} million lines", flush=True)
        names = ["csv_ours", "csv_bare"] + (["csv_pandas"] if millions <= PEERS_UP_TO else [])
        timings = in_turn(
            {name: partial(load_anew, name, source, folder) for name in names}, rounds=ROUNDS.get(millions, 3)
        )
        shutil.rmtree(source)
        agree(timings)
        lines += [f"\n### {millions} million lines\n", HEAD, *compared(timings, "csv_ours")]
        times = statistics.median(ratio(timings["csv_ours"], timings["csv_bare"]))
        peak = max(m.peak_gb for m in timings["csv_ours"])
        if millions >= PEERS_UP_TO:
            what = f"CSV of {millions} million lines to a snapshot"
            aims += [Aim(f"{what}: within 3 times the bare engine", f"{times:.1f} times", times <= 3)]
            aims += [Aim(f"{what} in less than 6 GB", f"{peak:.2f} GB", peak < 6)]
        if millions == PEERS_UP_TO:
            faster = statistics.median(ratio(timings["csv_pandas"], timings["csv_ours"]))
            aims += [Aim(f"{what}: at least 5 times as fast as pandas", f"{faster:.1f} times", faster >= 5)]
            bare = statistics.median(ratio(timings["csv_pandas"], timings["csv_bare"]))
            lines.append(
                f"\nThe bare engine is {bare:.1f} times as fast as pandas on this file. More is out of "
                "reach for whoever reads it with this engine, even doing nothing else."
            )
    return lines, aims


def load_anew(name: str, source: Path, folder: Path) -> Measurement:
    """Measure one load into an empty folder, which is removed afterwards."""
    target = folder / "loaded"
    try:
        return task(sys.executable, name, source, target, cwd=folder)
    finally:
        shutil.rmtree(target, ignore_errors=True)
