"""What changed since the last report? Two runs' recorded numbers, compared so that noise is no news."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from crm_utils import wording
from crm_utils.tools.language import N_, _

__all__ = ["Change", "Changes", "compare", "describe"]

_SHARES = {"share", "%"}
#: Units of recorded numbers that a catalogue can hold; others are written as they are.
_UNITS = (
    N_("customers"), N_("orders"), N_("days"), N_("rows"), N_("items"), N_("rules"), N_("campaigns"),
    N_("clusters"), N_("measures"), N_("purchases"), N_("visits"), N_("ratio"),
    N_("points"), N_("standard deviations"),
)  # fmt: skip


@dataclass(frozen=True)
class Change:
    """A number that moved: which, what each report said, and by what share of the first.

    A verdict, a day and what began at zero have no share.
    """

    notebook: str
    name: str
    before: str
    after: str
    relative: float | None


@dataclass(frozen=True)
class Changes:
    """How the numbers of two reports differ.

    Attributes
    ----------
    moved
        Numbers that moved, the most important first: those whose names have fewest parts (they are the
        page's own numbers, not one group's), those without a relative change, then by its size.
    within
        Estimates that differ by less than their intervals allow to say.
    same, added, gone
        Counts of numbers that are equal, new in this report, or no longer in it.
    """

    moved: tuple[Change, ...]
    within: int
    same: int
    added: int
    gone: int


Numbers = Mapping[tuple[str, str], Mapping[str, Any]]


def compare(before: Mapping[str, Any], after: Mapping[str, Any], currency: str) -> Changes:
    """Compare two reports' numbers.

    Parameters
    ----------
    before, after
        The content of each ``results/<notebook>.json`` by notebook.
    currency
        The study's currency, in which amounts are written.

    Returns
    -------
    Changes

    Notes
    -----
    An estimate with an interval has moved when each value lies outside the other's interval. A number
    without one has moved when it is written differently. What two notebooks record alike is told once.

    Examples
    --------
    >>> def report(value, low, high):
    ...     return {"churn": {"numbers": {"rate": {"value": value, "low": low, "high": high}}}}
    >>> compare(report(0.30, 0.28, 0.32), report(0.31, 0.29, 0.33), "USD").within
    1
    >>> compare(report(0.30, 0.28, 0.32), report(0.40, 0.37, 0.43), "USD").moved[0].after
    '0.4 (0.37 to 0.43)'
    """
    old, new = dict(_numbers(before)), dict(_numbers(after))
    moved: list[Change] = []
    within, same = 0, 0
    for key in new.keys() & old.keys():
        was, now = describe(old[key], currency), describe(new[key], currency)
        if was == now:
            same += 1
        elif _overlap(old[key], new[key]):
            within += 1
        else:
            relative = _relative(old[key]["value"], new[key]["value"])
            moved.append(Change(*key, before=was, after=now, relative=relative))
    moved = list({(change.name, change.before, change.after): change for change in moved}.values())
    moved.sort(key=_importance)
    return Changes(tuple(moved), within, same, len(new.keys() - old.keys()), len(old.keys() - new.keys()))


def _numbers(results: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], Mapping[str, Any]]]:
    for notebook, result in results.items():
        for name, number in result.get("numbers", {}).items():
            yield (notebook, name), number


def _overlap(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    ends = [old.get("low"), old.get("high"), new.get("low"), new.get("high"), old["value"], new["value"]]
    if any(not isinstance(end, int | float) for end in ends):
        return False
    return bool(old["low"] <= new["value"] <= old["high"] or new["low"] <= old["value"] <= new["high"])


def _importance(change: Change) -> tuple[int, float, str, str]:
    size = math.inf if change.relative is None else abs(change.relative)
    return change.name.count("."), -size, change.notebook, change.name


def _relative(old: Any, new: Any) -> float | None:
    if not isinstance(old, int | float) or not isinstance(new, int | float) or old == 0:
        return None
    return (new - old) / abs(old)


def describe(number: Mapping[str, Any], currency: str) -> str:
    """Write a recorded number with its unit, and its interval where it has one.

    Examples
    --------
    >>> describe({"value": 2469, "unit": "customers"}, "USD"), describe({"value": 1, "unit": "days"}, "USD")
    ('2,469 customers', '1 day')
    >>> describe({"value": 1177.25, "unit": "USD", "low": 1100.0, "high": 1250.0}, "USD")
    '$1,177 ($1,100 to $1,250)'
    >>> describe({"value": 98.29, "unit": "money"}, "USD")
    '$98.29'
    >>> describe({"value": 48.0, "unit": "customers", "low": 39.8, "high": 57.9}, "USD")
    '48 (40 to 58) customers'
    >>> describe({"value": 0.00123, "unit": ""}, "USD"), describe({"value": None}, "USD")
    ('0.00123', '–')
    """
    unit, value = str(number.get("unit") or ""), number.get("value")
    unit = currency if unit == "money" else unit
    # The ends of a count are written as the count is.
    whole = isinstance(value, int | float) and float(value).is_integer() and abs(value) >= 10

    def write(value: Any) -> str:
        if value is None or isinstance(value, str | bool):
            return "–" if value is None else str(value)
        if unit in _SHARES:
            return wording.share(value, 1)
        return wording.count(value) if whole else _plain(value)

    if unit == currency and isinstance(number.get("value"), int | float):
        return wording.interval(
            number["value"], number.get("low"), number.get("high"), wording.money_in(currency)
        )
    text = write(number.get("value"))
    if number.get("low") is not None and number.get("high") is not None:
        ends = {"low": write(number["low"]), "high": write(number["high"])}
        text = _("{value} ({low} to {high})").format(value=text, **ends)
    if not unit or unit == currency or unit in _SHARES:
        return text
    return _("{number} {unit}").format(number=text, unit=_(unit.removesuffix("s") if text == "1" else unit))


def _plain(value: float) -> str:
    """Whole numbers whole; others with three significant digits, or to the unit when large."""
    if isinstance(value, int) or abs(value) >= 1000:
        return wording.count(value)
    return f"{value:.3g}"
