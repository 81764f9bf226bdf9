"""What does each feature mean, and how does a person say it? The features in the field's words.

A *theme* is what a reason is about: features of one theme say nearly the same, so that their shares of a
score are only told together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

__all__ = ["FEATURES", "THEMES", "Feature", "feature_table", "features_there", "sentence"]


@dataclass(frozen=True)
class Feature:
    """One feature of the panel: its theme, meaning, unit, and why it should tell anything."""

    name: str
    theme: str
    meaning: str
    unit: str
    why: str


FEATURES: tuple[Feature, ...] = (
    Feature("recency_days", "silence", "from the last purchase to the cut-off", "days",
            "the longer the silence, the likelier it goes on"),
    Feature("rhythm_days", "silence", "days between order days at the expected rate, shrunk", "days",
            "who comes seldom is silent long without leaving"),
    Feature("silence_ratio", "silence", "recency ÷ the customer's own rhythm", "ratio",
            "the same silence is long for one and short for another"),
    Feature("usual_orders", "orders", "order days to expect in a horizon at the customer's own pace so far",
            "days", "all of the history, drawn towards everyone's where it is short"),
    Feature("orders_short", "orders", "purchases in the last horizon", "orders", "habits go on"),
    Feature("orders_middle", "orders", "purchases in the last two horizons", "orders", "steadier than one"),
    Feature("orders_long", "orders", "purchases in the last three horizons", "orders", "steadier still"),
    Feature("order_trend", "trend", "purchases of the last horizon ÷ those of three", "share",
            "a third is steady, less is slowing down"),
    Feature("spend_short", "spend", "revenue in the last horizon, returns taken off", "money",
            "a large basket is a main shopping trip"),
    Feature("spend_long", "spend", "revenue in the last three horizons, returns taken off", "money",
            "share of the household's needs bought here"),
    Feature("spend_trend", "trend", "revenue of the last horizon ÷ that of three, between 0 and 1", "share",
            "smaller baskets come before fewer"),
    Feature("basket_lines", "basket", "lines in a purchase of the last three horizons", "lines",
            "who buys many things depends on the shop more"),
    Feature("discount_share", "discounts", "discount ÷ price before it, last three horizons", "share",
            "who comes for price cuts goes for them too"),
    Feature("coupon_share", "discounts", "purchases with a manufacturer's coupon ÷ all, last three horizons",
            "share", "the same"),
    Feature("stores", "stores", "different stores bought in, last three horizons", "stores",
            "several stores are several occasions to buy"),
    Feature("tenure_days", "tenure", "since the first purchase, at most three horizons", "days",
            "newcomers leave more easily"),
    Feature("messages", "messages", "messages sent in the last three horizons", "messages",
            "who gets messages was chosen for them: no effect of messages"),
    Feature("answers", "messages", "those of them clicked or redeemed by the cut-off", "messages",
            "who answers is reachable"),
    Feature("segment", "segment", "the segment as named on the cut-off", "–",
            "what the other columns add up to"),
)  # fmt: skip
"""All features that a panel may hold; it holds those whose tables were given."""

THEMES: tuple[str, ...] = tuple(dict.fromkeys(feature.theme for feature in FEATURES))


def features_there(columns: pd.Index[str]) -> list[Feature]:
    """The features that a panel has, in the order of :data:`FEATURES`."""
    return [feature for feature in FEATURES if feature.name in columns]


def feature_table(panel: pd.DataFrame) -> pd.DataFrame:
    """Describe the features of a panel: meaning, unit, reason, share known, and range.

    Returns
    -------
    pandas.DataFrame
        ``feature``, ``meaning``, ``unit``, ``why``, ``known`` (share of rows), ``p5``, ``median``, ``p95``
        (null for text): the middle nine tenths, as the ends would be single customers.
    """
    rows = []
    for feature in features_there(panel.columns):
        values = panel[feature.name]
        numeric = pd.api.types.is_numeric_dtype(values)
        low, middle, high = values.quantile([0.05, 0.5, 0.95]) if numeric else (None, None, None)
        rows.append(
            {"feature": feature.name, "meaning": feature.meaning, "unit": feature.unit, "why": feature.why,
             "known": float(values.notna().mean()) if len(values) else None,
             "p5": low, "median": middle, "p95": high}
        )  # fmt: skip
    return pd.DataFrame(rows)


def _plural(count: float, what: str) -> str:
    return f"{count:,.0f} {what}{'' if round(count) == 1 else 's'}"


def _silence(row: dict[str, float], _: int) -> str:
    said = f"{_plural(row['recency_days'], 'day')} since the last order"
    rhythm = row["rhythm_days"]
    return said if pd.isna(rhythm) else f"{said}; usually every {max(rhythm, 1):.0f}"


def _orders(row: dict[str, float], horizon: int) -> str:
    return f"{_plural(row['orders_middle'], 'order')} in the last {2 * horizon} days"


def _trend(row: dict[str, float], horizon: int) -> str:
    return (
        f"{row['orders_short']:,.0f} of the {_plural(row['orders_long'], 'order')} of the last "
        f"{3 * horizon} days fell into the last {horizon}"
    )


def _tenure(row: dict[str, float], horizon: int) -> str:
    if row["tenure_days"] >= 3 * horizon:
        return f"customer for {3 * horizon} days or longer"
    return f"customer for {_plural(row['tenure_days'], 'day')} only"


_SAID: dict[str, Callable[[dict[str, float], int], str]] = {
    "silence": _silence,
    "orders": _orders,
    "trend": _trend,
    "spend": lambda row, horizon: f"spent {row['spend_long']:,.0f} in the last {3 * horizon} days",
    "basket": lambda row, _: f"{row['basket_lines']:.0f} lines in a purchase",
    "discounts": lambda row, _: f"{100 * row['discount_share']:.0f} % off on average",
    "stores": lambda row, _: f"buys in {_plural(row['stores'], 'store')}",
    "tenure": _tenure,
    "messages": lambda row, _: f"{row['answers']:,.0f} of {_plural(row['messages'], 'message')} answered",
    "segment": lambda row, _: f"segment {row['segment']}",
}


def sentence(theme: str, row: dict[str, float], *, horizon_days: int) -> str:
    """Say in words what one customer's row holds about a theme.

    Parameters
    ----------
    theme
        One of :data:`THEMES`.
    row
        The customer's features by name.
    horizon_days
        The horizon of the panel.

    Examples
    --------
    >>> sentence("silence", {"recency_days": 17, "rhythm_days": 6.2}, horizon_days=28)
    '17 days since the last order; usually every 6'
    """
    try:
        return _SAID[theme](row, horizon_days)
    except (KeyError, ValueError):  # a feature of the theme is not there, or not known of this customer
        return f"{theme} not known"
