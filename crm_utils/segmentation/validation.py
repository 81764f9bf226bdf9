"""Do the names hold up? Name customers as of a past day, then look at what they did next."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t as student
from statsmodels.stats.proportion import proportion_confint

from crm_utils.features import known_orders
from crm_utils.segmentation.naming import name_customers

__all__ = [
    "FEWEST",
    "PROMISES",
    "ForwardValidation",
    "compare_verdicts",
    "forward_validation",
    "other_windows",
    "silence_calibration",
]

FEWEST = 30
"""Below this many customers a group's name is not judged."""

SMALLEST = 5

PROMISES = {
    "Champions": "above", "Loyal": "above", "Potential Loyalist": "above",
    "About To Sleep": "below", "At Risk": "below", "Can't Lose": "below",
    "Hibernating": "silent", "Lost": "silent",
    "active": "above", "slipping": "below", "dormant": "below", "lost": "silent",
}  # fmt: skip
"""What a name says about the next period: buys more often than all customers, less often, or mostly not."""


@dataclass(frozen=True)
class ForwardValidation:
    """What each group did in the days after it was named.

    Attributes
    ----------
    table
        A row a group: ``group``, ``customers``, ``bought``, ``rate`` with its 95 % Wilson interval ``low``
        and ``high``, ``spend`` (mean a customer, buyers or not) with its 95 % interval ``spend_low`` and
        ``spend_high`` (null where nobody spent) and standard deviation ``spend_sd``, ``promise`` and
        ``verdict`` (earned, undecided, not earned, too few, no promise).
    rate
        The share of all customers that bought.
    named_on, until
        The last day known when the groups were named, and the last day of what came next.
    """

    table: pd.DataFrame
    rate: float
    named_on: dt.date
    until: dt.date

    @property
    def shown(self) -> pd.DataFrame:
        """What a page shows: no group of fewer than five, since a page shows groups and never a person."""
        measures = ["rate", "low", "high", "spend", "spend_low", "spend_high"]
        big = self.table[self.table["customers"] >= SMALLEST]
        return big[["group", "customers", *measures, "verdict"]].reset_index(drop=True)

    @property
    def promised(self) -> list[str]:
        """Groups whose name promises something, with customers enough to judge it."""
        return list(self.table.loc[~self.table["verdict"].isin(["no promise", "too few"]), "group"])

    def judged(self, verdict: str) -> list[str]:
        """Groups with a verdict: earned, not earned, undecided, too few or no promise."""
        return list(self.table.loc[self.table["verdict"] == verdict, "group"])

    def rate_of(self, groups: Sequence[str]) -> tuple[float, float, float]:
        """The share that bought of several groups together, with its 95 % Wilson interval."""
        chosen = self.table[self.table["group"].isin(groups)]
        bought, customers = int(chosen["bought"].sum()), max(int(chosen["customers"].sum()), 1)
        low, high = proportion_confint(bought, customers, method="wilson")
        return bought / customers, float(low), float(high)


def forward_validation(
    named: ir.Table, orders: ir.Table, *, named_on: dt.date, days: int, column: str = "segment"
) -> ForwardValidation:
    """Compare groups by what their customers did in the ``days`` after ``named_on``.

    Parameters
    ----------
    named
        ``customer_id`` and ``column``, a row a customer, made from nothing later than ``named_on``: cuts and
        rhythm too.
    orders
        Orders and returns, those after ``named_on`` as well.
    named_on
        The ``as_of`` of ``named``.
    days
        How many days to look ahead.
    column
        The group: ``"segment"``, ``"stage"`` …

    Returns
    -------
    ForwardValidation
        Groups by falling rate. A name is *earned* when the whole interval lies on the promised side: of the
        rate of all customers, or under one half for names that promise silence; *not earned* when all of it
        lies on the other side.

    Notes
    -----
    One period is one draw: seasons move all rates together. With a dozen groups judged at 95 %, one in two
    such tables holds a wrong verdict by chance. Spend intervals are t intervals of the logarithm of the mean
    (delta method): never negative, and still too short under strong skew in a small group.
    """
    until = named_on + dt.timedelta(days=days)
    frame = _counts(named, known_orders(orders, as_of=until, since=named_on + dt.timedelta(days=1)), column)
    rate = frame["bought"].sum() / max(frame["customers"].sum(), 1)
    frame["rate"] = frame["bought"] / frame["customers"]
    frame["low"], frame["high"] = proportion_confint(frame["bought"], frame["customers"], method="wilson")
    # At none and all the formula leaves a rest of its rounding.
    frame["low"] = frame["low"].mask(frame["bought"] == 0, 0.0)
    frame["high"] = frame["high"].mask(frame["bought"] == frame["customers"], 1.0)
    frame["spend"] = frame["total"] / frame["customers"]
    frame["spend_sd"] = _spread(frame)
    frame["spend_low"], frame["spend_high"] = _spend_interval(frame)
    frame["promise"] = frame["group"].map(PROMISES).fillna("none")
    frame["verdict"] = _verdicts(frame, float(rate))
    frame = frame.sort_values(["rate", "group"], ascending=[False, True], ignore_index=True)
    return ForwardValidation(frame.drop(columns=["total", "squares"]), float(rate), named_on, until)


def other_windows(
    orders: ir.Table, *, as_of: dt.date, days: int, history_starts: dt.date, **rules: Any
) -> dict[str, ForwardValidation]:
    """Repeat the test of the names: in the last window, in the one before it, and in one three times as long.

    Parameters
    ----------
    orders
        Orders up to ``as_of``.
    as_of
        The last day known.
    days
        The length of the window.
    history_starts, rules
        As for :func:`crm_utils.segmentation.naming.name_customers`.

    Returns
    -------
    dict
        A description of each window and its test; windows with less than their own length of history before
        them are left out.
    """
    ends = {days: (as_of, as_of - dt.timedelta(days=days)), 3 * days: (as_of,)}
    found = {}
    for length, last_days in ends.items():
        for last in last_days:
            named_on = last - dt.timedelta(days=length)
            if (named_on - history_starts).days >= length:
                named = name_customers(orders, as_of=named_on, history_starts=history_starts, **rules)
                found[f"{length} days after {named_on}"] = forward_validation(
                    named, orders, named_on=named_on, days=length
                )
    return found


def compare_verdicts(tests: Mapping[str, ForwardValidation]) -> pd.DataFrame:
    """Put the verdicts of several tests side by side: a row a ``group``, a column a test."""
    columns = [found.table.set_index("group")["verdict"].rename(name) for name, found in tests.items()]
    return pd.concat(columns, axis=1).rename_axis("group").reset_index()


def silence_calibration(
    summary: ir.Table,
    orders: ir.Table,
    *,
    summed_on: dt.date,
    as_of: dt.date,
    chances: tuple[float, ...] = (0.01, 0.05, 0.1, 0.2, 0.5),
) -> pd.DataFrame:
    """Check the silence chances against customers who are known not to have left: they came back.

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
        than that), ``low``, ``high`` (95 % Wilson interval). Well calibrated where ``below`` is near
        ``chance``; it lies under it where tenures are short against the rhythm, for no silence is longer
        than the tenure.
    """
    later = known_orders(orders, as_of=as_of, since=summed_on + dt.timedelta(days=1))
    back = summary.semi_join(later.filter(later.amount >= 0), "customer_id")
    back = back.filter(back.silence_chance.notnull())
    sums = {f"c{k}": (back.silence_chance < chance).cast("int64").sum() for k, chance in enumerate(chances)}
    row = back.aggregate(n=back.count(), **sums).to_pyarrow().to_pylist()[0]
    n, counts = max(row["n"], 1), np.array([row[f"c{k}"] or 0 for k in range(len(chances))])
    low, high = proportion_confint(counts, n, method="wilson")
    return pd.DataFrame(
        {"chance": chances, "customers": row["n"], "below": counts / n, "low": low, "high": high}
    )


def _counts(named: ir.Table, later: ir.Table, column: str) -> pd.DataFrame:
    spent = later.group_by("customer_id").aggregate(
        orders=(later.amount >= 0).cast("int64").sum(), amount=later.amount.sum().cast("decimal(38, 2)")
    )
    both = named.select("customer_id", group=named[column]).left_join(spent, "customer_id")
    # Cents in a wide decimal: their squares stay exact, so the sum does not depend on the order of rows.
    cents = (both.amount.fill_null(ibis.literal(0).cast("decimal(38, 2)")) * 100).cast("decimal(19, 0)")
    both = both.select("group", bought=(both.orders.fill_null(0) > 0).cast("int64"), cents=cents)
    sums = both.group_by("group").aggregate(
        customers=both.count(),
        bought=both.bought.sum(),
        total=both.cents.cast("decimal(38, 0)").sum().cast("float64") / 100,
        squares=(both.cents * both.cents).cast("decimal(38, 0)").sum().cast("float64") / 10_000,
    )
    frame: pd.DataFrame = sums.to_pyarrow().to_pandas()
    return frame


def _spread(frame: pd.DataFrame) -> pd.Series:
    n = frame["customers"]
    squares = (frame["squares"] - frame["total"] ** 2 / n).clip(lower=0)
    return (squares / (n - 1).where(n > 1)) ** 0.5


def _spend_interval(frame: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    n, mean = frame["customers"], frame["spend"].where(frame["spend"] > 0)
    error = frame["spend_sd"] / np.sqrt(n)
    factor = np.exp(student.ppf(0.975, np.maximum(n - 1, 1)) * error / mean)
    return mean / factor, mean * factor


def _verdicts(frame: pd.DataFrame, rate: float) -> NDArray[np.str_]:
    promise = frame["promise"].to_numpy(dtype=str)
    bar = np.where(promise == "silent", 0.5, rate)
    above, below = frame["low"].to_numpy() > bar, frame["high"].to_numpy() < bar
    earned, broken = np.where(promise == "above", [above, below], [below, above])
    few = frame["customers"].to_numpy() < FEWEST
    return np.select(
        [promise == "none", few, earned, broken],
        ["no promise", "too few", "earned", "not earned"],
        "undecided",
    )
