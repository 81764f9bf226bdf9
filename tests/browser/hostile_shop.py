"""A shop whose every name is meant to do harm: its files, loaded and reported by the real pipeline."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from made_run import PAYLOADS
from tiny import ROOT, TINY, write_tiny_shop

from crm_utils.runner.pipeline import run_study
from crm_utils.runner.plan import Request

__all__ = ["hostile_report"]


def hostile_report(root: Path) -> Path:
    """Run the project's own notebooks on it; the report's folder."""
    for part in ("studies", "raw"):
        (root / part).mkdir(parents=True)
    shutil.copytree(ROOT / "notebooks", root / "notebooks")
    title = PAYLOADS[0].replace("'", "''")
    study = TINY.replace("title: Tiny shop", f"title: '{title}'")
    (root / "studies" / "tiny.yaml").write_text(study, encoding="utf-8")
    write_tiny_shop(root / "raw", households=120, seed=20170101)
    _rename(root / "raw")
    return run_study(root, Request("tiny"))


def _rename(raw: Path) -> None:
    """Give every payload to a product, in each of its columns, and to campaigns and attributes."""
    rng, count = np.random.default_rng(1), len(PAYLOADS)

    def names(shift: int) -> list[str]:
        return [PAYLOADS[(place + shift) % count] for place in range(count)]

    columns = ["department", "product_category", "product_type", "brand", "package_size"]
    products = pd.DataFrame(
        {"product_id": range(1, count + 1)} | {c: names(k) for k, c in enumerate(columns)}
    )
    products.to_parquet(raw / "products.parquet", index=False)
    lines = pd.read_parquet(raw / "transactions.parquet")
    # Few are bought much, so that tables and pictures have something to name.
    lines["product_id"] = np.minimum(rng.geometric(0.06, len(lines)), count)
    lines = lines.drop_duplicates(["basket_id", "product_id"])
    lines.to_parquet(raw / "transactions.parquet", index=False)
    for file, changed in {
        "campaign_descriptions": ["campaign_type"],
        "demographics": ["age", "income", "home_ownership", "household_comp"],
    }.items():
        frame = pd.read_parquet(raw / f"{file}.parquet")
        for column in changed:
            frame[column] = [PAYLOADS[k] for k in rng.integers(0, count, len(frame))]
        frame.to_parquet(raw / f"{file}.parquet", index=False)
