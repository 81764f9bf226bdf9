"""Whom does it pay to contact? The profit of contacting the riskiest, under costs that are assumed.

The expected profit of contacting one customer is Π = p·s·(V − δ) − (1 − p)·q·δ − c: a churner is saved with
probability s and then takes the offer δ, a stayer takes it for nothing with probability q, a contact costs c
(S. A. Neslin et al., Journal of Marketing Research 43(2), 2006; W. Verbeke et al., European Journal of
Operational Research 218(1), 2012). s and q are causal: no data without a holdout holds them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_utils.errors import StudyError

__all__ = [
    "Depth",
    "Stakes",
    "contact_profit",
    "margin_lost",
    "profit_by_depth",
    "spend_depth",
    "try_assumptions",
]

Floats = NDArray[np.float64]

PER = 1000
"""Profit is told per so many customers on the list, contacted or not: lists of any length compare."""


@dataclass(frozen=True)
class Stakes:
    """What is assumed about a contact.

    Attributes
    ----------
    save_rate
        s: share of contacted churners whom the contact keeps, 0 to 1.
    take_rate
        q: share of contacted stayers who take the offer all the same, 0 to 1.
    offer
        δ: what the offer costs when it is taken, money.
    contact
        c: what one contact costs, money.
    margin
        Share of revenue that is left after the costs that vary with it, 0 to 1.
    value_days
        The window over which margin counts as lost, days. For a lapse it is short: most come back.
    """

    save_rate: float
    take_rate: float
    offer: float
    contact: float
    margin: float
    value_days: int

    def __post_init__(self) -> None:
        for name in ("save_rate", "take_rate", "margin"):
            if not 0 <= getattr(self, name) <= 1:
                raise StudyError(f"{name} is {getattr(self, name)}. It is a share: from 0 to 1.")
        for name in ("offer", "contact"):
            if getattr(self, name) < 0:
                raise StudyError(f"{name} is {getattr(self, name)}. A cost is 0 or more.")
        if self.value_days < 1:
            raise StudyError(f"value_days is {self.value_days}. Margin is lost over at least one day.")


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
        The depth with the highest profit on the validation days; the interval is that of the choice.
    profit, profit_low, profit_high
        What that depth brings on the test days, money per 1,000 customers on the list.
    allowed
        The deepest that the budget pays for; 1 without a budget.
    """

    curve: pd.DataFrame
    best: float
    low: float
    high: float
    profit: float
    profit_low: float
    profit_high: float
    allowed: float


def margin_lost(spend: Floats, *, spend_days: int, stakes: Stakes) -> Floats:
    """V: the margin that a lapse costs, from the spend of the ``spend_days`` before, never below 0."""
    return np.asarray(np.maximum(spend, 0.0) / spend_days * stakes.value_days * stakes.margin)


def contact_profit(chance: Floats, value: Floats, stakes: Stakes) -> Floats:
    """Π for each customer: expected with a probability, realised with the outcome (0 or 1) in its place.

    Examples
    --------
    >>> import numpy as np
    >>> contact_profit(np.array([0.5]), np.array([40.0]), Stakes(0.2, 0.5, 5, 1, 0.25, 28)).round(2).tolist()
    [1.25]
    """
    saved = chance * stakes.save_rate * (value - stakes.offer)
    given_away = (1 - chance) * stakes.take_rate * stakes.offer
    return np.asarray(saved - given_away - stakes.contact)


def profit_by_depth(
    validate: pd.DataFrame, test: pd.DataFrame, stakes: Stakes, *, seed: int, budget: float | None = None,
    audience: int | None = None, draws: int = 400,
) -> Depth:  # fmt: skip
    """Choose how deep to contact on the validation days, and report it on the test days.

    Parameters
    ----------
    validate, test
        ``customer_id``, ``cutoff``, ``chance`` (forecast), ``actual`` (0 or 1), ``value`` (V, money).
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
    the profit told is the realised one. A depth chosen as the best of many is lucky: what it brings
    on the days that chose it is not reported.
    """
    depths = np.arange(0, 101) / 100
    allowed = spend_depth(validate, stakes, _budget_each(test, budget, audience))
    told = {name: _curves(rows, stakes, depths, seed=seed, draws=draws)
            for name, rows in (("validate", validate), ("test", test))}  # fmt: skip
    reachable = depths <= allowed + 1e-9
    choices = depths[np.where(reachable[:, None], told["validate"], -np.inf).argmax(axis=0)]
    best = float(choices[0])
    low, high = np.percentile(choices[1:], [2.5, 97.5])
    tested = told["test"][round(100 * best)]
    profit_low, profit_high = np.percentile(tested[1:], [2.5, 97.5])
    parts = [
        pd.DataFrame({"window": name, "depth": depths, "profit": curve[:, 0]}).assign(
            low=np.percentile(curve[:, 1:], 2.5, axis=1), high=np.percentile(curve[:, 1:], 97.5, axis=1)
        )
        for name, curve in told.items()
    ]
    return Depth(
        pd.concat(parts, ignore_index=True), best, min(float(low), best), max(float(high), best),
        float(tested[0]), float(profit_low), float(profit_high), allowed,
    )  # fmt: skip


def spend_depth(
    rows: pd.DataFrame, stakes: Stakes, budget: float | None, *, truth: Stakes | None = None
) -> float:
    """The deepest depth, in hundredths, that a budget (money a customer on the list) pays for as expected.

    The list is in the order of ``stakes``; what it costs is told by ``truth`` where that is another.
    """
    if budget is None:
        return 1.0
    paid = truth or stakes
    chance = rows["chance"].to_numpy(dtype=float)
    offers = chance * paid.save_rate + (1 - chance) * paid.take_rate
    cost = (paid.contact + offers * paid.offer)[_order(rows, stakes)]
    spent = np.append(0.0, cost.cumsum() / max(len(rows), 1))
    reached = np.searchsorted(spent, budget * (1 + 1e-12), side="right") - 1
    return float(np.floor(100 * reached / max(len(rows), 1) + 1e-9) / 100)


def try_assumptions(
    validate: pd.DataFrame, test: pd.DataFrame, stakes: Stakes, *, depth: float,
    budget: float | None = None, audience: int | None = None, times: tuple[float, ...] = (0.5, 1.0, 1.5),
) -> pd.DataFrame:  # fmt: skip
    """Suppose s or q is another than assumed: what the planned list brings, and what the right one would.

    Parameters
    ----------
    validate, test, stakes, budget, audience
        As for :func:`profit_by_depth`.
    depth
        The planned one.
    times
        What s and q are multiplied with, each with each.

    Returns
    -------
    pandas.DataFrame
        A row a pair of truths: ``save_rate``, ``take_rate``, ``planned`` (money per 1,000 customers on the
        list on the test days, with list and depth planned under ``stakes``, ended where the money is spent),
        ``best_depth`` (chosen on the validation days knowing the truth, of those that the budget then pays
        for), ``possible`` (what that brings on the test days), ``regret`` (possible − planned).
    """
    depths, each = np.arange(0, 101) / 100, _budget_each(test, budget, audience)
    rows = []
    for s in times:
        for q in times:
            truth = replace(
                stakes, save_rate=min(1.0, s * stakes.save_rate), take_rate=min(1.0, q * stakes.take_rate)
            )
            reached = min(depth, spend_depth(validate, stakes, each, truth=truth))
            planned = _profits(test, stakes, truth, np.array([reached]))[0]
            paid_for = depths[depths <= spend_depth(validate, truth, each) + 1e-9]
            knowing = paid_for[_profits(validate, truth, truth, paid_for).argmax()]
            possible = _profits(test, truth, truth, np.array([knowing]))[0]
            rows.append((truth.save_rate, truth.take_rate, planned, knowing, possible, possible - planned))
    return pd.DataFrame(
        rows, columns=["save_rate", "take_rate", "planned", "best_depth", "possible", "regret"]
    )


def _budget_each(test: pd.DataFrame, budget: float | None, audience: int | None) -> float | None:
    """The budget a customer on the list, money; the list is that of a test day where no audience is given."""
    customers = audience if audience is not None else len(test) / max(test["cutoff"].nunique(), 1)
    return None if budget is None else budget / max(customers, 1)


def _order(rows: pd.DataFrame, stakes: Stakes) -> NDArray[np.int64]:
    """Rows by falling expected profit within their cut-off, all cut-offs taken together by relative place."""
    expected = contact_profit(
        rows["chance"].to_numpy(dtype=float), rows["value"].to_numpy(dtype=float), stakes
    )
    place = pd.Series(-expected).groupby(rows["cutoff"].to_numpy()).rank(pct=True, method="first")
    return np.argsort(place.to_numpy(), kind="stable")


def _profits(rows: pd.DataFrame, planned: Stakes, truth: Stakes, depths: Floats) -> Floats:
    """Realised profit a customer on the list at each depth: ranked as planned, paid by the truth."""
    realised = contact_profit(
        rows["actual"].to_numpy(dtype=float), rows["value"].to_numpy(dtype=float), truth
    )
    gained = PER * np.append(0.0, realised[_order(rows, planned)].cumsum()) / max(len(rows), 1)
    return np.asarray(gained[np.rint(depths * len(rows)).astype(int)])


def _curves(rows: pd.DataFrame, stakes: Stakes, depths: Floats, *, seed: int, draws: int) -> Floats:
    """Profit by depth (rows) for the data as they are (first column) and for each draw of customers."""
    order = _order(rows, stakes)
    codes, customers = pd.factorize(rows["customer_id"])
    realised = contact_profit(
        rows["actual"].to_numpy(dtype=float), rows["value"].to_numpy(dtype=float), stakes
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
