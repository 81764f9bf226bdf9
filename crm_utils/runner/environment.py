"""What do kernels inherit? This process's variables, without what opens a door: only loading needs that.

Executed notebooks are shown to anybody, and one line of code prints all variables. A notebook's author who
means harm still runs as this user: see docs/privacy.md for what that can read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from crm_utils.people.pseudonyms import KEY_NAME

__all__ = ["for_kernels"]

#: The first would have each kernel import everything anew; the others are the key and credentials.
_WITHHELD = {"PYTHONDONTWRITEBYTECODE", KEY_NAME, "CRM_DATABASE_USER", "CRM_DATABASE_PASSWORD"}
#: Names that say: a secret. PWD is the working folder.
_SECRET = re.compile(
    r"PASSWORD|PASSWD|PASSPHRASE|PASSFILE|(^|_)PASS($|_)|_PWD$|SECRET|TOKEN|KEY|CREDENTIAL|COOKIE|(^|_)AUTH"
    r"|(^|_)DSN$|CONNECTION_?STRING|CONN_?STR|SERVICEFILE|WEBHOOK|(^|_)SAS($|_)|(^|_)PAT$",
    re.IGNORECASE,
)
#: An address that holds a user's password.
_OPENS = re.compile(r"://[^/\s:@]*:[^/\s@]+@")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def for_kernels(
    environment: Mapping[str, str], source: Mapping[str, Any], *, opens: Iterable[str] = ()
) -> dict[str, str]:
    """The variables that kernels may have.

    Parameters
    ----------
    environment
        This process's.
    source
        The study's ``source``: variables that it names, alone or as the beginning of a name
        (``credentials: SHOP``, for ``SHOP_USER``), are for loading.
    opens
        Variables by which a notebook opens the study's engine: these it needs, secret or not.

    Returns
    -------
    dict
        All others, but for those whose name or value says that they are secrets; and ``opens``.

    Examples
    --------
    >>> for_kernels({"LANG": "C", "SHOP_USER": "crm", "API_KEY": "x", "PWD": "/"}, {"credentials": "SHOP"})
    {'LANG': 'C', 'PWD': '/'}
    """
    named = {text.upper() for text in _texts(source) if _NAME.fullmatch(text)}
    opening = [name for name in opens if name in environment and name not in _WITHHELD]
    return {name: environment[name] for name in opening} | {
        name: value
        for name, value in environment.items()
        if name not in _WITHHELD
        and (name in ("PWD", "OLDPWD") or not _SECRET.search(name))
        and not _OPENS.search(value)
        and not _is_named(name.upper(), named)
    }


def _is_named(name: str, named: set[str]) -> bool:
    parts = name.split("_")
    return any("_".join(parts[:n]) in named for n in range(1, len(parts) + 1)) and name not in _NEEDED


#: Without these a kernel does not start, whatever a study calls its columns.
_NEEDED = {
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "TEMP",
    "TMP",
    "SYSTEMROOT",
    "PYTHONPATH",
    "USER",
}


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, Mapping):
        for value in node.values():
            yield from _texts(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _texts(value)
