from __future__ import annotations

import ibis
import pandas as pd
import pyarrow as pa
import pytest

from crm_utils.methods.segmentation.profile import EVERYONE, OTHERS, attribute_shares, coverage

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
    covered = coverage(NAMED, PEOPLE).set_index("group")
    assert covered.loc["Loyal", ["customers", "covered", "share"]].tolist() == [
        12,
        10,
        pytest.approx(10 / 12),
    ]
    assert covered.loc["Loyal", "spend_covered"] == pytest.approx(6.8)
    assert pd.isna(covered.loc["Loyal", "spend_others"]), "two others are two people"
    assert covered.loc[EVERYONE, "spend_others"] == pytest.approx(2.0)
    assert covered.loc["Lost", "covered"] == 0
    assert covered.loc["Lost", ["spend_covered"]].isna().all()
    assert covered.loc[EVERYONE, ["customers", "covered"]].tolist() == [20, 10]
    assert ((covered["low"] <= covered["share"]) & (covered["share"] <= covered["high"])).all()


def test_values_of_fewer_than_five_are_merged_or_hidden():
    shares = attribute_shares(NAMED, PEOPLE, attribute="income")
    assert shares.to_numpy().tolist() == [["Loyal", "high", 6, 1.0]]  # mid and low together are three: hidden
    many = PEOPLE.filter(PEOPLE.income.notnull()).mutate(income=PEOPLE.customer_id.substr(2))
    assert set(attribute_shares(NAMED, many, attribute="income")["value"]) == {OTHERS}
