"""The simulated shop in a project of its own, for tests: its snapshot, its truth, and SQL over both."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd

from crm_utils import loading
from crm_utils.snapshots import Snapshot
from crm_utils.sources import demo_shop
from crm_utils.study import Study, read_study

__all__ = ["DemoShop", "load_demo"]

STUDY = """\
title: Demo shop
source: {{kind: demo_shop, world: {world}, customers: {customers}, seed: {seed}}}
timezone: Asia/Seoul
currency: KRW
as_of: 2025-12-31
history_starts: 2024-01-01
"""


@dataclass(frozen=True)
class DemoShop:
    """A loaded demo shop."""

    root: Path
    study: Study
    snapshot: Snapshot

    @property
    def truth(self) -> Path:
        return demo_shop.truth(self.study, self.root)

    def sql(self, query: str) -> pd.DataFrame:
        """A query over the canonical tables and, as true_customers, true_outcomes and so on, the truth."""
        with duckdb.connect() as con:
            files = {name: self.snapshot.path(name) for name in self.snapshot.tables}
            files |= {f"true_{path.stem}": path for path in self.truth.glob("*.parquet")}
            for name, path in files.items():
                con.execute(f"CREATE VIEW {name} AS FROM '{path}'")
            return con.sql(query).df()


def load_demo(root: Path, *, world: str = "full", customers: int, seed: int = 3) -> DemoShop:
    """Make a project with one study of the demo shop, and load it."""
    (root / "studies").mkdir(parents=True)
    text = STUDY.format(world=world, customers=customers, seed=seed)
    (root / "studies" / "demo.yaml").write_text(text, encoding="utf-8")
    study = read_study(root, "demo")
    snapshot, _ = loading.load(root, study)
    return DemoShop(root, study, snapshot)
