"""What do pages say beside what the analyses say? Days, states, changes and verdicts, as whole templates.

The words of the furniture (headings, labels, links) stand in the templates themselves, marked likewise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from crm_utils import wording
from crm_utils.tools.language import N_, _, ngettext

__all__ = [
    "bytes_of",
    "causes",
    "change_share",
    "check_consent",
    "complete",
    "day",
    "effect",
    "goal_line",
    "goes_out_with",
    "headline",
    "joined",
    "judged_from",
    "move_line",
    "moved_summary",
    "no_comparison",
    "number_name",
    "number_rank",
    "outcome",
    "seconds",
    "stale",
    "status",
    "tab",
    "unusual",
    "verdict",
    "weekly_name",
]

#: Short names of pages. A notebook that is not among them is called as its file.
_TABS = {
    "data_collection": N_("Data"),
    "segmentation": N_("Segments"),
    "cross_sell": N_("Cross-sell"),
    "churn": N_("Churn"),
    "lifetime_value": N_("Lifetime value"),
    "customer_journey": N_("Journey"),
    "campaign_targeting": N_("Contact list"),
    "ab_test": N_("Did it work?"),
    "feedback": N_("Feedback"),
    "loyalty": N_("Loyalty"),
    "scorecard": N_("Scorecard"),
}
_STATUSES = {
    "passed": N_("done"),
    "failed": N_("failed"),
    "cannot": N_("not for these data"),
    "skipped": N_("left out"),
    "not run": N_("not run"),
    "running": N_("running"),
}
_WEEKLY = {
    "revenue": N_("Revenue"),
    "orders": N_("Orders"),
    "order_value": N_("Money an order"),
    "customers": N_("Customers who bought"),
    "new_customers": N_("New customers"),
}
#: Recorded numbers that somebody who runs campaigns asks for, the first first. The others keep their names.
_NUMBERS = {
    ("campaign_targeting", "to_send"): N_("To send today"),
    ("churn", "contact.customers"): N_("Slipping and worth a contact"),
    ("churn", "profit.gain"): N_("What contacting them should bring"),
    ("segmentation", "silent.customers"): N_("Silent for longer than their rhythm explains"),
    ("segmentation", "repeat_purchase_rate"): N_("Customers who buy again"),
    ("lifetime_value", "value.window"): N_("Spend expected of all customers"),
    ("lifetime_value", "new.bid_cap"): N_("The most to pay for a new customer"),
    ("scorecard", "forecast.revenue"): N_("Revenue foreseen for the next weeks"),
    ("feedback", "nps.weighted"): N_("NPS, weighted to all who were asked"),
    ("feedback", "csat"): N_("Customers who are satisfied"),
    ("churn", "lapse.rate"): N_("Active customers who stop buying for one horizon"),
    ("data_collection", "days.empty"): N_("Days without an order"),
}
_CAUSES = {"data": N_("data"), "parameters": N_("parameters"), "versions": N_("versions")}
#: Metrics that are shares: their differences are percentage points.
_SHARES = ("conversion", "unsubscribed", "return_rate", "complained", "redeemed", "opened", "clicked")
_MONEY = ("spend", "revenue", "contribution", "order_value", "amount", "discount", "margin")


def day(text: str) -> str:
    """``2017-12-31`` as ``31 December 2017``, an instant with its time; anything else as it is."""
    return wording.calendar_day(text)


def seconds(value: float) -> str:
    """A duration: ``4.2 s``, ``3 min 20 s``."""
    if value < 100:
        return _("{seconds} s").format(seconds=f"{value:.1f}")
    return _("{minutes} min {seconds} s").format(minutes=f"{value // 60:.0f}", seconds=f"{value % 60:.0f}")


def bytes_of(number: float, unit: str) -> str:
    """A file's size: ``12 kB``, ``1.2 MB``."""
    shown = f"{number:,.1f}" if unit == "MB" else f"{number:.0f}"
    return _("{size} bytes").format(size=shown) if unit == "bytes" else f"{shown} {unit}"


def status(code: str) -> str:
    """What became of a notebook or a run."""
    return _(_STATUSES[code]) if code in _STATUSES else code


def tab(name: str) -> str:
    """A page's short name.

    Examples
    --------
    >>> tab("cross_sell"), tab("win_back")
    ('Cross-sell', 'Win back')
    """
    return _(_TABS.get(name, name.replace("_", " ").capitalize()))


def joined(words: Sequence[str]) -> str:
    """Words as a sentence lists them.

    Examples
    --------
    >>> joined(["data", "parameters", "versions"]), joined(["data"])
    ('data, parameters and versions', 'data')
    """
    if len(words) < 2:
        return "".join(words)
    return _("{some} and {last}").format(some=", ".join(words[:-1]), last=words[-1])


def headline(action: Mapping[str, Any]) -> str:
    """What to do, to whom, in one line.

    Examples
    --------
    >>> headline({"verb": "Remind", "audience": "late customers", "customers": 1810, "avoid": False})
    'Remind 1,810 late customers'
    """
    template = _("{verb}: {customers} {audience}") if action["avoid"] else _("{verb} {customers} {audience}")
    return template.format(
        verb=action["verb"], customers=wording.count(action["customers"]), audience=action["audience"]
    )


def goes_out_with(name: str) -> str:
    """How a list is sent whose customers are on another list already."""
    return _("It goes out with {list}: do not send it as well.").format(list=name)


def check_consent(name: str) -> str:
    """A list that nobody checked against consents, limits and the other messages of the day."""
    return _("Consent is not checked here. Leave out who is on {list} already.").format(list=name)


def complete(read: int, aside: int, last_day: str) -> str:
    """What was loaded, when nothing is wrong with it."""
    if aside:
        return _("Data complete to {day}: {rows} rows read, {aside} of them set aside with a reason.").format(
            day=day(last_day), rows=wording.count(read), aside=wording.count(aside)
        )
    return _("Data complete to {day}: {rows} rows read, none set aside.").format(
        day=day(last_day), rows=wording.count(read)
    )


def stale(last_day: str, as_of: str) -> str:
    """The data end before the day that was asked for."""
    return _("The newest order is of {last}, the report looks back from {day}: days may be missing.").format(
        last=day(last_day), day=day(as_of)
    )


def goal_line(goal: Mapping[str, Any], *, value: str, target: str) -> str:
    """A goal, what was reached, what should be, until when, and who answers for it.

    Examples
    --------
    >>> goal_line({"name": "Orders", "by": "2026-06-30", "owner": "Lee"}, value="480", target="500")
    'Orders: 480; the goal is 500 at least by 30 June 2026 (Lee)'
    """
    template = {
        (True, True): _("{goal}: {value}; the goal is {target} at most by {day}"),
        (True, False): _("{goal}: {value}; the goal is {target} at most"),
        (False, True): _("{goal}: {value}; the goal is {target} at least by {day}"),
        (False, False): _("{goal}: {value}; the goal is {target} at least"),
    }[goal.get("bound") == "at most", bool(goal.get("by"))]
    line = template.format(goal=goal["name"], value=value, target=target, day=day(goal.get("by") or ""))
    return _("{line} ({owner})").format(line=line, owner=goal["owner"]) if goal.get("owner") else line


def verdict(code: str) -> str:
    """Whether a goal was met."""
    return {"met": _("met"), "missed": _("missed"), "not_yet": _("not yet"), "open": _("open")}[code]


def weekly_name(code: str) -> str:
    """What a weekly number is called."""
    return _(_WEEKLY[code]) if code in _WEEKLY else code.replace("_", " ")


def unusual(code: str) -> str:
    """Whether a week is more than chance explains; empty for an ordinary one."""
    return {"low": _("unusually low"), "high": _("unusually high")}.get(code, "")


def change_share(now: float | None, before: float | None) -> str:
    r"""A change against an earlier value, with its sign; empty where there is none to compare with.

    Examples
    --------
    >>> change_share(110, 100), change_share(99, 100), change_share(1, None)
    ('+10\xa0%', '−1.0\xa0%', '')
    """
    if now is None or not before:
        return ""
    relative = (now - before) / abs(before)
    return ("+" if relative > 0 else "") + wording.share(relative, 0 if abs(relative) >= 0.1 else 1)


def move_line(code: str, count: int | None) -> str:
    """How many customers moved in a way that matters; None: fewer than are shown."""
    number = _("fewer than {limit}").format(limit=5) if count is None else wording.count(count)
    plural = 2 if count is None else count
    template = {
        "silent": ngettext("{number} customer fell silent", "{number} customers fell silent", plural),
        "back": ngettext("{number} customer came back", "{number} customers came back", plural),
        "first": ngettext("{number} customer is new", "{number} customers are new", plural),
    }[code]
    return template.format(number=number)


def number_name(notebook: str, name: str) -> str:
    """What people call a recorded number; empty for one that only its page explains.

    Examples
    --------
    >>> number_name("campaign_targeting", "to_send"), number_name("churn", "boosting.brier")
    ('To send today', '')
    """
    return _(_NUMBERS[notebook, name]) if (notebook, name) in _NUMBERS else ""


def number_rank(notebook: str, name: str) -> int:
    """Where a number stands among those that people ask for; behind all of them where nobody does."""
    return list(_NUMBERS).index((notebook, name)) if (notebook, name) in _NUMBERS else len(_NUMBERS)


def causes(other: Sequence[str], *, same_day: bool) -> str:
    """What else is not as it was, so that a change is not taken for the customers' doing."""
    names = joined([_(_CAUSES[code]) for code in other])
    if other:
        template = _("The same day; other {what}.") if same_day else _("Another day; other {what}.")
        return template.format(what=names)
    if same_day:
        return _("The same day, data, parameters and versions.")
    return _("Another day; the same data, parameters and versions.")


def moved_summary(moved: int, within: int, same: int, added: int, gone: int) -> str:
    """How many recorded numbers moved, and how many did not."""
    counts = [
        (moved, _("{count} moved")),
        (within, _("{count} within their uncertainty")),
        (same, _("{count} as before")),
        (added, _("{count} new")),
        (gone, _("{count} gone")),
    ]
    parts = [template.format(count=wording.count(count)) for count, template in counts if count]
    return _("Numbers: {list}.").format(list=", ".join(parts) or _("none"))


def no_comparison(code: str, *, was: str = "", now: str = "") -> str:
    """Why this report is not compared with the one before."""
    return {
        "first": _("This is the study's first report: there is nothing to compare it with yet."),
        "unreadable": _("The last report's numbers cannot be read any more, so changes are not shown."),
        "schema_version": _("The last report has another format ({was}, now {now}): they do not compare."),
        "currency": _("The last report has another currency ({was}, now {now}): numbers do not compare."),
    }[code].format(was=was, now=now)


def effect(metric: str, value: float, low: float, high: float, *, currency: str) -> str:
    """What an experiment changed a customer, with its interval.

    Examples
    --------
    >>> effect("conversion", 0.079, 0.057, 0.101, currency="USD")
    '+7.9 pp (+5.7 to +10.1)'
    >>> effect("revenue", -1500.0, -2500.0, -500.0, currency="KRW")
    '−₩1,500 (−₩2,500 to −₩500)'
    """

    def signed(written: str) -> str:
        return written if written[0] == wording.MINUS or not written.strip("0., %") else f"+{written}"

    if metric in _SHARES:
        texts = [signed(wording.number(100 * v, 1)) for v in (value, low, high)]
        return _("{value} pp ({low} to {high})").format(value=texts[0], low=texts[1], high=texts[2])
    if metric.startswith(_MONEY):
        how = wording.alike(wording.money_in(currency), [value, low, high])
    else:
        how = wording.number
    texts = [signed(how(v)) for v in (value, low, high)]
    return _("{value} ({low} to {high})").format(value=texts[0], low=texts[1], high=texts[2])


def outcome(code: str) -> str:
    """What the customers who were left out say of an action."""
    return {
        "better": _("It worked"),
        "worse": _("It did harm"),
        "open": _("Not shown either way"),
        "running": _("Still running"),
        "void": _("Cannot be judged"),
    }[code]


def judged_from(as_of: str, horizon_days: int) -> str:
    """The first day on which something can be said of an action; often too few customers were left out by then."""
    last = date.fromisoformat(as_of[:10]) + timedelta(days=horizon_days)
    return _("First result from {day}").format(day=day(last.isoformat()))
