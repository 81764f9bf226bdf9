"""Do the names hold up? Name customers as of a past day, then look at what they did next."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t as student
from statsmodels.stats.proportion import proportion_confint

from crm_utils.features import is_purchase, known_orders
from crm_utils.features.statistics import LEVEL, SMALLEST_GROUP, hide_small
from crm_utils.methods.segmentation.naming import name_customers

__all__ = [
    "FEWEST",
    "PROMISES",
    "ForwardValidation",
    "Windows",
    "forward_validation",
    "other_windows",
]

FEWEST = 30
"""Below this many customers a group's name is not judged."""

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
        """What a page shows: numbers of groups under five are hidden."""
        measures = ["rate", "low", "high", "spend", "spend_low", "spend_high"]
        shown = hide_small(self.table[["group", "customers", *measures, "verdict"]])
        return shown.assign(verdict=shown["verdict"].where(shown["customers"].notna(), None))

    @property
    def promised(self) -> list[str]:
        """Groups whose name promises something, with customers enough to judge it."""
        return list(self.table.loc[~self.table["verdict"].isin(["no promise", "too few"]), "group"])

    def judged(self, verdict: str) -> list[str]:
        """Groups with a verdict: earned, not earned, undecided, too few or no promise."""
        return list(self.table.loc[self.table["verdict"] == verdict, "group"])

    def rate_of(self, groups: Sequence[str]) -> tuple[float, float, float] | None:
        """The share that bought of several groups together, with its 95 % Wilson interval.

        None where they hold fewer than five customers.
        """
        chosen = self.table[self.table["group"].isin(groups)]
        bought, customers = int(chosen["bought"].sum()), int(chosen["customers"].sum())
        if customers < SMALLEST_GROUP:
            return None
        low, high = proportion_confint(bought, customers, alpha=1 - LEVEL, method="wilson")
        # At none and all the formula leaves a rest of its rounding.
        return bought / customers, float(low) if bought else 0.0, float(high) if bought < customers else 1.0


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
    if days < 1:  # nothing came next
        named = named.limit(0)
    frame = _counts(named, known_orders(orders, as_of=until, since=named_on + dt.timedelta(days=1)), column)
    rate = frame["bought"].sum() / max(frame["customers"].sum(), 1)
    frame["rate"] = frame["bought"] / frame["customers"]
    frame["low"], frame["high"] = proportion_confint(
        frame["bought"], frame["customers"], alpha=1 - LEVEL, method="wilson"
    )
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


@dataclass(frozen=True)
class Windows:
    """The test of the names in several windows.

    Attributes
    ----------
    tests
        A test a window, the last window first.
    table
        A row a group: ``group``, ``windows`` (in how many it was judged), ``kept`` and ``broken`` (in how
        many of them the name was earned, and not earned), ``lowest`` and ``highest`` (share that bought in
        the windows of the first length: how much it varies over time, beside its interval over customers).
        Groups under five in a window are left out of it.
    """

    tests: tuple[ForwardValidation, ...]
    table: pd.DataFrame


def other_windows(
    orders: ir.Table, *, as_of: dt.date, days: int, first_day: dt.date, **rules: Any
) -> Windows:
    """Repeat the test of the names: in the last three windows, and in one three times as long.

    Parameters
    ----------
    orders
        Orders up to ``as_of``.
    as_of
        The last day known.
    days
        The length of the window.
    first_day
        The first day of the data; windows with less than their own length of data before them are left out.
    rules
        As for :func:`.naming.name_customers`.
    """
    spans = [(days, k * days) for k in range(3)] + [(3 * days, 0)] if days else []
    tests = []
    for length, back in spans:
        named_on = as_of - dt.timedelta(days=back + length)
        if (named_on - first_day).days >= length:
            named = name_customers(orders, as_of=named_on, **rules)
            tests.append(forward_validation(named, orders, named_on=named_on, days=length))
    return Windows(tuple(tests), _over_windows(tests, days))


def _over_windows(tests: Sequence[ForwardValidation], days: int) -> pd.DataFrame:
    columns = ["group", "windows", "kept", "broken", "lowest", "highest"]
    frames = [t.shown.assign(days=(t.until - t.named_on).days).dropna(subset="customers") for t in tests]
    if not frames:
        return pd.DataFrame(columns=columns)
    every = pd.concat(frames, ignore_index=True)
    flags = every.assign(
        windows=~every["verdict"].isin(["too few", "no promise"]), kept=every["verdict"] == "earned",
        broken=every["verdict"] == "not earned", alike=every["rate"].where(every["days"] == days),
    )  # fmt: skip
    table = flags.groupby("group", sort=False).agg(
        windows=("windows", "sum"), kept=("kept", "sum"), broken=("broken", "sum"), lowest=("alike", "min"),
        highest=("alike", "max"),
    )  # fmt: skip
    return table.reset_index()[columns]


def _counts(named: ir.Table, later: ir.Table, column: str) -> pd.DataFrame:
    spent = later.group_by("customer_id").aggregate(
        orders=is_purchase(later).cast("int64").sum(), amount=later.amount.sum().cast("decimal(38, 2)")
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
    factor = np.exp(student.ppf((1 + LEVEL) / 2, np.maximum(n - 1, 1)) * error / mean)
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
