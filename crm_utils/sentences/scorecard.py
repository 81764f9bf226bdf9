"""How is the week told? Each measure in its own unit, what is unusual, what moved revenue, what may come."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from typing import Any

import pandas as pd

from crm_utils import wording
from crm_utils.methods import scorecard
from crm_utils.methods.scorecard import Card, Forecast, Weeks
from crm_utils.sentences.pages import goal_line
from crm_utils.tools.language import N_, NP_, Plural, _, ngettext

__all__ = [
    "CANNOT",
    "answer",
    "card_table",
    "category_sentence",
    "change_words",
    "driver_columns",
    "drivers_purpose",
    "drivers_sentence",
    "drivers_table",
    "fan",
    "forecast_sentence",
    "goals_sentence",
    "goals_table",
    "judged_goals",
    "kinds_table",
    "kpi_columns",
    "kpis_purpose",
    "measure_words",
    "mix_sentence",
    "show_card",
    "show_drivers",
    "show_goals",
    "show_kinds",
    "show_windows",
    "strips",
    "strips_title",
    "sure_sentences",
    "waterfall",
    "weeks_sentence",
    "writes",
]

CANNOT: dict[str, tuple[str | Plural, str]] = {
    "no_orders": (N_("There is no order."), N_("Load orders with a date.")),
    "few_weeks": (
        NP_(
            "These data hold {weeks} whole week: there is no week to compare with.",
            "These data hold {weeks} whole weeks: there is no week to compare with.",
            "weeks",
        ),
        N_("It takes {least} whole weeks, Monday to Sunday."),
    ),
}

_MEASURES = {
    "revenue": N_("revenue"),
    "orders": N_("orders"),
    "customers": N_("customers who bought"),
    "new_customers": N_("new customers"),
    "again_share": N_("share of the week's customers who had bought before"),
    "kept_share": N_("share of the customers of 12 weeks ago who bought again since"),
    "order_value": N_("money an order"),
    "return_share": N_("share of money sent back"),
    "discount_share": N_("share of list prices given as discount"),
    "visits": N_("visits"),
    "conversion": N_("share of visits with a purchase"),
    "reach_share": N_("share of messages sent that arrived within a day"),
    "click_share": N_("share of messages arrived that were clicked within a day"),
    "opt_out_share": N_("share of messages arrived that were answered by an opt-out"),
    "nps": N_("NPS, of those who answered"),
    "csat": N_("share of the answers on satisfaction that were 4 or 5"),
    "acquisition_cost": N_("money spent on winning customers, a new customer"),
}
_DRIVERS = {
    "customers": N_("how many customers bought"),
    "frequency": N_("how often each bought"),
    "order_value": N_("how much an order brought"),
    "kept_share": N_("how much was kept and not sent back"),
    "guests": N_("guests"),
}
_KINDS = {
    "new": N_("new customers"),
    "reactivated": N_("customers won back"),
    "returning": N_("returning customers"),
    "guests": N_("guests"),
    "returns": N_("money sent back"),
}
_GOALS = {
    "met": N_("met"),
    "missed": N_("missed"),
    "not_yet": N_("not yet, and its day is to come"),
    "open": N_("open: the range holds the goal"),
    "no_number": N_("no such number this week"),
    "no_share": N_("the goal is no share: write 0.4 for 40 %"),
    "elsewhere": N_("judged on the first page"),
}
_OUTLOOKS = {"likely": N_("likely"), "unlikely": N_("unlikely"), "open": N_("open"), "": N_("–")}
_STRIPS = ("revenue", "orders", "customers", "order_value", "again_share")
_SAYS = {"low": N_("unusually low"), "high": N_("unusually high"), "ordinary": N_("ordinary"), "": N_("–")}
_REFUSED = {
    "few_weeks": N_("fewer than 8 weeks to judge by"),
    "constant": N_("it never varied"),
    "drifts": N_("it drifts: every week would be unusual"),
    "event": N_("a week of a holiday or sale, and none like it is known"),
}


def measure_words(name: str) -> str:
    """A measure's name for people.

    Examples
    --------
    >>> measure_words("order_value")
    'money an order'
    """
    return _(_MEASURES[name])


def writes(unit: str, currency: str) -> Callable[..., str]:
    """What writes a measure's values: money, a percentage, or a count."""
    if unit == "money":
        return wording.money_in(currency)
    if unit == "points":
        return lambda value: wording.number(value, 1)
    return (lambda value: wording.share(value, 1)) if unit == "share" else wording.count


def change_words(unit: str, now: float, before: float) -> str:
    r"""A change with its sign: of a share or a score in points, of all else in per cent; never mixed up.

    Examples
    --------
    >>> change_words("share", 0.25, 0.20), change_words("orders", 125, 100), change_words("orders", 1, 0)
    ('+5.0 pp', '+25\xa0%', '–')
    """
    if math.isnan(now) or math.isnan(before):
        return wording.MISSING
    sign = "+" if now > before else ""
    if unit == "share":
        return sign + wording.points(now - before)
    if unit == "points":
        return sign + wording.number(now - before, 1)
    if before == 0:
        return wording.MISSING
    relative = (now - before) / abs(before)
    return sign + wording.share(relative, 0 if abs(relative) >= 0.1 else 1)


def card_table(card: Card, *, currency: str) -> pd.DataFrame:
    """The week as a table of text: each measure, its change against earlier weeks, its ordinary range."""
    rows = []
    for row in card.table.to_dict("records"):
        write = writes(row["unit"], currency)
        ordinary = _("{low} to {high}").format(low=write(row["low"]), high=write(row["high"]))
        rows.append({
            _("measure"): measure_words(row["measure"]),
            _("this week"): write(row["value"]) if not math.isnan(row["value"]) else _no_value(row),
            _("against last week"): change_words(row["unit"], row["value"], row["last_week"]),
            _("against the 4 weeks before"): change_words(row["unit"], row["value"], row["last_month"]),
            _("against last year"): change_words(row["unit"], row["value"], row["last_year"]),
            _("ordinary range"): _(_REFUSED[row["refused"]]) if row["refused"] else ordinary,
            _("judged by"): _("the same week of last year") if row["season"] else _("the weeks before"),
            _("judged"): _(_SAYS[row["says"]]),
        })  # fmt: skip
    return pd.DataFrame(rows)


def _no_value(row: dict[Any, Any]) -> str:
    """Why a number is missing: nothing to divide by, or too few customers to show it."""
    return _("no denominator") if row["denominator"] and row["empty"] else wording.MISSING


def answer(card: Card, *, currency: str) -> str:
    """The week in a sentence: revenue against the week before, and whether that is more than chance."""
    row = card.table.set_index("measure").to_dict("index")["revenue"]
    money = wording.money_in(currency)
    places = {
        "week": wording.calendar_day(card.week),
        "now": money(row["value"]),
        "before": money(row["last_week"]),
    }
    if math.isnan(row["value"]):
        return _("In the week from {week} fewer than five customers bought: its revenue is not shown, since it would be theirs.").format(**places)  # fmt: skip
    templates = {
        "low": _(
            "In the week from {week} revenue was {now} after {before}: less than an ordinary week brings."
        ),
        "high": _(
            "In the week from {week} revenue was {now} after {before}: more than an ordinary week brings."
        ),
        "ordinary": _("In the week from {week} revenue was {now} after {before}, within its ordinary range."),
        "": _("In the week from {week} revenue was {now} after {before}; it cannot be judged ({why})."),
    }
    why = _(_REFUSED[row["refused"]]) if row["refused"] else ""
    return templates[row["says"]].format(**places, why=why)


def drivers_table(before: pd.DataFrame, drivers: pd.DataFrame, *, currency: str) -> pd.DataFrame:
    """What moved revenue, as text: from the earlier revenue by each driver's part to the later one.

    Parts are rounded so that what is printed adds up to what is printed.
    """
    money = wording.money_in(currency)
    start, changes = float((before["gross"] - before["returned"]).sum()), drivers["change"]
    end = start + float(changes.sum())
    known = not changes.isna().any()
    if known:
        money = wording.alike(money, [start, end])
        digits = 2 if money(1.0).endswith("00") else 0
        start, *parts = scorecard.adding_up([start, *changes], digits=digits)
        drivers, end = drivers.assign(change=parts), start + sum(parts)
    ends = [(_("weeks before"), start if known else math.nan), (_("last weeks"), end if known else math.nan)]
    moved = [
        (_(_DRIVERS[row["driver"]]), _signed(row["change"], row["low"], row["high"], money))
        for row in drivers.to_dict("records")
    ]
    rows = [(ends[0][0], money(ends[0][1])), *moved, (ends[1][0], money(ends[1][1]))]
    return pd.DataFrame(rows, columns=[_("revenue"), _("money, with its range")])


def _signed(value: float, low: float, high: float, money: Callable[..., str]) -> str:
    """A change of money with its sign and its range."""
    written = wording.interval(value, low, high, money)
    return f"+{written}" if value > 0 else written


def kinds_table(kinds: pd.DataFrame, *, currency: str) -> pd.DataFrame:
    """Revenue by who brought it, as text."""
    money = wording.money_in(currency)
    return pd.DataFrame({
        _("brought by"): [_(_KINDS[kind]) for kind in kinds["kind"]],
        _("weeks before"): [money(value) for value in kinds["before"]],
        _("last weeks"): [money(value) for value in kinds["after"]],
        _("change"): [money(value) for value in kinds["change"]],
    })  # fmt: skip


def show_kinds(kinds: pd.DataFrame, *, currency: str) -> wording.Table:
    """Revenue by who brought it, to be shown."""
    caption = _("Revenue of new, won-back and returning customers; won back: none bought for half a year")
    return wording.table(kinds_table(kinds, currency=currency), caption=caption)


def category_sentence(within: float, between: float, *, currency: str) -> str:
    """Whether money a line moved within categories, or because other categories were bought."""
    if math.isnan(within):
        return _("What moved money a line by category cannot be said: it takes products with categories.")
    money = wording.money_in(currency)
    template = _(
        "Money a line changed by {within} within categories, and by {between} because other categories were bought."
    )
    if within * between < 0:
        template = _(
            "Money a line changed by {within} within categories, and by {between} because other categories were bought: the two pull against each other, so the average alone misleads."
        )
    return template.format(within=money(within), between=money(between))


def drivers_sentence(drivers: pd.DataFrame, *, currency: str, weeks: int) -> str:
    """Which driver moved revenue most, and whether chance can be ruled out."""
    money = wording.money_in(currency)
    if drivers["change"].isna().any():
        return _(
            "Fewer than five customers bought in some of these weeks: what moved revenue is not shown, since it would be theirs."
        )
    total = float(drivers["change"].sum())
    row = max(drivers.to_dict("records"), key=lambda part: abs(part["change"]))
    sure = not math.isnan(row["low"]) and (row["low"] > 0 or row["high"] < 0)
    places = {
        "weeks": weeks, "total": money(total), "driver": _(_DRIVERS[row["driver"]]),
        "part": wording.interval(row["change"], row["low"], row["high"], money),
    }  # fmt: skip
    template = (
        _(
            "Against the {weeks} weeks before, revenue of the last {weeks} moved by {total}, above all by {driver}: {part}."
        )
        if sure
        else _(
            "Against the {weeks} weeks before, revenue of the last {weeks} moved by {total}; no driver is told from chance."
        )
    )
    return template.format(**places)


def mix_sentence(within: float, between: float, *, currency: str) -> str:
    """Whether money an order moved within new and known customers, or because their mix moved."""
    if math.isnan(within):
        return _("Nor is what moved money an order.")
    money = wording.money_in(currency)
    return _("Money an order changed by {within} within new and known customers, and by {between} because their mix changed.").format(
        within=money(within), between=money(between)
    )  # fmt: skip


def forecast_sentence(forecast: Forecast, *, currency: str, weeks: int) -> str:
    """What the next weeks may bring."""
    money = wording.money_in(currency)
    if math.isnan(forecast.value):
        return _("Too few weeks, or too few customers in them, to say what the next {weeks} weeks may bring.").format(weeks=weeks)  # fmt: skip
    if math.isnan(forecast.low):
        return _("The last {weeks} weeks brought {money}; there are too few earlier weeks to say what the next may bring.").format(
            weeks=weeks, money=money(forecast.value)
        )  # fmt: skip
    template = {
        "last_window": _("The next {weeks} weeks: {money}, if they are like the last {weeks}; the range is how wrong that was before, {origins} times."),
        "last_year": _("The next {weeks} weeks: {money}, if they follow last year; the range is how wrong that was before, {origins} times."),
    }[forecast.by]  # fmt: skip
    written = wording.interval(forecast.value, forecast.low, forecast.high, money)
    return template.format(weeks=weeks, money=written, origins=forecast.origins)


def goals_table(goals: pd.DataFrame, *, currency: str) -> pd.DataFrame:
    """Goals to choose from, as text: with the line that a study needs for each."""
    rows = [
        {
            _("measure"): measure_words(row["measure"]),
            _("proposed goal"): writes(row["unit"], currency)(row["target"]),
            _("weeks that reached it"): wording.share(row["reached"]),
            _(
                "line for the study"
            ): f"number: scorecard.week.{row['measure']}, {row['bound']}: {_typed(row['target'])}, owner: …, by: …",
        }
        for row in goals.to_dict("records")
    ]
    return pd.DataFrame(rows)


def _typed(target: float) -> str:
    """A target as it is typed: no exponent, no more digits than matter."""
    return f"{target:.0f}" if abs(target) >= 1000 else f"{target:.4g}"


def sure_sentences(card: Card, *, false_alarms_a_year: float) -> list[str]:
    """How sure the page is, in three lines."""
    judged = card.history[card.history["says"] != ""]
    alarms = int(judged["says"].isin(["low", "high"]).sum())
    window = ngettext(
        "Limits come from {weeks} week before the one judged.",
        "Limits come from {weeks} weeks before the one judged.",
        int(card.table["weeks"].max()),
    )
    rate = ngettext(
        "Chance alone puts about {rate} number a year outside its range; so far {alarms} of {judged} were.",
        "Chance alone puts about {rate} numbers a year outside their ranges; so far {alarms} of {judged} were.",
        false_alarms_a_year,
    )
    return [
        window.format(weeks=int(card.table["weeks"].max())),
        rate.format(
            rate=f"{false_alarms_a_year:g}", alarms=wording.count(alarms), judged=wording.count(len(judged))
        ),
        _(
            "A week is compared with the ordinary weeks before it: a season shows as unusual. Weeks of a sale or a moving holiday are judged by the same event of last year."
        ),
    ]


def kpi_columns() -> dict[str, tuple[str, str]]:
    """What the columns of the saved table ``kpis`` mean, and their units."""
    return {
        "measure": (_("which number"), _("name")),
        "unit": (_("its unit"), _("code")),
        "definition": (_("what is divided by what"), _("names of sums")),
        "week": (_("the Monday that the week begins with"), _("day")),
        "last_year": (_("the week of last year with the same holidays and sales"), _("unit of the measure")),
        "value": (_("the number in that week"), _("unit of the measure")),
        "low": (_("lower end of the ordinary range, from the weeks before"), _("unit of the measure")),
        "high": (_("upper end of the ordinary range"), _("unit of the measure")),
        "says": (_("low, high or ordinary; empty where it cannot be judged"), _("code")),
    }


def kpis_purpose() -> str:
    """What the saved table is for."""
    return _("Every number of every week with its ordinary range, for charts of your own.")


def weeks_sentence(weeks: Weeks) -> str:
    """How many whole weeks there are, and what was left out."""
    template = ngettext(
        "{weeks} whole week, {first} to {last}.", "{weeks} whole weeks, {first} to {last}.", len(weeks.sums)
    )
    first, last = weeks.sums.index[0], weeks.sums.index[-1] + dt.timedelta(days=6)
    return template.format(
        weeks=len(weeks.sums), first=wording.calendar_day(first), last=wording.calendar_day(last)
    )


def show_card(card: Card, *, currency: str) -> wording.Table:
    """The week's table, to be shown."""
    caption = _("The week from {week} beside the week before, last year and its ordinary range")
    return wording.table(
        card_table(card, currency=currency), caption=caption.format(week=wording.calendar_day(card.week))
    )


def strips(card: Card, *, currency: str) -> tuple[dict[str, str], dict[str, Callable[..., str]]]:
    """Headings, and what writes the values, of the strips that are drawn."""
    known = card.table[card.table["measure"].isin(_STRIPS)].set_index("measure")
    shown = [name for name in _STRIPS if name in known.index]
    names = {name: measure_words(name) for name in shown}
    return names, {name: writes(str(known.loc[name, "unit"]), currency) for name in shown}


def strips_title(card: Card) -> str:
    """The message of the strips."""
    n = len(card.alarms)
    if not n and (card.table["says"] == "").all():
        return _("Too little is known to judge this week")
    if not n:
        return _("No number of this week is outside its ordinary range")
    template = ngettext(
        "{n} number of this week is outside its ordinary range",
        "{n} numbers of this week are outside their ordinary range",
        n,
    )
    return template.format(n=n)


def show_drivers(before: pd.DataFrame, drivers: pd.DataFrame, *, currency: str) -> wording.Table:
    """The drivers' table, to be shown."""
    return wording.table(
        drivers_table(before, drivers, currency=currency),
        caption=_("What moved revenue; the parts add up from the first line to the last"),
    )


def waterfall(before: pd.DataFrame, drivers: pd.DataFrame, *, currency: str) -> dict[str, Any]:
    """What the waterfall needs beside the drivers: where it starts, names, title."""
    start = float((before["gross"] - before["returned"]).sum())
    change = float(drivers["change"].sum())
    template = _("Revenue rose by {change}") if change > 0 else _("Revenue fell by {change}")
    money = wording.money_in(currency)
    return {
        "start": start, "names": {name: _(text) for name, text in _DRIVERS.items()}, "how": money,
        "ends": (_("weeks before"), _("last weeks")), "title": template.format(change=money(abs(change))),
    }  # fmt: skip


def goals_sentence(goals: pd.DataFrame, *, currency: str) -> str:
    """Are we where we said we would be? How many goals stand how, and which is not reached."""
    if goals.empty:
        return _(
            "This study has no goals: nobody can say whether these numbers are good. Below are some to choose from."
        )
    ours, others = goals[goals["state"] != "elsewhere"], goals[goals["state"] == "elsewhere"]
    said = [] if ours.empty else [_goals_counted(ours), *_behind(ours, currency)]
    if not others.empty:
        said.append(_goals_elsewhere(others, alone=ours.empty))
    return " ".join(said)


_STAND = {
    "met": N_("{count} met"),
    "not_yet": N_("{count} not yet reached"),
    "missed": N_("{count} missed"),
    "open": N_("{count} open, as the range of the week holds the goal"),
    "none": N_("{count} without a number"),
}


def _goals_counted(ours: pd.DataFrame) -> str:
    states = ours["state"].replace({"no_number": "none", "no_share": "none"}).value_counts()
    parts = [_(text).format(count=states[code]) for code, text in _STAND.items() if code in states]
    template = ngettext(
        "{n} goal on these numbers: {list}.", "{n} goals on these numbers: {list}.", len(ours)
    )
    return template.format(n=len(ours), list=", ".join(parts))


def _behind(ours: pd.DataFrame, currency: str) -> list[str]:
    """The goals that are not reached, with what they are at and who answers for them: three at most."""
    rows = ours[ours["state"].isin(["missed", "not_yet"])].head(3).to_dict("records")
    said = []
    for row in rows:
        write = writes(row["unit"], currency) if row["unit"] else wording.number
        value = wording.interval(row["value"], row["low"], row["high"], write)
        goal = {
            "name": row["name"], "bound": row["bound"], "owner": row["owner"],
            "by": "" if pd.isna(row["by"]) else str(row["by"])[:10],
        }  # fmt: skip
        line = goal_line(goal, value=value, target=write(row["target"]))
        said.append(_("Not reached: {goal}.").format(goal=line))
    return said


def _goals_elsewhere(others: pd.DataFrame, *, alone: bool) -> str:
    n = len(others)
    if alone:
        template = ngettext(
            "No goal is on a number of this page. The study's {n} goal ({names}) is judged on the report's first "
            "page; below are some to choose from.",
            "No goal is on a number of this page. The study's {n} goals ({names}) are judged on the report's "
            "first page; below are some to choose from.",
            n,
        )
    else:
        template = ngettext(
            "{n} more ({names}) is judged on the report's first page.",
            "{n} more ({names}) are judged on the report's first page.",
            n,
        )
    return template.format(n=n, names="; ".join(others["name"].head(3)))


def show_goals(goals: pd.DataFrame, proposed: pd.DataFrame, *, currency: str) -> wording.Table:
    """The study's goals, judged; where it has none for this page, goals to choose from."""
    ours = goals[goals["state"] != "elsewhere"]
    if not ours.empty:
        return wording.table(judged_goals(ours, currency=currency), caption=_("The goals on these numbers"))
    return wording.table(
        goals_table(proposed, currency=currency),
        caption=_(
            "Goals to choose from: what the best quarter of the last 26 weeks reached; it takes 8 weeks"
        ),
    )


def judged_goals(goals: pd.DataFrame, *, currency: str) -> pd.DataFrame:
    """Each goal as text: the number, the target, who answers for it, how it stands, what its day may bring."""
    rows = []
    for row in goals.to_dict("records"):
        write = writes(row["unit"], currency) if row["unit"] else wording.number
        at = _("at least {target}") if row["bound"] == "at least" else _("at most {target}")
        rows.append({
            _("goal"): row["name"],
            _("target"): at.format(target=write(row["target"])),
            _("this week"): wording.interval(row["value"], row["low"], row["high"], write),
            _("owner"): row["owner"] or _("nobody yet"),
            _("by"): wording.MISSING if pd.isna(row["by"]) else str(row["by"])[:10],
            _("stands"): _(_GOALS[row["state"]]),
            _("until then"): _(_OUTLOOKS[row["outlook"]]),
        })  # fmt: skip
    return pd.DataFrame(rows)


def show_windows(card: Card, half: Card, twice: Card) -> wording.Table:
    """The verdicts of three baselines side by side, to be shown."""
    columns = {_("as above"): card, _("half the weeks"): half, _("twice the weeks"): twice}
    frame = pd.DataFrame({_("measure"): [measure_words(name) for name in card.table["measure"]]})
    for heading, one in columns.items():
        frame[heading] = [_(_SAYS[says]) for says in one.table["says"]]
    return wording.table(frame, caption=_("How each number is judged by other baselines"))


def drivers_purpose() -> str:
    """What the saved drivers are for."""
    return _("What moved revenue between the last two periods, to the cent, for a slide of your own.")


def driver_columns() -> dict[str, tuple[str, str]]:
    """What the columns of the saved drivers mean."""
    return {
        "driver": (_("one factor of revenue, or guests"), _("code")),
        "change": (_("its part of the change; the parts add up"), _("money")),
        "low": (_("lower end of its range"), _("money")),
        "high": (_("upper end"), _("money")),
    }


def fan(known: Weeks, forecast: Forecast, *, weeks: int, currency: str) -> dict[str, Any]:
    """What the picture of the forecast needs: earlier windows of the same length, names, title."""
    windows = known.windows(weeks)
    written = wording.interval(forecast.value, forecast.low, forecast.high, wording.money_in(currency))
    return {
        "starts": windows["starts"].tolist(), "windows": windows["revenue"].tolist(), "weeks": weeks,
        "value": forecast.value, "low": forecast.low,
        "high": forecast.high, "how": wording.money_in(currency),
        "title": _("The next {weeks} weeks: {money}").format(weeks=weeks, money=written),
        "names": (_("revenue of {weeks} weeks").format(weeks=weeks), _("forecast")),
    }  # fmt: skip
