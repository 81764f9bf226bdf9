"""Is a goal met? One rule for the report's first page and the scorecard."""

from __future__ import annotations

__all__ = ["is_met"]


def is_met(
    value: float, low: float | None, high: float | None, *, target: float, at_least: bool
) -> bool | None:
    """Whether a number reaches its target; None where its interval holds the target.

    Parameters
    ----------
    value, low, high
        The number and the ends of its interval; an end that is missing is the number itself.
    target, at_least
        The goal, and on which side of it is good.

    Examples
    --------
    >>> is_met(0.45, 0.39, 0.51, target=0.4, at_least=True) is None
    True
    """
    ends = [value if end is None else end for end in (low, high)]
    good = [end >= target if at_least else end <= target for end in ends]
    return good[0] if good[0] == good[1] else None
