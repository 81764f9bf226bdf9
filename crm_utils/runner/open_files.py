"""May enough files be open at a time? A kernel that cannot open another dies without a word of it.

Sockets, pipes and files of data count alike (``ulimit -n``; ``LimitNOFILE`` of systemd). Seen: a notebook
that does next to nothing needs some 60, its run and its kernel alike; each further one some 20 more.
"""

from __future__ import annotations

import importlib
from typing import Any

from crm_utils.errors import RunError

__all__ = ["notebooks_in_parallel"]

#: Files that a run needs without its notebooks, and for each of them that runs at a time.
_RUN, _NOTEBOOK = 64, 32
#: As many are asked for where the system lets us.
_WANTED = 4_096


def notebooks_in_parallel(wanted: int) -> int:
    """How many notebooks may run at a time by the limit of open files, which is raised if it may be.

    Raises
    ------
    RunError
        Not even one: the text says what the limit is and what to set it to.

    Examples
    --------
    >>> notebooks_in_parallel(2)
    2
    """
    try:
        resource: Any = importlib.import_module("resource")
    except ImportError:  # Windows has no such limit
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = hard if hard != resource.RLIM_INFINITY else _WANTED
    if soft != resource.RLIM_INFINITY and soft < min(most, _WANTED):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, _WANTED), hard))
        soft = min(most, _WANTED)
    if soft == resource.RLIM_INFINITY:
        return wanted
    if soft < _RUN + _NOTEBOOK:
        raise RunError(
            f"Only {soft} files may be open at a time, and a run needs {_RUN + _NOTEBOOK}. Nothing was "
            "published. Raise the limit (ulimit -n 1024; systemd: LimitNOFILE=1024), then run again."
        )
    return int(min(wanted, (soft - _RUN) // _NOTEBOOK))
