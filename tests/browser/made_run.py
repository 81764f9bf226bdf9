"""A run's folder as the pipeline leaves it, made without a kernel: for the tests of pages."""

from __future__ import annotations

import base64
import datetime as dt
import html
import io
import json
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
from nbformat import v4
from PIL import Image, ImageDraw

from crm_utils.reports.pages import render_index, render_page

# What a product, category, campaign or segment may be called by someone who means harm, or just is odd.
PAYLOADS = [
    "<script>window.fired=1</script>",
    "<SCRIPT SRC=//example.org/x.js></SCRIPT>",
    "</p><script>window.fired=1</script>",
    "</title><script>window.fired=1</script>",
    "</style><script>window.fired=1</script>",
    "</textarea><script>window.fired=1</script>",
    "--><script>window.fired=1</script>",
    "]]><script>window.fired=1</script>",
    "<scr<script>ipt>window.fired=1</scr</script>ipt>",
    "<img src=x onerror=window.fired=1>",
    "<img src=\"x\" onerror='window.fired=1' alt=",
    '" onmouseover="window.fired=1" x="',
    "' onfocus='window.fired=1' autofocus='",
    '"><img src=x onerror=window.fired=1>',
    "<svg onload=window.fired=1>",
    "<svg><script>window.fired=1</script></svg>",
    '<svg><a xlink:href="javascript:window.fired=1"><text>x</text></a></svg>',
    "<svg><style><img src=x onerror=window.fired=1></style></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=window.fired=1>",
    "<math href='javascript:window.fired=1'>CLICK</math>",
    "<iframe src='javascript:window.fired=1'></iframe>",
    "<iframe srcdoc='<script>parent.fired=1</script>'></iframe>",
    "<object data='javascript:window.fired=1'></object>",
    "<embed src='data:text/html,<script>fired=1</script>'>",
    "<body onload=window.fired=1>",
    "<details open ontoggle=window.fired=1>",
    "<video><source onerror=window.fired=1></video>",
    "<input autofocus onfocus=window.fired=1>",
    "<form action='javascript:window.fired=1'><button>go</button></form>",
    "<a href='javascript:window.fired=1'>click</a>",
    "<a href='jAvAsCrIpT&colon;window.fired=1'>click</a>",
    "<a href='java\tscript:window.fired=1'>click</a>",
    "<a href='data:text/html,<script>fired=1</script>'>click</a>",
    "[click](javascript:window.fired=1)",
    "[click](https://example.org/phish)",
    "![x](https://example.org/spy.png)",
    "<https://example.org/phish>",
    "<base href='https://example.org/'>",
    "<meta http-equiv=refresh content='0;url=https://example.org'>",
    "<link rel=stylesheet href=//example.org/x.css>",
    "<style>@import '//example.org/x.css';body{display:none}</style>",
    "<div style='position:fixed;inset:0;background:url(//example.org/x)'>over all</div>",
    "<img src='//example.org/spy.png'>",
    "<table background='//example.org/spy.png'><td>x",
    "<p id=finding-1 class='finding'>Not a finding",
    '<img alt="><img src=x onerror=window.fired=1>">',
    '<a title="<table><caption>c</caption><img src=x onerror=window.fired=1></table>">x</a>',
    '<a title="<math display=&quot;block&quot;><img src=x onerror=window.fired=1></math>">x</a>',
    '<table><caption><a title="</caption><img src=x onerror=window.fired=1>">c</a></caption></table>',
    "{{ 7 * 7 }}{% for x in () %}{% endfor %}",
    "${7*7}#{7*7}<%= 7*7 %>",
    r"\(\href{javascript:window.fired=1}{x}\)",
    r"\(\text{<script>window.fired=1</script>}\)",
    "$$\\text{</mtext><script>window.fired=1</script>}$$",
    '=HYPERLINK("https://example.org","Sale")',
    "=cmd|' /C calc'!A0",
    "+1+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\u202egnp.exe",
    "&lt;script&gt;window.fired=1&lt;/script&gt;",
    "`<script>window.fired=1</script>`",
    "Salt & Vinegar, 5\" x 3' <large>",
]

MANIFEST: dict[str, Any] = {
    "schema_version": 1,
    "run_id": "20261121T223000-made",
    "study": "corner_shop",
    "title": "Corner shop",
    "as_of": "2017-12-31",
    "currency": "USD",
    "timezone": "America/New_York",
    "history_starts": "2017-01-01",
    "simulated": False,
    "status": "passed",
    "started_at": "2026-11-21T22:30:00+00:00",
    "finished_at": "2026-11-21T22:30:12+00:00",
    "seconds": 12.3,
    "durations": {"loading": 0.2, "notebooks": 11.9},
    "published": True,
    "snapshot": {
        "id": "abc123",
        "source": "files",
        "zone": "America/New_York",
        "inputs": [{"name": "orders.csv", "sha256": "0" * 64, "rows": 1001, "becomes": "order_lines"}],
        "tables": {"order_lines": {"read": 1001, "loaded": 1000, "quarantined": 1, "sha256": "0" * 64}},
        "first_day": "2017-01-01",
        "last_day": "2017-12-31",
    },
    "notebooks": [],
    "versions": {"python": "3.11.7", "pandas": "3.1.0"},
}


def png(width: int = 1480, height: int = 840) -> bytes:
    """Bars, as a chart has them: few colours, wide areas."""
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    for bar in range(8):
        left = 80 + bar * (width - 160) // 8
        draw.rectangle(
            (left, height - 60 - bar * height // 12, left + width // 12, height - 60), fill="#0b5482"
        )
    packed = io.BytesIO()
    image.save(packed, "PNG")
    return packed.getvalue()


def code(source: str, *outputs: Any, **metadata: Any) -> Any:
    return v4.new_code_cell(source, outputs=list(outputs), metadata=metadata)


def shown(**data: str) -> Any:
    """An output by kind: ``shown(html=…)``, ``shown(png=…)``, ``shown(markdown=…)``, ``shown(plain=…)``."""
    kinds = {"png": "image/png", "svg": "image/svg+xml", "javascript": "application/javascript"}
    return v4.new_output("display_data", data={kinds.get(k, f"text/{k}"): v for k, v in data.items()})


def picture(width: int = 1480, height: int = 840, **metadata: Any) -> Any:
    drawn = base64.b64encode(png(width, height)).decode()
    return code("plot(...)", shown(png=drawn, plain="<Figure>"), **metadata)


def said(kind: str, sentence: str, anchor: str = "") -> Any:
    """A sentence as ``run.finding`` and ``run.say`` show it."""
    mark = f' id="{anchor}"' if anchor else ""
    return shown(html=f'<p class="{kind}"{mark}>{html.escape(sentence)}</p>', plain=sentence)


def table(names: list[str], columns: int = 3) -> Any:
    """A table as ``wording.table`` shows it."""
    head = "".join(f'<th scope="col" class="number">Column {c}</th>' for c in range(1, columns))
    rows = "".join(
        f"<tr><td>{html.escape(n)}</td>" + '<td class="number">1,234,567</td>' * (columns - 1) + "</tr>"
        for n in names
    )
    top = f'<caption>Sales by name, USD</caption><thead><tr><th scope="col">Name</th>{head}</tr></thead>'
    return shown(html=f'<table class="shown">{top}<tbody>{rows}</tbody></table>', plain="a table")


class MadeRun:
    """Collects notebooks, then writes the folder."""

    def __init__(self, folder: Path, **manifest: Any) -> None:
        self.folder = folder
        self.manifest = json.loads(json.dumps(MANIFEST)) | manifest
        for part in ("tables", "results"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        self._write_manifest()

    def _write_manifest(self) -> None:
        (self.folder / "run.json").write_text(json.dumps(self.manifest), encoding="utf-8")

    def add(
        self,
        name: str,
        *cells: Any,
        question: str = "What sells?",
        findings: list[tuple[str, float | None]] | None = None,
        numbers: dict[str, Any] | None = None,
        tables: list[str] | None = None,
        actions: list[dict[str, Any]] | None = None,
        warnings: list[str] | None = None,
        sure: list[str] | None = None,
        meanings: dict[str, tuple[str, str]] | None = None,
        status: str = "passed",
        reason: str = "",
    ) -> dict[str, Any]:
        """Add a notebook with what it left; returns its results."""
        facts = {"name": name, "file": f"01_{name}.ipynb", "question": question, "status": status}
        self.manifest["notebooks"].append(facts | {"reason": reason, "seconds": 3.2, "parameters": {}})
        self._write_manifest()
        results = {
            "schema_version": 1,
            "notebook": name,
            "as_of": self.manifest["as_of"],
            "numbers": numbers or {},
            "findings": [
                {"text": text, "at_stake": stake, "anchor": f"finding-{n}"}
                for n, (text, stake) in enumerate(findings or [], start=1)
            ],
            "actions": [a | {"anchor": f"action-{n}"} for n, a in enumerate(actions or [], start=1)],
            "warnings": [
                {"text": said, "anchor": f"warning-{n}"} for n, said in enumerate(warnings or [], start=1)
            ],
            "sure": sure or [],
            "tables": {
                t: {
                    "rows": 5, "columns": ["customer_id", "name"], "files": [f"{t}.csv"],
                    "purpose": f"{t}: what the list is for.", "meanings": meanings or {},
                }
                for t in tables or []
            },
        }  # fmt: skip
        if status in ("skipped", "not run"):
            return results
        for t in tables or []:
            (self.folder / "tables" / f"{t}.csv").write_text("customer_id,name\n1,x\n", encoding="utf-8")
        (self.folder / "results" / f"{name}.json").write_text(json.dumps(results), encoding="utf-8")
        nbformat.write(v4.new_notebook(cells=list(cells)), self.folder / f"{name}.ipynb")
        return results

    def page(self, name: str, results: dict[str, Any]) -> str:
        """Render a notebook's page and give its text."""
        path = self.folder / f"{name}.html"
        render_page(self.folder / f"{name}.ipynb", path, manifest=self.manifest, name=name, results=results)
        return path.read_text(encoding="utf-8")

    def index(self, previous: Path | None = None) -> str:
        render_index(self.folder, self.manifest, previous=previous)
        return (self.folder / "index.html").read_text(encoding="utf-8")


FORMULA = r"""
$$
P = \frac{\Gamma(r + x)}{\Gamma(r) \, x!} \left( \frac{\alpha}{\alpha + t} \right)^{r}
\sum_{i=1}^{n} w_i \log \left( 1 + \frac{m_i}{\bar{m}} \right) \quad \text{for all customers } x \ge 0
$$
"""
ROBUSTNESS = "### Robustness\n\nSee [the paper](https://example.org/p).\n\n| a | b |\n|:--|--:|\n| x | 1 |"
EXERCISE = "## Exercises\n\n<details><summary>Answer</summary>\n\nIt is **four**.\n\n</details>"


def text(source: str) -> Any:
    return v4.new_markdown_cell(source)


def stream(name: str, written: str) -> Any:
    return v4.new_output("stream", name=name, text=written)


def ordinary_cells() -> list[Any]:
    """A page with everything a page can hold."""
    return [
        text("# What sells?\n\nWhich shelf gets more room? Sums by category, from $5 to $6."),
        code("import pandas as pd\n\nrun = open_run('sales', study=study)  # a comment"),
        text("## What we look at\n\nSpend \\(m_i\\) of customer \\(i\\):\n" + FORMULA),
        code("sales", table(["Tea", "Coffee", "Salt & vinegar crisps"], columns=14)),
        picture(alt="Bars: sales by category; coffee leads."),
        code("run.finding(...)", said("finding", "Coffee earns most.", "finding-1")),
        text(ROBUSTNESS),
        picture(),
        code("run.say(...)", said("say", "The order of categories holds in each quarter.")),
        code("run.finding(...)", said("finding", "Tea is second.", "finding-2")),
        code("print(1)", stream("stdout", "one line\n"), stream("stderr", "a warning\n")),
        text(EXERCISE),
    ]


def save_weeks(folder: Path) -> None:
    """The scorecard's weeks: revenue and orders, the last beside one before and one a year ago."""
    last, back = dt.date(2017, 12, 25), {0: 1200.0, 1: 1000.0, 2: 900.0, 3: 1100.0, 52: 800.0}
    rows = [
        {"measure": measure, "week": last - dt.timedelta(weeks=k), "value": value / size, "says": says}
        for measure, size, says in (("revenue", 1, "high"), ("orders", 20, ""), ("customers", 25, ""))
        for k, value in back.items()
    ]
    pd.DataFrame(rows).to_parquet(folder / "tables" / "kpis.parquet", index=False)


def action(verb: str, audience: str, **more: Any) -> dict[str, Any]:
    """What ``run.action`` keeps."""
    given = {"customers": 181, "why": "They are late.", "offer": "", "channel": "", "certainty": "unknown"}
    given |= dict.fromkeys(("gain", "low", "high", "horizon_days"))
    return given | {"list": "", "held_out": 0, "avoid": False, "verb": verb, "audience": audience} | more


ACTIONS = [
    action(
        "Remind", "customers who are late", list="shelves", held_out=51, offer="a free coffee",
        channel="e-mail", gain=58.0, low=-20.0, high=130.0, horizon_days=28, certainty="assumed",
    ),
    action("Thank", "the best customers", customers=1200),
    action(
        "Win back", "those who left",
        gain=900.0, low=100.0, high=1700.0, horizon_days=28, certainty="tested",
    ),
    action("Do not discount", "customers who come anyway", avoid=True),
]  # fmt: skip


def ordinary_run(folder: Path) -> MadeRun:
    """A run with a page, a skipped notebook, goals, and a first report."""
    goals = [{"name": "Repeat rate", "target": 0.4, "value": 0.42, "unit": "share", "met": True}]
    goals.append({"name": "Orders", "target": 500, "value": 480, "met": False})
    run = MadeRun(folder, goals=goals)
    save_weeks(folder)
    numbers = {f"segment.s{n}.customers": {"value": n, "unit": "customers"} for n in range(200)}
    numbers["sales"] = {"value": 1234.5, "unit": "USD", "low": 1200.0, "high": 1300.0}
    results = run.add(
        "sales",
        *ordinary_cells(),
        findings=[("Coffee earns most.", 1200.0), ("Tea is second.", None)],
        numbers=numbers,
        tables=["shelves"],
        actions=ACTIONS,
        warnings=["The banner test is void."],
        sure=["Tested on three past days.", "Wrong once in ten.", "At half the margin nothing is gained."],
        meanings={"customer_id": ("the customer", ""), "name": ("what the shelf is called", "")},
    )
    run.add("churn", question="Who leaves?", status="skipped", reason="needs the table 'messages'")
    run.page("sales", results)
    run.index()
    return run


def hostile_run(folder: Path) -> MadeRun:
    """Every payload on every way into a page: table, sentence, Markdown, raw HTML, title, alt, numbers."""
    run = MadeRun(folder, title=PAYLOADS[3], run_id=PAYLOADS[0], versions={PAYLOADS[0]: PAYLOADS[9]})
    run.manifest["snapshot"]["inputs"] = [{"name": p, "sha256": p, "rows": 1, "becomes": p} for p in PAYLOADS]
    cells = [text("# " + PAYLOADS[0] + " Who?")]
    for p in PAYLOADS:
        cells += [
            text(f"## {p}\n\nText {p}\n\n{p}\n\n| {p} |\n|--|\n| {p} |"),
            code(f"# {p}", shown(html=p, plain=p), shown(markdown=f"# {p}\n\n{p}"), shown(plain=p)),
            code("x", shown(html=f"<table class='{p}'><td>{p}</table>")),
            code("x", stream("stdout", p), shown(javascript="window.fired=1", plain=p)),
            picture(160, 90, alt=p, caption=p),
        ]
    cells.append(code("x", table(PAYLOADS)))
    for n, payload in enumerate(PAYLOADS, start=1):
        cells.append(code("x", said("finding", payload, f"finding-{n}"), said("say", payload)))
    results = run.add(
        "hostile",
        *cells,
        question=PAYLOADS[0],
        findings=[(p, float(n)) for n, p in enumerate(PAYLOADS)],
        numbers={p: {"value": p, "unit": p} for p in PAYLOADS},
        actions=[
            action(p, p, why=p, offer=p, channel=p, list="list", avoid=n % 2 == 0)
            for n, p in enumerate(PAYLOADS)
        ],
        warnings=PAYLOADS,
        sure=PAYLOADS,
        tables=["list"],
        meanings=dict.fromkeys(("customer_id", "name"), (PAYLOADS[0], PAYLOADS[9])),
    )
    run.manifest["goals"] = [
        {"name": PAYLOADS[0], "target": 1, "value": 0, "unit": PAYLOADS[9], "met": False}
    ]
    run.add("skipped", question=PAYLOADS[1], status="skipped", reason=PAYLOADS[9])
    run.page("hostile", results)
    run.index()
    return run
