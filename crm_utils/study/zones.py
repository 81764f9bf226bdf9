"""Is that a time zone? Asked by studies and by what they say of their sources."""

from __future__ import annotations

import difflib
import zoneinfo

__all__ = ["zone_name"]


def zone_name(name: str) -> str:
    """A zone's name as it is, once it is known to be one.

    Raises
    ------
    ValueError
        There is no such zone; the text offers the nearest.

    Examples
    --------
    >>> zone_name("Asia/Seoul")
    'Asia/Seoul'
    """
    if name not in zoneinfo.available_timezones():
        near = difflib.get_close_matches(name, zoneinfo.available_timezones(), n=1)
        hint = f"did you mean {near[0]}?" if near else "write one such as Asia/Seoul"
        raise ValueError(f"'{name}' is not a time zone; {hint}")
    return name
