from __future__ import annotations

import ibis
import pyarrow as pa
import pytest

from crm_utils.segmentation.profile import EVERYONE, OTHERS, attribute_shares, coverage

NAMED = ibis.memtable(pa.table({
    "customer_id": [f"c{k:02d}" for k in range(20)],
    "segment": ["Loyal"] * 12 + ["Lost"] * 8,
    "revenue": pa.array(["10.00"] * 6 + ["2.00"] * 14).cast(pa.decimal128(38, 2)),
}))  # fmt: skip
PEOPLE = ibis.memtable(pa.table({
    "customer_id": [f"c{k:02d}" for k in (*range(6), 6, 7, 8, 9, 99)],
    "income": ["high"] * 6 + ["mid", "mid", "low", None, "high"],
}))  # fmt: skip


def test_coverage_by_hand():
    found = coverage(NAMED, PEOPLE).set_index("group")
    assert found.loc["Loyal", ["customers", "covered", "share"]].tolist() == [12, 10, pytest.approx(10 / 12)]
    assert found.loc["Loyal", ["spend_covered", "spend_others"]].tolist() == pytest.approx([6.8, 2.0])
    assert found.loc["Lost", "covered"] == 0
    assert found.loc["Lost", ["spend_covered"]].isna().all()
    assert found.loc[EVERYONE, ["customers", "covered"]].tolist() == [20, 10]
    assert ((found["low"] <= found["share"]) & (found["share"] <= found["high"])).all()


def test_values_of_fewer_than_five_are_merged_or_hidden():
    found = attribute_shares(NAMED, PEOPLE, attribute="income")
    assert found.to_numpy().tolist() == [["Loyal", "high", 6, 1.0]]  # mid and low together are three: hidden
    many = PEOPLE.filter(PEOPLE.income.notnull()).mutate(income=PEOPLE.customer_id.substr(2))
    assert set(attribute_shares(NAMED, many, attribute="income")["value"]) == {OTHERS}
