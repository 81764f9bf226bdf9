"""A few people as a shop's systems know them, with identifiers that must be found nowhere afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

__all__ = ["CANARIES", "CUSTOMERS", "ORDERS", "found_in"]

#: account, e-mail, phone, name, street, joined on
CUSTOMERS = [
    (
        "10001",
        "Zaphira.Quillon@example.com",
        "010-8765-4321",
        "Zaphira Quillon",
        "Larkspur Lane 7731",
        "2024-01-02",
    ),
    (
        "10002",
        "wendelmar@example.org",
        "+82 10 2468 1357",
        "Wendelmar Oostrik",
        "Thistledown Row 9942",
        "2024-02-03",
    ),
    # One person, two accounts: the phone is Zaphira's.
    ("10003", None, "010 8765 4321", "Z. Quillon", None, "2024-03-04"),
    (
        "10004",
        "broken-date@example.net",
        "02-7777-8888",
        "Yevdokia Brandl",
        "Marigold Court 5517",
        "not a day",
    ),
]
#: order, account, guest's e-mail, product, time, quantity, amount
ORDERS = [
    ("o1", "10001", None, "p1", "2024-05-01 10:00:00", "1", "10.00"),
    (
        "o2",
        None,
        "zaphira.quillon@EXAMPLE.com ",
        "p2",
        "2024-05-02 11:00:00",
        "2",
        "20.50",
    ),  # hers, as a guest
    ("o3", "10003", None, "p1", "2024-05-03 12:00:00", "1", "10.00"),
    ("o4", "10002", None, "p3", "2024-05-04 13:00:00", "1", "5.00"),
    ("o5", None, "lonely.guest@example.com", "p3", "2024-05-05 14:00:00", "1", "5.00"),
    ("o6", None, None, "p3", "2024-05-06 15:00:00", "1", "5.00"),  # nobody known
    ("o7", "10002", "wendelmar@example.org", "p1", "not a time", "1", "10.00"),
]
#: Small letters, and digits as they may stand anywhere.
CANARIES = [
    "zaphira", "quillon", "wendelmar", "oostrik", "yevdokia", "brandl", "larkspur", "thistledown", "marigold",
    "lonely.guest", "broken-date@", "@example.", "87654321", "8765-4321", "8765 4321", "24681357",
    "2468 1357", "77778888", "7777-8888",
]  # fmt: skip


def found_in(folder: Path, *, leave_out: frozenset[str] = frozenset()) -> Iterator[str]:
    """The canaries in the bytes of all files below a folder, Parquet files by their values as well."""
    import duckdb

    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        if leave_out & {*path.relative_to(folder).parts}:
            continue
        text = path.read_bytes().decode("utf-8", "replace").lower()
        if path.suffix == ".parquet":
            text += str(duckdb.from_parquet(str(path)).fetchall()).lower()
        yield from (f"{canary} in {path.relative_to(folder)}" for canary in CANARIES if canary in text)
