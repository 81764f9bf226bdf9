"""What does a report get of a picture, beside the picture? Its numbers, and a drawing for a phone."""

from __future__ import annotations

import base64
import weakref
from collections.abc import Callable
from typing import Any

from matplotlib.figure import Figure

from crm_utils.plots.drawn import drawn
from crm_utils.plots.narrow import draw_narrow
from crm_utils.tools.small_png import PICTURE

__all__ = ["register"]

_DPI = 200


def register() -> None:
    """Let IPython give each figure that a cell shows with what a page needs of it."""
    from IPython.core.getipython import get_ipython

    shell: Any = get_ipython()
    formatter, png = shell.display_formatter, shell.display_formatter.formatters["image/png"]
    made = _Made(png.lookup_by_type(Figure))
    formatter.mimebundle_formatter.for_type(Figure, made.beside)
    # IPython asks this one too, after the bundle: by then the figure is narrow.
    png.for_type(Figure, made.wide)


class _Made:
    """What was made of each figure, once: drawing it narrow changes it."""

    def __init__(self, draw: Callable[[Figure], Any]) -> None:
        self._draw = draw
        self._figures: weakref.WeakKeyDictionary[Figure, tuple[Any, dict[str, Any]]] = (
            weakref.WeakKeyDictionary()
        )

    def wide(self, figure: Figure) -> Any:
        """The picture as it would be shown without us."""
        return self._all(figure)[0]

    def beside(self, figure: Figure, **_: Any) -> dict[str, Any]:
        """Its numbers, and the same drawn for a phone."""
        return self._all(figure)[1]

    def _all(self, figure: Figure) -> tuple[Any, dict[str, Any]]:
        if figure not in self._figures:
            wide, tables = self._draw(figure), drawn(figure)
            narrow = draw_narrow(figure, dpi=_DPI)
            encoded = base64.b64encode(narrow).decode() if narrow else ""
            self._figures[figure] = wide, {PICTURE: {"narrow": encoded, "tables": tables}}
        return self._figures[figure]
