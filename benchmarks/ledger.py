"""What points owe: ten and a hundred million rows of a ledger."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from compared import HEAD, compared
from ledger_tasks import write_ledger
from measure import Aim, in_turn, task

__all__ = ["ledger"]

_LEDGER = """
## What points owe

From a ledger and orders in Parquet, ten rows a customer over two years, to every point's fate (first in,
first out) and to the liability by silence and age with its looks back on earlier quarters."""


def ledger(folder: Path, sizes: list[int]) -> tuple[list[str], list[Aim]]:
    """Fates and liability, by millions of rows."""
    lines, aims = [_LEDGER], []
    warm = folder / "ledger-warm"
    warm.mkdir(exist_ok=True)
    write_ledger(str(warm), 0.01)
    for size in sizes:
        place = folder / f"ledger-{size}"
        place.mkdir(exist_ok=True)
        write_ledger(str(place), size)
        print(f"{size} million rows of a ledger", flush=True)
        lines += [f"\n### {size} million rows\n", HEAD]
        for name in ("fates_ours", "owed_ours"):
            runs = in_turn(
                {name: partial(task, sys.executable, name, place, cwd=folder, warm=warm)},
                rounds=1,
            )
            lines += compared(runs, name)
        for path in place.iterdir():
            path.unlink()
        minutes = max(m.seconds for m in runs["owed_ours"]) / 60
        peak = max(m.peak_gb for m in runs["owed_ours"])
        what = f"what {size} million rows of a ledger owe"
        aims.append(Aim(f"{what}: within 10 minutes", f"{minutes:.1f} minutes", minutes <= 10))
        aims.append(Aim(f"{what}: less than 8 GB", f"{peak:.2f} GB", peak < 8))
    return lines, aims
