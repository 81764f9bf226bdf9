"""Does crm new read the headings of a shop's touches, answers, points and states, in the shop's own words?"""

from __future__ import annotations

from pathlib import Path

import pytest

from crm_utils import engine
from crm_utils.proposal.choosing import table_of
from crm_utils.proposal.table import TableProposal
from crm_utils.sources.files.guessing import look_at
from crm_utils.sources.files.part import Place
from crm_utils.tables import TABLES

DAYS = ["2024-03-05 10:15", "2024-03-06 11:20", "2024-03-07 12:25"]
FILES = {
    "touches": (
        "events",
        ["touch no", "customer", "date and time", "touchpoint"],
        [
            ["17", "K1", "2024-03-05 10:15", "phone call"],
            ["18", "K2", "2024-03-06 11:20", "store visit"],
            ["19", "K1", "2024-03-07 12:25", "website"],
        ],
        {
            "event_id": "touch no",
            "customer_id": "customer",
            "occurred_at": "date and time",
            "event": "touchpoint",
        },
    ),
    "without a number": (
        "events",
        ["customer", "when it was", "action"],
        [
            ["K1", "2024-03-05 10:15", "call"],
            ["K2", "2024-03-06 11:20", "visit"],
            ["K1", "2024-03-07 12:25", "visit"],
        ],
        {
            "event_id": ["customer", "action", "when it was"],
            "customer_id": "customer",
            "occurred_at": "when it was",
            "event": "action",
        },
    ),
    "reviews": (
        "feedback",
        ["리뷰번호", "회원번호", "작성일", "평점", "내용"],
        [
            ["1", "K1", "2024-03-05", "5", "좋아요"],
            ["2", "K2", "2024-03-06", "1", "늦었어요"],
            ["3", "K3", "2024-03-07", "4", "괜찮아요"],
        ],
        {
            "feedback_id": "리뷰번호",
            "customer_id": "회원번호",
            "submitted_at": "작성일",
            "score": "평점",
            "text": "내용",
            "kind": "review",
        },
    ),
    "points": (
        "points",
        ["member no", "date", "points", "type", "valid until"],
        [
            ["K1", "2024-03-05 10:15", "120", "earn", "2026-03-31"],
            ["K2", "2024-03-06 11:20", "-50", "spend", ""],
            ["K1", "2024-03-07 12:25", "30", "earn", "2026-03-31"],
        ],
        {
            "customer_id": "member no",
            "occurred_at": "date",
            "points": "points",
            "kind": "type",
            "expires_at": "valid until",
        },
    ),
    "mailings": (
        "messages",
        ["send id", "campaign", "customer id", "channel", "sent at", "opened"],
        [
            ["1", "spring", "K1", "email", "2024-03-05 10:15", "2024-03-06 11:20"],
            ["2", "spring", "K2", "email", "2024-03-05 10:15", ""],
            ["3", "spring", "K3", "sms", "2024-03-05 10:15", ""],
        ],
        {
            "message_id": "send id",
            "campaign_id": "campaign",
            "customer_id": "customer id",
            "channel": "channel",
            "sent_at": "sent at",
            "opened_at": "opened",
            "held_out": False,
        },
    ),
    "tiers": (
        "tiers",
        ["회원번호", "등급", "시작일"],
        [["K1", "골드", "2024-01-01"], ["K2", "실버", "2024-02-01"], ["K3", "실버", "2024-03-01"]],
        {"customer_id": "회원번호", "tier": "등급", "since": "시작일"},
    ),
    "states": (
        "order_status",
        ["order number", "state", "date"],
        [
            ["A1", "shipped", "2024-03-05 10:15"],
            ["A1", "delivered", "2024-03-06 11:20"],
            ["A2", "shipped", "2024-03-07 12:25"],
        ],
        {"order_id": "order number", "status": "state", "occurred_at": "date"},
    ),
}


def proposed(path: Path, table: str) -> TableProposal:
    """What is proposed for a file that somebody says is this table's."""
    return table_of(look_at(path, Place(engine.connect(), table, path.parent / "scratch")), table)


@pytest.mark.parametrize("name", FILES)
def test_headings_of_a_shop_are_read(name: str, tmp_path: Path) -> None:
    table, header, rows, expected = FILES[name]
    path = tmp_path / "file.csv"
    path.write_text("\n".join(",".join(cells) for cells in [header, *rows]) + "\n", encoding="utf-8")
    proposal = proposed(path, table)
    read = {m.target: m.written.get("columns", m.written.get("constant", m.source)) for m in proposal.matches}
    assert read == expected
    assert not proposal.missing


@pytest.mark.parametrize("table", [t for t in TABLES if t not in ("order_lines", "products", "customers")])
def test_the_contract_s_own_names_are_always_read(table: str, tmp_path: Path) -> None:
    names = [column.name for column in TABLES[table].columns]
    path = tmp_path / "file.csv"
    path.write_text(",".join(names) + "\n", encoding="utf-8")
    assert {m.target: m.source for m in proposed(path, table).matches} == {n: n for n in names}
