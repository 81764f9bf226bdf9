"""Do frequent buyers care less about prices, and forgive a late parcel? Two claims of the textbooks.

F. Reichheld, *The Loyalty Effect*, 1996, says both. W. Reinartz and V. Kumar (The mismanagement of customer
loyalty, *Harvard Business Review* 80, 2002) found the first wrong in their four companies. Each shop can
test its own.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd

from crm_utils.errors import StudyError, known_names
from crm_utils.experiments import Experiment
from crm_utils.features import is_purchase
from crm_utils.features.deliveries import cells, delivery_of_orders, order_outcomes
from crm_utils.features.statistics import SMALLEST_GROUP, z
from crm_utils.features.strata import adjusted_difference
from crm_utils.methods.loyalty.placebo import Estimate

__all__ = ["FREQUENT", "Claim", "late_claim", "late_test", "price_cells", "price_claim", "price_test"]

FREQUENT = 3
"""Purchases in the half-year before: from as many on a customer counts as loyal here."""
_BEFORE_DAYS = 182


@dataclass(frozen=True)
class Claim:
    """A difference among loyal customers, among the others, and between the two.

    Attributes
    ----------
    loyal, others, difference
        What the offer or the parcel changes in either group, and the first less the second.
    n_loyal, n_others
        Customers compared.
    """

    loyal: Estimate
    others: Estimate
    difference: Estimate
    n_loyal: int
    n_others: int

    @property
    def known(self) -> bool:
        """Whether it can be told."""
        return self.difference.known

    @property
    def verdict(self) -> str:
        """``less``, ``more`` or ``open``: whether loyal customers react less to it."""
        if not self.known or self.difference.low <= 0 <= self.difference.high:
            return "open"
        return "less" if abs(self.loyal.value) < abs(self.others.value) else "more"


def price_cells(
    assignments: ir.Table,
    orders: ir.Table,
    *,
    experiment: str,
    horizon_days: int,
    as_of: dt.date,
) -> ir.Table:
    """Purchases after the assignment, by arm and by how often a customer had bought before.

    Returns
    -------
    ibis.expr.types.Table
        ``arm``, ``loyal`` (1 or 0), ``customers``, ``total``, ``squares`` (of purchases in the horizon);
        those whose horizon is over.
    """
    drawn = assignments.filter(assignments.experiment_id == experiment)
    last = as_of - dt.timedelta(days=horizon_days)
    drawn = drawn.select("customer_id", "arm", day=drawn.assigned_at.cast("date"))
    drawn = drawn.filter(drawn.day <= last)
    bought = orders.filter(is_purchase(orders), orders.customer_id.notnull())
    bought = bought.select(who="customer_id", bought_on=bought.ordered_at.cast("date"))
    both = drawn.inner_join(bought, drawn.customer_id == bought.who)
    since, end = both.day - ibis.interval(days=_BEFORE_DAYS), both.day + ibis.interval(days=horizon_days)
    counts = both.group_by("who").aggregate(
        before=((both.bought_on >= since) & (both.bought_on < both.day)).cast("int64").sum(),
        after=((both.bought_on >= both.day) & (both.bought_on < end)).cast("int64").sum(),
    )
    rows = drawn.left_join(counts, drawn.customer_id == counts.who)
    rows = rows.mutate(
        after=rows.after.fill_null(0), loyal=(rows.before.fill_null(0) >= FREQUENT).cast("int64")
    )
    counts = rows.group_by("arm", "loyal").aggregate(
        customers=rows.count(), total=rows.after.sum(), squares=(rows.after * rows.after).sum()
    )
    return counts.order_by("arm", "loyal")


def price_claim(counts: pd.DataFrame, *, arms: Mapping[str, float], control: str) -> Claim | None:
    """Does a price cut, drawn by lot, move loyal customers less? In purchases, relative to each group's own.

    Parameters
    ----------
    counts
        :func:`price_cells`.
    arms, control
        As the experiment declares them; all arms but the control count as the offer.

    Returns
    -------
    Claim or None
        None where either group has fewer than five customers on a side. Effects are relative to the
        control's mean of the group: loyal customers buy more anyway, so the same reaction is more
        purchases.
    """
    named = counts.assign(side=counts["arm"].map(lambda arm: "control" if arm == control else "offer"))
    named = named[named["arm"].isin(list(arms))]
    sums = named.groupby(["loyal", "side"])[["customers", "total", "squares"]].sum().astype(float)
    cells = {
        (int(at[0]), str(at[1])): tuple(row) for at, row in zip(sums.index, sums.to_numpy(), strict=True)
    }
    effects, sizes = [], []
    for loyal in (1, 0):
        pair = [cells.get((loyal, side)) for side in ("offer", "control")]
        enough = [each for each in pair if each and each[0] >= SMALLEST_GROUP and each[1] > 0]
        if len(enough) < 2:
            return None
        effects.append(_relative(*enough))
        sizes.append(int(enough[0][0] + enough[1][0]))
    (one, one_error), (other, other_error) = effects
    return Claim(
        _around(one, one_error), _around(other, other_error),
        _around(one - other, math.hypot(one_error, other_error)), sizes[0], sizes[1],
    )  # fmt: skip


def _relative(offer: tuple[float, ...], base: tuple[float, ...]) -> tuple[float, float]:
    """Logarithm of the ratio of means, and its standard error; of customers, total and squares of either."""
    means, variance = [], 0.0
    for n, total, squares in (offer, base):
        mean = total / n
        spread = max((squares - n * mean**2) / max(n - 1, 1), 0.0)
        variance += spread / n / mean**2
        means.append(mean)
    return math.log(means[0] / means[1]), math.sqrt(variance)


def _around(value: float, error: float) -> Estimate:
    return Estimate(value, value - z() * error, value + z() * error)


def late_claim(counts: pd.DataFrame) -> Claim | None:
    """Does a late parcel keep loyal customers away less? Share without another purchase, in points.

    Parameters
    ----------
    counts
        ``delivery``, ``channel``, ``frequency``, ``customers``, ``lapsed``: cells of ``order_outcomes``.

    Returns
    -------
    Claim or None
        None where either group has too few on a side. Loyal is who had bought on three days or more.
    """
    loyal = ~counts["frequency"].isin(["1", "2"])
    both = [
        adjusted_difference(part, part["delivery"] == "late", ["channel", "frequency"])
        for part in (counts[loyal], counts[~loyal])
    ]
    if not all(each.known for each in both):
        return None
    one, other = (Estimate(each.value, each.low, each.high) for each in both)
    errors = [(each.high - each.low) / 2 / z() for each in both]
    sizes = [each.exposed + each.others for each in both]
    return Claim(one, other, _around(one.value - other.value, math.hypot(*errors)), sizes[0], sizes[1])


def price_test(
    assignments: ir.Table | None,
    orders: ir.Table,
    experiments: Sequence[Experiment],
    *,
    name: str,
    as_of: dt.date,
) -> Claim | None:
    """Ask of an experiment with a price whether loyal customers care less; None where none is named.

    Parameters
    ----------
    assignments, orders
        The canonical table and the view ``orders``.
    experiments, name
        Those of the study, and the id of the one in which an offer was drawn by lot.
    as_of
        The last day known.

    Raises
    ------
    StudyError
        The study has no experiment of that name.
    """
    if not name or assignments is None:
        return None
    known = {each.id: each for each in experiments}
    if name not in known:
        raise StudyError(
            f"price_experiment '{name}' is no experiment of this study. {known_names(name, known)}"
        )
    one = known[name]
    counts = price_cells(assignments, orders, experiment=name, horizon_days=one.horizon_days, as_of=as_of)
    return price_claim(counts.to_pandas(), arms=one.arms, control=one.control)


def late_test(
    orders: ir.Table, status: ir.Table | None, *, as_of: dt.date, horizon_days: int, late_days: int
) -> Claim | None:
    """Ask of deliveries whether loyal customers forgive a late one; None where they are not known."""
    delivery = delivery_of_orders(status, late_days=late_days)
    if delivery is None:
        return None
    judged = order_outcomes(orders, delivery, as_of=as_of, horizon_days=horizon_days)
    return late_claim(cells(judged, ["delivery", "channel", "frequency"]).to_pandas())
