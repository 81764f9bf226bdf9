"""Tasks of :mod:`tasks` about models of purchases, by us and by lifetimes, from counts in Parquet.

Each writes the parameters that it ended at beside its input: a fast fit that is worse is no gain.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

__all__ = [
    "bg_nbd_lifetimes", "bg_nbd_ours", "bg_nbd_plain", "bg_nbd_pymc", "pareto_nbd_lifetimes",
    "pareto_nbd_ours", "values_ours", "write_counts",
]  # fmt: skip

Timed = Callable[..., int]


def bg_nbd_ours() -> Timed:
    """BG/NBD of a row a customer: distinct counts in the engine, then the fit."""
    return _ours("bg_nbd")


def pareto_nbd_ours() -> Timed:
    """The same for Pareto/NBD."""
    return _ours("pareto_nbd")


def bg_nbd_lifetimes() -> Timed:
    """BetaGeoFitter on the same rows, grouped beforehand, as its weights allow."""
    from lifetimes import BetaGeoFitter

    return _lifetimes("bg_nbd", BetaGeoFitter)


def bg_nbd_plain() -> Timed:
    """BetaGeoFitter as its documentation shows it: a row a customer."""
    import pandas as pd
    from lifetimes import BetaGeoFitter

    def run(path: str) -> int:
        rows = pd.read_parquet(path)
        fit = BetaGeoFitter()
        fit.fit(rows["x"], rows["t_x"] / 7, rows["T"] / 7)
        Path(f"{path}.bg_nbd_plain").write_text(",".join(map(repr, map(float, fit.params_))), "utf-8")
        return len(rows)

    return run


def pareto_nbd_lifetimes() -> Timed:
    """ParetoNBDFitter on the same rows."""
    from lifetimes import ParetoNBDFitter

    return _lifetimes("pareto_nbd", ParetoNBDFitter)


def bg_nbd_pymc() -> Timed:
    """BetaGeoModel with its own priors at their mode, a row a customer: it knows no weights."""
    import pandas as pd
    from pymc_marketing.clv import BetaGeoModel

    def run(path: str) -> int:
        rows = pd.read_parquet(path)
        data = pd.DataFrame(
            {
                "customer_id": rows.index,
                "frequency": rows["x"],
                "recency": rows["t_x"] / 7,
                "T": rows["T"] / 7,
            }
        )
        model = BetaGeoModel(data=data)
        model.fit(method="map", progressbar=False)
        at = model.idata.posterior
        params = [float(at[name].to_numpy().item()) for name in ("r", "alpha", "a", "b")]
        Path(f"{path}.bg_nbd_pymc").write_text(",".join(map(repr, params)), "utf-8")
        return len(rows)

    return run


def values_ours() -> Timed:
    """The panel of lifetime value, from orders: features and outcomes of seven origins in memory as Arrow."""
    import datetime as dt

    import pandas as pd  # noqa: F401

    from crm_utils import engine
    from crm_utils.methods.lifetime_value import value_panel

    def run(path: str) -> int:
        last = dt.date(2017, 12, 31)
        origins = [last - dt.timedelta(days=45 * k) for k in range(7)]
        orders = engine.connect().read_parquet(path)
        return len(value_panel(orders, origins=origins, as_of=last, horizon_days=45).to_pyarrow())

    return run


def write_counts(path: Path, customers: int, *, seed: int = 1) -> None:
    """Counts of BG/NBD buyers of a year and a half, in days, as the pure world has them."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(seed)
    tenure = rng.integers(182, 546, customers)
    rate, leaves = rng.gamma(0.8, 1 / 63.0, customers), rng.beta(0.8, 2.5, customers)
    bought = rng.poisson(rate * tenure)
    last = rng.geometric(np.maximum(leaves, 1e-9))
    x = np.minimum(bought, last)
    # The x-th of the uniform times of all purchases that would have been made.
    share = np.where(x > 0, rng.beta(np.maximum(x, 1), np.maximum(bought - x + 1, 1)), 0.0)
    t_x = np.where(x > 0, np.maximum(np.ceil(share * tenure), 1), 0).astype(np.int64)
    pq.write_table(pa.table({"x": x, "t_x": np.minimum(t_x, tenure), "T": tenure}), path)


def _ours(model: str) -> Timed:
    import ibis  # noqa: F401 before the clock starts
    import pandas as pd  # noqa: F401

    from crm_utils import engine
    from crm_utils.features.purchase_counts import distinct_counts
    from crm_utils.features.purchase_models import fit_purchases

    def run(path: str) -> int:
        counts = distinct_counts(engine.connect().read_parquet(path))
        fit = fit_purchases(counts, model=model)
        Path(f"{path}.{model}_ours").write_text(",".join(map(repr, fit.params.values())), "utf-8")
        return int(counts["customers"].sum())

    return run


def _lifetimes(model: str, fitter: type) -> Timed:
    import pandas as pd

    def run(path: str) -> int:
        frame = pd.read_parquet(path)
        counts = frame.groupby(["x", "t_x", "T"]).size().rename("n").reset_index()
        fit = fitter()
        fit.fit(counts["x"], counts["t_x"] / 7, counts["T"] / 7, weights=counts["n"])
        Path(f"{path}.{model}_lifetimes").write_text(",".join(map(repr, map(float, fit.params_))), "utf-8")
        return len(frame)

    return run
