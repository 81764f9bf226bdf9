"""Pages as text: what is in them, what is not. What a browser makes of them is tested in tests/browser."""

from __future__ import annotations

import html
import json
import re
import shutil
import time
from pathlib import Path

import pytest
from browser.made_run import (
    ACTIONS,
    MadeRun,
    action,
    code,
    ordinary_cells,
    ordinary_run,
    picture,
    shown,
    stream,
    table,
    text,
)
from nbformat import v4
from outside_catalogue import words_outside

from crm_utils.reports.compare_numbers import compare
from crm_utils.reports.pages import render_index, render_neighbours, render_overview
from crm_utils.reports.pages.markup import Headings, clean, formula, render_markdown
from crm_utils.reports.pages.news import sparkline
from crm_utils.reports.pages.pictures import pictures
from crm_utils.reports.publish import days


@pytest.fixture
def run(tmp_path):
    return MadeRun(tmp_path / "run")


def page_of(run, *cells, **facts):
    return run.page("sales", run.add("sales", *cells, **facts))


# A page


def before_details(page):
    """What a reader sees of a page before opening anything."""
    top = page.partition('<article class="details"')[0].partition("<body")[2]
    shut = re.sub(r"<details>(<summary>.*?</summary>).*?</details>", r"\1", top, flags=re.DOTALL)
    return re.sub(r"<[^>]*>", " ", shut.partition(">")[2])


def test_a_page_is_question_answer_action_picture_how_sure_then_folded_details(tmp_path):
    page = (ordinary_run(tmp_path / "run").folder / "sales.html").read_text(encoding="utf-8")
    order = [
        "<h1>What sells?</h1>",
        "The banner test is void.",
        "In short",
        "Coffee earns most.",
        "Tea is second.",
        "What to do",
        "Win back 181 those who left",
        "Remind 181 customers who are late",
        "Do not",
        '<figure id="figure-1">',
        "How sure?",
        "Tested on three past days.",
        "Details</h2>",
        "About this analysis",
        "Exercises",
        "Numbers recorded",
    ]
    body = page.partition("<body")[2]
    assert [body.index(mark) for mark in order] == sorted(body.index(mark) for mark in order)
    assert "Which shelf gets more room?" not in before_details(page)
    assert len(before_details(page).split()) <= 600


def test_the_answer_is_the_first_two_findings_in_the_notebooks_order(run):
    page = page_of(run, *ordinary_cells(), findings=[("One.", 1.0), ("Two.", 99.0), ("Three.", 999.0)])
    answer = re.search(r'class="answer".*?</section>', page, flags=re.DOTALL)[0]
    assert re.findall(r"<li>(\w+\.)", answer) == ["One.", "Two."]


def test_results_of_an_older_form_still_make_a_page_and_an_index(run):
    run.add("sales", *ordinary_cells(), findings=[("Coffee earns most.", 1.0)], tables=["shelves"])
    path = run.folder / "results" / "sales.json"
    old = json.loads(path.read_text(encoding="utf-8"))
    for key in ("actions", "warnings", "sure"):
        del old[key]
    for key in ("purpose", "meanings"):
        del old["tables"]["shelves"][key]
    path.write_text(json.dumps(old), encoding="utf-8")
    assert "Coffee earns most." in run.page("sales", old)
    assert "No analysis of this run proposes an action." in run.index()


def test_code_is_folded_once_a_section_and_exercises_come_last(run):
    page = page_of(
        run, code("a = 1"), text("## Exercises\n\nTry."), text("## Then"), code("b = 2"), code("c = 3")
    )
    titles = re.findall(r"<summary><h3>(.*?)</h3></summary>", page)
    assert titles == ["About this analysis", "Then", "Exercises"]
    assert page.count('<details class="code">') == 2


def test_a_section_is_not_torn_within_a_fold_or_a_fence(run):
    folded = "## Questions\n\n<details><summary>Answer</summary>\n\n## No section\n\nYes.\n\n</details>"
    page = page_of(run, text(folded), text("```\n# a comment\n```"))
    assert re.findall(r"<summary><h3>(.*?)</h3></summary>", page) == ["Questions"]
    assert "# a comment" in page


def test_the_tagged_picture_leads_and_stands_once(run):
    tagged = picture(alt="The one that matters.")
    tagged.metadata["tags"] = ["lead"]
    page = page_of(run, text("## A"), picture(alt="First."), tagged, picture(alt="Last."))
    assert page.index("The one that matters.") < page.index("Details</h2>") < page.index("First.")
    assert re.findall(r'id="figure-(\d)"', page) == ["1", "2", "3"]
    assert page.count("data:image/png") == 3


def test_words_of_the_glossary_lead_to_it_once(run):
    run.add("who", *ordinary_cells(), question="Who?")
    source = "Their *recency* and RFM; the recency again, `RFM`, a customer.\n\n## Recency\n\n*recency*"
    page = page_of(run, text("# Q?\n\n" + source))
    assert re.findall(r'<a class="term" href="([^"]*)">(.*?)</a>', page) == [
        ("glossary.html#t-recency", "recency"),
        ("glossary.html#t-rfm", "RFM"),
    ]
    run.index()
    glossary = (run.folder / "glossary.html").read_text(encoding="utf-8")
    assert 'id="t-recency"' in glossary
    assert 'lang="ko">최근성' in glossary or 'lang="ko"' in glossary
    anchors = re.findall(r' id="(t-[^"]*)"', glossary)
    assert len(anchors) == len(set(anchors)) > 100


def test_tables_have_captions_scopes_and_labels_for_a_phone(run):
    import pandas as pd

    plain = pd.DataFrame({"a": [1]}, index=["x"]).to_html()
    page = page_of(run, text("## Numbers\n\n| k | v |\n|--|--|\n| a | 1 |"), code("t", shown(html=plain)))
    tables = re.findall(r"<table.*?</table>", page, flags=re.DOTALL)
    assert all("<caption" in t and not re.search(r"<th(?![^>]*scope=)[ >]", t) for t in tables)
    assert page.count('<caption class="aside"><span>Numbers</span></caption>') == 2
    assert all(re.search(r"<thead>\s*<tr[ >]", t) for t in tables)
    assert '<td data-label="v">1</td>' in page
    assert '<th scope="row" data-label="">x</th><td data-label="a">1</td>' in re.sub(r">\s+<", "><", page)


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
    assert re.findall(r'<details class="section" id="(s-[^"]*)">\n<summary><h3>', page) == [
        "s-deep",
        "s-top-again",
        "s-deep-2",
        "s-deep-3",
    ]
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
    assert 'alt="Robustness"' not in second  # the section above it
    assert 'alt="What we look at"' in second
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
    assert '<td class="number" data-label="Column 1">1,234,567</td>' in page


def test_downloads_name_only_files_that_are_there(run):
    results = run.add("sales", *ordinary_cells(), tables=["shelves", "gone"])
    (run.folder / "tables" / "gone.csv").unlink()
    page = run.page("sales", results)
    assert re.findall(r'<a href="(tables/[^"#]*)"', page) == ["tables/shelves.csv"]
    assert '<a href="sales.ipynb">The executed notebook</a>' in page


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
    assert '<a href="who.html">Who</a>' in page
    assert '<a href="sales.html" aria-current="page">Sales</a>' in page
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


def test_pictures_are_counted_in_reading_order():
    notebook = v4.new_notebook(cells=[text("## One"), picture(), code("x"), picture(caption="Two")])
    assert [(p.number, p.cell, p.caption) for p in pictures(notebook)] == [(1, 1, ""), (2, 3, "Two")]


def test_drawings_stay_drawings(run):
    page = page_of(run, code("x", shown(svg="<svg xmlns='http://www.w3.org/2000/svg'/>"), alt="A line"))
    assert 'src="data:image/svg+xml;base64,' in page


# The index


def test_actions_come_by_expected_gain_then_those_without_a_number_at_most_five(run):
    gains = [5.0, None, 900.0, -3.0, 70.0, None, 60.0]
    actions = [action(f"Do{n}", "x", gain=gain, horizon_days=28) for n, gain in enumerate(gains)]
    run.page("sales", run.add("sales", *ordinary_cells(), actions=actions))
    index = run.index()
    assert re.findall(r"<h3>(Do\d)", index) == ["Do2", "Do4", "Do6", "Do0", "Do3", "Do1", "Do5"]
    assert index.index("Do3") < index.index("2 more actions") < index.index("Do1")


def test_a_card_says_whom_what_how_sure_and_how_to_get_the_list(tmp_path):
    index = ordinary_run(tmp_path / "run").index()
    card = re.search(r'<li class="card">\n<h3>Remind.*?</li>', index, flags=re.DOTALL)[0]
    for words in (
        "<h3>Remind 181 customers who are late</h3>",
        "$58 (−$20 to $130) in 28 days",
        "a free coffee",
        "e-mail",
        "assumed, not yet tested; 51 left out to see if it works",
        "5 rows",
        "<code>crm export corner_shop 2017-12-31 shelves</code>",
        '<a href="sales.html#do-1">Why: Sales</a>',
    ):
        assert words in card, words
    never = re.search(r'class="avoid".*?</section>', index, flags=re.DOTALL)[0]
    assert "Do not discount: 181 customers who come anyway" in never
    assert "Do not discount" not in index[: index.index("avoid")]


def test_each_link_to_an_action_leads_to_its_own_place(tmp_path):
    run = ordinary_run(tmp_path / "run")
    index, page = run.index(), (run.folder / "sales.html").read_text(encoding="utf-8")
    assert sorted(re.findall(r'href="sales.html#(do-\d)"', index)) == ["do-1", "do-2", "do-3", "do-4"]
    places = dict(re.findall(r'<li[^>]* id="(do-\d)">\s*<(?:h3|strong)>(\w+)', page))
    assert places == {"do-1": "Remind", "do-2": "Thank", "do-3": "Win", "do-4": "Do"}


def test_an_unpublished_run_is_exported_by_its_id(run):
    run.manifest["only"] = ["sales"]
    run.add("sales", *ordinary_cells(), tables=["shelves"], actions=ACTIONS)
    assert "crm export corner_shop 20261121T223000-made shelves" in run.index()


def test_warnings_stand_above_everything_and_lead_to_their_page(tmp_path):
    index = ordinary_run(tmp_path / "run").index()
    assert index.index("The banner test is void.") < index.index('id="do"')
    assert '<a href="sales.html#warn-1">More: Sales</a>' in index
    assert 'id="warn-1"' in (tmp_path / "run" / "sales.html").read_text(encoding="utf-8")


def test_whole_data_are_said_to_be_complete_and_a_warning_of_them_takes_that_back(run):
    run.add("sales", *ordinary_cells())
    run.add("data_collection", *ordinary_cells(), warnings=["A file was cut."])
    assert "Data complete" not in run.index()
    run.add("data_collection", *ordinary_cells(), warnings=[])
    assert (
        "Data complete to 31 December 2017: 1,001 rows read, 1 of them set aside with a reason."
        in run.index()
    )
    run.manifest["as_of"] = "2018-01-05"
    assert "The newest order is of 31 December 2017" in run.index()


def test_a_page_that_the_last_report_had_and_this_one_not_is_missed(tmp_path):
    runs = [MadeRun(tmp_path / "before"), MadeRun(tmp_path / "after")]
    for made in runs:
        made.add("sales", *ordinary_cells())
    runs[0].add("churn", *ordinary_cells())
    runs[1].add("churn", status="cannot", reason="No order has a customer.")
    index = runs[1].index(runs[0].folder)
    assert "The last report could say more: Churn is missing from this one." in index


def test_a_goal_is_not_missed_before_its_day_and_names_who_answers_for_it(tmp_path):
    goal = {"name": "Orders", "target": 500, "value": 480, "bound": "at least", "met": False}
    later = goal | {"name": "More", "by": "2018-06-30", "owner": "Lee"}
    made = MadeRun(tmp_path / "a", goals=[goal, later])
    made.add("sales", *ordinary_cells())
    goals = re.search(r'class="goals".*?</ul>', made.index(), flags=re.DOTALL)[0]
    assert re.findall(r"<strong>([^<]*)</strong>", goals) == ["missed", "not yet"]
    assert "More: 480; the goal is 500 at least by 30 June 2018 (Lee)" in goals


def test_a_goal_alarms_when_missing_it_is_news_not_every_day(tmp_path):
    def index(before, now):
        goal = {"name": "Days closed", "target": 0, "unit": "days", "bound": "at most"}
        runs = [
            MadeRun(tmp_path / "a", goals=[goal | before]),
            MadeRun(tmp_path / "b", goals=[goal | now]),
        ]
        for made in runs:
            made.manifest["notebooks"] = []
            made.add("sales", *ordinary_cells())
        return runs[1].index(runs[0].folder)

    missed = {"value": 1, "met": False}
    assert "Before anything else" not in index(missed, missed)  # closed at Christmas, as ever
    assert "Before anything else" in index({"value": 0, "met": True}, missed)
    assert "Before anything else" in index(missed, {"value": 2, "met": False})


def test_the_week_stands_beside_others_with_its_line(tmp_path):
    index = ordinary_run(tmp_path / "run").index()
    row = re.search(r'<tr><th scope="row">Revenue.*?</th>.*?</tr>', index, flags=re.DOTALL)[0]
    assert "$1,200" in row
    assert "+20\xa0%" in row
    assert "+50\xa0%" in row
    assert "<polyline" in row
    assert "unusually high" in row
    assert "The week from 25 December 2017" in index
    assert sparkline([3, 3]) == ""


def segments(folder, rows):
    import pandas as pd

    frame = pd.DataFrame(rows, columns=["customer_id", "segment", "stage"])
    frame.to_parquet(folder / "tables" / "segments.parquet", index=False)


def test_who_moved_is_counted_from_both_reports_and_few_are_not_shown(tmp_path):
    runs = [MadeRun(tmp_path / "before"), MadeRun(tmp_path / "after")]
    for made in runs:
        made.add("sales", *ordinary_cells())
    same = [(f"s{n}", "Loyal", "active") for n in range(20)]
    segments(runs[0].folder, [*same, *((f"m{n}", "Loyal", "active") for n in range(7)), ("x", "New", "lost")])
    now = [*same, *((f"m{n}", "At Risk", "slipping") for n in range(7)), ("x", "Loyal", "active")]
    segments(runs[1].folder, [*now, *((f"n{n}", "New", "new") for n in range(6))])
    index = runs[1].index(runs[0].folder)
    assert "7 customers fell silent" in index
    assert "fewer than 5 customers came back" in index
    assert "6 customers are new" in index
    loyal = re.search(r'<th scope="row" translate="no">Loyal</th>(.*?)</tr>', index)[1]
    assert re.findall(r">([^<]+)</td>", loyal) == ["21", "under 5", "7"]


def test_what_worked_is_said_a_row_an_action(run):
    import pandas as pd

    run.add("ab_test", *ordinary_cells(), tables=["experiment_results", "campaign_results"], actions=ACTIONS)
    frame = {
        "experiment_id": ["coupon", "coupon", "banner"],
        "arm": "b",
        "role": ["primary", "further", "primary"],
    }
    frame |= {
        "metric": ["conversion"] * 3,
        "effect": [0.05, 0.1, None],
        "low": [0.01, 0.1, None],
        "high": 0.09,
    }
    pd.DataFrame(frame).to_parquet(run.folder / "tables" / "experiment_results.parquet")
    sent = {"name": ["Spring", "Summer", "Autumn"], "held_out": [50, 0, 40], "metric": "orders"}
    sent |= {"effect": [-0.2, 1.0, 0.1], "low": [-0.3, 0.5, -0.1], "high": [-0.1, 1.5, 0.3]}
    pd.DataFrame(sent).to_parquet(run.folder / "tables" / "campaign_results.parquet")
    worked = re.search(r'class="worked".*?</section>', run.index(), flags=re.DOTALL)[0]
    verdicts = re.findall(r'data-label="Verdict"[^>]*>([^<]*)<', worked)
    assert verdicts == [
        *("It worked", "Cannot be judged", "It did harm", "Not shown either way"),
        "First result from 28 January 2018",
    ]
    assert "+5.0 pp (+1.0 to +9.0)" in worked
    assert "Summer" not in worked
    # Of contacts in money the latest comes first; an experiment's own verdict goes before its interval.
    run.add("x", *ordinary_cells(), tables=["contact_effects"])
    days = pd.to_datetime(["2017-01-01", "2017-06-01", "2017-06-01"])
    spend = {"spend": 9.0, "spend_low": 1.0, "spend_high": 20.0, "held_out": 50, "judged_on": days}
    contacts = pd.DataFrame({"scenario": ["birthday", "late_mail", "all"]} | spend)
    contacts.to_parquet(run.folder / "tables" / "contact_effects.parquet")
    frame["verdict"] = ["stop", "stop", "none"]
    frame |= {"holds_low": [0.02, 0.1, None], "holds_high": 0.08, "control_customers": [1_234, 1_234, 3]}
    pd.DataFrame(frame).to_parquet(run.folder / "tables" / "experiment_results.parquet")
    worked = re.search(r'class="worked".*?</section>', run.index(), flags=re.DOTALL)[0]
    verdicts = re.findall(r'data-label="Verdict"[^>]*>([^<]*)<', worked)
    assert verdicts[:4] == ["It did harm", "Cannot be judged", "It worked", "It worked"]
    assert worked.index("Late mail") < worked.index("Birthday greeting")  # a scenario's title, not its id
    assert "+$9.00 (+$1.00 to +$20.00)" in worked
    assert "+5.0 pp (+2.0 to +8.0)" in worked  # the interval that decides, as on the experiment's own page
    assert re.findall(r'data-label="Left out"[^>]*>([^<]*)<', worked)[:2] == ["1,234", "–"]


def test_what_an_experiment_sent_is_told_once_and_what_is_planned_has_its_day(run):
    import pandas as pd

    run.add("ab_test", *ordinary_cells(), tables=["experiment_results", "contact_effects"])
    sends = ACTIONS[1] | {"list": "contact_list", "held_out": 34}
    run.add("campaign_targeting", *ordinary_cells(), tables=["exclusions"], actions=[sends])
    effects = {
        "experiment_id": ["coupon"],
        "arm": "b",
        "metric": "orders",
        "effect": 0.2,
        "low": 0.1,
        "high": 0.3,
    }
    pd.DataFrame(effects).to_parquet(run.folder / "tables" / "experiment_results.parquet")
    spend = {"spend": 9.0, "spend_low": 1.0, "spend_high": 20.0, "held_out": 50}
    contacts = {"scenario": ["k13", "spring"], "judged_on": pd.to_datetime(["2017-06-01"] * 2)} | spend
    pd.DataFrame(contacts).to_parquet(run.folder / "tables" / "contact_effects.parquet")
    left_out = {"scenario": ["birthday", "champions", "gone"], "held_out": [4, 30, 30], "to_send": 10}
    pd.DataFrame(left_out).to_parquet(run.folder / "tables" / "exclusions.parquet")
    (run.folder / "study.yaml").write_text(
        "experiments: [{id: coupon, title: Ten off, campaigns: {b: k13}}]\n"
    )
    worked = re.search(r'class="worked".*?</section>', run.index(), flags=re.DOTALL)[0]
    names = re.findall(r'data-label="Action">(?:<a[^>]*>)?([^<]*)<', worked)
    assert names == ["Ten off", "Spring", "Thanks to champions"]
    assert "First result from 28 January 2018" in worked


def test_who_is_left_out_of_a_list_that_nobody_may_be_sent_is_not_told(run):
    import pandas as pd

    left = {**ACTIONS[1], "list": "shelves", "held_out": 34, "horizon_days": 28}
    run.add("churn", *ordinary_cells(), tables=["shelves"], actions=[left])
    assert "First result from" in run.index()
    run.manifest["lists_taken"] = ["shelves"]
    run.add("campaign_targeting", *ordinary_cells(), tables=["exclusions"])
    nobody = {"scenario": ["churn_contact"], "held_out": [0], "to_send": [0]}
    pd.DataFrame(nobody).to_parquet(run.folder / "tables" / "exclusions.parquet")
    assert "First result from" not in run.index()


def test_every_list_has_rows_purpose_and_what_its_columns_mean(tmp_path):
    run = ordinary_run(tmp_path / "run")
    index = run.index()
    assert "5 rows. shelves: what the list is for." in index
    assert '<a href="tables/shelves.csv" aria-label="shelves as CSV">' in index
    assert re.search(r"<code>name</code></td><td[^>]*>what the shelf is called</td>", index)
    dictionary = (run.folder / "tables" / "README.md").read_text(encoding="utf-8")
    assert "| name | what the shelf is called |" in dictionary


def test_a_summary_for_a_mail_says_state_actions_and_what_not_to_do(tmp_path):
    summary = (ordinary_run(tmp_path / "run").folder / "summary.txt").read_text(encoding="utf-8")
    for line in (
        "Corner shop, data to 31 December 2017",
        "! The banner test is void.",
        "1. Win back 181 those who left",
        "   crm export corner_shop 2017-12-31 shelves",
        "- Do not discount: 181 customers who come anyway",
    ):
        assert line in summary.splitlines()


def test_the_days_beside_lead_to_each_other_also_when_an_earlier_one_comes_later(tmp_path):
    home = tmp_path / "reports" / "shop"
    for day in ("2017-12-31", "2017-06-30", "2017-09-30"):
        made = MadeRun(home / ".runs" / day, as_of=day)
        made.add("sales", *ordinary_cells())
        earlier = [d for d in days(home) if d < day]
        render_index(made.folder, made.manifest, previous=home / earlier[-1] if earlier else None)
        (home / day).symlink_to(f".runs/{day}")
        render_neighbours(home, day)
    pages = [(home / day / "index.html").read_text(encoding="utf-8") for day in days(home)]
    assert "first report" in pages[0]
    assert "Since the report to 30 September 2017." in pages[2]  # it was the first report once
    links = [re.findall(r'href="\.\./(\d[^/]*)/', page) for page in pages]
    assert links == [["2017-09-30"], ["2017-06-30", "2017-12-31"], ["2017-09-30"]]


def test_every_word_of_the_pages_goes_through_the_catalogue(tmp_path, monkeypatch):
    """In a language that puts brackets around all it is asked for; what a notebook said is made here."""
    monkeypatch.setenv("CRM_LANGUAGE", "pseudo")
    run = ordinary_run(tmp_path / "reports" / "corner_shop" / "2017-12-31")
    failed = MadeRun(tmp_path / "failed", status="failed", simulated=True, only=["sales"])
    error = v4.new_output("error", ename="E", evalue="x", traceback=["t"])
    results = failed.add("sales", *ordinary_cells(), code("x", error), status="failed", reason="x.")
    failed.page("sales", results)
    failed.add("churn", *ordinary_cells(), status="cannot", reason="x.")
    failed.index(run.folder)
    render_overview(tmp_path / "reports")
    made = "\n".join(p.read_text("utf-8") for p in run.folder.glob("*.ipynb")) + json.dumps(ACTIONS)
    made += (run.folder / "results" / "sales.json").read_text("utf-8") + str(table([], 14))
    for path in sorted(tmp_path.rglob("*.html")):
        outside = words_outside(path.read_text(encoding="utf-8"))
        unknown = [w for w in outside if html.escape(w.rpartition(": ")[2].strip(". ")) not in made]
        assert unknown == [], path.name
    assert "⟦Do today⟧" in (run.folder / "index.html").read_text(encoding="utf-8")


def test_the_index_says_what_was_skipped_and_why_and_where_the_data_come_from(tmp_path):
    index = ordinary_run(tmp_path / "run").index()
    for said_so in (
        "Who leaves?",
        "needs the table &#39;messages&#39;",
        "1,001",
        "America/New_York",
        "12.3 s (notebooks 11.9 s, data 0.2 s)",
        "Real data from the source “files”, 1 January 2017 to 31 December 2017",
    ):
        assert said_so in index
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
        "active": {"value": 100, "unit": "buyers"},
        "group.a.spend": {"value": 10.0, "unit": "USD"},
    }
    before |= {"rate": {"value": 0.3, "low": 0.2, "high": 0.4}, "same": {"value": 1}, "gone": {"value": 1}}
    after = {
        "active": {"value": 110, "unit": "buyers"},
        "group.a.spend": {"value": 90.0, "unit": "USD"},
    }
    after |= {"rate": {"value": 0.31, "low": 0.21, "high": 0.41}, "same": {"value": 1}, "new": {"value": 1}}
    index = two_runs(tmp_path, before, after, as_of="2018-01-31")
    assert "110 buyers, was 100 buyers" in index
    assert "(+10\xa0%)" in index
    assert index.index("110 buyers") < index.index("$90.00")
    assert "Numbers: 2 moved, 1 within their uncertainty, 1 as before, 1 new, 1 gone." in index
    assert "Another day; the same data, parameters and versions." in index


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
    assert '<a href="sales.html">What sells?</a>: <span translate="no">Cell 3: no orders.</span>' in index
    assert '<a href="../../latest/index.html">Last published report</a>' in index
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


def test_korean_words_say_that_they_are_and_nothing_else_changes(run):
    said = '<p class="finding" title="코트">Show 코트 and 긴 머플러 to 5 buyers &lt;5 %</p>'
    page = page_of(run, text("# What sells?"), code("show()", shown(html=said)))
    assert 'Show <span lang="ko">코트</span> and <span lang="ko">긴 머플러</span> to 5 buyers &lt;5' in page
    assert not re.search(r'="[^"]*<span', page)
