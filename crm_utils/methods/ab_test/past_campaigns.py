"""What do past campaigns say, each and all together? Held-out shares first, placebos where there are none."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from crm_utils.experiments import CATALOGUE, Metric
from crm_utils.features.statistics import Number
from crm_utils.methods.ab_test.assignment import assigned, held_out_assignments, one_arm_each
from crm_utils.methods.ab_test.campaigns import (
    Pooled,
    campaign_changes,
    held_out_effects,
    placebo_table,
    pool,
)
from crm_utils.methods.ab_test.moments import exact_sums
from crm_utils.methods.ab_test.outcomes import customer_outcomes

__all__ = ["PastCampaigns", "judge_campaigns"]


@dataclass(frozen=True)
class PastCampaigns:
    """What is known about the campaigns of a shop.

    Attributes
    ----------
    held_out
        Effects against held-out shares, a row a campaign and metric, with ``name``; empty where none was held
        out.
    pooled
        For each metric, all of these campaigns together.
    placebo
        Campaigns without a held-out share: difference before, placebo, and an estimate where it may stand.
    in_two_arms
        Customers both sent and held out in one campaign; left out.
    """

    held_out: pd.DataFrame
    pooled: Mapping[str, Pooled]
    placebo: pd.DataFrame
    in_two_arms: int

    def to_frame(self) -> pd.DataFrame:
        """Both kinds as one table to save: ``how`` says which kind, ``status`` why there is no effect."""
        own = self.held_out.assign(how="held_out", status="estimated")
        other = self.placebo.assign(how="before_after", metric="revenue_a_week", held_out=0, p=None)
        other = other.rename(columns={"targeted": "sent"})
        parts = [part.reindex(columns=_COLUMNS).astype(object) for part in (own, other) if len(part)]
        frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=_COLUMNS)
        texts = dict.fromkeys(["campaign_id", "name", "how", "metric", "status"], "str")
        numbers = dict.fromkeys(["effect", "low", "high", "p"], "float64")
        return frame.astype(texts | numbers | dict.fromkeys(["sent", "held_out"], "int64"))

    @property
    def tried(self) -> pd.DataFrame:
        """Campaigns without a held-out share that could be put to the placebo."""
        return self.placebo[self.placebo["placebo"].notna()] if len(self.placebo) else self.placebo

    @property
    def broken(self) -> int:
        """Placebos that found a change before there was anything to find."""
        tried = self.tried
        return int(((tried["placebo_low"] > 0) | (tried["placebo_high"] < 0)).sum()) if len(tried) else 0

    @property
    def best(self) -> str | None:
        """The metric that says most: contribution where margins are known, else revenue; None without any."""
        return next((name for name in ("contribution", "revenue", "orders") if name in self.pooled), None)

    def numbers(self, currency: str) -> list[Number]:
        """What a run records: the pooled effect of each kind of money, and how the placebos went."""
        numbers = []
        if self.best:
            pooled = self.pooled[self.best]
            name = f"campaigns.{self.best}.effect"
            numbers.append(Number(name, pooled.effect, currency, low=pooled.low, high=pooled.high))
        if len(self.tried):
            apart = float(self.tried["difference"].astype(float).abs().median())
            shown = int(self.tried["effect"].notna().sum())
            numbers += [
                Number(
                    "campaigns.difference_before", apart if apart == apart else None, "standard deviations"
                ),
                Number("campaigns.placebos_failed", self.broken, "campaigns"),
                Number("campaigns.estimates_shown", shown, "campaigns"),
            ]
        return numbers


_COLUMNS = [
    "campaign_id",
    "name",
    "how",
    "metric",
    "sent",
    "held_out",
    "effect",
    "low",
    "high",
    "p",
    "status",
]
MONEY = ("orders", "revenue", "contribution")


def judge_campaigns(
    orders: Any, messages: Any, campaigns: Any, metrics: Sequence[Metric] | None = None, *,
    horizon_days: int, before_days: int, as_of: dt.date, first: dt.date,
) -> PastCampaigns:  # fmt: skip
    """Judge every past campaign by the best means that it left.

    Parameters
    ----------
    orders
        From :func:`.outcomes.orders_with_margin`, as an Ibis table.
    messages, campaigns
        The canonical tables, cut at the end of ``as_of``; None where the study has none: then nothing is
        judged.
    metrics
        What is compared where customers were held out; orders and money by default.
    horizon_days, before_days
        Days from the message in which outcomes count, and before it for the covariate.
    as_of, first
        Last and first day of the data.

    Returns
    -------
    PastCampaigns
    """
    if messages is None or campaigns is None:
        columns = ["campaign_id", "name", "metric", "sent", "held_out", "effect", "low", "high", "p_adjusted"]
        return PastCampaigns(pd.DataFrame(columns=columns), {}, pd.DataFrame(), 0)
    if metrics is None:
        priced = orders.aggregate(n=orders.margin.count()).to_pyarrow().to_pylist()[0]["n"]
        metrics = [Metric(name=name, **CATALOGUE[name]) for name in MONEY if priced or name != "contribution"]
    named: dict[str, str] = dict(zip(*_columns(campaigns, "campaign_id", "name"), strict=True))
    everyone = assigned(held_out_assignments(messages))
    used = _columns(
        everyone.filter(everyone.arm == "held_out").distinct(on="experiment_id"), "experiment_id"
    )[0]
    drawn = everyone.filter(everyone.experiment_id.isin(used)) if used else everyone.limit(0)
    end = dt.datetime.combine(as_of + dt.timedelta(days=1), dt.time()) - dt.timedelta(days=horizon_days)
    rows = customer_outcomes(
        one_arm_each(drawn).filter(one_arm_each(drawn).assigned_at <= end), orders, messages,
        horizon_days=horizon_days, before_days=before_days,
    )  # fmt: skip
    by = ("experiment_id", "arm")
    sums = exact_sums(rows, metrics, by=by) if used else {}
    held = held_out_effects(sums, metrics)
    held.insert(1, "name", held["campaign_id"].map(named).fillna(held["campaign_id"]))
    pooled = {
        m.name: estimate for m in metrics if (estimate := pool(held[held["metric"] == m.name])) is not None
    }
    others = _without(orders, messages, campaigns, used, as_of=as_of, first=first)
    twice = int(drawn.filter(drawn.arms > 1).count().to_pyarrow().as_py())
    return PastCampaigns(held, pooled, others, twice)


def _without(
    orders: Any, messages: Any, campaigns: Any, used: list[str], *, as_of: dt.date, first: dt.date
) -> pd.DataFrame:
    """Campaigns in which nobody was held out."""
    rest = campaigns.filter(~campaigns.campaign_id.isin(used)) if used else campaigns
    meant = messages.group_by("campaign_id").aggregate(targeted=messages.customer_id.nunique())
    table = rest.inner_join(meant, "campaign_id").select("campaign_id", "name", "starts_on", "targeted")
    listed: pd.DataFrame = table.order_by("starts_on", "campaign_id").to_pyarrow().to_pandas()
    if listed.empty:
        return pd.DataFrame()
    changes = campaign_changes(orders, messages, rest).to_pyarrow().to_pandas()
    return placebo_table(changes, listed, first=first, last=as_of)


def _columns(table: Any, *names: str) -> list[list[Any]]:
    columns = table.select(*names).to_pyarrow()
    return [columns[name].to_pylist() for name in names]
