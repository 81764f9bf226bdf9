"""Which features does a panel hold, and what is each about? Names, themes and units, no words.

A *theme* is what a reason is about: features of one theme say nearly the same, so that their shares of a
score are only shown together. One feature leads each theme: its value is what a reason states.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

__all__ = ["FEATURES", "LEADING", "THEMES", "Feature", "feature_ranges", "features_there"]


@dataclass(frozen=True)
class Feature:
    """One feature of the panel: its theme and unit."""

    name: str
    theme: str
    unit: str


FEATURES: tuple[Feature, ...] = (
    Feature("recency_days", "silence", "days"),
    Feature("rhythm_days", "silence", "days"),
    Feature("silence_ratio", "silence", "ratio"),
    Feature("usual_orders", "orders", "days"),
    Feature("orders_short", "orders", "orders"),
    Feature("orders_middle", "orders", "orders"),
    Feature("orders_long", "orders", "orders"),
    Feature("order_trend", "trend", "share"),
    Feature("spend_short", "spend", "money"),
    Feature("spend_long", "spend", "money"),
    Feature("spend_trend", "trend", "share"),
    Feature("basket_lines", "basket", "lines"),
    Feature("discount_share", "discounts", "share"),
    Feature("coupon_share", "discounts", "share"),
    Feature("stores", "stores", "stores"),
    Feature("tenure_days", "tenure", "days"),
    Feature("messages", "messages", "messages"),
    Feature("answers", "messages", "messages"),
    Feature("segment", "segment", ""),
)
"""All features that a panel may hold; it holds those whose tables were given."""

THEMES: tuple[str, ...] = tuple(dict.fromkeys(feature.theme for feature in FEATURES))

LEADING: dict[str, str] = {
    "silence": "recency_days",
    "orders": "orders_middle",
    "trend": "order_trend",
    "spend": "spend_long",
    "basket": "basket_lines",
    "discounts": "discount_share",
    "stores": "stores",
    "tenure": "tenure_days",
    "messages": "answers",
    "segment": "segment",
}
"""The feature of each theme whose value a reason states."""


def features_there(columns: pd.Index[str]) -> list[Feature]:
    """The features that a panel has, in the order of :data:`FEATURES`."""
    return [feature for feature in FEATURES if feature.name in columns]


def feature_ranges(panel: pd.DataFrame) -> pd.DataFrame:
    """The features of a panel: unit, share known, and range.

    Returns
    -------
    pandas.DataFrame
        ``feature``, ``theme``, ``unit``, ``known`` (share of rows), ``p5``, ``median``, ``p95`` (null for
        text): the middle nine tenths, as the ends would be single customers. Without ranges where fewer than
        100 rows would make them single customers all the same.
    """
    rows = []
    for feature in features_there(panel.columns):
        values = panel[feature.name]
        shown = pd.api.types.is_numeric_dtype(values) and len(values) >= _FEWEST
        low, middle, high = values.quantile([0.05, 0.5, 0.95]) if shown else (None, None, None)
        rows.append(
            {"feature": feature.name, "theme": feature.theme, "unit": feature.unit,
             "known": float(values.notna().mean()) if len(values) else None,
             "p5": low, "median": middle, "p95": high}
        )  # fmt: skip
    table = pd.DataFrame(rows)
    return table.astype({"known": float, "p5": float, "median": float, "p95": float})


_FEWEST = 100
