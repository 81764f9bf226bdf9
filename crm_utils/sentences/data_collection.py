"""How is a load told to people? What came in, what is missing, what the data cannot say."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import pandas as pd

from crm_utils import wording
from crm_utils.features import ShopFacts, hide_small
from crm_utils.methods.data_collection import Days, FirstSeen, Hours, Rows
from crm_utils.tools.language import N_, _, ngettext

__all__ = [
    "CANNOT",
    "channels_table",
    "columns_table",
    "columns_title",
    "counts_table",
    "coverage_sentence",
    "coverage_table",
    "coverage_title",
    "days_sentence",
    "days_table",
    "days_title",
    "decisions_table",
    "discount_sentence",
    "empty_columns_sentence",
    "first_seen_sentence",
    "first_seen_title",
    "fresh_table",
    "gone_warning",
    "hours_sentence",
    "hours_title",
    "how_sure",
    "inputs_table",
    "joined_sentence",
    "joined_table",
    "late_sentence",
    "lost_warning",
    "month_sentence",
    "oddities_table",
    "reasons_table",
    "rows_sentence",
    "rows_table",
    "totals_sentence",
    "view_columns",
    "view_purpose",
    "view_sentence",
    "warn_all",
]

CANNOT = {
    "no_lines": (N_("There is not one order line."), N_("Look at what was set aside, and why: crm check.")),
}
"""Why nothing can be said, and what would change it."""

_WEEKDAYS = (N_("Monday"), N_("Tuesday"), N_("Wednesday"), N_("Thursday"), N_("Friday"), N_("Saturday"),
             N_("Sunday"))  # fmt: skip


def rows_sentence(rows: Rows) -> str:
    """Whether every row is accounted for: the first finding."""
    lines = rows.lines
    kinds = {"loaded": "loaded", "read": "read", "aside": "quarantined", "left": "left_out"}
    counts = {name: wording.count(lines[kind]) for name, kind in kinds.items()}
    if rows.lost:
        template = ngettext(
            "{lost} row is unaccounted for: {loaded} of {read} order lines were loaded, {aside} set aside, {left} "
            "left out.",
            "{lost} rows are unaccounted for: {loaded} of {read} order lines were loaded, {aside} set aside, {left} "
            "left out.",
            rows.lost,
        )
        return template.format(lost=wording.count(rows.lost), **counts)
    if lines["quarantined"] or lines["left_out"]:
        return _("Every row is accounted for: of {read} order lines {loaded} were loaded. Set aside as "
                 "faulty: {aside}; left out as the study says: {left}.").format(**counts)  # fmt: skip
    return _("Every row is accounted for: all {read} order lines were loaded.").format(**counts)


def lost_warning(rows: Rows) -> list[str]:
    """A warning where rows are unaccounted for."""
    if not rows.lost:
        return []
    template = ngettext(
        "{rows} row is unaccounted for. Do not trust these data.",
        "{rows} rows are unaccounted for. Do not trust these data.",
        rows.lost,
    )
    return [template.format(rows=wording.count(rows.lost))]


def rows_table(rows: Rows) -> wording.Table:
    """What became of the rows of each table."""
    return wording.table(
        rows.tables,
        caption=_("Rows of each table in this snapshot, over the whole period of the data"),
        names={"table": _("table"), "read": _("read"), "loaded": _("loaded"), "quarantined": _("set aside"),
               "left_out": _("left out"), "lost": _("unaccounted for")},
    )  # fmt: skip


def inputs_table(rows: Rows) -> wording.Table:
    """The files, and what became of them."""
    return wording.table(
        rows.inputs,
        caption=_("The files that were read, and what became of them"),
        names={"name": _("file"), "rows": _("rows"), "becomes": _("becomes")},
    )


def reasons_table(rows: Rows) -> wording.Table:
    """Why rows are not in."""
    kinds = {"quarantined": _("set aside"), "left_out": _("left out")}
    return wording.table(
        rows.reasons.assign(kind=[kinds[kind] for kind in rows.reasons["kind"]]),
        caption=_("Rows that are not in the tables, by reason (none: every row was loaded)"),
        names={"table": _("table"), "kind": _("what"), "reason": _("reason"), "rows": _("rows")},
    )


def totals_sentence(totals: pd.Series, facts: ShopFacts, rows: Rows, *, day: dt.date, currency: str) -> str:
    """The control totals: what to hold against the shop's books."""
    numbers = {
        "orders": wording.count(facts.orders), "returns": wording.count(facts.returns),
        "revenue": wording.money(totals.revenue, currency), "customers": wording.count(totals.customers),
        "guests": wording.count(facts.guest_orders), "first": wording.calendar_day(totals.first_ordered_at.date()),
        "last": wording.calendar_day(totals.last_ordered_at.date()),
    }  # fmt: skip
    text = ngettext(
        "{orders} orders and {returns} return are worth {revenue} net, from {first} to {last}.",
        "{orders} orders and {returns} returns are worth {revenue} net, from {first} to {last}.",
        facts.returns,
    )
    if not facts.returns:
        text = _("{orders} orders are worth {revenue}, from {first} to {last}; there are no returns.")
    if facts.no_money:
        text = _("{orders} orders, from {first} to {last}; every amount is 0, so nothing is said of money.")
    who = ngettext(
        "They come from {customers} known customers; {guests} order has no customer.",
        "They come from {customers} known customers; {guests} orders have no customer.",
        facts.guest_orders,
    )
    if not totals.customers:
        who = _("No order has a customer.")
    elif not facts.guest_orders:
        who = _("They come from {customers} known customers.")
    parts = [text, who]
    later = rows.lines["loaded"] - totals.lines
    if later > 0:
        parts.append(
            ngettext(
                "{later} order line lies after {day} and is not counted.",
                "{later} order lines lie after {day} and are not counted.",
                later,
            )
        )
    return " ".join(parts).format(**numbers, later=wording.count(later), day=wording.calendar_day(day))


def discount_sentence(totals: pd.Series, *, currency: str) -> str:
    """What the shop gave away."""
    if not totals.discount or totals.revenue + totals.discount <= 0:
        return _("These data know no discounts.")
    return _("The shop received {revenue} and gave {discount} of discounts: {share} of what the goods "
             "would have cost without them.").format(
        revenue=wording.money(totals.revenue, currency), discount=wording.money(totals.discount, currency),
        share=wording.share(totals.discount / (totals.revenue + totals.discount)),
    )  # fmt: skip


def counts_table(totals: pd.Series, facts: ShopFacts, *, day: dt.date) -> wording.Table:
    """Control totals as counts."""
    rows = [
        (_("order lines"), totals.lines),
        (_("orders"), facts.orders),
        (_("returns, and orders sent back whole"), facts.returns),
        (_("orders without a customer"), facts.guest_orders),
        (_("known customers"), totals.customers),
        (_("products"), totals.products),
        (_("stores"), totals.stores),
        (_("days with an order"), facts.order_days),
    ]
    return wording.table(
        pd.DataFrame(rows, columns=["what", "count"]),
        caption=_("Control totals as of {day}").format(day=wording.calendar_day(day)),
        names={"what": _("what"), "count": _("how many")},
    )


def days_title(days: Days) -> str:
    """The message of the picture of orders a day."""
    if days.sparse:
        return _("Orders on {open} of {period}: too few to judge single days").format(
            open=wording.count(days.open), period=wording.days(days.period)
        )
    unusual = int((days.unusual["orders"] > 0).sum())
    return _("{empty} of {period} without an order; {unusual} unusual").format(
        empty=wording.count(days.empty), period=wording.days(days.period), unusual=wording.count(unusual)
    )


def days_sentence(days: Days) -> str:
    """Which days are missing: a finding."""
    aside = ""
    if days.closed:
        names = ", ".join(_(_WEEKDAYS[day]) for day in days.closed)
        aside = " " + _("Closed weekdays are not counted: {weekdays}.").format(weekdays=names)
    missing = _("{empty} of {period} had no order.").format(
        empty=wording.days(days.empty), period=wording.count(days.period)
    )
    gap = ""
    if days.gap_from is not None and days.longest_gap > 1 and days.empty:
        gap = " " + _("The longest time from a day with orders to the next is {gap}, {start} to {end}.").format(
            gap=wording.days(days.longest_gap), start=wording.calendar_day(days.gap_from),
            end=wording.calendar_day(days.gap_to),
        )  # fmt: skip
    sparse = " " + _("Orders are too sparse to say which single days are odd.") if days.sparse else ""
    return f"{missing}{aside}{gap}{sparse}"


def days_table(days: Days, *, most: int = 20) -> wording.Table:
    """Days to ask about."""
    unusual = days.unusual.head(most)
    weekdays = [_(_WEEKDAYS[pd.Timestamp(day).weekday()]) for day in unusual["day"]]
    shown = unusual[["day", "orders", "usual"]].copy()
    shown.insert(1, "weekday", weekdays)
    return wording.table(
        shown,
        caption=_("Days to ask about (the first {count})").format(count=most),
        formats={"usual": wording.count},
        names={"day": _("day"), "weekday": _("weekday"), "orders": _("orders"),
               "usual": _("usual for that weekday")},
    )  # fmt: skip


def hours_title(hours: Hours) -> str:
    """The message of the picture of hours."""
    if hours.busiest is None:
        return _("No hours: every order stands at midnight")
    return _("Busiest from {hour}:00 to {next}:00").format(hour=hours.busiest, next=hours.busiest + 1)


def hours_sentence(hours: Hours, *, zone: str) -> str:
    """Whether the hours are plausible."""
    if hours.night_share is None:
        return _("These data hold days and no hours. Nothing can be said of a time of day, and the time "
                 "zone cannot be checked.")  # fmt: skip
    return _("Times are on the clock of {zone}. {share} of the orders fall between 1 and 6 in the "
             "morning. If this shop does not sell then, the time zone in the study is wrong, and so is "
             "every page after this one.").format(
        zone=zone, share=wording.share(hours.night_share, 1)
    )  # fmt: skip


def first_seen_title(seen: FirstSeen, *, days: int) -> str:
    """The message of the picture of first purchases."""
    return _("{share} made their first purchase in the first {days}").format(
        share=wording.share(seen.share), days=wording.days(days)
    )


def first_seen_sentence(seen: FirstSeen, *, days: int) -> str:
    """Who was there before the data begin."""
    if not seen.customers:
        return _("No customer is known, so nobody can be called new.")
    template = ngettext(
        "{existing} customer ({share}) is first seen within {days} of the beginning of the data. Who comes so early "
        "was most likely a customer before, and counts as existing, not as won.",
        "{existing} customers ({share}) are first seen within {days} of the beginning of the data. Most of them "
        "were customers before, so they count as existing, not as won.",
        seen.existing,
    )
    return template.format(
        existing=wording.count(seen.existing), share=wording.share(seen.share), days=wording.days(days)
    )


def columns_title(filled: pd.DataFrame) -> str:
    """The message of the picture of columns."""
    partly = int(filled["filled_share"].between(0, 1, inclusive="neither").sum())
    template = ngettext(
        "{partly} of {columns} columns is filled in part",
        "{partly} of {columns} columns are filled in part",
        partly,
    )
    return template.format(partly=partly, columns=len(filled))


def empty_columns_sentence(filled: pd.DataFrame) -> str:
    """Which columns are empty throughout."""
    empty = filled.loc[filled["filled_share"] == 0, ["table", "column"]].agg(".".join, axis=1)
    if empty.empty:
        return _("No column is empty throughout.")
    return _("Empty throughout, because this source has no such thing: {columns}.").format(
        columns=", ".join(empty)
    )


def columns_table(filled: pd.DataFrame) -> wording.Table:
    """Ranges of numbers and times."""
    shown = filled.loc[filled["smallest"] != wording.MISSING, ["table", "column", "smallest", "largest"]]
    return wording.table(
        shown,
        caption=_("Ranges of numbers and times; customers' numbers as far as five customers have been"),
        names={
            "table": _("table"),
            "column": _("column"),
            "smallest": _("smallest"),
            "largest": _("largest"),
        },
    )


def oddities_table(manifest: Mapping[str, Any]) -> wording.Table:
    """What is within the contract and still odd."""
    odd = pd.Series(manifest["oddities"], name="rows", dtype=object).rename_axis("what").reset_index()
    return wording.table(
        odd,
        caption=_("Within the contract, and worth a look (whole period of the data)"),
        names={"what": _("what"), "rows": _("rows")},
    )


def decisions_table(manifest: Mapping[str, Any]) -> wording.Table:
    """What was decided about the quirks of the source."""
    return wording.table(
        pd.DataFrame(manifest["decisions"], columns=["table", "quirk", "decision"]),
        caption=_("Quirks of this source, and what is done about them"),
        names={"table": _("table"), "quirk": _("quirk"), "decision": _("decision")},
    )


def coverage_title(known: pd.DataFrame) -> str:
    """The message of the picture of coverage."""
    shown = known.dropna(subset="share")
    if shown.empty:
        return ""
    least = shown.sort_values("share").iloc[0]
    return _("{table} knows {share} of the customers").format(
        table=least["table"], share=wording.share(least["share"])
    )


def coverage_sentence(known: pd.DataFrame, facts: ShopFacts) -> str:
    """Which table knows fewest customers, and how much is guests'."""
    shown = known.dropna(subset="share").sort_values("share")
    if shown.empty:
        return _("Too few orders have a customer to say which table knows whom.")
    least = shown.iloc[0]
    if least["share"] < 1 and pd.isna(least["revenue_share"]):
        return _("The table {table} knows {share} of the ordering customers. What it says holds for them "
                 "alone.").format(table=least["table"], share=wording.share(least["share"]))  # fmt: skip
    if least["share"] < 1:
        return _("The table {table} knows {share} of the ordering customers, who bring {revenue} of the "
                 "revenue. What it says holds for them alone.").format(
            table=least["table"], share=wording.share(least["share"]),
            revenue=wording.share(least["revenue_share"]),
        )  # fmt: skip
    if facts.guest_orders:
        return _("Known customers bring {revenue} of the revenue. The rest comes without a customer, and "
                 "no page on customers speaks of it.").format(
            revenue=wording.share(least["revenue_share"])
        )  # fmt: skip
    if len(known) == 1:
        return _("Every order has a known customer. This study has no other table of customers.")
    return _("Every order has a known customer, and every table of customers knows all of them.")


def coverage_table(known: pd.DataFrame) -> wording.Table:
    """How many of the ordering customers each table knows."""
    return wording.table(
        known,
        caption=_("How many of the ordering customers each table knows"),
        formats={"share": wording.share, "revenue_share": wording.share},
        names={"table": _("table"), "customers": _("customers in it"),
               "ordering_customers": _("with an order"), "share": _("of the ordering customers"),
               "revenue_share": _("of revenue")},
    )  # fmt: skip


def channels_table(channels: pd.DataFrame, *, currency: str) -> wording.Table:
    """Orders by channel."""
    return wording.table(
        hide_small(channels, keep=["orders"]),
        caption=_("Orders by channel"),
        formats={"revenue": wording.money_in(currency)},
        names={"channel": _("channel"), "orders": _("orders"), "customers": _("customers"),
               "revenue": _("revenue")},
    )  # fmt: skip


def fresh_table(fresh: pd.DataFrame, *, day: dt.date) -> wording.Table:
    """How old the newest row of each table is."""
    return wording.table(
        fresh,
        caption=_("How fresh each table is as of {day}").format(day=wording.calendar_day(day)),
        formats={"age_days": wording.days},
        names={"table": _("table"), "column": _("by its column"), "first": _("first"), "last": _("last"),
               "age_days": _("age of its newest row")},
    )  # fmt: skip


def late_sentence(manifest: Mapping[str, Any]) -> str:
    """What came late since the load before."""
    late = manifest.get("late_arrivals")
    if not late:
        return _(
            "These data were loaded for the first time. What arrives late shows from the second load on."
        )
    if not late["came"] and not late["went"]:
        return _("Since the load before, no order line of an earlier day came or went.")
    return _("Since the load before, order lines of {days} up to {through} changed: {came} came and {went} "
             "went; the oldest day is {oldest}.").format(
        came=wording.count(late["came"]), went=wording.count(late["went"]), days=wording.days(late["days"]),
        through=wording.calendar_day(late["through"]),
        oldest=wording.calendar_day(late["oldest"] or wording.MISSING),
    )  # fmt: skip


def gone_warning(manifest: Mapping[str, Any]) -> list[str]:
    """A warning where order lines of complete days are gone."""
    late = manifest.get("late_arrivals")
    if not late or not late["went"]:
        return []
    template = ngettext(
        "{lines} order line of a day that was complete at the load before is gone: a file that was cut, or an order "
        "that the shop took back. Ask before you use these pages.",
        "{lines} order lines of days that were complete at the load before are gone: a file that was cut, or orders "
        "that the shop took back. Ask before you use these pages.",
        late["went"],
    )
    return [template.format(lines=wording.count(late["went"]))]


def warn_all(warn: Any, *warnings: list[str]) -> None:
    """Give the run every warning there is; ``warn`` is ``run.warn``."""
    for sentence in [sentence for each in warnings for sentence in each]:
        warn(sentence)


def view_sentence(sizes: Mapping[str, int]) -> str:
    """How many customers the view holds."""
    return _("Customers in at least one table: {all}; with an order: {with_orders}; with at least one "
             "message: {reached}.").format(
        **{name: wording.count(n) for name, n in sizes.items()}
    )  # fmt: skip


def view_purpose() -> str:
    """What the list is for."""
    return _("Everything the tables know of a customer, in one row: for looking one up, and for joining.")


def view_columns(currency: str) -> dict[str, tuple[str, str]]:
    """Meaning and unit of each column of ``customer_view``."""
    return {
        "customer_id": (_("the customer"), ""),
        "orders": (_("purchases so far"), _("purchases")),
        "revenue": (_("spent so far, returns taken off"), currency),
        "first_ordered_at": (_("first purchase"), _("local time")),
        "last_ordered_at": (_("last purchase"), _("local time")),
        "has_profile": (_("stands in the table of customers"), _("yes or no")),
        "messages": (_("messages sent, those held out left aside"), _("messages")),
        "redeemed": (_("of these, offers that were used"), _("messages")),
    }


def joined_sentence(manifest: Mapping[str, Any]) -> str:
    """Who was joined with whom."""
    people = manifest.get("identity")
    if not people:
        return _("The study takes the customers' ids as they are: nobody was joined with anybody.")
    kinds = "; ".join(
        _("{keys} keys of kind {kind}").format(keys=wording.count(one["keys"]), kind=one["kind"])
        for one in people["keys"]
    )
    merges = people["merges"]
    return _("Keys were joined to {customers} customers, {several} of them known by more than one key "
             "({kinds}). Keys that met too many others to be anybody's, and joined nobody: {shared}.").format(
        kinds=kinds, customers=wording.count(sum(one["customers"] for one in merges)),
        several=wording.count(sum(one["customers"] for one in merges if one["keys"] > 1)),
        shared=wording.count(sum(one["shared"] for one in people["keys"])),
    )  # fmt: skip


def joined_table(manifest: Mapping[str, Any], *, most: int = 20) -> wording.Table:
    """How many customers were joined from how many keys."""
    people = manifest.get("identity") or {"merges": []}
    joined = pd.DataFrame(people["merges"], columns=["keys", "customers"])
    return wording.table(
        hide_small(joined, keep=["keys"]).head(most),
        caption=_("How many customers were joined from how many keys (none: nobody was joined)"),
        names={"keys": _("keys"), "customers": _("customers")},
    )


def month_sentence(before: pd.Series, totals: pd.Series, *, then: dt.date, currency: str) -> str:
    """The same totals on an earlier day."""
    template = ngettext(
        "As of {then} there was {orders} order or return worth {revenue}; since then {more} came in, "
        "worth {worth}.",
        "As of {then} there were {orders} orders and returns worth {revenue}; since then {more} came in, "
        "worth {worth}.",
        before.orders,
    )  # fmt: skip
    return template.format(
        then=wording.calendar_day(then), orders=wording.count(before.orders), revenue=wording.money(before.revenue or 0, currency),
        more=wording.count(totals.orders - before.orders),
        worth=wording.money((totals.revenue or 0) - (before.revenue or 0), currency),
    )  # fmt: skip


def how_sure(rows: Rows, hours: Hours) -> tuple[str, str, str]:
    """Three lines: tested on what, wrong how often, which assumption would turn it."""
    lines = rows.lines
    faulty = lines["quarantined"] / lines["read"] if lines["read"] else 0
    turns = _(
        "Whether the shop's own records are true cannot be seen here. Hold the totals against its books."
    )
    if hours.night_share is None:
        turns += " " + _("The time zone could not be checked.")
    return (
        _("Every row of every file was read and held to its contract."),
        _("{share} of the order lines were faulty and set aside.").format(share=wording.share(faulty, 1))
        if faulty
        else _("None of the order lines was faulty."),
        turns,
    )
