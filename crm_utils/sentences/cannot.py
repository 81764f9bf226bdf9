"""Why can something not be said of these data, and what would change it? A sentence each, by a code.

An analysis keeps its own in ``CANNOT`` of its sentences (``churn.nobody_came_back`` stands in
``sentences/churn.py``); what several say stands here.
"""

from __future__ import annotations

import datetime as dt
import importlib
from collections.abc import Mapping
from typing import Any

from crm_utils.features import Cannot
from crm_utils.tools.language import N_, Plural, _, ngettext
from crm_utils.wording import calendar_day, count

__all__ = ["CANNOT", "reason", "remedy"]

CANNOT: dict[str, tuple[str | Plural, str]] = {
    "no_customers": (
        N_("No order has a customer."),
        N_("Map a column that says who bought: customer_id, or an e-mail or phone under person."),
    ),
    "no_money": (
        N_("Every amount is 0, and this page is about money."),
        N_("Map a column that says what a line costs: amount."),
    ),
}
"""The reason, and what would change it; both may name the numbers of their :class:`Cannot`."""


def reason(cannot: Cannot) -> str:
    """Why it cannot be said.

    Examples
    --------
    >>> reason(Cannot("no_customers"))
    'No order has a customer.'
    """
    written = {k: calendar_day(v) if isinstance(v, dt.date) else v for k, v in cannot.numbers.items()}
    return _filled(_templates(cannot)[0], written)


def remedy(cannot: Cannot) -> str:
    """What would change it; a day as a study and a command take it."""
    return _filled(_templates(cannot)[1], cannot.numbers)


def _filled(template: str | Plural, numbers: Mapping[str, Any]) -> str:
    if isinstance(template, Plural):
        text = ngettext(template.one, template.many, numbers[template.by])
    else:
        text = _(template)
    return text.format(**{k: count(v) if type(v) is int else v for k, v in numbers.items()})


def _templates(cannot: Cannot) -> tuple[str | Plural, str]:
    analysis, dot, code = cannot.code.partition(".")
    known = importlib.import_module(f"crm_utils.sentences.{analysis}").CANNOT if dot else CANNOT
    templates: tuple[str | Plural, str] = known[code or analysis]
    return templates
