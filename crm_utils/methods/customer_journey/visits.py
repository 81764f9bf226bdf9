"""Which events belong to one visit, and which visits are robots'? By pauses, beside given ids."""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd

from crm_utils.features.statistics import Number
from crm_utils.methods.customer_journey.clock import in_order, person_of, seconds

__all__ = [
    "BOT_PACE", "BOT_VIEWS", "NOT_VISITS", "Sessions", "describe_sessions", "pauses", "robots", "sessions",
    "without_robots",
]  # fmt: skip

NOT_VISITS = ("delivered", "call")
"""Events at which the customer is not on the web, in the app or in the store."""
BOT_VIEWS = 100
"""Views from which a visit may be a robot's."""
BOT_PACE = 5
"""Views a minute, on average over the visit, from which it is one."""


@dataclass(frozen=True)
class Sessions:
    """Visits, and how they agree with the ids that were given.

    Attributes
    ----------
    visits, persons, events
        Of the chosen gap, robots' among them.
    robots, robot_events
        Visits by the rule of :data:`BOT_VIEWS` and :data:`BOT_PACE`, and their events.
    gap_minutes
        Pause from which a new visit begins.
    agreement
        Share of successive events of one person at which the gap and the given ids agree whether a new visit
        began; missing where no ids are given.
    mixed
        Given ids that were seen with two customers or more.
    by_gap
        A row a gap: ``gap_minutes``, ``visits``, ``agreement``.
    """

    visits: int
    persons: int
    events: int
    robots: int
    robot_events: int
    gap_minutes: int
    agreement: float
    mixed: int
    by_gap: pd.DataFrame

    def numbers(self) -> list[Number]:
        """What is recorded."""
        agreement = None if pd.isna(self.agreement) else self.agreement
        return [
            Number("visits", self.visits, "visits"), Number("visits.robots", self.robots, "visits"),
            Number("visits.agreement", agreement, "share"), Number("visits.mixed_ids", self.mixed, "ids"),
        ]  # fmt: skip


def sessions(
    events: ir.Table, *, gap_minutes: int = 30, not_visits: tuple[str, ...] = NOT_VISITS
) -> ir.Table:
    """Number each person's visits: a new one begins after a pause longer than the gap.

    Parameters
    ----------
    events
        Canonical table. Two customers with one ``session_id`` are two persons; where no customer is known the
        id stands for a person, and an event without either stands alone.
    gap_minutes
        A pause of exactly so long does not end a visit; midnight does not either.
    not_visits
        Events that belong to none; they are left out.

    Returns
    -------
    ibis.expr.types.Table
        The columns of ``events``, ``person``, ``place`` (of the event among the person's, from 0, ties by the
        order of :data:`.clock.ORDER`) and ``session`` (the person and the visit's number).
    """
    rows = _with_previous(events, not_visits)
    new = rows.previous.isnull() | (rows.second - rows.previous > gap_minutes * 60)
    rows = rows.mutate(new=new.cast("int64"))
    so_far = ibis.window(group_by="person", order_by="place", preceding=None, following=0)
    rows = rows.mutate(number=rows.new.sum().over(so_far))
    rows = rows.mutate(session=rows.person + "#" + rows.number.cast("string"))
    return rows.select(*events.columns, "person", "place", "session")


def robots(visits: ir.Table) -> ir.Table:
    """Visits that no person makes: many views, fast, nothing bought.

    Parameters
    ----------
    visits
        From :func:`sessions`.

    Returns
    -------
    ibis.expr.types.Table
        ``session``, ``events``.
    """
    second = seconds(visits.occurred_at)
    each = visits.mutate(second=second).group_by("session").aggregate(
        views=(ibis._.event == "view").cast("int64").sum(), bought=(ibis._.event ==
        "purchase").cast("int64").sum(),
        length=ibis._.second.max() - ibis._.second.min(), events=ibis._.count(),
    )  # fmt: skip
    fast = each.views * 60 >= ibis.greatest(each.length, 60) * BOT_PACE
    return each.filter(each.views >= BOT_VIEWS, fast, each.bought == 0).select("session", "events")


def without_robots(visits: ir.Table) -> ir.Table:
    """The same visits less those of robots."""
    return visits.anti_join(robots(visits), "session")


def pauses(events: ir.Table, *, gaps: tuple[int, ...], not_visits: tuple[str, ...] = NOT_VISITS) -> ir.Table:
    """Count successive events of one person by how long the pause was and whether the given id changed.

    Parameters
    ----------
    events
        Canonical table.
    gaps
        Minutes, ascending.
    not_visits
        Events that are left out.

    Returns
    -------
    ibis.expr.types.Table
        ``longer`` (how many of the gaps the pause exceeds), ``changed`` (the given id did; null where one of
        the two has none), ``pairs``.
    """
    rows = _with_previous(events, not_visits)
    rows = rows.filter(rows.previous.notnull())
    pause = rows.second - rows.previous
    longer = sum(((pause > gap * 60).cast("int64") for gap in gaps), ibis.literal(0, "int64"))
    rows = rows.select(longer=longer, changed=rows.session_id != rows.before)
    return rows.group_by("longer", "changed").aggregate(pairs=rows.count())


def describe_sessions(
    events: ir.Table, visits: ir.Table, *, gap_minutes: int, gaps: tuple[int, ...] = (10, 30, 60)
) -> Sessions:
    """Count visits and robots, and hold the gap against the given ids and against other gaps.

    Parameters
    ----------
    events, visits
        Canonical; from :func:`sessions` with this gap.
    gap_minutes, gaps
        Minutes; the chosen one is added where it is not among them.
    """
    all_gaps = tuple(sorted({*gaps, gap_minutes}))
    found_pairs = pauses(events, gaps=all_gaps).order_by("longer", "changed").to_pandas()
    whole = visits.aggregate(
        visits=visits.session.nunique(), persons=visits.person.nunique(), events=visits.count()
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    bots = robots(visits)
    of_bots = bots.aggregate(n=bots.count(), events=bots.events.sum()).to_pyarrow().to_pylist()[0]
    named = visits.filter(visits.session_id.notnull(), visits.customer_id.notnull())
    per = named.group_by("session_id").aggregate(people=named.customer_id.nunique())
    mixed = int((per.people > 1).cast("int64").sum().to_pyarrow().as_py() or 0)
    rows = []
    known = found_pairs[found_pairs["changed"].notna()]
    for k, gap in enumerate(all_gaps):
        begun = found_pairs["longer"] > k
        agree = (known["longer"] > k) == known["changed"].astype(bool)
        total = int(known["pairs"].sum())
        share = float(known.loc[agree, "pairs"].sum()) / total if total else float("nan")
        rows.append((gap, int(whole["persons"]) + int(found_pairs.loc[begun, "pairs"].sum()), share))
    by_gap = pd.DataFrame(rows, columns=["gap_minutes", "visits", "agreement"])
    agreement = float(by_gap.loc[by_gap["gap_minutes"] == gap_minutes, "agreement"].iloc[0])
    return Sessions(
        int(whole["visits"]), int(whole["persons"]), int(whole["events"]), int(of_bots["n"]),
        int(of_bots["events"] or 0), gap_minutes, agreement, mixed, by_gap,
    )  # fmt: skip


def _with_previous(events: ir.Table, not_visits: tuple[str, ...]) -> ir.Table:
    """Each event with its person, place, second, and the second and given id of the one before it."""
    rows = events.filter(events.event.notin(not_visits))
    rows = rows.mutate(person=person_of(rows), second=seconds(rows.occurred_at))
    place = ibis.row_number().over(ibis.window(group_by="person", order_by=in_order(rows)))
    # By way of a smaller type: Spark numbers rows in one, and a kept table would tell.
    rows = rows.mutate(place=place.cast("int32").cast("int64"))
    one_before = ibis.window(group_by="person", order_by="place")
    return rows.mutate(
        previous=rows.second.lag().over(one_before), before=rows.session_id.lag().over(one_before)
    )
