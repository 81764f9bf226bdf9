"""Who is still there, and by what is that judged? The same words on every page that says so."""

from __future__ import annotations

from crm_utils import wording
from crm_utils.features.presence import Presence
from crm_utils.tools.language import _

__all__ = ["presence_sentence"]


def presence_sentence(presence: Presence) -> str:
    """By what a silence is judged, and how that was found."""
    if not presence.customers or presence.alive_auc is None or presence.silence_auc is None:
        return _(
            "No past day could be judged, so no chance of being still there is given: a silence is judged by "
            "the customer's own rhythm."
        )
    if not presence.seen:
        return _(
            "On past days no model of leaving was clearly better at foretelling who would stay away than one in "
            "which nobody leaves. So no chance of being still there is given: a silence is judged by the "
            "customer's own rhythm."
        )
    numbers = {
        "alive": wording.share(presence.alive_auc), "rhythm": wording.share(presence.silence_auc),
        "ahead": wording.days(presence.ahead_days), "days": wording.calendar_days(presence.days),
        "model": {"mbg_nbd": "MBG/NBD", "pareto_nbd": "Pareto/NBD"}[presence.model],
    }  # fmt: skip
    if presence.gives:
        template = _(
            "A silence is judged by the chance that the customer is still there ({model}). Of two customers "
            "known on {days}, one who then bought nothing for {ahead} and one who bought, it put the right one first in "
            "{alive} of cases, the customer's own rhythm in {rhythm} (chance: 50 %)."
        )
    else:
        template = _(
            "A silence is judged by the customer's own rhythm. Of two customers known on {days}, one who then "
            "bought nothing for {ahead} and one who bought, it put the right one first in {rhythm} of cases; the chance "
            "of being still there ({model}) did no better ({alive}), and is not given."
        )
    return template.format(**numbers)
