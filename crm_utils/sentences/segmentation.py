"""How are segments told to people? Results in; sentences, tables of text and actions out.

Methods and saved tables hold codes and numbers. Every sentence is a whole template, marked for translation.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from crm_utils import wording
from crm_utils.features.statistics import SMALLEST_GROUP
from crm_utils.methods.segmentation import (
    Clusters,
    CohortRetention,
    Concentration,
    ForwardValidation,
    Migration,
    Periods,
    Ranking,
    RfmCuts,
    Robustness,
    Thresholds,
    Totals,
    Windows,
    stayed_share,
)
from crm_utils.tools.language import N_, NP_, Plural, _, ngettext

__all__ = [
    "CANNOT",
    "GROUPS",
    "act",
    "bridge_title",
    "calibration_table",
    "champions_columns",
    "champions_purpose",
    "clusters_sentence",
    "clusters_table",
    "clusters_title",
    "cohorts_sentence",
    "cohorts_title",
    "concentration_sentence",
    "concentration_title",
    "coverage_sentence",
    "coverage_title",
    "cuts_columns",
    "cuts_purpose",
    "days_sentence",
    "grid_title",
    "groups_sentence",
    "groups_title",
    "how_sure",
    "moves_title",
    "plan_table",
    "pull_title",
    "ranges_table",
    "ranking_sentence",
    "ranking_table",
    "robustness_sentence",
    "scores_table",
    "second_purchase_columns",
    "second_purchase_purpose",
    "segments_columns",
    "segments_purpose",
    "silent_sentence",
    "stage_title",
    "test_sentence",
    "test_table",
    "test_title",
    "totals_sentence",
]

CANNOT: dict[str, tuple[str | Plural, str]] = {
    "few_customers": (
        NP_(
            "Only {customers} customer bought. A page shows groups of {least} or more, never single people.",
            "Only {customers} customers bought. A page shows groups of {least} or more, never single people.",
            "customers",
        ),
        N_("With {least} customers or more, this page names their groups."),
    ),
    "few_days": (
        NP_(
            "The data cover {days} day. Groups need a past to be named by, and days after it to test them.",
            "The data cover {days} days. Groups need a past to be named by, and days after it to test them.",
            "days",
        ),
        N_("Load a longer history: {least} days at the least, some months to be useful."),
    ),
}
"""Why customers cannot be segmented, and what would change it."""

GROUPS = (
    N_("Champions"), N_("Loyal"), N_("Potential Loyalist"), N_("New"), N_("Promising"), N_("Need Attention"),
    N_("About To Sleep"), N_("At Risk"), N_("Can't Lose"), N_("Hibernating"), N_("Lost"),
    N_("new"), N_("active"), N_("returned"), N_("slipping"), N_("dormant"), N_("lost"),
    N_("not seen before"), N_("no purchase since"), N_("all customers"),
)  # fmt: skip
"""Names of segments, stages and ends, for the catalogues; they are looked up where they are shown."""

_VERDICTS = {
    "earned": N_("holds"),
    "not earned": N_("does not hold"),
    "undecided": N_("cannot tell"),
    "too few": N_("too few to tell"),
    "no promise": N_("promises nothing"),
}

_MEASURES = {
    "recency_days": N_("days since the last purchase"),
    "tenure_days": N_("days since the first purchase"),
    "orders": N_("purchases"),
    "revenue": N_("spent in all"),
    "mean_order_value": N_("spent a purchase"),
    "rhythm_days": N_("days between purchase days, by their own rhythm"),
}

_TO_CHURN = N_("the page on churn decides for each customer")
_PLAN = {
    "Champions": (N_("thank them, show them new things first; no discount"), N_("they buy anyway")),
    "Loyal": (N_("points for a category they do not buy yet"), N_("they come often; width has room to grow")),
    "Potential Loyalist": (N_("invite to the loyalty programme"), N_("they come often enough for a habit")),
    "New": (N_("help with the first order, ask for the second"), N_("the second purchase decides")),
    "Promising": (N_("ask for the second purchase"), N_("seen lately, little known")),
    "Need Attention": (N_("nothing special"), N_("they buy as the average does")),
    "About To Sleep": (_TO_CHURN, N_("low value: only a cheap contact can pay")),
    "At Risk": (_TO_CHURN, N_("much value, seen less lately")),
    "Can't Lose": (_TO_CHURN, N_("worth much, silent the longest")),
    "Hibernating": (_TO_CHURN, N_("low value: a contact may cost more than it brings")),
    "Lost": (_TO_CHURN, N_("low value, silent the longest")),
}


# --- the data ---------------------------------------------------------------------------------------------


def days_sentence(periods: Periods, rare: Thresholds) -> str:
    """On which days names are tested, and from which chance on a silence counts as rare."""
    first = (
        _("The data are short: names are tested on {ahead}, and periods of {period} are compared.")
        if periods.shortened
        else _("Names are tested on the next {ahead}; periods of {period} are compared.")
    ).format(ahead=wording.days(periods.next_days), period=wording.days(periods.period_days))
    if rare.presence is not None:
        second = _(
            "A customer counts as slipping below a chance of {quiet} of being still there, as dormant below "
            "{dormant}."
        ).format(quiet=wording.share(rare.quiet_chance), dormant=wording.share(rare.dormant_chance))
        return f"{first} {second}"
    second = (
        _("Of {customers} customers who came back after {day}, 5 % had been silent for so long that the "
          "model gave it a chance under {chance}. So a silence counts as slipping below that chance.")
        if rare.learnt
        else _("Only {customers} customers came back after {day}, too few to learn which silence is "
               "rare. So a silence counts as slipping below a chance of {chance} by the model, which may "
               "be too many.")
    ).format(customers=wording.count(rare.customers), day=wording.calendar_day(rare.summed_on),
             chance=wording.share(rare.quiet_chance, 1))  # fmt: skip
    return f"{first} {second}"


def totals_sentence(total: Totals, *, day: dt.date, currency: str) -> str:
    """Control totals, and what lies outside them."""
    money = wording.money_in(currency)
    text = _("{customers} customers spent {revenue} in {purchases} purchases up to {day}; {rate} of them "
             "came back on another day.").format(
        customers=wording.count(total.customers), revenue=money(total.revenue), day=wording.calendar_day(day),
        purchases=wording.count(total.purchases), rate=wording.share(total.repeat_rate),
    )  # fmt: skip
    outside = []
    if total.guest_orders:
        template = ngettext(
            "{orders} order or return has no customer ({revenue}) and is left out here.",
            "{orders} orders and returns have no customer ({revenue}) and are left out here.", total.guest_orders,
        )  # fmt: skip
        outside.append(
            template.format(orders=wording.count(total.guest_orders), revenue=money(total.guest_revenue))
        )
    if total.returners >= SMALLEST_GROUP:
        outside.append(
            _("{customers} customers kept nothing of what they ordered ({revenue} in all): they are in "
              "no group.").format(customers=wording.count(total.returners),
                               revenue=money(total.returners_revenue))
        )  # fmt: skip
    elif total.returners:
        outside.append(_("A few customers kept nothing of what they ordered: they are in no group."))
    return " ".join([text, *outside])


def ranges_table(ranges: pd.DataFrame, *, currency: str) -> wording.Table:
    """The range of each measure among customers, in its own unit."""
    how = dict.fromkeys(["revenue", "mean_order_value"], wording.money_in(currency))
    columns = ["lowest", "lower", "middle", "upper", "highest"]
    rows = []
    for row in ranges.to_dict("records"):
        write = how.get(row["measure"], lambda value: wording.number(value, 0))
        write = wording.alike(write, [row[c] for c in columns if not pd.isna(row[c])] or [0])
        rows.append([_(_MEASURES[row["measure"]]), *(write(row[c]) for c in columns)])
    return _table(
        pd.DataFrame(rows, columns=["measure", *columns]),
        _("What customers are like: 1 in 100 lies below the lowest value, and 1 in 100 above the highest"),
        {"measure": _("what"), "lowest": _("lowest"), "lower": _("lower quarter"), "middle": _("middle"),
         "upper": _("upper quarter"), "highest": _("highest")},
    )  # fmt: skip


# --- names ------------------------------------------------------------------------------------------------


def groups_sentence(groups: pd.DataFrame, total: Totals, *, currency: str) -> str:
    """Which groups there are: the answer to the page's question."""
    known = groups[groups["customers"] > 0]
    if known.empty:
        return _("Every group has fewer than five customers: none is shown.")
    best, count = known.sort_values(["revenue", "customers"]).iloc[-1], int((groups["customers"] != 0).sum())
    if not best["revenue"]:
        return ngettext(
            "{customers} customers fall into {groups} named group. {best} are the most: {share}.",
            "{customers} customers fall into {groups} named groups. {best} are the most: {share}.",
            count,
        ).format(
            customers=wording.count(total.customers), groups=count,
            best=_(str(best["group"])), share=wording.share(best["share"]),
        )  # fmt: skip
    return ngettext(
        "{customers} customers fall into {groups} named group. {best} are {share} of them and bring {money} of the "
        "revenue so far ({amount}).",
        "{customers} customers fall into {groups} named groups. {best} are {share} of them and bring {money} of the "
        "revenue so far ({amount}).",
        count,
    ).format(
        customers=wording.count(total.customers), groups=count,
        best=_(str(best["group"])), share=wording.share(best["share"]),
        money=wording.share(best["revenue_share"]), amount=wording.money(best["revenue"], currency),
    )  # fmt: skip


def groups_title(groups: pd.DataFrame) -> str:
    """The message of the picture of groups."""
    known = groups[groups["customers"] > 0]
    if known.empty:
        return _("No group of five customers or more")
    best = known.sort_values(["revenue", "customers"]).iloc[-1]
    if not best["revenue"]:
        return _("{best}: {share} of customers").format(
            best=_(str(best["group"])), share=wording.share(best["share"])
        )
    return _("{best}: {share} of customers bring {money} of revenue").format(
        best=_(str(best["group"])), share=wording.share(best["share"]),
        money=wording.share(best["revenue_share"]),
    )  # fmt: skip


def scores_table(scores: pd.DataFrame, cuts: RfmCuts, *, currency: str) -> wording.Table:
    """What each score from 1 to 5 stands for."""
    rows = []
    for row in scores.to_dict("records"):
        money = row["measure"] == "revenue"
        write = wording.money_in(currency) if money else wording.count
        rows.append([_(_MEASURES[row["measure"]]), row["score"], _open(write, row["above"]),
                     _open(write, row["up_to"]), row["customers"], row["share"]])  # fmt: skip
    caption = _("What each score stands for, by limits of {day}").format(
        day=wording.calendar_day(cuts.fitted_on)
    )
    if cuts.collapsed:
        caption = _("What each score stands for, by limits of {day}. Many customers share a value, so "
                    "some scores stay empty.").format(day=wording.calendar_day(cuts.fitted_on))  # fmt: skip
    columns = ["measure", "score", "above", "up_to", "customers", "share"]
    return _table(
        pd.DataFrame(rows, columns=columns).astype({"share": float}), caption,
        {"measure": _("what"), "score": _("score"), "above": _("above"), "up_to": _("up to"),
         "customers": _("customers"), "share": _("of customers")},
        {"share": wording.share},
    )  # fmt: skip


def grid_title(grid: pd.DataFrame) -> str:
    """The message of the map of scores."""
    known = grid.dropna(subset="customers")
    best, worst = (known.loc[(known["r"] == end) & (known["value"] == end), "share"].sum() for end in (5, 1))
    return _("{best} of customers score best in all, {worst} worst in all").format(
        best=wording.share(best), worst=wording.share(worst)
    )


# --- do the names hold? -----------------------------------------------------------------------------------


def test_sentence(tested: ForwardValidation, periods: Periods) -> str:
    """How many names kept their promise: a finding."""
    judged = tested.promised
    if not judged:
        return _("No group is large enough to check its name against what came next.")
    held, broken = tested.judged("earned"), tested.judged("not earned")
    text = _("We checked the names against the next {days}: {held} of {judged} held.").format(
        days=wording.days(periods.next_days), held=len(held), judged=len(judged)
    )
    if broken:
        text += " " + _("These did not: {names}.").format(names=_listed(broken))
    return text


def test_title(tested: ForwardValidation) -> str:
    """The message of the picture of the test."""
    return _("Named on {day}: {held} of {judged} names held").format(
        day=wording.calendar_day(tested.named_on),
        held=len(tested.judged("earned")),
        judged=len(tested.promised),
    )


def test_table(tested: ForwardValidation, windows: Windows, *, currency: str) -> wording.Table:
    """What each group did after it was named, with its interval over customers and its range over days."""
    shown = tested.shown.merge(windows.table, how="left", on="group")
    money = wording.money_in(currency)
    rows = pd.DataFrame({
        "group": [_(name) for name in shown["group"]],
        "customers": shown["customers"],
        "rate": _intervals(shown, ("rate", "low", "high"), wording.share),
        "over": _ranges(shown, ("lowest", "highest"), wording.share),
        "spend": _intervals(shown, ("spend", "spend_low", "spend_high"), money),
        "verdict": [wording.MISSING if pd.isna(name) else _(_VERDICTS[name]) for name in shown["verdict"]],
        "windows": [_kept(row) for row in shown.to_dict("records")],
    })  # fmt: skip
    return _table(
        rows,
        _("Named on {day}, seen until {until}: share that bought and money spent a customer, with 95 % "
          "intervals").format(day=wording.calendar_day(tested.named_on), until=wording.calendar_day(tested.until)),
        {"group": _("group"), "customers": _("customers"), "rate": _("bought"),
         "over": _("bought, in the last windows"), "spend": _("spent a customer"), "verdict": _("its name"),
         "windows": _("its name in all windows")},
    )  # fmt: skip


def ranking_sentence(ranking: Ranking) -> str:
    """Whether names rank better than a count of the latest visits."""
    if ranking.auc_gain is None or ranking.top_gain is None:
        return _(
            "Too few customers bought, or did not buy, to compare the names with a simple count of visits."
        )
    by = ranking.table.set_index("by")
    auc = _(
        "For who buys next, a simple count of each customer's visits in the last 8 weeks ranks as well: "
        "it puts the right one of two customers first {count} of the time, the names {names}."
    )
    if ranking.auc_gain[1] > 0:
        auc = _(
            "For who buys next, the names rank better than a count of each customer's visits in the last "
            "8 weeks: they put the right one of two customers first {names} of the time, the count "
            "{count}."
        )
    elif ranking.auc_gain[2] < 0:
        auc = _(
            "For who buys next, use a simple count of each customer's visits in the last 8 weeks: it "
            "puts the right one of two customers first {count} of the time, the names only {names}."
        )
    top = _(
        "For how much they spend, neither is shown to be better: the fifth ranked highest brought "
        "{names} of the money by names, {count} by visits."
    )
    if ranking.top_gain[1] > 0:
        top = _(
            "For how much they spend, the names help: the fifth ranked highest brought {names} of the "
            "money, by visits {count}."
        )
    elif ranking.top_gain[2] < 0:
        top = _(
            "For how much they spend, visits rank better too: the fifth ranked highest brought {count} "
            "of the money, by names {names}."
        )
    parts = []
    for template, column in ((auc, "auc"), (top, "top_share")):
        names, count = (wording.share(float(by[column][row])) for row in ("names", "order_days"))
        parts.append(template.format(names=names, count=count))
    return " ".join(parts)


def ranking_table(ranking: Ranking) -> wording.Table:
    """Names beside the count of visits, with intervals."""
    by = {"names": _("names"), "order_days": _("order days of the last 56 days")}
    frame = ranking.table
    rows = pd.DataFrame({
        "by": [by[name] for name in frame["by"]],
        "auc": _intervals(frame, ("auc", "auc_low", "auc_high"), wording.number),
        "top": _intervals(frame, ("top_share", "top_share_low", "top_share_high"), wording.share),
    }) if len(frame) else pd.DataFrame(columns=["by", "auc", "top"])  # fmt: skip
    return _table(
        rows, _("Who buys next, and who spends: names against a simple count, with 95 % intervals"),
        {"by": _("ranked by"), "auc": _("AUC: right order of a buyer and another"),
         "top": _("money from the fifth ranked highest")},
    )  # fmt: skip


# --- concentration, life cycle, movement ------------------------------------------------------------------


def concentration_sentence(spread: Concentration) -> str:
    """How much comes from the top fifth."""
    if spread.top_fifth_share is None:
        return _("Too few customers, or no revenue: it cannot be said how much comes from how few.")
    top = wording.interval(spread.top_fifth_share, spread.top_fifth_low, spread.top_fifth_high, wording.share)
    gini = wording.interval(spread.gini, spread.gini_low, spread.gini_high, wording.number)
    return _(
        "The fifth of customers who spent most brought {top} of the revenue. The Gini index is {gini}."
    ).format(top=top, gini=gini)


def concentration_title(spread: Concentration) -> str:
    """The message of the Lorenz curve."""
    return _("A fifth of customers brought {top} of revenue").format(
        top=wording.share(spread.top_fifth_share)
    )


def stage_title(by_stage: ForwardValidation, periods: Periods) -> str:
    """The message of the picture of stages."""
    active, dormant = (_rate(by_stage, stage) for stage in ("active", "dormant"))
    return _("Bought within {days}: {active} of active, {dormant} of dormant customers").format(
        days=wording.days(periods.next_days), active=wording.share(active), dormant=wording.share(dormant)
    )


def silent_sentence(stages: pd.DataFrame, by_stage: ForwardValidation, periods: Periods) -> str:
    """How many are silent beyond their rhythm, and how many of such customers come back by themselves."""
    silent = stages.loc[stages["group"].isin(["slipping", "dormant"]), "customers"]
    if silent.isna().any() or silent.sum() < SMALLEST_GROUP:
        return _("Hardly any customer is silent for longer than their own rhythm explains.")
    text = _(
        "{customers} customers are silent for longer than their own rhythm explains, but not lost."
    ).format(customers=wording.count(silent.sum()))
    back = by_stage.rate_of(["slipping", "dormant"])
    if back is None:
        return text + " " + _("Too few were so on an earlier day to say how many come back.")
    return text + " " + _("Of such customers {share} bought within {days} with what the shop does "
                          "anyway. The page on churn says whether any of them is worth a contact.").format(
        share=wording.interval(*back, wording.share), days=wording.days(periods.next_days)
    )  # fmt: skip


def cohorts_sentence(cohorts: CohortRetention) -> str:
    """How many customers can be called new, and how many of them came back."""
    if not cohorts.new:
        return _(
            "Nobody can be called new yet: all customers were first seen near the beginning of the data."
        )
    text = ngettext(
        "{existing} customer was there when the data begin, or may have been; {new} came since then.",
        "{existing} customers were there when the data begin, or may have been; {new} came since then.",
        cohorts.existing,
    ).format(existing=wording.count(cohorts.existing), new=wording.count(cohorts.new))
    pooled = cohorts.pooled
    if pooled.empty:
        return text + " " + _("No full month has passed since to see who of them came back.")
    first = pooled.iloc[0]
    return (
        text
        + " "
        + _("Of the new ones {share} bought again in the month after their first.").format(
            share=wording.interval(first["share"], first["low"], first["high"], wording.share)
        )
    )


def cohorts_title(cohorts: CohortRetention) -> str:
    """The message of the retention curve."""
    if cohorts.pooled.empty:
        return ""
    return _("{share} of new customers bought in the month after their first purchase").format(
        share=wording.share(cohorts.pooled["share"].iloc[0])
    )


def moves_title(moves: pd.DataFrame, stage: str, *, then: dt.date, day: dt.date) -> str:
    """The message of the map of moves between stages."""
    return _("{share} of those {stage} on {then} are so on {day}").format(
        share=wording.share(stayed_share(moves, stage)),
        stage=_(stage),
        then=wording.calendar_day(then),
        day=wording.calendar_day(day),
    )


def bridge_title(migration: Migration, periods: Periods, *, day: dt.date) -> str:
    """The message of the bridge; why there is none where it would speak of single people."""
    if migration.shown_bridge.empty:
        return _("Too few customers came, stayed or went to show what that did to revenue.")
    return _("Who changed revenue, from the {days} to {middle} to those to {day}").format(
        days=wording.days(periods.period_days),
        middle=wording.calendar_day(periods.middle),
        day=wording.calendar_day(day),
    )


def pull_title(migration: Migration, *, currency: str) -> str:
    """The message of the picture of the pull to the mean, or why there is none."""
    pull = migration.shown_pull
    lowest = pull[pull["group"] == 1].set_index("ranked_by")["change"]
    if not {"before", "after"} <= set(lowest.index):
        return _("Too few customers bought in both periods to compare them.")
    forward, backward = (wording.money(lowest[k], currency) for k in ("before", "after"))
    return _("Who spent least changes by {forward} forward, and by {backward} backward").format(
        forward=forward, backward=backward
    )


# --- clusters ---------------------------------------------------------------------------------------------


def clusters_sentence(clusters: Clusters) -> str:
    """Whether there are natural customer types."""
    if clusters.candidates.empty:
        return _("There are too few customers to look for natural types. Use the segments.")
    if not clusters.apart:
        return _("There are no natural customer types here. Use the segments.")
    return _("Customers fall into {clusters} types that are clearly set apart from each other.").format(
        clusters=clusters.k
    )


def clusters_title(clusters: Clusters) -> str:
    """The message of the picture that chose the number of clusters."""
    if not clusters.apart:
        return _("No number of clusters is set apart much more than one cloud would be")
    return _("{clusters} clusters are set apart far more than one cloud would be").format(clusters=clusters.k)


def clusters_table(clusters: Clusters, profile: pd.DataFrame, *, currency: str) -> wording.Table:
    """Each cluster in words and means; one row where customers are one cloud."""
    named = {row["cluster"]: _level_words(row) for row in clusters.levels().to_dict("records")}
    named = named if clusters.apart else {1: _("all customers")}
    shown = profile.assign(name=[named[int(c)] for c in profile["cluster"]])
    return _table(
        shown[["name", "customers", "share", "recency_days", "orders", "revenue", "revenue_share"]],
        _("Types of customers by k-means: means a customer, and shares of all"),
        {"name": _("type"), "customers": _("customers"), "share": _("of customers"),
         "recency_days": _("days since the last purchase"), "orders": _("purchases"), "revenue": _("spent"),
         "revenue_share": _("of revenue")},
        dict.fromkeys(["share", "revenue_share"], wording.share) | {"revenue": wording.money_in(currency)},
    )  # fmt: skip


# --- who they are, how robust it is -----------------------------------------------------------------------


def coverage_sentence(known: pd.DataFrame, *, currency: str) -> str:
    """Of how many customers attributes are known, and how those differ."""
    if known.empty:
        return _("This study has no table of customers: there are no attributes to look at.")
    whole = known.iloc[-1]
    text = _("Attributes are known of {share} of customers.").format(share=wording.share(whole["share"]))
    if pd.isna(whole["spend_covered"]) or pd.isna(whole["spend_others"]):
        return text
    return (
        text
        + " "
        + _("They spent {covered} each, the others {others}.").format(
            covered=wording.money(whole["spend_covered"], currency),
            others=wording.money(whole["spend_others"], currency),
        )
    )


def coverage_title(known: pd.DataFrame) -> str:
    """The message of the picture of coverage."""
    if known.empty:
        return ""
    all_of_them, *ends = (
        wording.share(v) for v in (known["share"].iloc[-1], known["share"].min(), known["share"].max())
    )
    template = _("Attributes are known of {share} of customers, from {least} to {most} by segment")
    if ends[0] == ends[1]:
        template = _("Attributes are known of {share} of customers, in every segment")
    return template.format(share=all_of_them, least=ends[0], most=ends[1])


def calibration_table(calibration: pd.DataFrame, *, day: dt.date) -> wording.Table:
    """What the model's chances of a silence stand for among customers who came back."""
    rows = pd.DataFrame({
        "chance": calibration["chance"],
        "below": _intervals(calibration, ("below", "low", "high"), lambda v: wording.share(v, 1)),
    })  # fmt: skip
    return _table(
        rows,
        _("Customers of {day} who bought again: how many had looked rarer than each chance").format(
            day=wording.calendar_day(day)
        ),
        {"chance": _("chance by the model"), "below": _("looked rarer")},
        {"chance": lambda v: wording.share(v, 1)},
    )


def robustness_sentence(robustness: Robustness, clusters: Clusters) -> str:
    """What changes with old limits, another seed and earlier days."""
    text = _("By the limits of {day}, {changed} of customers would bear another name.").format(
        day=wording.calendar_day(robustness.cuts_of), changed=wording.share(robustness.changed)
    )
    other = ngettext(
        "With another seed there is {k} cluster.",
        "With another seed there are {k} clusters.",
        robustness.other_k,
    )
    text += " " + other.format(k=robustness.other_k)
    if robustness.top_fifth_lowest is not None:
        text += " " + _(
            "Seen from earlier days, the top fifth brought {low} to {high} of the revenue."
        ).format(
            low=wording.share(robustness.top_fifth_lowest), high=wording.share(robustness.top_fifth_highest)
        )
    return text


# --- what to do -------------------------------------------------------------------------------------------


def plan_table(plan: pd.DataFrame, periods: Periods, *, currency: str) -> wording.Table:
    """What to do for each segment, and the smallest change that a test of it would find."""
    rows = []
    for row in plan.to_dict("records"):
        do, why = (_(text) for text in _PLAN[row["group"]])
        if row["verdict"] == "not earned":
            do, why = _("nothing special"), _("customers with this name did not do what it says")
        rows.append(
            [_(row["group"]), int(row["customers"]), do, why, row["rate_change"], row["spend_change"]]
        )
    columns = ["group", "customers", "do", "why", "rate_change", "spend_change"]
    frame = pd.DataFrame(rows, columns=columns).astype({"rate_change": float, "spend_change": float})
    return _table(
        frame,
        _("An idea for each segment, and the smallest change within {days} that a test would find if "
          "half of the segment is left out at random").format(days=wording.days(periods.next_days)),
        {"group": _("group"), "customers": _("customers"), "do": _("what to do"), "why": _("why"),
         "rate_change": _("change of the share that buys; pp: percentage points"), "spend_change": _("change of spend a customer")},
        {"rate_change": wording.points, "spend_change": wording.money_in(currency)},
    )  # fmt: skip


def act(
    action: Callable[..., None],
    groups: pd.DataFrame,
    tested: ForwardValidation,
    asked: pd.DataFrame,
    cohorts: CohortRetention,
    periods: Periods,
) -> None:
    """Give the run at most three actions; fewer where a group is too small or its name did not hold.

    Parameters
    ----------
    action
        ``run.action``.
    groups, tested
        Today's segments, and the test of their names.
    asked
        The list ``second_purchase``, with ``held_out``.
    cohorts
        How many new customers came back so far.
    periods
        The days of the test.

    Notes
    -----
    Who is about to leave is no matter of this page: the page on churn decides that customer by customer.
    """
    invited, left_out = int((~asked["held_out"]).sum()), int(asked["held_out"].sum())
    if invited >= SMALLEST_GROUP:
        action(
            _("Invite"), _("customers with one recent purchase to their second"), customers=invited, held_out=left_out,
            why=_second_why(cohorts), offer=_("help with the first order, a hint what goes with it; no "
                                              "discount"),
            list="second_purchase",
        )  # fmt: skip
    size = groups.set_index("group")["customers"].get("Champions")
    if size is None or pd.isna(size) or size < SMALLEST_GROUP or "Champions" in tested.judged("not earned"):
        return
    anyway = _("They have bought lately, often and much; whether they go on is not shown here. Leave them out of "
               "a discount, also of one that worked on all customers together, until a test among Champions shows "
               "that it pays.")  # fmt: skip
    rate = _rate(tested, "Champions")
    if rate is not None and "Champions" in tested.judged("earned"):
        anyway = _("They buy often as it is: of those so named on {day}, {share} bought within {days}, with what "
                   "the shop does anyway. Leave them out of a discount, also of one that worked on all customers "
                   "together, until a test among Champions shows that it pays.").format(day=wording.calendar_day(tested.named_on), share=wording.share(rate),
                                                 days=wording.days(periods.next_days))  # fmt: skip
    action(
        _("Thank"), _("Champions"), customers=int(size),
        why=_("They buy lately, often and much. What a thank-you brings was not tested."),
        offer=_("new things first, a personal note; no discount"), list="champions",
    )  # fmt: skip
    action(
        _("Do not discount"), _("Champions"), customers=int(size), why=anyway, list="champions", avoid=True
    )


def how_sure(tested: ForwardValidation, windows: Windows) -> tuple[str, str, str]:
    """Three lines: tested on what, wrong how often, and which assumption would turn it."""
    customers = int(tested.table["customers"].sum())
    on = (
        _("The names of {customers} customers on {day} were checked against what they bought until "
          "{until}.").format(
            customers=wording.count(customers), day=wording.calendar_day(tested.named_on), until=wording.calendar_day(tested.until))
        if customers >= SMALLEST_GROUP else _("The names could not be checked: there was nobody to name "
                                              "earlier.")
    )  # fmt: skip
    judged, broken = int(windows.table["windows"].sum()), int(windows.table["broken"].sum())
    wrong = (
        _("Over all windows, {broken} of {judged} checks of a name failed.").format(
            broken=wording.count(broken), judged=wording.count(judged))
        if judged else _("How often a name is wrong cannot be said yet: no window is long enough.")
    )  # fmt: skip
    turns = _(
        "Names describe. That an action changes anything is assumed until customers were left out at random."
    )
    return on, wrong, turns


def segments_purpose() -> str:
    """What the list of segments is for."""
    return _("Every customer with the group, the stage and the scores, for choosing whom to write to.")


def segments_columns(currency: str) -> dict[str, tuple[str, str]]:
    """Meaning and unit of each column of ``segments``."""
    return {
        "customer_id": (_("the customer"), ""),
        "recency_days": (_("since the last purchase"), _("days")),
        "orders": (_("purchases so far"), _("purchases")),
        "revenue": (_("spent so far, returns taken off"), currency),
        "r": (_("score of recency; 5 bought lately"), _("1 to 5")),
        "f": (_("score of frequency; 5 buys often"), _("1 to 5")),
        "m": (_("score of money; 5 spends much"), _("1 to 5")),
        "segment": (_("name of the group by the three scores"), ""),
        "stage": (_("stage of the life cycle"), ""),
        "alive": (
            _("chance of being still there; missing where the own rhythm judges silences better"),
            _("share"),
        ),
        "cluster": (_("natural type found by k-means; 1 for all where there are none"), ""),
    }


def cuts_purpose() -> str:
    """What the saved limits are for."""
    return _("The limits behind the scores, to score a later run by the same measure.")


def cuts_columns() -> dict[str, tuple[str, str]]:
    """Meaning and unit of each column of ``rfm_cuts``."""
    return {
        "version": (_("version of this table's meaning"), ""),
        "fitted_on": (_("last day of the customers that the limits come from"), _("day")),
        "customers": (_("how many they come from"), _("customers")),
        "measure": (_("what is scored: recency_days, orders or revenue"), ""),
        "score": (_("score given above the limit; turned round for recency"), _("2 to 5")),
        "cut": (_("the limit"), _("days, purchases or money")),
    }


def second_purchase_purpose() -> str:
    """What the list of new customers is for."""
    return _(
        "New customers who bought on one day so far: invite them to a second purchase. Leave out who is "
        "held out."
    )


def second_purchase_columns(currency: str) -> dict[str, tuple[str, str]]:
    """Meaning and unit of each column of ``second_purchase``."""
    return {
        "customer_id": (_("the customer"), ""),
        "first_ordered_on": (_("day of the first purchase"), _("day")),
        "days_since": (_("since the first purchase"), _("days")),
        "revenue": (_("spent so far, returns taken off"), currency),
        "held_out": (_("left out at random, to see whether the invitation works"), _("yes or no")),
    }


def champions_columns(currency: str) -> dict[str, tuple[str, str]]:
    """Meaning and unit of each column of ``champions``."""
    return {
        "customer_id": (_("the customer"), ""),
        "recency_days": (_("since the last purchase"), _("days")),
        "orders": (_("purchases so far"), _("orders")),
        "revenue": (_("spent so far, returns taken off"), currency),
    }


def champions_purpose() -> str:
    """What the list ``champions`` is for."""
    return _("Champions: thank them, and send them no discount.")


# --- helpers ----------------------------------------------------------------------------------------------


def _second_why(cohorts: CohortRetention) -> str:
    if cohorts.pooled.empty:
        return _("The second purchase decides whether a new customer stays.")
    first = cohorts.pooled.iloc[0]
    return _("Of new customers so far, {share} bought again in the month after their first purchase.").format(
        share=wording.share(first["share"])
    )


def _rate(tested: ForwardValidation, group: str) -> float | None:
    rows = tested.shown
    rates = rows.loc[rows["group"] == group, "rate"].dropna()
    return float(rates.iloc[0]) if len(rates) else None


def _kept(row: Mapping[Any, Any]) -> str:
    if pd.isna(row["windows"]) or not row["windows"]:
        return wording.MISSING
    return _("held in {kept} of {windows}").format(kept=int(row["kept"]), windows=int(row["windows"]))


def _listed(groups: list[str]) -> str:
    return ", ".join(_(group) for group in groups)


def _open(how: Callable[..., str], value: Any) -> str:
    return wording.MISSING if value is None or pd.isna(value) else how(value)


def _intervals(frame: pd.DataFrame, columns: tuple[str, str, str], how: Callable[..., str]) -> list[str]:
    rows = zip(*(frame[name] for name in columns), strict=True)
    return [wording.interval(value, low, high, how) for value, low, high in rows]


def _ranges(frame: pd.DataFrame, columns: tuple[str, str], how: Callable[..., str]) -> list[str]:
    template = _("{low} to {high}")
    rows = zip(*(frame[name] for name in columns), strict=True)
    return [
        wording.MISSING if pd.isna(low) else template.format(low=how(low), high=how(high))
        for low, high in rows
    ]


def _level_words(row: Mapping[Any, Any]) -> str:
    often = (_("very rare"), _("rare"), _("regular"), _("frequent"), _("very frequent"))[row["orders"]]
    spend = (_("small"), _("small"), _("medium"), _("big"), _("big"))[row["revenue"]]
    late = (_("lately"), _("lately"), _("some time ago"), _("long ago"), _("long ago"))[row["recency_days"]]
    return _("{often} buyers, {spend} spend, last seen {late}").format(often=often, spend=spend, late=late)


def _table(
    frame: pd.DataFrame,
    caption: str,
    names: Mapping[str, str],
    formats: Mapping[str, Callable[..., str]] | None = None,
) -> wording.Table:
    return wording.table(frame, caption=caption, names=names, formats=formats)
