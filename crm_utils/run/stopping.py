"""How does a notebook end early without failing? By an error that is an answer."""

from __future__ import annotations

__all__ = ["CannotSay"]


class CannotSay(Exception):  # noqa: N818 - it is an answer, not an error
    """These data cannot answer the notebook's question; its text says why, and what would change it.

    The runner knows it by its name: the notebook's page says so, and the rest of the report goes on. In
    JupyterLab the sentence stands below the cell, without a trace.
    """

    def _render_traceback_(self) -> list[str]:
        return [str(self)]
