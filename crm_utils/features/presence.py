"""Is a customer still there? One chance for all pages, from the model that foretold silence best in the past.

Nobody says goodbye in a shop. A model of buying and leaving gives the chance that a customer has not left,
and a customer's own rhythm the chance of so long a silence. Which of the two to go by is judged on past days,
by what customers did after them; every notebook asks here, so that no two differ on one customer.

BG/NBD is no candidate: it lets nobody leave before a second purchase, so it is sure of everyone who bought
once, however long ago. MBG/NBD and Pareto/NBD do not.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_utils.features.customer_summary import is_purchase, known_orders, with_rhythm
from crm_utils.features.purchase_counts import distinct_counts, purchase_counts, with_forecasts
from crm_utils.features.purchase_models import Purchases, fit_purchases
from crm_utils.features.statistics import Number, z

__all__ = [
    "CANDIDATES",
    "Presence",
    "came_after",
    "judge_presence",
    "paired_auc",
    "presence_days",
    "with_alive",
]

Floats = NDArray[np.float64]

CANDIDATES = ("nbd", "mbg_nbd", "pareto_nbd")
"""Models that may say who is still there, the plainest first: in NBD nobody leaves."""

_AHEAD_DAYS, _FREE_DAYS, _TIMES = 91, 28, 2
"""Days whose silence is foretold; the latest days, kept free of this choice; past days to judge from."""
_MOST_CUSTOMERS = 200_000
"""Customers that a model is fitted to at most, drawn at random: four numbers need no more."""
_ALIKE = 1e-4
"""Log-losses no further apart are the same: models that nobody leaves under differ by rounding."""

_AUCS = tuple[float, float, float, float]


@dataclass(frozen=True)
class Presence:
    """Which model says who is still there, and whether it says so better than the own rhythm.

    Attributes
    ----------
    model
        The plainest of :data:`CANDIDATES` whose log-loss for "buys nothing in the days after" was within one
        standard error of the lowest.
    seen
        Whether leaving was visible on every day: the model is not NBD, and clearly likelier than it.
    days, ahead_days
        Past days whose forecasts were judged by what came in so many days after them.
    customers
        They were judged by, on the latest of these days; 0 where there was nothing to judge by.
    losses
        Log-loss of each candidate, mean over the days.
    alive_auc, silence_auc
        How well the chance of being there, and the chance of such a silence by the own rhythm, ranked who
        then bought nothing: 1 perfectly, 0.5 as chance. None where nobody, or everybody, did.
    ahead, low, high
        Their difference and its 95 % interval; as wide as if the days were one.
    """

    model: str
    seen: bool
    days: tuple[dt.date, ...]
    ahead_days: int
    customers: int
    losses: dict[str, float]
    alive_auc: float | None
    silence_auc: float | None
    ahead: float | None
    low: float | None
    high: float | None

    @property
    def gives(self) -> bool:
        """Whether a chance of being still there is given at all: leaving is seen, and it beats the rhythm."""
        return self.seen and self.low is not None and self.low > 0

    @property
    def judge(self) -> str | None:
        """The model by which a silence is judged; None where the own rhythm does."""
        return self.model if self.gives else None

    def fit(self, orders: ir.Table, *, as_of: dt.date) -> Purchases | None:
        """The model as of a day; None where nobody had bought twice by then."""
        return _fit(distinct_counts(purchase_counts(orders, as_of=as_of)), self.model)

    def numbers(self) -> list[Number]:
        """What is recorded."""
        return [
            Number("presence.model", self.model),
            Number("presence.gives_chance", self.gives),
            Number("presence.alive_auc", self.alive_auc),
            Number("presence.silence_auc", self.silence_auc),
            Number("presence.ahead", self.ahead, "", self.low, self.high),
        ]


def presence_days(first_day: dt.date, as_of: dt.date) -> tuple[tuple[dt.date, ...], int]:
    """The past days to judge from, earliest first, and the days after each; no day in a history of few.

    Examples
    --------
    >>> days, ahead = presence_days(dt.date(2024, 1, 1), dt.date(2024, 12, 31))
    >>> [str(day) for day in days], ahead
    (['2024-06-04', '2024-09-03'], 91)
    """
    history = (as_of - first_day).days
    ahead = min(_AHEAD_DAYS, history // 4)
    until = as_of - dt.timedelta(days=min(_FREE_DAYS, history // 4))
    days = tuple(until - dt.timedelta(days=k * ahead) for k in range(_TIMES, 0, -1))
    return (days, ahead) if ahead else ((), 0)


def judge_presence(orders: ir.Table, *, first_day: dt.date, as_of: dt.date) -> Presence:
    """Judge on past days which model, if any, says who is still there.

    Parameters
    ----------
    orders
        ``customer_id`` (null for guests, who are left out), ``ordered_at``, ``amount``, and ``kept`` where it
        is known.
    first_day, as_of
        The first day of the data and the last day known. The latest four weeks are left out of the judgement:
        names that it leads to may be tested on them.

    Returns
    -------
    Presence
        NBD, and no chance given, where nobody had bought twice by a past day, or no day is left to judge by.
    """
    days, ahead = presence_days(first_day, as_of)
    judged = [_judged(orders, day, ahead) for day in days]
    known = [rows for rows in judged if rows is not None]
    if not known:
        return Presence("nbd", False, (), ahead, 0, {}, None, None, None, None, None)
    model = _plainest(known)
    aucs = [pair for rows in known if (pair := _ranked(rows, model)) is not None]
    first, second, diff, reach = np.mean(aucs, axis=0).tolist() if aucs else (None,) * 4
    span = (None, None) if reach is None else (diff - reach, diff + reach)
    return Presence(
        model=model, seen=all(bool(rows[f"{model}.seen"].all()) for rows in known), days=days[-len(known):],
        ahead_days=ahead, customers=int(known[-1]["customers"].sum()),
        losses={name: float(np.mean([_mean(rows, name) for rows in known])) for name in CANDIDATES},
        alive_auc=first, silence_auc=second, ahead=diff, low=span[0], high=span[1],
    )  # fmt: skip


def _judged(orders: ir.Table, day: dt.date, ahead: int) -> pd.DataFrame | None:
    """Customers of a day by their counts, what each model said of them then, and its losses."""
    until = day + dt.timedelta(days=ahead)
    rows = came_after(orders, summed_on=day, until=until).to_pyarrow().to_pandas()
    if not len(rows) or not rows["x"].sum():
        return None
    rows = _thinned(rows.sort_values(["x", "t_x", "T"], ignore_index=True))
    for model in CANDIDATES:
        fit = _fit(rows, model)
        if fit is None:
            return None
        rows[f"{model}.loss"] = _log_loss(fit.chance_of_none(rows, horizon_days=ahead), rows)
        rows[f"{model}.alive"] = fit.alive(rows)
        rows[f"{model}.seen"] = fit.leaving_seen
    return rows


def came_after(orders: ir.Table, *, summed_on: dt.date, until: dt.date) -> ir.Table:
    """Customers alike in their counts, what the own rhythm said, and how many of them bought afterwards.

    Returns
    -------
    ibis.expr.types.Table
        ``x``, ``t_x``, ``T`` as :func:`.purchase_counts.purchase_counts` defines them at the end of
        ``summed_on``; ``silence_chance`` as :func:`.customer_summary` does; ``customers``; ``back``, those of
        them who bought after it, up to ``until``.
    """
    counts = purchase_counts(orders, as_of=summed_on)
    per = counts.mutate(
        gaps=counts.x, gap_sum=counts.t_x, tenure_days=counts["T"], recency_days=counts["T"] - counts.t_x
    )
    known = with_rhythm(per)
    later = known_orders(orders, as_of=until, since=summed_on + dt.timedelta(days=1))
    later = later.filter(is_purchase(later)).select(later_id="customer_id").distinct()
    both = known.left_join(later, known.customer_id == later.later_id)
    return both.group_by(["x", "t_x", "T", "silence_chance"]).aggregate(
        customers=both.count(), back=both.later_id.count()
    )


def with_alive(table: ir.Table, orders: ir.Table, *, as_of: dt.date, model: str) -> ir.Table:
    """Add the chance that each customer is still there: ``alive``.

    Parameters
    ----------
    table
        A row a customer with a purchase by then: ``customer_id`` and further columns.
    orders
        What they bought.
    as_of
        The day.
    model
        From :attr:`Presence.judge`.

    Returns
    -------
    ibis.expr.types.Table
        The table with ``alive``; as it was where nobody had bought twice by then.
    """
    counts = purchase_counts(orders, as_of=as_of)
    fit = _fit(distinct_counts(counts), model)
    if fit is None:
        return table
    alive = with_forecasts(counts, fit).select(alive_id="customer_id", alive="alive")
    return table.inner_join(alive, table.customer_id == alive.alive_id).drop("alive_id")


def paired_auc(first: Floats, second: Floats, left: Floats, back: Floats) -> _AUCS | None:
    """Compare how two scores rank the same customers.

    Parameters
    ----------
    first, second
        Scores, higher for whom they expect to have left; a row stands for several customers.
    left, back
        Customers of the row who bought nothing afterwards, and who bought.

    Returns
    -------
    tuple
        Both AUCs, the first less the second, and the reach of its 95 % interval; None with fewer than two
        customers of either kind.

    Notes
    -----
    The variance by E. DeLong, D. DeLong, D. Clarke-Pearson, *Biometrics* 44, 1988: each customer's share of
    the others that the score puts on the right side.
    """
    if left.sum() < 2 or back.sum() < 2:
        return None
    of_left = [_below(score, back) for score in (first, second)]
    of_back = [1 - _below(score, left) for score in (first, second)]
    aucs = [float(np.average(share, weights=left)) for share in of_left]
    ahead = aucs[0] - aucs[1]
    parts = ((of_left[0] - of_left[1], left), (of_back[0] - of_back[1], back))
    variance = sum(float(w @ (v - ahead) ** 2) / (w.sum() - 1) / w.sum() for v, w in parts)
    return aucs[0], aucs[1], ahead, z() * float(np.sqrt(variance))


def _ranked(rows: pd.DataFrame, model: str) -> _AUCS | None:
    back = rows["back"].to_numpy(dtype=float)
    left = rows["customers"].to_numpy(dtype=float) - back
    alive, silence = (rows[name].to_numpy(dtype=float) for name in (f"{model}.alive", "silence_chance"))
    return paired_auc(-alive, -silence, left, back)


def _below(score: Floats, weight: Floats) -> Floats:
    """The weighted share of rows with a lower score, ties by half."""
    _, place = np.unique(score, return_inverse=True)
    of_value = np.bincount(place, weights=weight)
    return np.asarray((np.cumsum(of_value) - of_value / 2)[place] / weight.sum())


def _log_loss(chance: Floats, rows: pd.DataFrame) -> Floats:
    """Of "buys nothing", a row's customers together."""
    p = np.clip(chance, 1e-9, 1 - 1e-9)
    back = rows["back"].to_numpy(dtype=float)
    return np.asarray(-(back * np.log1p(-p) + (rows["customers"].to_numpy(dtype=float) - back) * np.log(p)))


def _mean(rows: pd.DataFrame, model: str) -> float:
    return float(rows[f"{model}.loss"].sum() / rows["customers"].sum())


def _plainest(judged: list[pd.DataFrame]) -> str:
    """The first within one standard error of the best; days have the same customers, so errors are added."""
    best = min(CANDIDATES, key=lambda name: sum(_mean(rows, name) for rows in judged))
    for name in CANDIDATES:
        behind = error = 0.0
        for rows in judged:
            n = rows["customers"].to_numpy(dtype=float)
            each = (rows[f"{name}.loss"] - rows[f"{best}.loss"]).to_numpy(dtype=float) / n
            mean = float(np.average(each, weights=n))
            behind, error = behind + mean, error + float(np.sqrt(n @ (each - mean) ** 2) / n.sum())
        if behind <= max(error, _ALIKE):
            return name
    return best


def _thinned(rows: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """At most about so many customers, the same ones for the same rows."""
    share = _MOST_CUSTOMERS / max(int(rows["customers"].sum()), 1)
    if share >= 1:
        return rows
    rng = np.random.default_rng(seed)
    kept = {"customers": rng.binomial(rows["customers"].to_numpy(), share)}
    if "back" in rows:
        back = rng.binomial(rows["back"].to_numpy(), share)
        kept = {"back": back, "customers": back + rng.binomial(rows["customers"] - rows["back"], share)}
    thin = rows.assign(**kept)
    return thin[thin["customers"] > 0].reset_index(drop=True)


def _fit(counts: pd.DataFrame, model: str) -> Purchases | None:
    kept = _thinned(counts)
    return fit_purchases(kept, model=model) if len(kept) and kept["x"].sum() else None
