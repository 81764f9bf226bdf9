"""Which chance of a lapse holds better? That of the forecast here, or of the model that counts orders.

A customer has one chance of a lapse, and it should be the better one: this says whether it is. The model is
chosen by days after the cut-offs too, so it is the forecast of a lapse that is held to the harder test.
"""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_utils.features.presence import Presence
from crm_utils.features.purchase_counts import purchase_counts, with_forecasts
from crm_utils.features.statistics import Number, z
from crm_utils.methods.churn.contest import Contest

__all__ = ["Beside", "beside_purchases", "with_values"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Beside:
    """Two forecasts of the same lapses, on the test cut-offs.

    Attributes
    ----------
    forecasts
        Compared; 0 where the model had nothing to learn from.
    ours, theirs
        Log-loss of the chosen forecast of a lapse, and of the model of purchases.
    behind, low, high
        The first less the second, and its 95 % interval, clustered by customer; below 0 ours is better.
    """

    forecasts: int
    ours: float | None
    theirs: float | None
    behind: float | None
    low: float | None
    high: float | None

    @property
    def worse(self) -> bool:
        """Whether ours is shown to be the worse one."""
        return self.low is not None and self.low > 0

    def numbers(self) -> list[Number]:
        """As a run records them."""
        return [
            Number("beside.log_loss", self.ours),
            Number("beside.purchases.log_loss", self.theirs),
            Number("beside.behind", self.behind, "", self.low, self.high),
        ]


def beside_purchases(contest: Contest, orders: ir.Table, presence: Presence, *, horizon_days: int) -> Beside:
    """Let the model of purchases forecast the same lapses, as it would have on each test cut-off.

    Parameters
    ----------
    contest
        Of lapses.
    orders
        ``customer_id``, ``ordered_at``, ``amount``.
    presence
        Names the model.
    horizon_days
        Days without a purchase that make a lapse.
    """
    parts = [
        known
        for day, rows in contest.test.groupby("cutoff")
        if (known := _beside(rows, orders, presence, day, horizon_days)) is not None
    ]
    if not parts:
        return Beside(0, None, None, None, None, None)
    rows = pd.concat(parts, ignore_index=True)
    ours, theirs = _loss(rows, contest.chosen), _loss(rows, "chance_of_none")
    diff = ours - theirs
    codes, names = pd.factorize(rows["customer_id"])
    sums = np.bincount(codes, weights=diff - diff.mean())
    reach = z() * float(np.sqrt(len(names) / max(len(names) - 1, 1) * (sums**2).sum())) / len(rows)
    behind = float(diff.mean())
    return Beside(len(rows), float(ours.mean()), float(theirs.mean()), behind, behind - reach, behind + reach)


def with_values(rows: ir.Table, values: ir.Table | None) -> ir.Table:
    """Add what the page on lifetime value says of each customer: ``alive`` and ``expected_value``.

    Parameters
    ----------
    rows
        A row a customer.
    values
        The saved ``lifetime_value``; None where it could not be said, then both are missing.
    """
    if values is None:
        return rows.mutate(alive=ibis.null("float64"), expected_value=ibis.null("float64"))
    known = values.select(valued_id="customer_id", alive="alive", expected_value="expected_value")
    return rows.left_join(known, rows.customer_id == known.valued_id).drop("valued_id")


def _beside(
    rows: pd.DataFrame, orders: ir.Table, presence: Presence, day: object, horizon_days: int
) -> pd.DataFrame | None:
    cutoff = pd.Timestamp(str(day)).date()
    model = presence.fit(orders, as_of=cutoff)
    if model is None:
        return None
    asked = ibis.memtable(rows[["customer_id"]])
    counts = purchase_counts(orders, as_of=cutoff).semi_join(asked, "customer_id")
    said = with_forecasts(counts, model, horizon_days=horizon_days).select("customer_id", "chance_of_none")
    return rows.merge(said.to_pyarrow().to_pandas(), on="customer_id")


def _loss(rows: pd.DataFrame, name: str) -> Floats:
    p = np.clip(rows[name].to_numpy(dtype=float), 1e-6, 1 - 1e-6)
    happened = rows["actual"].to_numpy(dtype=float)
    return np.asarray(-(happened * np.log(p) + (1 - happened) * np.log1p(-p)))
