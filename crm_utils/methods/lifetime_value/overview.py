"""What is there to learn from, do customers leave, and do purchases keep a rhythm? A first look."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from crm_utils.features import Number, ShopFacts
from crm_utils.features.purchase_counts import Regularity
from crm_utils.features.purchase_models import MODELS, Purchases, fit_purchases
from crm_utils.methods.lifetime_value.contenders import distinct_rows
from crm_utils.methods.lifetime_value.origins import OriginPlan

__all__ = ["Fits", "Overview", "fit_all", "overview"]


@dataclass(frozen=True)
class Overview:
    """The data behind the forecasts.

    Attributes
    ----------
    customers
        With a purchase, as of the last day.
    weeks
        Of history.
    one_day_share
        Share of customers who bought on one day only.
    return_share
        Share of the money of purchases that came back.
    plan
        The origins.
    """

    customers: int
    weeks: float
    one_day_share: float
    return_share: float
    plan: OriginPlan

    def numbers(self) -> list[Number]:
        """What is recorded."""
        return [
            Number("customers", self.customers, "customers"),
            Number("weeks", self.weeks, "weeks"),
            Number("one_day_share", self.one_day_share, "share"),
            Number("return_share", self.return_share, "share"),
            Number("horizon_days", self.plan.horizon_days, "days"),
        ]


def overview(frame: pd.DataFrame, plan: OriginPlan, facts: ShopFacts) -> Overview:
    """Look at the panel's last day."""
    now = frame[frame["origin"] == plan.score_on]
    gross = float(now["gross"].sum())
    back = 1 - float(now["spend"].sum()) / gross if gross > 0 else 0.0
    return Overview(
        facts.customers, facts.days / 7, float((now["x"] == 0).mean()), min(max(back, 0.0), 1.0), plan
    )


@dataclass(frozen=True)
class Fits:
    """All models of purchases on the last day known, and how regular purchases are.

    Attributes
    ----------
    models
        By name, the plainest first.
    regularity
        Shape of the gaps.
    """

    models: dict[str, Purchases]
    regularity: Regularity

    @property
    def leaving_seen(self) -> bool:
        """Whether any model of leaving is better than one without it."""
        return any(fit.leaving_seen for fit in self.models.values())

    @property
    def best(self) -> Purchases:
        """The model with the highest likelihood; it says what these data look like, and chooses nothing."""
        return max(self.models.values(), key=lambda fit: fit.log_likelihood)

    def table(self) -> pd.DataFrame:
        """A row a model: ``model``, ``ahead`` (log-likelihood above NBD), ``seen``, ``leaving_share``."""
        rows = [
            (name, fit.log_likelihood - fit.without_leaving, fit.leaving_seen, fit.leaving_share)
            for name, fit in self.models.items()
        ]
        return pd.DataFrame(rows, columns=["model", "ahead", "seen", "leaving_share"])

    def numbers(self) -> list[Number]:
        """What is recorded."""
        likelihoods = [
            Number(f"{name}.log_likelihood", fit.log_likelihood) for name, fit in self.models.items()
        ]
        k = self.regularity
        return [
            *likelihoods,
            Number("leaving_seen", self.leaving_seen),
            Number("leaving_share", self.best.leaving_share, "share"),
            Number("regularity", k.k, "", k.low, k.high),
            Number("regularity.gain", k.gain),
        ]


def fit_all(frame: pd.DataFrame, plan: OriginPlan, regularity: Regularity) -> Fits:
    """Fit every model of purchases to what the last day knows."""
    distinct = distinct_rows(frame[frame["origin"] == plan.score_on])[0]
    return Fits({model: fit_purchases(distinct, model=model) for model in MODELS}, regularity)
