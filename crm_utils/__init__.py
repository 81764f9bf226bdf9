"""Helpers of the CRM notebooks: from raw orders to who to contact, with what, and whether it worked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crm_utils.run import open_run

__all__ = ["__version__", "open_run"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import ``open_run`` when it is first asked for: pandas and Ibis would slow down ``crm --help``."""
    if name == "open_run":
        from crm_utils.run import open_run

        return open_run
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
