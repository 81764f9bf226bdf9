"""Do the saved lists of a run say the same of one customer? Every name that two lists share is compared."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

__all__ = ["disagreements"]

_OWN = {"customer_id", "held_out", "holdout", "offer", "item", "low", "high"}
"""Decided list by list: what is sent, who is held out of it, the ends of the list's own number."""


def disagreements(tables: Path) -> tuple[list[str], set[str]]:
    """What two lists of customers say differently, and the names that were compared.

    Parameters
    ----------
    tables
        The folder ``tables`` of a run. A list may have several rows a customer: each is held to the others.
    """
    frames = {path.stem: pd.read_parquet(path) for path in sorted(tables.glob("*.parquet"))}
    lists = {name: frame for name, frame in frames.items() if "customer_id" in frame.columns}
    wrong, compared = [], set()
    for one, other in combinations(lists, 2):
        shared = set(lists[one].columns) & set(lists[other].columns) - _OWN
        both = lists[one].merge(lists[other], on="customer_id", suffixes=("", " there"))
        for name in sorted(shared):
            compared.add(name)
            count = int((~_same(both[name], both[f"{name} there"])).sum())
            if count:
                wrong.append(f"{name} of {one} and {other}: {count} of {len(both)} customers")
    return wrong, compared


def _same(here: pd.Series, there: pd.Series) -> np.ndarray:
    neither = (here.isna() & there.isna()).to_numpy()
    if pd.api.types.is_numeric_dtype(here) and pd.api.types.is_numeric_dtype(there):
        a, b = (column.to_numpy(dtype=float, na_value=np.nan) for column in (here, there))
        return np.asarray(np.isclose(a, b, rtol=1e-6, atol=1e-9) | neither)
    alike = here.astype(object) == there.astype(object)
    return np.asarray(alike.to_numpy(dtype=bool) | neither)
