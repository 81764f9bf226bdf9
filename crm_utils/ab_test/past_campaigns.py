"""What do past campaigns say, each and all together? Held-out shares first, placebos where there are none."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from crm_utils.ab_test.assignment import assigned, held_out_assignments, one_arm_each
from crm_utils.ab_test.campaigns import Pooled, campaign_changes, held_out_effects, placebo_table, pool
from crm_utils.ab_test.moments import exact_sums
from crm_utils.ab_test.outcomes import customer_outcomes
from crm_utils.experiments import Metric

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
        """Both kinds as one table to save: ``how`` says which kind a row is."""
        columns = [
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
            "note",
        ]
        by_lot = self.held_out.assign(how="held out at random", note="")
        other = self.placebo.assign(how="before and after", metric="revenue a week", held_out=0, p=None)
        other = other.rename(columns={"targeted": "sent"})
        parts = [part.reindex(columns=columns).astype(object) for part in (by_lot, other) if len(part)]
        frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
        numbers = dict.fromkeys(["effect", "low", "high", "p"], "float64")
        return frame.astype(numbers | dict.fromkeys(["sent", "held_out"], "int64"))


def judge_campaigns(
    orders: Any, messages: Any, campaigns: Any, metrics: Sequence[Metric], *,
    horizon_days: int, before_days: int, as_of: dt.date, first: dt.date,
) -> PastCampaigns:  # fmt: skip
    """Judge every past campaign by the best means that it left.

    Parameters
    ----------
    orders
        From :func:`~crm_utils.ab_test.outcomes.orders_with_margin`, as an Ibis table.
    messages, campaigns
        The canonical tables, cut at the end of ``as_of``.
    metrics
        What is compared where customers were held out.
    horizon_days, before_days
        Days from the message in which outcomes count, and before it for the covariate.
    as_of, first
        Last and first day of the data.

    Returns
    -------
    PastCampaigns
    """
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
    pooled = {m.name: found for m in metrics if (found := pool(held[held["metric"] == m.name])) is not None}
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
    told: pd.DataFrame = table.order_by("starts_on", "campaign_id").to_pyarrow().to_pandas()
    if told.empty:
        return pd.DataFrame()
    changes = campaign_changes(orders, messages, rest).to_pyarrow().to_pandas()
    return placebo_table(changes, told, first=first, last=as_of)


def _columns(table: Any, *names: str) -> list[list[Any]]:
    found = table.select(*names).to_pyarrow()
    return [found[name].to_pylist() for name in names]
