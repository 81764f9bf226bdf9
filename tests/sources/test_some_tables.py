"""A shop records some tables and not others: does each page that reads a table do without those beside it?

``CRM_TABLES=all`` tries every table alone, and every table missing; the usual ones otherwise.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
import pyarrow.parquet as pq
import pytest
import yaml
from demo import load_demo
from random_shops import executed
from tiny import ROOT

PAGES = ("data_collection", "customer_journey", "ab_test", "feedback", "loyalty", "scorecard")
"""Notebooks that read these tables, and need no other notebook's lists."""
USUAL = {
    "events": ("customer_journey",),
    "messages": ("customer_journey", "ab_test"),
    "messages+campaigns": ("customer_journey", "ab_test"),
    "points": ("loyalty",),
    "tiers": ("loyalty",),
    "referrals": ("loyalty",),
    "feedback": ("feedback",),
    "asked+feedback": ("feedback",),
    "order_status": ("data_collection", "scorecard"),
    "consents": ("data_collection",),
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Mapping[str, Path]]:
    """A project, and the files of all tables of a small shop."""
    root = tmp_path_factory.mktemp("tables")
    demo = load_demo(root, customers=400)
    (root / "rules").symlink_to(ROOT / "rules")
    return root, {name: demo.snapshot.path(name) for name in demo.snapshot.tables}


def write_study(root: Path, files: Mapping[str, Path], name: str) -> str:
    """A study that reads these tables as they are."""
    tables = {
        table: {"files": str(path.relative_to(root)), "columns": {c: c for c in pq.read_schema(path).names}}
        for table, path in files.items()
    }
    study = {
        "title": name, "source": {"kind": "files", "folder": ".", "tables": tables},
        "timezone": "Asia/Seoul", "currency": "KRW", "as_of": "2025-12-31", "history_starts": "2024-01-01",
    }  # fmt: skip
    (root / "studies" / f"{name}.yaml").write_text(yaml.safe_dump(study, sort_keys=False), encoding="utf-8")
    return name


def cases(tables: list[str]) -> dict[str, tuple[str, ...]]:
    """What is recorded beside the order lines, by which pages are tried; ``-`` is all but this."""
    if os.environ.get("CRM_TABLES") != "all":
        return USUAL
    others = [name for name in tables if name != "order_lines"]
    return dict.fromkeys([*others, *(f"-{name}" for name in others)], PAGES)


def test_a_page_does_without_the_tables_that_are_not_recorded(shop: tuple[Path, Mapping[str, Path]]) -> None:
    mpl.use("Agg")
    root, files = shop
    failed = {}
    for number, (recorded, pages) in enumerate(cases([*files]).items()):
        names = recorded.removeprefix("-").split("+")
        kept = {
            n: f for n, f in files.items() if (n in names) != recorded.startswith("-") or n == "order_lines"
        }
        study = write_study(root, kept, f"some{number}")
        for page in pages:
            (notebook,) = (ROOT / "notebooks").glob(f"*_{page}.ipynb")
            status, why = executed(root, notebook, study)
            if status == "failed":
                failed[recorded, page] = why
    assert not failed
