"""How do our pictures look? One theme, one meaning a colour, and letters of every script.

The colours are Okabe and Ito's (2008), told apart by colour-blind eyes. Nothing happens on import: a
notebook calls :func:`use_theme` once.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.rcsetup import cycler
from matplotlib.ticker import AutoLocator, FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from crm_utils import wording
from crm_utils.plots import in_reports

__all__ = ["COLORS", "HEAT", "heat_map", "say", "use_theme", "write_axis"]

COLORS = {
    "customers": "#0072B2",  # blue: how many
    "money": "#E69F00",  # orange: how much
    "gain": "#009E73",  # green: more than before, a promise kept
    "loss": "#D55E00",  # vermilion: less than before, a promise broken
    "compare": "#CC79A7",  # pink: the other group, the null, the same seen from the other side
    "plain": "#6E6E6E",  # grey: everybody, a reference, no verdict
}
HEAT = "Blues"
"""Colour map for shares in a grid: dark is much."""

_FONT_PACKAGE = (
    "notojp_matplotlib"  # brings Noto Sans CJK (Han, Kana, Hangul; SIL OFL); only its file is used
)
_FONT = "Noto Sans CJK JP"
_CANVAS = "module://crm_utils.plots.canvas"


def use_theme() -> None:
    """Set the look of all pictures that follow, and draw them at double resolution in a notebook."""
    mpl.rcParams.update(
        {
            "figure.figsize": (8.0, 4.2),
            "figure.dpi": 100,
            "figure.constrained_layout.use": True,
            "font.family": ["DejaVu Sans", *_other_scripts()],
            "font.size": 10,
            "text.parse_math": False,  # a dollar is money: "$5 and $6" must not become a formula
            "axes.titlesize": 12,
            "axes.titlelocation": "left",
            "axes.titlepad": 10,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": "#8C8C8C",
            "axes.grid": True,
            "axes.axisbelow": True,
            "axes.prop_cycle": cycler(color=list(COLORS.values())),
            "grid.color": "#E6E6E6",
            "xtick.color": "#4D4D4D",
            "ytick.color": "#4D4D4D",
            "legend.frameon": False,
            "lines.linewidth": 1.8,
        }
    )
    if "ipykernel" in sys.modules:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("retina", backend=_CANVAS)  # type: ignore[no-untyped-call]
        if "CRM_RUN" in os.environ:
            in_reports.register()


def say(ax: Axes, message: str, *, x: str = "", y: str = "", size: float | None = None) -> Axes:
    """Give a picture its message as title, and its axes their names with units."""
    ax.set_title(message, fontsize=size)
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    return ax


def write_axis(ax: Axes, which: str, how: Callable[..., str], *given: str) -> Axes:
    """Write an axis's numbers as the text does: ``write_axis(ax, "x", wording.money, "USD")``."""
    axis = ax.xaxis if which == "x" else ax.yaxis
    if axis.get_scale() == "log":  # else a short range is labelled by matplotlib, in formulas
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_minor_formatter(NullFormatter())
    elif isinstance(axis.get_major_locator(), AutoLocator):
        # No steps of 0.25: they would read "0.2, 0.5, 0.8".
        whole = how is wording.count
        axis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=whole))
    # A scale needs no cents: "$0.00" at the origin becomes "$0".
    axis.set_major_formatter(FuncFormatter(lambda value, _: how(value, *given).removesuffix(".00")))
    return ax


def heat_map(ax: Axes, shares: Any, *, text: Any = None, most: float | None = None) -> Axes:
    """Draw a frame of shares (rows and columns are the labels) with each share written in its cell.

    Parameters
    ----------
    ax
        Where to draw.
    shares
        DataFrame of values from 0 to 1; missing ones stay white.
    text
        DataFrame of what to write instead, of the same shape.
    most
        The value of the darkest colour; the largest share by default.
    """
    values = shares.to_numpy(dtype=float)
    top = most or max(float(shares.max().max()), 1e-9)
    ax.imshow(values, cmap=HEAT, vmin=0, vmax=top, aspect="auto")
    ax.set_xticks(range(shares.shape[1]), [str(c) for c in shares.columns])
    ax.set_yticks(range(shares.shape[0]), [str(r) for r in shares.index])
    ax.grid(visible=False)
    for (row, column), value in ((at, values[at]) for at in zip(*values.nonzero(), strict=True)):
        if value == value:  # not missing
            written = wording.share(value) if text is None else str(text.iat[row, column])
            ink = "white" if value > 0.6 * top else "#262626"
            ax.text(column, row, written, ha="center", va="center", color=ink, fontsize=8)
    return ax


def _other_scripts() -> list[str]:
    """The fallback font's family, made known to matplotlib; nothing where its package is missing."""
    spec = importlib.util.find_spec(_FONT_PACKAGE)  # found, not imported: importing it changes the font
    if spec is None or not spec.submodule_search_locations:
        return []
    if _FONT not in {font.name for font in font_manager.fontManager.ttflist}:
        folder = Path(next(iter(spec.submodule_search_locations))) / "fonts"
        for path in sorted(folder.glob("*.otf")):
            font_manager.fontManager.addfont(path)
    return [_FONT]
