"""Which numbers does a picture draw? Its points, bars and bands as a table, in the words of its axes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypedDict

import matplotlib.dates as mdates
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.category import StrCategoryFormatter
from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.colors import to_hex
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from crm_utils.tools.language import _

__all__ = ["Panel", "drawn", "names_of"]

MOST_ROWS = 400
"""A longer table is thinned: every second row, or third, and its caption says so."""

_INK = "#262626"
"""The colour of intervals drawn over bars."""
_DATES = (mdates.ConciseDateFormatter, mdates.AutoDateFormatter, mdates.DateFormatter)


class Panel(TypedDict):
    """The table of one panel: its title, its columns' heads, its rows of written values."""

    title: str
    head: list[str]
    rows: list[list[str]]


@dataclass
class _Series:
    """What shares a label: a value a place, an interval a place."""

    label: str
    values: dict[float, float] = field(default_factory=dict)
    colors: set[str] = field(default_factory=set)
    intervals: dict[float, tuple[float, float]] = field(default_factory=dict)
    begins: dict[float, float] = field(default_factory=dict)  # of bars that do not stand on 0


def drawn(figure: Figure) -> list[Panel]:
    """Tables of what a figure's panels draw; a panel without data has none.

    Parameters
    ----------
    figure
        Drawn once, so that its axes know their marks.

    Returns
    -------
    list of Panel
        A grid of colours keeps its form. Else a row a place (a day, a group), a column a series, with the
        interval drawn there in brackets.
    """
    tables = [_grid(ax) if ax.images else _series_table(ax) for ax in figure.axes]
    return [table for table in tables if table["rows"]]


def _grid(ax: Axes) -> Panel:
    values: Any = np.ma.filled(np.ma.asarray(ax.images[0].get_array(), dtype=float), np.nan)
    written = {
        (round(text.get_position()[0]), round(text.get_position()[1])): text.get_text().replace("\n", " ")
        for text in ax.texts
    }
    columns, rows = (
        _labels(axis, n) for axis, n in ((ax.xaxis, values.shape[1]), (ax.yaxis, values.shape[0]))
    )
    cells = [
        [name, *(written.get((c, r), "" if written else _number(values[r, c])) for c in range(len(columns)))]
        for r, name in enumerate(rows)
    ]
    return {"title": ax.get_title(loc="left"), "head": [ax.get_ylabel(), *columns], "rows": cells}


def _labels(axis: Axis, count: int) -> list[str]:
    """What each place of a grid is called: its tick's label, else as the axis writes its number."""
    ticks = {round(place): label for place, label in names_of(axis).items()}
    return [ticks.get(place) or _writer(axis)(place) for place in range(count)]


def _series_table(ax: Axes) -> Panel:
    across = bool(names_of(ax.yaxis)) or _only_texts(ax)  # places lie on the y axis, values on the x axis
    key, value = (ax.yaxis, ax.xaxis) if across else (ax.xaxis, ax.yaxis)
    series = _series(ax, across=across, unlabelled=_heading(ax, value))
    places = sorted({place for one in series for place in (*one.values, *one.intervals)})
    if across and not ax.yaxis_inverted():
        places = places[::-1]  # as seen, from the top
    every = -(-len(places) // MOST_ROWS) or 1
    names = _place_names(ax, key)
    rows = [[names(place), *(_cell(one, place, value) for one in series)] for place in places[::every]]
    rows = [row for row in rows if any(row[1:])]
    return {
        "title": _title(ax, every, _heading(ax, value)),
        "head": [key.get_label_text(), *(one.label for one in series)],
        "rows": rows,
    }


def _title(ax: Axes, every: int, otherwise: str) -> str:
    title = ax.get_title(loc="left") or otherwise
    return title if every == 1 else _("{title}: one row in {number}").format(title=title, number=every)


def _heading(ax: Axes, value: Axis) -> str:
    return value.get_label_text() or ax.get_title(loc="left") or _("value")


def _only_texts(ax: Axes) -> bool:
    """Bars that lie, named by texts above them instead of ticks."""
    bars = [c for c in ax.containers if isinstance(c, BarContainer)]
    return bool(bars) and all(c.orientation == "horizontal" for c in bars)


def names_of(axis: Axis) -> dict[float, str]:
    """What an axis of groups calls its places; empty for an axis of numbers or days."""
    formatter, places = axis.get_major_formatter(), [float(place) for place in axis.get_majorticklocs()]
    if not isinstance(formatter, StrCategoryFormatter):
        if not (isinstance(axis.get_major_locator(), FixedLocator) and places):
            return {}
        if str(formatter(max(places) + 0.123, 0)):  # writes any number: no names
            return {}
    return dict(zip(places, map(_one_line, formatter.format_ticks(places)), strict=True))


def _place_names(ax: Axes, key: Axis) -> Callable[[float], str]:
    """What writes a place: the label of the tick there, a day, or a number as the axis writes it."""
    ticks = names_of(key)
    if not ticks and _only_texts(ax):
        ticks = {round(text.get_position()[1]): _one_line(text.get_text()) for text in ax.texts}
    written = _number if ticks else _writer(key)

    return lambda place: ticks[round(place, 9)] if round(place, 9) in ticks else written(place)


def _writer(axis: Axis) -> Callable[[float], str]:
    formatter = axis.get_major_formatter()
    if isinstance(formatter, _DATES):
        return lambda place: str(mdates.num2date(place).date().isoformat())  # type: ignore[no-untyped-call]
    if isinstance(formatter, FuncFormatter):
        return lambda place: str(formatter(place, 0))
    return _number


def _cell(series: _Series, place: float, value: Axis) -> str:
    written = _writer(value)
    interval = series.intervals.get(place)
    between = (
        _("{low} to {high}").format(low=written(interval[0]), high=written(interval[1])) if interval else ""
    )
    if place not in series.values or not np.isfinite(series.values[place]):
        return between
    point = written(series.values[place])
    return _("{value} ({interval})").format(value=point, interval=between) if between else point


def _series(ax: Axes, *, across: bool, unlabelled: str) -> list[_Series]:
    """A series a label; intervals go to the series of their colour, those in ink to that with their places.

    A labelled band of another colour (an ordinary range) is a series of its own; other strokes only join.
    """
    by_label: dict[str, _Series] = {}
    drawn_marks = list(_points(ax, across=across))
    labelled = any(marks.label for marks, _color in drawn_marks)
    for marks, color in drawn_marks:
        if labelled and not marks.label:
            continue  # a background: one grey line a cohort, an open mark's rim
        one = by_label.setdefault(marks.label or unlabelled, _Series(marks.label or unlabelled))
        one.colors.add(color)
        one.values |= marks.values
        one.begins |= marks.begins
    for label, color, intervals in _intervals(ax, across=across):
        fitting = [one for one in by_label.values() if set(intervals) <= set(one.values)]
        same = [one for one in fitting if color == _INK or color in one.colors]
        chosen = next(iter(same), None)
        if chosen is None and not label:
            continue
        if chosen is None:
            chosen = by_label.setdefault(label, _Series(label))
        for place, (low, high) in intervals.items():
            begin = chosen.begins.get(place, 0.0)
            chosen.intervals[place] = (low - begin, high - begin)
    return list(by_label.values())


def _points(ax: Axes, *, across: bool) -> Iterator[tuple[_Series, str]]:
    """Each line, set of bars, or cloud of dots, with its colour."""
    for line in ax.lines:
        x, y = (np.asarray(line.get_xdata(orig=False), float), np.asarray(line.get_ydata(orig=False), float))
        diagonal = len(x) == 2 and bool(np.array_equal(x, y))
        in_data = all(line.get_transform().contains_branch_seperately(ax.transData))  # else a reference
        if len(x) and in_data and not diagonal:
            yield _Series(_label(line), _placed(ax, x, y, across)), to_hex(line.get_color())
    for bars in (c for c in ax.containers if isinstance(c, BarContainer) and c.patches):
        lie = bars.orientation == "horizontal"
        boxes = [(b.get_y(), b.get_height(), b.get_x(), b.get_width()) for b in bars.patches]
        if not lie:
            boxes = [(x, width, y, height) for y, height, x, width in boxes]
        middles = np.array([start + thick / 2 for start, thick, _begin, _long in boxes])
        begins = np.array([begin for _start, _thick, begin, _long in boxes])
        lengths = np.array(
            [long + begin * (begin == 1) for _start, _thick, begin, long in boxes]
        )  # 1: a ratio
        x, y = (lengths, middles) if lie else (middles, lengths)
        x_begin, y_begin = (begins * (begins != 1), middles) if lie else (middles, begins * (begins != 1))
        one = _Series(_label(bars), _placed(ax, x, y, across), begins=_placed(ax, x_begin, y_begin, across))
        yield one, to_hex(bars.patches[0].get_facecolor())
    for cloud in (c for c in ax.collections if isinstance(c, PathCollection)):
        spots: Any = np.ma.filled(np.ma.asarray(cloud.get_offsets(), dtype=float), np.nan)
        if len(spots):
            one = _Series(_label(cloud), _placed(ax, spots[:, 0], spots[:, 1], across))
            yield one, _color(cloud.get_facecolor())


def _placed(ax: Axes, x: Any, y: Any, across: bool) -> dict[float, float]:
    """Values by place."""
    places, values = (y, x) if across else (x, y)
    snap = _snap(ax.yaxis if across else ax.xaxis)
    return {snap(float(p)): float(v) for p, v in zip(places, values, strict=True)}


def _snap(key: Axis) -> Callable[[float], float]:
    """Marks that stand a little beside each other belong to the tick between them."""
    ticks = [float(place) for place in key.get_majorticklocs()]
    apart = min(np.diff(ticks), default=0.0) if isinstance(key.get_major_locator(), FixedLocator) else 0.0
    within = min(apart, 1.0) * (0.45 if names_of(key) else 0.1)

    def snap(place: float) -> float:
        near = min(ticks, key=lambda tick: abs(tick - place), default=place)
        return near if abs(near - place) < within else round(place, 9)

    return snap


def _intervals(ax: Axes, *, across: bool) -> Iterator[tuple[str, str, dict[float, tuple[float, float]]]]:
    """Label, colour and bounds by place of each set of strokes, and of each band."""
    for marks in ax.collections:
        if isinstance(marks, LineCollection):
            strokes = [np.asarray(s, float) for s in marks.get_segments()]
            bounds = _bounds(ax, (point for stroke in strokes for point in stroke), across)
            color = _color(marks.get_color())
        elif isinstance(marks, PolyCollection):
            bounds = _bounds(
                ax, (point for path in marks.get_paths() for point in np.asarray(path.vertices)), across
            )
            color = _color(marks.get_facecolor())
        else:
            continue
        spread = {place: ends for place, ends in bounds.items() if ends[0] < ends[1]}
        if spread:
            yield _label(marks), color, spread


def _bounds(ax: Axes, points: Iterable[Any], across: bool) -> dict[float, tuple[float, float]]:
    """The least and the greatest value at each place."""
    snap = _snap(ax.yaxis if across else ax.xaxis)
    bounds: dict[float, tuple[float, float]] = {}
    for x, y in points:
        place, value = (snap(float(y)), float(x)) if across else (snap(float(x)), float(y))
        if np.isfinite(value):
            low, high = bounds.get(place, (value, value))
            bounds[place] = (min(low, value), max(high, value))
    return bounds


def _label(artist: Any) -> str:
    label = str(artist.get_label() or "")
    return "" if label.startswith("_") else label


def _color(colors: Any) -> str:
    """The first of some colours; empty where there is none."""
    return to_hex(colors[0]) if len(colors) else ""


def _one_line(text: object) -> str:
    return " ".join(str(text).split())


def _number(value: float) -> str:
    return f"{value:,.4g}" if np.isfinite(value) else ""
