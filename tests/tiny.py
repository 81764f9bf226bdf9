"""A simulated shop in the files of Complete Journey: small, seeded, with that data's quirks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

__all__ = ["ROOT", "TINY", "write_tiny_shop"]

ROOT = Path(__file__).resolve().parents[1]

TINY = """\
title: Tiny shop
source: {kind: complete_journey, folder: raw}
timezone: America/New_York
currency: USD
as_of: 2017-12-31
history_starts: 2017-01-01
"""

PRODUCTS = [
    (1, "GROCERY", "MILK", "FLUID MILK", "National", "1 GA"),
    (2, "GROCERY", "BREAD", "WHITE BREAD", "Private", "20 OZ"),
    (3, "PRODUCE", "BANANAS", "BANANAS", "National", None),
    (4, "MEAT", "BEEF", "GROUND BEEF", "National", "1 LB"),
    (5, "DRUG GM", "CANDY", "한글 <b>캔디</b>", "National", "2 OZ"),
    (6, "FUEL", "COUPON/MISC ITEMS", "GASOLINE-REG UNLEADED", "National", None),
    (7, "MISCELLANEOUS", None, None, "National", None),
]


def write_tiny_shop(folder: Path, *, households: int, seed: int) -> None:
    """Write the eight Parquet files of a year (2017, New York days, times in UTC)."""
    rng = np.random.default_rng(seed)
    orders = _orders(rng, households)
    lines = orders.loc[orders.index.repeat(rng.integers(1, 6, len(orders)))].reset_index(drop=True)
    n = len(lines)
    lines["product_id"] = rng.choice(
        [1, 2, 3, 4, 5, 6, 7, 99], n, p=[0.25, 0.2, 0.2, 0.15, 0.1, 0.05, 0.04, 0.01]
    )
    lines = lines.drop_duplicates(["basket_id", "product_id"]).reset_index(drop=True)
    n = len(lines)
    free = rng.random(n) < 0.01
    lines["quantity"] = np.where(
        free, 0, np.where(lines["product_id"] == 6, rng.integers(500, 2000, n), rng.integers(1, 4, n))
    )
    lines["sales_value"] = np.where(free, 0.0, np.round(rng.gamma(2.0, 1.6, n) + 0.25, 2))
    lines["retail_disc"] = np.round(np.where(rng.random(n) < 0.3, lines["sales_value"] * 0.1, 0.0), 2)
    lines["coupon_disc"] = np.where(rng.random(n) < 0.02, 0.5, 0.0)
    lines["coupon_match_disc"] = np.where(lines["coupon_disc"] > 0, 0.25, 0.0)
    lines["week"] = 1
    days = pd.to_datetime(["2017-03-01", "2017-09-01"])
    campaigns = pd.DataFrame(
        {
            "campaign_id": [1, 2],
            "campaign_type": ["Type A", "Type B"],
            "start_date": days,
            "end_date": days + pd.Timedelta(days=45),
        }
    )
    targeted = pd.DataFrame(
        [(c, h) for c in (1, 2) for h in range(1, households, 2)], columns=["campaign_id", "household_id"]
    )
    redeemed = targeted[targeted["household_id"] % 10 == 1].assign(
        coupon_upc=1,
        redemption_date=lambda t: t["campaign_id"].map({1: days[0], 2: days[1]}) + pd.Timedelta(days=9),
    )
    known = np.arange(1, households + 1, 3)
    people = pd.DataFrame(
        {
            "household_id": known,
            "age": "35-44",
            "income": "50-74K",
            "home_ownership": "Homeowner",
            "marital_status": None,
            "household_size": "2",
            "household_comp": "2 Adults No Kids",
            "kids_count": "0",
        }
    )
    coupons = pd.DataFrame({"coupon_upc": [1, 1], "product_id": [1, 1], "campaign_id": [1, 1]})
    promotions = pd.DataFrame(
        {"product_id": [1], "store_id": [1], "display_location": ["0"], "mailer_location": ["A"], "week": [1]}
    )
    products = pd.DataFrame(
        PRODUCTS,
        columns=["product_id", "department", "product_category", "product_type", "brand", "package_size"],
    )
    files = {
        "transactions": lines,
        "products": products,
        "demographics": people,
        "campaign_descriptions": campaigns,
        "campaigns": targeted,
        "coupon_redemptions": redeemed,
        "coupons": coupons,
        "promotions": promotions,
    }
    for name, frame in files.items():
        frame.to_parquet(folder / f"{name}.parquet", index=False)


def _orders(rng: np.random.Generator, households: int) -> pd.DataFrame:
    """Orders at each household's own pace; a third of the households fall silent on some day."""
    rate = rng.gamma(1.5, 12.0, households) + 1
    start = np.where(
        rng.random(households) < 0.7, rng.integers(0, 20, households), rng.integers(20, 300, households)
    )
    end = np.where(rng.random(households) < 0.33, rng.integers(60, 365, households), 365)
    counts = rng.poisson(rate * np.maximum(end - start, 0) / 365) + 1
    who = np.repeat(np.arange(households), counts)
    # Shops are open from 7 to 23 o'clock in New York, which is at most 4 o'clock UTC of the next day.
    day = np.floor(start[who] + rng.random(len(who)) * np.maximum(end - start, 1)[who]).clip(0, 364)
    moment = (
        pd.Timestamp("2017-01-01 12:00")
        + pd.to_timedelta(day, unit="D")
        + pd.to_timedelta(rng.integers(0, 57000, len(who)), unit="s")
    )
    orders = pd.DataFrame(
        {"household_id": who + 1, "store_id": rng.integers(1, 5, len(who)), "transaction_timestamp": moment}
    )
    orders = orders.sort_values("transaction_timestamp", ignore_index=True)
    return orders.assign(basket_id=np.arange(len(orders)) + 1000)
