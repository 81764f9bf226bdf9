"""What was planted in a shop is found, and what was not is left alone, over seeds nobody looked at before."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from crm_utils.methods.scorecard import Card, Weeks, mix_effect, score

START = dt.date(2023, 1, 2)
SEEDS = (40961, 77003, 93581)
WEEKS = 78


def shop(seed: int, *, level: float = 1.0, tag: float = 1.0, mix: float = 0.15) -> tuple[Weeks, pd.DataFrame]:
    """Weeks of orders, visits and messages; in the last week a level, a tag and a mix may be other.

    The share sent back (some eight per cent) is the same before and after: it is the A/A number.
    """
    rng = np.random.default_rng(seed)
    scale = np.append(np.ones(WEEKS - 1), level)
    customers = rng.poisson(800 * scale)
    share = np.append(np.full(WEEKS - 1, 0.15), mix)
    large = rng.binomial(customers, share)  # orders of the dear category
    gross = 40.0 * (customers - large) * np.exp(rng.normal(0, 0.02, WEEKS)) + 160.0 * large
    visits = rng.poisson(9000 * scale)
    tagged = np.append(np.ones(WEEKS - 1), tag)
    sent = rng.integers(3000, 5000, WEEKS)
    sums = pd.DataFrame({
        "orders": customers, "customers": customers, "new_customers": rng.binomial(customers, 0.2),
        "again_customers": rng.binomial(customers, 0.8), "back_customers": rng.binomial(customers, 0.6),
        "gross": gross, "returned": gross * 0.08 * np.exp(rng.normal(0, 0.05, WEEKS)),
        "discount": gross * 0.03 * np.exp(rng.normal(0, 0.05, WEEKS)), "guest_gross": 0.0,
        "visits": visits, "buying_visits": rng.binomial(visits, 0.09 * tagged),
        "sent": sent, "delivered": rng.binomial(sent, 0.95), "clicked": rng.binomial(sent, 0.04 * tagged),
        "unsubscribed": rng.binomial(sent, 0.004),
    }, index=[START + dt.timedelta(weeks=k) for k in range(WEEKS)])  # fmt: skip
    sums.index.name = "week"
    by_part = sums.assign(part=0).set_index("part", append=True)
    mixed = pd.DataFrame({
        "of": [customers[-1] - large[-1], large[-1]],
        "total": [gross[-1] - 160 * large[-1], 160.0 * large[-1]],
    }, index=["cheap", "dear"], dtype=float)  # fmt: skip
    return Weeks(sums, by_part, START, 0), mixed


def says(card: Card) -> dict[str, str]:
    return card.table.set_index("measure")["says"].to_dict()


#: What neither planting touches.
ALONE = ("return_share", "discount_share", "reach_share", "opt_out_share", "kept_share", "again_share")


@pytest.mark.parametrize("seed", SEEDS)
def test_a_level_shift_is_found_and_the_a_a_number_left_alone(seed: int) -> None:
    verdicts = says(score(shop(seed, level=0.75)[0]))
    assert {verdicts[name] for name in ("revenue", "orders", "customers", "visits")} == {"low"}
    assert {verdicts[name] for name in (*ALONE, "conversion", "click_share", "order_value")} <= {
        "ordinary",
        "",
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_a_broken_tag_is_found_and_nothing_else(seed: int) -> None:
    """Half of the purchases and clicks are no longer counted; orders go on."""
    verdicts = says(score(shop(seed, tag=0.5)[0]))
    assert (verdicts["conversion"], verdicts["click_share"]) == ("low", "low")
    others = (*ALONE, "revenue", "orders", "customers", "visits", "order_value")
    assert {verdicts[name] for name in others} <= {"ordinary", ""}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_shift_of_mix_is_found_and_named_as_one(seed: int) -> None:
    """More orders of the dear category: money an order rises, and within the categories nothing moved."""
    (weeks, now), (_, usual) = shop(seed, mix=0.3), shop(seed)
    verdicts = says(score(weeks))
    assert verdicts["order_value"] == "high"
    assert {verdicts[name] for name in (*ALONE, "orders", "customers", "visits", "conversion")} <= {
        "ordinary",
        "",
    }
    within, between = mix_effect(usual, now)
    assert between > 10 * abs(within)
    assert within + between == pytest.approx(
        now["total"].sum() / now["of"].sum() - usual["total"].sum() / usual["of"].sum()
    )


@pytest.mark.simulated
def test_a_shop_in_which_nothing_happens_alarms_as_rarely_as_the_page_promises() -> None:
    """One false alarm a page-year, all numbers together, over a hundred years of shops.

    Shares that repeat each other (orders, customers) are counted as often as they are shown.
    """
    alarms, weeks = 0, 0
    for seed in range(60):
        history = score(shop(5000 + seed)[0]).history
        late = history[history["week"] >= START + dt.timedelta(weeks=26)]
        alarms += int(late["says"].isin(["low", "high"]).sum())
        weeks += late["week"].nunique()
    a_year = alarms / weeks * 52
    assert 0.5 < a_year < 1.6  # 60 years: some 60 alarms, in clusters
