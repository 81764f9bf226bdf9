"""What does the page on feedback say? Sentences; its tables are in ``feedback_lists``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from crm_utils import wording
from crm_utils.features import Number
from crm_utils.methods.feedback import SCALES, Funnel, Overview, Repairs, Response, ScoreAndLapse, Themes
from crm_utils.sentences.feedback_lists import (
    by_word,
    change_table,
    group_word,
    horizons_table,
    kind_word,
    lists,
    repair_word,
    repairs_table,
    scores_table,
    themes_table,
)
from crm_utils.tools.language import N_, _, ngettext

if TYPE_CHECKING:
    from crm_utils.methods.campaign_targeting import Scenario

__all__ = [
    "CANNOT",
    "answer",
    "axis",
    "be_sure",
    "be_told",
    "be_warned",
    "change_table",
    "data_words",
    "forest_labels",
    "forest_rows",
    "forest_title",
    "funnel_title",
    "funnel_words",
    "horizons_table",
    "is_there",
    "lapse_axis",
    "lapse_title",
    "lapse_words",
    "lists",
    "main_kind",
    "off_scale_words",
    "propose",
    "repairs_table",
    "repairs_words",
    "response_numbers",
    "response_words",
    "rows_of",
    "scores_table",
    "strata_labels",
    "themes_table",
    "themes_title",
    "themes_words",
]

CANNOT: dict[str, tuple[str, str]] = {
    "no_feedback": (
        N_("This shop has no feedback: nobody wrote down what customers said."),
        N_(
            "Ask some customers after delivery one question from 0 to 10 and for a reason; keep who was asked, the order, the score, the text and the day in feedback and asked."
        ),
    ),
    "few_answers": (
        N_("Fewer than {least} customers gave a score, and a group that small is shown nowhere."),
        N_("Ask more customers, and keep who was asked."),
    ),
}
"""The reason, and what would change it."""

_ENOUGH, _MOST_GROUPS = 20, 9

_ANALYSERS = {"kiwipiepy": N_("dictionary forms (kiwipiepy)"), "blanks": N_("words between blanks")}


def data_words(seen: Overview) -> str:
    """What there is."""
    return _(
        "{answers} answers from {first} to {last} by {customers} known customers; {anonymous} of them without a name, {texts} with a text."
    ).format(
        answers=wording.count(seen.answers), customers=wording.count(seen.customers), first=wording.calendar_day(seen.first_day),
        last=wording.calendar_day(seen.last_day), anonymous=wording.share(seen.anonymous / seen.answers),
        texts=wording.count(seen.texts),
    )  # fmt: skip


def is_there(table: Any) -> bool:
    """Whether the study has a table."""
    return table is not None


def response_numbers(result: Response | None) -> list[Number]:
    """What is recorded of who answered; nothing where it is not known."""
    return result.numbers() if result else []


def main_kind(scores: pd.DataFrame) -> str:
    """The kind of answer that pictures show: the NPS where there are twenty, else the commonest.

    Examples
    --------
    >>> main_kind(pd.DataFrame({"kind": ["csat", "nps"], "answers": [900, 30]}))
    'nps'
    """
    answers = scores.set_index("kind")["answers"]
    return "nps" if answers.get("nps", 0) >= _ENOUGH else str(answers.idxmax())


def axis(kind: str) -> str:
    """What an axis of scores holds, with its unit."""
    return {
        "nps": _("NPS, points (95 % interval)"), "csat": _("share satisfied (95 % interval)"),
        "review": _("stars, of five (95 % interval)"),
    }[kind]  # fmt: skip


def lapse_axis(horizon_days: int) -> str:
    """What the axis of lapses holds."""
    return _("share without a purchase in {days} after the answer (95 % interval)").format(
        days=wording.days(horizon_days)
    )


def rows_of(scores: pd.DataFrame, by: str, kind: str) -> pd.DataFrame:
    """The groups of one kind of group and answer; months are called by their name."""
    rows = scores[(scores["by"] == by) & (scores["kind"] == kind)]
    return rows.rename(columns={"group": by}).reset_index(drop=True)


def forest_rows(scores: pd.DataFrame, kind: str) -> pd.DataFrame:
    """What the forest shows: groups of one kind of answer that are known, the largest of each."""
    rows = scores[(scores["by"] != "") & (scores["group"] != "") & (scores["kind"] == kind)]
    rows = rows.assign(place=rows.groupby("by", sort=False)["answers"].rank(ascending=False, method="first"))
    rows = rows[rows["place"] <= _MOST_GROUPS].drop(columns="place")
    return rows.sort_values(["by", "value"], kind="stable").reset_index(drop=True)


def off_scale_words(rows: pd.DataFrame) -> list[str]:
    """Which scores are on no scale."""
    return [
        _("Score {score} in {rows} rows of kind {kind}: {low} to {high}. These rows are left out.").format(
            score=row["score"], rows=wording.count(row["answers"]), kind=row["kind"], low=SCALES[row["kind"]][0],
            high=SCALES[row["kind"]][1],
        )
        for row in rows.to_dict("records")
        if row["answers"] >= 1
    ]  # fmt: skip


def response_words(result: Response | None, *, known: bool) -> list[str]:
    """Who was asked and who answered.

    Examples
    --------
    >>> response_words(None, known=False)
    ['There is no record of who was asked: the response rate is unknown, and so is whom these answers speak for.']
    """
    if not known:
        return [
            _(
                "There is no record of who was asked: the response rate is unknown, and so is whom these answers speak for."
            )
        ]
    if result is None:
        return [_("Fewer than five customers were asked long enough ago to have answered.")]
    rate = wording.interval(result.rate, result.low, result.high, wording.share)
    said = [
        _("{rate} of {asked} requests were answered.").format(rate=rate, asked=wording.count(result.asked))
        if pd.isna(result.times)
        else _("{rate} of {asked} requests were answered; who answered had bought {times} times as often as who did not.").format(
            rate=rate, asked=wording.count(result.asked),
            times=wording.interval(result.times, result.times_low, result.times_high, wording.number),
        )
    ]  # fmt: skip
    if result.plain and result.weighted:
        how = _points
        said.append(
            _("NPS after these requests: {plain} as answered; {weighted} weighted to all who were asked, worth {worth} independent answers.").format(
                plain=wording.interval(result.plain.value, result.plain.low, result.plain.high, how),
                weighted=wording.interval(result.weighted.value, result.weighted.low, result.weighted.high, how),
                worth=wording.count(result.weighted.effective),
            )
        )  # fmt: skip
    if result.uncovered > 0.01:
        said.append(
            _(
                "{share} of those asked are in groups of which nobody answered: nothing speaks for them."
            ).format(share=wording.share(result.uncovered))
        )
    return said


def funnel_words(result: Funnel, kind: str) -> str:
    """What months say."""
    odd = int((result.rows["says"] != "").sum())
    if not odd:
        return _("{kind}: no month of {months} lies outside what chance makes of so few answers.").format(
            kind=kind_word(kind), months=len(result.rows)
        )
    names = ", ".join(result.rows.loc[result.rows["says"] != "", "month"])
    template = ngettext(
        "{kind}: {names} lies outside what chance makes of {months} months.",
        "{kind}: {names} lie outside what chance makes of {months} months.",
        odd,
    )
    return template.format(kind=kind_word(kind), names=names, months=len(result.rows))


def funnel_title(result: Funnel, kind: str) -> str:
    """The message of the funnel plot."""
    odd = int((result.rows["says"] != "").sum())
    if not odd:
        return _("{kind} by month: all within chance").format(kind=kind_word(kind))
    return ngettext(
        "{kind} by month: {odd} month outside chance", "{kind} by month: {odd} months outside chance", odd
    ).format(kind=kind_word(kind), odd=odd)


def forest_title(rows: pd.DataFrame, kind: str) -> str:
    """The message of the forest: which group is worst."""
    if not len(rows):
        return _("No group is large enough")
    worst = rows.sort_values("value").iloc[0]
    return _("{kind}: lowest for {by} “{group}”").format(
        kind=kind_word(kind), by=by_word(worst["by"]), group=group_word(worst["by"], worst["group"])
    )


def forest_labels(rows: pd.DataFrame) -> list[str]:
    """What the rows of the forest are called."""
    return [
        _("{by}: {group}").format(by=by_word(by), group=group_word(by, group))
        for by, group in zip(rows["by"], rows["group"], strict=True)
    ]


def themes_words(themes: Themes) -> list[str]:
    """How words were found, and whether both halves agree."""
    if not len(themes.words):
        return [
            _(
                "{low} texts with a low and {high} with a high score: no word tells them apart beyond chance."
            ).format(low=wording.few(themes.low), high=wording.few(themes.high))
        ]
    said = [
        _(
            "{low} texts with a low and {high} with a high score, split into {how}. Both halves of the customers weigh the words alike with a correlation of {agree}."
        ).format(
            low=wording.few(themes.low), high=wording.few(themes.high), how=_(_ANALYSERS[themes.analyser]),
            agree=wording.number(themes.agreement),
        )
    ]  # fmt: skip
    if themes.analyser == "blanks":
        said.append(
            _(
                "Korean words carry endings: without kiwipiepy each form counts for itself, so a theme is spread over several words. Install the extra korean to mend it."
            )
        )
    return said


def themes_title(themes: Themes) -> str:
    """The message of the picture of words."""
    rows = themes.shown(most=1)
    low = rows[rows["z"] > 0] if len(rows) else rows
    if not len(low):
        return _("No word tells low from high scores")
    return _("Low scores say “{word}”").format(word=low["quote"].iloc[0] or low["word"].iloc[0])


def lapse_words(result: ScoreAndLapse, *, horizon_days: int) -> str:
    """Whether a low score comes before a lapse, and why."""
    days = wording.days(horizon_days)
    if not result.plain.known:
        return _(
            "Too few customers gave a low score to say whether more of them stop buying for {days}."
        ).format(days=days)
    plain = wording.interval(result.plain.value, result.plain.low, result.plain.high, wording.points)
    if result.verdict == "not_shown":
        return _(
            "That more customers stop buying for {days} after a low score than after another is not shown: {plain}."
        ).format(plain=plain, days=days)
    if result.within is None or result.cause is None:
        return _(
            "After a low score {plain} more customers stopped buying for {days} than after another. Whether it is the score or what caused it cannot be told: deliveries are not known."
        ).format(plain=plain, days=days)
    within = wording.interval(result.within.value, result.within.low, result.within.high, wording.points)
    cause = wording.interval(result.cause.value, result.cause.low, result.cause.high, wording.points)
    if result.verdict == "unknown_cause":
        return _(
            "After a low score {plain} more customers stopped buying for {days}; among equally late or punctual parcels {within}; after a late parcel {cause}. Neither is sure, so the cause stays open."
        ).format(plain=plain, days=days, within=within, cause=cause)
    if result.verdict == "cause_shown":
        return _(
            "After a low score {plain} more customers stopped buying for {days}; among equally late or punctual parcels only {within}, which may be chance. A late parcel itself: {cause}. Mend the deliveries before the score."
        ).format(plain=plain, days=days, within=within, cause=cause)
    return _(
        "After a low score {plain} more customers stopped buying for {days}, and {within} among equally late or punctual parcels: lateness does not explain it all. A late parcel itself: {cause}."
    ).format(plain=plain, days=days, within=within, cause=cause)


def lapse_title(result: ScoreAndLapse) -> str:
    """The message of the picture of lapses."""
    return {
        "not_shown": _("That more customers lapse after a low score is not shown"),
        "unknown_cause": _("More customers lapse after a low score"),
        "cause_shown": _(
            "More customers lapse after late parcels; an effect of the score beside it is not shown"
        ),
        "score_too": _("Customers lapse after a low score, late parcel or not"),
    }[result.verdict]


def strata_labels(result: ScoreAndLapse) -> list[str]:
    """What the rows of that picture are called."""
    names = {"late": _("late parcel"), "on_time": _("parcel on time"), "": _("delivery not known")}
    scores = {1: _("low score"), 0: _("other score")}
    return [
        _("{delivery}, {score}").format(delivery=names[row["delivery"]], score=scores[int(row["low"])])
        for row in result.strata.to_dict("records")
    ]


def repairs_words(result: Repairs, currency: str) -> str:
    """What the repairs are worth."""
    if not len(result.table):
        return _(
            "No cause of low scores hits enough customers, with others to compare them with, to price its repair."
        )
    margin = wording.money(result.kept.mean * result.margin_share, currency)
    return _(
        "Who comes back leaves a margin of {margin} in {days}, at an assumed margin of {share}. Repairs that are worth more than nothing beyond chance: {sure} of {all}."
    ).format(
        margin=margin, days=wording.days(result.horizon_days), share=wording.share(result.margin_share),
        sure=len(result.sure), all=len(result.table),
    )  # fmt: skip


def answer(result: ScoreAndLapse, repairs: Repairs, currency: str, *, horizon_days: int) -> str:
    """The page's answer."""
    sure = repairs.sure
    if not len(sure):
        return lapse_words(result, horizon_days=horizon_days)
    top = sure.iloc[0].to_dict()
    money = wording.money_in(currency)
    return _(
        "The repair worth most: {what}. They hit {customers} customers in the last {days}; {difference} more of them stop buying than of like customers, a margin of {value}."
    ).format(
        what=repair_word(top), customers=wording.count(top["customers"]), days=wording.days(repairs.horizon_days),
        difference=wording.interval(top["difference"], top["low"], top["high"], wording.points),
        value=wording.interval(top["value"], top["value_low"], top["value_high"], money),
    )  # fmt: skip


def be_told(
    tell: Callable[[str], None], result: ScoreAndLapse, repairs: Repairs, currency: str, *, horizon_days: int
) -> None:
    """Say the answer, and what comes before a lapse where the answer is another."""
    said = answer(result, repairs, currency, horizon_days=horizon_days)
    tell(said)
    if len(repairs.sure):
        tell(lapse_words(result, horizon_days=horizon_days))


def be_warned(warn: Callable[[str], None], off_scale: pd.DataFrame, response: Response | None) -> None:
    """Say what must not be overlooked."""
    for sentence in off_scale_words(off_scale):
        warn(sentence)
    if response and response.plain and response.weighted:
        plain, weighted = response.plain.value, response.weighted.value
        if abs(plain - weighted) > (response.plain.high - response.plain.low) / 2:
            warn(
                _(
                    "Report an NPS of {weighted}, weighted to all who were asked: those who answered, at {plain}, are not like them."
                ).format(plain=_points(plain), weighted=_points(weighted))
            )


def spared_words(scenarios: Sequence[Scenario]) -> str:
    """Whether advertising leaves out those who gave a low score, as the study's scenarios say."""
    sent = [one for one in scenarios if one.kind == "advertising"]
    spared = [one.suppress["low_score"] for one in sent if "low_score" in one.suppress]
    if not spared:
        return _(
            "No scenario spares them: some may stand on contact_list too, so let the person go first, or write suppress: [low_score_14d] into the scenarios."
        )
    days = wording.days(min(spared).days)
    if len(spared) == len(sent):
        return _(
            "All advertising scenarios leave them out of contact_list for {days} after the answer."
        ).format(days=days)
    return ngettext(
        "{n} of {all} advertising scenarios leaves them out of contact_list, for {days} after the answer; the others may write to them, so let the person go first.",
        "{n} of {all} advertising scenarios leave them out of contact_list, for at least {days} after the answer; the others may write to them, so let the person go first.",
        len(spared),
    ).format(n=wording.count(len(spared)), all=wording.count(len(sent)), days=days)


def propose(
    act: Callable[..., None], repairs: Repairs, callers: int, *, scenarios: Sequence[Scenario]
) -> None:
    """Say what to repair, and whom to call.

    Parameters
    ----------
    act
        ``run.action``.
    repairs
        By value; those whose whole interval is above 0 are proposed, three at most.
    callers
        Customers on the closed-loop list.
    scenarios
        What the study sends by itself.
    """
    for row in repairs.sure.head(3).to_dict("records"):
        act(
            _("Repair what hits"),
            _("customers: {what}").format(what=repair_word(row)),
            customers=int(row["customers"]), gain=row["value"], low=row["value_low"], high=row["value_high"],
            horizon_days=repairs.horizon_days, certainty="assumed",
            why=_("More of them stop buying than of like customers. The gain is before the cost of the repair, and all of it only if the repair is complete and the cause is the right one."),
        )  # fmt: skip
    act(
        _("Call or write to"),
        _("customers who gave a low score lately"),
        customers=callers, list="closed_loop",
        why=_("A person answers within the days that the list says. {advertising}").format(advertising=spared_words(scenarios)),
    )  # fmt: skip


def be_sure(
    sure: Callable[[str], None],
    result: ScoreAndLapse,
    repairs: Repairs,
    response: Response | None,
    *,
    asked: bool,
) -> None:
    """Three lines of how sure this is."""
    sure(
        _(
            "Compared with customers who bought as often, within the same delivery, {customers} of them; nobody was drawn at random, so another cause may stand behind it."
        ).format(customers=wording.count(result.customers))
    )
    sure(
        _("The money hangs on the assumed margin of {share}: half of it halves the gain.").format(
            share=wording.share(repairs.margin_share)
        )
    )
    sure(response_words(response, known=asked)[0])


def _points(value: Any) -> str:
    return wording.number(value, 1)
