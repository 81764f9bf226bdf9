"""What do the appendices say? Whether CRM fits, whether "five times" holds here, which tool scores best."""

from __future__ import annotations

import math

import pandas as pd

from crm_utils import wording
from crm_utils.methods.scorecard import Fit, Times, ToolChoice
from crm_utils.methods.scorecard.fit import CLAIM
from crm_utils.tools.language import _

__all__ = ["fit_sentences", "show_tools", "times_sentence", "tools_sentence"]

#: Share of customers who come back below which most of what a shop earns comes from new ones.
_FEW_REPEAT = 0.2


def fit_sentences(fit: Fit) -> list[str]:
    """What speaks for and against CRM here, a sentence each."""
    sentences = []
    if math.isnan(fit.repeat_share):
        sentences.append(
            _("No customers are known: nobody can be written to, and nothing can be said of them.")
        )
    else:
        template = (
            _("{share} of known customers bought on two days or more: few enough that winning customers matters more than keeping them.")
            if fit.high < _FEW_REPEAT
            else _("{share} of known customers bought on two days or more: there is something to keep.")
        )  # fmt: skip
        written = wording.interval(fit.repeat_share, fit.low, fit.high, lambda v: wording.share(v, 1))
        sentences.append(template.format(share=written))
    if not math.isnan(fit.break_even):
        sentences.append(
            _("1,000 contacts pay for themselves from {orders} additional orders on, by the margin and the cost assumed above.").format(
                orders=wording.number(fit.break_even, 1)
            )
        )  # fmt: skip
    if not math.isnan(fit.opt_outs):
        sentences.append(
            _("Of 1,000 messages that arrive, {opt_outs} are answered by an opt-out: so many people can never be written to again.").format(
                opt_outs=wording.number(fit.opt_outs, 1)
            )
        )  # fmt: skip
    return sentences


def times_sentence(times: Times) -> str:
    """Whether a past customer is five times as likely to buy as a new one, as the trade says."""
    if times.verdict == "unknown":
        return _("Whether a past customer is {claim:g} times as likely to buy as a new one cannot be said: it takes visits of both with purchases.").format(claim=CLAIM)  # fmt: skip
    template = {
        "less": _("A visit of a past customer is {ratio} times as likely to end in a purchase as another: less than the {claim:g} times that the trade claims."),
        "more": _("A visit of a past customer is {ratio} times as likely to end in a purchase as another: more than the {claim:g} times that the trade claims."),
        "open": _("A visit of a past customer is {ratio} times as likely to end in a purchase as another: the {claim:g} times that the trade claims are within reach of these data."),
    }[times.verdict]  # fmt: skip
    ratio = wording.interval(times.ratio, times.low, times.high, lambda v: wording.number(v, 2))
    return template.format(ratio=ratio, claim=CLAIM)


def tools_sentence(choice: ToolChoice | None) -> str:
    """Which tool scores best, and whether that hangs on the weights."""
    if choice is None:
        return _("To compare tools, write studies/<study>.vendors.csv: vendor, criterion, weight, score.")
    best = choice.table.iloc[0]
    template = (
        _("{vendor} scores best, and stays first under {share} of other weights.")
        if choice.is_stable
        else _(
            "{vendor} scores best by these weights, but only under {share} of others: settle the weights first."
        )
    )
    return template.format(vendor=best["vendor"], share=wording.share(best["first_share"]))


def show_tools(choice: ToolChoice | None) -> wording.Table | None:
    """The tools' scores, to be shown."""
    if choice is None:
        return None
    frame = pd.DataFrame({
        _("tool"): choice.table["vendor"],
        _("score, 0 to 1"): [wording.number(value, 2) for value in choice.table["score"]],
        _("first under other weights"): [wording.share(value) for value in choice.table["first_share"]],
    })  # fmt: skip
    return wording.table(frame, caption=_("Tools by their weighted score"))
