"""How is cross-selling said? Pairs beyond basket size, offers and what they are worth, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from crm_utils import wording
from crm_utils.features import SMALLEST_GROUP, Cannot, hide_small
from crm_utils.features.statistics import smallest_effect
from crm_utils.methods.cross_sell import (
    BasketCounts,
    BestPair,
    Itemsets,
    LongerRules,
    OffersWorth,
    OfferTest,
    PairLift,
    RuleStability,
    Split,
    write_items,
)
from crm_utils.sentences import cannot as cannot_words
from crm_utils.tools.language import N_, _, ngettext

__all__ = [
    "CANNOT",
    "affinity_sentence",
    "affinity_title",
    "anyway_sentence",
    "baskets_sentence",
    "be_sure",
    "bundles_columns",
    "bundles_purpose",
    "bundles_table",
    "classic_sentence",
    "classic_table",
    "contest_sentence",
    "contest_table",
    "contest_title",
    "due_sentence",
    "hit_rate",
    "how_sure",
    "itemsets_table",
    "later_sentence",
    "later_title",
    "level_sentence",
    "longer_columns",
    "longer_purpose",
    "longer_sentence",
    "longer_table",
    "method_words",
    "offer_reasons",
    "offers_answer",
    "offers_columns",
    "offers_purpose",
    "offers_table",
    "pairs_answer",
    "pairs_title",
    "propose",
    "robust_sentence",
    "rules_columns",
    "rules_purpose",
    "rules_table",
    "spread_sentence",
    "substitutes_table",
    "upsell_columns",
    "upsell_purpose",
    "upsell_table",
    "why_not",
    "worth_sentence",
]

CANNOT: dict[str, tuple[str, str]] = {
    "nothing_bought": (
        N_("No order is a purchase: there are only returns."),
        N_("Load the orders that were returned, too."),
    ),
    "no_products": (
        N_("No order line has a product."),
        N_("Map a column that says what was bought: product_id."),
    ),
    "single_items": (
        N_("Every order has one product, so nothing is bought together."),
        N_(
            "Where orders have several lines, map them all to their order_id. Otherwise offers need 20 known "
            "customers, several days and a second product."
        ),
    ),
    "no_baskets": (
        N_("No order holds an item at this level."),
        N_("Choose another level, or a shorter no_product, in the study's cross_sell section."),
    ),
    "few_baskets": (
        N_("Fewer than {needed} customers bought two items in one order: too few to tell habit from chance."),
        N_("More orders of several items would change that."),
    ),
    "few_customers": (
        N_("Fewer than {needed} customers are known: too few to choose offers for them."),
        N_("More known customers would change that."),
    ),
    "few_buyers": (
        N_(
            "Fewer than {needed} known customers bought within {days} days: too few to test which offers "
            "work."
        ),
        N_("Offers are chosen by the simplest rule until more customers buy."),
    ),
    "one_product": (
        N_("There is one product, so there is nothing else to offer."),
        N_("A second product would change that."),
    ),
    "few_days": (
        N_("The history is shorter than {needed} days: too short to learn from and to test on."),
        N_("Load a longer history, or wait."),
    ),
    "closed": (
        N_(
            "Nobody bought in the last {days} days, and offers are chosen from what sold in the last "
            "{recent}."
        ),
        N_("Look back from a day on which the shop was open: as_of in the study."),
    ),
}
"""The reason, and what would change it, for each code of ``cross_sell``."""


def why_not(cannot: Cannot) -> str:
    """Why a part cannot be answered, and what would change it."""
    return f"{cannot_words.reason(cannot)} {cannot_words.remedy(cannot)}"


def method_words(name: str) -> str:
    """A contender's name for people.

    Examples
    --------
    >>> method_words("popularity")
    'bestsellers'
    """
    return {
        "popularity": _("bestsellers"),
        "segment_popularity": _("bestsellers of the segment"),
        "cosine": _("what similar customers buy"),
        "rules": _("rules, by adjusted lift"),
        "rules_by_confidence": _("rules, by confidence"),
        "rules_by_raw_lift": _("rules, by raw lift"),
        "frequency": _("what the customer buys most often"),
        "timing": _("what the customer is due to buy"),
    }[name]


def task_words(name: str) -> str:
    """A task's name for people."""
    return {"new": _("items new to the customer"), "reminder": _("items bought before")}[name]


def level_sentence(wanted: str, used: str) -> str:
    """What an item is, and why it is not what was asked for."""
    names = {"category": _("category"), "subcategory": _("subcategory"), "product": _("product")}
    if used == wanted:
        return _("An item is a {level} here.").format(level=names[used])
    template = _("No product of this study has a {wanted}, so an item is a {used} here.")
    return template.format(wanted=names.get(wanted, wanted), used=names[used])


def baskets_sentence(counts: BasketCounts, *, most_items: int) -> str:
    """How much is in the baskets, and what is not."""
    return _(
        "{baskets} baskets of {customers} known customers hold {items} different items; baskets with two or "
        "more: {pairs}. Left out are orders of more than {most} items ({too_large}) and orders with nothing but "
        "returns, unknown products and what is no product ({without})."
    ).format(
        baskets=wording.count(counts.baskets), customers=wording.count(counts.customers),
        items=wording.count(counts.items), pairs=wording.count(counts.pairs),
        too_large=wording.count(counts.too_large), most=wording.count(most_items),
        without=wording.count(counts.without),
    )  # fmt: skip


def itemsets_table(itemsets: Itemsets, *, min_support: float) -> wording.Table:
    """How many sets there are of each length."""
    sets = itemsets.table.groupby("length")["count"].agg(["size", "max"]).reset_index()
    caption = _("Sets of items in at least {share} of baskets ({count})")
    return wording.table(
        hide_small(sets, customers="max", keep=("length", "size")),
        names={
            "length": _("items in the set"), "size": _("sets"), "max": _("baskets with the most common one"),
        },
        caption=caption.format(
            share=wording.share(min_support, 1), count=wording.count(itemsets.least)
        ),
    )  # fmt: skip


def classic_sentence(rules: pd.DataFrame, *, min_confidence: float) -> str:
    """How many rules are found as they usually are, and how many of them say nothing more."""
    return ngettext(
        "{rules} rule reaches {confidence} confidence. Redundant, because a shorter rule is at least as good: "
        "{redundant}.",
        "{rules} rules reach {confidence} confidence. Redundant, because a shorter rule is at least as good: "
        "{redundant}.",
        len(rules),
    ).format(
        rules=wording.count(len(rules)), confidence=wording.share(min_confidence),
        redundant=wording.count(rules["redundant"].sum()),
    )  # fmt: skip


def classic_table(shown: pd.DataFrame) -> wording.Table:
    """The rules of the highest raw lift."""
    ends = {end: shown[end].map(write_items).astype(object) for end in ("antecedents", "consequents")}
    columns = ["antecedents", "consequents", "count", "support", "confidence", "lift"]
    return wording.table(
        shown.assign(**ends)[columns],
        formats={"support": lambda v: wording.share(v, 1), "confidence": wording.share},
        names={
            "antecedents": _("who buys"), "consequents": _("also buys"), "count": _("baskets"),
            "support": _("support"), "confidence": _("confidence"), "lift": _("raw lift"),
        },
        caption=_("The highest raw lifts, of pairs that five customers or more bought"),
    )  # fmt: skip


def pairs_title(best: BestPair | None) -> str:
    """What the picture of the strongest pairs says."""
    if best is None:
        return _("No pair sells together beyond chance")
    return _("{other} goes with {item}: {times} times as often as chance").format(
        item=_short(best.item), other=_short(best.other), times=wording.number(best.adjusted_lift, 1)
    )


def pairs_answer(pairs: PairLift, best: BestPair | None) -> str:
    """What sells together: the answer to the first half of the question."""
    if pairs.cannot is not None:
        return why_not(pairs.cannot)
    if pairs.table.empty:
        return _("No pair of items is common enough to be tested for selling together beyond chance.")
    if best is None:
        return ngettext(
            "No pair of items was shown to sell together beyond what large baskets explain; {tested} pair was "
            "tested.",
            "No pair of items was shown to sell together beyond what large baskets explain; {tested} pairs were "
            "tested.",
            len(pairs.table),
        ).format(tested=wording.count(len(pairs.table)))
    return ngettext(
        "{item} and {other} sell together most: {times} times as often as the sizes of the baskets explain. Of "
        "{tested} tested pairs {beyond} ({share}) goes together beyond that.",
        "{item} and {other} sell together most: {times} times as often as the sizes of the baskets explain. Of "
        "{tested} tested pairs {beyond} ({share}) go together beyond that.",
        len(pairs.beyond),
    ).format(
        item=best.item, other=best.other,
        times=wording.interval(best.adjusted_lift, best.low, best.high, _times),
        tested=wording.count(len(pairs.table)), beyond=wording.count(len(pairs.beyond)),
        share=wording.share(len(pairs.beyond) / len(pairs.table)),
    )  # fmt: skip


def spread_sentence(pairs: PairLift) -> str:
    """How far raw lift misleads, and how adjusted lift is spread."""
    table = pairs.table
    if table.empty:
        return _("No pair of items is common enough to be tested.")
    return _(
        "{above} of the tested pairs have a raw lift above 1, and {left} are left when basket size is "
        "taken out "
        "(false discovery rate 5 %). The median pair has a raw lift of {raw} and an adjusted lift of "
        "{adjusted}; "
        "the strongest tenth has at least {tenth}."
    ).format(
        above=wording.share((table["lift"] > 1).mean()),
        left=wording.share(len(pairs.beyond) / len(table)),
        raw=wording.number(table["lift"].median()), adjusted=wording.number(table["adjusted_lift"].median()),
        tenth=wording.number(float(table["adjusted_lift"].quantile(0.9))),
    )  # fmt: skip


def rules_table(rules: pd.DataFrame, *, most: int = 12) -> wording.Table:
    """The strongest rules beyond basket size."""
    columns = ["antecedent", "consequent", "count", "confidence", "lift", "adjusted_lift", "low", "high"]
    return wording.table(
        rules.loc[rules["significant"], columns].head(most),
        formats={"confidence": wording.share},
        names={
            "antecedent": _("who buys"), "consequent": _("also buys"), "count": _("baskets"),
            "confidence": _("confidence"), "lift": _("raw lift"), "adjusted_lift": _("adjusted lift"),
            "low": _("low"), "high": _("high"),
        },
        caption=_("The strongest rules beyond basket size, with 95 % intervals"),
    )  # fmt: skip


def longer_sentence(longer: LongerRules) -> str:
    """How many longer rules there are, and how many say more than their items."""
    return _(
        "Longer rules tested: {tested}. They reach the thresholds: {kept}; go beyond basket size: {sure}; say more "
        "than each of their items alone: {adding}."
    ).format(
        tested=wording.count(longer.tested), kept=wording.count(len(longer.table)),
        sure=wording.count(longer.table["significant"].sum()), adding=wording.count(len(longer.adding)),
    )  # fmt: skip


def longer_table(longer: LongerRules, *, most: int = 8) -> wording.Table:
    """The strongest longer rules that add something."""
    columns = ["antecedents", "consequent", "count", "confidence", "adjusted_lift", "low", "high", "shorter"]
    shown = longer.adding.head(most)
    return wording.table(
        shown.assign(antecedents=shown["antecedents"].map(write_items).astype(object))[columns],
        formats={"confidence": wording.share},
        names={
            "antecedents": _("who buys"), "consequent": _("also buys"), "count": _("baskets"),
            "confidence": _("confidence"), "adjusted_lift": _("adjusted lift"), "low": _("low"),
            "high": _("high"), "shorter": _("best of its items alone"),
        },
        caption=_("The strongest longer rules that add something, with 95 % intervals"),
    )  # fmt: skip


def substitutes_table(pairs: PairLift, *, most: int = 8) -> wording.Table:
    """Pairs that meet least often."""
    columns = ["item", "other", "count", "expected", "adjusted_lift", "low", "high"]
    return wording.table(
        hide_small(pairs.substitutes[columns].head(most), customers="count"),
        formats={"count": wording.count, "expected": wording.count},
        names={
            "item": _("item"), "other": _("other item"), "count": _("baskets"),
            "expected": _("expected by size"), "adjusted_lift": _("adjusted lift"), "low": _("low"),
            "high": _("high"),
        },
        caption=_("Pairs that meet least for their baskets' sizes, with 95 % intervals"),
    )  # fmt: skip


def later_title(later: RuleStability) -> str:
    """What the picture of rules later on says."""
    return _("{share} of {rules} rules found up to {day} hold after it").format(
        share=wording.share(later.hold_share),
        rules=wording.count(len(later.table)),
        day=wording.calendar_day(later.split_on),
    )


def later_sentence(later: RuleStability) -> str:
    """Whether rules hold later."""
    if later.cannot is not None:
        return _("Rules cannot be held against a later time.") + " " + why_not(later.cannot)
    if not len(later.table):
        return _("No rule was found up to {day}, so none can be held against the time after it.").format(
            day=wording.calendar_day(later.split_on)
        )
    return _("We checked the rules found up to {day} against the time after it: {held} of {rules} "
             "held.").format(
        day=wording.calendar_day(later.split_on), held=wording.count(later.table["holds"].sum()),
        rules=wording.count(len(later.table)),
    )  # fmt: skip


def contest_sentence(contest: OfferTest, split: Split | None, *, k: int) -> str:
    """On what the methods learned, were chosen and tested; or why not."""
    why = contest.cannot or contest.untested
    if why is not None or split is None:
        return why_not(why or Cannot("cross_sell.few_days", {"needed": 6}))
    return _(
        "Learned up to {train}, chosen in the {days} days to {choose}, tested in those to {test} on "
        "{customers} "
        "customers, {k} offers each."
    ).format(
        train=wording.calendar_day(split.train_to), days=split.days,
        choose=wording.calendar_day(split.validate_to), test=wording.calendar_day(split.test_to),
        customers=wording.count(contest.customers), k=k,
    )  # fmt: skip


def contest_title(contest: OfferTest) -> str:
    """What the picture of the contest says."""
    new, old = (_verdict(contest, task) for task in ("new", "reminder"))
    if new == "better":
        return _("Personal tips beat the bestsellers")
    if old == "better":
        return _("Bestsellers will do for new items; reminders should be personal")
    return _("Nothing was shown to beat the bestsellers")


def contest_table(contest: OfferTest, *, k: int) -> wording.Table:
    """All contenders in the test window."""
    columns = ["hit_rate", "precision", "recall", "map", "ndcg", "mrr", "coverage", "novelty"]
    rows = contest.table[contest.table["window"] == "test"]
    measured = rows.pivot_table(index=["task", "method"], columns="measure", values="value")
    shown = measured.reindex(columns=columns).reset_index()
    words = {"task": shown["task"].map(task_words), "method": shown["method"].map(method_words)}
    return wording.table(
        shown.assign(**{name: column.astype(object) for name, column in words.items()}),
        formats=dict.fromkeys(["hit_rate", "precision", "recall", "coverage"], wording.share)
        | dict.fromkeys(["map", "ndcg", "mrr"], lambda v: wording.number(v, 3)),
        names={
            "task": _("task"), "method": _("method"), "hit_rate": _("hit rate"), "precision": _("precision"),
            "recall": _("recall"), "map": _("MAP"), "ndcg": _("nDCG"), "mrr": _("MRR"),
            "coverage": _("coverage"), "novelty": _("novelty, bits"),
        },
        caption=_("All contenders in the test window, {k} offers a customer and task").format(k=k),
    )  # fmt: skip


def offers_answer(contest: OfferTest) -> str:
    """What to offer: the answer to the second half of the question."""
    if contest.cannot is not None:
        return _("No customer gets an offer.") + " " + why_not(contest.cannot)
    if contest.untested is not None:
        return why_not(contest.untested)
    new = {
        "better": _("Personal tips for new items beat the bestsellers: send the tips."),
        "same": _("Personal tips for new items were not shown to beat the bestsellers. Send bestsellers."),
        "worse": _("Personal tips for new items did worse than the bestsellers. Send bestsellers."),
        "popularity": _("For new items no method did better than the bestsellers. Send bestsellers."),
    }[_verdict(contest, "new")]
    old = {
        "better": _("Reminders should name what the customer buys most: that beats the bestsellers."),
        "same": _("Reminders chosen for each customer were not shown to beat the bestsellers."),
        "worse": _("Reminders chosen for each customer did worse than the bestsellers."),
        "popularity": _("For reminders no method did better than the bestsellers."),
    }[_verdict(contest, "reminder")]
    rows = _anyway(contest)
    if "reminder" not in rows:
        return f"{new} {old}"
    bought = _("Without any message {share} of the reminders would be bought anyway.").format(
        share=wording.share(rows["reminder"]["share"])
    )
    return f"{new} {old} {bought}"


def anyway_sentence(contest: OfferTest, split: Split | None) -> str:
    """How much of what would be offered is bought without any offer."""
    rows = _anyway(contest)
    if contest.cannot is not None:
        return _("Nothing is offered, so nothing can be said about what would be bought anyway.")
    if split is None or "reminder" not in rows:
        return _("How much of what is offered would be bought anyway cannot be measured on so few purchases.")
    days = wording.days(split.days)
    said = _(
        "Some of this is bought anyway: of the reminders that would have gone out on {day}, {share} were "
        "bought "
        "within {days} without any message."
    ).format(day=wording.calendar_day(split.validate_to), share=_share_of(rows["reminder"]), days=days)
    if "new" not in rows:
        return said
    new = _("Of the offers of new items it was {share}.").format(share=_share_of(rows["new"]))
    return f"{said} {new}"


def worth_sentence(worth: OffersWorth, offers: pd.DataFrame, contest: OfferTest, *, currency: str) -> str:
    """What offering adds: measured with customers held out, or what could be seen if it were."""
    if worth.gain is not None:
        template = (
            _("Sent an offer, a customer brought {gain} more margin in {days} than one held out, cost "
              "taken off.")
            if worth.is_margin
            else _("Sent an offer, a customer brought {gain} more revenue in {days} than one held out, cost "
                   "taken off.")
        )  # fmt: skip
        money = wording.interval(worth.gain, worth.low, worth.high, wording.money_in(currency))
        return template.format(gain=money, days=wording.days(worth.horizon_days))
    said = _("What an offer adds is not known: no offer was sent yet with customers held out at random.")
    each = offers.drop_duplicates("customer_id")["holdout"]
    sent, held = int((~each).sum()), int(each.sum())
    if min(sent, held) < SMALLEST_GROUP or contest.anyway.empty:
        return said
    base = min(contest.customers / max(int(contest.anyway["customers"].max()), 1), 1.0)
    seen = smallest_effect(2 / (1 / sent + 1 / held), base * (1 - base))
    if not 0 < seen < 1 - base:
        return said
    more = _(
        "With {held} held out, a test of {days} sees a change from {base} to {seen} of customers who buy, or "
        "more; pool several periods to see less."
    ).format(
        held=wording.count(held), days=wording.days(worth.horizon_days), base=wording.share(base),
        seen=wording.share(base + seen),
    )  # fmt: skip
    return f"{said} {more}"


def offers_table(offers: pd.DataFrame) -> wording.Table:
    """How many offers were saved for each task."""
    reached = offers.groupby("task").agg(
        customers=("customer_id", "nunique"), offers=("item", "size"), items=("item", "nunique"),
        held_out=("holdout", "mean"),
    )  # fmt: skip
    shown = hide_small(reached.reset_index())
    return wording.table(
        shown.assign(task=shown["task"].map(task_words).astype(object)),
        formats={"held_out": wording.share, "customers": wording.count, "offers": wording.count},
        names={
            "task": _("task"), "customers": _("customers"), "offers": _("offers"),
            "items": _("different items"), "held_out": _("held out"),
        },
        caption=_("Offers saved, by task"),
    )  # fmt: skip


def due_sentence(customers: int) -> str:
    """Who has an item that is due."""
    if not customers:
        return _("No customer has an item, bought on three days or more, that is due within seven days.")
    if customers < SMALLEST_GROUP:
        return _("Fewer than {least} customers have an item that is due within seven days.").format(
            least=SMALLEST_GROUP
        )
    return _(
        "{customers} customers have an item, bought on three days or more, that is due within seven "
        "days. Whether "
        "timing beats plain frequency is in the contest above."
    ).format(customers=wording.count(customers))


def upsell_table(upsell: pd.DataFrame, *, currency: str, days: int, most: int = 8) -> wording.Table:
    """Where customers move to the dearer half unasked, and the test that an offer of it would take."""
    went = upsell["began_cheap"] - upsell["still_cheap"]
    several = (went >= SMALLEST_GROUP) & (upsell["still_cheap"] >= SMALLEST_GROUP)
    shown = upsell[several & (upsell["moved"] > 0.1)].head(most)
    return wording.table(
        shown[["subcategory", "price_cheap", "price_dear", "began_cheap", "moved", "rate", "per_arm"]],
        formats=dict.fromkeys(["price_cheap", "price_dear"], wording.money_in(currency))
        | {"moved": wording.share, "rate": lambda v: wording.share(v, 1), "per_arm": wording.count},
        names={
            "subcategory": _("subcategory"), "price_cheap": _("price, cheaper half"),
            "price_dear": _("price, dearer half"), "began_cheap": _("customers who began cheap"),
            "moved": _("moved up so far"), "rate": _("move up within the test"),
            "per_arm": _("customers an arm"),
        },
        caption=_(
            "Where a tenth or more of those who began cheap moved up; the test runs {days} and finds a "
            "rise by a "
            "fifth"
        ).format(days=wording.days(days)),
    )  # fmt: skip


def bundles_table(bundles: pd.DataFrame, *, days: int, most: int = 8) -> wording.Table:
    """Bundles, and the test that each would take."""
    columns = ["antecedent", "consequent", "confidence", "more", "low", "high"]
    return wording.table(
        bundles[[*columns, "design_effect", "per_arm", "customers_per_arm"]].head(most),
        formats=dict.fromkeys(["more", "low", "high"], wording.points)
        | dict.fromkeys(["per_arm", "customers_per_arm"], wording.count)
        | {"confidence": wording.share}
        | {"design_effect": lambda v: wording.number(v, 1)},
        names={
            "antecedent": _("who buys"), "consequent": _("also buys"), "confidence": _("confidence"),
            "more": _("more than size brings"), "low": _("low"), "high": _("high"),
            "design_effect": _("design effect"), "per_arm": _("baskets an arm"),
            "customers_per_arm": _("buyers of the first an arm"),
        },
        caption=_(
            "Bundles, and a test of {days} that finds the confidence raised by a fifth; pp: percentage points"
        ).format(days=wording.days(days)),
    )  # fmt: skip


def affinity_title(affinities: pd.DataFrame) -> str:
    """What the picture of segments' tastes says."""
    sure = affinities[affinities["q_value"] <= 0.05] if len(affinities) else affinities
    if not len(sure):
        return _("No segment buys anything more or less than the others")
    best = sure.assign(far=(sure["index"] - 1).abs()).sort_values("far", ascending=False).iloc[0]
    template = (
        _("{segment} buy {times} times the others' share of {item}")
        if best["index"] >= 1
        else _("{segment} buy only {times} times the others' share of {item}")
    )
    return template.format(
        segment=best["segment"], times=wording.number(best["index"], 1), item=_short(best["item"])
    )


def affinity_sentence(affinities: pd.DataFrame, *, least: float) -> str:
    """How many cells of segment and item differ from the other customers."""
    if not len(affinities):
        return _(
            "Nothing is tested: there are no segments, or no segment and item have {least} purchases to "
            "expect."
        ).format(least=wording.count(least))
    return _("{sure} of {cells} cells differ (false discovery rate 5 %); the clearest are shown.").format(
        sure=wording.count((affinities["q_value"] <= 0.05).sum()), cells=wording.count(len(affinities))
    )


def robust_sentence(rules: int, same: float | None, contest: OfferTest) -> str:
    """Whether other settings would say the same."""
    kept = (
        ngettext(
            "With twice the support the verdict on {share} of {rules} rule stays.",
            "With twice the support the verdict on {share} of {rules} rules stays.",
            rules,
        ).format(share=wording.share(same), rules=wording.count(rules))
        if same is not None
        else _("With twice the support there is no rule to compare.")
    )
    first = contest.tested("mrr").sort_values("value").groupby("task")["method"].last()
    if not {"new", "reminder"} <= set(first.index):
        return kept
    by_rank = _("By the first hit alone, best in the test: {new} for new items, {old} for reminders.").format(
        new=method_words(first["new"]), old=method_words(first["reminder"])
    )
    return f"{kept} {by_rank}"


def how_sure(later: RuleStability, contest: OfferTest, split: Split | None) -> list[str]:
    """Three lines: tested on what, wrong how often, and what would turn it."""
    rules = len(later.table)
    checked = (
        _("Rules found up to {day} were checked in the time after it.").format(
            day=wording.calendar_day(later.split_on)
        )
        if rules
        else _("No rule could be checked in a later time.")
    )
    judged = (
        _("Methods for offers were judged on {customers} customers in the {days} after they had been chosen.")
        .format(customers=wording.count(contest.customers), days=wording.days(split.days))
        if split is not None and contest.customers
        else _("Offers could not be tested.")
    )  # fmt: skip
    missed = (
        _("{broken} of {rules} rules did not hold later.").format(
            broken=wording.count((~later.table["holds"].astype(bool)).sum()), rules=wording.count(rules))
        if rules
        else _("How often a rule fails later is not known.")
    )  # fmt: skip
    chance = _("Of the pairs called, about 1 in 20 may be chance.")
    turns = _(
        "Bought together is not sold by being shown together: a season, a promotion or a kind of "
        "household can be "
        "behind a pair. Only customers held out show what an offer adds."
    )
    return [f"{checked} {judged}", f"{missed} {chance}", turns]


def be_sure(
    sure: Callable[[str], None], later: RuleStability, contest: OfferTest, split: Split | None
) -> None:
    """Hand a run its three lines on how sure this is; ``sure`` is ``run.sure``."""
    for line in how_sure(later, contest, split):
        sure(line)


def propose(
    act: Callable[..., None],
    offers: pd.DataFrame,
    contest: OfferTest,
    best: BestPair | None,
    worth: OffersWorth,
) -> None:
    """Hand a run its actions: send the offers, or do not where they were shown to lose; show the best pair.

    Parameters
    ----------
    act
        ``run.action``.
    offers, contest, best, worth
        The offers saved as ``next_best_offers``, how they were chosen, the strongest pair, and what offering
        brought.
    """
    each = offers.drop_duplicates("customer_id")["holdout"]
    sent, held = int((~each).sum()), int(each.sum())
    if worth.loses:
        act(
            _("Do not send offers to"), _("customers"), customers=sent, avoid=True,
            why=_("Customers who were sent offers brought less than those held out."),
        )  # fmt: skip
    elif sent >= SMALLEST_GROUP:
        money = {} if worth.gain is None else _gain(worth, sent)
        act(
            _("Send offers to"), _("customers"), customers=sent,
            held_out=held if held >= SMALLEST_GROUP else 0,
            why=_why_send(contest), offer=_offer_words(contest), list="next_best_offers", **money,
        )  # fmt: skip
    if best is not None:
        act(
            _("Show {other} to").format(other=best.other), _("buyers of {item}").format(item=best.item),
            customers=best.buyers, list="rules",
            why=_("{with_} of baskets with {item} hold {other}; their sizes alone explain {without}.").format(
                with_=wording.share(best.confidence), item=best.item, other=best.other,
                without=wording.share(best.expected_confidence)),
        )  # fmt: skip


def offer_reasons(offers: pd.DataFrame) -> pd.Series[str]:
    """Why each offer is made, in words, for an export or a message.

    Examples
    --------
    >>> row = {"reason_code": "bought_before", "times": 3, "gap_days": 9.6, "silent_days": 8}
    >>> offer_reasons(pd.DataFrame([row | {"reason_item": None, "reason_segment": None}])).tolist()
    ['bought on 3 days, every 10 days, last 8 days ago']
    """
    said = [_reason(row) for row in offers.to_dict("records")]
    return pd.Series(said, index=offers.index, dtype=object)


def offers_columns() -> dict[str, tuple[str, str]]:
    """What each column of ``next_best_offers`` means, and its unit."""
    return {
        "customer_id": (_("the customer"), ""),
        "task": (_("new: never bought by the customer; reminder: bought before"), ""),
        "rank": (_("1 is the best offer of its task"), ""),
        "item": (_("what to offer"), ""),
        "reason_code": (_("why: goes_with, bestseller or bought_before"), ""),
        "reason_item": (_("goes_with: the item that the customer buys"), ""),
        "reason_segment": (_("bestseller: the segment it is one of; empty for all customers"), ""),
        "times": (_("bought_before: on how many days"), _("days")),
        "gap_days": (_("bought_before: usual time between two purchases"), _("days")),
        "silent_days": (_("bought_before: time since the last one"), _("days")),
        "score": (_("strength; comparable within a task only"), ""),
        "holdout": (_("true: do not send, so that the effect can be measured"), ""),
    }


def rules_columns() -> dict[str, tuple[str, str]]:
    """What each column of ``rules`` means, and its unit."""
    return {
        "antecedent": (_("who buys this"), ""),
        "consequent": (_("also buys this"), ""),
        "antecedent_count": (_("baskets with the first item"), _("baskets")),
    } | _rule_measures()


def longer_columns() -> dict[str, tuple[str, str]]:
    """What each column of ``longer_rules`` means, and its unit."""
    return {
        "antecedents": (_("who buys all of these"), ""),
        "consequent": (_("also buys this"), ""),
        "antecedent_count": (_("baskets with all of the first items"), _("baskets")),
        "shorter": (_("the largest adjusted lift of one of the first items alone"), _("ratio")),
        "adds": (_("true: together they say more than each alone"), ""),
    } | _rule_measures()


def upsell_columns() -> dict[str, tuple[str, str]]:
    """What each column of ``upsell`` means, and its unit."""
    return {
        "subcategory": (_("the subcategory"), ""),
        "price_cheap": (_("median price paid in its cheaper half"), _("money")),
        "price_dear": (_("median price paid in its dearer half"), _("money")),
        "began_cheap": (_("began with the cheaper half and came back"), _("customers")),
        "moved": (_("of them, bought the dearer half later, unasked"), _("share")),
        "low": (_("lower end of moved, 95 %"), _("share")),
        "high": (_("upper end of moved, 95 %"), _("share")),
        "still_cheap": (_("of them, never bought the dearer half: whom a test is about"), _("customers")),
        "rate": (_("of such customers, move up within the test's days, unasked"), _("share")),
        "rate_low": (_("lower end of rate, 95 %"), _("share")),
        "rate_high": (_("upper end of rate, 95 %"), _("share")),
        "per_arm": (_("customers each arm needs to find rate raised by a fifth"), _("customers")),
    }


def bundles_columns() -> dict[str, tuple[str, str]]:
    """What each column of ``bundles`` means, and its unit."""
    return {
        "antecedent": (_("who buys this"), ""),
        "consequent": (_("also buys this"), ""),
        "confidence": (_("baskets with both ÷ baskets with the first"), _("share")),
        "more": (_("confidence less what basket size alone brings"), _("share")),
        "low": (_("lower end of more, 95 %"), _("share")),
        "high": (_("upper end of more, 95 %"), _("share")),
        "design_effect": (_("how many times more baskets, because a customer's are alike"), _("ratio")),
        "per_arm": (_("baskets with the first item each arm needs"), _("baskets")),
        "customers_per_arm": (
            _("customers who buy the first item within the test's days, and bring so many"),
            _("customers"),
        ),
    }


def rules_purpose() -> str:
    """What the list ``rules`` is for."""
    return _("What sells together beyond basket size: for placing, bundles and recommendations.")


def longer_purpose() -> str:
    """What the list ``longer_rules`` is for."""
    return _("Rules with two items or more on the left: for recommendations in a full basket.")


def offers_purpose() -> str:
    """What the list ``next_best_offers`` is for."""
    return _("What to offer each customer next; leave out those whose holdout is true.")


def upsell_purpose() -> str:
    """What the list ``upsell`` is for."""
    return _("Where customers move to dearer products, and how large a test of offering them is.")


def bundles_purpose() -> str:
    """What the list ``bundles`` is for."""
    return _("Pairs to try as a bundle, and how large a test of each is.")


def hit_rate() -> str:
    """The measure that the picture of the contest shows."""
    return _("hit rate, % of customers (95 % interval)")


def _rule_measures() -> dict[str, tuple[str, str]]:
    return {
        "count": (_("baskets with all items of the rule"), _("baskets")),
        "support": (_("such baskets ÷ all baskets"), _("share")),
        "confidence": (_("such baskets ÷ baskets with the left side"), _("share")),
        "expected_confidence": (_("confidence that basket size alone explains"), _("share")),
        "lift": (_("confidence ÷ share of baskets with the right side; raw"), _("ratio")),
        "adjusted_lift": (_("baskets ÷ those that the sizes of baskets explain; 1 is chance"), _("ratio")),
        "low": (_("lower end of adjusted lift, 95 %"), _("ratio")),
        "high": (_("upper end of adjusted lift, 95 %"), _("ratio")),
        "q_value": (_("share of false finds among all pairs called as strongly"), _("share")),
        "significant": (_("true: beyond basket size at a false discovery rate of 5 %"), ""),
    }


def _verdict(contest: OfferTest, task: str) -> str:
    """How a task's winner did against the bestsellers: better, same, worse, or popularity itself."""
    rows = contest.gains[contest.gains["task"] == task]
    if rows.empty or rows.iloc[0]["winner"] == "popularity":
        return "popularity"
    return "better" if rows.iloc[0]["low"] > 0 else "worse" if rows.iloc[0]["high"] < 0 else "same"


def _why_send(contest: OfferTest) -> str:
    rows = _anyway(contest)
    if "reminder" not in rows:
        return _("Chosen by the simplest rule, not tested; what they add is not known.")
    return _("{share} of the reminders would be bought anyway; what sending adds is not known yet.").format(
        share=wording.share(rows["reminder"]["share"])
    )


def _offer_words(contest: OfferTest) -> str:
    new, old = (method_words(contest.sent.get(task, "popularity")) for task in ("new", "reminder"))
    return _("new items: {new}; reminders: {old}").format(new=new, old=old)


def _gain(worth: OffersWorth, customers: int) -> dict[str, Any]:
    """What offering brought a customer, times those who get offers."""
    ends = {"gain": worth.gain, "low": worth.low, "high": worth.high}
    money = {name: None if value is None else value * customers for name, value in ends.items()}
    return money | {"horizon_days": worth.horizon_days, "certainty": "tested"}


def _reason(row: dict[Any, Any]) -> str:
    if row["reason_code"] == "goes_with":
        return _("goes with {item}, which this customer buys").format(item=row["reason_item"])
    if row["reason_code"] == "bestseller":
        if isinstance(row["reason_segment"], str):
            return _("among the most bought of the last 28 days by {segment}").format(
                segment=row["reason_segment"]
            )
        return _("among the most bought of the last 28 days")
    template = ngettext(
        "bought on {times} day, every {gap} days, last {silent} days ago",
        "bought on {times} days, every {gap} days, last {silent} days ago",
        row["times"],
    )
    return template.format(
        times=wording.count(row["times"]), gap=wording.count(row["gap_days"]),
        silent=wording.count(row["silent_days"]),
    )  # fmt: skip


def _anyway(contest: OfferTest) -> dict[str, dict[str, Any]]:
    """What is bought anyway, by task."""
    return {str(row["task"]): dict(row) for _number, row in contest.anyway.iterrows()}


def _share_of(row: dict[str, Any]) -> str:
    return wording.interval(row["share"], row["low"], row["high"], wording.share)


def _times(value: float | int | Any) -> str:
    return wording.number(value, 1)


def _short(name: str, longest: int = 24) -> str:
    return name if len(name) <= longest else f"{name[: longest - 1]}…"
