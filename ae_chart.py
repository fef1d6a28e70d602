"""Line charts, scatter charts and arrows in a plane, as HTML with inline SVG in the book's colours.

A chart is made once and drawn again and again:

    chart = Chart("Loss while it trains", (Series("loss", steps, history.loss, "loss"),), x_label="steps", y_scale="log")
    chart.html()          # a <div class="ae">, without the style sheet, for a widget's HTML
    chart.html(mark=120)  # the same with the 121st point of every series marked: a fraction of a millisecond
    chart.show()          # the last line of a notebook's cell
    chart.text()          # what a screen reader hears in the picture's place

Everything but the mark is drawn once a chart.  A chart is as wide as its place; only its lines stretch, its text does
not.  Series are told apart by their role's colour and, without colour, by their dashes.  Under each chart its numbers
are folded away in a table.  `arrow_html` draws named arrows in a plane, to scale.

It needs no script, and of the book's modules only the style, the writing of numbers and `ae_view.Drawing`.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ae_core import Array, format_number
from ae_style import COLOURS, DASHES, role_class
from ae_view import Drawing

SIZE = 1000
"""Width and height of a chart in its own units; the page stretches them."""
POINTS = 160
"""So many points of a line are drawn: about one every second pixel of a phone."""
ROWS = 12
"""So many of its points a table under a chart tells."""
LINES = 1 + len(DASHES)
"""So many lines of a chart are told apart: one without dashes, and those with."""
FROM_0 = "log from 0"
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Series(NamedTuple):
    """Points that belong together."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    """As many as x; where one is NaN or infinite, or not positive on a logarithm's axis, the line has a gap."""
    role: str = "loss"
    """Whose colour it has, out of `ae_style.COLOURS`."""
    kind: str = "line"
    """"line", "dots" or "both"."""
    labels: Sequence[str] = ()
    """A word beside each point, "" for none; or none at all."""


@dataclass(frozen=True, eq=False)
class Chart:
    """One or more series over the same axes.

    Parameters
    ----------
    title : str
        What the chart shows: the first words of what a screen reader hears.
    series : sequence of Series
    x_label, y_label : str
    x_scale, y_scale : "linear" or "log"
        Along x also "log from 0", which is the logarithm of x + 1: room for the first of many.
    x_range, y_range : (float or None, float or None)
        Least and greatest value of an axis; None leaves it to the data.  What lies outside is cut off.
    height : float
        Of the plot, in rem.

    Raises
    ------
    ValueError
        If a series has not as many x as y, or a role, kind or scale is unknown.
    """

    title: str
    series: tuple[Series, ...]
    x_label: str = ""
    y_label: str = ""
    x_scale: str = "linear"
    y_scale: str = "linear"
    x_range: tuple[float | None, float | None] = (None, None)
    y_range: tuple[float | None, float | None] = (None, None)
    height: float = 13

    def __post_init__(self):
        object.__setattr__(self, "series", tuple(self.series))
        for one in self.series:
            if len(one.x) != len(one.y) or len(one.labels) not in (0, len(one.x)):
                raise ValueError(f"{one.name}: expected as many y, and labels if any, as x, got {len(one.y)} and {len(one.labels)} for {len(one.x)}")
            _one_of(f"{one.name}: role", one.role, COLOURS)
            _one_of(f"{one.name}: kind", one.kind, ("line", "dots", "both"))
        _one_of("x_scale", self.x_scale, ("linear", "log", FROM_0))
        _one_of("y_scale", self.y_scale, ("linear", "log"))

    def html(self, mark: int | None = None) -> str:
        """Draw the chart as one ``<div>``, without the style sheet.

        Parameters
        ----------
        mark : int, optional
            Which point of every series is marked; a series that has not so many has none.  If all series share
            their x, a vertical line stands there.  The legend then tells the marked values.
        """
        before, inside, after = self._fixed
        return (
            f'<div class="ae"><figure class="ae-chart">{self._keys(mark)}'
            f'<div class="ae-plot" role="img" aria-label="{html.escape(self.text(mark))}">{before}{self._mark(mark)}{inside}{after}</figure></div>'
        )

    def show(self, mark: int | None = None) -> Drawing:
        """Draw the chart for a notebook."""
        return Drawing(self.html(mark), self.text(mark))

    def text(self, mark: int | None = None) -> str:
        """Say in words what the chart shows."""
        if mark is None:
            return self._text
        told = [f"{one.name} {three_digits(one.y[mark])}" for one in self.series if mark < len(one.x)]
        place = f"{self.x_label} {three_digits(self._shared_x[mark])}: " if self._shared_x is not None and mark < len(self._shared_x) else ""
        return f"{self._text} Marked: {place}{', '.join(told)}."

    # What follows is drawn once a chart.

    @cached_property
    def _shared_x(self) -> Array | None:
        first, *others = (np.asarray(one.x) for one in self.series)
        return first if all(np.array_equal(first, other) for other in others) else None

    @cached_property
    def _axes(self) -> tuple[_Axis, _Axis]:
        xs, ys = ([getattr(one, name) for one in self.series] for name in "xy")
        return _Axis.around(xs, self.x_scale, self.x_range, whole=False), _Axis.around(ys, self.y_scale, self.y_range, whole=True)

    @cached_property
    def _places(self) -> list[tuple[Array, Array]]:
        """Where each series' points stand, in the chart's units, y downwards; NaN where one cannot be drawn."""
        horizontal, vertical = self._axes
        return [(horizontal.place(one.x), SIZE - vertical.place(one.y)) for one in self.series]

    @cached_property
    def _text(self) -> str:
        return f"{self.title}. " + " ".join(filter(None, map(self._told, self.series)))

    def _told(self, one: Series) -> str:
        y = np.asarray(one.y, float)
        finite = np.flatnonzero(np.isfinite(y))
        if not len(finite):
            return f"{one.name}: nothing to draw."
        begin, end = finite[0], finite[-1]
        x = f", {self.x_label} {three_digits(one.x[begin])} to {three_digits(one.x[end])}" if self.x_label else ""
        span = f"from {three_digits(y[begin])} to {three_digits(y[end])}{x}"
        return f"{one.name}: {span}; least {three_digits(y[finite].min())}, greatest {three_digits(y[finite].max())}."

    @cached_property
    def _fixed(self) -> tuple[str, str, str]:
        """What stands before the mark, between it and the tick labels' end, and after the plot."""
        horizontal, vertical = self._axes
        grid = "".join(f"M{at:.1f} 0v{SIZE}" for at, _ in horizontal.ticks)
        grid += "".join(f"M0 {SIZE - at:.1f}h{SIZE}" for at, _ in vertical.ticks)
        ticks = "".join(f'<i class="ae-tick-x" style="left:{at / SIZE:.1%}">{text}</i>' for at, text in horizontal.ticks)
        ticks += "".join(f'<i class="ae-tick-y" style="top:{1 - at / SIZE:.1%}">{text}</i>' for at, text in vertical.ticks)
        before = (
            f'<p class="ae-y-label">{html.escape(self.y_label)}</p><div class="ae-area" style="height:{self.height:g}rem">'
            f'<svg viewBox="0 0 {SIZE} {SIZE}" preserveAspectRatio="none" aria-hidden="true">'
            f'<path class="ae-grid" d="{grid}"/>{"".join(map(self._line, range(len(self.series))))}'
        )
        words = "".join(self._words(k) for k in range(len(self.series)))
        inside = f'</svg>{ticks}{words}</div><p class="ae-x-label">{html.escape(self.x_label)}</p></div>'
        after = f"<details><summary>The numbers of this chart</summary>{self._table()}</details>"
        return before, inside, after

    def _line(self, k: int) -> str:
        one, (x, y) = self.series[k], self._places[k]
        drawn = ""
        if one.kind != "dots":
            drawn += f'<path class="ae-line-{k % LINES}" d="{_path(x, y)}"/>'
        if one.kind != "line":
            drawn += f'<path class="ae-dots" d="{_dots(x, y)}"/>'
        return f'<g class="{role_class(one.role)}">{drawn}</g>'

    def _words(self, k: int) -> str:
        one, (x, y) = self.series[k], self._places[k]
        return "".join(
            f'<i class="ae-point{" ae-late" if px > 0.7 * SIZE else ""}" style="left:{px / SIZE:.1%};top:{py / SIZE:.1%}">{html.escape(word)}</i>'
            for word, px, py in zip(one.labels, x, y)
            if word and math.isfinite(px + py)
        )

    def _mark(self, mark: int | None) -> str:
        if mark is None:
            return ""
        drawn, line = "", ""
        for one, (x, y) in zip(self.series, self._places):
            if mark < len(x) and math.isfinite(x[mark]):
                line = f'<path class="ae-mark" d="M{x[mark]:.1f} 0v{SIZE}"/>'
                if math.isfinite(y[mark]):
                    drawn += f'<path class="ae-marked {role_class(one.role)}" d="M{x[mark]:.1f} {y[mark]:.1f}h0"/>'
        return (line if self._shared_x is not None else "") + drawn

    def _keys(self, mark: int | None) -> str:
        keys = []
        for k, one in enumerate(self.series):
            shape = f'<path class="ae-line-{k % LINES}" d="M0 6h28"/>' if one.kind != "dots" else ""
            shape += '<path class="ae-dots" d="M14 6h0"/>' if one.kind != "line" else ""
            value = ""
            if mark is not None:
                value = f" <b>{three_digits(one.y[mark]) if mark < len(one.y) else ''}</b>"
            keys.append(f'<li class="{role_class(one.role)}"><svg width="28" height="12" aria-hidden="true">{shape}</svg>{html.escape(one.name)}{value}</li>')
        return f'<ul class="ae-keys">{"".join(keys)}</ul>'

    def _table(self) -> str:
        if self._shared_x is not None:
            return number_table(self.title, [(self.x_label or "x", self._shared_x), *((one.name, one.y) for one in self.series)])
        titles = (self.x_label or "x", self.y_label or "y")
        return "".join(number_table(one.name, list(zip(titles, (one.x, one.y)))) for one in self.series)


def number_table(caption: str, columns: Sequence[tuple[str, Sequence[float]]]) -> str:
    """Write numbers as a table, at most `ROWS` rows of them, spread evenly; the first column heads the rows."""
    count = len(columns[0][1])
    rows = np.unique(np.linspace(0, count - 1, min(count, ROWS)).round().astype(int)) if count else ()
    head = [html.escape(title) for title, _ in columns]
    return table_html(html.escape(caption), head, [[three_digits(column[i]) for _, column in columns] for i in rows])


def table_html(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table of texts, which are HTML; the first of each row heads it."""
    titles = "".join(f'<th scope="col">{title}</th>' for title in head)
    body = "".join(
        f'<tr><th scope="row">{title}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>' for title, *cells in rows
    )
    return f'<table class="ae-numbers"><caption>{caption}</caption><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>'


class _Axis:
    """Where a number stands on an axis from 0 to `SIZE`, and the few numbers that are written at it."""

    def __init__(self, least: float, most: float, scale: str):
        self.is_log, self.shift = scale != "linear", int(scale == FROM_0)
        self.least, self.most = (math.log10(least + self.shift), math.log10(most + self.shift)) if self.is_log else (least, most)

    @classmethod
    def around(cls, columns, scale: str, given: tuple[float | None, float | None], whole: bool) -> _Axis:
        """Make an axis for all that can be drawn of some columns of numbers; a whole one begins and ends at a tick."""
        values = np.concatenate([np.asarray(column, float) for column in columns] or [np.zeros(0)])
        values = values[np.isfinite(values) & ((values > -(scale == FROM_0)) if scale != "linear" else True)]
        least, most = (float(values.min()), float(values.max())) if len(values) else (1.0, 10.0)
        least, most = (given[0] if given[0] is not None else least), (given[1] if given[1] is not None else most)
        if least == most:  # a single value stands in the middle
            least, most = (least / 2, most * 2 + (scale == FROM_0)) if scale != "linear" else (least - 1, most + 1)
        axis = cls(least, most, scale)
        if whole:
            step = axis.step()
            if given[0] is None:
                axis.least = math.floor(axis.least / step + 1e-9) * step
            if given[1] is None:
                axis.most = math.ceil(axis.most / step - 1e-9) * step
        return axis

    def step(self) -> float:
        """Give the distance of ticks, for three to six of them: 1, 2 or 5 times a power of ten, or whole decades."""
        rough = (self.most - self.least) / 5
        if self.is_log:
            return max(1, math.ceil(rough - 1e-9))
        power = 10.0 ** math.floor(math.log10(rough))
        return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))

    def place(self, values) -> Array:
        values = np.array(values, float)
        values[~np.isfinite(values)] = np.nan
        if self.is_log:
            values += self.shift
            values[~(values > 0)] = np.nan
            values = np.log10(values)
        return (values - self.least) / (self.most - self.least) * SIZE

    @cached_property
    def ticks(self) -> list[tuple[float, str]]:
        """Where each tick stands, and its text."""
        step = self.step()
        marks = range(math.ceil(self.least / step - 1e-9), math.floor(self.most / step + 1e-9) + 1)
        scale = SIZE / (self.most - self.least)
        if not self.is_log:
            return [((k * step - self.least) * scale, format_number(float(f"{k * step:.6g}"))) for k in marks]
        if self.shift:
            digits = (1, 2, 5) if self.most - self.least < 2.5 else (1,)
            numbers = [0, *(f * 10**k for k in range(math.ceil(self.most)) for f in digits)]
            return [(float(at), format_number(number)) for at, number in zip(self.place(numbers), numbers) if -1e-6 <= at <= SIZE + 1e-6]
        found = [((k * step - self.least) * scale, _power(round(k * step))) for k in marks]
        if self.most - self.least > 2:
            return found
        # Within two decades, twos and fives are written as well.
        digits = [(math.log10(f) + k, f * 10.0**k) for k in range(math.floor(self.least), math.ceil(self.most) + 1) for f in (1, 2, 5)]
        return [((at - self.least) * scale, format_number(value)) for at, value in digits if self.least - 1e-9 <= at <= self.most + 1e-9]


def _path(x: Array, y: Array) -> str:
    """Write a line of at most `POINTS` points, those that stand the most evenly; gaps where there is none."""
    if len(x) > POINTS:
        known = np.flatnonzero(np.isfinite(x))
        evenly = np.linspace(x[known[0]], x[known[-1]], POINTS)
        chosen = np.unique(np.minimum(np.searchsorted(x[known], evenly), len(known) - 1))
        x, y = x[known][chosen], y[known][chosen]
    parts, pen = [], "M"
    for px, py in zip(x.tolist(), y.tolist()):
        if math.isfinite(px + py):
            parts.append(f"{pen}{px:.1f} {py:.1f}")
            pen = "L"
        else:
            pen = "M"
    return "".join(parts)


def _dots(x: Array, y: Array) -> str:
    return "".join(f"M{px:.1f} {py:.1f}h0" for px, py in zip(x.tolist(), y.tolist()) if math.isfinite(px + py))


def _power(k: int) -> str:
    return format_number(10.0**k) if -3 <= k <= 4 else f"10{str(k).translate(SUPERSCRIPTS)}"


def three_digits(value: float) -> str:
    """Write a number with three digits that count."""
    value = float(value)
    if not math.isfinite(value):
        return "none" if math.isnan(value) else format_number(value)
    return format_number(float(f"{value:.3g}"))


def _one_of(name: str, value: str, known) -> None:
    if value not in known:
        raise ValueError(f"{name}: expected one of {', '.join(known)}, got {value!r}")


# ------------------------------------------------------------------------------------------------ arrows


class Arrow(NamedTuple):
    """An arrow from the origin."""

    name: str
    x: float
    y: float
    role: str = "weight"
    dashed: bool = False


def arrow_html(title: str, arrows: Sequence[Arrow], points: Sequence[tuple[float, float]] = (), reach: float = 1.0) -> str:
    """Draw named arrows in a plane as one ``<div>``, without the style sheet, their numbers folded away beneath.

    Parameters
    ----------
    title : str
    arrows : sequence of Arrow
        Dashed ones are drawn on top, so that a dashed and a plain one may lie upon each other.
    points : sequence of (x, y)
        Dots behind the arrows, wider than these, so that they can be seen beneath one.
    reach : float
        How far the picture goes from the origin; a circle of radius 1 is drawn too.
    """
    edge = 1.22 * reach
    dots = "".join(f"M{x:.3f} {-y:.3f}h0" for x, y in points)
    drawn = [
        f'<path class="ae-grid" d="M{-edge:.3f} 0H{edge:.3f}M0 {-edge:.3f}V{edge:.3f}"/><circle class="ae-grid" r="1"/>',
        f'<path class="ae-cloud" d="{dots}"/>',
        *(_arrow(arrow, reach) for arrow in sorted(arrows, key=lambda arrow: arrow.dashed)),
    ]
    told = ", ".join(f"{arrow.name} to ({three_digits(arrow.x)}, {three_digits(arrow.y)})" for arrow in arrows)
    rows = [(html.escape(arrow.name), three_digits(arrow.x), three_digits(arrow.y)) for arrow in arrows]
    return (
        f'<div class="ae"><figure class="ae-chart"><svg class="ae-arrows" role="img" aria-label="{html.escape(f"{title}. Arrows: {told}.")}" '
        f'viewBox="{-edge:.3f} {-edge:.3f} {2 * edge:.3f} {2 * edge:.3f}" style="--unit:{reach:g}">{"".join(drawn)}</svg>'
        '<details><summary>The numbers of this picture</summary>'
        f'{table_html(html.escape(title), ("Arrow", "1", "2"), rows)}</details></figure></div>'
    )


def _arrow(arrow: Arrow, reach: float) -> str:
    length = math.hypot(arrow.x, arrow.y)
    if length < 1e-9:
        return f'<g class="{role_class(arrow.role)}"><path class="ae-dots" d="M0 0h0"/></g>'
    x, y, head = arrow.x / length, -arrow.y / length, min(0.07 * reach, length / 2)
    neck = length - head
    tip = f"M{length * x:.3f} {length * y:.3f}L{neck * x - head * y / 2:.3f} {neck * y + head * x / 2:.3f}L{neck * x + head * y / 2:.3f} {neck * y - head * x / 2:.3f}z"
    at = length + 0.11 * reach
    # A dashed arrow lies on top of a plain one, whose name already stands at its tip.
    name = "" if arrow.dashed else f'<text x="{at * x:.3f}" y="{at * y:.3f}">{html.escape(arrow.name)}</text>'
    shaft = "ae-shaft ae-dashed" if arrow.dashed else "ae-shaft"
    return f'<g class="{role_class(arrow.role)}"><path class="{shaft}" d="M0 0L{neck * x:.3f} {neck * y:.3f}"/><path class="ae-tip" d="{tip}"/>{name}</g>'
