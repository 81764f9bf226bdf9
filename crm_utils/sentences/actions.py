"""How is an action said? Verb, audience, what it should bring, how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm_utils import wording
from crm_utils.tools.language import _, ngettext

__all__ = ["action_sentence", "certainty_words", "gain_words"]


def certainty_words(certainty: str) -> str:
    """How sure an action's gain is.

    Examples
    --------
    >>> certainty_words("assumed")
    'assumed, not yet tested'
    """
    return {
        "tested": _("tested with customers held out"),
        "assumed": _("assumed, not yet tested"),
        "unknown": _("not tested yet"),
    }[certainty]


def gain_words(action: Mapping[str, Any], *, currency: str) -> str:
    """What an action should bring, net of cost, with its range and its horizon.

    Examples
    --------
    >>> gain_words({"gain": 58, "low": -20, "high": 130, "horizon_days": 28}, currency="USD")
    '$58 (−$20 to $130) in 28 days'
    """
    if action["gain"] is None:
        return _("not known yet")
    money = wording.interval(action["gain"], action["low"], action["high"], wording.money_in(currency))
    template = ngettext("{money} in {days} day", "{money} in {days} days", action["horizon_days"])
    return template.format(money=money, days=action["horizon_days"])


def action_sentence(action: Mapping[str, Any], *, currency: str) -> str:
    """An action as one paragraph, as it stands in its notebook.

    Examples
    --------
    >>> remind = {"verb": "Remind", "audience": "late customers", "customers": 181, "gain": None, "low": None,
    ...           "high": None, "certainty": "unknown", "why": "They are late.", "avoid": False}
    >>> action_sentence(remind, currency="USD")
    'Remind 181 late customers. Expected gain: not known yet. They are late.'
    """
    if action["avoid"]:
        template = _("{verb}: {customers} {audience}. {why}")
    else:
        template = _("{verb} {customers} {audience}. Expected gain: {gain}. {why}")
    return template.format(
        verb=action["verb"], customers=wording.count(action["customers"]), audience=action["audience"],
        gain=gain_words(action, currency=currency), why=action["why"],
    )  # fmt: skip
