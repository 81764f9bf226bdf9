"""Joined people against SciPy's connected components, over graphs of every shape; and what never joins."""

from __future__ import annotations

from collections.abc import Iterator

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ibis.backends.duckdb import Backend
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from crm_utils.errors import DataError
from crm_utils.people import joining
from crm_utils.people.joining import connected, join_people, merges, shared_keys


@pytest.fixture(scope="module")
def con() -> Iterator[Backend]:
    con = ibis.duckdb.connect()
    yield con
    con.disconnect()


def by_scipy(one: np.ndarray, other: np.ndarray) -> dict[int, int]:
    """Each member's least companion."""
    size = int(max(one.max(), other.max())) + 1
    graph = coo_array((np.ones(len(one)), (one, other)), shape=(size, size))
    label = connected_components(graph, directed=False)[1]
    least = pd.Series(range(size)).groupby(label).min()
    return {int(k): int(least[label[k]]) for k in set(one) | set(other)}


def by_us(con: Backend, one: np.ndarray, other: np.ndarray) -> dict[int, int]:
    links = con.create_table("links", pd.DataFrame({"one": one, "other": other}), overwrite=True)
    groups = connected(links).execute()
    return dict(zip(groups["member"], groups["group"], strict=True))


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=40))
def test_groups_are_scipys_components(con: Backend, pairs: list[tuple[int, int]]) -> None:
    one, other = (np.array(side, dtype="int64") for side in zip(*pairs, strict=True))
    assert by_us(con, one, other) == by_scipy(one, other)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_large_random_graph(con: Backend, seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.integers(0, 20_000, (2, 11_000))
    assert by_us(con, one, other) == by_scipy(one, other)


def test_a_long_chain_takes_few_rounds(con: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = 0
    true_round = joining._round

    def counted(*args: ibis.expr.types.Table) -> ibis.expr.types.Table:
        nonlocal rounds
        rounds += 1
        return true_round(*args)

    monkeypatch.setattr(joining, "_round", counted)
    chain = np.random.default_rng(3).permutation(20_000)
    assert set(by_us(con, chain[:-1], chain[1:]).values()) == {0}
    assert rounds < 20  # one link a round would take thousands


def people(con: Backend, rows: dict[str, list[str | None]], most: int = 10) -> dict[str, str | None]:
    """The customer of each key."""
    frame = pd.DataFrame({kind: pd.array(keys, dtype="string") for kind, keys in rows.items()})
    seen = con.create_table("seen", frame, overwrite=True)
    members = join_people(seen, most=most).to_pyarrow().to_pylist()
    assert len({(row["kind"], row["key"]) for row in members}) == len(members)
    return {row["key"]: row["customer_id"] for row in members}


def test_account_card_and_guest_email_become_one(con: Backend) -> None:
    rows = {
        "account": ["account 1", "account 1", None, None, "account 2"],
        "card": [None, "card 7", "card 7", None, None],
        "email": ["e@1", None, "e@2", "e@3", "e@4"],
    }
    customers = people(con, rows)
    assert {customers[key] for key in ("account 1", "card 7", "e@1", "e@2")} == {"account 1"}
    assert (customers["e@3"], customers["account 2"], customers["e@4"]) == ("e@3", "account 2", "account 2")


def test_a_new_email_renames_nobody_with_an_account(con: Backend) -> None:
    before = people(con, {"account": ["m"], "email": ["z@1"]})
    after = people(con, {"account": ["m", "m"], "email": ["z@1", "a@1"]})
    assert before["m"] == after["m"] == after["a@1"] == "m"


def test_a_key_that_meets_too_many_is_nobodys_and_joins_nobody(con: Backend) -> None:
    rows = {"account": [f"a{k}" for k in range(1_000)], "phone": ["the shop's own"] * 1_000}
    customers = people(con, rows, most=999)
    assert customers.pop("the shop's own") is None
    assert customers == {key: key for key in rows["account"]}
    assert set(people(con, rows, most=1_000).values()) == {"a0"}


def test_many_orders_of_one_person_are_no_shared_key(con: Backend) -> None:
    customers = people(con, {"account": ["a"] * 5_000, "phone": ["p"] * 5_000}, most=1)
    assert customers == {"a": "a", "p": "a"}


def test_a_shared_key_says_how_many_it_met(con: Backend) -> None:
    frame = pd.DataFrame({"account": ["a", "b", "c", "c"], "card": ["1", "1", "1", "2"]})
    shared = shared_keys(con.create_table("seen", frame, overwrite=True), most=2)
    assert shared.to_pyarrow().to_pylist() == [{"kind": "card", "key": "1", "meets": 3}]
    one_kind = shared_keys(con.create_table("seen", frame[["card"]], overwrite=True), most=0)
    assert one_kind.to_pyarrow().to_pylist() == []


def test_equal_text_of_two_kinds_is_not_one_key(con: Backend) -> None:
    seen = con.create_table("seen", pd.DataFrame({"account": ["7"], "card": ["7"]}), overwrite=True)
    rows = join_people(seen, most=10).to_pyarrow().to_pylist()
    assert sorted((row["kind"], row["key"], row["customer_id"]) for row in rows) == [
        ("account", "7", "7"), ("card", "7", "7"),
    ]  # fmt: skip


KEYS = st.one_of(st.none(), st.integers(0, 8).map(str))


@settings(max_examples=8, deadline=None)
@given(rows=st.lists(st.tuples(KEYS, KEYS, KEYS), min_size=1, max_size=15), seed=st.integers(0, 99))
def test_order_and_repetition_of_rows_change_nothing(
    con: Backend, rows: list[tuple[str | None, ...]], seed: int
) -> None:
    kinds = ("account", "card", "email")
    columns = {kind: [f"{kind} {row[k]}" if row[k] else None for row in rows] for k, kind in enumerate(kinds)}
    again = np.random.default_rng(seed).integers(0, len(rows), len(rows)).tolist()
    order = np.random.default_rng(seed).permutation([*range(len(rows)), *again])
    shuffled = {kind: [keys[k] for k in order] for kind, keys in columns.items()}
    assert people(con, columns) == people(con, shuffled)


def test_the_report_of_merges_counts_every_key_once(con: Backend) -> None:
    frame = pd.DataFrame({"account": ["a", "b", "c", None], "email": ["e", "f", "f", "g"]})
    joined = join_people(con.create_table("seen", frame, overwrite=True), most=10)
    assert merges(joined).execute().to_numpy().tolist() == [[1, 1], [2, 1], [3, 1]]


def test_keys_that_are_not_text_are_refused(con: Backend) -> None:
    seen = con.create_table("seen", pd.DataFrame({"account": [1], "email": ["a"]}), overwrite=True)
    with pytest.raises(DataError, match="Keys of kind 'account' are not text. Text are: email."):
        join_people(seen, most=10)
