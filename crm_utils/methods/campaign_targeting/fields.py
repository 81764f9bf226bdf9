"""How do scenarios and rules write spans of time, times of day, names and money? A type each."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints

__all__ = ["Clock", "Money", "Name", "Share", "Span"]

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def _span(value: object) -> dt.timedelta:
    """``1h``, ``7d``, ``-7d``: a whole number and m, h, d or w."""
    match = re.fullmatch(r"(-?\d+)([mhdw])", value) if isinstance(value, str) else None
    if isinstance(value, dt.timedelta):
        return value
    if not match:
        raise ValueError("not a span of time; write a number and m, h, d or w, such as 3d")
    return dt.timedelta(**{_UNITS[match[2]]: int(match[1])})


def _clock(value: object) -> dt.time:
    if isinstance(value, dt.time):
        return value
    try:
        return dt.time.fromisoformat(value if isinstance(value, str) and len(value) == 5 else "")
    except ValueError:
        raise ValueError('not a time of day; write it in quotes: "08:00"') from None


Span = Annotated[dt.timedelta, BeforeValidator(_span)]
Clock = Annotated[dt.time, BeforeValidator(_clock)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+$")]
Share = Annotated[float, Field(strict=False, ge=0, le=1)]
Money = Annotated[float, Field(strict=False, ge=0)]
