"""Pages as text: what is in them, what is not. What a browser makes of them is tested in tests/browser."""

from __future__ import annotations

import io
import json
import re
import shutil
import time
from pathlib import Path

import pytest
from browser.made_run import (
    MadeRun,
    code,
    ordinary_cells,
    ordinary_run,
    picture,
    png,
    said,
    shown,
    stream,
    table,
    text,
)
from nbformat import v4
from PIL import Image

from crm_utils.changes import compare
from crm_utils.pages import render_index, render_overview
from crm_utils.pages.markup import Headings, clean, formula, render_markdown
from crm_utils.pages.pictures import beside_findings, pictures, thumbnail


@pytest.fixture
def run(tmp_path):
    return MadeRun(tmp_path / "run")


def page_of(run, *cells, **facts):
    return run.page("sales", run.add("sales", *cells, **facts))


# A page


def test_the_answer_stands_before_the_contents_and_the_contents_before_the_argument(run):
    findings = [("Tea is second.", 10.0), ("Coffee earns most.", 1200.0)]
    page = page_of(run, *ordinary_cells(), findings=findings)
    order = [
        "<h1>What sells?</h1>",
        "In short",
        "Coffee earns most.",
        "Tea is second.",
        "Contents",
        "Which shelf",
    ]
    assert [page.index(mark) for mark in order] == sorted(page.index(mark) for mark in order)


def test_a_page_fetches_nothing_and_allows_no_script(run):
    page = page_of(run, *ordinary_cells())
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    assert policy[1].startswith("default-src &#39;none&#39;; img-src data:; style-src &#39;sha256-")
    assert "<script" not in page
    outside = [link for link in re.findall(r'(?:src|href)="([^"]*)"', page) if re.match("https?:|//", link)]
    assert outside == ["https://example.org/p"]  # the author's own reference


def test_headings_are_linked_in_order_and_skip_no_level(run):
    page = page_of(run, text("# Q?"), text("##### Deep"), text("# Top again"), text("## Deep\n\n## Deep"))
    assert re.findall(r'<(h\d) id="(s-[^"]*)"', page) == [
        ("h2", "s-deep"),
        ("h2", "s-top-again"),
        ("h2", "s-deep-2"),
        ("h2", "s-deep-3"),
    ]
    for anchor in ("s-deep", "s-top-again", "s-deep-3"):
        assert f'<li class="level-2"><a href="#{anchor}">' in page
    assert page.count("<h1") == 1


def test_dollars_are_money_and_formulas_are_mathml(run):
    page = page_of(run, *ordinary_cells())
    assert "from $5 to $6." in page
    assert page.count("<math") == 3
    assert "$$" not in page
    assert "MathJax" not in page


def test_pictures_are_described_numbered_and_inside_the_file(run):
    page = page_of(run, *ordinary_cells())
    first, second = re.findall(r"<figure.*?</figure>", page, flags=re.DOTALL)
    assert 'id="figure-1"' in first
    assert 'alt="Bars: sales by category; coffee leads."' in first
    assert "no description" not in first
    assert 'alt="Robustness"' in second
    assert "This picture has no description." in second
    assert 'src="data:image/png;base64,' in first


def test_text_beside_a_picture_and_warnings_are_for_programmers(run):
    axes = v4.new_output("execute_result", data={"text/plain": "<Axes: title={'center': 'x'}>"})
    page = page_of(run, code("plot()", axes, stream("stderr", "FutureWarning: x"), stream("stdout", "seen")))
    assert "Axes" not in page
    assert "FutureWarning" not in page
    assert '<pre class="said" tabindex="0">seen</pre>' in page


def test_a_table_scrolls_in_its_own_box_under_its_caption(run):
    page = page_of(run, code("t", table(["Tea"])))
    assert '<div class="scroll" role="group" tabindex="0" aria-label="Sales by name, USD"><table' in page
    assert '<td class="number">1,234,567</td>' in page


def test_downloads_name_only_files_that_are_there(run):
    results = run.add("sales", *ordinary_cells(), tables=["shelves", "gone"])
    (run.folder / "tables" / "gone.csv").unlink()
    page = run.page("sales", results)
    assert re.findall(r'<a href="([^"#]*)">(\S+)</a> ', page)[-3:] == [
        ("tables/shelves.csv", "shelves.csv"),
        ("results/sales.json", "sales.json"),
        ("sales.ipynb", "sales.ipynb"),
    ]


def test_a_failed_notebook_says_so_on_top_with_the_trace_folded(run):
    error = v4.new_output(
        "error", ename="DataError", evalue="no <amount>", traceback=["\x1b[31mTrace\x1b[0m", "line 2"]
    )
    note = text("<span style='color:red'>An Exception was encountered</span>")
    note.metadata["tags"] = ["papermill-error-cell-tag"]
    page = page_of(run, note, *ordinary_cells(), code("x", stream("stderr", "hint"), error), status="failed")
    assert page.index("This notebook failed") < page.index("Which shelf")
    assert "DataError: no &lt;amount&gt;" in page
    assert "Trace\nline 2</pre></details>" in page
    assert "hint" in page
    assert "An Exception was encountered" not in page


def test_a_notebook_that_left_nothing_still_has_a_page(run):
    run.manifest["notebooks"] = [
        {"name": "sales", "status": "failed", "reason": "The kernel died.", "question": "Q?"}
    ]
    (run.folder / "sales.ipynb").write_text(json.dumps(v4.new_notebook()), encoding="utf-8")
    page = run.page("sales", {})
    assert "The kernel died." in page
    assert "<h1>Q?</h1>" in page


def test_a_failed_notebook_that_was_cut_off_still_has_a_page(run):
    run.manifest["status"] = "failed"
    results = run.add("sales", *ordinary_cells(), status="failed", reason="Time was up.")
    (run.folder / "sales.ipynb").write_text('{"cells": [', encoding="utf-8")
    assert "Time was up." in run.page("sales", results)
    assert "Time was up." in run.index()


def test_a_page_leads_to_the_others_of_its_report(run):
    run.add("who", *ordinary_cells(), question="Who?")
    run.add("skipped", question="Why?", status="skipped", reason="x")
    page = page_of(run, *ordinary_cells())
    assert '<a href="who.html">Who?</a>' in page
    assert "skipped.html" not in page


def test_a_page_with_a_dozen_large_pictures_takes_less_than_a_second(run):
    """Pictures that no notebook has packed; time of the processor, whatever else the machine does."""
    cells = [*ordinary_cells(), *(picture(1620, 860, alt=f"Bars {n}.") for n in range(12))]
    run.add("sales", *cells)
    begun = time.process_time()
    run.page("sales", {})
    assert time.process_time() - begun < 1


def test_the_same_run_gives_the_same_page_and_leaves_no_other_file(run):
    assert page_of(run, *ordinary_cells()) == run.page(
        "sales", json.loads((run.folder / "results/sales.json").read_text())
    )
    assert sorted(p.name for p in run.folder.iterdir()) == [
        "results",
        "run.json",
        "sales.html",
        "sales.ipynb",
        "tables",
    ]


def test_simulated_data_are_called_so_on_every_page(run):
    run.manifest["simulated"] = True
    assert "Simulated data." in page_of(run, *ordinary_cells())
    assert "Simulated data" in run.index()


# What markup may pass


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("<p class='finding big' id='finding-2'>x</p>", '<p class="finding" id="finding-2">x</p>'),
        ("<p id='all-code'>x</p>", "<p>x</p>"),
        ("<h2>x</h2>", "x"),
        ("<a href='#s-x'>x</a>", '<a href="#s-x" rel="noopener noreferrer">x</a>'),
        ("<a href='https://example.org'>x</a>", '<a rel="noopener noreferrer">x</a>'),
        ("<a href='/\t/example.org'>x</a>", '<a rel="noopener noreferrer">x</a>'),
        ("<td class='number' style='color:red'>1</td>", "1"),
        ("<style>p{}</style><p style='x'>x</p>", "<p>x</p>"),
        ("<input autofocus><button>x</button>", "x"),
        ("<img src='data:image/svg+xml;base64,AAAA' alt='x'>", "[x]"),
    ],
)
def test_displayed_markup_keeps_only_what_is_listed(given, kept):
    assert clean(given) == kept


@pytest.mark.parametrize(
    "tag", ["a title", "img src='data:image/png;base64,AAAA' alt", "math display", "ol start"]
)
def test_an_attribute_holds_no_bare_angle_bracket(tag):
    """On this our own patterns over cleaned markup rely."""
    cleaned = clean(f"<{tag}='<table><caption>x</caption></table>'>x", authored=True)
    assert re.search(r'="[^"]*[<>]', cleaned) is None
    assert "<table" not in cleaned
    assert "scroll" not in cleaned


def test_frames_from_pandas_pass_and_their_styler_loses_its_style():
    import pandas as pd

    frame = pd.DataFrame({"<b>": ["<script>x</script>"]})
    assert "&lt;script&gt;x&lt;/script&gt;" in clean(frame.to_html())
    styled = clean(frame.style.set_caption("<img src=x onerror=y>").to_html())
    assert "<script" not in styled
    assert "onerror" not in styled
    assert "style" not in styled


def test_an_author_may_link_and_displayed_markdown_may_not():
    source = "# Top\n\n[paper](https://example.org)"
    headings = Headings()
    assert 'href="https://example.org"' in render_markdown(source, headings)
    assert headings.question == "Top"
    displayed = render_markdown(source)
    assert "example.org" not in displayed
    assert "<strong>Top</strong>" in displayed


@pytest.mark.parametrize("latex", [r"\frac{", r"\nosuchcommand x", ""])
def test_a_formula_that_cannot_be_read_is_shown_as_written(latex):
    assert formula(latex) == f"<code>{latex}</code>"


def test_a_number_and_its_sign_stay_together():
    assert "5&nbsp;% of 20&nbsp;%" in render_markdown("Below 5 % of 20 %.")
    assert "<code>5 %</code>" in render_markdown("`5 %`")


def test_formulas_stay_within_a_paragraph_and_code_is_left_alone():
    made = render_markdown("Costs \\\\(x\\) and `\\(y\\)`.\n\n\\(never\n\nclosed\\)\n\n```\n$$ z $$\n```")
    assert made.count("<math") == 1
    assert "<code>\\(y\\)</code>" in made
    assert "$$ z $$" in made


# Pictures


def test_a_thumbnail_is_small():
    small = thumbnail(png(), 640)
    assert Image.open(io.BytesIO(small)).width == 640
    assert len(small) < 20_000


def test_a_finding_belongs_to_the_nearest_picture_under_its_heading():
    cells = [text("## One"), picture(), code("f", said("finding", "x", "finding-1")), picture()]
    cells += [text("## Two"), code("f", said("finding", "y", "finding-2")), text("no heading"), picture()]
    cells += [text("## Three"), code("f", said("finding", "z", "finding-3"))]
    notebook = v4.new_notebook(cells=cells)
    assert {a: p.number for a, p in beside_findings(notebook).items()} == {"finding-1": 1, "finding-2": 3}
    assert [p.number for p in pictures(notebook)] == [1, 2, 3]


def test_drawings_stay_drawings(run):
    page = page_of(run, code("x", shown(svg="<svg xmlns='http://www.w3.org/2000/svg'/>"), alt="A line"))
    assert 'src="data:image/svg+xml;base64,' in page


# The index


def test_findings_come_by_money_then_in_order_each_with_its_page_and_picture(run):
    run.page("sales", run.add("sales", *ordinary_cells(), findings=[("No sum", None), ("Small", 5.0)]))
    cells = [text("# Who?"), picture(alt="Lines"), code("f", said("finding", "Large", "finding-1"))]
    run.page("who", run.add("who", *cells, question="Who?", findings=[("Large", 12345.0)]))
    index = run.index()
    assert index.index("Large") < index.index("Small") < index.index("No sum")
    assert "$12,345 at stake" in index
    assert '<a href="who.html#finding-1">Who?</a>' in index
    assert '<a href="who.html#figure-1">See the picture</a>' in index


def test_the_index_says_what_was_skipped_and_why_and_where_the_data_come_from(tmp_path):
    index = ordinary_run(tmp_path / "run").index()
    for said_so in (
        "Who leaves?",
        "needs the table &#39;messages&#39;",
        "1,001",
        "America/New_York",
        "12.3 s (notebooks 11.9 s, data 0.2 s)",
    ):
        assert said_so in index
    assert "Real data, 1 January 2017 to 31 December 2017" in index
    assert "The study has no products, customers, campaigns," in index
    assert re.findall(r'<li class="(met|missed)"', index) == ["met", "missed"]
    assert "segment.s17.customers" not in index


def test_the_first_report_has_nothing_to_compare_with(run):
    run.add("sales", *ordinary_cells())
    assert "first report" in run.index()


def two_runs(folder, before, after, **manifest):
    runs = [MadeRun(folder / "before"), MadeRun(folder / "after", **manifest)]
    for made, numbers in zip(runs, (before, after), strict=True):
        made.add("sales", *ordinary_cells(), numbers=numbers)
    return runs[1].index(runs[0].folder)


def test_what_changed_shows_headline_numbers_first_and_counts_the_rest(tmp_path):
    before = {
        "customers": {"value": 100, "unit": "customers"},
        "group.a.spend": {"value": 10.0, "unit": "USD"},
    }
    before |= {"rate": {"value": 0.3, "low": 0.2, "high": 0.4}, "same": {"value": 1}, "gone": {"value": 1}}
    after = {
        "customers": {"value": 110, "unit": "customers"},
        "group.a.spend": {"value": 90.0, "unit": "USD"},
    }
    after |= {"rate": {"value": 0.31, "low": 0.21, "high": 0.41}, "same": {"value": 1}, "new": {"value": 1}}
    index = two_runs(tmp_path, before, after, as_of="2018-01-31")
    assert "<b>110 customers</b> from 100 customers (+10\xa0%)" in index
    assert index.index("110 customers") < index.index("$90.00")
    assert "Numbers: 2 moved, 1 within their uncertainty, 1 as before, 1 new, 1 gone." in index
    assert "Another day, the same data, parameters and versions." in index


def test_a_report_in_another_currency_does_not_compare(tmp_path):
    index = two_runs(tmp_path, {}, {}, currency="KRW")
    assert "another currency (USD, now KRW): numbers do not compare." in index


def test_a_damaged_or_missing_last_report_is_said_and_harms_nothing(tmp_path, run):
    run.add("sales", *ordinary_cells())
    assert "cannot be read" in run.index(tmp_path / "nowhere")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.json").write_text("{", encoding="utf-8")
    assert "cannot be read" in run.index(tmp_path / "broken")


def test_verdicts_move_before_amounts():
    before = {"n": {"numbers": {"a": {"value": 1}, "verdict": {"value": "stable"}}}}
    after = {"n": {"numbers": {"a": {"value": 100}, "verdict": {"value": "unstable"}}}}
    assert [c.name for c in compare(before, after, "USD").moved] == ["verdict", "a"]


def test_a_failed_run_says_so_and_leads_to_the_page(run):
    run.manifest |= {"status": "failed"}
    results = run.add("sales", *ordinary_cells(), status="failed", reason="Cell 3: no orders.")
    run.page("sales", results)
    index = run.index()
    assert "This run failed and was not published" in index
    assert '<a href="sales.html">What sells?</a>: Cell 3: no orders.' in index
    assert "All reports" not in index


# The overview


def test_the_overview_lists_published_days_newest_first(tmp_path):
    reports = tmp_path / "reports"
    for day in ("2017-06-30", "2017-12-31"):
        made = MadeRun(reports / "shop" / ".runs" / day, as_of=day)
        made.add("sales", *ordinary_cells(), findings=[(f"Found to {day}.", 1.0)])
        Path(reports / "shop" / day).symlink_to(f".runs/{day}")
    Path(reports / "shop" / "latest").symlink_to("2017-12-31")
    (reports / "shop" / "2016-01-01").mkdir()
    (reports / "shop" / "2016-01-01" / "run.json").write_text("{", encoding="utf-8")
    (reports / "README.md").write_text("about", encoding="utf-8")
    render_overview(reports)
    overview = (reports / "index.html").read_text(encoding="utf-8")
    links = re.findall(r'<a href="(shop/[^"]*)"', overview)
    assert links == [f"shop/{day}/index.html" for day in ("2017-12-31", "2017-06-30", "2016-01-01")]
    assert "Found to 2017-06-30." in overview
    assert "Its run.json cannot be read." in overview


def test_an_empty_folder_of_reports_says_how_to_make_one(tmp_path):
    render_overview(tmp_path)
    assert "crm run STUDY" in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_an_index_is_replaced_whole(run, monkeypatch):
    run.add("sales", *ordinary_cells())
    before = run.index()

    def full_disk(*_args, **_more):
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(OSError, match="No space"):
        render_index(run.folder, run.manifest | {"title": "Other"})
    assert (run.folder / "index.html").read_text(encoding="utf-8") == before
    shutil.rmtree(run.folder)
