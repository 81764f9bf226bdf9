"""What did each scenario bring? Verdicts by customers held out, and what delivery alone would have said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from crm_utils import wording
from crm_utils.methods.ab_test import ScenarioResults
from crm_utils.tools.language import N_, _, ngettext

__all__ = ["about_scenarios", "attributed_labels", "attributed_title", "delivered_warning", "scenarios_sentence",
           "scenarios_table", "titled"]  # fmt: skip

_DECISIONS = {
    "send": N_("go on: it gains"),
    "trim": N_("send fewer or offer less: more buy, but no gain is seen"),
    "test": N_("go on holding out: nothing is shown yet"),
    "stop": N_("stop: it loses"),
    "wait": N_("wait for the horizon"),
}


def scenarios_sentence(results: ScenarioResults) -> str:
    """How many scenarios were judged, and how many were shown to gain or lose."""
    table = results.table
    if table.empty:
        return _(
            "No scenario has been judged. Hand over contact_list with crm export: who was sent and who was left "
            "out is then remembered, and judged here when the horizon is over."
        )
    judged = table[table["effect"].notna()]
    if judged.empty:
        first = wording.calendar_day(table["judged_on"].min().date())
        return _("No scenario can be judged before {day}: until then no horizon is over.").format(day=first)
    template = ngettext(
        "{n} scenario was judged by customers held out: {send} shown to gain, {stop} to lose, {open} not decided.",
        "{n} scenarios were judged by customers held out: {send} shown to gain, {stop} to lose, {open} not decided.",
        len(judged),
    )
    counts = judged["decision"].value_counts()
    send, stop = int(counts.get("send", 0)), int(counts.get("stop", 0))
    return template.format(n=len(judged), send=send, stop=stop, open=len(judged) - send - stop)


def titled(results: ScenarioResults, titles: Mapping[str, str]) -> ScenarioResults:
    """The results with each scenario called by its title, for people; the saved table keeps its id."""
    table = results.table
    return replace(results, table=table.assign(scenario=[titles.get(s, s) for s in table["scenario"]]))


def delivered_warning(results: ScenarioResults, *, currency: str) -> str:
    """What counting only delivered messages would say; empty where nothing says what was delivered."""
    known = results.table[results.table["delivered_only"].notna()]
    if known.empty:
        return ""
    gap = (known["delivered_only"] - known["effect"]).abs()
    row = known.iloc[int(gap.to_numpy().argmax())]
    money = wording.money_in(currency)
    template = _(
        "Do not judge by delivered messages alone: for “{scenario}” they would say {biased} a customer, all who "
        "were meant to get it say {effect}. Whom a message cannot reach is another kind of customer."
    )
    return template.format(
        scenario=row["scenario"], biased=money(row["delivered_only"]), effect=money(row["effect"])
    )


def scenarios_table(results: ScenarioResults, *, currency: str) -> wording.Table | None:
    """A row a scenario; None without any."""
    if results.table.empty:
        return None
    money, share = wording.money_in(currency), wording.share
    rows = [
        {
            _("scenario"): row["scenario"], _("sent"): row["sent"], _("held out"): row["held_out"],
            _("buy, sent"): share(row["rate"]), _("buy, held out"): share(row["rate_held_out"]),
            _("money a customer"): wording.interval(row["effect"], row["low"], row["high"], money),
            _("of those reached"): wording.interval(
                row["reached"], row["reached_low"], row["reached_high"], money),
            _("days counted"): row["horizon_days"], _("judged on"): str(row["judged_on"])[:10],
            _("what follows"): _(_DECISIONS[row["decision"]]),
        }
        for row in results.table.to_dict("records")
    ]  # fmt: skip
    caption = _("Scenarios: everybody meant to be written to against those held out")
    return wording.table(pd.DataFrame(rows), caption=caption)


def attributed_labels() -> dict[str, str]:
    """What the picture's bars are."""
    return {
        "attributed": _("counted to the message: who clicked or, without clicks, received it"),
        "held_out": _("more than those held out"),
    }


def attributed_title(results: ScenarioResults, *, currency: str) -> str:
    """The message of the picture: how much of what is attributed would have come anyway."""
    known = results.table[results.table["attributed"].notna()]
    if known.empty:
        return _("No scenario has results of deliveries yet")
    money = wording.money_in(currency)
    counted, real = known["attributed"].sum(), (known["effect"] * known["complete"]).sum()
    return _("Attribution claims {attributed}; held-out customers show {real}").format(
        attributed=money(counted), real=money(real)
    )


def about_scenarios(currency: str) -> dict[str, Any]:
    """Purpose of ``scenario_results``, and meaning and unit of each of its columns."""
    share, people = _("share"), _("customers")
    columns = {
        "scenario": (_("which automation"), ""),
        "metric": (_("contribution where margins are known, else revenue; less what messages cost"), ""),
        "sent": (_("customers it was sent to"), people),
        "held_out": (_("customers held out at random"), people),
        "complete": (_("of those sent, with the horizon over"), people),
        "complete_held_out": (_("of those held out, with the horizon over"), people),
        "delivered": (_("of the complete ones sent, reached"), people),
        "clicked": (_("of the complete ones sent, who clicked"), people),
        "horizon_days": (_("days from the message in which an order counts"), _("days")),
        "rate": (_("of those sent, who bought"), share),
        "rate_held_out": (_("of those held out, who bought"), share),
        "buyers": (_("the difference of these shares"), share),
        "buyers_low": (_("lower end of it"), share),
        "buyers_high": (_("upper end of it"), share),
        "effect": (_("money of those sent less that of those held out, a customer"), currency),
        "low": (_("lower end of it"), currency),
        "high": (_("upper end of it"), currency),
        "p": (_("p-value of no effect"), share),
        "reached": (_("the effect on those whom the message reached, a customer"), currency),
        "reached_low": (_("lower end of it"), currency),
        "reached_high": (_("upper end of it"), currency),
        "delivered_only": (_("those delivered less those held out: biased, a warning"), currency),
        "attributed": (_("all money of those who clicked or, without clicks, received it"), currency),
        "judged_on": (_("day on which the last horizon is over"), _("day")),
        "decision": (_("send, trim, test, stop or wait"), ""),
    }
    return {
        "purpose": _("What each scenario brought, by customers held out; the next plan counts with it."),
        "columns": columns,
    }
