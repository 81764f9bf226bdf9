"""What the methods find in the simulated shop, against what was planted; and Hangul in every picture."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from demo import STUDY, DemoShop
from nbclient import NotebookClient
from outside_catalogue import words_outside
from tiny import ROOT

from crm_utils import engine, tables
from crm_utils.methods import cross_sell, segmentation
from crm_utils.runner.pipeline import run_study
from crm_utils.runner.plan import Request
from crm_utils.sources.demo_shop.worlds import FULL
from crm_utils.tables import TABLES, AsOf
from crm_utils.tools.language import PSEUDO

pytestmark = pytest.mark.slow
STARTS = dt.date(2024, 1, 1)


def test_adjusted_lift_finds_the_planted_pairs_and_no_others(demo_shop: DemoShop) -> None:
    con = engine.connect()
    lines, products = (con.read_parquet(demo_shop.snapshot.path(t)) for t in ("order_lines", "products"))
    baskets = cross_sell.code_baskets(cross_sell.lines_of_baskets(lines, products, level="subcategory"))
    pairs = cross_sell.pair_lift(cross_sell.count_pairs(baskets, min_support=0.01))
    planted = {frozenset(pair[:2]) for pair in FULL.affinities}
    both = zip(pairs.table["item"], pairs.table["other"], strict=True)
    table = pairs.table.assign(pair=[frozenset(pair) for pair in both])
    strongest = table.head(len(planted))
    assert set(strongest["pair"]) == planted
    assert (strongest["low"] > 2.5).all()
    # Taste, season and gender are shared by goods of one kind: a real association, and a weak one.
    assert table[len(planted) :]["adjusted_lift"].max() < 1.6


@pytest.mark.parametrize("day", [dt.date(2025, 8, 31), dt.date(2025, 12, 31)])
def test_stages_follow_the_planted_departures(demo_shop: DemoShop, day: dt.date) -> None:
    lines = engine.connect().read_parquet(demo_shop.snapshot.path("order_lines"))
    orders = tables.orders(tables.cut(lines, TABLES["order_lines"], AsOf.parse(day)))
    named = segmentation.name_customers(orders, as_of=day, history_starts=STARTS)
    rows = named.to_pyarrow().to_pandas().merge(demo_shop.sql("FROM true_customers"), on="customer_id")
    silent = rows["stage"].isin(["slipping", "dormant", "lost"])
    gone_days = (pd.Timestamp(day) + pd.Timedelta(days=1) - rows["left_at"]).dt.days
    gone, often = gone_days >= 0, rows["order_days"] >= 5
    # By construction a twentieth of those who have not left look silent on any day.
    assert silent[~gone & often].mean() < 0.07
    assert silent[often & (gone_days > 365)].mean() > 0.97
    assert silent[often & gone_days.between(180, 365)].mean() > 0.75
    # Whoever left last month cannot be told from a pause, and is not.
    assert silent[often & gone_days.between(0, 30)].mean() < 0.07


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All notebooks on a small demo shop, through the pipeline."""
    root = tmp_path_factory.mktemp("demo_report")
    for folder in ("notebooks", "rules"):
        shutil.copytree(ROOT / folder, root / folder)
    (root / "studies").mkdir()
    text = STUDY.format(world="full", customers=600, seed=3)
    (root / "studies" / "demo.yaml").write_text(text, encoding="utf-8")
    return run_study(root, Request("demo"))


def test_every_notebook_runs_and_every_page_says_simulated(report: Path) -> None:
    manifest = json.loads((report / "run.json").read_text(encoding="utf-8"))
    assert {n["status"] for n in manifest["notebooks"]} == {"passed"}
    assert manifest["simulated"] is True
    pages = sorted(report.glob("*.html"))
    assert len(pages) == len(manifest["notebooks"]) + 2  # the index and the words
    for page in pages:
        assert "<strong>Simulated data.</strong>" in page.read_text(encoding="utf-8"), page.name


def pictures_and_warnings(notebook: dict) -> tuple[int, str]:
    """How many pictures a notebook shows, and what its cells wrote: matplotlib's warnings among it."""
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    pictures = sum("image/png" in output.get("data", {}) for output in outputs)
    return pictures, "".join("".join(output.get("text", "")) for output in outputs)


def test_no_letter_is_missing_in_any_picture(report: Path) -> None:
    seen = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in report.glob("*.ipynb")}
    for name, notebook in seen.items():
        pictures, written = pictures_and_warnings(notebook)
        assert pictures > 0, name
        assert "Glyph" not in written, name
    assert "머플러" in json.dumps(seen["cross_sell"], ensure_ascii=False)


def test_a_missing_letter_would_be_seen() -> None:
    """The control: without the theme a notebook with Hangul in a picture does warn."""
    cell = nbformat.v4.new_code_cell("import matplotlib.pyplot as plt\nplt.title('머플러');")
    ran = NotebookClient(nbformat.v4.new_notebook(cells=[cell]), kernel_name="python3").execute()
    pictures, written = pictures_and_warnings(ran)
    assert pictures == 1
    assert "Glyph" in written


def test_every_word_of_a_shop_where_nothing_sells_together_is_in_the_catalogue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pure world: goods are drawn without regard to each other, there is no rule to show.

    Its pages are made in the pseudo-language, which wraps in brackets every word that a translator is given.
    """
    for folder in ("notebooks", "rules"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (tmp_path / "studies").mkdir()
    text = STUDY.format(world="pure", customers=400, seed=3)
    (tmp_path / "studies" / "demo.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("CRM_LANGUAGE", PSEUDO)
    run = run_study(tmp_path, Request("demo"))
    numbers = json.loads((run / "results" / "cross_sell.json").read_text(encoding="utf-8"))["numbers"]
    assert numbers["rules.significant"]["value"] == 0
    for path in sorted(run.glob("*.html")):
        page = path.read_text(encoding="utf-8")
        assert page.count("⟦") > 50, path.name
        assert words_outside(page, cells=False) == [], path.name
