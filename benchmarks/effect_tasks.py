"""Tasks of :mod:`tasks` about experiments: effects on four metrics, by us and by peers, from one file."""

from __future__ import annotations

from collections.abc import Callable

from frames import frame

__all__ = ["effects_ours", "effects_tea_tasting", "means_confidence", "means_ours"]

Timed = Callable[..., int]


def effects_ours() -> Timed:
    """Conversion, orders, revenue and money an order with CUPED: sums in the engine, tests on them."""
    from crm_utils.engine import connect
    from crm_utils.experiments import CATALOGUE, Metric
    from crm_utils.methods.ab_test.effects import compare
    from crm_utils.methods.ab_test.moments import exact_sums

    metrics = [Metric(name=n, **CATALOGUE[n]) for n in ("conversion", "orders", "revenue", "order_value")]

    def run(path: str) -> int:
        sums = exact_sums(connect().read_parquet(path), metrics)
        return len([compare(sums["control",], sums["coupon",], metric) for metric in metrics])

    return run


def effects_tea_tasting() -> Timed:
    """The same four metrics with CUPED by tea-tasting on a pandas frame."""
    import tea_tasting as tt

    def run(path: str) -> int:
        rows = frame(path, ["arm", *_OUTCOMES], money=("amount", "amount_before"))
        for name in ("orders", "orders_before"):
            rows[f"any_{name}"] = (rows[name] > 0).astype(float)
        experiment = tt.Experiment(
            {
                "conversion": tt.Mean("any_orders", "any_orders_before"),
                "orders": tt.Mean("orders", "orders_before"),
                "revenue": tt.Mean("amount", "amount_before"),
                "order_value": tt.RatioOfMeans("amount", "orders", "amount_before", "orders_before"),
            },
            variant="arm",
        )
        return len(experiment.analyze(rows, control="control"))

    return run


def means_ours() -> Timed:
    """Conversion, orders and revenue without covariates: what the peer below can do."""
    from crm_utils.engine import connect
    from crm_utils.experiments import CATALOGUE, Metric
    from crm_utils.methods.ab_test.effects import compare
    from crm_utils.methods.ab_test.moments import exact_sums

    metrics = [Metric(name=n, **CATALOGUE[n]) for n in ("conversion", "orders", "revenue")]

    def run(path: str) -> int:
        rows = connect().read_parquet(path).select("arm", "orders", "amount")
        sums = exact_sums(rows, metrics)
        return len([compare(sums["control",], sums["coupon",], metric) for metric in metrics])

    return run


def means_confidence() -> Timed:
    """The same by spotify-confidence, which takes a row an arm: pandas makes it."""
    from spotify_confidence import StudentsTTest

    def run(path: str) -> int:
        rows = frame(path, ["arm", "orders", "amount"])
        rows["any_orders"] = (rows["orders"] > 0).astype(float)
        count = 0
        for name in ("any_orders", "orders", "amount"):
            rows["squares"] = rows[name] ** 2
            arms = rows.groupby("arm", as_index=False).agg(
                total=(name, "sum"), squares=("squares", "sum"), customers=(name, "size")
            )
            test = StudentsTTest(
                arms,
                numerator_column="total",
                numerator_sum_squares_column="squares",
                denominator_column="customers",
                categorical_group_columns="arm",
            )
            count += len(test.difference(level_1="control", level_2="coupon"))
        return count

    return run


_OUTCOMES = ("orders", "orders_before", "amount", "amount_before")
