"""Every page, opened in a real browser: at desk, on a phone, on paper, in the dark, and under attack."""

from __future__ import annotations

import csv
from pathlib import Path

import axe_playwright_python
import pyarrow.parquet as pq
import pytest
from chromium import chromium
from hostile_shop import hostile_report
from made_run import PAYLOADS, hostile_run, ordinary_run

from crm_utils.pages import render_overview

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
def browser():
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def pages(tmp_path_factory, pytestconfig):
    """Pages made for this test, and those of real reports where ``--reports`` names them."""
    reports = tmp_path_factory.mktemp("reports")
    ordinary_run(reports / "corner_shop" / "2017-12-31")
    render_overview(reports)
    found = sorted(reports.rglob("*.html"))
    real = pytestconfig.getoption("--reports", default=None)
    if real:
        root = Path(real).resolve()
        run = {p.resolve() for p in root.glob("*/latest")}
        found += [root / "index.html", *sorted(p for folder in run for p in folder.glob("*.html"))]
        assert len(found) > 5, f"no published report in {root}"
    return found


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


def test_one_switch_opens_all_code_without_a_script(browser, pages):
    page = next(p for p in pages if p.name == "sales.html")
    tab = opened(browser, page, **VIEWS["desk"])
    code = tab.locator(".code pre").first
    assert not code.is_visible()
    tab.get_by_label("Show all code").check()
    assert code.is_visible()
    assert not tab.locator(".code summary").first.is_visible()


def test_the_keyboard_reaches_the_skip_link_first_and_wide_tables_after(browser, pages):
    page = next(p for p in pages if p.name == "sales.html")
    tab = opened(browser, page, **VIEWS["phone"])
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to the report"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "story"
    tab.locator(".scroll").first.focus()
    tab.keyboard.press("ArrowRight")
    tab.wait_for_timeout(300)
    assert tab.evaluate("document.querySelector('.scroll').scrollLeft") > 0


def test_formulas_are_drawn_and_table_heads_stay(browser, pages):
    page = next(p for p in pages if p.name == "sales.html")
    tab = opened(browser, page, **VIEWS["desk"])
    assert tab.locator("math[display=block]").bounding_box()["height"] > 30
    assert tab.evaluate("getComputedStyle(document.querySelector('.shown thead th')).position") == "sticky"


def test_paper_shows_no_code_and_no_navigation(browser, pages, tmp_path):
    page = next(p for p in pages if p.name == "sales.html")
    tab = opened(browser, page, **VIEWS["paper"])
    assert not tab.locator(".code").first.is_visible()
    assert not tab.locator(".contents").is_visible()
    tab.pdf(path=tmp_path / "page.pdf", prefer_css_page_size=True)
    assert (tmp_path / "page.pdf").stat().st_size > 10_000


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
