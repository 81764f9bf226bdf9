"""What moved a number? Changes split exactly: by factors (Shapley, LMDI), and within and between groups."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t

from crm_utils.features.statistics import LEVEL, SMALLEST_GROUP, Number
from crm_utils.methods.scorecard.weeks import PARTS, are_few, category_sums

__all__ = [
    "FACTORS",
    "KINDS",
    "adding_up",
    "by_kind",
    "change_of_revenue",
    "decompose",
    "decompose_bootstrap",
    "driver_numbers",
    "factors_of",
    "lmdi",
    "mix_effect",
    "mix_of_categories",
    "mix_of_orders",
    "two_periods",
]

FACTORS = ("customers", "frequency", "order_value", "kept_share")
"""Revenue of known customers = customers × purchases a customer × money a purchase × share not sent back."""
KINDS = ("new", "reactivated", "returning", "guests", "returns")
"""Of revenue: whose first purchase falls in the period, who came back after half a year, all others, …"""
_SUMMED = ["customers", "purchases", "gross", "returned"]


def decompose(before: Sequence[float | Fraction], after: Sequence[float | Fraction]) -> list[Fraction]:
    """Split the change of a product among its factors, by the Shapley value: exactly, whatever is 0.

    Parameters
    ----------
    before, after
        The factors' values in the two periods.

    Returns
    -------
    list of Fraction
        A part a factor; they add up to the change of the product to the last digit, change sign when the
        periods change places, and are 0 for a factor that did not move.

    Notes
    -----
    Each factor's part is the mean, over all orders in which factors can move, of what the product changes
    when it moves (Shapley 1953; for products: Sun, Accounting for energy consumption, *Energy Economics* 20,
    1998).

    Examples
    --------
    >>> [float(part) for part in decompose([10, 2], [12, 3])]  # 20 becomes 36
    [5.0, 11.0]
    """
    old, new = [Fraction(x) for x in before], [Fraction(x) for x in after]
    n = len(old)
    parts = []
    for i in range(n):
        others = [k for k in range(n) if k != i]
        part = Fraction(0)
        for size in range(n):
            weight = Fraction(math.factorial(size) * math.factorial(n - 1 - size), math.factorial(n))
            for moved in itertools.combinations(others, size):
                rest = math.prod((new[k] if k in moved else old[k] for k in others), start=Fraction(1))
                part += weight * rest * (new[i] - old[i])
        parts.append(part)
    return parts


def lmdi(before: Sequence[float], after: Sequence[float]) -> list[float]:
    """The same by logarithmic mean weights, as a check: near the Shapley value unless changes are large.

    Notes
    -----
    L(a, b) ln(x₁/x₀) with L(a, b) = (b − a) ÷ ln(b/a) (Ang, The LMDI approach to decomposition analysis,
    *Energy Policy* 33, 2005). It needs factors above 0.
    """
    a, b = math.prod(before), math.prod(after)
    weight = a if a == b else (b - a) / math.log(b / a)
    return [weight * math.log(new / old) for old, new in zip(before, after, strict=True)]


def factors_of(sums: Mapping[str, Fraction]) -> list[Fraction]:
    """The factors of known customers' revenue from its sums; 0 where there is nothing to divide by."""
    customers, purchases, gross = sums["customers"], sums["purchases"], sums["gross"]
    return [
        customers,
        purchases / customers if customers else Fraction(0),
        gross / purchases if purchases else Fraction(0),
        (gross - sums["returned"]) / gross if gross else Fraction(0),
    ]


def change_of_revenue(before: pd.DataFrame, after: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """What moved revenue from one period to the next, with intervals.

    Parameters
    ----------
    before, after
        A row a part of the customers (index ``part``, −1 for guests): ``customers`` (with a purchase in the
        period), ``purchases``, ``gross``, ``returned``.
    seed
        Of the bootstrap.

    Returns
    -------
    pandas.DataFrame
        ``driver`` (those of :data:`FACTORS`, and ``guests``), ``change`` with ``low`` and ``high`` (money).
        The changes are whole cents and add up to the change of revenue. Missing where fewer than five
        customers bought in one of the periods: its revenue would be theirs.

    Notes
    -----
    Sums are whole cents, factors fractions of them, so that nothing is lost in between; cents are dealt to
    the parts by largest remainders.
    """
    exact = decompose(*(factors_of(_known_sums(period)) for period in (before, after)))
    guests = [_kept_by_guests(period) for period in (before, after)]
    change = np.array(adding_up([*map(_cents, exact), _cents(guests[1] - guests[0])], digits=0)) / 100
    error = decompose_bootstrap(before, after, seed=seed)
    half = np.array([*(t.ppf((1 + LEVEL) / 2, max(len(_parts(before, after)) - 1, 1)) * error), np.nan])
    drivers = [*FACTORS, "guests"]  # guests cannot be told from one another: nothing says how sure they are
    table = pd.DataFrame({"driver": drivers, "change": change, "low": change - half, "high": change + half})
    if are_few(before) or are_few(after):
        table[["change", "low", "high"]] = np.nan
    return table


def decompose_bootstrap(
    before: pd.DataFrame, after: pd.DataFrame, *, replicates: int = 400, seed: int = 0
) -> NDArray[np.float64]:
    """Standard errors of the factors' parts: customers are drawn anew, a fortieth of them at a time.

    Parameters
    ----------
    before, after
        As for :func:`change_of_revenue`.
    replicates, seed
        How often, and of the draws.

    Returns
    -------
    numpy.ndarray
        A standard error a factor, in money; missing where there are fewer than two parts.

    Notes
    -----
    Customers were dealt to parts at random, so parts are as good as customers and need only sums (Efron &
    Tibshirani, *An Introduction to the Bootstrap*, 1993, ch. 6; mended by n ÷ (n − 1) for few parts). A
    customer is drawn with both periods, so that who stayed counts once.
    """
    parts = _parts(before, after)
    n = len(parts)
    if n < 2:
        return np.full(len(FACTORS), np.nan)
    drawn = np.random.default_rng(seed).multinomial(n, [1 / n] * n, size=replicates)
    sums = [
        drawn @ period.reindex(parts, fill_value=0)[_SUMMED].to_numpy(float) for period in (before, after)
    ]
    split = _shapley(*(_factors(one) for one in sums))
    return np.asarray(split.std(axis=0, ddof=1) * math.sqrt(n / (n - 1)))


def adding_up(values: Sequence[Fraction | float], *, digits: int) -> list[float]:
    """Numbers rounded so that they still add up to their rounded sum, by largest remainders.

    Examples
    --------
    >>> adding_up([0.4, 0.4, 0.4], digits=0)  # 1.2 is written as 1
    [1.0, 0.0, 0.0]
    """
    unit = Fraction(1, 10**digits)
    exact = [Fraction(value) / unit for value in values]
    whole = [math.floor(value) for value in exact]
    left = round(sum(exact, Fraction(0))) - sum(whole)
    order = sorted(range(len(exact)), key=lambda k: whole[k] - exact[k])
    for k in order[:left]:
        whole[k] += 1
    return [float(value * unit) for value in whole]


def by_kind(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Revenue of new, reactivated and returning customers and of guests, in both periods.

    Parameters
    ----------
    before, after
        From :func:`period_sums`.

    Returns
    -------
    pandas.DataFrame
        ``kind`` (``new``, ``reactivated``, ``returning``, ``guests``, and ``returns``, which are negative),
        ``before``, ``after``, ``change`` (money); they add up to revenue. Missing where few customers bought.
    """
    columns = []
    for period in (before, after):
        known, guests = period[period.index >= 0].sum(), period[period.index < 0].sum()
        rest = known["gross"] - known["new_gross"] - known["back_gross"]
        back = -(known["returned"] + guests["returned"])
        columns.append([known["new_gross"], known["back_gross"], rest, guests["gross"], back])
    table = pd.DataFrame({"kind": KINDS, "before": columns[0], "after": columns[1]})
    table = table.assign(change=(table["after"] - table["before"]).round(2))
    if are_few(before) or are_few(after):
        table[["before", "after", "change"]] = np.nan
    return table


def driver_numbers(drivers: pd.DataFrame, *, unit: str) -> list[Number]:
    """The drivers, as a run records them."""
    if drivers["change"].isna().any():
        return [Number(f"change.{name}", None, unit=unit) for name in ("revenue", *drivers["driver"])]
    numbers = [Number("change.revenue", float(drivers["change"].sum()), unit=unit)]
    for row in drivers.to_dict("records"):
        ends = {} if math.isnan(row["low"]) else {"low": row["low"], "high": row["high"]}
        numbers.append(Number(f"change.{row['driver']}", row["change"], unit=unit, **ends))
    return numbers


def mix_of_orders(before: pd.DataFrame, after: pd.DataFrame) -> tuple[float, float]:
    """Money a purchase, split into change within new and within other customers, and change of their mix.

    Guests' purchases are among the others; see :func:`mix_effect`. Missing where fewer than five customers
    bought in one of the periods.
    """
    groups = []
    if are_few(before) or are_few(after):
        return math.nan, math.nan
    for period in (before, after):
        sums = period.sum()
        new, total = sums.get("new_purchases", 0.0), sums.get("purchases", 0.0)
        money = [sums.get("new_gross", 0.0), sums.get("gross", 0.0) - sums.get("new_gross", 0.0)]
        groups.append(
            pd.DataFrame({"of": [new, total - new], "total": money}, index=["new", "others"], dtype=float)
        )
    if min(group["of"].sum() for group in groups) == 0:
        return 0.0, 0.0
    return mix_effect(*groups)


def mix_of_categories(
    lines: ir.Table,
    products: ir.Table | None,
    *,
    before: tuple[dt.date, dt.date],
    after: tuple[dt.date, dt.date],
) -> tuple[float, float]:
    """Money a sold line, split into change within categories and change of their mix.

    Parameters
    ----------
    lines, products
        The canonical tables; without products there are no categories, and both parts are missing.
    before, after
        First and last day of each period.
    """
    if products is None or "category" not in products.columns:
        return math.nan, math.nan
    sums = category_sums(lines, products, before=before, after=after)
    if min(one["of"].sum() for one in sums) < SMALLEST_GROUP or len(sums[0]) < 2:
        return math.nan, math.nan
    return mix_effect(*sums)


def two_periods(last: dt.date, *, weeks: int) -> dict[str, tuple[dt.date, dt.date]]:
    """The last so many weeks, and as many before them: first and last day of each.

    Examples
    --------
    >>> two_periods(dt.date(2024, 3, 31), weeks=1)["before"]
    (datetime.date(2024, 3, 18), datetime.date(2024, 3, 24))
    """
    span, day = dt.timedelta(weeks=weeks), dt.timedelta(days=1)
    return {"before": (last - 2 * span + day, last - span), "after": (last - span + day, last)}


def mix_effect(before: pd.DataFrame, after: pd.DataFrame) -> tuple[float, float]:
    """Split the change of an average into change within groups and change of their mix; they add up exactly.

    Parameters
    ----------
    before, after
        A row a group (the same index in both): ``of`` (how many the average is over) and ``total``.

    Returns
    -------
    within, between : float
        Σ mean weight × change of the group's own average; Σ change of weight × its mean average (Simpson's
        paradox is a ``within`` and a ``between`` of opposite signs).

    Examples
    --------
    >>> old = pd.DataFrame({"of": [90, 10], "total": [900.0, 500.0]})
    >>> new = pd.DataFrame({"of": [50, 50], "total": [500.0, 2500.0]})
    >>> mix_effect(old, new)  # no group's average moved
    (0.0, 16.0)
    """
    share = [p["of"] / p["of"].sum() for p in (before, after)]
    own = [p["total"] / p["of"].where(p["of"] > 0) for p in (before, after)]
    # A group that is missing in one period has no average there: it moves the mix alone.
    own = [own[0].fillna(own[1]).fillna(0.0), own[1].fillna(own[0]).fillna(0.0)]
    within = float(((share[0] + share[1]) / 2 * (own[1] - own[0])).sum())
    between = float(((share[1] - share[0]) * (own[0] + own[1]) / 2).sum())
    return within, between


def _kept_by_guests(period: pd.DataFrame) -> Fraction:
    rows = period[period.index < 0].sum()
    return _money(rows["gross"]) - _money(rows["returned"])


def _known_sums(period: pd.DataFrame) -> dict[str, Fraction]:
    known = period[period.index >= 0].sum()
    counts = {name: Fraction(int(known[name])) for name in ("customers", "purchases")}
    return counts | {name: _money(known[name]) for name in ("gross", "returned")}


def _money(value: float) -> Fraction:
    """An amount as it was summed: decimals of two digits, which floats hold to the cent."""
    return Fraction(round(value * 100), 100)


def _cents(value: Fraction) -> Fraction:
    return value * 100


def _parts(before: pd.DataFrame, after: pd.DataFrame) -> list[int]:
    return [p for p in range(PARTS) if p in before.index or p in after.index]


def _factors(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """:func:`factors_of` for many draws at once: a row a draw."""
    customers, purchases, gross, returned = sums.T

    def ratio(top: NDArray[np.float64], bottom: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.divide(top, bottom, out=np.zeros_like(top), where=bottom != 0)

    return np.stack(
        [customers, ratio(purchases, customers), ratio(gross, purchases), ratio(gross - returned, gross)],
        axis=1,
    )


def _shapley(old: NDArray[np.float64], new: NDArray[np.float64]) -> NDArray[np.float64]:
    """:func:`decompose` for many draws at once."""
    n = old.shape[1]
    parts = np.zeros_like(old)
    for i in range(n):
        others = [k for k in range(n) if k != i]
        for size in range(n):
            weight = math.factorial(size) * math.factorial(n - 1 - size) / math.factorial(n)
            for moved in itertools.combinations(others, size):
                rest = np.prod([new[:, k] if k in moved else old[:, k] for k in others], axis=0)
                parts[:, i] += weight * rest * (new[:, i] - old[:, i])
    return parts
