"""How a step is drawn: as HTML for the page, with matplotlib for slides and print, as a pandas table.

Everything is derived from `ae_core.Step`: the values, the shade, the label, the arithmetic that a
pointed-at cell shows, and the words for those who listen.  The HTML needs no script.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from functools import lru_cache

import ae_core
from ae_core import Computation, Matrix, Step
from ae_style import CHAINED, COLOURS, FAINTEST, INK, LARGEST_CELL, PAPER, SOFT, STRONGEST, mix, role_class, style_sheet

LABEL_ROOM = 2.3
"""Rem that a table's row labels take."""
GAP = 1 / 3
"""Cells that the gap beside a table or a sign is wide."""
TIGHT = 45
"""From so many rem side by side on, a token's word stands upright, since its column is narrow."""


class Drawing:
    """A piece of HTML together with the style sheet; a notebook shows it as the last line of a cell."""

    def __init__(self, body: str, text: str):
        self.body, self.text = body, text

    def _repr_html_(self) -> str:
        return f"<style>{style_sheet()}</style>{self.body}"

    def __repr__(self) -> str:
        return self.text


def show(step: Step) -> Drawing:
    """Draw a step for a notebook."""
    return Drawing(step_html(step), summary(step))


def show_colours() -> Drawing:
    """Draw the legend: one patch a role."""
    patches = "".join(f'<li class="{role_class(role)}"><b></b>{colour.word}</li>' for role, colour in COLOURS.items())
    return Drawing(f'<div class="ae"><ul class="ae-legend">{patches}</ul></div>', ", ".join(COLOURS))


# ------------------------------------------------------------------------------------------------ HTML


def step_html(step: Step, name: str = "", arithmetic: bool = True) -> str:
    """Draw a step as ``<div>``s of tables, without the style sheet: its result, then the rest, folded away.

    ``name`` tells it from others, where steps of several walkthroughs stand on one page.  For ``arithmetic`` see
    `computations_html`.
    """
    return result_html(step, name, arithmetic) + rest_html(step, name, arithmetic)


@lru_cache(maxsize=32)
def result_html(step: Step, name: str = "", arithmetic: bool = True) -> str:
    """Draw a step as far as its own result; without ``arithmetic`` its words do not tell what came out either."""
    text = summary(step) if arithmetic else _title(step)
    return _figure_html(_parts(step)[0], text, name or f"step-{step.number}", arithmetic)


def has_rest(step: Step) -> bool:
    """Tell whether a step computes more than its own result."""
    return bool(_parts(step)[1])


def rest_html(step: Step, name: str = "", arithmetic: bool = True) -> str:
    """Draw what a step computes beyond its own result (the rest of a backward pass), folded away; nothing if it ends there."""
    lines = _parts(step)[1]
    if not lines:
        return ""
    results = ", ".join(computation.result.name for line in lines for computation in line)
    title = f"{'The whole backward pass' if step.result.role == 'gradient' else 'The others'}: {symbol(results)}"
    drawn = "".join(_line_html(line, name, first=False, arithmetic=arithmetic) for line in lines)
    return f'<div class="ae"><details><summary>{title}</summary>{drawn}</details></div>'


def computations_html(computations: Sequence[Computation], text: str, name: str, arithmetic: bool = True) -> str:
    """Draw computations as one ``<div>`` of tables, without the style sheet.

    Parameters
    ----------
    computations : sequence of Computation
    text : str
        What they show, in words.
    name : str
        Another one for each drawing of a page: the end of the drawing can then be skipped to.
    arithmetic : bool
        Whether results carry their arithmetic, which is more than half of the work: a drawing that another will
        soon follow can do without.
    """
    return _figure_html(_lines(computations), text, name, arithmetic)


def _figure_html(lines: list[list[Computation]], text: str, name: str, arithmetic: bool) -> str:
    drawn = "".join(_line_html(line, name, first=k == 0, arithmetic=arithmetic) for k, line in enumerate(lines))
    return f'<div class="ae" role="group" aria-label="{html.escape(text)}">{drawn}<span id="after-{name}"></span></div>'


def matrices_html(matrices: Sequence[Matrix], text: str) -> str:
    """Draw matrices side by side as one ``<div>``, without the style sheet; none is computed from another.

    Parameters
    ----------
    matrices : sequence of Matrix
    text : str
        What they show, in words.
    """
    tables = _Tables([])
    widths = [_width(matrix) for matrix in matrices]
    drawn = "".join(map(tables.draw, matrices))
    flow = _flow_html(drawn, widths, [LABEL_ROOM] * len(matrices), max(widths))
    return f'<div class="ae" role="group" aria-label="{html.escape(text)}">{flow}</div>'


def summary(step: Step) -> str:
    """Say in words what a step computes and what came out: the text for those who cannot see the tables."""
    result = step.result
    flat = [value for row in result.entries for value in row]
    sources = ", ".join(f"{matrix.name} ({_size(matrix)})" for matrix in step.inputs[:4])
    if len(flat) == 1:
        outcome = f"{result.name} = {ae_core.format_number(flat[0])}"
    else:
        counts = [(sum(v > 0 for v in flat), "positive"), (sum(v == 0 for v in flat), "zero"), (sum(v < 0 for v in flat), "negative")]
        outcome = f"{result.name} ({_size(result)}) has " + ", ".join(f"{n} {word}" for n, word in counts if n) + " entries"
    return f"{_title(step)}: {step.formula}. From {sources}. {outcome}."


def _title(step: Step) -> str:
    return f"Step {step.number}, {step.title}"


@lru_cache
def symbol(name: str) -> str:
    """Write the symbols of a name or formula with their subscripts: ``W_enc`` and ``A1`` as on paper."""
    name = html.escape(name, quote=False)
    name = re.sub(r"_(enc|dec,i|dec|gate|mag)", r"<sub>\1</sub>", name)
    return re.sub(r"\b(d?[AWZb])(\d)", r"\1<sub>\2</sub>", name)


def _lines(computations: Sequence[Computation]) -> list[list[Computation]]:
    """Put computations side by side as long as the next one reads only what its line already shows."""
    lines, shown = [], set()
    for computation in computations:
        inputs = {id(matrix) for matrix in computation.drawn_inputs}
        if lines and inputs <= shown and len(lines[-1]) < CHAINED:
            lines[-1].append(computation)
        else:
            lines.append([computation])
            shown = set()
        shown |= inputs | {id(computation.result)}
    return lines


def _parts(step: Step) -> tuple[list[list[Computation]], list[list[Computation]]]:
    """Give a step's lines of computations up to its own result, and those after."""
    lines = _lines(step.computations)
    end = 1 + next(k for k, line in enumerate(lines) if any(c.result is step.result for c in line))
    return lines[:end], lines[end:]


def _line_html(line: list[Computation], name: str, first: bool, arithmetic: bool) -> str:
    tables = _Tables(line, arithmetic)
    parts, widths, rooms = zip(*(_computation_html(computation, tables, alone=k == 0) for k, computation in enumerate(line)))
    # Wide paper holds the whole line side by side; on narrow paper its parts wrap, and the widest one counts.
    flow = _flow_html("".join(parts), sum(widths, []), sum(rooms, []), max(map(max, widths)))
    formula = "" if first else f'<p class="ae-formula">{symbol(", ".join(c.formula for c in line))}</p>'
    skip = f'<a class="ae-skip" href="#after-{name}">Skip these matrices</a>' if first else ""
    hint = "Point at a result, tap it or tab to it, to see its arithmetic." if first else ""
    return (
        f'{formula}<div class="ae-line">{skip}{flow}'
        f'<p class="ae-hint" aria-hidden="true">{hint}</p></div>'
    )


def _flow_html(drawn: str, widths: Sequence[int], rooms: Sequence[float], narrow: int) -> str:
    """Put tables into a row that wraps; cells are as large as both its whole width and its widest part allow.

    ``widths`` are the tables' in cells; ``rooms`` those of row labels and signs in rem.
    """
    cells, room = sum(widths) + GAP * len(rooms), sum(rooms)
    tight = " ae-tight" if LARGEST_CELL * cells + room > TIGHT else ""
    style = f"--cells:{cells:.4g};--room:{room:.4g}rem;--narrow:{narrow}"
    return f'<div class="ae-scroll"><div class="ae-flow{tight}" style="{style}">{drawn}</div></div>'


def _computation_html(computation: Computation, tables: _Tables, alone: bool) -> tuple[str, list[int], list[float]]:
    """Give the HTML of a computation, the cells that each of its parts is wide, and the rem of each label and sign."""
    operation, inputs, result = computation.operation, computation.drawn_inputs, computation.result
    if operation is ae_core.COLUMN_NORM:
        return f'<div class="ae-stack">{tables.draw(inputs[0])}{tables.draw(result)}</div>', [_width(result)], [LABEL_ROOM]
    if operation in (ae_core.AFFINE, ae_core.PRODUCT, ae_core.PRODUCT_PLUS):
        left, top = inputs[0], inputs[-1]
        bias = inputs[1] if operation is ae_core.AFFINE else None
        cross = (
            f'<div class="ae-cross">{tables.draw(top, place="ae-top", ones=bias is not None)}'
            f'{tables.draw(left, place="ae-left", bias=bias)}{tables.draw(result, place="ae-result")}</div>'
        )
        width = _width(left) + (bias is not None) + _width(top)
        if operation is ae_core.PRODUCT_PLUS:
            sign = "<small>with</small> +"
            plus = _sign(sign, inputs[1]) + tables.draw(inputs[1])
            return cross + plus, [width, _width(inputs[1])], [LABEL_ROOM] * 3 + [_sign_room(sign)]
        return cross, [width], [LABEL_ROOM] * 2
    if not alone:  # its inputs are drawn already
        return _sign(operation.signs[-1], result) + tables.draw(result), [_width(result)], [LABEL_ROOM, _sign_room(operation.signs[-1])]
    parts = [_sign(operation.signs[0], inputs[0])]
    for matrix, sign in zip(inputs, operation.signs[1:]):
        parts += [tables.draw(matrix), _sign(sign, matrix)]
    widths = [_width(matrix) for matrix in (*inputs, result)]
    return "".join(parts) + tables.draw(result), widths, [LABEL_ROOM] * len(widths) + [_sign_room(sign) for sign in operation.signs if sign]


def _width(matrix: Matrix) -> int:
    return len(matrix.column_labels)


def _sign(sign: str, beside: Matrix) -> str:
    """Draw a sign at half the height of the matrix beside it."""
    return f'<div class="ae-sign" style="--rise:{len(beside.row_labels) / 2:g}">{sign}</div>' if sign else ""


@lru_cache
def _sign_room(sign: str) -> float:
    """Estimate the rem that a sign is wide, rather too many than too few; small words stand on lines of their own."""
    lines = [(html.unescape(text), k % 2) for k, part in enumerate(re.split("</?small>", sign)) for text in part.split("<br>")]
    narrow = set(" :.,()fijlrt")
    return max(0.54 * sum(0.5 if letter in narrow else 1 for letter in text) if is_small else max(1, 0.56 * len(text.strip())) for text, is_small in lines)


class _Tables:
    """Draws the matrices of one line of computations, each knowing which of the others light it up."""

    def __init__(self, line: list[Computation], arithmetic: bool = True):
        self.arithmetic = arithmetic
        self.made_by = {id(c.result): (k, c) for k, c in enumerate(line)}
        self.gates = {id(c.inputs[1]) for c in line if c.operation is ae_core.RELU_GRADIENT}
        self.read_by: dict[int, list[tuple[int, str]]] = {}
        for k, computation in enumerate(line):
            for matrix, how in zip(computation.inputs, computation.operation.reads):
                self.read_by.setdefault(id(matrix), []).append((k, how))

    def draw(self, matrix: Matrix, place: str = "", bias: Matrix | None = None, ones: bool = False) -> str:
        k, computation = self.made_by.get(id(matrix), (None, None))
        is_thin = len(matrix.column_labels) == 1 and bias is None
        look = _look(matrix.role, place, is_thin, tuple(self.read_by.get(id(matrix), ())), k)
        read = tuple(m.entries for m in computation.inputs) if computation else ()
        labels = (matrix.name, matrix.role, matrix.row_labels, matrix.column_labels)
        shown = (labels, matrix.entries, bias and (bias.name, bias.role, bias.entries), id(matrix) in self.gates, ones)
        drawn = (shown, look, computation and computation.operation, read, self.arithmetic)
        return _table(_Key(drawn, (matrix, bias, computation)))


@lru_cache
def _look(role: str, place: str, is_thin: bool, reads: tuple[tuple[int, str], ...], made_by: int | None) -> str:
    """Give a table's classes and style as attributes: which results light it up, and which of them it is itself."""
    # The caption of a single column begins above the row's labels, or it would be wider than the table.
    classes = ["ae-m", role_class(role), place, "ae-thin" if is_thin else ""]
    classes += [f"ae-all{k}" if how == "all" else f"ae-x{k}" for k, how in reads]
    if made_by is not None:
        classes.append(f"ae-y{made_by}")
    styles = [f"--{'c' if how == 'row' else 'r'}{k}:1" for k, how in reads if how in ("row", "column")]
    style = f' style="{";".join(styles)}"' if styles else ""
    return f'class="{" ".join(filter(None, classes))}"{style}'


class _Key:
    """What a drawing depends on, and, not compared, the things that it is drawn from.

    A slider changes few numbers.  Tables and rows with the same key are not drawn again.
    """

    __slots__ = ("compared", "drawn_from", "hash")

    def __init__(self, compared: tuple, drawn_from: tuple):
        self.compared, self.drawn_from, self.hash = compared, drawn_from, hash(compared)

    def __hash__(self) -> int:
        return self.hash

    def __eq__(self, other) -> bool:
        return self.compared == other.compared


_SWITCHING = (ae_core.RELU_GRADIENT, ae_core.CENTRAL_DIFFERENCE)
"""Operations that hold entries at 0 for reasons which other inputs than the first tell."""


@lru_cache(maxsize=2048)
def _table(key: _Key) -> str:
    (*_, is_gate, ones), look, *_, arithmetic = key.compared
    matrix, bias, computation = key.drawn_from
    scales = (_scale(matrix), _scale(bias) if bias else 1)
    # Without arithmetic many a row is drawn alike, whichever matrix it is of.
    labels = (matrix.name, matrix.role, matrix.row_labels, matrix.column_labels) if arithmetic else ()
    operation = computation and computation.operation
    has_sources = operation is not None and (arithmetic or operation in _SWITCHING or operation.switched_off)
    body = []
    for i, label in enumerate(matrix.row_labels):
        shown = (i, matrix.entries[i], bias and (bias.role, bias.entries[i]), scales, is_gate, arithmetic)
        sources = _sources(computation, i) if has_sources else ()
        cells = _row(_Key((labels, shown, operation, sources), (matrix, bias, computation)))
        body.append(f'<tr><th scope="row" class="r{i}">{_label(label)}</th>{cells}</tr>')
    if ones:
        i = len(body)
        cells = "".join(f'<td class="r{i} c{j}">1</td>' for j in range(len(matrix.column_labels)))
        body.append(f'<tr><th scope="row" class="r{i}">1</th>{cells}</tr>')
    head = _head(matrix.name, matrix.role, _size(matrix), matrix.column_labels, bias and (bias.name, bias.role, bias.column_labels))
    return f'<table {look}>{head}<tbody>{"".join(body)}</tbody></table>'


@lru_cache
def _head(name: str, role: str, size: str, column_labels: tuple[str, ...], bias: tuple[str, str, tuple[str, ...]] | None) -> str:
    """Give a table's caption, and the labels of its columns."""
    title, word = symbol(name), COLOURS[role].word
    if bias:
        bias_name, bias_role, bias_labels = bias
        title += f" | {symbol(bias_name)}"
        word += f"s, {COLOURS[bias_role].word} last"
        column_labels += bias_labels
    head = "".join(f'<th scope="col" class="c{j}">{_label(label)}</th>' for j, label in enumerate(column_labels))
    size = f" <i>{size}</i>" if size != "1×1" else ""
    return (
        f'<caption><span><b>{title}</b>{size}</span><span class="ae-hidden">, {word}</span></caption>'
        f'<thead><tr><td class="ae-corner"></td>{head}</tr></thead>'
    )


def _sources(computation: Computation, row: int) -> tuple:
    """Give those entries of a computation's inputs that a row of its result reads."""
    pairs = zip(computation.operation.reads, computation.inputs)
    return tuple(m.entries[row] if how in ("row", "cell") else m.entries for how, m in pairs)


@lru_cache(maxsize=8192)
def _row(key: _Key) -> str:
    """Give the cells of a row; those of a result carry their arithmetic."""
    _, (i, entries, bias, (scale, bias_scale), is_gate, arithmetic), *_ = key.compared
    matrix, _, computation = key.drawn_from
    place = _places_of(matrix.name, matrix.row_labels, matrix.column_labels)
    switched = _switched_off(computation, i) if computation else {}
    leave_open = computation is not None and computation.operation is ae_core.DESCENT_SIGN
    cells = []
    for j, value in enumerate(entries):
        switched_off, why, state = "", "", " off" if is_gate and value <= 0 else ""
        if j in switched:
            state, (switched_off, why) = " off", switched[j]
        elif leave_open and value == 0:
            state, why = " open", "step 7 fills it in"
        cells.append(_cell(value, scale, f"r{i} c{j}{state}", switched_off, computation is not None))
        if computation and arithmetic:
            text = computation.explain(i, j).replace(">", "&gt;")
            cells.append(f'<span class="ae-how"><i>{place(i, j)}:</i> {text}{f" <i>({why})</i>" if why else ""}</span>')
        cells.append("</td>")
    if bias:
        role, (value,) = bias
        cells.append(_cell(value, bias_scale, f"r{i} c{len(entries)} {role_class(role)}", "", False) + "</td>")
    return "".join(cells)


def _switched_off(computation: Computation, row: int) -> dict[int, tuple[str, str]]:
    """Give the entries of a result's row that are 0 only because something holds them there.

    Each with what it would have been, struck out, and with why it is not.
    """
    operation, inputs = computation.operation, computation.inputs
    first, last = inputs[0].entries[row : row + 1], inputs[-1].entries[row : row + 1]
    if operation.switched_off:
        pairs = enumerate(zip(*first, computation.result.entries[row]))
        return {j: (f"<s>{_short(z)}</s>", operation.switched_off) for j, (z, value) in pairs if value == 0 != z}
    if operation is ae_core.RELU_GRADIENT:
        pairs = enumerate(zip(*first, *last))
        return {j: (f"<s>{_short(slope)}</s>" if slope else "", "ReLU is switched off here") for j, (slope, z) in pairs if z <= 0}
    if operation is ae_core.CENTRAL_DIFFERENCE:
        smooth = inputs[3].entries[row]
        return {j: ("", "not compared: a ReLU switches between −h and +h") for j, is_smooth in enumerate(smooth) if not is_smooth}
    return {}


@lru_cache(maxsize=65536)
def _cell(value: float, largest: float, classes: str, switched_off: str, is_result: bool) -> str:
    """Give a cell up to its number; a result's can be reached with the keyboard."""
    text = _short(value)
    if value < 0:
        classes += " neg"
    if len(text) > 3:
        classes += " w6" if len(text) > 4 else " w4"
    shade = f' style="--k:{_shade(value, largest):.0%}"' if value else ""
    reach = ' tabindex="0"' if is_result else ""
    return f'<td class="{classes}"{shade}{reach}>{switched_off}{text}'


def _scale(matrix: Matrix) -> float:
    """Give the size that gets the strongest shade; at least 3, so that a matrix of ones stays pale."""
    return max(3, *map(max, matrix.entries), *(-min(row) for row in matrix.entries))


def _shade(value: float, largest: float) -> float:
    """Give the share of the role's colour in a cell; a logarithm's gentle rise keeps small values apart."""
    if value == 0 or not largest < float("inf"):
        return 0.0
    return FAINTEST + (STRONGEST - FAINTEST) * min(1, abs(value) / largest) ** 0.7


@lru_cache(maxsize=65536)
def _short(value: float) -> str:
    """Write a number so that it fits a cell; the line of arithmetic has more of its digits."""
    text = ae_core.format_number(value)
    if len(text) > (5 if abs(value) >= 1 else 6):
        text = ae_core.format_number(float(f"{value:.3g}"))
        if len(text) > 6:
            text = f"{value:.0e}".replace("e+0", "e").replace("e-0", "e-").replace("-", "−")
    return text


@lru_cache
def _label(label: str) -> str:
    """Write a token's number above its word."""
    number, _, word = label.partition(" ")
    return f"{html.escape(number)}<span>{html.escape(word)}</span>" if word else html.escape(label)


@lru_cache
def _places_of(name: str, row_labels: tuple[str, ...], column_labels: tuple[str, ...]):
    """Give a function that names an entry as a reader would: ``Z1 row 3, X2``."""
    name = symbol(name)
    if len(row_labels) == len(column_labels) == 1:
        return lambda row, column: name
    rows, columns = (
        [f"{word} {label}" if label.isdigit() else html.escape(label) for label in labels]
        for word, labels in (("row", row_labels), ("column", column_labels))
    )
    return lambda row, column: f"{name} {rows[row]}, {columns[column]}"


def _size(matrix: Matrix) -> str:
    return "×".join(map(str, matrix.values.shape))


# ------------------------------------------------------------------------------------- slides and tables


def plot(step: Step):
    """Draw a step with matplotlib, for slides and print: its own result's line of tables, without hover.

    Returns
    -------
    matplotlib.figure.Figure
        A figure of its own, not registered with pyplot; ``figure.savefig("step.pdf")`` writes it.
    """
    # Imported here, since a page that only shows tables need not load it.
    from matplotlib.figure import Figure

    line = next(line for line in _lines(step.computations) if any(c.result is step.result for c in line))
    placed = list(_places(line))
    width = max(x + len(matrix.column_labels) for matrix, x, _, _ in placed) + 0.6
    height = max(y + len(matrix.row_labels) for matrix, _, y, _ in placed) + 0.4
    figure = Figure(figsize=(0.48 * (width + 1.4), 0.48 * (height + 1.6)), layout="constrained")
    axes = figure.add_subplot(aspect="equal", xlim=(-1.4, width), ylim=(height, -1.6))
    axes.axis("off")
    for matrix, x, y, bias in placed:
        _plot_matrix(axes, matrix, x, y, bias)
    return figure


def _places(line: list[Computation]):
    """Give each matrix of a line with its column, its row and, beside a weight, its bias: a drawing's plan."""
    right, base, done = 0.0, 0.0, set()
    first = line[0]
    if first.operation in (ae_core.AFFINE, ae_core.PRODUCT):
        left, top, bias = first.inputs[0], first.inputs[-1], first.inputs[1] if len(first.inputs) == 3 else None
        base = len(top.row_labels) + 2.0
        right = len(left.column_labels) + (1 if bias else 0) + 1.4
        yield top, right, 0.0, None
        yield left, 0.0, base, bias
        done = {id(m) for m in first.inputs}
    for computation in line:
        for matrix in (*computation.drawn_inputs, computation.result):
            if id(matrix) not in done:
                done.add(id(matrix))
                yield matrix, right, base, None
                right += len(matrix.column_labels) + 1.8


def _plot_matrix(axes, matrix: Matrix, x: float, y: float, bias: Matrix | None) -> None:
    axes.text(x, y - 0.75, matrix.name + (f" | {bias.name}" if bias else ""), weight="bold", color=mix(COLOURS[matrix.role].light, INK.light, 0.45))
    columns = [(label, matrix, j) for j, label in enumerate(matrix.column_labels)]
    if bias:
        columns.append((*bias.column_labels, bias, 0))
    for j, (label, source, column) in enumerate(columns):
        axes.text(x + j + 0.5, y - 0.12, label.partition(" ")[0], ha="center", va="bottom", size=7, color=SOFT.light)
        for i, entries in enumerate(source.entries):
            value, colour = entries[column], COLOURS[source.role].light
            fill = mix(colour, PAPER.light, _shade(value, _scale(source)))
            axes.add_patch(_patch(x + j, y + i, fill, mix(colour, PAPER.light, 0.5)))
            text = _short(value)
            axes.text(x + j + 0.5, y + i + 0.5, text, ha="center", va="center", size=10 if len(text) < 4 else 7, color=INK.light)
    for i, label in enumerate(matrix.row_labels):
        axes.text(x - 0.15, y + i + 0.5, label, ha="right", va="center", size=7, color=SOFT.light)


def _patch(x: float, y: float, fill: str, edge: str):
    from matplotlib.patches import FancyBboxPatch

    return FancyBboxPatch((x + 0.07, y + 0.07), 0.86, 0.86, boxstyle="round,pad=0,rounding_size=0.15", facecolor=fill, edgecolor=edge, linewidth=0.8)


def to_frame(matrix: Matrix):
    """Give a matrix as a table with its labels.

    Returns
    -------
    pandas.DataFrame
    """
    import pandas as pd  # imported here, since a page that only shows tables need not load it

    return pd.DataFrame(matrix.values, index=matrix.row_labels, columns=matrix.column_labels).rename_axis(matrix.name)
