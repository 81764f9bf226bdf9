"""How far is credit from what the lot shows? Rules beside the held-out lift, and what calibration would mend.

Credit without a randomised lift is *not verified*. A factor, lift over credit, says by how much a rule is
wrong for one campaign; the factor of the other campaigns says whether that can be foreseen.
"""

from __future__ import annotations

from dataclasses import dataclass

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from crm_utils.features.statistics import Number, z
from crm_utils.methods.customer_journey.clock import HALVES
from crm_utils.methods.customer_journey.credit import RULES, credits
from crm_utils.methods.customer_journey.paths import PLACEBO, campaign_of, click_credit

__all__ = [
    "CLICK_DAYS",
    "COLUMNS",
    "SHOWN_RULES",
    "Calibration",
    "all_credits",
    "beside",
    "calibrate",
    "campaign_names",
    "clicks_by_days",
]

CLICK_DAYS = (1, 7, 28)
"""Days after a click in which tools count an order."""
SHOWN_RULES = (*RULES, "shapley", "markov", *(f"click_{days}" for days in CLICK_DAYS))
"""All rules of a page."""
COLUMNS = [
    "rule", "channel", "campaign_id", "credit", "low", "high", "lift", "lift_low", "lift_high", "verified",
    "factor", "factor_low", "factor_high",
]  # fmt: skip
"""Of :func:`beside`."""


@dataclass(frozen=True)
class Calibration:
    """How wrong credits of a campaign are, before and after the factor of the other campaigns.

    Attributes
    ----------
    table
        A row a rule: ``rule``, ``campaigns``, ``factor`` (of all), ``off`` and ``off_calibrated`` (mean
        absolute distance from the measured lift, orders).
    error
        Mean standard error of the lifts: no rule can seem nearer to them than chance lets it.
    """

    table: pd.DataFrame
    error: float

    def numbers(self) -> list[Number]:
        """What is recorded."""
        return [
            number
            for row in self.table.to_dict("records")
            for number in (
                Number(f"credit.{row['rule']}.off", row["off"], "orders"),
                Number(f"credit.{row['rule']}.off_calibrated", row["off_calibrated"], "orders"),
            )
        ]


def campaign_names(messages: ir.Table) -> pd.DataFrame:
    """The campaigns of messages: ``touch``, ``channel`` (the last by name, where they went by several)."""
    rows = messages.mutate(touch=campaign_of(messages))
    rows = rows.filter(rows.touch.notnull()).group_by("touch").aggregate(channel=rows.channel.max())
    frame: pd.DataFrame = rows.order_by("touch").to_pandas()
    return frame


def all_credits(
    paths: pd.DataFrame, clicks: dict[int, pd.DataFrame], *, rules: tuple[str, ...] = SHOWN_RULES
) -> pd.DataFrame:
    """Every rule's credits with intervals.

    Parameters
    ----------
    paths
        From :func:`.paths.touch_paths`.
    clicks
        By days, from :func:`.paths.click_credit`.
    rules
        Of :data:`SHOWN_RULES`.

    Returns
    -------
    pandas.DataFrame
        As :func:`.credit.credits` gives them, one under the other.
    """
    parts = [credits(paths, rule) for rule in rules if not rule.startswith("click_")] if len(paths) else []
    for rule in rules:
        if rule.startswith("click_"):
            parts.append(_of_clicks(clicks.get(int(rule.removeprefix("click_"))), rule))
    whole = [part for part in parts if len(part)]
    columns = ["rule", "touch", "credit", "low", "high", "error"]
    return pd.concat(whole, ignore_index=True) if whole else pd.DataFrame(columns=columns)


def beside(credit: pd.DataFrame, lift: pd.DataFrame, campaigns: pd.DataFrame) -> pd.DataFrame:
    """Put credits beside the held-out lift.

    Parameters
    ----------
    credit
        From :func:`all_credits`.
    lift
        From :func:`.lift.held_out_lift`.
    campaigns
        From :func:`campaign_names`: what else is touched is a source of visits.

    Returns
    -------
    pandas.DataFrame
        :data:`COLUMNS`. ``verified`` where people were left out at random; ``factor`` is lift over credit,
        with the interval of a ratio by the delta method, missing where there is no credit.

    Examples
    --------
    >>> credit = pd.DataFrame({"rule": ["last"], "touch": ["k1"], "credit": [40.0], "low": [30.0],
    ...                        "high": [50.0], "error": [5.0]})
    >>> lift = pd.DataFrame({"touch": ["k1"], "lift": [10.0], "low": [-9.6], "high": [29.6], "error": [10.0]})
    >>> names = pd.DataFrame({"touch": ["k1"], "channel": ["sms"]})
    >>> beside(credit, lift, names)[["campaign_id", "verified", "factor"]].values.tolist()
    [['k1', True, 0.25]]
    """
    lifts = lift.rename(columns={"low": "lift_low", "high": "lift_high", "error": "lift_error"})
    lifts = lifts[["touch", "lift", "lift_low", "lift_high", "lift_error"]]
    # A campaign that a rule gives nothing still has its lift.
    grid = pd.MultiIndex.from_product([credit["rule"].unique(), lifts["touch"]], names=["rule", "touch"])
    rows = credit.merge(grid.to_frame(index=False), on=["rule", "touch"], how="outer")
    rows[["credit", "low", "high", "error"]] = rows[["credit", "low", "high", "error"]].fillna(0.0)
    rows = rows.merge(lifts, on="touch", how="left").merge(campaigns, on="touch", how="left")
    ours = rows["touch"].isin([*campaigns["touch"], *lifts["touch"]])
    given = rows["credit"] > 0
    size = rows["credit"].where(given)
    factor = rows["lift"] / size
    spread = np.sqrt(rows["lift_error"] ** 2 + factor**2 * rows["error"] ** 2) / size
    table = rows.assign(
        campaign_id=rows["touch"].where(ours, ""),
        channel=rows["channel"].where(ours, rows["touch"]).fillna(""),
        verified=rows["lift"].notna(), factor=factor, factor_low=factor - z() * spread,
        factor_high=factor + z() * spread,
    )  # fmt: skip
    place = {rule: k for k, rule in enumerate(SHOWN_RULES)}
    table = table.assign(place=table["rule"].map(place).fillna(len(place)))
    table = table.sort_values(["place", "campaign_id", "channel"], kind="stable")
    return table[COLUMNS].reset_index(drop=True)


def calibrate(table: pd.DataFrame) -> Calibration:
    """Multiply each campaign's credit by the factor that the *other* campaigns have.

    Parameters
    ----------
    table
        From :func:`beside`. The made-up campaign is left out.

    Notes
    -----
    The factor is a regression of lifts on credits through the origin, weighted by the lifts' precision.
    """
    known = table[table["verified"] & (table["campaign_id"] != PLACEBO)]
    rows, errors = [], []
    for rule, part in known.groupby("rule", sort=False):
        credit, lift = part["credit"].to_numpy(float), part["lift"].to_numpy(float)
        error = (part["lift_high"] - part["lift_low"]).to_numpy(float) / (2 * z())
        if len(part) < 3 or not (credit > 0).any():
            continue
        weight = 1 / np.maximum(error, 1e-9) ** 2
        top, bottom = weight * credit * lift, weight * credit**2
        others = (top.sum() - top) / np.maximum(bottom.sum() - bottom, 1e-12)
        rows.append((
            rule, len(part), float(top.sum() / bottom.sum()), float(np.abs(credit - lift).mean()),
            float(np.abs(others * credit - lift).mean()),
        ))  # fmt: skip
        errors.append(float(error.mean()))
    columns = ["rule", "campaigns", "factor", "off", "off_calibrated"]
    return Calibration(pd.DataFrame(rows, columns=columns), errors[0] if errors else float("nan"))


def _of_clicks(counts: pd.DataFrame | None, rule: str) -> pd.DataFrame:
    """Credits of clicks, with errors over groups of customers."""
    columns = ["rule", "touch", "credit", "low", "high", "error"]
    if counts is None or not len(counts):
        return pd.DataFrame(columns=columns)
    wide = counts.pivot_table(index="touch", columns="group", values="credit", aggfunc="sum", fill_value=0)
    each = wide.to_numpy(float)
    empty = np.zeros((len(each), max(0, HALVES - each.shape[1])))
    each = np.hstack([each, empty])
    total, g = each.sum(axis=1), each.shape[1]
    error = np.sqrt(g / (g - 1) * ((each - total[:, None] / g) ** 2).sum(axis=1))
    reach = z() * error
    return pd.DataFrame({
        "rule": rule, "touch": wide.index.astype("str"), "credit": total,
        "low": np.clip(total - reach, 0, None), "high": total + reach, "error": error,
    })  # fmt: skip


def clicks_by_days(messages: ir.Table, orders: ir.Table, **days: object) -> dict[int, pd.DataFrame]:
    """The orders that follow a click within each of :data:`CLICK_DAYS`; see :func:`.paths.click_credit`."""
    return {
        n: click_credit(messages, orders, days=n, **days).order_by("touch", "group").to_pandas()  # type: ignore[arg-type]
        for n in CLICK_DAYS
    }
