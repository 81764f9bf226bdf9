"""What can go wrong, said so that the reader knows what to do next.

Every message names what is wrong, what is there, and what to do. The classes differ by who can mend
it, and each carries the exit code with which ``crm`` ends, so that a scheduler can act on it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["CrmError", "DataError", "LockedError", "RunError", "StudyError", "known_names"]


class CrmError(Exception):
    """Base of every error this project raises on purpose; its text is meant for people."""

    exit_code = 1


class RunError(CrmError):
    """A notebook failed, or a run could not be finished: read the failed run's page (exit code 1)."""

    exit_code = 1


class StudyError(CrmError):
    """A study, a parameter or a day is not valid: change the request (exit code 2)."""

    exit_code = 2


class DataError(CrmError):
    """Data are missing, damaged or break their contract: change the data (exit code 3)."""

    exit_code = 3


class LockedError(CrmError):
    """Another run of the same study is at work: wait, or try later (exit code 4)."""

    exit_code = 4


def known_names(wrong: str, known: Iterable[str], *, label: str = "It has") -> str:
    """Say what is there, and the nearest name when one is near.

    Parameters
    ----------
    wrong
        The name that was not found.
    known
        The names that exist.
    label
        The words before the list.

    Returns
    -------
    str
        A sentence or two, ready to stand behind "has no column 'x'.".

    Examples
    --------
    >>> known_names("amout", ["order_id", "amount"])
    "Did you mean 'amount'? It has: amount, order_id."
    """
    names = sorted(known)
    near = difflib.get_close_matches(wrong, names, n=1)
    guess = f"Did you mean '{near[0]}'? " if near else ""
    return f"{guess}{label}: {', '.join(names) or 'nothing'}."
