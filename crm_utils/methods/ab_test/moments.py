"""Which sums decide a test? n, Σy, Σy², Σx, Σx², Σxy an arm, exact, in one pass of the engine.

A Welch test, CUPED, a ratio and their power need no more than these sums (Deng et al. 2013, 2018). They are
sums of decimals and stay exact until centred; only then do they become floats.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import ibis.expr.types as ir
from tea_tasting.aggr import Aggregates

from crm_utils.experiments import Metric

__all__ = ["Sums", "exact_product", "exact_sums", "moments", "read_sums"]

SMALL = 10_000_000
"""The product of two smaller values with two places has at most 18 digits."""

_SQUARE = "decimal(38, 4)"
Pair = tuple[str, str]


@dataclass(frozen=True)
class Sums:
    """Exact sums over the customers of one group.

    Attributes
    ----------
    n
        Customers.
    totals
        Σv for each variable.
    products
        Σvw for each pair of variables that a test needs, by sorted names.
    """

    n: int
    totals: Mapping[str, Fraction]
    products: Mapping[Pair, Fraction]

    def __add__(self, other: Sums) -> Sums:
        """The sums of both groups together."""
        return Sums(
            self.n + other.n,
            {k: v + other.totals[k] for k, v in self.totals.items()},
            {k: v + other.products[k] for k, v in self.products.items()},
        )

    def aggregates(self) -> Aggregates:
        """Means, variances and covariances (n − 1) as tea-tasting takes them; centred before rounding."""
        n = self.n
        means = {name: float(total / n) if n else 0.0 for name, total in self.totals.items()}
        centred = {
            pair: float((total - self.totals[pair[0]] * self.totals[pair[1]] / n) / (n - 1)) if n > 1 else 0.0
            for pair, total in self.products.items()
        }
        return Aggregates(
            count_=n,
            mean_=means,
            var_={a: value for (a, b), value in centred.items() if a == b},
            cov_={pair: value for pair, value in centred.items() if pair[0] != pair[1]},
        )


def exact_sums(
    rows: ir.Table, metrics: Sequence[Metric], *, by: Sequence[str] = ("arm",)
) -> dict[tuple[Any, ...], Sums]:
    """Sum what the tests of these metrics need, in the engine, and read it: a :class:`Sums` for each group.

    Parameters
    ----------
    rows, metrics, by
        As for :func:`moments`.
    """
    used = [metric for metric in metrics if metric.kind != "quantile"]
    named = {f"{column}{ending}" for m in used for column in (m.of, m.per) for ending in ("", "_before")}
    columns = sorted(named & set(rows.columns))
    ends = {f"{end}_{c}": getattr(rows[c], end)().cast("float64") for c in columns for end in ("min", "max")}
    extremes = rows.aggregate(**ends).to_pyarrow().to_pylist()[0] if ends else {}
    small = all(abs(value or 0) < SMALL for value in extremes.values())
    return read_sums(moments(rows, used, by=by, small=small).to_pyarrow().to_pylist(), by=by)


def exact_product(one: Any, other: Any) -> Any:
    """The product of two decimals(18, 2), exact for every value: DuckDB would keep it in 18 digits."""
    return one.cast("decimal(19, 2)") * other


def moments(
    rows: ir.Table, metrics: Sequence[Metric], *, by: Sequence[str] = ("arm",), small: bool = False
) -> ir.Table:
    """Sum what the tests of these metrics need, for each group: one scan, exact decimals.

    Parameters
    ----------
    rows
        A row a customer, from :func:`.outcomes.customer_outcomes`; a column ``…_before``
        is the covariate of its outcome where it is there.
    metrics
        Conversions, means and ratios; quantiles need counts instead of sums and are passed over.
    by
        Columns that make the groups.
    small
        No value is :data:`SMALL` or more, either side of 0: several times faster on DuckDB, which fails, and
        loses nothing, where that is not so.

    Returns
    -------
    ibis.expr.types.Table
        ``by``, ``n``, then ``sum.<variable>`` and ``sum.<variable>.<variable>``; see :func:`read_sums`.

    Examples
    --------
    >>> import ibis
    >>> rows = ibis.memtable({"arm": ["a", "a", "b"], "amount": [1.5, 2.5, 3.0]})
    >>> metric = Metric(name="revenue", kind="mean", of="amount")
    >>> sums = moments(rows.cast({"amount": "decimal(18, 2)"}), [metric]).order_by("arm")
    >>> [row["sum.amount.amount"] for row in sums.to_pyarrow().to_pylist()]
    [Decimal('8.5000'), Decimal('9.0000')]
    """
    variables: dict[str, Any] = {}
    pairs: set[Pair] = set()
    for metric in metrics:
        if metric.kind != "quantile":
            own = _variables(rows, metric)
            variables |= own
            pairs |= {(a, b) for a in own for b in own if a <= b}
    narrow = rows.select(*by, **variables)
    sums: dict[str, Any] = {"n": narrow.count()}
    sums |= {f"sum.{v}": narrow[v].sum().cast("decimal(38, 2)") for v in sorted(variables)}
    for a, b in sorted(pairs):
        product = _product(narrow[a], narrow[b], same=a == b, small=small)
        sums[f"sum.{a}.{b}"] = product.sum().cast(_SQUARE)
    return narrow.group_by(list(by)).aggregate(**sums)


def read_sums(
    rows: Iterable[Mapping[str, Any]], *, by: Sequence[str] = ("arm",)
) -> dict[tuple[Any, ...], Sums]:
    """Read rows of :func:`moments` (``to_pyarrow().to_pylist()``) as a :class:`Sums` for each group."""
    sums = {}
    for row in rows:
        totals, products = {}, {}
        for name, value in row.items():
            parts = name.split(".")
            if parts[0] == "sum" and len(parts) == 2:
                totals[parts[1]] = Fraction(value or Decimal(0))
            elif parts[0] == "sum":
                products[parts[1], parts[2]] = Fraction(value or Decimal(0))
        sums[tuple(row[name] for name in by)] = Sums(int(row["n"]), totals, products)
    return sums


def variable_names(metric: Metric, columns: Iterable[str]) -> dict[str, str]:
    """Which variable plays which part in a metric: numer, denom, numer_covariate, denom_covariate."""
    known = set(columns)
    outcome = f"{metric.of}{_suffix(metric)}"
    names = {"numer": outcome} | ({"denom": metric.per} if metric.per else {})
    before = [f"{column}_before" for column in (metric.of, metric.per) if column]
    covariate = [f"{metric.of}_before{_suffix(metric)}", *before[1:]]
    if set(before) <= known or set(covariate) <= known:
        names |= dict(zip(("numer_covariate", "denom_covariate"), covariate, strict=False))
    return names


def _product(one: Any, other: Any, *, same: bool, small: bool) -> Any:
    """What is summed for a pair of variables.

    Of yes and no it is yes or no, and the square of one is itself: the engine counts these faster.
    """
    if one.type().is_boolean():
        return one if same else one & other
    return one * other if small else exact_product(one, other)


def _variables(rows: ir.Table, metric: Metric) -> dict[str, Any]:
    def value(column: str) -> Any:
        outcome = rows[column].cast("decimal(18, 2)")
        if metric.kind == "conversion":
            return outcome > 0
        if metric.cap is not None:
            cap = Decimal(str(metric.cap)).quantize(Decimal("0.01"))
            return (outcome > cap).ifelse(cap, outcome).cast("decimal(18, 2)")
        return outcome

    names = variable_names(metric, rows.columns)
    made = {names["numer"]: value(metric.of)}
    if metric.per:
        made[metric.per] = value(metric.per)
    if "numer_covariate" in names:
        made[names["numer_covariate"]] = value(f"{metric.of}_before")
    if "denom_covariate" in names:
        made[names["denom_covariate"]] = value(f"{metric.per}_before")
    return made


def _suffix(metric: Metric) -> str:
    """A variable's name tells what was done to it: two metrics may use one outcome in two ways."""
    if metric.kind == "conversion":
        return "_any"
    return f"_to_{metric.cap:g}".replace(".", "_").replace("+", "") if metric.cap is not None else ""
