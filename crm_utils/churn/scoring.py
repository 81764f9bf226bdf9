"""Who is likely to lapse today, why, and is a contact worth its cost? Scores in batches of bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from crm_utils.churn.contenders import Fitted
from crm_utils.churn.cutoffs import WINDOWS
from crm_utils.churn.frames import in_batches, named
from crm_utils.churn.profit import Stakes, contact_profit, margin_lost
from crm_utils.churn.words import sentence
from crm_utils.features import lots

__all__ = ["Scoring", "plan_scoring", "reasons"]

_SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()), ("p_lapse", pa.float64()), ("p_defection", pa.float64()),
        ("decile", pa.int64()), ("value_at_stake", pa.float64()), ("reasons", pa.string()),
        ("contact", pa.bool_()), ("holdout", pa.bool_()),
    ]
)  # fmt: skip

_HOLDOUT_KEY = 1_000_003
"""Makes the lot of the holdout another than that of a sample drawn with the same seed."""


@dataclass(frozen=True)
class Scoring:
    """How customers are scored: what was learnt, and the limits that hold for all batches alike.

    Attributes
    ----------
    lapse, explain, defection
        Models: the chosen one, one whose terms add up (the same where it does), and that of defection, or
        None.
    stakes, horizon_days
        What is assumed of a contact; the horizon of the panel.
    decile_cuts
        Values of p_lapse that separate tenths, rising.
    least_profit
        Expected profit from which a customer is to be contacted, never below 0; infinite when nobody is.
    holdout_share, seed
        Share of those to be contacted whom the lot leaves out.
    """

    lapse: Fitted
    explain: Fitted
    defection: Fitted | None
    stakes: Stakes
    horizon_days: int
    decile_cuts: NDArray[np.float64]
    least_profit: float
    holdout_share: float
    seed: int

    def score(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Score the rows of one cut-off.

        Returns
        -------
        pandas.DataFrame
            ``customer_id``; ``p_lapse``, ``p_defection`` (missing without a model of it); ``decile`` (1 is
            the tenth of highest risk); ``value_at_stake`` (p_lapse · V, money); ``reasons`` in words;
            ``contact`` (worth its cost at the chosen depth); ``holdout`` (to be contacted, but left out by
            lot).
        """
        p = self.lapse.predict(rows)
        value = self.value(rows)
        contact = contact_profit(p, value, self.stakes) >= self.least_profit
        drawn = lots(rows["customer_id"], seed=self.seed + _HOLDOUT_KEY) < self.holdout_share
        gone = np.full(len(rows), np.nan) if self.defection is None else self.defection.predict(rows)
        return pd.DataFrame(
            {
                "customer_id": rows["customer_id"].to_numpy(), "p_lapse": p, "p_defection": gone,
                "decile": 10 - np.searchsorted(self.decile_cuts, p, side="left"),
                "value_at_stake": p * value,
                "reasons": reasons(self.explain, rows, horizon_days=self.horizon_days),
                "contact": contact, "holdout": contact & drawn,
            }
        )  # fmt: skip

    def value(self, rows: pd.DataFrame) -> NDArray[np.float64]:
        """V of each row: the margin that a lapse would cost."""
        spend = rows["spend_long"].to_numpy(dtype=float)
        return margin_lost(spend, spend_days=WINDOWS * self.horizon_days, stakes=self.stakes)

    def batches(self, panel: ir.Table) -> pa.RecordBatchReader:
        """Score a panel of one cut-off, batch by batch, in the order of the customers' ids.

        Returns
        -------
        pyarrow.RecordBatchReader
            The columns of :meth:`score`; nothing is computed before it is read.
        """

        def scored() -> Iterator[pa.RecordBatch]:
            for part in in_batches(panel.order_by("customer_id"), size=100_000):
                frame = self.score(named(part.to_pandas()))
                yield from pa.Table.from_pandas(frame, schema=_SCHEMA, preserve_index=False).to_batches()

        return pa.RecordBatchReader.from_batches(_SCHEMA, scored())


def plan_scoring(
    sample: pd.DataFrame, lapse: Fitted, explain: Fitted, defection: Fitted | None, stakes: Stakes, *,
    horizon_days: int, depth: float, holdout_share: float, seed: int,
) -> Scoring:  # fmt: skip
    """Set the limits between tenths, and of whom to contact, by the customers to be scored.

    Parameters
    ----------
    sample
        Their rows, or a sample of them.
    lapse, explain, defection
        Models, as in :class:`Scoring`.
    stakes
        What is assumed of a contact.
    horizon_days
        The horizon of the panel.
    depth
        Share of customers to contact at most, highest expected profit first. Whoever is
        expected to cost more than they bring is not contacted, however deep the list was to go.
    holdout_share, seed
        Share of these that is left out, and the lot's seed.
    """
    p = lapse.predict(sample)
    cuts = np.quantile(p, np.arange(1, 10) / 10, method="inverted_cdf")
    open_ended = Scoring(lapse, explain, defection, stakes, horizon_days, cuts, np.inf, holdout_share, seed)
    profit = np.sort(contact_profit(p, open_ended.value(sample), stakes))[::-1]
    reached = round(depth * len(profit))
    least = max(float(profit[reached - 1]), 0.0) if reached else np.inf
    return Scoring(lapse, explain, defection, stakes, horizon_days, cuts, least, holdout_share, seed)


def reasons(model: Fitted, rows: pd.DataFrame, *, horizon_days: int, most: int = 2) -> list[str]:
    """Say for each row what raises its risk most, from the model's exact terms.

    Parameters
    ----------
    model
        One whose terms add up.
    rows
        The panel's rows.
    horizon_days
        The horizon of the panel.
    most
        Reasons a customer.
    """
    terms = model.contributions(rows)
    order = np.argsort(-terms.to_numpy(), axis=1, kind="stable")[:, :most]
    raises = np.take_along_axis(terms.to_numpy(), order, axis=1) > 0
    themes = np.array(terms.columns, dtype=object)
    said = []
    records: list[dict[str, Any]] = cast("list[dict[str, Any]]", rows.to_dict(orient="records"))
    for row, places, up in zip(records, order, raises, strict=True):
        parts = [
            sentence(themes[k], row, horizon_days=horizon_days)
            for k, is_up in zip(places, up, strict=True)
            if is_up
        ]
        said.append("; ".join(parts) or "nothing raises the risk")
    return said
