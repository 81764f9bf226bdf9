"""What will each notebook say of these data? Asked before a run, of the functions that the notebooks ask.

``crm check`` and a run call the same ``cannot`` with the same facts and parameters, so they cannot disagree.
"""

from __future__ import annotations

import datetime as dt
import graphlib
import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from crm_utils.features import Cannot, ShopFacts
from crm_utils.sentences import cannot as sentences
from crm_utils.wording import money, share

__all__ = ["foreseen", "said_of", "to_hold_against"]


def foreseen(
    notebook: str, facts: ShopFacts, parameters: Mapping[str, Any], defaults: Mapping[str, Any] | None = None
) -> Cannot | None:
    """Why a notebook could not answer its question with these data; None where it can, or cannot tell.

    Parameters
    ----------
    notebook
        Its name, which is that of its methods.
    facts
        What the order lines hold.
    parameters, defaults
        What the study sets, and what the notebook's own cell does where it sets nothing.

    Examples
    --------
    >>> foreseen("no_such_notebook", None, {}) is None
    True
    """
    ask = _cannot_of(notebook)
    if ask is None:
        return None
    given = {**(defaults or {}), **parameters}
    asked = list(inspect.signature(ask).parameters.values())[1:]
    if not any(one.kind is one.VAR_KEYWORD for one in asked):
        given = {one.name: given[one.name] for one in asked if one.name in given}
    return ask(facts, **{name: value for name, value in given.items() if name not in ("study", "as_of")})


def _cannot_of(notebook: str) -> Callable[..., Cannot | None] | None:
    name = f"crm_utils.methods.{notebook}"
    try:
        cannot: Callable[..., Cannot | None] | None = getattr(importlib.import_module(name), "cannot", None)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        return None  # a notebook of the project's own, without methods here
    return cannot


def said_of(
    notebooks: Iterable[Any],
    skipped: Mapping[str, str],
    facts: ShopFacts | None,
    parameters: Mapping[str, Any],
    after: Mapping[str, set[str]],
) -> dict[str, str]:
    """What each notebook would do: run, or why not.

    Parameters
    ----------
    notebooks
        As :func:`crm_utils.runner.notebook_file.read_notebooks` gives them.
    skipped
        Those that would not run at all, and why.
    facts
        What the order lines hold; None where none would load.
    parameters
        The study's, by notebook.
    after
        For each notebook those that it builds on: what one cannot say, it cannot either.

    Returns
    -------
    dict
        A sentence for each notebook, by its name.
    """
    each = {notebook.name: notebook for notebook in notebooks}
    unsaid = {} if facts is None else _unsaid(each, skipped, facts, parameters, after)
    said = {}
    for name in each:
        if name in skipped:
            said[name] = f"skipped: {skipped[name]}"
        elif name in unsaid:
            said[name] = f"would say: {sentences.reason(unsaid[name])} {sentences.remedy(unsaid[name])}"
        else:
            said[name] = "would run"
    return said


def _unsaid(
    each: Mapping[str, Any],
    skipped: Mapping[str, str],
    facts: ShopFacts,
    parameters: Mapping[str, Any],
    after: Mapping[str, set[str]],
) -> dict[str, Cannot]:
    unsaid: dict[str, Cannot] = {}
    for name, notebook in each.items():
        if name in skipped:
            continue
        defaults = {key: one.default for key, one in notebook.parameters.items()}
        cannot = foreseen(name, facts, parameters.get(name, {}), defaults)
        if cannot is not None:
            unsaid[name] = cannot
    for name in graphlib.TopologicalSorter(after).static_order():
        before = [other for other in sorted(after.get(name, ())) if other in unsaid]
        if before and name in each and name not in skipped:
            unsaid.setdefault(name, unsaid[before[0]])
    return unsaid


def to_hold_against(
    facts: ShopFacts,
    currency: str,
    *,
    part: str,
    first: dt.date | None = None,
    last: dt.date | None = None,
) -> list[str]:
    """The numbers to hold against the back office before anything is believed.

    Parameters
    ----------
    facts
        What the order lines hold.
    currency
        The shop's.
    part
        What was looked at, where that is not everything.
    first, last
        The first and the last day, where those of the facts are lone mistyped ones.
    """
    whole = f" (of {part} only)" if part else ""
    guests = share(facts.guest_orders / facts.orders if facts.orders else None)
    return [
        f"To hold against the back office, as of {facts.as_of}{whole}:",
        f"  orders {facts.orders:,} (and {facts.returns:,} sent back), lines {facts.lines:,}, "
        f"products {facts.products:,}",
        f"  revenue {money(facts.revenue, currency)}, returns taken off"
        if facts.prices or facts.revenue
        else "  revenue none: every amount is 0",
        f"  known customers {facts.customers:,}, of them with orders on two days or more "
        f"{facts.repeat_customers:,}; guests' orders {guests}",
        f"  first day {first or facts.first_day}, last day {last or facts.last_day}, "
        f"days with an order {facts.order_days:,} of {facts.days:,}",
    ]
