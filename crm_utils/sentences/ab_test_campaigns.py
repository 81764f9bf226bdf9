"""How are past campaigns and contacts put into words? And what do the columns of saved tables mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from crm_utils import wording
from crm_utils.features.statistics import LEVEL, SMALLEST_GROUP
from crm_utils.methods.ab_test import ContactEffects, Experiments, NextTest, PastCampaigns
from crm_utils.methods.ab_test.campaigns import ESTIMATED
from crm_utils.methods.ab_test.contacts import ALL
from crm_utils.sentences.ab_test import level_words, metric_words, size_title
from crm_utils.tools.language import N_, _, ngettext

__all__ = [
    "about_campaigns",
    "about_contacts",
    "about_results",
    "about_verdicts",
    "answer_campaigns",
    "answer_titles",
    "be_sure",
    "campaigns_title",
    "contacts_sentence",
    "contacts_table",
    "held_out_rows",
    "placebo_table",
    "placebo_title",
]

_STATUS: dict[str, str] = {
    ESTIMATED: N_("estimated; the interval is widened by what the placebo leaves possible"),
    "no_past": N_("the data begin too late for a span before and one for the placebo"),
    "too_few": N_("too few customers who were there two spans before, or no day of its end"),
    "not_passed": N_("its span has not passed yet"),
    "placebo_failed": N_("no estimate: the placebo finds a change before it began"),
    "too_different": N_("no estimate: those targeted differed too much before"),
    "failed_both": N_("no estimate: the placebo fails, and those targeted differed too much before"),
}


def answer_campaigns(
    finding: Callable[[str], None],
    say: Callable[[str], None],
    spent: PastCampaigns,
    *,
    days: int,
    currency: str,
) -> None:
    """Say what past campaigns brought: held-out shares first, then what the placebos leave."""
    money = wording.money_in(currency)
    if spent.in_two_arms:
        template = _("Both sent and held out in one campaign, and so left out of it: {count}.")
        say(template.format(count=wording.count(spent.in_two_arms)))
    if spent.best:
        pooled = spent.pooled[spent.best]
        rows = held_out_rows(spent)
        alone = int((rows["p_adjusted"].astype(float) < 1 - LEVEL).sum())
        template = ngettext(
            "{count} campaign held customers out: a customer sent brought {effect} {metric} within {days}. "
            "Campaigns that show it alone: {alone}.",
            "{count} campaigns held customers out: together a customer sent brought {effect} {metric} within "
            "{days}. Campaigns that show it alone: {alone}.",
            len(rows),
        )
        write = (lambda value: wording.number(value, 3)) if spent.best == "orders" else money
        finding(template.format(
            count=len(rows), effect=wording.interval(pooled.effect, pooled.low, pooled.high, write),
            metric=metric_words(spent.best), days=wording.days(days), alone=alone,
        ))  # fmt: skip
    elif len(spent.placebo):
        say(_("No campaign held anybody out: there is no control. Hold out a share at random next time."))
    else:
        say(_("There is no past campaign to judge."))
    if len(spent.tried):
        shown = spent.tried["effect"].notna().sum()
        template = _(
            "Past campaigns that left nobody out: {all}. Of {tried} that were checked, {broken} seemed to "
            "change spend before they began. Estimates that can be believed: {shown}."
        )
        finding(template.format(
            all=len(spent.placebo), tried=len(spent.tried), broken=spent.broken,
            shown=int(shown),
        ))  # fmt: skip


def held_out_rows(spent: PastCampaigns) -> pd.DataFrame:
    """Campaigns with a held-out share, by the metric that says most."""
    return spent.held_out[spent.held_out["metric"] == spent.best]


def campaigns_title(spent: PastCampaigns, *, currency: str) -> str:
    """What all campaigns with a held-out share brought together."""
    if not spent.best:
        return ""
    pooled = spent.pooled[spent.best]
    total = wording.interval(pooled.effect, pooled.low, pooled.high, wording.money_in(currency))
    template = _("All campaigns together: {effect} {metric} a customer sent")
    return template.format(effect=total, metric=metric_words(spent.best))


def answer_titles(
    book: Experiments, spent: PastCampaigns, plan: NextTest, *, currency: str
) -> dict[str, str]:
    """For each picture that can answer the page's question, its message."""
    words = [verdict.word for one in book.judged for verdict in one.verdicts]
    template = _("{ship} of {all} treatments worked: what each does to money")
    return {
        "verdicts": template.format(ship=words.count("ship"), all=len(words)),
        "campaigns": campaigns_title(spent, currency=currency),
        "placebos": placebo_title(spent),
        "sizes": size_title(plan),
    }


def placebo_title(spent: PastCampaigns) -> str:
    """How many campaigns changed spend before they began."""
    template = _("{broken} of {all} campaigns “changed” spend before they began")
    return template.format(broken=spent.broken, all=len(spent.tried))


def placebo_table(spent: PastCampaigns, *, currency: str) -> wording.Table | None:
    """Campaigns without a control as text; None without any."""
    if spent.placebo.empty:
        return None
    money, rows = wording.money_in(currency), []
    for row in spent.placebo.to_dict("records"):
        known = row["targeted"] >= SMALLEST_GROUP
        rows.append({
            _("campaign"): row["name"], _("targeted"): row["targeted"] if known else None,
            _("days"): row["days"], _("difference before, s.d."): row["difference"],
            _("placebo"): wording.interval(row["placebo"], row["placebo_low"], row["placebo_high"], money),
            _("effect"): wording.interval(row["effect"], row["low"], row["high"], money),
            _("what follows"): _(_STATUS[row["status"]]),
        })  # fmt: skip
    template = _("Campaigns without a control: {currency} a customer and week, {level} intervals")
    return wording.table(pd.DataFrame(rows), caption=template.format(currency=currency, level=level_words()))


def contacts_sentence(contacts: ContactEffects, *, currency: str) -> str:
    """What being contacted did to lapsing and spend, all lists together, and what could be seen at all."""
    if contacts.table.empty:
        return _(
            "No list has held customers out yet, so nobody knows whom a contact keeps. Lists hold some out "
            "at random; load who was sent and who was held out as messages, and it is judged here."
        )
    rows = contacts.table.set_index("scenario")
    row: Any = rows.loc[ALL] if ALL in rows.index else rows.iloc[0]
    named = {
        "out": wording.count(row["held_out"]), "sent": wording.count(row["customers"]),
        "day": wording.calendar_day(str(row["judged_on"])[:10]), "days": wording.days(contacts.horizon_days),
        "least": wording.share(row["detectable"]),
    }  # fmt: skip
    if pd.isna(row["share_kept"]):
        template = _("Sent {sent}, held out {out}: it can be judged from {day} on.")
        said = [template.format(**named)]
    else:
        template = _(
            "Sent {sent}, held out {out}: of customers who would not have bought for {days}, a contact keeps "
            "{kept}. Spend changes by {spend} a customer."
        )
        kept = wording.interval(row["share_kept"], row["low"], row["high"], wording.share)
        money = wording.money_in(currency)
        spend = wording.interval(row["spend"], row["spend_low"], row["spend_high"], money)
        said = [template.format(kept=kept, spend=spend, **named)]
    if pd.isna(row["detectable"]):
        said.append(_("So few customers could not show it even if everybody were kept."))
    else:
        said.append(_("So many customers can show a share of {least} or more.").format(**named))
    return " ".join(said)


def contacts_table(
    contacts: ContactEffects, *, currency: str, titles: Mapping[str, str]
) -> wording.Table | None:
    """A row a list, a scenario by its title; None where nobody was held out."""
    if contacts.table.empty:
        return None
    money, share = wording.money_in(currency), wording.share
    rows = [
        {
            _("list"): _("all together")
            if row["scenario"] == ALL
            else titles.get(row["scenario"], row["scenario"]),
            _("sent"): row["customers"], _("held out"): row["held_out"],
            _("lapsed, sent"): share(row["lapsed"]), _("lapsed, held out"): share(row["lapsed_held_out"]),
            _("kept by a contact"): wording.interval(row["share_kept"], row["low"], row["high"], share),
            _("spend"): wording.interval(row["spend"], row["spend_low"], row["spend_high"], money),
            _("can show from"): share(row["detectable"]), _("judged on"): str(row["judged_on"])[:10],
        }
        for row in contacts.table.to_dict("records")
    ]  # fmt: skip
    template = _("Customers on a list, sent against held out, {days} from the message; {level} intervals")
    caption = template.format(days=wording.days(contacts.horizon_days), level=level_words())
    return wording.table(pd.DataFrame(rows), caption=caption)


def be_sure(sure: Callable[[str], None], book: Experiments, plan: NextTest, contacts: ContactEffects) -> None:
    """Three lines: on what it was tested, how often it is wrong, and what would turn it."""
    if book.judged:
        template = ngettext(
            "Tested on {customers} customers assigned at random in {count} experiment, as declared before.",
            "Tested on {customers} customers assigned at random in {count} experiments, as declared before.",
            len(book.judged),
        )
        sure(template.format(customers=wording.count(book.customers), count=len(book.judged)))
    else:
        sure(_("No treatment is tested here: no experiment could be judged yet."))
    if len(plan.alarms):
        template = _(
            "Where there was nothing to find, {low} to {high} of tests in this shop found something; {all} is what "
            "we allow."
        )
        rates = plan.alarms["rate"]
        sure(template.format(low=wording.share(rates.min(), 1), high=wording.share(rates.max(), 1),
                             all=wording.share(1 - LEVEL)))  # fmt: skip
    else:
        sure(_("How often it is wrong could not be tried: there are too few customers."))
    sure(
        _(
            "The answer would change if customers influence each other, or if another season or other "
            "customers react otherwise."
        )
    )


About = dict[str, Any]


def about_results(currency: str) -> About:
    """Purpose of ``experiment_results``, and meaning and unit of each of its columns."""
    own = _("as the metric; money in {currency}").format(currency=currency)
    share = _("share")
    columns = {
        "experiment_id": (_("the experiment, as the study declares it"), ""),
        "metric": (_("what is compared"), ""),
        "arm": (_("the treatment"), ""),
        "role": (_("primary, further or guardrail"), ""),
        "status": (_("compared, or why there is no effect"), ""),
        "control": (_("the metric of the control's customers"), own),
        "treatment": (_("the metric of the treatment's customers"), own),
        "effect": (_("treatment less control"), own),
        "low": (_("lower end of the interval of a single comparison and look"), own),
        "high": (_("upper end of the interval of a single comparison and look"), own),
        "p": (_("p-value of no effect"), share),
        "error": (_("standard error of the effect"), own),
        "relative": (_("effect over the control, where both arms are clearly above 0"), share),
        "relative_low": (_("lower end of the relative effect"), share),
        "relative_high": (_("upper end of the relative effect"), share),
        "theta": (_("how much of the covariate is taken off; 0 without one"), ""),
        "effect_plain": (_("effect without the covariate"), own),
        "low_plain": (_("lower end without the covariate"), own),
        "high_plain": (_("upper end without the covariate"), own),
        "p_adjusted": (_("p-value corrected for the number of comparisons"), share),
        "holds_low": (_("lower end of the interval that decides: over arms, and over looks"), own),
        "holds_high": (_("upper end of the interval that decides"), own),
        "srm_p": (_("p-value of the sample ratio"), share),
        "control_customers": (_("customers of the control in the comparison"), _("customers")),
        "treatment_customers": (_("customers of the treatment in the comparison"), _("customers")),
        "in_two_arms": (_("customers left out because they were in two arms"), _("customers")),
        "incomplete": (_("customers left out because their horizon is not over"), _("customers")),
        "verdict": (_("ship, stop, go on, cannot tell or none"), ""),
        "declaration": (_("fingerprint (SHA-256) of the declaration"), ""),
    }
    return {
        "purpose": _(
            "Every effect of every experiment, with the interval of one look and the one that decides."
        ),
        "columns": columns,
    }


def about_verdicts(currency: str) -> About:
    """Purpose of ``experiment_verdicts``, and meaning and unit of each of its columns."""
    columns = {
        "experiment": (_("the experiment, as the study declares it"), ""),
        "arm": (_("the treatment"), ""),
        "verdict": (_("ship, stop, go on, cannot tell or none"), ""),
        "code": (_("the reason, as a code"), ""),
        "money_metric": (_("contribution where margins are known, else revenue"), ""),
        "crossed_on": (_("day on which the primary crossed its bound before the end"), _("day")),
        "incremental_orders": (_("orders that the treatment added among its customers"), _("orders")),
        "incremental_orders_low": (_("lower end of it"), _("orders")),
        "incremental_orders_high": (_("upper end of it"), _("orders")),
        "money": (_("change of the money metric, a customer assigned"), currency),
        "money_low": (_("lower end of it"), currency),
        "money_high": (_("upper end of it"), currency),
        "adjusted": (_("primary effect less what an early stop exaggerates"), _("as the metric")),
        "regret": (_("chance that another arm brings more than the recommended one"), _("share")),
        "recommended": (_("whether this is the arm to prefer"), ""),
    }
    return {
        "purpose": _("The verdict on every treatment, with what it does to orders and money."),
        "columns": columns,
    }


def about_campaigns(currency: str) -> About:
    """Purpose of ``campaign_results``, and meaning and unit of each of its columns."""
    own = _("as the metric; money in {currency}").format(currency=currency)
    columns = {
        "campaign_id": (_("the campaign"), ""),
        "name": (_("its name"), ""),
        "how": (_("held_out: against customers held out; before_after: by difference in differences"), ""),
        "metric": (_("what is compared"), ""),
        "sent": (_("customers it was sent to"), _("customers")),
        "held_out": (_("customers held out"), _("customers")),
        "effect": (_("change a customer sent"), own),
        "low": (_("lower end of it"), own),
        "high": (_("upper end of it"), own),
        "p": (_("p-value of no effect"), _("share")),
        "status": (_("estimated, or why there is no effect"), ""),
    }
    return {
        "purpose": _("What each past campaign brought, where a control or a placebo allows to say so."),
        "columns": columns,
    }


def about_contacts(currency: str) -> About:
    """Purpose of ``contact_effects``, and meaning and unit of each of its columns."""
    share = _("share")
    columns = {
        "scenario": (_("the list or campaign; all: of them together"), ""),
        "customers": (_("customers it was sent to"), _("customers")),
        "held_out": (_("customers held out at random"), _("customers")),
        "lapsed": (_("of those sent, without an order in the horizon"), share),
        "lapsed_held_out": (_("of those held out, without an order in the horizon"), share),
        "share_kept": (_("of customers who would have lapsed, kept by the contact"), share),
        "low": (_("lower end of it"), share),
        "high": (_("upper end of it"), share),
        "spend": (_("spend of those sent less that of those held out, a customer"), currency),
        "spend_low": (_("lower end of it"), currency),
        "spend_high": (_("upper end of it"), currency),
        "judged_on": (_("day on which the last horizon is over"), _("day")),
        "detectable": (_("smallest share kept that so many customers show"), share),
        "horizon_days": (_("days from the message in which an order counts"), _("days")),
    }
    return {
        "purpose": _(
            "Whom a contact keeps: customers who were sent something beside those left out. Churn counts with it."
        ),
        "columns": columns,
    }
