"""Is there feedback, and of how many? Did it change from one period to the next, by a test."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.stats import norm

from crm_utils.features import Cannot, Number, ShopFacts
from crm_utils.features.statistics import SMALLEST_GROUP, z
from crm_utils.methods.feedback.scores import compare_nps, known_answers, measure_scores

__all__ = ["Overview", "cannot", "compare_periods", "no_answers", "overview", "with_period"]

_FEWEST = 20  # answers of a kind in a period


@dataclass(frozen=True)
class Overview:
    """The answers behind this page.

    Attributes
    ----------
    answers, customers
        Answers with a score on its scale; named customers who gave one.
    anonymous, texts
        Answers without a customer; answers with a text.
    first_day, last_day
        Of the answers.
    scores
        A row a kind, as ``measure_scores`` gives them.
    """

    answers: int
    customers: int
    anonymous: int
    texts: int
    first_day: dt.date
    last_day: dt.date
    scores: pd.DataFrame

    def numbers(self) -> list[Number]:
        """What is recorded."""
        units = {"nps": "points", "csat": "share", "review": "stars"}
        counts = [
            Number("answers", self.answers, "answers"), Number("answers.anonymous", self.anonymous,
            "answers"), Number("answers.texts", self.texts, "answers"), Number("customers", self.customers,
            "customers"),
        ]  # fmt: skip
        return counts + [
            Number(row["kind"], row["value"], units[row["kind"]], row["low"], row["high"])
            for row in self.scores.to_dict("records")
        ]


def cannot(facts: ShopFacts) -> Cannot | None:
    """Why a shop has nothing to say here, as far as its tables tell; None where it may have."""
    if facts.tables is not None and "feedback" not in facts.tables:
        return Cannot("feedback.no_feedback")
    return None


def no_answers(feedback: ir.Table | None) -> Cannot | None:
    """Why the page has nothing to say: there is no feedback, or that of fewer than five customers."""
    if feedback is None:
        return Cannot("feedback.no_feedback")
    known = known_answers(feedback)
    customers = int(known.person.nunique().to_pyarrow().as_py() or 0)
    if customers < SMALLEST_GROUP:
        return Cannot("feedback.few_answers", {"least": SMALLEST_GROUP})
    return None


def overview(feedback: ir.Table, counts: pd.DataFrame) -> Overview:
    """Sum up the answers.

    Parameters
    ----------
    feedback
        The canonical table.
    counts
        ``score_counts`` of all, without groups.
    """
    rows = known_answers(feedback)
    day = rows.submitted_at.cast("date")
    has_text = (rows.text.strip().length() > 0).fill_null(False)
    sums = rows.aggregate(
        answers=rows.count(), customers=rows.customer_id.nunique(),
        anonymous=rows.customer_id.isnull().cast("int64").sum(), texts=has_text.cast("int64").sum(),
        first_day=day.min(), last_day=day.max(),
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    return Overview(**sums, scores=measure_scores(counts))


def with_period(feedback: ir.Table, *, as_of: dt.date, days: int) -> ir.Table:
    """Answers of the last so many days and of as many before: ``period`` is ``now`` or ``before``."""
    start, middle = (as_of - dt.timedelta(days=k * days) for k in (2, 1))
    day = feedback.submitted_at.cast("date")
    rows = feedback.filter(day > start, day <= as_of)
    return rows.mutate(
        period=(rows.submitted_at.cast("date") > ibis.date(str(middle))).ifelse("now", "before")
    )


def compare_periods(counts: pd.DataFrame) -> pd.DataFrame:
    """Test whether each score changed between two periods; single months are never tested.

    Parameters
    ----------
    counts
        ``score_counts`` by ``period``.

    Returns
    -------
    pandas.DataFrame
        ``kind``, ``before``, ``now``, ``change``, ``low``, ``high``, ``p``; kinds with twenty answers in
        both.
    """
    scores = measure_scores(counts, ["period"])
    wide = {(row["kind"], row["period"]): row for row in scores.to_dict("records")}
    rows = []
    for kind in sorted({kind for kind, _period in wide}):
        before, now = (wide.get((kind, period)) for period in ("before", "now"))
        if not before or not now or min(before["answers"], now["answers"]) < _FEWEST:
            continue
        change = now["value"] - before["value"]
        if kind == "nps":
            by = [_scores(counts, kind, period) for period in ("now", "before")]
            tested = compare_nps(*by, effective=(now["effective"], before["effective"]))
            ends, p = (tested.low, tested.high), tested.p
        else:
            error = float(np.sqrt(sum(each["spread"] ** 2 / each["effective"] for each in (now, before))))
            ends = (change - z() * error, change + z() * error)
            p = 2 * float(norm.sf(abs(change) / error)) if error else 1.0
        rows.append((kind, before["value"], now["value"], change, *ends, p))
    return pd.DataFrame(rows, columns=["kind", "before", "now", "change", "low", "high", "p"])


def _scores(counts: pd.DataFrame, kind: str, period: str) -> dict[int, float]:
    rows = counts[(counts["kind"] == kind) & (counts["period"] == period)]
    return dict(zip(rows["score"].astype(int), rows["answers"].astype(float), strict=True))
