"""When is a load stopped before anyone builds on it? Limits that a study sets; the old snapshot stays.

Rows set aside, volume and columns against the load before, and the age of the newest order.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from crm_utils.errors import DataError

__all__ = ["Quality", "hold_to", "set_aside"]

Share = Annotated[float, Field(strict=False, ge=0, le=1)]


#: Of a table's rows, where a study says nothing: more than that, and more than one, is a wrong mapping.
SET_ASIDE = 0.05
#: Of orders, where a study says nothing.
MIXED_ORDERS = 0.01


class Quality(BaseModel):
    """What a load must keep to. The first two hold where a study says nothing; the others only if it does.

    Attributes
    ----------
    set_aside_at_most
        The share of a table's rows that may break its contract (0 to 1).
    mixed_orders_at_most
        The share of orders whose lines are of several customers or stores, or lie more than a month apart:
        receipt numbers that begin anew in each store, till or year look like that.
    fewer_rows_at_most
        The share by which a table may have fewer rows than in the load before (0 to 1).
    more_rows_at_most
        The factor by which it may have more, less one: 1.0 is twice as many.
    columns_stay
        A column that had values in the load before must have some now.
    age_at_most_days
        Days from the newest order line to today, on the shop's clock.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    set_aside_at_most: Share = SET_ASIDE
    mixed_orders_at_most: Share = MIXED_ORDERS
    fewer_rows_at_most: Share | None = None
    more_rows_at_most: Annotated[float, Field(strict=False, ge=0)] | None = None
    columns_stay: bool = False
    age_at_most_days: Annotated[int, Field(ge=0)] | None = None


def hold_to(
    quality: Quality,
    tables: Mapping[str, Mapping[str, Any]],
    before: Mapping[str, Mapping[str, Any]] | None,
    *,
    last_day: dt.date,
    today: dt.date,
) -> None:
    """Stop a load that breaks a limit.

    Parameters
    ----------
    quality
        The study's limits.
    tables, before
        What the manifests say of the tables now, and in the load before if there was one.
    last_day, today
        Of the newest order line, and now, on the shop's clock.

    Raises
    ------
    DataError
        One sentence for all limits that are broken, each with its name in the study.
    """
    broken = [*set_aside(quality, tables), *_against(quality, tables, before or {})]
    if quality.age_at_most_days is not None and (today - last_day).days > quality.age_at_most_days:
        age = (today - last_day).days
        limit = f"age_at_most_days: {quality.age_at_most_days}"
        broken.append(f"the newest order is of {last_day}, {age} days ago ({limit})")
    if broken:
        raise DataError(
            f"Not loaded, the data break the study's limits: {'; '.join(broken)}. What was loaded before "
            "stays. Mend the data, or change 'quality' in the study."
        )


def set_aside(quality: Quality, tables: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The tables of which too many rows would be set aside, a part of a sentence each."""
    limit = quality.set_aside_at_most
    is_said = "set_aside_at_most" in quality.model_fields_set
    unsaid = "" if is_said else ", which holds unless the study says so"
    return [
        f"{rows['quarantined']:,} of {rows['read']:,} rows of {name} would be set aside "
        f"(set_aside_at_most: {limit}{unsaid})"
        for name, rows in tables.items()
        if rows["quarantined"] > limit * rows["read"] and (is_said or rows["quarantined"] > 1)
    ]


def _against(
    quality: Quality, tables: Mapping[str, Mapping[str, Any]], before: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    for name, then in before.items():
        now = tables.get(name, {"loaded": 0, "filled": {}})
        fewer, more = quality.fewer_rows_at_most, quality.more_rows_at_most
        change = f"{name} has {now['loaded']:,} rows, after {then['loaded']:,} in the load before"
        if fewer is not None and now["loaded"] < (1 - fewer) * then["loaded"]:
            yield f"{change} (fewer_rows_at_most: {fewer})"
        if more is not None and now["loaded"] > (1 + more) * then["loaded"]:
            yield f"{change} (more_rows_at_most: {more})"
        had = [column for column, values in then.get("filled", {}).items() if values]
        gone = [column for column in had if not now["filled"].get(column)]
        if quality.columns_stay and gone:
            yield f"{name} has no more values in {', '.join(gone)} (columns_stay)"
