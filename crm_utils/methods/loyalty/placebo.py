"""What would a tier "do" that nobody was given? The same sums for a line that was drawn afterwards.

Who spent much in one half-year spends more than others in the next, with or without a tier (customers
differ); and who crosses a line has had a good half-year, so that it rose before and falls after (regression
to the mean: F. Galton, *Journal of the Anthropological Institute* 15, 1886). Numbers like these are no
effect of a programme.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from crm_utils.features import Number
from crm_utils.features.statistics import SMALLEST_GROUP, z
from crm_utils.methods.loyalty.jump import Jump, jump

__all__ = ["Estimate", "Placebo", "compare_sides", "placebo"]

_TOP = 0.8  # of buyers' spending: where the line is drawn in a shop without tiers


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval; missing where it cannot be told."""

    value: float
    low: float
    high: float

    @property
    def known(self) -> bool:
        """Whether there is one."""
        return not math.isnan(self.value)


@dataclass(frozen=True)
class Placebo:
    """What a made-up tier seems to do.

    Attributes
    ----------
    cut
        The line, in what counts.
    above, below
        Customers from the line on and below it.
    times
        Money after the line's day: of those above, as a multiple of those below.
    rise, fall
        Of who crossed the line: spending in the window that counts less that of the one before it; money
        after less that of the window that counts. Money a customer.
    crossed
        Customers who did.
    jump
        Purchases afterwards, by a regression discontinuity at the line: what a sound method says of it.
    """

    cut: float
    above: int
    below: int
    times: Estimate
    rise: Estimate
    fall: Estimate
    crossed: int
    jump: Jump

    @property
    def known(self) -> bool:
        """Whether both sides have five customers."""
        return min(self.above, self.below) >= SMALLEST_GROUP and self.times.known

    def numbers(self) -> list[Number]:
        """What is recorded."""
        if not self.known:
            return []
        return [Number("placebo.times", self.times.value, "times", self.times.low, self.times.high)]


def placebo(rows: pd.DataFrame, *, below: float = math.inf) -> Placebo:
    """Draw a line through customers who were all treated alike, and compare those above it with the others.

    Parameters
    ----------
    rows
        One review of :func:`.standings.sample_standings`.
    below
        Only customers below this value of what counts: the lowest real cut, so that nobody had a tier.

    Returns
    -------
    Placebo
        The line lies at the median of those who spent and stayed below the real cut, else where the best
        fifth of buyers begins.
    """
    alike = rows[rows["running"] < below]
    spent = alike.loc[alike["running"] > 0, "running"]
    quantile = 0.5 if math.isfinite(below) else _TOP
    cut = _rounded(float(spent.quantile(quantile))) if len(spent) else math.nan
    above = alike["running"] >= cut
    crossed = alike[above & (alike["earlier"] < cut)]
    numbers = alike["running"].to_numpy(), alike["orders"].to_numpy()
    return Placebo(
        cut=cut,
        above=int(above.sum()),
        below=int((~above).sum()),
        times=compare_sides(alike["after"], above),
        rise=_mean(crossed["running"] - crossed["earlier"]),
        fall=_mean(crossed["after"] - crossed["running"]),
        crossed=len(crossed),
        jump=jump(*numbers, cut),
    )


def compare_sides(money: pd.Series[float], above: pd.Series[bool]) -> Estimate:
    """How many times as much one side spends; the interval by the delta method on the logarithm."""
    one, other = money[above], money[~above]
    if min(len(one), len(other)) < SMALLEST_GROUP or one.mean() <= 0 or other.mean() <= 0:
        return Estimate(math.nan, math.nan, math.nan)
    times = float(one.mean() / other.mean())
    error = math.sqrt(sum(float(side.var() / len(side) / side.mean() ** 2) for side in (one, other)))
    return Estimate(times, times * math.exp(-z() * error), times * math.exp(z() * error))


def _mean(values: pd.Series[float]) -> Estimate:
    if len(values) < SMALLEST_GROUP:
        return Estimate(math.nan, math.nan, math.nan)
    mean, error = float(values.mean()), float(values.std() / math.sqrt(len(values)))
    return Estimate(mean, mean - z() * error, mean + z() * error)


def _rounded(value: float) -> float:
    """A line as somebody would draw it: two digits that count."""
    if value <= 0:
        return value
    step = 10.0 ** (math.floor(math.log10(value)) - 1)
    return float(np.round(value / step) * step)
