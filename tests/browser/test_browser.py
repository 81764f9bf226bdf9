"""Every page, opened in a real browser: at desk, on a phone, on paper, in the dark, and under attack."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import axe_playwright_python
import pyarrow.parquet as pq
import pytest
from hostile_shop import hostile_report
from made_run import PAYLOADS, hostile_run, ordinary_run

from crm_utils.reports.pages import render_overview

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
VIEWS = {
    "desk": {"viewport": {"width": 1280, "height": 900}},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
    "paper": {"viewport": {"width": 680, "height": 960}},
}
# What no page may hold, however it is written.
ACTIVE = """() => {
  const never = 'script, iframe, frame, object, embed, base, form, link:not([rel=icon])';
  const found = [...document.querySelectorAll(never)].map(e => e.outerHTML.slice(0, 80));
  for (const e of document.querySelectorAll('*')) for (const a of e.attributes) {
    const value = a.value.replace(/[\\s\\0]/g, '').toLowerCase();
    if (a.name.startsWith('on') || ['style', 'srcdoc'].includes(a.name) || value.startsWith('javascript:')
        || (a.name === 'http-equiv' && value === 'refresh')
        || (a.name === 'src' && !value.startsWith('data:image/')))
      found.push(`${e.tagName} ${a.name}=${a.value.slice(0, 60)}`);
  }
  if (document.querySelectorAll('style').length !== 1) found.push('a second style sheet');
  if (window.fired) found.push('a payload ran');
  return found;
}"""


@pytest.fixture(scope="session")
def pages(tmp_path_factory, pytestconfig):
    """Pages made for this test, and those of real reports where ``--reports`` names them."""
    reports = tmp_path_factory.mktemp("reports")
    ordinary_run(reports / "corner_shop" / "2017-12-31")
    render_overview(reports)
    paths = sorted(reports.rglob("*.html"))
    real = pytestconfig.getoption("--reports", default=None)
    if real:
        root = Path(real).resolve()
        run = {p.resolve() for p in root.glob("*/latest")}
        paths += [root / "index.html", *sorted(p for folder in run for p in folder.glob("*.html"))]
        assert len(paths) > 5, f"no published report in {root}"
    return paths


@pytest.fixture(scope="session")
def hostile(tmp_path_factory):
    return hostile_run(tmp_path_factory.mktemp("hostile")).folder


def opened(browser, path, **view):
    """Open a page and note all it says and asks for."""
    context = browser.new_context(**view)
    tab = context.new_page()
    tab.noise = []
    tab.on("console", lambda message: tab.noise.append(f"console: {message.text}"))
    tab.on("pageerror", lambda error: tab.noise.append(f"error: {error}"))
    tab.on("dialog", lambda dialog: (tab.noise.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    tab.on("popup", lambda _: tab.noise.append("popup"))
    url = path.as_uri()
    tab.on(
        "request",
        lambda r: (
            None if r.url == url or r.url.startswith("data:") else tab.noise.append(f"request: {r.url}")
        ),
    )
    tab.goto(url)
    if view == VIEWS["paper"]:
        tab.emulate_media(media="print")
    tab.wait_for_load_state("networkidle")
    return tab


@pytest.mark.parametrize("view", VIEWS)
def test_every_page_is_quiet_whole_and_accessible(browser, pages, view):
    for path in pages:
        tab = opened(browser, path, **VIEWS[view])
        where = f"{path.name} ({view})"
        assert path.stat().st_size < 1_500_000, f"{where} is too heavy for a slow line"
        wide = tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{where} scrolls sideways by {wide} px"
        images = "[...document.images].filter(i => !i.complete || !i.naturalWidth || !i.alt.trim()).length"
        assert tab.evaluate(images) == 0, f"{where} has a picture that is not loaded or not described"
        tab.evaluate(AXE)
        broken = tab.evaluate("async () => (await axe.run()).violations.map(v => [v.id, v.nodes[0].html])")
        assert broken == [], f"{where}: {broken}"
        assert tab.evaluate(ACTIVE) == [], where
        assert tab.noise == [], where
        tab.context.close()


@pytest.fixture(scope="session")
def sales(pages):
    return next(p for p in pages if p.name == "sales.html")


def test_one_switch_opens_all_sections_without_a_script_and_each_opens_by_itself(browser, sales):
    tab = opened(browser, sales, **VIEWS["desk"])
    table = tab.locator(".section table").first
    assert not table.is_visible()
    tab.get_by_label("Open all sections").check()
    assert table.is_visible()
    code = tab.locator(".code pre").first
    assert not code.is_visible()
    tab.locator(".code summary").first.click()
    assert code.is_visible()


def test_a_link_opens_the_section_it_leads_into(browser, sales):
    tab = opened(browser, sales, **VIEWS["desk"])
    finding = tab.locator("#finding-1")
    assert not finding.is_visible()
    tab.get_by_text("Details of answer 1").click()
    assert finding.is_visible()


def test_the_keyboard_reaches_the_skip_link_first_and_wide_tables_after(browser, sales):
    tab = opened(browser, sales, viewport={"width": 800, "height": 900})
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to the report"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "story"
    tab.get_by_label("Open all sections").check()
    wide = tab.get_by_label("Sales by name, USD")
    wide.focus()
    tab.keyboard.press("ArrowRight")
    tab.wait_for_timeout(300)
    assert wide.evaluate("e => e.scrollLeft") > 0


def test_formulas_are_drawn_and_table_heads_stay(browser, sales):
    tab = opened(browser, sales, **VIEWS["desk"])
    tab.get_by_label("Open all sections").check()
    assert tab.locator("math[display=block]").bounding_box()["height"] > 30
    sticky = "getComputedStyle(document.querySelector('.section .shown thead th')).position"
    assert tab.evaluate(sticky) == "sticky"


def test_on_a_phone_a_row_is_a_card_that_names_its_columns(browser, sales):
    tab = opened(browser, sales, **VIEWS["phone"])
    tab.get_by_label("Open all sections").check()
    cells = tab.locator(".section table.shown").first.locator("tbody tr").first.locator("td")
    first, second = cells.nth(0).bounding_box(), cells.nth(1).bounding_box()
    assert second["y"] >= first["y"] + first["height"] - 1
    label = "e => getComputedStyle(e, '::before').content"
    assert cells.nth(1).evaluate(label) == '"Column 1"'
    assert tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def test_paper_shows_no_code_and_no_navigation(browser, sales, tmp_path):
    tab = opened(browser, sales, **VIEWS["paper"])
    assert not tab.locator(".code").first.is_visible()
    assert not tab.locator(".tabs").is_visible()
    tab.pdf(path=tmp_path / "page.pdf", prefer_css_page_size=True)
    assert (tmp_path / "page.pdf").stat().st_size > 10_000


def test_what_there_is_to_do_prints_on_one_page(browser, pages, tmp_path):
    for path in (p for p in pages if p.name == "index.html" and p.parent.name != "reports"):
        tab = opened(browser, path, **VIEWS["paper"])
        if tab.locator("body.index").count():
            tab.pdf(path=tmp_path / "index.pdf", prefer_css_page_size=True)
            sheets = re.findall(rb"/Type\s*/Page\b(?!s)", (tmp_path / "index.pdf").read_bytes())
            assert len(sheets) == 1, path


def test_no_page_has_more_than_600_words_before_its_details(browser, pages):
    for path in pages:
        tab = opened(browser, path, **VIEWS["desk"])
        words = tab.evaluate(
            "(document.querySelector('.details')?.remove(), document.querySelector('main').innerText)"
        )
        if tab.locator("body.page:not(.glossary)").count():
            assert len(words.split()) <= 600, f"{path}: {len(words.split())} words"
        tab.context.close()


# Questions of a morning: the clicks that lead from the first page to the answer, and the answer.
MORNING = {
    "Are the data whole?": ([], ":is(.state, .top > .failure)"),
    "Whom do I contact today?": ([], ".do .card >> nth=0 >> h3"),
    "On which channel may I, and with what?": ([], ".do .card >> nth=0 >> dl"),
    "What does it bring, how sure is that?": ([], ".do .card >> nth=0 >> .gain"),
    "What must I not do?": ([".here a[href='#avoid']"], ".avoid li >> nth=0"),
    "How was the week?": ([".here a[href='#week']"], "table.week >> nth=0"),
    "What changed since the last report?": ([".here a[href='#news']"], "section[aria-labelledby=news]"),
    "Did the last actions work?": ([".here a[href='#worked']"], "section[aria-labelledby=worked]"),
    "Why these customers?": ([".do .card .more a >> nth=0"], ".card:target"),
    "How sure is it, and what would turn it?": ([".do .card .more a >> nth=0"], "section.sure"),
    "What does a column of the list mean?": (
        ["#list-contact_list ~ details summary"], "#list-contact_list ~ details table tr >> nth=1"
    ),
}  # fmt: skip


@pytest.mark.parametrize("view", ["desk", "phone"])
def test_each_question_of_the_morning_is_answered_within_one_screen_and_two_clicks(browser, pages, view):
    height = VIEWS[view]["viewport"]["height"]
    for index in (p for p in pages if p.name == "index.html" and ".runs" in p.parts):
        tab = opened(browser, index, **VIEWS[view])
        for question, (clicks, answer) in MORNING.items():
            for click in clicks:
                tab.locator(click).click()
            there = tab.locator(answer).first
            there.scroll_into_view_if_needed()
            assert there.inner_text().strip(), f"{index}: {question}"
            tall = there.bounding_box()["height"]
            assert tall <= height, f"{index}: {question}: {tall} px"
            if clicks:
                tab.goto(index.as_uri())
        tab.context.close()


def test_every_picture_of_a_real_report_has_its_numbers_and_fits_a_phone(browser, pages):
    for path in (p for p in pages if p.with_suffix(".ipynb").is_file() and ".runs" in p.parts):
        tab = opened(browser, path, **VIEWS["phone"])
        tab.get_by_label("Open all sections").check()
        figures = tab.locator("figure")
        for figure in figures.all():
            assert figure.locator("details.drawn").count() == 1, f"{path}: {figure.get_attribute('id')}"
        for picture in tab.locator(".picture.fits img").all():
            assert picture.bounding_box()["width"] <= VIEWS["phone"]["viewport"]["width"]
        if figures.count():
            tab.locator("details.drawn summary").first.click()
            assert tab.locator("details.drawn table").first.locator("tbody tr").count() > 0
        tab.context.close()


def test_links_mean_something_alone(browser, pages):
    """Links of one page that read alike lead to one place."""
    for path in pages:
        tab = opened(browser, path, **VIEWS["desk"])
        links = tab.evaluate(
            "[...document.querySelectorAll('main a')].filter(a => !a.closest('.prose'))"
            ".map(a => [a.getAttribute('aria-label') || a.textContent.trim(), a.href])"
        )
        leads = {}
        for words, target in links:
            place = target.partition("#")[0]
            assert leads.setdefault(words, place) == place, (path, words)
        tab.context.close()


@pytest.mark.parametrize("policy", [True, False], ids=["with the policy", "without it"])
@pytest.mark.parametrize("name", ["hostile.html", "index.html"])
def test_no_payload_is_active(browser, hostile, name, policy):
    """Also with the Content-Security-Policy taken away: the second wall holds alone."""
    tab = opened(browser, hostile / name, **VIEWS["desk"], bypass_csp=not policy)
    tab.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    tab.evaluate(
        "document.querySelectorAll('*').forEach(e => { e.focus?.(); if (!e.closest('a')) e.click?.(); })"
    )
    tab.wait_for_timeout(200)
    assert tab.evaluate(ACTIVE) == []
    assert tab.noise == []
    if policy:
        tab.evaluate(AXE)
        rules = "{runOnly: ['document-title', 'image-alt', 'duplicate-id-aria', 'html-has-lang']}"
        assert tab.evaluate(f"async () => (await axe.run({rules})).violations.map(v => v.id)") == []


@pytest.fixture(scope="session")
def hostile_shop(tmp_path_factory):
    return hostile_report(tmp_path_factory.mktemp("hostile_shop"))


def test_a_real_run_on_a_shop_of_hostile_names_does_nothing(browser, hostile_shop):
    """From the source's files through every notebook, table and picture to the pages and the downloads."""
    pages, seen = sorted(hostile_shop.glob("*.html")), ""
    assert len(pages) > 3
    for path in pages:
        tab = opened(browser, path, **VIEWS["desk"], bypass_csp=True)
        tab.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        tab.wait_for_timeout(100)
        assert tab.evaluate(ACTIVE) == [], path.name
        assert tab.noise == [], path.name
        seen += tab.evaluate("document.body.textContent")
        tab.context.close()
    # Names did reach the pages, which show the few strongest of them; the downloads have all.
    assert sum(payload in seen for payload in PAYLOADS) > 5


def test_no_download_of_that_shop_holds_a_formula(hostile_shop):
    cells, formulas = 0, ("=", "+", "-", "@", "\t", "\r")
    for path in sorted((hostile_shop / "tables").glob("*.csv")):
        texts = pq.read_table(path.with_suffix(".parquet")).to_pylist()
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        for row, meant in zip(rows, texts, strict=True):
            for name, value in meant.items():
                if isinstance(value, str):
                    assert row[name] == (f"'{value}" if value.startswith(formulas) else value), path.name
                    cells += 1
    assert cells > 100


def test_payloads_are_readable_as_the_text_they_are(browser, hostile):
    index = opened(browser, hostile / "index.html", **VIEWS["desk"]).evaluate("document.body.textContent")
    page = opened(browser, hostile / "hostile.html", **VIEWS["desk"])
    cells = page.evaluate(
        "[...document.querySelectorAll('table.shown td:first-child')].map(c => c.textContent)"
    )
    for payload in PAYLOADS:
        assert payload in index
        assert payload in cells
