"""Papermill and nbclient, imported in a third of the time.

They bring jsonschema, which compiles a grammar of international addresses as it is imported: two thirds of
what all imports of a run take, for a check that no notebook needs. Where the grammar is not found, jsonschema
leaves that check out.
"""

from __future__ import annotations

import sys

_GRAMMAR = "rfc3987_syntax"
_hidden = _GRAMMAR not in sys.modules
if _hidden:
    sys.modules[_GRAMMAR] = None  # type: ignore[assignment]  # Python's own way to say: not to be found

import papermill  # noqa: E402
from nbclient.exceptions import CellTimeoutError, DeadKernelError  # noqa: E402

if _hidden:
    del sys.modules[_GRAMMAR]

__all__ = ["CellTimeoutError", "DeadKernelError", "papermill"]
