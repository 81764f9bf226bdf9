"""What did each week bring beside orders? Messages, visits, answers, costs by week, one scan a table."""

from __future__ import annotations

import datetime as dt

import ibis
import ibis.expr.types as ir
import pandas as pd

__all__ = ["RIPE_DAYS", "answer_weeks", "cost_weeks", "message_weeks", "visit_weeks", "weeks_beside"]

RIPE_DAYS = 1
"""Days that a message is given to be delivered, clicked or refused, the same for every week."""


def message_weeks(messages: ir.Table) -> ir.Table:
    """Messages by the week in which they were sent; those withheld are not among them.

    Returns
    -------
    ibis.expr.types.Table
        ``week`` (its Monday), ``sent``, ``delivered``, ``clicked`` and ``unsubscribed`` (within a day of
        being sent).
    """
    sent = messages.filter(~messages.held_out)
    sent = sent.mutate(
        week=sent.sent_at.truncate("W").cast("date"), soon=sent.sent_at + ibis.interval(days=RIPE_DAYS)
    )

    def within(column: str) -> ir.IntegerColumn:
        return (sent[column].notnull() & (sent[column] <= sent.soon)).cast("int64").sum()

    by_week = sent.group_by("week").aggregate(
        sent=sent.count(),
        delivered=within("delivered_at"),
        clicked=within("clicked_at"),
        unsubscribed=within("unsubscribed_at"),
    )
    return by_week.order_by("week")


def visit_weeks(events: ir.Table) -> ir.Table:
    """Visits (sessions) by the week in which they began, and those with a purchase.

    Returns
    -------
    ibis.expr.types.Table
        ``week``, ``visits``, ``buying_visits``. Events without a session are left out.
    """
    seen = events.filter(events.session_id.notnull())
    visits = seen.group_by("session_id").aggregate(
        began=seen.occurred_at.min(), bought=(seen.event == "purchase").cast("int64").max()
    )
    visits = visits.mutate(week=visits.began.truncate("W").cast("date"))
    return (
        visits.group_by("week")
        .aggregate(visits=visits.count(), buying_visits=visits.bought.sum())
        .order_by("week")
    )


def answer_weeks(feedback: ir.Table) -> ir.Table:
    """Answers by week: net promoters (9 and 10 less 0 to 6) of NPS, and the satisfied (4 and 5) of CSAT.

    Returns
    -------
    ibis.expr.types.Table
        ``week``, ``nps_answers``, ``net_promoters``, ``csat_answers``, ``satisfied``.
    """
    known = feedback.filter(feedback.score.notnull(), feedback.kind.isin(["nps", "csat"]))
    known = known.mutate(week=known.submitted_at.truncate("W").cast("date"))
    nps, csat = known.kind == "nps", known.kind == "csat"
    score = known.score
    net = ((nps & (score >= 9)).cast("int64") - (nps & (score <= 6)).cast("int64")).sum()
    return (
        known.group_by("week")
        .aggregate(
            nps_answers=nps.cast("int64").sum(),
            net_promoters=net,
            csat_answers=csat.cast("int64").sum(),
            satisfied=(csat & (score >= 4)).cast("int64").sum(),
        )
        .order_by("week")
    )


def cost_weeks(costs: ir.Table) -> pd.DataFrame:
    """Money spent on winning customers, a week: each period's cost in equal parts a day.

    Returns
    -------
    pandas.DataFrame
        ``week``, ``spent``; weeks that no period covers are not among them.
    """
    columns = costs.select("starts_on", "ends_on", cost=costs.cost.cast("float64"))
    rows = columns.order_by("starts_on", "ends_on", "cost").to_pyarrow().to_pylist()
    spent: dict[dt.date, float] = {}
    for row in rows:
        days = (row["ends_on"] - row["starts_on"]).days + 1
        for k in range(days):
            day = row["starts_on"] + dt.timedelta(days=k)
            monday = day - dt.timedelta(days=day.weekday())
            spent[monday] = spent.get(monday, 0.0) + row["cost"] / days
    weeks = sorted(spent)
    return pd.DataFrame({"week": weeks, "spent": [spent[week] for week in weeks]})


def weeks_beside(
    *,
    messages: ir.Table | None = None,
    events: ir.Table | None = None,
    feedback: ir.Table | None = None,
    costs: ir.Table | None = None,
) -> list[ir.Table | pd.DataFrame]:
    """The weeks of the tables that a study has, to stand beside those of orders."""
    made = (
        (messages, message_weeks),
        (events, visit_weeks),
        (feedback, answer_weeks),
        (costs, cost_weeks),
    )
    return [reduce(table) for table, reduce in made if table is not None]
