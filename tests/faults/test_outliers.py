"""One customer pays nine tenths of all revenue, another is alone in everything: nothing gives them away.

Searched are the numbers of a whole run of all notebooks: results, tables that are no lists of customers,
pages, executed notebooks, and what matplotlib drew. A number gives a customer away if it is their spending,
a share of the total that is, or what the total lacks of either.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator

import numpy as np
import pyarrow.parquet as pq
import pytest
from conftest import PlantedRun
from outlier_shop import STAFF

pytestmark = pytest.mark.xdist_group("planted")

#: Relative; nobody guesses to five digits by chance. What is written coarser is read as coarsely.
EXACT, COARSEST = 1e-5, 3e-4
NUMBER = re.compile(r"(?<![\w.#-])[-−]?\d[\d,]*\.?\d*(?:e[+-]?\d+)?(?:\s?(?:million|billion|[kMB])\b)?")
TIMES = {"k": 1e3, "M": 1e6, "million": 1e6, "B": 1e9, "billion": 1e9}


def gives_away(values: np.ndarray, run: PlantedRun, tolerance: float | np.ndarray = EXACT) -> np.ndarray:
    """Which of the values are a secret, what is left of the total without one, or its share of it."""
    secrets, total = np.array(run.planted.secrets), run.planted.total
    signs = np.concatenate([secrets, total - secrets, secrets[:1] / total, [run.planted.whale / total]])
    signs = np.concatenate([signs, [1 - run.planted.whale / total]])
    points = np.array(run.planted.points, dtype=float)
    totals = [points, run.planted.issued - points, abs(run.planted.open_points - points)]
    signs = np.concatenate([signs, *totals])
    near = np.abs(np.abs(values)[:, None] - signs) <= np.reshape(tolerance, (-1, 1)) * signs
    return values[near.any(axis=1)]


def numbers_of(node: object, name: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from numbers_of(value, f"{name}.{key}")
    elif isinstance(node, list):
        for value in node:
            yield from numbers_of(value, name)
    elif isinstance(node, int | float) and not isinstance(node, bool):
        yield name, float(node)


def read(text: str) -> float:
    """A number as a page writes it."""
    text = text.replace(",", "").replace("−", "-").strip()
    ending = next((end for end in sorted(TIMES, key=len, reverse=True) if text.endswith(end)), "")
    return float(text.removesuffix(ending)) * TIMES.get(ending, 1.0)


def written_that_gives_away(texts: list[str], run: PlantedRun) -> list[str]:
    """Which of the amounts in a text are a secret, as far as they are written out."""
    amounts = [text for text in texts if abs(read(text)) > 1_000]  # a share has its column
    digits = np.array([len(re.sub(r"[^0-9]", "", text).strip("0")) for text in amounts])
    tolerance = np.clip(0.5 * 10.0 ** (1 - digits), EXACT, COARSEST)
    values = np.array([read(text) for text in amounts])
    given = gives_away(values, run, tolerance) if amounts else values
    return [text for text in amounts if read(text) in given]


def words_of(page: str) -> str:
    """What a reader sees."""
    page = re.sub(r"<style.*?</style>|<script.*?</script>|data:image[^\"]*", "", page, flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]+>", " ", page))


def tables_of(page: str) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Headings and rows of a page's tables."""
    for table in re.findall(r"<table.*?</table>", page, flags=re.DOTALL):
        rows = [
            [words_of(cell).strip() for cell in re.findall(r"<t[dh].*?</t[dh]>", row, flags=re.DOTALL)]
            for row in re.findall(r"<tr.*?</tr>", table, flags=re.DOTALL)
        ]
        if len(rows) > 1:
            yield rows[0], rows[1:]


def test_the_loyalty_programme_is_counted(planted_run: PlantedRun) -> None:
    """Else nothing of page 10 would be searched."""
    results = json.loads((planted_run.report / "results" / "loyalty.json").read_text(encoding="utf-8"))
    values = [value for _, value in numbers_of(results)]
    assert planted_run.planted.issued in values
    assert planted_run.planted.open_points in values
    assert len(pq.read_table(planted_run.report / "tables" / "points_liability.parquet")) > 4


def test_results_and_tables_show_no_single_customers_spending(planted_run: PlantedRun) -> None:
    seen = 0
    for path in sorted((planted_run.report / "results").glob("*.json")):
        named = list(numbers_of(json.loads(path.read_text(encoding="utf-8"))))
        values = np.array([value for _, value in named])
        seen += len(values)
        assert gives_away(values, planted_run).tolist() == [], path.name
    for path in sorted((planted_run.report / "tables").glob("*.parquet")):
        frame = pq.read_table(path).to_pandas()
        if "customer_id" in frame:
            continue  # a list, of pseudonyms: for those who act on it
        for column in frame.select_dtypes("number"):
            values = frame[column].dropna().to_numpy(float)
            values = np.append(values, values.sum())
            assert gives_away(values, planted_run).tolist() == [], (path.name, column)
    assert seen > 500


def test_pages_show_no_single_customers_spending(planted_run: PlantedRun) -> None:
    pages, total = sorted(planted_run.report.glob("*.html")), planted_run.planted.total
    assert len(pages) >= 9
    for path in pages:
        page = path.read_text(encoding="utf-8")
        words = words_of(page)
        assert written_that_gives_away(NUMBER.findall(words), planted_run) == [], path.name
        for headings, rows in tables_of(page):
            for k, heading in enumerate(headings):
                cells = [row[k] for row in rows if len(row) > k]
                _a_column_gives_nobody_away(planted_run, f"{path.name}: {heading}", cells)
        for part in re.findall(r"([\d.]+)\s%[^.]{0,20}\brevenue\b", words):
            assert abs(float(part) / 100 - planted_run.planted.whale / total) > 0.006, (path.name, part)
            assert abs(1 - float(part) / 100 - planted_run.planted.whale / total) > 0.006, (path.name, part)


def _a_column_gives_nobody_away(run: PlantedRun, where: str, cells: list[str]) -> None:
    """Nor what its parts leave of the total; shares of revenue are read as coarsely as they are written."""
    if "revenue" not in where and "money" not in where:
        return
    shares = [float(cell.removesuffix("%")) for cell in cells if re.fullmatch(r"[\d.]+\s?%", cell)]
    whale = 100 * run.planted.whale / run.planted.total
    for share in shares:
        assert min(abs(share - whale), abs(100 - share - whale)) > 0.6, (where, share)
    money = [read(NUMBER.findall(cell)[0]) for cell in cells if "₩" in cell and NUMBER.findall(cell)]
    left = np.array([run.planted.total - sum(money)])
    assert gives_away(left, run, COARSEST).tolist() == [], (where, money)


def test_pictures_draw_no_single_customers_spending(planted_run: PlantedRun) -> None:
    drawn = [json.loads(line) for path in planted_run.drawn for line in path.read_text().splitlines()]
    assert len(drawn) > 20
    for picture in drawn:
        values = np.array(picture["numbers"])
        assert gives_away(values[np.abs(values) > 1_000], planted_run).tolist() == [], picture["texts"]
        texts = [number for text in picture["texts"] for number in NUMBER.findall(text)]
        assert written_that_gives_away(texts, planted_run) == []


def test_no_file_of_a_report_names_who_served(planted_run: PlantedRun) -> None:
    """Many customers thank them by name; what else they wrote is shown, so the names would be."""
    themes = pq.read_table(planted_run.report / "tables" / "themes.parquet").to_pandas()
    assert {"상냥했어요", "wrapping"} <= set(themes["word"]) or "상냥" in " ".join(themes["word"])
    for path in planted_run.report.rglob("*"):
        if path.suffix in (".html", ".json", ".ipynb", ".txt", ".csv"):
            text = path.read_text(encoding="utf-8")
        elif path.suffix == ".parquet":
            text = pq.read_table(path).to_pandas().to_csv()
        else:
            continue
        written = [name for name in STAFF if re.search(rf"(?<![^\W_]){name}", text)]
        assert written == [], path.name


def test_no_file_for_people_holds_the_amounts(planted_run: PlantedRun, outcome) -> None:
    secrets = planted_run.planted.secrets + planted_run.planted.points
    amounts = {f"{int(v)}" for v in secrets} | {f"{int(v):,}" for v in secrets}
    files = [p for p in planted_run.report.rglob("*") if p.suffix in (".html", ".json", ".ipynb", ".txt")]
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert [amount for amount in amounts if amount in text] == [], path.name
    outcome("customers whose spending stands out", 2, "no page, picture, table or number gives it away")
