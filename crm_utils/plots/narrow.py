"""How does a picture look on a phone? Drawn anew at its width, panels one below the other."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.ticker import LogLocator, MaxNLocator

from crm_utils.plots.drawn import names_of

__all__ = ["WIDTH", "draw_narrow"]

WIDTH = 4.0
"""Inches at 100 points each: a phone shows 390."""

_LINE, _TICK = 44, 20  # letters of a line, and of a group's name
_PANEL, _ENTRY = 2.9, 0.2  # inches of a panel's height, and of a legend's line


def draw_narrow(figure: Figure, *, dpi: float) -> bytes | None:
    """The figure as a PNG for a phone; None for what is wide by nature: a grid of many columns.

    The figure is changed and cannot be drawn wide again.
    """
    if not figure.axes or any(_is_wide(ax) for ax in figure.axes):
        return None
    _stack(figure)
    for ax in figure.axes:
        _fit(ax)
    _title(figure)
    _legends(figure)
    target = io.BytesIO()
    figure.savefig(target, format="png", dpi=dpi, backend="module://crm_utils.plots.canvas")
    return target.getvalue()


def _is_wide(ax: Axes) -> bool:
    """A grid of many columns or of words, and columns with words above them."""
    grid = any(image.get_array().shape[1] > 6 for image in ax.images)  # type: ignore[union-attr]
    words = any(len(text.get_text()) > 6 for text in ax.texts)
    return grid or (words and bool(ax.images or names_of(ax.xaxis)))


def _stack(figure: Figure) -> None:
    """Panels beside each other go below each other."""
    height = max(figure.get_figheight(), _PANEL)
    columns = max(ax.get_subplotspec().get_gridspec().ncols for ax in figure.axes)  # type: ignore[union-attr]
    if columns > 1:
        grid = GridSpec(len(figure.axes), 1, figure=figure)
        for place, ax in enumerate(figure.axes):
            ax.set_subplotspec(grid[place, 0])
            ax.tick_params(labelleft=True, labelbottom=True)
        height = _PANEL * len(figure.axes)
    figure.set_size_inches(WIDTH, height)


def _fit(ax: Axes) -> None:
    """Labels that wrap, and no more ticks than have room."""
    names = names_of(ax.yaxis)
    ax.set_xlabel(_wrapped(ax.get_xlabel(), 26 if names else 38))
    ax.set_ylabel(_wrapped(ax.get_ylabel(), 30))
    ax.set_title(_wrapped(ax.get_title(loc="left"), _LINE - 8), fontsize=10, loc="left")
    if names:
        labels = [_wrapped(name, _TICK) for name in names.values()]
        ax.set_yticks(list(names), labels, fontsize=8.5)
        _grow(ax, _ENTRY * sum(label.count("\n") for label in labels))
    if names_of(ax.xaxis):
        _few_names(ax)
    elif not isinstance(ax.xaxis.get_major_locator(), LogLocator):
        ax.xaxis.set_major_locator(_few(ax.xaxis.get_major_locator(), 3 if names else 4))
        if hasattr(ax.xaxis.get_major_locator(), "maxticks"):  # 2025-07 is wide, and five may stand in a row
            ax.tick_params(axis="x", labelsize=8)
    for text in ax.texts:
        text.set_fontsize(min(float(text.get_fontsize()), 8.0))


def _grow(part: Any, inches: float) -> None:
    """Make the figure higher."""
    figure = part.get_figure()
    figure.set_figheight(figure.get_figheight() + inches)


def _few(locator: Any, most: int) -> Any:
    """Few marks; days keep a locator that knows days."""
    if hasattr(locator, "maxticks"):
        locator.maxticks = dict.fromkeys(locator.maxticks, most)
        return locator
    ticks = getattr(locator, "locs", None)
    if ticks is not None:  # fixed places: every second, or third
        locator.locs = list(ticks)[:: -(-len(ticks) // 6)]
        return locator
    if isinstance(locator, MaxNLocator):  # its steps are those that the labels are written for
        locator.set_params(nbins=most)
        return locator
    return MaxNLocator(nbins=most)


def _few_names(ax: Axes) -> None:
    names = names_of(ax.xaxis)
    letters = sum(map(len, names.values()))
    every = -(-letters // (_LINE - 8)) if len(names) > 6 else 1
    few = list(names.items())[::every]
    ax.set_xticks([place for place, _ in few], [_wrapped(name, 10) for _, name in few], fontsize=8.5)


def _title(figure: Figure) -> None:
    """The message over the whole width: a single panel's title moves up to the figure."""
    title = figure.get_suptitle()
    if not title and len(figure.axes) == 1:
        ax = figure.axes[0]
        title = ax.get_title(loc="left")
        ax.set_title("", loc="left")
    if title:
        figure.suptitle(_wrapped(" ".join(title.split()), _LINE), x=0.02, ha="left", fontsize=11)


def _legends(figure: Figure) -> None:
    """All legends below, a line an entry: inside a narrow panel they would hide it."""
    legends = [*figure.legends, *(ax.get_legend() for ax in figure.axes)]
    entries: dict[str, Any] = {}
    for legend in filter(None, legends):
        entries |= dict(zip(_texts(legend.get_texts()), legend.legend_handles, strict=True))
        legend.remove()
    if entries:
        labels = [_wrapped(label, _LINE) for label in entries]
        figure.legend(list(entries.values()), labels, loc="outside lower left", fontsize=9)
        _grow(figure, _ENTRY * len(entries))


def _texts(texts: Iterable[Any]) -> list[str]:
    return [text.get_text() for text in texts]


def _wrapped(text: str, width: int) -> str:
    return (
        "\n".join(textwrap.wrap(" ".join(text.split()), width, break_long_words=False))
        if text.strip()
        else ""
    )
