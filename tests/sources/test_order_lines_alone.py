"""Every notebook runs on order lines alone: what is optional may be empty."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from tiny import ROOT, TINY

from crm_utils.runner.pipeline import run_study
from crm_utils.runner.plan import Request

pytestmark = pytest.mark.slow


def test_a_shop_with_order_lines_alone_runs_too_and_on_an_earlier_day(project: Path) -> None:
    """No profile, no message, no product known."""
    for name in ("demographics", "campaigns", "coupon_redemptions", "products", "campaign_descriptions"):
        file = project / "raw" / f"{name}.parquet"
        pd.read_parquet(file).iloc[:0].to_parquet(file, index=False)
    (project / "studies" / "tiny.yaml").write_text(TINY, encoding="utf-8")
    shutil.copytree(ROOT / "notebooks", project / "notebooks", dirs_exist_ok=True)
    assert (run_study(project, Request("tiny", as_of="2017-09-30")) / "index.html").is_file()
