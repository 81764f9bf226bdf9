"""Tasks of :mod:`tasks` about the churn panel, by us and in pandas, from the same orders in Parquet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from frames import frame

__all__ = ["panel_ours", "panel_pandas"]

DAY = "2017-12-31"

Timed = Callable[..., int]


def panel_ours() -> Timed:
    """The churn panel of 12 cut-offs from orders, in memory as Arrow."""
    import pandas as pd  # noqa: F401

    from crm_utils import engine
    from crm_utils.methods.churn import churn_panel

    def run(path: str) -> int:
        orders = engine.connect().read_parquet(path)
        cutoffs, last = _cutoffs(), dt.date.fromisoformat(DAY)
        panel = churn_panel(orders, cutoffs=cutoffs, as_of=last, horizon_days=28, active_days=84)
        return len(panel.to_pyarrow())

    return run


def panel_pandas() -> Timed:
    """The same columns in pandas: days first, then cut-off after cut-off."""
    import numpy as np
    import pandas as pd

    def run(path: str) -> int:
        orders = frame(path, ["customer_id", "ordered_at", "lines", "amount", "discount"])
        orders["discount"] = orders["discount"].astype(float)
        orders["day"] = orders["ordered_at"].dt.normalize()
        orders["orders"] = (orders["amount"] >= 0).astype(int)
        sums = dict.fromkeys(["orders", "amount", "lines", "discount"], "sum")
        days = orders.groupby(["customer_id", "day"], as_index=False).agg(sums)
        panel = [_one_cutoff(days, pd.Timestamp(day), np, pd) for day in _cutoffs()]
        return sum(len(part) for part in panel)

    return run


def _one_cutoff(days: object, cutoff: object, np: object, pd: object) -> object:
    """Features and labels of one cut-off, as a careful pandas user would write them."""
    h = pd.Timedelta(days=28)
    past, ahead = days[days["day"] <= cutoff], days[days["day"] > cutoff]
    bought = past[past["orders"] > 0].groupby("customer_id")["day"]
    per = bought.agg(first="min", last="max", order_days="size")
    gap_sum, n = (per["last"] - per["first"]).dt.days, per["order_days"] - 1
    tenure, recency = (cutoff - per["first"]).dt.days, (cutoff - per["last"]).dt.days
    mean = n.sum() / tenure.sum()
    variance = max((n * (n - 1)).sum() / (tenure**2).sum() - mean**2, mean**2 / 1000)
    per["recency"], per["rhythm"] = recency, (mean / variance + gap_sum) / (mean**2 / variance + n)
    per["ratio"], per["tenure"] = per["recency"] / per["rhythm"], tenure.clip(upper=84)
    for k, name in ((1, "short"), (2, "middle"), (3, "long")):
        window = past[past["day"] > cutoff - k * h].groupby("customer_id")
        sums = window[["orders", "amount", "lines", "discount"]].sum().add_suffix(f"_{name}")
        per = per.join(sums).fillna(dict.fromkeys(sums.columns, 0))
    per = per[per["recency"] < 84].copy()
    per["order_trend"] = per["orders_short"] / per["orders_long"]
    per["spend_trend"] = (per["amount_short"] / per["amount_long"].replace(0, np.nan)).clip(0, 1)
    per["basket_lines"] = per["lines_long"] / per["orders_long"]
    per["discount_share"] = per["discount_long"] / (per["amount_long"] + per["discount_long"])
    horizon = ahead[ahead["day"] <= cutoff + h].groupby("customer_id")
    per = per.join(horizon[["orders", "amount"]].sum().add_suffix("_ahead"))
    per = per.join(ahead[ahead["orders"] > 0].groupby("customer_id")["day"].min().rename("next"))
    per["next_in"] = (per["next"] - cutoff).dt.days
    over = cutoff + h <= pd.Timestamp(DAY)
    per["lapse"] = (~(per["next_in"] <= 28)).astype(float) if over else np.nan
    return per


def _cutoffs() -> list[dt.date]:
    """Twelve days, four weeks apart, the last of them DAY."""
    return [dt.date.fromisoformat(DAY) - dt.timedelta(days=28 * k) for k in range(12)]
