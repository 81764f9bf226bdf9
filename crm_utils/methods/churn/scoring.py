"""Who is likely to lapse today, why, and is a contact worth its cost? Scores in batches of bounded memory."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from crm_utils.features import held_out, hide_small, period_of
from crm_utils.features.statistics import Number
from crm_utils.methods.churn.contacts import ContactPlan, risk_cut
from crm_utils.methods.churn.contenders import Fitted
from crm_utils.methods.churn.frames import in_batches, named
from crm_utils.methods.churn.kept import SCENARIO
from crm_utils.methods.churn.models import Models
from crm_utils.methods.churn.profit import Stakes, contact_profit, without_discount
from crm_utils.methods.churn.reasons import reasons

__all__ = ["ContactList", "Scoring", "plan_scoring"]

_SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()), ("segment", pa.string()), ("p_lapse", pa.float64()),
        ("p_defection", pa.float64()), ("decile", pa.int64()), ("value_at_risk", pa.float64()),
        ("alive", pa.float64()), ("expected_value", pa.float64()),
        ("offer", pa.string()), ("expected_gain", pa.float64()), ("reason_1", pa.string()),
        ("reason_1_value", pa.float64()), ("reason_2", pa.string()), ("reason_2_value", pa.float64()),
        ("contact", pa.bool_()), ("held_out", pa.bool_()),
    ]
)  # fmt: skip

_LISTED = [name for name in _SCHEMA.names if name not in ("p_defection", "contact", "held_out")]


@dataclass(frozen=True)
class ContactList:
    """Who is to be contacted today, and what is known of the list as a whole.

    Attributes
    ----------
    table
        The contacts, without those held out, highest expected gain first.
    held_out
        Customers left out of it at random.
    by_tenth
        A row a tenth by risk: ``decile`` (1 is the riskiest), ``customers``, ``p_lapse`` (mean), ``listed``,
        ``held_out``; groups under five are hidden.
    lapse_rate
        Expected of those on the list or held out; 0 for an empty list.
    reminders
        Of the contacts: without a discount.
    first_reasons
        Shares of the contacts by their first reason, largest first.
    """

    table: pa.Table
    held_out: int
    by_tenth: pd.DataFrame
    lapse_rate: float
    reminders: int
    first_reasons: pd.Series[float]

    @property
    def customers(self) -> int:
        """On the list."""
        return int(self.table.num_rows)

    def numbers(self) -> list[Number]:
        """As a run records them."""
        return [
            Number("contact.customers", self.customers, "customers"),
            Number("contact.held_out", self.held_out, "customers"),
            Number("contact.reminders", self.reminders, "customers"),
        ]


@dataclass(frozen=True)
class Scoring:
    """How customers are scored: what was learnt, and the limits that hold for all batches alike.

    Attributes
    ----------
    models
        What was learnt.
    stakes
        What is assumed of a contact.
    decile_cuts
        Values of p_lapse that separate tenths, rising.
    least_risk, least_gain
        p_lapse and expected gain from which a customer is to be contacted; infinite when nobody is.
    study, as_of, holdout_share
        By which, and how many of those to be contacted are held out.
    """

    models: Models
    stakes: Stakes
    decile_cuts: NDArray[np.float64]
    least_risk: float
    least_gain: float
    study: str
    as_of: dt.date
    holdout_share: float

    def score(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Score the rows of one cut-off.

        Returns
        -------
        pandas.DataFrame
            ``customer_id``, ``segment``; ``p_lapse``, ``p_defection`` (missing without a model of it);
            ``decile`` (1 is the tenth of highest risk); ``value_at_risk`` (p_lapse · V, money); ``alive`` and
            ``expected_value`` as the rows have them from :func:`.beside.with_values`, else missing; ``offer``
            (``discount`` or ``reminder``); ``expected_gain`` (money); reasons as :func:`.reasons` gives them;
            ``contact`` (among the riskier, worth its cost, within the depth); ``held_out`` (to be contacted,
            but left out at random).
        """
        p, value = self.models.lapse.predict(rows), self.stakes.margin * self.models.spend.predict(rows)
        plain = without_discount(rows)
        gain = contact_profit(p, value, self.stakes, plain)
        contact = (p >= self.least_risk) & (gain >= self.least_gain) & (gain > 0)
        left_out = held_out(
            rows["customer_id"], study=self.study, period=period_of(self.as_of), scenario=SCENARIO,
            share=self.holdout_share,
        )  # fmt: skip
        gone = _or_missing(self.models.defection, rows)
        known = rows["segment"].to_numpy() if "segment" in rows.columns else "none"
        frame = pd.DataFrame(
            {
                "customer_id": rows["customer_id"].to_numpy(), "segment": known, "p_lapse": p,
                "p_defection": gone, "decile": 10 - np.searchsorted(self.decile_cuts, p, side="left"),
                "value_at_risk": p * value, "alive": _from(rows, "alive"),
                "expected_value": _from(rows, "expected_value"),
                "offer": np.where(plain, "reminder", "discount"),
                "expected_gain": gain,
            }
        )  # fmt: skip
        why = reasons(self.models.explain, self.models.evidence, rows).reset_index(drop=True)
        return pd.concat([frame, why], axis=1).assign(contact=contact, held_out=contact & left_out)

    def batches(self, panel: ir.Table) -> pa.RecordBatchReader:
        """Score a panel of one cut-off, batch by batch, in the order of the customers' ids.

        Returns
        -------
        pyarrow.RecordBatchReader
            The columns of :meth:`score`; nothing is computed before it is read.
        """

        def scored() -> Iterator[pa.RecordBatch]:
            for frame in self._frames(panel):
                yield from pa.Table.from_pandas(frame, schema=_SCHEMA, preserve_index=False).to_batches()

        return pa.RecordBatchReader.from_batches(_SCHEMA, scored())

    def contacts(self, panel: ir.Table) -> ContactList:
        """Who is to be contacted, of a panel of one cut-off; only they are held in memory."""
        wanted, tenths = [], []
        for frame in self._frames(panel):
            wanted.append(frame[frame["contact"]])
            counted = frame.assign(listed=frame["contact"] & ~frame["held_out"], customers=1)
            tenths.append(counted.groupby("decile")[["customers", "p_lapse", "listed", "held_out"]].sum())
        chosen = pd.concat(wanted) if wanted else pd.DataFrame(columns=_SCHEMA.names)
        listed = chosen[~chosen["held_out"].astype(bool)]
        listed = listed.sort_values(["expected_gain", "customer_id"], ascending=[False, True])
        schema = pa.schema([_SCHEMA.field(name) for name in _LISTED])
        first = listed["reason_1"].value_counts(normalize=True)
        return ContactList(
            pa.Table.from_pandas(listed[_LISTED], schema=schema, preserve_index=False),
            int(chosen["held_out"].sum()), _by_tenth(tenths),
            float(chosen["p_lapse"].mean()) if len(chosen) else 0.0,
            int((listed["offer"] == "reminder").sum()), first,
        )  # fmt: skip

    def _frames(self, panel: ir.Table) -> Iterator[pd.DataFrame]:
        for part in in_batches(panel.order_by("customer_id"), size=100_000):
            if part.num_rows:
                yield self.score(named(part.to_pandas()))


def plan_scoring(
    sample: pd.DataFrame, models: Models, contacts: ContactPlan, *, study: str, as_of: dt.date
) -> Scoring:
    """Set the limits between tenths, and of whom to contact, by the customers to be scored.

    Parameters
    ----------
    sample
        Their rows, or a sample of them.
    models
        What was learnt.
    contacts
        How deep to go, among whom. Whoever is expected to cost more than they bring is not contacted, however
        deep the list was to go.
    study, as_of
        By which customers are held out.
    """
    p, stakes = models.lapse.predict(sample), contacts.stakes
    cuts = np.quantile(p, np.arange(1, 10) / 10, method="inverted_cdf")
    least_risk = risk_cut(p, contacts.riskier)
    value = stakes.margin * models.spend.predict(sample)
    gain = contact_profit(p, value, stakes, without_discount(sample))
    ranked = np.sort(gain[p >= least_risk])[::-1]
    reached = min(round(contacts.depth.best * len(sample)), len(ranked))
    least = float(ranked[reached - 1]) if reached else np.inf
    return Scoring(models, stakes, cuts, least_risk, least, study, as_of, contacts.holdout_share)


def _from(rows: pd.DataFrame, name: str) -> NDArray[np.float64]:
    return rows[name].to_numpy(dtype=float) if name in rows.columns else np.full(len(rows), np.nan)


def _or_missing(model: Fitted | None, rows: pd.DataFrame) -> NDArray[np.float64]:
    return np.full(len(rows), np.nan) if model is None else model.predict(rows)


def _by_tenth(parts: list[pd.DataFrame]) -> pd.DataFrame:
    if not parts:
        return pd.DataFrame(columns=["decile", "customers", "p_lapse", "listed", "held_out"])
    table = pd.concat(parts).groupby("decile").sum()
    table["p_lapse"] = table["p_lapse"] / table["customers"]
    table = hide_small(table.reset_index(), keep=["decile"])
    for name in ("listed", "held_out"):  # few of a tenth are single customers, too
        table[name] = hide_small(table[["decile", name]], customers=name, keep=["decile"])[name]
    return table
