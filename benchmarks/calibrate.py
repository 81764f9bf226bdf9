"""Do A/B tests keep their promises? Simulated experiments; writes CALIBRATION.md, by ``nox -s calibrate``.

Where a method's assumptions hold, its rate has to lie within 2.6 Monte-Carlo standard errors of what it
promises (for sequences: not above). On skewed spend the rates are what they are, and are written down.
"""

from __future__ import annotations

import argparse
import datetime as dt
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from scipy.stats import norm

from crm_utils.ab_test import (
    LEAST_PER_ARM,
    Sums,
    compare,
    mixture_scale,
    sequence_half_width,
    spending_bounds,
)
from crm_utils.experiments import Metric

HERE = Path(__file__).resolve().parent
ALPHA, ERRORS = 0.05, 2.6
REVENUE = Metric(name="revenue", kind="mean", of="amount")
ORDER_VALUE = Metric(name="order_value", kind="ratio", of="amount", per="orders")
BEFORE = ("amount", "amount_before")
Draw = Callable[[np.random.Generator, int], np.ndarray]


@dataclass(frozen=True)
class Rate:
    """One rate: of what, promised and found over so many replicates; required to hold or only reported."""

    what: str
    promised: float
    found: float
    replicates: int
    required: str  # both, above or nothing

    @property
    def error(self) -> float:
        """The Monte-Carlo standard error if the promise holds."""
        return math.sqrt(self.promised * (1 - self.promised) / self.replicates)

    @property
    def held(self) -> bool:
        off = (self.found - self.promised) / self.error
        return {"both": abs(off) <= ERRORS, "above": off <= ERRORS, "nothing": True}[self.required]


@dataclass(frozen=True)
class Values:
    """How one customer's value is drawn, without and with a treatment, and the true effect on the mean."""

    draw: Draw
    treated: Draw
    effect: float


def _normal(mean: float, spread: float) -> Draw:
    return lambda rng, n: np.rint(rng.normal(mean, spread, n)).astype(np.int64)


def _bought(share: float) -> Draw:
    return lambda rng, n: (rng.random(n) < share).astype(np.int64)


def _spend(share: float, cap: float = math.inf) -> Draw:
    """A share buys, for a lognormal sum (its logarithm has mean 10 and deviation 1.5)."""

    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        spent = (rng.random(n) < share) * rng.lognormal(10, 1.5, n)
        return np.rint(np.minimum(spent, cap)).astype(np.int64)

    return draw


CAP = round(math.exp(10 + 1.5 * norm.ppf(0.95)))
"""The 95th percentile of what a buyer spends."""
MEAN = math.exp(10 + 1.5**2 / 2)
MEAN_CAPPED = MEAN * norm.cdf(norm.ppf(0.95) - 1.5) + CAP * 0.05
"""E[min(X, CAP)] of a lognormal X."""

NORMAL = Values(_normal(5_000, 1_500), _normal(5_200, 2_000), 200)
BOUGHT = Values(_bought(0.3), _bought(0.36), 0.06)
SPEND = Values(_spend(0.10), _spend(0.12), 0.02 * MEAN)
CAPPED = Values(_spend(0.10, CAP), _spend(0.12, CAP), 0.02 * MEAN_CAPPED)


def sums(y: np.ndarray, x: np.ndarray | None = None, *, names: tuple[str, str] = BEFORE) -> Sums:
    """Exact sums of whole numbers."""
    columns = {names[0]: y} | ({} if x is None else {names[1]: x})
    pairs = [(a, b) for a in columns for b in columns if a <= b]
    return Sums(
        len(y),
        {name: Fraction(int(v.sum())) for name, v in columns.items()},
        {(a, b): Fraction(int(columns[a] @ columns[b])) for a, b in pairs},
    )


def fixed(replicates: int, seed: int) -> Iterator[Rate]:
    """Welch, CUPED and ratios once, at the end."""
    for name, values, sizes, required in (
        ("nearly normal values, 500 and 500", NORMAL, (500, 500), "both"),
        ("conversion of 30 %, 1,000 and 1,000", BOUGHT, (1_000, 1_000), "both"),
        ("nearly normal values, 200 and 1,800", NORMAL, (200, 1_800), "both"),
        ("skewed spend, 1,000 and 1,000", SPEND, (1_000, 1_000), "nothing"),
        ("skewed spend, 200 and 1,800", SPEND, (200, 1_800), "nothing"),
        ("skewed spend, capped, 1,000 and 1,000", CAPPED, (1_000, 1_000), "nothing"),
        ("skewed spend, capped, 200 and 1,800", CAPPED, (200, 1_800), "nothing"),
    ):
        yield from _fixed(name, values, sizes, required, replicates, seed)
    yield from _with_covariate(replicates, seed)
    yield from _ratio(replicates, seed)


def _fixed(
    name: str, values: Values, sizes: tuple[int, int], required: str, replicates: int, seed: int
) -> Iterator[Rate]:
    rng, rejected, covered = np.random.default_rng(seed), 0, 0
    for _ in range(replicates):
        one, other = (values.draw(rng, n) for n in sizes)
        found = compare(sums(one), sums(other), REVENUE, alpha=ALPHA)
        rejected += found.p is not None and found.p < ALPHA
        found = compare(sums(one), sums(values.treated(rng, sizes[1])), REVENUE, alpha=ALPHA)
        covered += found.low <= values.effect <= found.high
    yield Rate(f"Welch, {name}: rejects, no effect", ALPHA, rejected / replicates, replicates, required)
    what = f"Welch, {name}: interval covers a true effect"
    yield Rate(what, 1 - ALPHA, covered / replicates, replicates, required)


def _with_covariate(replicates: int, seed: int) -> Iterator[Rate]:
    rng, rejected, covered = np.random.default_rng(seed + 1), 0, 0
    for _ in range(replicates):
        past = [NORMAL.draw(rng, 500) for _ in range(3)]
        control, same, better = (x // 2 + NORMAL.draw(rng, 500) for x in past)
        found = compare(sums(control, past[0]), sums(better + 100, past[2]), REVENUE, alpha=ALPHA)
        covered += found.low <= 100 <= found.high
        found = compare(sums(control, past[0]), sums(same, past[1]), REVENUE, alpha=ALPHA)
        rejected += found.p is not None and found.p < ALPHA
    name = "CUPED, covariate of half the value, 500 and 500"
    yield Rate(f"{name}: rejects, no effect", ALPHA, rejected / replicates, replicates, "both")
    what = f"{name}: interval covers a true effect"
    yield Rate(what, 1 - ALPHA, covered / replicates, replicates, "both")


def _ratio(replicates: int, seed: int) -> Iterator[Rate]:
    rng, rejected = np.random.default_rng(seed + 2), 0
    for _ in range(replicates):
        arms = []
        for _ in range(2):
            orders = rng.poisson(2, 1_000)
            amount = np.rint(orders * rng.normal(5_000, 800, 1_000)).astype(np.int64)
            arms.append(sums(amount, orders, names=("amount", "orders")))
        found = compare(*arms, ORDER_VALUE, alpha=ALPHA)
        rejected += found.p is not None and found.p < ALPHA
    what = "Delta method, money an order, 1,000 and 1,000: rejects, no effect"
    yield Rate(what, ALPHA, rejected / replicates, replicates, "both")


def peeking(replicates: int, seed: int, *, most: int = 10_000) -> Iterator[Rate]:
    """Confidence sequences, looked at after every customer from the stated minimum on."""
    rho = mixture_scale(most, alpha=ALPHA)
    for name, values, share, required in (
        ("nearly normal values, half and half", NORMAL, 0.5, "above"),
        ("conversion of 30 %, half and half", BOUGHT, 0.5, "above"),
        ("nearly normal values, 10 % control", NORMAL, 0.1, "above"),
        ("skewed spend, half and half", SPEND, 0.5, "nothing"),
        ("skewed spend, 10 % control", SPEND, 0.1, "nothing"),
        ("skewed spend, capped, half and half", CAPPED, 0.5, "above"),
        ("skewed spend, capped, 10 % control", CAPPED, 0.1, "above"),
    ):
        rng, rejected, naive = np.random.default_rng(seed), 0, 0
        for _ in range(replicates):
            effect, error, n, ready = _path(rng, values.draw, most, share)
            half = sequence_half_width(error, n, rho=rho, alpha=ALPHA)
            rejected += bool((np.abs(effect) > half)[ready].any())
            naive += bool((np.abs(effect) > norm.ppf(0.975) * error)[ready].any())
        what = f"Sequence, looks up to {most:,}, {name}: ever rejects, no effect"
        yield Rate(what, ALPHA, rejected / replicates, replicates, required)
        if values is NORMAL and share == 0.5:
            what = f"For comparison: p < 5 % at any of these looks, {name}"
            yield Rate(what, ALPHA, naive / replicates, replicates, "nothing")


def planned(replicates: int, seed: int) -> Iterator[Rate]:
    """Group-sequential bounds at five planned looks."""
    fractions = [0.2, 0.4, 0.6, 0.8, 1.0]
    at = (np.array(fractions) * 5_000).astype(int) - 1
    for spending in ("obrien_fleming", "pocock"):
        bounds = spending_bounds(fractions, alpha=ALPHA, spending=spending)
        for name, values, required in (
            ("nearly normal values", NORMAL, "both"),
            ("skewed spend", SPEND, "nothing"),
        ):
            rng, rejected = np.random.default_rng(seed), 0
            for _ in range(replicates):
                effect, error, _, _ = _path(rng, values.draw, 5_000, 0.5)
                rejected += bool((np.abs(effect[at]) > bounds * error[at]).any())
            what = f"Five planned looks, {spending}, {name}: rejects, no effect"
            yield Rate(what, ALPHA, rejected / replicates, replicates, required)


def _path(
    rng: np.random.Generator, draw: Draw, most: int, share: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Effect, its error and customers after each customer, no effect; and whether both arms have enough."""
    y = draw(rng, most).astype(float)
    control = rng.random(most) < share
    stats = []
    with np.errstate(divide="ignore", invalid="ignore"):
        for arm in (control, ~control):
            n, s, q = np.cumsum(arm), np.cumsum(arm * y), np.cumsum(arm * y * y)
            mean = s / n
            stats.append((n, mean, np.maximum(q - n * mean**2, 0) / (n - 1)))
        (n0, m0, v0), (n1, m1, v1) = stats
        error = np.sqrt(v0 / n0 + v1 / n1)
    return m1 - m0, error, n0 + n1, np.minimum(n0, n1) >= LEAST_PER_ARM


def rates(replicates: int, seed: int) -> list[Rate]:
    """All rates."""
    return [*fixed(replicates, seed), *peeking(replicates, seed), *planned(replicates, seed)]


def page(found: list[Rate]) -> str:
    """CALIBRATION.md."""
    day, n = f"{dt.datetime.now(dt.UTC):%Y-%m-%d}", f"{found[0].replicates:,}"
    rows = [
        f"| {r.what} | {r.promised:.3f} | {r.found:.4f} | {r.error:.4f} | "
        f"{'reported' if r.required == 'nothing' else 'yes' if r.held else '**no**'} |"
        for r in found
    ]
    return _HEAD.format(day=day, replicates=n, least=LEAST_PER_ARM) + "\n".join(rows) + "\n"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--replicates", type=int, default=2_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--out", type=Path, default=HERE / "CALIBRATION.md")
    given = options.parse_args()
    found = rates(given.replicates, given.seed)
    given.out.write_text(page(found), encoding="utf-8")
    for rate in found:
        print(f"{rate.found:.4f} of {rate.promised:.3f}  {'' if rate.held else 'NOT HELD  '}{rate.what}")
    if not all(rate.held for rate in found):
        raise SystemExit("A promise is not kept where its assumptions hold.")


_HEAD = """# Calibration of A/B tests

Written by `nox -s calibrate` (`benchmarks/calibrate.py`) on {day}, never by hand: {replicates} simulated
experiments a row. *Held* compares the rate found with the promise: within 2.6 Monte-Carlo standard errors,
for sequences not above. Rows that are only *reported* are on spend as skewed as a web shop's (one customer in
ten buys, for a lognormal sum with σ = 1.5), where no method's assumptions hold at these sizes. *Capped* is at
the 95th percentile of what a buyer spends. Sequences begin with {least} customers in each arm and look after
every customer.

| what | promised | found | standard error | held |
|---|---|---|---|---|
"""

if __name__ == "__main__":
    main()
