"""Two claims of the textbooks in made-up shops: where each is true, where it is false, and by chance."""

from __future__ import annotations

import datetime as dt

import ibis
import numpy as np
import pandas as pd
import pytest

from crm_utils.experiments import Experiment
from crm_utils.methods.loyalty.claims import Claim, late_claim, late_test, price_claim, price_test

TIME = "timestamp(6)"
DAY, DRAWN = dt.date(2024, 12, 31), dt.date(2024, 9, 1)
HORIZON = 56
SEEDS = (31, 32, 33)
RNG = np.random.Generator
OFFER = Experiment.model_validate({
    "id": "coupon", "arms": {"control": 1, "coupon": 1}, "control": "control", "starts_on": DRAWN,
    "horizon_days": HORIZON, "primary": "conversion",
})  # fmt: skip


def at(day: dt.date, offset: int) -> dt.datetime:
    return dt.datetime.combine(day + dt.timedelta(days=offset), dt.time(12))


def orders_of(rows: list[tuple[str, dt.datetime, str]]) -> ibis.Table:
    """Customer, instant and channel of each purchase."""
    frame = pd.DataFrame(rows, columns=["customer_id", "ordered_at", "channel"])
    frame = frame.assign(order_id=[f"o{n}" for n in range(len(frame))], amount=10.0, kept=True)
    kinds = {
        "customer_id": "string", "ordered_at": TIME, "channel": "string", "order_id": "string",
        "amount": "decimal(18,2)", "kept": "boolean",
    }  # fmt: skip
    return ibis.memtable(frame, schema=kinds)


def price_shop(rng: RNG, *, loyal: float, others: float, customers: int = 8000) -> Claim:
    """A coupon drawn by chance; in either group it multiplies later purchases by exp(effect).

    Customers differ: a third buy often, and each has a rate of their own (gamma), so purchases vary more than
    Poisson's. Loyal is who bought three times or more in the half-year before, as the method counts it.
    """
    rate = np.where(rng.random(customers) < 1 / 3, 5.0, 0.8) * rng.gamma(4.0, 0.25, customers)
    before, offer = rng.poisson(rate), rng.random(customers) < 0.5
    effect = np.where(before >= 3, loyal, others)
    after = rng.poisson(rate / 182 * HORIZON * np.exp(effect * offer))
    rows: list[tuple[str, dt.datetime, str]] = []
    for n in range(customers):
        rows += [(f"c{n}", at(DRAWN, -int(day)), "web") for day in rng.integers(1, 180, before[n])]
        rows += [(f"c{n}", at(DRAWN, int(day)), "web") for day in rng.integers(0, HORIZON, after[n])]
    drawn = pd.DataFrame({
        "experiment_id": "coupon", "customer_id": [f"c{n}" for n in range(customers)],
        "arm": np.where(offer, "coupon", "control"), "assigned_at": at(DRAWN, 0),
    })  # fmt: skip
    kinds = {"experiment_id": "string", "customer_id": "string", "arm": "string", "assigned_at": TIME}
    claim = price_test(ibis.memtable(drawn, schema=kinds), orders_of(rows), [OFFER], name="coupon", as_of=DAY)
    assert claim is not None
    return claim


def late_shop(rng: RNG, *, loyal: float, others: float, customers: int = 12_000) -> Claim:
    """A parcel each, after one to eight purchases in the store; late adds so much to the share who lapse.

    The marketplace is late more often, keeps fewer, and sends more to those who are not loyal: without
    comparing within it, a late parcel would seem to drive away more of them.
    """
    past = np.where(rng.random(customers) < 0.5, rng.integers(0, 2, customers), rng.integers(2, 9, customers))
    is_loyal = past + 1 >= 3  # the parcel's own order counts
    market = rng.random(customers) < np.where(is_loyal, 0.15, 0.5)
    late = rng.random(customers) < np.where(market, 0.5, 0.15)
    share = 0.5 - 0.03 * past + 0.15 * market + np.where(is_loyal, loyal, others) * late
    lapsed = rng.random(customers) < share
    rows: list[tuple[str, dt.datetime, str]] = []
    status: list[tuple[str, str, dt.datetime]] = []
    for n in range(customers):
        status += [(f"o{len(rows)}", "paid", at(DRAWN, 0))]
        status += [(f"o{len(rows)}", "delivered", at(DRAWN, 7 if late[n] else 2))]
        rows.append((f"c{n}", at(DRAWN, 0), "market" if market[n] else "web"))
        rows += [(f"c{n}", at(DRAWN, -7 * int(k)), "store") for k in range(1, past[n] + 1)]
        rows += [] if lapsed[n] else [(f"c{n}", at(DRAWN, 20), "store")]
    frame = pd.DataFrame(status, columns=["order_id", "status", "occurred_at"])
    table = ibis.memtable(frame, schema={"order_id": "string", "status": "string", "occurred_at": TIME})
    claim = late_test(orders_of(rows), table, as_of=DAY, horizon_days=HORIZON, late_days=5)
    assert claim is not None
    return claim


SHOPS = {"price": price_shop, "late": late_shop}
#: Effects on the loyal and on others, by claim and by what is so: logarithms of purchases; shares who lapse.
PLANTED = {
    ("price", "less"): (0.05, 0.45), ("price", "open"): (0.25, 0.25), ("price", "more"): (0.45, 0.05),
    ("late", "less"): (0.02, 0.18), ("late", "open"): (0.10, 0.10), ("late", "more"): (0.18, 0.02),
}  # fmt: skip


@pytest.mark.parametrize(("claim", "truth"), PLANTED)
def test_a_planted_claim_is_told_from_its_opposite_and_from_no_difference(claim: str, truth: str) -> None:
    """Three shops a truth; the three together within 3.3 standard errors of what was planted."""
    loyal, others = PLANTED[claim, truth]
    results = [SHOPS[claim](np.random.default_rng(seed), loyal=loyal, others=others) for seed in SEEDS]
    verdicts = [each.verdict for each in results]
    if truth == "open":
        assert verdicts.count("open") >= 2  # of three at 95 %: two or more in 99 of 100 draws
    else:
        assert verdicts == [truth] * 3
    for planted, named in ((loyal, "loyal"), (others, "others"), (loyal - others, "difference")):
        parts = [getattr(each, named) for each in results]
        error = np.sqrt(sum(((p.high - p.low) / 2 / 1.96) ** 2 for p in parts)) / 3
        assert abs(np.mean([p.value for p in parts]) - planted) < 3.3 * error, named


@pytest.mark.simulated
def test_where_the_price_claim_is_false_it_is_made_in_one_of_twenty_shops() -> None:
    """1,000 shops of 2,000 customers, each with a rate of their own: the same reaction in both groups."""
    rng = np.random.default_rng(77)
    made = []
    for _ in range(1000):
        rows = []
        for group, mean in ((1, 2.5), (0, 0.6)):
            for arm, times in (("control", 1.0), ("coupon", 1.25)):
                drawn = rng.poisson(mean * times * rng.gamma(2.0, 0.5, 500))
                rows.append((arm, group, 500, drawn.sum(), (drawn**2).sum()))
        counts = pd.DataFrame(rows, columns=["arm", "loyal", "customers", "total", "squares"])
        claim = price_claim(counts, arms=OFFER.arms, control="control")
        assert claim is not None
        made.append(claim.verdict != "open")
    assert 0.027 < np.mean(made) < 0.073


@pytest.mark.simulated
def test_where_the_late_claim_is_false_it_is_made_in_one_of_twenty_shops() -> None:
    """1,000 shops of some 3,000 customers: ten points more in both groups, in cells of unequal size."""
    rng = np.random.default_rng(78)
    made = []
    for _ in range(1000):
        rows = []
        for frequency, base, size in (
            ("1", 0.6, 900),
            ("2", 0.5, 600),
            ("3-5", 0.35, 500),
            ("6-10", 0.2, 300),
        ):
            for channel, more, share in (("web", 0.0, 0.15), ("market", 0.1, 0.4)):
                late = rng.binomial(size // 2 + rng.integers(0, size // 2), share)
                for delivery, n, extra in (("late", late, 0.1), ("on_time", size - late, 0.0)):
                    rows.append((delivery, channel, frequency, n, rng.binomial(n, base + more + extra)))
        counts = pd.DataFrame(rows, columns=["delivery", "channel", "frequency", "customers", "lapsed"])
        claim = late_claim(counts)
        assert claim is not None
        made.append(claim.verdict != "open")
    assert 0.027 < np.mean(made) < 0.073
