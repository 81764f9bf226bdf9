"""What can go wrong, said so that the reader knows what to do next.

Every message names what is wrong, what is there, and what to do. The classes differ by who can mend
it, and each carries the exit code with which ``crm`` ends, so that a scheduler can act on it:

====  ==========================================================================
code  meaning
====  ==========================================================================
0     done
1     an error nobody foresaw: Python's traceback, ours to mend
2     :class:`StudyError`; also an unknown option or command, as every Unix tool
3     :class:`DataError`
4     :class:`LockedError`: the only one worth trying again unchanged
5     :class:`RunError`
130   stopped by SIGINT (128 + 2)
143   stopped by SIGTERM (128 + 15)
====  ==========================================================================
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

__all__ = ["CrmError", "DataError", "LockedError", "RunError", "StudyError", "known_names", "without_values"]

#: A list longer than this hides the sentence it stands in.
_MOST_NAMES = 20


class CrmError(Exception):
    """Base of every error this project raises on purpose; its text is meant for people."""

    # For the subclasses to replace: the base itself is never raised.
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


class RunError(CrmError):
    """A notebook failed, or a run could not be finished: read the failed run's page (exit code 5)."""

    exit_code = 5


def without_values(error: Exception) -> str:
    """What an engine says: its first line, without the values it quotes, for they may name a person.

    Examples
    --------
    >>> without_values(ValueError("Could not convert 'kim@example.com' to INT."))
    "Could not convert '…' to INT"
    """
    # From the first mark to the last: a value may hold marks itself (O'Brien).
    first = re.sub(r"'.*'", "'…'", str(error).partition("\n")[0])
    return re.sub(r'".*"', '"…"', first).rstrip(".")


def known_names(wrong: object, known: Iterable[object], *, label: str = "It has") -> str:
    """Say what is there, and the nearest name when one is near.

    Parameters
    ----------
    wrong
        The name that was not found.
    known
        The names that exist, in any order; a name that comes twice is said once.
    label
        The words before the list.

    Returns
    -------
    str
        A sentence or two, ready to stand behind "has no column 'x'."; at most 20 names, then how
        many more there are.

    Examples
    --------
    >>> known_names("Amout", ["order_id", "amount"])
    "Did you mean 'amount'? It has: amount, order_id."
    """
    names = sorted({str(name) for name in known})
    # Compared without case: AMOUNT is nearer to amount than to ACCOUNT.
    folded = {name.casefold(): name for name in names}
    near = difflib.get_close_matches(str(wrong).casefold(), folded, n=1)
    guess = f"Did you mean '{folded[near[0]]}'? " if near else ""
    more = len(names) - _MOST_NAMES
    shown = ", ".join(names[:_MOST_NAMES]) or "nothing"
    return f"{guess}{label}: {shown}{f' and {more:,} more' if more > 0 else ''}."
