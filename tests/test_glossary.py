"""Is every term of GLOSSARY.md there once, whole, in order, and with a source that is listed?"""

from __future__ import annotations

import re
from pathlib import Path

GLOSSARY = (Path(__file__).resolve().parents[1] / "GLOSSARY.md").read_text(encoding="utf-8")
HEAD = ["Term", "Definition", "Unit", "Korean", "Source"]
SOURCES = re.findall(r"^- \*\*(.+?)\*\* – ", GLOSSARY, flags=re.MULTILINE)


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


def _cited(source: str) -> list[str]:
    """Keys of a source cell: "ours, after IFRS 15" and "PIPA, Art. 2(1)" give "IFRS 15" and "PIPA"."""
    return [part.split(",")[0] for part in source.removeprefix("ours, after ").split("; ")]


BLOCKS = [block.splitlines() for block in re.findall(r"(?:^\|.*\|\n)+", GLOSSARY, flags=re.MULTILINE)]
TABLES = [[_cells(row) for row in block[2:]] for block in BLOCKS]
ROWS = [row for table in TABLES for row in table]


def test_every_table_has_the_same_head_and_every_row_is_whole() -> None:
    assert [block[0] for block in BLOCKS if _cells(block[0]) != HEAD] == []
    assert [row for row in ROWS if len(row) != len(HEAD) or not all(row)] == []


def test_every_term_stands_once() -> None:
    terms = [row[0] for row in ROWS]  # "Lost" is a segment and "lost" a stage; each row says so
    assert len(terms) > 100
    assert sorted(set(terms)) == sorted(terms)


def test_terms_stand_in_alphabetical_order() -> None:
    for table in TABLES:
        terms = [row[0] for row in table]
        assert terms == sorted(terms, key=str.casefold)


def test_every_term_has_a_korean_one() -> None:
    assert [row[0] for row in ROWS if not re.search("[가-힣]", row[3])] == []


def test_every_source_is_listed_once_in_order_and_used() -> None:
    cited = {key for row in ROWS for key in _cited(row[4])} - {"ours"}
    assert sorted(set(SOURCES), key=str.casefold) == SOURCES
    assert cited == set(SOURCES)
