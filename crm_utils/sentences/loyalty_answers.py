"""What is the answer of the page on loyalty, and what is to be done? Findings, warnings, actions, how sure."""

from __future__ import annotations

from collections.abc import Callable

from crm_utils import wording
from crm_utils.methods.loyalty import Lists, Owed, Programme, Referrals, Reward, TierPage
from crm_utils.sentences import cannot as reasons
from crm_utils.sentences.loyalty import (
    backtest_words,
    data_words,
    liability_words,
    placebo_words,
    referral_words,
    threshold_words,
)
from crm_utils.tools.language import _

__all__ = ["be_sure", "be_told", "be_warned", "no_programme_words", "propose"]


def no_programme_words(page: TierPage, currency: str) -> str:
    """What there is to say where nothing is given."""
    if not page.placebo.known:
        return _("There is no loyalty programme in these data: nothing is owed.")
    times = page.placebo.times
    return _(
        "There is no loyalty programme in these data: nothing is owed. But a line drawn afterwards at {cut} “makes” customers spend {times} times as much in the next {days}, and gave nobody anything: take no such number for an effect."
    ).format(
        cut=wording.money(page.placebo.cut, currency),
        days=wording.days((page.window.ends - page.window.day).days),
        times=wording.interval(times.value, times.low, times.high, wording.number),
    )


def be_told(tell: Callable[[str], None], made: Programme, owed: Owed, page: TierPage, currency: str) -> None:
    """Say the answer in two findings, what is owed and what tiers change, and then what a made-up line does."""
    if not made.any:
        tell(no_programme_words(page, currency))
        tell(data_words(made, owed)[1])
        return
    for sentence in liability_words(owed, currency)[:1]:
        tell(sentence)
    if page.thresholds and made.rule:
        tell(" ".join(threshold_words(page, made.rule, currency)))
    tell(placebo_words(page.placebo, page.window, currency, page.rule)[0])


def be_warned(warn: Callable[[str], None], made: Programme, owed: Owed, page: TierPage) -> None:
    """Say what must not be overlooked."""
    if made.points and owed.why is not None:
        warn(f"{reasons.reason(owed.why)} {reasons.remedy(owed.why)}")
    if owed.overdue:
        warn(
            _(
                "{points} open points are past their day: no row takes them off. They are not owed if the terms say so."
            ).format(points=wording.count(owed.overdue))
        )
    if made.rule and page.wrong:
        warn(
            _("Tier rule '{rule}' disagrees with {wrong} of {judged} recorded tiers.").format(
                rule=made.rule.text, wrong=wording.few(page.wrong), judged=wording.count(page.judged)
            )
        )


def propose(act: Callable[..., None], page: TierPage, reward: Reward, lists: Lists, currency: str) -> None:
    """Say whom to write to, what a tier may cost, and what not to do.

    Parameters
    ----------
    act
        ``run.action``.
    page, reward
        The tiers, and what they were shown to bring.
    lists
        Whom to write to.
    """
    act(
        _("Tell"), _("customers who lack little for a tier how much"), customers=lists.near, list="near_threshold",
        why=_("They may top up. Leave some out at random: they show whether the others only order earlier what they would have bought anyway."),
    )  # fmt: skip
    act(
        _("Remind"), _("customers whose points end soon"), customers=lists.expiring, list="expiring_points",
        why=_("Points that end unseen annoy. A reminder costs what is then spent: leave some out at random to see what it brings."),
    )  # fmt: skip
    act(
        _("Thank"), _("customers whose friends bought"), customers=lists.thanked, list="referrers",
        why=_("Nobody is on the list who shares a session with whom they referred."),
    )  # fmt: skip
    for worth in reward.worth:
        if worth.margin.low > 0:
            act(
                _("Spend on"),
                _("members of {tier} at most {money} each in {days}").format(
                    tier=worth.tier, money=wording.money(worth.margin.low, currency), days=wording.days(worth.days)
                ),
                customers=page.members(worth.tier), certainty="assumed",
                why=_("That is the least margin that the tier is shown to bring next to its cut; no table says what it costs."),
            )  # fmt: skip
    for each in page.thresholds:
        if each.verdict == "aimed_at":
            act(
                _("Do not count as an effect of {tier}").format(tier=each.tier),
                _("customers more than expected just above its cut"),
                customers=int(max(each.bunching.excess, 0)), avoid=True,
                why=_("They chose to stand there, so they differ from those just below. To learn what the tier changes, set the next cut afterwards, or leave some out at random."),
            )  # fmt: skip


def be_sure(
    sure: Callable[[str], None], made: Programme, owed: Owed, page: TierPage, value: Referrals | None
) -> None:
    """Three lines of how sure this is."""
    for sentence in backtest_words(owed)[:1]:
        sure(sentence)
    if page.thresholds:
        sure(
            _(
                "A cut is judged only where the density of customers does not break at it; what is shown there holds for customers next to the cut, not for all."
            )
        )
    elif page.placebo.known:
        sure(
            _(
                "The made-up line gave nobody anything, so all that it seems to do is who its customers are, and chance."
            )
        )
    if value is not None and value.known:
        sure(referral_words(value)[-1])
    elif not made.any:
        sure(_("Only a group left without the programme by lot can show what a programme changes."))
