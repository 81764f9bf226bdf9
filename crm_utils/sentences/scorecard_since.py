"""What is told of earlier runs? What was restated, which alerts go on, what decisions and forecasts became."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from crm_utils import wording
from crm_utils.methods.scorecard import Past, Since
from crm_utils.sentences.scorecard import change_words, measure_words, writes
from crm_utils.tools.language import N_, _, ngettext

__all__ = [
    "alert_columns",
    "alert_sentences",
    "alerts_purpose",
    "day_of",
    "decision_columns",
    "decisions_purpose",
    "decisions_sentence",
    "dumbbell",
    "forecast_columns",
    "forecasts_purpose",
    "past_sentence",
    "show_decisions",
    "show_since",
    "since_lines",
    "since_sentence",
]

#: Restated weeks that are listed and drawn; the sentence counts them all.
SHOWN = 12
_KINDS = {
    "value": N_("another week"),
    "restated": N_("restated: the same week, newer data"),
    "definition": N_("defined anew: the same week, another meaning"),
    "new": N_("new number"),
    "gone": N_("no longer there"),
}
_RESULTS = {
    "better": N_("moved as expected"),
    "worse": N_("moved the other way"),
    "open": N_("no change beyond chance"),
    "not_due": N_("not due yet"),
    "too_early": N_("too few ordinary weeks to say"),
    "unknown_number": N_("this number cannot be told here"),
    "undecided": N_("nobody has decided yet"),
}
_FINDINGS = {"low": N_("unusually low"), "high": N_("unusually high")}


def day_of(last_report: Path | None) -> str:
    """The day of the last report; empty where there is none."""
    return last_report.name if last_report else ""


def since_sentence(since: Since | None, day: str) -> str:
    """What is not as the last report said."""
    if since is None:
        return _("There is no earlier report to compare with.")
    restated, anew = since.restated, since.of_kind("definition")
    parts = []
    if len(restated):
        weeks = restated["week"].nunique()
        template = ngettext(
            "Since the report of {day} newer data restated {weeks} week that was told before; the oldest began on {oldest}.",
            "Since the report of {day} newer data restated {weeks} weeks that were told before; the oldest began on {oldest}.",
            weeks,
        )
        parts.append(
            template.format(
                day=wording.calendar_day(day),
                weeks=wording.count(weeks),
                oldest=wording.calendar_day(str(restated["week"].min())[:10]),
            )
        )
    if len(anew):
        template = ngettext(
            "{n} number is defined anew since then, and cannot be compared: {names}.",
            "{n} numbers are defined anew since then, and cannot be compared: {names}.",
            len(anew),
        )
        names = ", ".join(measure_words(name) for name in anew["measure"])
        parts.append(template.format(n=len(anew), names=names))
    return " ".join(parts) or _("No week that the report of {day} told has changed since.").format(
        day=wording.calendar_day(day)
    )


def since_table(since: Since, *, currency: str) -> pd.DataFrame:
    """The changes as text: first what was defined anew and restated, then the newest weeks."""
    order = [
        since.of_kind("definition"),
        since.restated.head(SHOWN),
        *map(since.of_kind, ("value", "new", "gone")),
    ]
    rows = []
    for row in pd.concat(order).to_dict("records"):
        write = writes(row["unit"], currency)
        rows.append({
            _("measure"): measure_words(row["measure"]),
            _("week from"): str(row["week"])[:10],
            _("last report"): write(row["before"]),
            _("now"): write(row["after"]),
            _("change"): change_words(row["unit"], row["after"], row["before"]),
            _("why"): _(_KINDS[row["kind"]]),
        })  # fmt: skip
    return pd.DataFrame(rows)


def show_since(since: Since | None, day: str, *, currency: str) -> wording.Table | None:
    """The changes since the last report, to be shown; nothing where there is none."""
    if since is None:
        return None
    caption = _("The week's numbers beside those of the report of {day}").format(
        day=wording.calendar_day(day)
    )
    return wording.table(since_table(since, currency=currency), caption=caption)


def since_lines(since: Since, day: str, *, currency: str) -> Iterator[str]:
    """The same for ``crm diff``: the sentence, and a line for each week restated or number defined anew."""
    yield since_sentence(since, day)
    for row in pd.concat([since.of_kind("definition"), since.restated.head(SHOWN)]).to_dict("records"):
        write = writes(row["unit"], currency)
        yield _("{measure}, week from {week}: {before} → {after} ({why})").format(
            measure=measure_words(row["measure"]), week=str(row["week"])[:10], before=write(row["before"]),
            after=write(row["after"]), why=_(_KINDS[row["kind"]]),
        )  # fmt: skip


def dumbbell(since: Since | None) -> dict[str, Any]:
    """What the picture of restated weeks needs: labels, relative changes, title; no rows where there are none."""
    rows = (
        since.restated.head(SHOWN) if since is not None else pd.DataFrame(columns=["week", "before", "after"])
    )
    known = rows[rows["before"].abs() > 0] if len(rows) else rows
    labels = [f"{measure_words(row['measure'])}, {str(row['week'])[:10]}" for row in known.to_dict("records")]
    change = [(row["after"] - row["before"]) / abs(row["before"]) for row in known.to_dict("records")]
    return {
        "labels": labels,
        "changes": change,
        "ends": (_("as told before"), _("by newer data")),
        "title": _("Weeks that newer data changed"),
        "x": _("change against the last report"),
    }


def alert_sentences(alerts: pd.DataFrame, *, currency: str) -> list[str]:
    """A sentence for each number outside its range: what, since when, and what clears it."""
    sentences = []
    for row in alerts[alerts["state"] != "cleared"].to_dict("records"):
        write = writes(row["unit"], currency)
        if row["weeks"] > 1:
            template = {
                "low": _("Unusually low since the week from {since}: {measure}, {now}. It clears with a week between {low} and {high}."),
                "high": _("Unusually high since the week from {since}: {measure}, {now}. It clears with a week between {low} and {high}."),
            }[row["says"]]  # fmt: skip
        else:
            template = {
                "low": _("Unusually low: {measure}, {now}. It clears with a week between {low} and {high}."),
                "high": _(
                    "Unusually high: {measure}, {now}. It clears with a week between {low} and {high}."
                ),
            }[row["says"]]
        sentence = template.format(
            measure=measure_words(row["measure"]), now=write(row["value"]), since=wording.calendar_day(str(row["since"])[:10]),
            low=write(row["low"]), high=write(row["high"]),
        )  # fmt: skip
        if row["holidays"]:
            sentence += " " + _("In that week: {holidays}.").format(holidays=row["holidays"])
        sentences.append(sentence)
    return sentences


def decisions_sentence(log: pd.DataFrame) -> str:
    """How many decisions there are, and what became of those that can be judged."""
    made = log[log["result"] != "undecided"]
    undecided = len(log) - len(made)
    if made.empty:
        text = _("No decision is written down in this study, so nobody will know what worked.")
    else:
        counts = made["result"].value_counts()
        template = ngettext(
            "Of {n} decision {better} moved its number as expected, {worse} the other way, {open} not beyond chance; {rest} cannot be judged yet.",
            "Of {n} decisions {better} moved their number as expected, {worse} the other way, {open} not beyond chance; {rest} cannot be judged yet.",
            len(made),
        )
        judged = {name: int(counts.get(name, 0)) for name in ("better", "worse", "open")}
        text = template.format(n=len(made), rest=len(made) - sum(judged.values()), **judged)
    if not undecided:
        return text
    more = ngettext(
        "{n} finding of this week waits for a decision.",
        "{n} findings of this week wait for a decision.",
        undecided,
    )
    return f"{text} {more.format(n=undecided)}"


def show_decisions(log: pd.DataFrame, *, currency: str) -> wording.Table | None:
    """The decision log, to be shown; what is empty is to be filled in by its owner."""
    if log.empty:
        return None
    rows = []
    for row in log.to_dict("records"):
        write = writes(row["unit"], currency) if row["unit"] else wording.number
        known = not math.isnan(row["change"])
        rows.append({
            _("finding"): _(_FINDINGS[row["finding"]]) if row["finding"] in _FINDINGS else row["finding"],
            _("number"): measure_words(row["measure"]),
            _("action"): row["action"] or _("to be decided"),
            _("owner"): row["owner"] or _("nobody yet"),
            _("due"): wording.MISSING if pd.isna(row["due"]) else str(row["due"])[:10],
            _("before"): write(row["before"]),
            _("after"): write(row["after"]),
            _("change"): wording.interval(row["change"], row["low"], row["high"], wording.share)
            if known else wording.MISSING,
            _("result"): _(_RESULTS[row["result"]]),
        })  # fmt: skip
    caption = _("What was decided, and the number's weeks before and after it was due")
    return wording.table(pd.DataFrame(rows), caption=caption)


def past_sentence(past: Past) -> str:
    """How right earlier forecasts were."""
    if not past.scored:
        return _("No earlier forecast is over yet; from the next runs on they are scored here.")
    template = ngettext(
        "Of {n} earlier forecast that is over, {k} held what came.",
        "Of {n} earlier forecasts that are over, {k} held what came ({low} to {high}; 95 % are promised).",
        past.scored,
    )
    text = template.format(
        n=past.scored,
        k=past.covered,
        low=wording.share(past.covered_low),
        high=wording.share(past.covered_high),
    )
    if math.isnan(past.bias):
        return text
    bias = wording.interval(past.bias, past.bias_low, past.bias_high, wording.share)
    return f"{text} {_('What came was above what was foreseen by {bias} on average.').format(bias=bias)}"


def alerts_purpose() -> str:
    """What the saved alerts are for."""
    return _(
        "Numbers outside their range, for whoever is to be woken: each is new once, then still, then cleared."
    )


def alert_columns() -> dict[str, tuple[str, str]]:
    """What the columns of the saved alerts mean."""
    unit = _("unit of the measure")
    return {
        "measure": (_("which number"), _("name")),
        "unit": (_("its unit"), _("code")),
        "says": (_("low or high"), _("code")),
        "since": (_("the first of the weeks in a row that are outside"), _("day")),
        "week": (_("the Monday that the week begins with"), _("day")),
        "weeks": (_("how many weeks in a row"), _("weeks")),
        "value": (_("the number in that week"), unit),
        "low": (_("a week from here on clears it"), unit),
        "high": (_("up to here"), unit),
        "holidays": (_("holidays and sales in that week"), _("names")),
        "state": (_("new, still or cleared, against the last report"), _("code")),
    }


def decisions_purpose() -> str:
    """What the saved decision log is for."""
    return _("What was decided, by whom, until when, and what the number did afterwards.")


def decision_columns() -> dict[str, tuple[str, str]]:
    """What the columns of the saved decision log mean."""
    return {
        "decided_on": (_("when it was decided"), _("day")),
        "finding": (_("what was seen; low or high where nobody decided yet"), _("text")),
        "action": (_("what is done about it"), _("text")),
        "owner": (_("who does it"), _("text")),
        "due": (_("until when"), _("day")),
        "expects": (_("whether the number should become more or less"), _("code")),
        "weeks": (_("ordinary weeks after it was due"), _("weeks")),
        "measure": (_("the number that is to move"), _("name")),
        "before": (_("its mean a week before the decision"), _("unit of the measure")),
        "after": (_("its mean a week after the day it was due"), _("unit of the measure")),
        "change": (_("after against before, with low and high; no proof of a cause"), _("share")),
        "result": (_("better, worse, open, or why it cannot be said"), _("code")),
    }


def forecasts_purpose() -> str:
    """What the saved forecasts are for."""
    return _("Every forecast that was made, and what came: for seeing how far to trust the next one.")


def forecast_columns() -> dict[str, tuple[str, str]]:
    """What the columns of the saved forecasts mean."""
    return {
        "made_on": (_("the day it was made on"), _("day")),
        "starts": (_("the first day of the weeks that it is of"), _("day")),
        "ends": (_("their last day"), _("day")),
        "value": (_("revenue foreseen"), _("money")),
        "low": (_("lower end of its range"), _("money")),
        "high": (_("upper end"), _("money")),
        "by": (_("last_window or last_year: whichever was nearer before"), _("code")),
        "actual": (_("revenue that came; empty until they are over"), _("money")),
        "inside": (_("whether it lay in the range"), _("yes or no")),
    }
