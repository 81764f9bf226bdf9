"""Do tests, lists and types keep their promises? Simulations; writes CALIBRATION.md, by ``nox -s calibrate``.

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

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
from ibis.expr.types import Table
from scipy.stats import norm

from crm_utils.experiments import Metric
from crm_utils.methods.ab_test.campaigns import placebo_table
from crm_utils.methods.ab_test.early_stop import adjusted_estimate
from crm_utils.methods.ab_test.effects import compare
from crm_utils.methods.ab_test.group_sequential import spending_bounds
from crm_utils.methods.ab_test.moments import Sums
from crm_utils.methods.ab_test.sequential import LEAST_PER_ARM, mixture_scale, sequence_half_width
from crm_utils.methods.ab_test.uplift import predicted_groups, qini, split_uplift
from crm_utils.methods.churn.contacts import riskier_share
from crm_utils.methods.churn.metrics import measure_forecasts
from crm_utils.methods.segmentation.clusters import find_clusters

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
    measured: float
    replicates: int
    required: str  # both, above, below or nothing

    @property
    def error(self) -> float:
        """The Monte-Carlo standard error if the promise holds."""
        return math.sqrt(max(self.promised * (1 - self.promised), 0) / self.replicates) or math.nan

    @property
    def held(self) -> bool:
        if math.isnan(self.error):
            return True  # a ratio to the truth, not a rate
        off = (self.measured - self.promised) / self.error
        kept = {"both": abs(off) <= ERRORS, "above": off <= ERRORS, "below": off >= -ERRORS, "nothing": True}
        return kept[self.required]


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
        comparison = compare(sums(one), sums(other), REVENUE, alpha=ALPHA)
        rejected += comparison.p is not None and comparison.p < ALPHA
        comparison = compare(sums(one), sums(values.treated(rng, sizes[1])), REVENUE, alpha=ALPHA)
        covered += comparison.low <= values.effect <= comparison.high
    yield Rate(f"Welch, {name}: rejects, no effect", ALPHA, rejected / replicates, replicates, required)
    what = f"Welch, {name}: interval covers a true effect"
    yield Rate(what, 1 - ALPHA, covered / replicates, replicates, required)


def _with_covariate(replicates: int, seed: int) -> Iterator[Rate]:
    rng, rejected, covered = np.random.default_rng(seed + 1), 0, 0
    for _ in range(replicates):
        past = [NORMAL.draw(rng, 500) for _ in range(3)]
        control, same, better = (x // 2 + NORMAL.draw(rng, 500) for x in past)
        comparison = compare(sums(control, past[0]), sums(better + 100, past[2]), REVENUE, alpha=ALPHA)
        covered += comparison.low <= 100 <= comparison.high
        comparison = compare(sums(control, past[0]), sums(same, past[1]), REVENUE, alpha=ALPHA)
        rejected += comparison.p is not None and comparison.p < ALPHA
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
        comparison = compare(*arms, ORDER_VALUE, alpha=ALPHA)
        rejected += comparison.p is not None and comparison.p < ALPHA
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


def decisions(replicates: int, seed: int) -> Iterator[Rate]:
    """What a page says at the moment of decision: stops, batches, for whom, placebos, lists and types."""
    yield from _at_the_stop(10 * replicates, seed)
    yield _between_batches(5 * replicates, seed)
    yield from _for_whom(replicates, seed)
    yield from _placebos(10 * replicates, seed)
    yield from _lists(2 * replicates, seed)
    yield from _clusters(replicates // 2, seed)


def _at_the_stop(replicates: int, seed: int) -> Iterator[Rate]:
    """Tests of an effect of .05 sd, looked at every 500 customers and stopped at the sequence."""
    looks = np.arange(1_000.0, 10_001.0, 500.0)
    always = sequence_half_width(1.0, looks, rho=mixture_scale(10_000))
    rng, effect = np.random.default_rng(seed), 0.05
    steps = rng.normal(size=(replicates, len(looks))) * np.sqrt(np.diff(looks, prepend=0.0))
    estimates, error = 2 * np.cumsum(steps, axis=1) / looks + effect, 2 / np.sqrt(looks)
    crossed = np.abs(estimates) > always * error
    stopped = np.flatnonzero(crossed.any(axis=1))
    at = crossed[stopped].argmax(axis=1)
    seen = estimates[stopped, at]
    off = np.abs(seen - effect) / error[at]
    what = "Stopped at the sequence, effect of .05 sd: {} covers at the moment of decision"
    fixed = float((off <= norm.ppf(0.975)).mean())
    n = len(stopped)
    yield Rate(what.format("the fixed interval"), 1 - ALPHA, fixed, n, "nothing")
    ever = np.abs(estimates - effect) > always * error
    missed = float(ever.any(axis=1).mean())
    yield Rate(
        "The interval of all looks ever misses an effect of .05 sd", ALPHA, missed, replicates, "above"
    )
    ends = np.where(crossed.any(axis=1), crossed.argmax(axis=1), len(looks) - 1)
    last = estimates[np.arange(replicates), ends]
    adjusted = np.array(
        [
            adjusted_estimate(e, error[k], looks, always, at=int(k))
            for e, k in zip(last[:200], ends, strict=False)
        ]
    )
    early = crossed.any(axis=1)[: len(adjusted)]
    for which, chosen in (("Stopped at the sequence", early), ("All tests, stopped or not", early | True)):
        for name, values in (("as it stands", last[: len(adjusted)]), ("adjusted", adjusted)):
            what = f"{which}, effect of .05 sd: estimate {name}, over the truth"
            yield Rate(what, 1.0, float(values[chosen].mean()) / effect, int(chosen.sum()), "nothing")


def _between_batches(replicates: int, seed: int) -> Rate:
    """No effect, no declared end, ten batches: a verdict after any of them (it was one in five to ten)."""
    rng, wrong = np.random.default_rng(seed), 0
    alpha, n = ALPHA, np.arange(1, 11) * 2_000
    half = sequence_half_width(1.0, n, rho=mixture_scale(10_000, alpha=alpha), alpha=alpha)
    for _ in range(replicates):
        z = np.cumsum(rng.normal(size=10)) / np.sqrt(np.arange(1, 11))
        wrong += bool((np.abs(z) > half).any())
    what = "Without a declared end, ten batches: a verdict after any of them, no effect"
    return Rate(what, ALPHA, wrong / replicates, replicates, "above")


def _for_whom(replicates: int, seed: int) -> Iterator[Rate]:
    """A treatment that does the same to everybody: the Qini interval, and groups that seem to differ."""
    for kind in ("one feature of two values", "six features of noise"):
        better = worse = apart = 0
        for k in range(replicates):
            rng = np.random.default_rng(1_000 * seed + k)
            treated = rng.random(1_000) < 0.5
            y = np.where(rng.random(1_000) < 0.15, rng.exponential(40, 1_000), 0) + 1.0 * treated
            x = pd.DataFrame(rng.normal(size=(1_000, 6)), columns=list("abcdef"))
            x = pd.DataFrame({"a": (x["a"] > 0).astype(float)}) if kind.startswith("one") else x
            split = split_uplift(x, treated, y, seed=k)
            if split is None:
                continue
            judged = split.uplift, treated[split.judges], y[split.judges]
            curve = qini(*judged, seed=k, draws=100)
            better, worse = better + curve.better, worse + (curve.high < 0)
            apart += bool(predicted_groups(*judged)["p_differ"].iloc[0] < ALPHA)
        for name, count, promised in (("lies above 0", better, 0.025), ("lies below 0", worse, 0.025)):
            what = f"For whom, {kind}, nothing to find: Qini interval {name}"
            yield Rate(what, promised, count / replicates, replicates, "above")
        what = f"For whom, {kind}, nothing to find: groups by prediction differ"
        yield Rate(what, ALPHA, apart / replicates, replicates, "nothing")


def _placebos(replicates: int, seed: int) -> Iterator[Rate]:
    """Groups whose trends differ by half an error a span, no effect: campaigns that passed their placebo."""
    rng, spread, sizes = np.random.default_rng(seed), 4.0, {True: 400, False: 600}
    drift = 0.5 * spread * math.sqrt(sum(1 / n for n in sizes.values()))
    rows: list[dict[str, object]] = []
    for k in range(replicates):
        for targeted, n in sizes.items():
            row = {"campaign_id": f"k{k}", "targeted": targeted, "days": 28, "customers": n}
            for name, true in (("before", 10.0), ("placebo", drift * targeted), ("change", drift * targeted)):
                mean = true + rng.normal() * spread / math.sqrt(n)
                row |= {f"{name}_sum": mean * n, f"{name}_squares": (mean**2 + spread**2) * n}
            rows.append(row)
    start = dt.date(2025, 5, 1)
    plans = pd.DataFrame({"campaign_id": [f"k{k}" for k in range(replicates)], "name": "campaign",
                          "starts_on": start, "targeted": sizes[True]})  # fmt: skip
    year = {"first": dt.date(2024, 1, 1), "last": dt.date(2025, 12, 31)}
    judged = placebo_table(pd.DataFrame(rows), plans, **year)
    passed = judged[judged["status"] == "estimated"]
    furthest = np.maximum(passed["placebo_low"].abs(), passed["placebo_high"].abs())
    for name, less in (("as it stands", furthest), ("widened by the placebo's furthest end", 0.0)):
        covered = float(((passed["low"] + less <= 0) & (passed["high"] - less >= 0)).mean())
        required = "nothing" if name == "as it stands" else "below"
        what = f"Placebo passed, trends differ by half an error: interval {name} covers no effect"
        yield Rate(what, 1 - ALPHA, covered, len(passed), required)


def _lists(replicates: int, seed: int) -> Iterator[Rate]:
    """Whom to contact: forecasts that know nothing, and some that know, of customers seen on five days."""
    days, who = np.repeat(np.arange(5), 400), np.tile(np.arange(400), 5)
    for name, knows in (("nothing", 0.0), ("half of what can be known", 0.5)):
        ranked = listed = 0
        for k in range(replicates):
            rng = np.random.default_rng([seed, k])
            own = rng.normal(size=400)
            lapse = rng.random(2_000) < 1 / (1 + np.exp(-own[who]))
            sign = knows * own + math.sqrt(1 - knows**2) * rng.normal(size=400)
            chance = 1 / (1 + np.exp(-sign[who] - 0.3 * rng.normal(size=2_000)))
            rows = pd.DataFrame({"customer_id": who.astype(str), "cutoff": days, "actual": lapse.astype(int),
                                 "forecast": chance})  # fmt: skip
            measured = measure_forecasts(rows[rows["cutoff"] >= 2], ["forecast"], seed=k, draws=200)
            auc = measured[(measured["measure"] == "roc_auc") & (measured["cutoff"] == "all")].iloc[0]
            beats = bool(auc["low"] > 0.5)
            ranked += beats
            listed += beats and riskier_share(rows[rows["cutoff"] < 2], "forecast") > 0
        kind = f"Churn, 400 customers on five days, forecasts know {name}"
        promised, required = (0.025, "above") if not knows else (1.0, "nothing")
        yield Rate(f"{kind}: AUC shown above one half", promised, ranked / replicates, replicates, required)
        yield Rate(f"{kind}: there is a list", promised, listed / replicates, replicates, required)


def _clusters(replicates: int, seed: int) -> Iterator[Rate]:
    """Customers of one kind, and three groups whose centres lie three deviations apart, at two sizes."""
    options = {"seed": seed, "ks": (2, 3, 4, 5), "bootstraps": 2, "nulls": 3}
    for n in (300, 3_000):
        types = right = 0
        for k in range(replicates):
            rng = np.random.default_rng([seed, n, k])
            types += find_clusters(_one_kind(n, rng), **options).apart  # type: ignore[arg-type]
            right += find_clusters(_three_kinds(n, rng), **options).k == 3  # type: ignore[arg-type]
        one = f"Segments, {n:,} customers of one kind: called types"
        yield Rate(one, ALPHA, types / replicates, replicates, "above")
        three = f"Segments, {n:,} customers of three kinds: three are found"
        yield Rate(three, 1 - ALPHA, right / replicates, replicates, "below")


def _one_kind(n: int, rng: np.random.Generator) -> Table:
    """Gamma-Poisson buyers who leave sooner or later: one cloud, skewed, cut off at one order."""
    tenure, gone = rng.uniform(30, 700, n), rng.exponential(400, n)
    watched = np.minimum(tenure, gone)
    repeats = rng.poisson(rng.gamma(0.8, 1 / 60, n) * watched)
    last = watched * np.where(repeats > 0, rng.beta(np.maximum(repeats, 1), 1), 0)
    return _customers(tenure - last, 1 + repeats, (1 + repeats) * rng.lognormal(3.5, 0.5, n))


def _three_kinds(n: int, rng: np.random.Generator) -> Table:
    centres = np.array([(1.0, 4.0, 8.0), (3.0, 2.5, 5.5), (5.0, 1.0, 3.0)])
    values = np.exp(centres[np.arange(n) % 3] + rng.normal(0, 0.5, (n, 3)))
    return _customers(values[:, 0], np.maximum(values[:, 1], 1), values[:, 2])


def _customers(recency: np.ndarray, orders: np.ndarray, revenue: np.ndarray) -> Table:
    money = pa.array([f"{v:.2f}" for v in revenue]).cast(pa.decimal128(38, 2))
    columns = {"recency_days": recency.astype("int64"), "orders": orders.astype("int64"), "revenue": money}
    return ibis.memtable(pa.table({"customer_id": [f"c{k:05d}" for k in range(len(orders))]} | columns))


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


def page(measured: list[Rate]) -> str:
    """CALIBRATION.md."""
    day, n = f"{dt.datetime.now(dt.UTC):%Y-%m-%d}", f"{measured[0].replicates:,}"
    rows = [
        f"| {r.what} | {r.promised:.3f} | {r.measured:.4f} | {r.error:.4f} | "
        f"{'reported' if r.required == 'nothing' else 'yes' if r.held else '**no**'} |"
        for r in measured
    ]
    return _HEAD.format(day=day, replicates=n, least=LEAST_PER_ARM) + "\n".join(rows) + "\n"


def decided(measured: list[Rate]) -> str:
    """The rows of decisions, each with its own number of replicates."""
    rows = [
        f"| {r.what} | {r.promised:.3f} | {r.measured:.4f} | {r.replicates:,} | "
        f"{'reported' if r.required == 'nothing' else 'yes' if r.held else '**no**'} |"
        for r in measured
    ]
    head = "| what | promised | found | replicates | held |\n|---|---|---|---|---|\n"
    return head + "\n".join(rows) + "\n"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--replicates", type=int, default=2_000)
    options.add_argument("--decisions", type=int, default=0, help="only those rows, so many replicates")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--out", type=Path, default=HERE / "CALIBRATION.md")
    given = options.parse_args()
    before = given.out.read_text(encoding="utf-8").split(_SECTION)[0] if given.out.is_file() else ""
    measured = [] if given.decisions else rates(given.replicates, given.seed)
    before = before if given.decisions else page(measured)
    more = list(decisions(given.decisions or given.replicates // 10, given.seed))
    given.out.write_text(before.rstrip() + "\n\n" + _MORE + decided(more), encoding="utf-8")
    measured += more
    for rate in measured:
        print(f"{rate.measured:.4f} of {rate.promised:.3f}  {'' if rate.held else 'NOT HELD  '}{rate.what}")
    if not all(rate.held for rate in measured):
        raise SystemExit("A promise is not kept where its assumptions hold.")


_SECTION = "## At the moment of decision"
_MORE = f"""{_SECTION}

The same, for what a page says when it decides; *over the truth* is a ratio, where 1 is right. Among tests
that stopped early an estimate is too large even when adjusted, because only large ones stop: what the
adjustment promises is to be right over all tests.

Churn: a list is made where the chosen forecast's AUC is shown above one half on later days, and a group of
customers lapsed clearly more often than all on the days it was chosen by. Segments: one kind are
gamma-Poisson buyers; three kinds have centres three standard deviations apart.

"""

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
