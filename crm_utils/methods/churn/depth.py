"""How many customers does it pay to contact? The depth of the list, with its interval.

Customers are ranked by expected profit on their own day; the depth is chosen by realised profit on the
validation days and reported on later ones. Intervals are percentiles over customers drawn with replacement.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_utils.features.statistics import LEVEL
from crm_utils.methods.churn.profit import Stakes, contact_cost, contact_profit

__all__ = ["PER", "Depth", "profit_by_depth", "spend_depth", "try_assumptions"]

Floats = NDArray[np.float64]

PER = 1000
"""Profit is stated per so many customers on the list, contacted or not: lists of any length compare."""

_DEPTHS = np.arange(0, 101) / 100
_ENDS = [100 * (1 - LEVEL) / 2, 100 * (1 + LEVEL) / 2]


@dataclass(frozen=True)
class Depth:
    """How deep to go down the list.

    Attributes
    ----------
    curve
        A row a depth on the days it was chosen by and on those it is reported on: ``window`` (``validate``,
        ``test``), ``depth`` (share of customers), ``profit`` (money per 1,000 customers on the list,
        contacted or not), ``low``, ``high`` (95 %, customers drawn with replacement).
    best, low, high
        The depth with the highest profit on the validation days, and the interval of that choice.
    profit, profit_low, profit_high
        What that depth brings on the test days, money per 1,000 customers on the list.
    allowed
        The deepest that the budget pays for and that is open to a contact; 1 without a limit.
    """

    curve: pd.DataFrame
    best: float
    low: float
    high: float
    profit: float
    profit_low: float
    profit_high: float
    allowed: float


def profit_by_depth(
    validate: pd.DataFrame, test: pd.DataFrame, stakes: Stakes, *, seed: int, budget: float | None = None,
    audience: int | None = None, draws: int = 400,
) -> Depth:  # fmt: skip
    """Choose how deep to contact on the validation days, and report it on the test days.

    Parameters
    ----------
    validate, test
        ``customer_id``, ``cutoff``, ``chance`` (forecast), ``actual`` (0 or 1), ``value`` (V, money); where
        they are there, ``open`` (may be contacted at all) and ``plain`` (gets a reminder without an offer).
    stakes
        What is assumed.
    seed, draws
        Of the bootstrap by customer.
    budget
        Money for contacts and offers together; None for no limit.
    audience
        Customers on the list that the budget is for; those of a test day by default.

    Notes
    -----
    Customers are ranked by *expected* profit on their own cut-off, so the list depends on forecasts alone;
    the profit reported is the realised one. A depth chosen as the best of many is lucky: what it brings
    on the days that chose it is not reported.
    """
    allowed = min(spend_depth(validate, stakes, _budget_each(test, budget, audience)), _open_share(validate))
    curves = {
        name: _curves(rows, stakes, stakes, _DEPTHS, seed=seed, draws=draws)
        for name, rows in (("validate", validate), ("test", test))
    }
    reachable = _DEPTHS[allowed + 1e-9 >= _DEPTHS]
    chosen_by = curves["validate"][: len(reachable)]
    choices = reachable[chosen_by.argmax(axis=0)]
    best = float(choices[0])
    low, high = np.percentile(choices[1:], _ENDS)
    tested = curves["test"][round(100 * best)]
    profit_low, profit_high = np.percentile(tested[1:], _ENDS)
    parts = []
    for name, curve in curves.items():
        ends = dict(zip(("low", "high"), np.percentile(curve[:, 1:], _ENDS, axis=1), strict=True))
        parts.append(pd.DataFrame({"window": name, "depth": _DEPTHS, "profit": curve[:, 0]} | ends))
    return Depth(
        pd.concat(parts, ignore_index=True), best, min(float(low), best), max(float(high), best),
        float(tested[0]), min(float(profit_low), float(tested[0])), max(float(profit_high), float(tested[0])),
        allowed,
    )  # fmt: skip


def spend_depth(
    rows: pd.DataFrame, stakes: Stakes, budget: float | None, *, truth: Stakes | None = None
) -> float:
    """The deepest depth, in hundredths, that a budget (money a customer on the list) pays for as expected.

    The list is in the order of ``stakes``; what it costs is stated by ``truth`` where that is another.
    """
    if budget is None:
        return 1.0
    cost = contact_cost(rows["chance"].to_numpy(dtype=float), truth or stakes, _plain(rows))
    spent = np.append(0.0, cost[_order(rows, stakes)].cumsum() / max(len(rows), 1))
    reached = np.searchsorted(spent, budget * (1 + 1e-12), side="right") - 1
    return float(np.floor(100 * reached / max(len(rows), 1) + 1e-9) / 100)


def try_assumptions(
    validate: pd.DataFrame, test: pd.DataFrame, stakes: Stakes, *, depth: float, seed: int,
    budget: float | None = None, audience: int | None = None, times: tuple[float, ...] = (0.5, 1.0, 1.5),
    save_times: tuple[float, ...] | None = None, draws: int = 400,
) -> pd.DataFrame:  # fmt: skip
    """Suppose s or q is another than assumed: what the planned list brings, and what was possible at most.

    Parameters
    ----------
    validate, test, stakes, budget, audience
        As for :func:`profit_by_depth`.
    depth
        The planned one.
    seed, draws
        Of the bootstrap by customer.
    times
        What s (and s₀ with it) and q are multiplied with, each with each.
    save_times
        What s is multiplied with instead, where it was measured.

    Returns
    -------
    pandas.DataFrame
        A row a pair of truths: ``save_rate``, ``take_rate``, ``planned``, ``low``, ``high`` (money per 1,000
        customers on the list on the test days, with list and depth planned under ``stakes``, ended where the
        money is spent), ``possible`` (the most that any depth of either list that the budget pays for would
        have brought on these days), ``regret`` (possible − planned, never below 0).
    """
    each = _budget_each(test, budget, audience)
    rows = []
    for s in save_times or times:
        for q in times:
            truth = stakes.times(s, q)
            reached = min(depth, spend_depth(validate, stakes, each, truth=truth))
            planned = _curves(test, stakes, truth, np.array([reached]), seed=seed, draws=draws)[0]
            low, high = np.percentile(planned[1:], _ENDS)
            most = float(planned[0])
            for ranked in (stakes, truth):
                paid = min(spend_depth(validate, ranked, each, truth=truth), _open_share(test))
                open_to = _DEPTHS[paid + 1e-9 >= _DEPTHS]
                most = max(most, float(_curves(test, ranked, truth, open_to, seed=seed, draws=0).max()))
            interval = (float(planned[0]), min(float(low), planned[0]), max(float(high), planned[0]))
            rows.append((truth.save_rate, truth.take_rate, *interval, most, most - planned[0]))
    return pd.DataFrame(
        rows, columns=["save_rate", "take_rate", "planned", "low", "high", "possible", "regret"]
    )


def _budget_each(test: pd.DataFrame, budget: float | None, audience: int | None) -> float | None:
    """The budget a customer on the list, money; the list is that of a test day where no audience is given."""
    customers = audience if audience is not None else len(test) / max(test["cutoff"].nunique(), 1)
    return None if budget is None else budget / max(customers, 1)


def _plain(rows: pd.DataFrame) -> NDArray[np.bool_] | None:
    return rows["plain"].to_numpy(dtype=bool) if "plain" in rows.columns else None


def _open_share(rows: pd.DataFrame) -> float:
    return float(rows["open"].mean()) if "open" in rows.columns and len(rows) else 1.0


def _order(rows: pd.DataFrame, stakes: Stakes) -> NDArray[np.int64]:
    """Rows by falling expected profit within their cut-off, all cut-offs taken together by relative place.

    Who is not open to a contact comes last.
    """
    expected = contact_profit(
        rows["chance"].to_numpy(dtype=float), rows["value"].to_numpy(dtype=float), stakes, _plain(rows)
    )
    if "open" in rows.columns:
        reach = float(np.abs(expected).max(initial=0.0)) + 1
        expected = np.where(rows["open"].to_numpy(dtype=bool), expected, expected - 2 * reach)
    place = pd.Series(-expected).groupby(rows["cutoff"].to_numpy()).rank(pct=True, method="first")
    return np.argsort(place.to_numpy(), kind="stable")


def _curves(
    rows: pd.DataFrame, planned: Stakes, truth: Stakes, depths: Floats, *, seed: int, draws: int
) -> Floats:
    """Realised profit by depth (rows) for the data as they are (first column) and for each draw of customers.

    The list is in the order of what was planned; what it brings is stated by the truth.
    """
    order = _order(rows, planned)
    codes, customers = pd.factorize(rows["customer_id"])
    realised = contact_profit(
        rows["actual"].to_numpy(dtype=float), rows["value"].to_numpy(dtype=float), truth, _plain(rows)
    )
    rng, n = np.random.default_rng(seed), len(customers)
    columns = []
    for draw in range(draws + 1):  # a draw at a time: a column of rows, never a matrix
        weight = np.ones(n) if draw == 0 else np.bincount(rng.integers(0, n, n), minlength=n).astype(float)
        w = weight[codes][order]
        reached = np.append(0.0, w.cumsum()) / w.sum()
        gained = PER * np.append(0.0, (w * realised[order]).cumsum()) / w.sum()
        columns.append(np.interp(depths, reached, gained))
    return np.stack(columns, axis=1)
