"""How many get from step to step? Closed funnels in a window; whose window is not over is left out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from crm_utils.features.statistics import LEVEL, Number, z

__all__ = ["STEPS", "Funnel", "entries", "funnel", "wilson"]

STEPS = ("view", "cart", "checkout", "purchase")
"""Steps that most shops record."""


@dataclass(frozen=True)
class Funnel:
    """Entrants and how far they came.

    Attributes
    ----------
    table
        A row a step: ``by``, ``step``, ``reached``, ``of_entrants`` (share) with ``low`` and ``high``,
        ``of_previous`` (share of those of the step before).
    entrants, immature
        Who entered and whose window is over; who entered and whose window is not.
    customers
        Persons among the entrants.
    within_days
        The window; 0 for a visit's own.
    """

    table: pd.DataFrame
    entrants: int
    immature: int
    customers: int
    by: str
    within_days: int

    def numbers(self) -> list[Number]:
        """What is recorded."""
        rows = self.table.to_dict("records")
        return [Number(f"funnel.{self.by}.entrants", self.entrants, self.by + "s")] + [
            Number(f"funnel.{self.by}.{r['step']}", r["of_entrants"], "share", r["low"], r["high"])
            for r in rows[1:] if self.entrants
        ]  # fmt: skip


def entries(
    visits: ir.Table, steps: Sequence[str], *, by: Literal["session", "customer"], within_days: int,
    order: Literal["closed", "open"] = "closed", group: Sequence[str] = (),
) -> ir.Table:  # fmt: skip
    """Find how far each entrant came.

    Parameters
    ----------
    visits
        From :func:`.visits.sessions`, and the columns of ``group``.
    steps
        Names of events, the first is the entry.
    by
        ``session``: each visit once. ``customer``: each known customer once, from their first entry on.
    within_days
        For customers: days from the entry in which later steps count.
    order
        ``closed``: each step after the step before it. ``open``: each step at any time from the entry on.
    group
        Columns whose value at the entry is kept.

    Returns
    -------
    ibis.expr.types.Table
        ``unit``, ``person``, ``entered_at``, ``last_at``, ``reached`` (1 to the number of steps; open: of how
        many steps), ``step_1`` … (whether), and ``group``.
    """
    unit = visits.session if by == "session" else visits.customer_id
    rows = visits.filter(visits.event.isin(list(steps)), unit.notnull())
    rows = rows.mutate(unit=rows.session if by == "session" else rows.customer_id)
    whole = ibis.window(group_by="unit")
    rows = rows.mutate(at_1=rows.place.min(where=rows.event == steps[0]).over(whole))
    rows = rows.filter(rows.at_1.notnull(), rows.place >= rows.at_1)
    rows = rows.mutate(entered_at=rows.occurred_at.min().over(whole))
    if by == "customer":
        rows = rows.filter(rows.occurred_at < rows.entered_at + ibis.interval(days=within_days))
    for number, step in enumerate(steps[1:], start=2):
        after = rows.at_1 if order == "open" else rows[f"at_{number - 1}"]
        is_it = (rows.event == step) & (rows.place > after).fill_null(False)
        rows = rows.mutate(**{f"at_{number}": rows.place.min(where=is_it).over(whole)})
    kept = {name: rows[name].max(where=rows.place == rows.at_1) for name in group}
    each = rows.group_by("unit").aggregate(
        person=rows.person.max(), entered_at=rows.entered_at.min(), last_at=rows.occurred_at.max(),
        **{f"step_{k}": rows[f"at_{k}"].max().notnull() for k in range(1, len(steps) + 1)}, **kept,
    )  # fmt: skip
    reached = sum(each[f"step_{k}"].cast("int64") for k in range(1, len(steps) + 1))
    return each.mutate(reached=reached)


def funnel(
    visits: ir.Table, steps: Sequence[str] = STEPS, *, by: Literal["session", "customer"],
    within_days: int = 7, as_of: dt.date, since: dt.date | None = None, order: Literal["closed", "open"] =
    "closed",
    gap_minutes: int = 30,
) -> Funnel:  # fmt: skip
    """Count how far entrants came, among those whose window is over.

    Parameters
    ----------
    visits, steps, by, within_days, order
        As for :func:`entries`.
    as_of, since
        The last day known; the first day of entries.
    gap_minutes
        A visit is over after so long a pause.

    Notes
    -----
    Intervals are Wilson's; visits of one person go together, so that their number is divided by the design
    effect, the variance of a ratio estimate by person over that of independent visits (Kish, *Survey
    Sampling*, 1965, chapter 6).
    """
    seen = (
        visits if since is None else visits.filter(visits.occurred_at.cast("date") >= ibis.date(str(since)))
    )
    each = entries(seen, steps, by=by, within_days=within_days, order=order)
    end = dt.datetime.combine(as_of + dt.timedelta(days=1), dt.time())
    if by == "session":
        over = each.last_at <= end - dt.timedelta(minutes=gap_minutes)
    else:
        over = each.entered_at <= end - dt.timedelta(days=within_days)
    each = each.mutate(over=over)
    names = [f"step_{k}" for k in range(1, len(steps) + 1)]
    per = each.group_by("person").aggregate(
        n=each.over.cast("int64").sum(), immature=(~each.over).cast("int64").sum(),
        **{name: (each.over & each[name]).cast("int64").sum() for name in names},
    )  # fmt: skip
    sums = per.aggregate(
        n=per.n.sum(), immature=per.immature.sum(), persons=(per.n > 0).cast("int64").sum(),
        nn=(per.n * per.n).sum(),
        **{name: per[name].sum() for name in names},
        **{f"{name}_sq": (per[name] * per[name]).sum() for name in names},
        **{f"{name}_n": (per[name] * per.n).sum() for name in names},
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    total = {name: float(value or 0) for name, value in sums.items()}
    rows = []
    for k, (step, name) in enumerate(zip(steps, names, strict=True)):
        share, low, high = _share(total, name)
        before = total[names[k - 1]] if k else total[name]
        rows.append(
            (by, step, int(total[name]), share, low, high, total[name] / before if before else np.nan)
        )
    columns = ["by", "step", "reached", "of_entrants", "low", "high", "of_previous"]
    return Funnel(
        pd.DataFrame(rows, columns=columns), int(total["n"]), int(total["immature"]), int(total["persons"]),
        by, within_days if by == "customer" else 0,
    )  # fmt: skip


def wilson(share: float, n: float, *, level: float = LEVEL) -> tuple[float, float]:
    """E. B. Wilson's interval of a share (*JASA* 22, 1927); ``n`` may be what clustered ones are worth.

    Examples
    --------
    >>> [round(end, 4) for end in wilson(0.5, 10)]
    [0.2366, 0.7634]
    """
    if n <= 0:
        return 0.0, 1.0
    c = z(level) ** 2
    middle = (share + c / (2 * n)) / (1 + c / n)
    reach = z(level) * float(np.sqrt(share * (1 - share) / n + c / (4 * n**2))) / (1 + c / n)
    return max(0.0, min(share, middle - reach)), min(1.0, max(share, middle + reach))


def _share(total: dict[str, float], name: str) -> tuple[float, float, float]:
    n, y, people = total["n"], total[name], total["persons"]
    if not n:
        return float("nan"), 0.0, 1.0
    p = y / n
    spread = total[f"{name}_sq"] - 2 * p * total[f"{name}_n"] + p * p * total["nn"]
    variance = spread / n**2 * people / max(people - 1, 1)
    plain = p * (1 - p) / n
    effect = max(1.0, variance / plain) if plain > 0 else 1.0
    return (p, *wilson(p, n / effect))
