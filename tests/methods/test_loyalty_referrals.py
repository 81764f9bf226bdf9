"""Referrals and two claims: sums by hand, weights against statsmodels, planted differences."""

from __future__ import annotations

import datetime as dt

import ibis
import numpy as np
import pandas as pd
import pytest

from crm_utils.errors import StudyError
from crm_utils.methods import loyalty
from crm_utils.methods.loyalty.claims import late_claim, price_claim, price_test

TIME = "timestamp(6)"
LINE = {
    "order_id": "string", "customer_id": "string", "product_id": "string", "ordered_at": TIME,
    "quantity": "decimal(18,3)", "amount": "decimal(18,2)", "discount": "decimal(18,2)", "channel": "string",
}  # fmt: skip
FRIEND = {"referrer_id": "string", "customer_id": "string", "referred_at": TIME}
EVENT = {"customer_id": "string", "session_id": "string", "occurred_at": TIME}
START, DAY = dt.date(2024, 1, 1), dt.date(2024, 12, 31)


def table(rows: list[tuple], kinds: dict[str, str]) -> ibis.Table:
    return ibis.memtable(pd.DataFrame(rows, columns=list(kinds)), schema=kinds)


def line(order: str, who: str, day: str, quantity: int, amount: float, discount: float = 0) -> tuple:
    return (order, who, "p", dt.datetime.fromisoformat(f"{day} 12:00"), quantity, amount, discount, "web")


def orders_of(lines: ibis.Table) -> ibis.Table:
    each = lines.group_by("order_id").aggregate(
        customer_id=lines.customer_id.max(), ordered_at=lines.ordered_at.min(), amount=lines.amount.sum(),
        channel=lines.channel.max(),
    )  # fmt: skip
    return each.mutate(kept=ibis.literal(True))


def test_margin_payment_and_second_purchases_of_newcomers_by_hand() -> None:
    lines = table(
        [
            line("1", "a", "2024-05-01", 2, 18, 2), line("2", "a", "2024-05-20", 1, 10),
            line("3", "a", "2024-08-20", 5, 50),  # after the 60 days
            line("4", "b", "2024-05-03", 1, 10), line("5", "c", "2024-02-01", 1, 10),
            line("6", "d", "2024-12-20", 1, 10),
        ],
        LINE,
    )  # fmt: skip
    products = table([("p", 4.0)], {"product_id": "string", "unit_margin": "decimal(18,2)"})
    friends = table([("z", "a", dt.datetime(2024, 5, 1))], FRIEND)
    given = {"starts": START, "as_of": DAY, "days": 60}
    rows = loyalty.newcomers(orders_of(lines), lines, friends, products=products, **given).to_pandas()
    rows = rows.sort_values("customer_id").set_index("customer_id")
    # c bought in the first 90 days and may be older than the data; d is too young to be judged.
    assert rows.index.tolist() == ["a", "b"]
    assert rows.loc["a", ["margin", "paid", "again", "referred"]].tolist() == [1000, 2800, 1, 1]
    assert rows.loc["b", ["margin", "paid", "again", "referred"]].tolist() == [400, 1000, 0, 0]
    people = table(
        [("c", dt.date(2024, 1, 5)), ("a", dt.date(2023, 1, 5))],
        {"customer_id": "string", "joined_on": "date"},
    )
    known = loyalty.newcomers(
        orders_of(lines),
        lines,
        friends,
        customers=people.mutate(acquisition_channel=ibis.literal("ad")),
        **given,
    )
    seen = known.to_pandas().set_index("customer_id")
    assert sorted(seen.index) == ["b", "c"]  # a joined before the data, c did not
    assert seen["origin"].to_dict() == {"b": "", "c": "ad"}


def cells(rng: np.random.Generator, n: int, *, more: float = 0.0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Customers in four months, the referred in later ones; they pay ``more`` by the way of their margin."""
    month = rng.integers(0, 4, n)
    referred = (rng.random(n) < 0.05 + 0.1 * month).astype(int)
    paid = np.round(rng.gamma(2, 40, n) * (1 + 0.3 * month) + 1, 2)
    margin = np.round(paid * (0.4 + more * referred), 2)
    frame = pd.DataFrame({
        "customer_id": np.arange(n).astype(str), "month": [f"2024-0{m + 1}" for m in month], "channel": "web",
        "referred": referred, "origin": "ad", "margin": (margin * 100).round().astype(int),
        "paid": (paid * 100).round().astype(int), "again": (rng.random(n) < 0.3 + 0.1 * month).astype(int),
    })  # fmt: skip
    kinds = dict.fromkeys(frame.columns, "int64") | dict.fromkeys(
        ("customer_id", "month", "channel", "origin"), "string"
    )
    return frame, loyalty.newcomer_cells(ibis.memtable(frame, schema=kinds)).to_pyarrow().to_pandas()


def test_others_are_weighted_to_the_months_of_the_referred_by_hand() -> None:
    frame, sums = cells(np.random.default_rng(3), 8000, more=0.02)
    seen = loyalty.referral_value(sums, days=182, by_margin=True)
    friends, others = frame[frame["referred"] == 1], frame[frame["referred"] == 0]
    weight = others["month"].map(friends["month"].value_counts() / others["month"].value_counts())
    times = friends["margin"].sum() / (weight * others["margin"]).sum()
    again = friends["again"].mean() - np.average(others["again"], weights=weight)
    rate = (
        friends["margin"].sum() / friends["paid"].sum()
        - (weight * others["margin"]).sum() / (weight * others["paid"]).sum()
    )
    assert seen.margin.value == pytest.approx(times, rel=1e-9)
    assert seen.again.value == pytest.approx(again, abs=1e-9)
    assert seen.rate.value == pytest.approx(rate, abs=1e-9)
    assert seen.rate.low < 0.02 < seen.rate.high
    assert seen.origins["origin"].tolist() == ["ad"]
    # Without the months they would look better than they are: they came later, when all pay more.
    assert friends["margin"].mean() / others["margin"].mean() > times * 1.05


@pytest.mark.simulated
def test_intervals_of_referrals_cover() -> None:
    """400 shops without a difference: each interval holds none in 95 ± 3.3 %."""
    held: list[list[bool]] = []
    for seed in range(400):
        _frame, sums = cells(np.random.default_rng([5, seed]), 1500)
        seen = loyalty.referral_value(sums, days=182, by_margin=True)
        held.append([seen.margin.low <= 1 <= seen.margin.high, seen.again.low <= 0 <= seen.again.high])
    assert (np.mean(held, axis=0) >= 0.917).all()


def test_too_few_referred_say_nothing() -> None:
    _frame, sums = cells(np.random.default_rng(3), 60)
    one = sums[sums["referred"] == 1].head(1).assign(customers=1)
    few = loyalty.referral_value(pd.concat([one, sums[sums["referred"] == 0]]), days=182, by_margin=False)
    assert not few.known
    assert few.numbers() == []


def test_who_shares_a_session_on_that_day_is_suspected_by_hand() -> None:
    at = dt.datetime(2024, 5, 1, 9)
    friends = table([("a", "b", at), ("c", "c", at), ("d", "e", at), ("f", "g", at)], FRIEND)
    events = table(
        [
            ("a", "s1", at),
            ("b", "s1", at),
            ("d", "s2", at),
            ("e", "s2", at + dt.timedelta(days=1)),
            ("f", "s3", at),
        ],
        EVENT,
    )
    lines = table([line("1", "e", "2024-05-02", 1, 10), line("2", "b", "2024-05-03", 1, 10)], LINE)
    rows = loyalty.shared_keys(friends, orders_of(lines), events)
    seen = rows.to_pandas().set_index("customer_id")[["same", "shared", "orders"]].sort_index()
    assert seen.to_dict("index") == {
        "b": {"same": 0, "shared": 1, "orders": 1}, "c": {"same": 1, "shared": 0, "orders": 0},
        "e": {"same": 0, "shared": 0, "orders": 1}, "g": {"same": 0, "shared": 0, "orders": 0},
    }  # fmt: skip
    result = loyalty.fraud(rows, sessions_known=True)
    assert (result.referrals, result.same, result.shared, result.idle, result.suspected) == (4, 1, 1, 1, 2)
    thanked = loyalty.referrers(rows).to_pandas()
    assert thanked["customer_id"].tolist() == ["d"]  # f's friend has not bought, the others are suspected
    assert (
        loyalty.fraud(loyalty.shared_keys(friends, orders_of(lines), None), sessions_known=False).shared == 0
    )


def arms(loyal: tuple[float, float], others: tuple[float, float], n: int = 4000) -> pd.DataFrame:
    """Means of control and coupon for the loyal and for others; Poisson, so that the variance is the mean."""
    rows = [
        (arm, group, n, mean * n, n * (mean + mean**2))
        for group, means in ((1, loyal), (0, others))
        for arm, mean in zip(("control", "coupon"), means, strict=True)
    ]
    return pd.DataFrame(rows, columns=["arm", "loyal", "customers", "total", "squares"])


def test_the_price_claim_is_a_difference_of_relative_effects() -> None:
    claim = price_claim(arms((2.0, 2.1), (1.0, 1.4)), arms={"control": 1, "coupon": 1}, control="control")
    assert claim is not None
    assert claim.loyal.value == pytest.approx(np.log(1.05))
    assert claim.others.value == pytest.approx(np.log(1.4))
    # Variance of a logarithm of two Poisson means: 1/(n m) each.
    error = np.sqrt(sum(1 / (4000 * m) for m in (2.0, 2.1, 1.0, 1.4)))
    assert claim.difference.high - claim.difference.low == pytest.approx(2 * 1.959964 * error, rel=1e-3)
    assert claim.verdict == "less"
    same = price_claim(arms((2.0, 2.4), (1.0, 1.2)), arms={"control": 1, "coupon": 1}, control="control")
    assert same is not None
    assert same.verdict == "open"
    few = price_claim(arms((2.0, 2.4), (1.0, 1.2), n=4), arms={"control": 1, "coupon": 1}, control="control")
    assert few is None


def test_an_experiment_that_is_not_there_is_named() -> None:
    empty = table(
        [], {"experiment_id": "string", "customer_id": "string", "arm": "string", "assigned_at": TIME}
    )
    with pytest.raises(
        StudyError, match="price_experiment 'x' is no experiment of this study. It has: nothing."
    ):
        price_test(empty, orders_of(table([], LINE)), [], name="x", as_of=DAY)
    assert price_test(None, orders_of(table([], LINE)), [], name="x", as_of=DAY) is None


def test_the_late_claim_compares_the_loyal_with_the_others() -> None:
    def rows(frequency: str, late: float, on_time: float) -> list[tuple]:
        return [
            ("late", "web", frequency, 1000, 1000 * late),
            ("on_time", "web", frequency, 1000, 1000 * on_time),
        ]

    columns = ["delivery", "channel", "frequency", "customers", "lapsed"]
    frame = pd.DataFrame(rows("1", 0.6, 0.4) + rows("6-10", 0.25, 0.2), columns=columns)
    claim = late_claim(frame)
    assert claim is not None
    assert claim.loyal.value == pytest.approx(0.05)
    assert claim.others.value == pytest.approx(0.2)
    assert claim.verdict == "less"
    assert late_claim(frame[frame["frequency"] == "1"]) is None
