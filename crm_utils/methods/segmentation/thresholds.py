"""From which chance on is a silence rare? Learnt from customers who came back, so had not left.

The gamma-Poisson rhythm makes silences look rarer than they are (people buy in bursts). So the chance below
which a silence counts as beyond the rhythm is not taken as 5 %, but as the 5 % quantile that was seen.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from crm_utils.features import QUIET_CHANCE, customer_summary, is_purchase, known_orders
from crm_utils.features.statistics import LEVEL, SMALLEST_GROUP, Number
from crm_utils.methods.segmentation.lifecycle import DORMANT_CHANCE

_GONE, _HARDLY_THERE = 0.5, 0.1
"""Of the chance of being still there: likelier gone than not, and hardly there. Nothing is to be learnt."""

__all__ = ["Thresholds", "fit_thresholds", "silence_calibration"]

BEYOND = 10
"""So many who came back must lie below a threshold, or it is not learnt: 200 for 5 %, 1,000 for 1 %."""


@dataclass(frozen=True)
class Thresholds:
    """The chances of silence below which a customer counts as slipping, and as dormant.

    Attributes
    ----------
    quiet_chance, dormant_chance
        Of the customers who came back, 5 % and 1 % had looked rarer than that; the chances themselves where
        too few came back to say.
    customers
        Who came back, from whom they were learnt.
    learnt
        Whether the first was learnt.
    summed_on, until
        The day of the silences, and the day until which customers could come back.
    presence
        The model whose chance of being still there they are thresholds of; None for chances of silence by the
        own rhythm.
    """

    quiet_chance: float
    dormant_chance: float
    customers: int
    learnt: bool
    summed_on: dt.date
    until: dt.date
    presence: str | None = None

    @property
    def chances(self) -> dict[str, float | str | None]:
        """What :func:`.naming.name_customers` takes: the two chances, and of what."""
        return {
            "quiet_chance": self.quiet_chance, "dormant_chance": self.dormant_chance,
            "presence": self.presence,
        }  # fmt: skip

    def numbers(self) -> list[Number]:
        """What a run records of them."""
        return [
            Number("silence.quiet_chance", self.quiet_chance, "probability"),
            Number("silence.dormant_chance", self.dormant_chance, "probability"),
        ]


def fit_thresholds(
    orders: ir.Table, *, summed_on: dt.date, until: dt.date, presence: str | None = None
) -> Thresholds:
    """Learn both thresholds from the silences of customers who came back.

    Parameters
    ----------
    orders
        The view ``orders``.
    summed_on, until
        Silences are those at the end of the first; who bought after it, up to the second, came back.
    presence
        The model whose chance of being still there judges silences; None for the own rhythm.

    Notes
    -----
    Quantiles of type 7 (Hyndman and Fan, 1996), worked out in the engine. Customers who come back later
    still are missing, so a short time to come back makes the thresholds too high.
    """
    if presence is not None:
        return Thresholds(_GONE, _HARDLY_THERE, 0, False, summed_on, until, presence)
    back = _came_back(customer_summary(orders, as_of=summed_on), orders, summed_on=summed_on, until=until)
    seen = {str(k): back.silence_chance.quantile(k) for k in (QUIET_CHANCE, DORMANT_CHANCE)}
    row = back.aggregate(customers=back.count(), **seen).to_pyarrow().to_pylist()[0]
    customers = int(row["customers"])
    quiet, dormant = (
        row[str(share)] if share * customers >= BEYOND else None for share in (QUIET_CHANCE, DORMANT_CHANCE)
    )
    learnt = quiet is not None
    quiet = min(QUIET_CHANCE if quiet is None else quiet, QUIET_CHANCE)
    # Without enough to learn it, the second keeps its distance from the first.
    dormant = quiet * DORMANT_CHANCE / QUIET_CHANCE if dormant is None else min(dormant, DORMANT_CHANCE)
    return Thresholds(quiet, min(quiet, dormant), customers, learnt, summed_on, until)


def silence_calibration(
    summary: ir.Table,
    orders: ir.Table,
    *,
    summed_on: dt.date,
    as_of: dt.date,
    chances: tuple[float, ...] = (0.01, 0.05, 0.1, 0.2, 0.5),
) -> pd.DataFrame:
    """Check silence chances against customers who are known not to have left: they came back.

    Parameters
    ----------
    summary
        A row a customer with ``silence_chance``, as of ``summed_on``.
    orders
        Orders up to ``as_of``.
    summed_on, as_of
        Who bought between the two had not left on the first.
    chances
        The thresholds to check.

    Returns
    -------
    pandas.DataFrame
        ``chance``, ``customers`` (who came back), ``below`` (share of them whose silence looked rarer
        than that), ``low``, ``high`` (95 % Wilson interval); no row when fewer than five came back. Well
        calibrated where ``below`` is near ``chance``; it lies under it where tenures are short against the
        rhythm, for no silence is longer than the tenure.
    """
    back = _came_back(summary, orders, summed_on=summed_on, until=as_of)
    sums = {f"c{k}": (back.silence_chance < chance).cast("int64").sum() for k, chance in enumerate(chances)}
    row = back.aggregate(n=back.count(), **sums).to_pyarrow().to_pylist()[0]
    n, counts = max(row["n"], 1), np.array([row[f"c{k}"] or 0 for k in range(len(chances))])
    low, high = proportion_confint(counts, n, alpha=1 - LEVEL, method="wilson")
    frame = pd.DataFrame(
        {"chance": chances, "customers": row["n"], "below": counts / n, "low": low, "high": high}
    )
    return frame[frame["customers"] >= SMALLEST_GROUP]


def _came_back(summary: ir.Table, orders: ir.Table, *, summed_on: dt.date, until: dt.date) -> ir.Table:
    later = known_orders(orders, as_of=until, since=summed_on + dt.timedelta(days=1))
    back = summary.semi_join(later.filter(is_purchase(later)), "customer_id")
    return back.filter(back.silence_chance.notnull())
