"""What do levers, the day of asking and cases say? Words and tables of page 09 beside scores and themes."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from crm_utils import wording
from crm_utils.features import Number
from crm_utils.methods.feedback import LATER_DAYS, Cases, Timing, Uneven
from crm_utils.sentences.feedback_lists import by_word, group_word
from crm_utils.tools.language import _

__all__ = ["be_warned", "cases_words", "drivers_table", "numbers_of", "timing_words"]

_MOST_LEVERS = 8
_SURE = 0.05


def numbers_of(result: Timing | Cases | None) -> list[Number]:
    """What is recorded; nothing where nothing is known."""
    return [] if result is None else result.numbers()


def drivers_table(rows: pd.DataFrame) -> wording.Table:
    """After what more scores are low, alike in the rest; the clearest differences."""
    shown = rows.sort_values(["p", "lever", "level"]).head(_MOST_LEVERS)
    records = shown.to_dict("records")
    table = pd.DataFrame({
        "what": [
            _("{by}: {group}").format(by=by_word(r["lever"]), group=group_word(r["lever"], r["level"]))
            for r in records
        ],
        "customers": [r["customers"] for r in records],
        "difference": [wording.interval(r["difference"], r["low"], r["high"], wording.points) for r in records],
        "overlap": [wording.share(r["overlap"]) for r in records],
        "says": [_("shown") if r["q"] < _SURE else _("within chance") for r in records],
    })  # fmt: skip
    return wording.table(
        table,
        caption=_("More low scores than among others, alike in the other levers (95 % intervals)"),
        names={
            "what": _("lever"), "customers": _("customers"), "difference": _("more low scores by"),
            "overlap": _("with a counterpart"), "says": _("beyond chance"),
        },
    )  # fmt: skip


def timing_words(result: Timing | None, *, by_lot: bool) -> str:
    """Whether asking later changes who answers."""
    if not by_lot:
        return _(
            "Whether asking later changes who answers cannot be told: chance did not choose the day. Let chance choose between two days, and set asked_by_lot."
        )
    if result is None or not result.every.known:
        return _(
            "Whether asking later changes who answers cannot be told: too few requests of both kinds, or no record of requests and deliveries."
        )
    if result.uneven is not None:
        return _(
            "Whether asking later changes who answers cannot be told: chance did not choose the day, though asked_by_lot says so. {share}"
        ).format(share=_uneven_words(result.uneven))
    said = _(
        "Asking {days} days after the order or later instead of sooner changes the share who answer by {more}."
    ).format(
        days=wording.count(LATER_DAYS),
        more=wording.interval(result.every.value, result.every.low, result.every.high, wording.points),
    )
    if not (result.late.known and result.on_time.known):
        return said
    return _("{said} After a late parcel it is {late}, after others {on_time}.").format(
        said=said,
        late=wording.interval(result.late.value, result.late.low, result.late.high, wording.points),
        on_time=wording.interval(
            result.on_time.value, result.on_time.low, result.on_time.high, wording.points
        ),
    )


def be_warned(warn: Callable[[str], None], result: Timing | None) -> None:
    """Say that chance did not choose the day, where the tables show it."""
    if result is not None and result.uneven is not None:
        warn(
            _(
                "asked_by_lot is set, but who is asked later can be told beforehand. {share} Fix the random choice of the day, or set asked_by_lot to false."
            ).format(share=_uneven_words(result.uneven))
        )


def _uneven_words(uneven: Uneven) -> str:
    """Which group is asked later more often or less."""
    whose = {
        "frequency": _("Customers with {level} purchases so far"),
        "channel": _("Orders of the channel “{level}”"),
        "weekday": _("Orders of a {level}"),
        "quarter": _("Orders of {level}"),
    }[uneven.trait]
    level = group_word(uneven.trait, uneven.level)
    if uneven.trait == "weekday":
        level = [
            _("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday"), _("Saturday"), _("Sunday"),
        ][int(uneven.level)]  # fmt: skip
    return _("{whose} are {later} of requests asked later, and {sooner} of those asked sooner.").format(
        whose=whose.format(level=level),
        later=wording.share(uneven.later),
        sooner=wording.share(uneven.sooner),
    )


def cases_words(result: Cases | None) -> list[str]:
    """How soon cases were replied to and closed, how many came back, and whether a lapse followed."""
    if result is None:
        return [_("Fewer than five cases: nothing can be said of the service desk.")]
    said = []
    for (share, low, high, n), template in (
        (result.replied, _("Of {n} cases {share} were first replied to within 24 hours.")),
        (result.in_a_day, _("Of {n} cases {share} were closed within 24 hours.")),
        (
            result.again,
            _("Of {n} closed cases {share} were followed by another one of the customer within 14 days."),
        ),
    ):
        if n >= 5:  # the smallest group that is shown
            said.append(
                template.format(n=wording.count(n), share=wording.interval(share, low, high, wording.share))
            )
    contact = result.contact
    if contact is not None and contact.known:
        said.append(
            _(
                "Of customers with a late parcel, those who complained of it lapsed more often than those who did not by {more}, alike in channel and how often they bought."
            ).format(more=wording.interval(contact.value, contact.low, contact.high, wording.points))
        )
    if not result.replied[3]:
        said.append(
            _("When a case was first replied to stands in no table: map feedback.replied_at to see it here.")
        )
    return said
