"""What can be said of which shop; offers that are bought anyway; what is sent, and to whom it is shown."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from test_cross_sell_adjusted_lift import random_baskets, table_of
from test_cross_sell_offers import AS_OF, two_kinds

from crm_utils.features import Cannot, ShopFacts
from crm_utils.methods.cross_sell import (
    BestPair,
    OffersWorth,
    OfferTest,
    association_rules,
    cannot,
    cannot_offers,
    choose_offers,
    code_baskets,
    count_pairs,
    directed_rules,
    frequent_itemsets,
    judge_pairs,
    know,
    look_periods,
    make_offers,
    offer_numbers,
    rule_stability,
    rules_to_show,
    split_days,
)
from crm_utils.methods.cross_sell.contest import UNTESTED
from crm_utils.methods.cross_sell.offers import bought_between
from crm_utils.methods.cross_sell.ranking import rank_items
from crm_utils.sentences import cannot as cannot_words
from crm_utils.sentences import cross_sell as words

SHOP = ShopFacts(
    lines=900, orders=300, returns=9, guest_orders=20, guest_revenue=Decimal(90), customers=100,
    repeat_customers=60, larger_orders=200, products=30, prices=40, order_days=150,
    first_day=dt.date(2024, 1, 1), last_day=AS_OF, as_of=AS_OF, revenue=Decimal(4000),
)  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "offers", "whole"),
    [
        ({}, None, None),
        ({"customers": 0}, "no_customers", None),  # basket pairs are kept
        ({"customers": 3}, "cross_sell.few_customers", None),
        ({"products": 1}, "cross_sell.one_product", None),
        ({"first_day": AS_OF}, "cross_sell.few_days", None),
        ({"last_day": AS_OF - dt.timedelta(days=30)}, "cross_sell.closed", None),
        ({"larger_orders": 0}, None, None),  # offers by what was bought before are kept
        ({"larger_orders": 0, "customers": 3}, "cross_sell.few_customers", "cross_sell.single_items"),
        ({"larger_orders": 0, "products": 1}, "cross_sell.one_product", "cross_sell.single_items"),
        ({"orders": 0, "larger_orders": 0}, None, "cross_sell.nothing_bought"),
        ({"products": 0, "larger_orders": 0}, "cross_sell.one_product", "cross_sell.no_products"),
    ],
)
def test_what_cannot_be_said_has_a_reason_and_a_remedy(
    changed: dict[str, object], offers: str | None, whole: str | None
) -> None:
    facts = replace(SHOP, **changed)
    for answer, code in ((cannot_offers(facts), offers), (cannot(facts, level="product", top_k=3), whole)):
        assert (None if answer is None else answer.code) == code
        if answer is not None:
            said = cannot_words.reason(answer), cannot_words.remedy(answer)
            assert all(text.endswith(".") and "{" not in text for text in said)


def test_every_reason_is_a_sentence_with_its_numbers() -> None:
    numbers = {"needed": 20, "days": 5, "recent": 28, "returns": 3, "orders": 4}
    for code in words.CANNOT:
        said = words.why_not(Cannot(f"cross_sell.{code}", numbers))
        assert "{" not in said
        assert said.count(".") >= 2


def test_periods_fit_into_any_history() -> None:
    whole = look_periods(SHOP, history_starts=dt.date(2024, 1, 1), days=28)
    assert whole.split == split_days(dt.date(2024, 1, 1), AS_OF, days=28)
    assert whole.middle == dt.date(2024, 3, 31)
    late = look_periods(SHOP, history_starts=dt.date(2020, 1, 1), days=28)
    assert late == whole  # years without an order are no history
    day = look_periods(replace(SHOP, first_day=AS_OF), history_starts=AS_OF, days=28)
    assert (day.split, day.middle, day.days, day.bounds) == (None, AS_OF, 1, [AS_OF])


def test_too_few_baskets_are_an_answer_all_the_way_down() -> None:
    coded = code_baskets(table_of(np.ones((40, 3), dtype=bool), np.arange(40) % 5))
    counts = count_pairs(coded, min_support=0.1, until=[dt.date(2024, 1, 1)])
    pairs = judge_pairs(counts)
    assert pairs.cannot == Cannot("cross_sell.few_baskets", {"needed": 20})
    assert (len(pairs.beyond), len(pairs.substitutes), len(pairs.table)) == (0, 0, 0)
    assert {n.name for n in pairs.numbers()} == {"pairs.tested", "pairs.beyond", "pairs.substitutes"}
    assert directed_rules(pairs, min_support=0, min_confidence=0).empty
    later = rule_stability(counts, split_on=dt.date(2024, 1, 1), min_rule_support=0, min_confidence=0)
    assert (later.cannot, later.hold_share) == (pairs.cannot, None)
    assert "Fewer than 20 customers" in words.pairs_answer(pairs, None)


def test_pairs_of_fewer_than_five_customers_are_nobodys_rule() -> None:
    """Three customers always buy two things together: no list names them."""
    held, basket = random_baskets(2, baskets=1500), np.arange(1500)
    owners = np.where(basket < 300, basket % 3, 3 + basket % 147)
    held[:, 20] = held[:, 21] = owners < 3
    table = table_of(held, owners)
    pairs = judge_pairs(count_pairs(code_baskets(table), min_support=0.01))
    there = (pairs.table["parts"] < 5) & (pairs.table["count"] > 0)
    assert there.any()
    rules = directed_rules(pairs, min_support=0, min_confidence=0)
    named = set(zip(rules["antecedent"], rules["consequent"], strict=True))
    for _, row in pairs.table[there].iterrows():
        ends = (row["item"], row["other"])
        assert ends in named
        assert not rules.loc[(rules["antecedent"] == ends[0]) & (rules["consequent"] == ends[1]),
                             "significant"].any()  # fmt: skip


def test_classic_rules_are_shown_of_five_customers_or_more() -> None:
    """Six customers buy milk and bread, four buy gin and tonic; of guests alone everything may be shown."""
    held = np.zeros((40, 4), dtype=bool)
    owners = np.arange(40) % 10
    held[owners < 6, 0] = held[owners < 6, 1] = True
    held[owners >= 6, 2] = held[owners >= 6, 3] = True
    table = table_of(held, owners)
    rules = association_rules(frequent_itemsets(table, min_support=0.1), min_confidence=0.1)
    shown = rules_to_show(rules, code_baskets(table))
    ends = zip(shown["antecedents"], shown["consequents"], strict=True)
    assert {left | right for left, right in ends} == {frozenset({"i000", "i001"})}
    guests = table.mutate(customer_id=table.customer_id.nullif(table.customer_id))
    assert len(rules_to_show(rules, code_baskets(guests))) == 4


@pytest.fixture(scope="module")
def contest() -> OfferTest:
    coded = code_baskets(two_kinds(sameness=0.5))
    split = split_days(dt.date(2024, 1, 1), AS_OF, days=28)
    counts = count_pairs(coded, min_support=0.02, until=[split.train_to, split.validate_to])
    return choose_offers(coded, split, k=3, saved=2, counts=counts)


def test_what_is_bought_anyway_is_what_brute_force_counts(contest: OfferTest) -> None:
    coded = code_baskets(two_kinds(sameness=0.5))
    split = split_days(dt.date(2024, 1, 1), AS_OF, days=28)
    counts = count_pairs(coded, min_support=0.02, until=[split.train_to, split.validate_to])
    known = know(coded, as_of=split.validate_to, days=split.days,
                 pairs=judge_pairs(counts.span(until=split.validate_to)))  # fmt: skip
    rows = bought_between(coded, split.validate_to, split.test_to)
    bought = set(zip(coded.customers[rows["customer"]], coded.items[rows["item"]], strict=True))
    for row in contest.anyway.itertuples():
        who = np.arange(len(known.customers))
        best, _ = rank_items(known, who, task=row.task, method=contest.winners[row.task], k=2)
        offers = [(known.customers[i], known.items[c]) for i, line in enumerate(best) for c in line if c >= 0]
        assert row.offers == len(offers)
        assert row.share == pytest.approx(np.mean([offer in bought for offer in offers]))
        assert row.low < row.share < row.high
    assert set(contest.anyway["task"]) == {"new", "reminder"}


def test_what_is_not_shown_to_beat_the_bestsellers_is_not_sent(contest: OfferTest) -> None:
    assert contest.sent == contest.winners  # planted tastes are strong
    doubtful = replace(contest, gains=contest.gains.assign(low=-0.1))
    assert doubtful.sent == {"new": "popularity", "reminder": "popularity"}
    assert "were not shown to beat the bestsellers. Send bestsellers." in words.offers_answer(doubtful)
    assert "beat the bestsellers: send the tips." in words.offers_answer(contest)


def test_too_few_buyers_get_the_simplest_offers_and_nobody_none() -> None:
    coded = code_baskets(two_kinds(sameness=0.5).filter(lambda t: t.customer_id < "c010"))
    split = split_days(dt.date(2024, 1, 1), AS_OF, days=28)
    counts = count_pairs(coded, min_support=0.02, until=[split.train_to, split.validate_to])
    few = choose_offers(coded, split, k=3, saved=2, counts=counts)
    assert few.sent == UNTESTED
    assert few.untested is not None
    assert few.numbers() == []
    none = choose_offers(coded, split, k=3, saved=2, counts=counts, cannot=Cannot("no_customers"))
    assert (none.sent, none.cannot) == ({}, Cannot("no_customers"))
    now = know(coded, as_of=AS_OF, days=28)
    offers = make_offers(now, none.sent, k=2, held_out=np.zeros(len(now.customers), dtype=bool))
    some = make_offers(now, few.sent, k=2, held_out=np.arange(len(now.customers)) < 3)
    assert offers.empty
    assert offers.dtypes.to_dict() == some.dtypes.to_dict()
    assert [n.value for n in offer_numbers(some, due=4)] == [7, None, None]  # three held out are not shown


def test_actions_say_no_gain_that_was_not_tested(contest: OfferTest) -> None:
    offers = pd.DataFrame(
        {"customer_id": [f"c{k}" for k in range(40)], "holdout": [k < 8 for k in range(40)]}
    )
    best = BestPair("jam", "bun", 3.0, 2.5, 3.6, 0.5, 0.17, 90)
    unknown = OffersWorth(0, 0, None, None, None, is_margin=True, horizon_days=28)
    cards: list[dict[str, object]] = []

    def act(verb: str, audience: str, **rest: object) -> None:
        cards.append({"verb": verb, "audience": audience} | rest)

    words.propose(act, offers, contest, best, unknown)
    assert [(card["verb"], card["audience"], card["customers"]) for card in cards] == [
        ("Send offers to", "customers", 32), ("Show bun to", "buyers of jam", 90)
    ]  # fmt: skip
    assert cards[0]["held_out"] == 8
    assert not any("gain" in card for card in cards)
    tested = OffersWorth(500, 60, 0.5, -0.1, 1.1, is_margin=True, horizon_days=28)
    cards.clear()
    words.propose(act, offers, contest, None, tested)
    assert (cards[0]["gain"], cards[0]["low"], cards[0]["certainty"]) == (16.0, pytest.approx(-3.2), "tested")
    cards.clear()
    words.propose(act, offers, contest, None, replace(tested, gain=-2.0, low=-3.0, high=-1.0))
    assert [(card["verb"], card["avoid"]) for card in cards] == [("Do not send offers to", True)]
    cards.clear()
    words.propose(act, offers.head(2), contest, None, unknown)
    assert cards == []
