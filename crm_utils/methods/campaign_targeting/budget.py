"""On whom is a budget best spent? At most one option a customer, the most value for the money.

This is the multiple-choice knapsack. Options below the upper hull of value over cost are never the best at
any price of money; the steps along the hulls, steepest first, fill the budget to within one step of the best
(Sinha and Zoltners, *Operations Research* 27, 1979). What the linear relaxation could reach is an upper
bound, so the page can say how far from the best this may be.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_matrix

__all__ = ["Allocation", "allocate", "budget_curve", "options_of", "spend"]

EXACT_BELOW = 200
"""Customers: fewer are solved exactly."""
_POINTS = 200
"""Of a curve, at most."""


@dataclass(frozen=True)
class Allocation:
    """Who gets what for a budget.

    Attributes
    ----------
    chosen
        ``customer_id``, ``option``, ``value``, ``cost``: one row a customer who gets something.
    value, cost
        Their sums.
    bound
        No choice within the budget has a larger value.
    price
        What the next unit of money would bring (λ); 0 where the budget is enough for everything that pays.
    exact
        Whether nothing better exists.
    """

    chosen: pd.DataFrame
    value: float
    cost: float
    bound: float
    price: float
    exact: bool

    @property
    def gap(self) -> float:
        """At most this share is the value below the best."""
        return 0.0 if self.exact or self.bound <= 0 else max(0.0, 1 - self.value / self.bound)


def allocate(options: pd.DataFrame, budget: float) -> Allocation:
    """Spend a budget.

    Parameters
    ----------
    options
        ``customer_id``, ``option``, ``value``, ``cost`` (at least 0), in one currency.
    budget
        At least 0.

    Examples
    --------
    >>> rows = [("ann", "sms", 3.0, 1.0), ("ann", "mail", 4.0, 3.0), ("bob", "sms", 1.0, 1.0)]
    >>> best = allocate(pd.DataFrame(rows, columns=["customer_id", "option", "value", "cost"]), 2.0)
    >>> best.value, best.chosen["option"].tolist()
    (4.0, ['sms', 'sms'])
    """
    steps = _steps(options)
    spent = np.concatenate([[0.0], steps["more_cost"].to_numpy().cumsum()])
    gained = np.concatenate([[0.0], steps["more_value"].to_numpy().cumsum()])
    fits = int(np.searchsorted(spent, budget + 1e-9, side="right")) - 1
    price, bound = 0.0, float(gained[fits])
    if fits < len(steps):
        price = float(steps["slope"].iloc[fits])
        bound += price * (budget - float(spent[fits]))
    if options["customer_id"].nunique() < EXACT_BELOW:
        chosen, exact = _exactly(options, budget), True
    else:
        chosen, exact = _filled(steps, options, fits, budget), fits == len(steps)
    value, cost = float(chosen["value"].sum()), float(chosen["cost"].sum())
    return Allocation(chosen.reset_index(drop=True), value, cost, max(bound, value), price, exact)


def spend(options: pd.DataFrame, budget: float) -> Allocation | None:
    """Spend a budget, or all that the options cost where it is 0; None without any option that pays."""
    if not (options["value"] > 0).any():
        return None
    return allocate(options, budget or float(options["cost"].sum()))


def budget_curve(options: pd.DataFrame) -> pd.DataFrame:
    """The most value that each budget can bring (the bound): ``budget``, ``value``, ``customers``.

    Between its points the curve is straight; it is concave, so each further unit of money brings less.
    """
    steps = _steps(options)
    first = (~steps["customer_id"].duplicated()).cumsum()
    whole = pd.DataFrame({
        "budget": np.concatenate([[0.0], steps["more_cost"].cumsum()]),
        "value": np.concatenate([[0.0], steps["more_value"].cumsum()]),
        "customers": np.concatenate([[0], first]).astype("int64"),
    })  # fmt: skip
    at = np.unique(np.linspace(0, len(whole) - 1, min(_POINTS, len(whole))).round().astype(int))
    return whole.iloc[at].reset_index(drop=True)


def options_of(rows: pd.DataFrame) -> pd.DataFrame:
    """A contact list's verified messages as options: what each should bring, and what it costs.

    Parameters
    ----------
    rows
        ``customer_id``, ``scenario``, ``expected_margin`` (missing where nothing was verified), ``cost``,
        ``holdout``.
    """
    known = rows[~rows["holdout"].astype(bool) & rows["expected_margin"].notna()]
    named = {"scenario": "option", "expected_margin": "value"}
    return known.rename(columns=named)[["customer_id", "option", "value", "cost"]].reset_index(drop=True)


def _steps(options: pd.DataFrame) -> pd.DataFrame:
    """Steps along each customer's upper hull from nothing, the steepest first; a hull's are in its order."""
    rows = options[options["value"] > 0].sort_values(
        ["customer_id", "cost", "value", "option"], ascending=[True, True, False, True]
    )
    taken: list[tuple[object, int, float, float]] = []  # customer, row, more cost, more value
    hull: list[tuple[int, float, float]] = []
    customer: object = None
    who, cost, value = (rows[name].to_numpy() for name in ("customer_id", "cost", "value"))
    for number in range(len(rows)):
        if who[number] != customer:
            taken += _differences(customer, hull)
            customer, hull = who[number], [(-1, 0.0, 0.0)]
        c, v = float(cost[number]), float(value[number])
        if v <= hull[-1][2]:
            continue
        while len(hull) > 1 and _above(hull[-2], hull[-1], c, v):
            hull.pop()
        hull.append((number, c, v))
    taken += _differences(customer, hull)
    steps = pd.DataFrame(taken, columns=["customer_id", "row", "more_cost", "more_value"])
    steps["row"] = rows.index.to_numpy()[steps["row"].to_numpy(dtype=int)] if len(steps) else steps["row"]
    with np.errstate(divide="ignore"):
        steps["slope"] = steps["more_value"].astype(float) / steps["more_cost"].astype(float)
    order = steps.assign(nth=range(len(steps))).sort_values(["slope", "nth"], ascending=[False, True])
    return order.drop(columns="nth").reset_index(drop=True)


def _above(before: tuple[int, float, float], last: tuple[int, float, float], c: float, v: float) -> bool:
    """Whether the line to (c, v) passes above the last point, or through it."""
    return (v - before[2]) * (last[1] - before[1]) >= (last[2] - before[2]) * (c - before[1])


def _differences(
    customer: object, hull: list[tuple[int, float, float]]
) -> list[tuple[object, int, float, float]]:
    pairs = itertools.pairwise(hull)
    return [(customer, new[0], new[1] - old[1], new[2] - old[2]) for old, new in pairs]


def _filled(steps: pd.DataFrame, options: pd.DataFrame, fits: int, budget: float) -> pd.DataFrame:
    """The steps that fit and, for what is left, later first steps of customers who have none yet."""
    chosen = steps.iloc[:fits].drop_duplicates("customer_id", keep="last")
    left = budget - float(steps["more_cost"].iloc[:fits].sum())
    rest = steps.iloc[fits:].drop_duplicates("customer_id")
    rest = rest[~rest["customer_id"].isin(chosen["customer_id"])]
    more = []
    for row, cost in zip(rest["row"], rest["more_cost"], strict=True):
        if cost <= left:
            left -= cost
            more.append(row)
    rows = [*chosen["row"], *more]
    return options.loc[rows, ["customer_id", "option", "value", "cost"]].sort_values("customer_id")


def _exactly(options: pd.DataFrame, budget: float) -> pd.DataFrame:
    rows = options[(options["value"] > 0) & (options["cost"] <= budget)].reset_index(drop=True)
    columns = ["customer_id", "option", "value", "cost"]
    if rows.empty:
        return rows[columns]
    customer = pd.factorize(rows["customer_id"])[0]
    n = len(rows)
    once = csr_matrix((np.ones(n), (customer, np.arange(n))))
    limits = [LinearConstraint(once, ub=1), LinearConstraint(rows[["cost"]].to_numpy(float).T, ub=budget)]
    solved = milp(
        -rows["value"].to_numpy(float), constraints=limits, integrality=np.ones(n), bounds=Bounds(0, 1),
        options={"mip_rel_gap": 0.0},
    )  # fmt: skip
    chosen: pd.DataFrame = rows.loc[solved.x > 0.5, columns].sort_values("customer_id")
    return chosen
