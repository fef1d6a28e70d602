"""Sliders for every number of a chapter, beside the steps that they move.

A chapter has one set of parameters.  ``chapter.step(3)`` gives the third step's matrices with the sliders
of what is new in it; whatever the reader changes there, every later step shows.
"""

from __future__ import annotations

import asyncio
import html
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import ipywidgets
import numpy as np
import traitlets
from ipywidgets.widgets.widget_description import DescriptionStyle
from ipywidgets.widgets.widget_string import HTMLStyle, LabelStyle

import ae_backprop
import ae_core
from ae_core import Autoencoder, SparseAutoencoder, Step, format_number
from ae_style import style_sheet
from ae_view import has_rest, rest_html, result_html, summary, symbol

Parameters = dict
"""Everything a reader can change: an array for each matrix, a number for λ, a truth value for a switch."""

OWN_NUMBERS = "your own numbers"
"""What the list of presets shows as soon as a single number has been changed."""


@dataclass(frozen=True)
class Plan:
    """What makes a chapter: how its steps come from its parameters, and which sliders stand where."""

    book: Parameters
    walkthrough: Callable[[Parameters], tuple[Step, ...]]
    sliders: dict[int, tuple[tuple[str, ...], ...]]
    """For each step the groups of parameters moved there; a group such as (W1, b1) is one grid."""
    presets: dict[str, Callable[[Parameters], Parameters]]
    """Named sets of numbers, each made from the book's."""
    model: Callable[[Parameters], Autoencoder | SparseAutoencoder]
    switches: dict[int, tuple[str, str]] = field(default_factory=dict)
    """For a step the truth value switched there, and what the reader is told of it."""
    limits: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    """Least value, greatest value and step of a slider, where they differ from `LIMITS`."""
    update_step: int | None = None
    """The step with the button that takes one update; the last unless given."""
    whose: str = ""
    """Said after each slider's name, where another plan on the page has sliders of the same names."""


DECIMALS = 12
"""What a number is rounded to, far below what anybody reads: floats' own noise ends there."""
LIMITS = (-12, 12, 1)
"""Least value, greatest value and step of a slider: whole numbers, as with a pencil."""


def autoencoder_chapter() -> Chapter:
    """Make the sliders and steps of the autoencoder's chapter."""
    return Chapter(autoencoder_plan())


def sparse_autoencoder_chapter() -> Chapter:
    """Make the sliders and steps of the sparse autoencoder's chapter."""
    return Chapter(sparse_autoencoder_plan())


def autoencoder_backpropagation_chapter() -> Chapter:
    """Make the sliders and steps of the autoencoder's backward pass."""
    return Chapter(autoencoder_backpropagation_plan())


def sparse_autoencoder_backpropagation_chapter() -> Chapter:
    """Make the sliders and steps of the sparse autoencoder's backward pass, numbered on from the autoencoder's."""
    return Chapter(sparse_autoencoder_backpropagation_plan())


class Chapter:
    """The sliders of one set of parameters, and the steps that follow them.

    Parameters
    ----------
    plan : Plan
    """

    def __init__(self, plan: Plan):
        self.plan = plan
        self.parameters = dict(plan.book)
        self.steps = plan.walkthrough(self.parameters)
        self.entries: dict[tuple[str, int, int], Entry] = {}
        self.switches: dict[str, ipywidgets.Checkbox] = {}
        self.panels: dict[int, Panel] = {}
        self._quiet = False
        self._foreseen: dict[tuple[tuple[str, int, int], float], tuple[Parameters, tuple[Step, ...]]] = {}
        """What a move of an entry to a number would lead to."""
        self._soon = _Later(self._guard(self._draw_rest), 0.02)
        self._ahead = _Later(self._look_ahead, 0.05, rest=True)
        # A cell that changes the mathematics must not find what came of the former.
        self._forget = _Later(self._foreseen.clear, 2, rest=True)
        self._at_rest = _Later(self._guard(self._explain), 0.25, rest=True)
        self._and_on = _Later(self._guard(self._explain), 0)
        self._look = _Look()
        self.presets = ipywidgets.Dropdown(
            options=[*plan.presets, OWN_NUMBERS], value=next(iter(plan.presets)), description="Numbers",
            layout=self._look.presets, style=self._look.plain,
        )  # fmt: skip
        self.presets.observe(self._guard(lambda change: self._choose(change.new)), "value")
        self.reset_all = self._button("Reset all", "Give every slider of this chapter the book's number", self.reset)
        self.message = self._look.html()
        self.message.add_class("ae-message")

    def step(self, number: int) -> Panel:
        """Show a step: its matrices, and the sliders of the parameters that it brings in."""
        first, last = self.steps[0].number, self.steps[-1].number
        if number not in range(first, last + 1):
            raise ValueError(f"number: expected a step from {first} to {last}, got {number!r}")
        if number not in self.panels:
            self.panels[number] = Panel(self, number)
        return self.panels[number]

    def reset(self, *names: str) -> None:
        """Give the named parameters, or all, the book's numbers."""
        book = self.plan.book
        if names:
            self.apply({**self.parameters, **{name: book[name] for name in names}})
        else:
            self.apply(book, self.presets.options[0])

    def apply(self, parameters: Parameters, preset: str = OWN_NUMBERS) -> None:
        """Move every slider to these parameters, then draw once."""
        self._quiet = True
        try:
            self.parameters = {name: parameters[name] for name in self.parameters}
            for (name, row, column), entry in self.entries.items():
                entry.set(_entry(self.parameters[name], row, column))
            for name, switch in self.switches.items():
                switch.value = self.parameters[name]
            self.presets.value = preset
        finally:
            self._quiet = False
        self._draw()

    def update(self, learning_rate: float) -> None:
        """Take one step of gradient descent and move the sliders to where it leads."""
        model = self.plan.model(self.parameters)
        extra = (self.parameters["λ"],) if "λ" in self.parameters else ()
        updated = model.update(model.gradients(self.parameters["X"], *extra), learning_rate)
        self.apply({**self.parameters, **_model_parameters(updated)})

    # What follows is for the panels.

    def inputs(self) -> dict[str, ae_core.Matrix]:
        """Give the matrices that may have sliders, by name."""
        return {m.name: m for step in self.steps for m in step.inputs}

    def entry(self, name: str, row: int, column: int, title: str) -> Entry:
        """Give the controls of one number; a number shown in two steps has the same ones in both."""
        key = (name, row, column)
        if key not in self.entries:
            value = _entry(self.parameters[name], row, column)
            limits = self.plan.limits.get(name, LIMITS)
            changed = self._guard(lambda value: self._set_entry(key, value))
            self.entries[key] = Entry(title, value, limits, self._look, changed, self._guard)
        return self.entries[key]

    def switch(self, name: str, description: str) -> ipywidgets.Checkbox:
        if name not in self.switches:
            switch = ipywidgets.Checkbox(
                value=self.parameters[name], description=description, indent=False, layout=self._look.switch
            )
            switch.observe(self._guard(lambda change: self._set({**self.parameters, name: change.new})), "value")
            self.switches[name] = switch
        return self.switches[name]

    def reset_button(self, names: tuple[str, ...]) -> ipywidgets.Button:
        return self._button("Reset", f"Give {' and '.join(names)} the book's numbers", lambda: self.reset(*names))

    def update_controls(self) -> ipywidgets.HBox:
        """Give the button that takes one update, and a box for the learning rate if η is no parameter with sliders."""
        tooltip = "Take one step of gradient descent"
        if "η" in self.parameters:
            return self._look.row(self._button("Update once", tooltip, lambda: self.update(self.parameters["η"])))
        rate = ipywidgets.BoundedFloatText(
            value=0.001, min=0, max=1, step=0.001, description="Learning rate", layout=self._look.rate, style=self._look.plain
        )
        button = self._button("Update once", tooltip, lambda: self.update(rate.value))
        return self._look.row(rate, button)

    def _button(self, text: str, tooltip: str, action: Callable[[], None]) -> ipywidgets.Button:
        button = ipywidgets.Button(description=text, tooltip=tooltip, layout=self._look.button, style=self._look.button_style)
        button.on_click(self._guard(lambda _: action()))
        return button

    def _choose(self, preset: str) -> None:
        if not self._quiet and preset != OWN_NUMBERS:
            self.apply(self.plan.presets[preset](dict(self.plan.book)), preset)

    def _set_entry(self, key: tuple[str, int, int], value: float) -> None:
        name, row, column = key
        former = _entry(self.parameters[name], row, column)
        if value == former:
            return
        self._set(*(self._foreseen.get((key, value)) or (self._with_entry(key, value),)))
        self._next = key, round(2 * value - former, DECIMALS)
        self._ahead.ask()

    def _with_entry(self, key: tuple[str, int, int], value: float) -> Parameters:
        name, row, column = key
        if np.ndim(self.parameters[name]) == 0:
            return {**self.parameters, name: _whole(value)}
        changed = np.array(self.parameters[name], dtype=float)
        changed[(row, column)[: changed.ndim]] = value
        return {**self.parameters, name: _whole(changed)}

    def _set(self, parameters: Parameters, steps: tuple[Step, ...] | None = None) -> None:
        if not self._quiet:
            self.parameters = parameters
            self.presets.value = OWN_NUMBERS
            self._draw(steps)

    def _draw(self, steps: tuple[Step, ...] | None = None) -> None:
        """Draw the steps that changed, and only these.

        What a reader sees comes first: what is folded away follows, and once the sliders rest the arithmetic of each cell.
        """
        self._foreseen.clear()
        self.steps = steps or self.plan.walkthrough(self.parameters)
        self._draw_panels(in_haste=self._soon.ask() and self._at_rest.ask())

    def _draw_panels(self, in_haste: bool) -> None:
        for step in self.steps:
            if step.number in self.panels:
                self.panels[step.number].draw(step, in_haste)

    def _draw_rest(self) -> None:
        for panel in self.panels.values():
            panel.draw_rest()

    def _look_ahead(self) -> None:
        """Work out one more move of the same kind, and draw it for nobody: it will be there at once if it is wanted."""
        key, value = self._next
        if not self.entries[key].least <= value <= self.entries[key].most:
            return
        parameters = self._with_entry(key, value)
        with suppress(Exception):  # nobody asked for it; whoever does is told of the error
            steps = self.plan.walkthrough(parameters)
            for step in steps:
                if step.number in self.panels:
                    result_html(step, arithmetic=False)
            self._foreseen[self._next] = parameters, steps
            self._forget.ask()

    def _explain(self) -> None:
        """Explain one panel after the other; a move that comes in between need not wait for all of them."""
        left = [panel for panel in self.panels.values() if panel.left_out]
        if left and not self._at_rest.is_waiting:
            left[0].explain()
            self._and_on.ask()

    def _guard(self, callback: Callable) -> Callable:
        """Let a callback's error show itself to the reader; the next move clears it."""

        def guarded(*arguments):
            try:
                callback(*arguments)
                if not self._quiet:
                    self.message.value = ""
            except Exception as error:
                self.message.value = alert_html(error)

        return guarded


class _Later:
    """Calls a function some time after it was asked for; with ``rest``, after it was last asked for."""

    def __init__(self, function: Callable[[], None], seconds: float, rest: bool = False):
        self.function, self.seconds, self.rest = function, seconds, rest
        self.due, self.is_waiting = 0.0, False

    def ask(self) -> bool:
        """Return False where no event loop runs, which could call the function."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return False
        if self.rest or not self.is_waiting:
            self.due = loop.time() + self.seconds
        if not self.is_waiting:
            self.is_waiting = True
            loop.call_later(self.seconds, self._look)
        return True

    # To put off a timer at each move would cost more than to look at the clock when it goes off.
    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        left = self.due - loop.time()
        if left > 0:
            loop.call_later(left, self._look)
        else:
            self.is_waiting = False
            self.function()


class Entry:
    """The controls of one number: a slider, a box to type it in, and a − and a + button.

    ``changed`` is called with every new number.
    """

    def __init__(self, title, value: float, limits, look: _Look, changed: Callable[[float], None], guard: Callable):
        self.least, self.most, self.step = limits
        self.changed = changed
        self.slider = _Slider(
            value=value, min=self.least, max=self.most, step=self.step, description=title, tooltip=title,
            readout=False, layout=look.slider, style=look.slider_style,
        )  # fmt: skip
        self.number = ipywidgets.BoundedFloatText(
            value=value, min=self.least, max=self.most, step=self.step, description=title, tooltip=title,
            continuous_update=False, layout=look.number, style=look.hidden_title,
        )  # fmt: skip
        buttons = []
        for sign, word in ((-1, "less"), (1, "more")):
            button = ipywidgets.Button(
                description="+" if sign > 0 else "−", tooltip=f"{title}: {format_number(self.step)} {word}",
                layout=look.minus if sign < 0 else look.plus, style=look.button_style,
            )  # fmt: skip
            button.on_click(guard(lambda _, sign=sign: self.move(sign)))
            buttons.append(button)
        self.minus, self.plus = buttons
        self.slider.observe(self._follow, "value")
        self.number.observe(self._type, "value")

    def move(self, steps: int) -> None:
        """Move by so many steps, no further than the slider goes."""
        self.set(min(self.most, max(self.least, self.slider.value + steps * self.step)))

    def set(self, value: float) -> None:
        """Set the number; limits that would cut it off make room for it.

        A slider's view moves to the nearest of its steps, counted from its least value, and tells so.  The
        least value is therefore such that the number is one of these steps.
        """
        value = round(value, DECIMALS)
        least, most = min(self.least, math.floor(value)), max(self.most, math.ceil(value))
        begin = round(value - math.floor((value - least) / self.step) * self.step, DECIMALS)
        for control, first in ((self.number, least), (self.slider, begin)):
            with control.hold_sync():  # in one message, or the view would move in between
                control.min, control.max = min(control.min, first), max(control.max, most)
                control.value = value
                control.min, control.max = first, most

    def _follow(self, change) -> None:
        """Take the number that the slider was moved to; a view's arithmetic gives −1.9999999999999996 for −2.

        The slider is not put right: by then the reader's hand may be further on, and would be pulled back.
        """
        value = round(change.new, DECIMALS)
        self.number.value = value
        self.changed(value)

    def _type(self, change) -> None:
        if change.new != round(self.slider.value, DECIMALS):
            self.set(change.new)


class _Slider(ipywidgets.FloatSlider):
    """A slider that sends its limits ahead of its value: a view applies them in the order in which they come."""

    def send_state(self, key=None):
        super().send_state(sorted(key, key="value".__eq__) if isinstance(key, (set, list)) else key)


class Drawn(ipywidgets.HTML):
    """HTML that is drawn when it is first asked for: a page that shows it already goes live without."""

    def __init__(self, draw: Callable[[], str], **keywords):
        self._draw = draw
        super().__init__(**keywords)

    @traitlets.default("value")
    def _draw_value(self) -> str:
        return self._draw()


class Framed(ipywidgets.VBox):
    """A box of widgets that has a ``static_html()`` and a ``text()``, shown where widgets cannot live."""

    classes = ("ae-panel",)

    def _repr_mimebundle_(self, **keywords):
        bundle = super()._repr_mimebundle_(**keywords)
        data, *metadata = bundle if isinstance(bundle, tuple) else (bundle,)
        data = {**data, "text/html": self.static_html(), "text/plain": self.text()}
        return (data, *metadata) if metadata else data

    def frame_html(self, figures: Sequence[str], controls: str, above: str = "") -> str:
        """Put drawn figures and controls, some of them perhaps above, where the page finds them, to make widgets of them."""
        drawn = "".join(f'<div class="ae-figure">{figure}</div>' for figure in figures)
        above, below = (f'<div class="ae-controls" aria-hidden="true">{part}</div>' if part else "" for part in (above, controls))
        return f'<div class="ae-live {" ".join(self.classes)}" data-model-id="{self.model_id}">{above}{drawn}{below}</div>'


class Panel(Framed):
    """One step on the page: its matrices, the message of a failed callback, the sliders.

    Shown where widgets cannot live (the built page before it is live, a printed sheet), it is plain HTML of
    the same size.
    """

    def __init__(self, chapter: Chapter, number: int):
        self.chapter, self.drawn = chapter, chapter.steps[number - chapter.steps[0].number]
        look = chapter._look
        self.figures = [look.drawn(lambda: result_html(self.drawn))]
        if has_rest(self.drawn):
            self.figures.append(look.drawn(lambda: rest_html(self.drawn)))
        self.left_out = set()
        """What of the drawn step is not shown yet: its "rest", its "arithmetic"."""
        self.groups = [_Group(chapter, number, names) for names in chapter.plan.sliders.get(number, ())]
        rows = []
        if number in chapter.plan.switches:
            rows.append(look.row(chapter.switch(*chapter.plan.switches[number])))
        if number == (chapter.plan.update_step or chapter.steps[-1].number):
            rows.append(chapter.update_controls())
        rows.append(look.row(chapter.presets, chapter.reset_all))
        self._lay_out(self.figures, rows)

    def _lay_out(self, figures: list[ipywidgets.HTML], rows: list[ipywidgets.HBox]) -> None:
        """Stack figures, message, sliders and rows of buttons; the page finds the figures from the second place on."""
        chapter, look = self.chapter, self.chapter._look
        self.rows = rows
        self.controls = ipywidgets.VBox([*(group.widget for group in self.groups), *rows], layout=look.box)
        self.controls.add_class("ae-controls")
        super().__init__([look.sheet, *figures, chapter.message, self.controls], layout=look.box)
        for name in self.classes:
            self.add_class(name)

    def draw(self, step: Step, in_haste: bool = False) -> None:
        """Draw the step, unless it is what the panel shows already; in haste, without what `draw_rest` and `explain` add."""
        if _same(self.drawn, step):
            return
        self.drawn, self.left_out = step, {"rest", "arithmetic"}
        if in_haste:
            self.figures[0].value = result_html(step, arithmetic=False)
        else:
            self.explain()

    def draw_rest(self) -> None:
        """Draw what is folded away, if it was left out."""
        if "rest" in self.left_out:
            for figure in self.figures[1:]:
                figure.value = rest_html(self.drawn, arithmetic=False)
            self.left_out.discard("rest")

    def explain(self) -> None:
        """Draw whatever was left out."""
        if self.left_out:
            for figure, drawing in zip(self.figures, self.drawings()):
                figure.value = drawing
            self.left_out = set()

    def text(self) -> str:
        """Say in words what the panel shows."""
        return summary(self.drawn)

    def drawings(self) -> list[str]:
        """Give the HTML of each figure."""
        return [result_html(self.drawn), rest_html(self.drawn)][: len(self.figures)]

    def is_first(self) -> bool:
        """Tell whether the panel brings the page its style sheet."""
        return self.drawn.number == 1

    def static_html(self) -> str:
        """Give the panel as plain HTML: the matrices, and the controls as they stand."""
        sheet = f"<style>{style_sheet()}</style>" if self.is_first() else ""
        groups = "".join(group.static_html() for group in self.groups)
        rows = "".join(f'<div class="ae-row">{"".join(map(_static_control, row.children))}</div>' for row in self.rows)
        return sheet + self.frame_html(self.drawings(), groups + rows)


def alert_html(error: BaseException) -> str:
    """Tell the reader of an error."""
    return f'<p role="alert">{html.escape(f"{type(error).__name__}: {error}")}</p>'


def _static_control(control: ipywidgets.Widget) -> str:
    """Draw a button, a switch, a list or a number box as it stands."""
    text = html.escape(control.description)
    width = f' style="width:{control.layout.width}"'
    if isinstance(control, ipywidgets.Button):
        sized = "" if control.layout.width == "auto" else f' style="width:{control.layout.width};text-align:center"'
        return f'<span class="ae-button"{sized}>{text}</span>'
    if isinstance(control, ipywidgets.Checkbox):
        return f'<span class="ae-switch"><i>{"☑" if control.value else "☐"}</i><span>{text}</span></span>'
    value = control.value if isinstance(control, ipywidgets.Dropdown) else format_number(control.value)
    return f'<span class="ae-field"{width}>{text} <span>{html.escape(value)}</span></span>'


class _Group:
    """The sliders of one or two parameters, laid out as the matrix is."""

    def __init__(self, chapter: Chapter, number: int, names: tuple[str, ...]):
        look = chapter._look
        inputs = chapter.inputs()
        whose = chapter.plan.whose and f", {chapter.plan.whose}"
        self.matrices = [inputs[name] for name in names]
        columns = [(m, j) for m in self.matrices for j in range(len(m.column_labels))]
        self.headings = [m.column_labels[j] for m, j in columns]
        self.row_labels = self.matrices[0].row_labels
        self.entries = [
            [chapter.entry(m.name, i, j, _spoken(m, i, j) + whose) for m, j in columns] for i in range(len(self.row_labels))
        ]

        def label(text, layout):
            return ipywidgets.Label(text, layout=layout, style=look.label_style)

        children = [label("", look.corner), *(label(heading, look.heading) for heading in self.headings)]
        for text, entries in zip(self.row_labels, self.entries):
            children.append(label(text, look.row_label))
            for entry in entries:
                children += [entry.minus, entry.number, entry.plus]
            children += [entry.slider for entry in entries]
        grid = ipywidgets.GridBox(children, layout=look.grid(len(columns)))
        grid.add_class("ae-sliders")
        self.title = f"<b>{' | '.join(map(symbol, names))}</b>"
        self.reset = chapter.reset_button(names)
        self.widget = ipywidgets.VBox([look.row(look.html(self.title), self.reset), grid], layout=look.box)
        self.widget.add_class(f"ae-{self.matrices[0].role}")
        self.widget.add_class("ae-group")

    def static_html(self) -> str:
        cells = ["<span></span>", *(f'<span class="ae-heading">{html.escape(heading)}</span>' for heading in self.headings)]
        for text, entries in zip(self.row_labels, self.entries):
            cells.append(f'<span class="ae-row-label">{html.escape(text)}</span>')
            for entry in entries:
                value = format_number(entry.slider.value)
                cells.append(f'<i class="ae-minus">−</i><b class="ae-number">{value}</b><i class="ae-plus">+</i>')
            for entry in entries:
                slider = entry.slider
                share = (slider.value - slider.min) / (slider.max - slider.min)
                cells.append(f'<span class="ae-track" style="--at:{share:.1%}"></span>')
        return (
            f'<div class="ae-group ae-{self.matrices[0].role}"><div class="ae-row">{self.title}{_static_control(self.reset)}</div>'
            f'<div class="ae-sliders" style="grid-template-columns:{_tracks(len(self.headings))}">{"".join(cells)}</div></div>'
        )


class _Look:
    """Layouts and styles that the widgets of a chapter share; each is sent to the page but once."""

    def __init__(self):
        layout, tall = ipywidgets.Layout, {"margin": "0", "height": "30px"}
        self.box = layout(margin="0")
        self.minus = self.plus = layout(width="26px", padding="0", **tall)
        self.number = layout(width="50px", **tall)
        # grid_area alone: beside it, ipywidgets would overrule grid_column and grid_row by nothing.
        self.slider = layout(width="auto", grid_area="auto / auto / auto / span 3", margin="0 10px 0 0", height="30px")
        self.corner = layout(width="auto", margin="0", height="20px")
        self.heading = layout(width="auto", grid_area="auto / auto / auto / span 3", margin="0 10px 0 0", height="20px")
        self.row_label = layout(width="auto", grid_area="auto / auto / span 2 / auto", margin="0", height="60px")
        self.presets = layout(width="21rem", max_width="100%", margin="0", height="32px")
        self.button = layout(width="auto", margin="0", height="32px")
        self.rate = layout(width="12rem", margin="0", height="32px")
        self.switch = layout(width="auto", margin="0", min_height="32px", height="auto")
        self.hidden = layout(display="none")
        self.html_style = HTMLStyle()
        self.label_style = LabelStyle()
        self.button_style = ipywidgets.ButtonStyle()
        self.slider_style = ipywidgets.SliderStyle(description_width="0px")
        self.hidden_title = DescriptionStyle(description_width="0px")
        self.plain = DescriptionStyle(description_width="initial")
        self.sheet = self.html(f"<style>{style_sheet()}</style>", self.hidden)
        self.grids: dict[int, ipywidgets.Layout] = {}

    def html(self, value: str = "", layout: ipywidgets.Layout | None = None) -> ipywidgets.HTML:
        return ipywidgets.HTML(value, layout=layout or self.box, style=self.html_style)

    def drawn(self, draw: Callable[[], str]) -> Drawn:
        return Drawn(draw, layout=self.box, style=self.html_style)

    def row(self, *children: ipywidgets.Widget) -> ipywidgets.HBox:
        row = ipywidgets.HBox(children, layout=self.box)
        row.add_class("ae-row")
        return row

    def grid(self, columns: int) -> ipywidgets.Layout:
        if columns not in self.grids:
            self.grids[columns] = ipywidgets.Layout(grid_template_columns=_tracks(columns), margin="0")
        return self.grids[columns]


def _tracks(columns: int) -> str:
    return f"24px repeat({columns}, 26px 50px 36px)"


def _spoken(matrix: ae_core.Matrix, row: int, column: int) -> str:
    """Name an entry for a screen reader: ``W1 row 2 column 3``, ``b_enc row f6``, ``λ``."""
    if matrix.values.size == 1:
        return matrix.name
    if matrix.role == "bias":
        return f"{matrix.name} row {matrix.row_labels[row]}"
    return f"{matrix.name} row {matrix.row_labels[row]} column {matrix.column_labels[column]}"


def _entry(value, row: int, column: int) -> float:
    """Give one number of a matrix, a vector or a scalar."""
    array = np.asarray(value)
    return float(array[(row, column)[: array.ndim]])


def _whole(value):
    """Give whole numbers as integers, so that they print as on paper; others to twelve decimals."""
    rounded = np.round(np.asarray(value, dtype=float), DECIMALS)
    exact = np.abs(rounded).max() < 2**53 and np.array_equal(rounded, np.round(rounded))
    result = rounded.astype(int) if exact else rounded
    return result if result.ndim else result.item()


def _same(one: Step, other: Step) -> bool:
    """Tell whether two versions of a step show the same numbers."""
    pairs = zip(one.computations, other.computations)
    return len(one.computations) == len(other.computations) and all(
        a.formula == b.formula
        and a.result.entries == b.result.entries
        and all(m.entries == n.entries for m, n in zip(a.inputs, b.inputs))
        for a, b in pairs
    )


# ----------------------------------------------------------------------------------- the two chapters


def autoencoder_plan() -> Plan:
    """Plan the autoencoder's chapter: its four layers' sliders, and presets that teach."""
    model, x = ae_core.autoencoder_example()
    book = {"X": x, **_model_parameters(model), "output_relu": True}
    return Plan(
        book=book,
        walkthrough=lambda p: ae_core.autoencoder_walkthrough(_autoencoder(p), p["X"]),
        sliders={1: (("X",),), **{k + 1: ((f"W{k}", f"b{k}"),) for k in range(1, 5)}},
        switches={5: ("output_relu", "ReLU on the output, as in the drawing")},
        model=_autoencoder,
        presets={
            "the book's numbers": lambda p: p,
            "all weights and biases 0": lambda p: {**p, **_zeros(p, "W", "b")},
            "a dead bottleneck": lambda p: {**p, "b2": np.array([-10, -10])},
            "a perfect reconstruction": lambda p: {
                **p,
                **_zeros(p, "W", "b"),
                "X": np.array([[1, 2, 0, 3], [2, 0, 1, 1], [1, 2, 0, 3], [2, 0, 1, 1]]),
                "W1": np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]),
                "W2": np.array([[1, 0, 0], [0, 1, 0]]),
                "W3": np.array([[1, 0], [0, 1], [0, 0]]),
                "W4": np.array([[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 1, 0]]),
            },
        },
    )


def sparse_autoencoder_plan() -> Plan:
    """Plan the sparse autoencoder's chapter: encoder, decoder, λ, and presets that teach."""
    model, x, l1_coefficient = ae_core.sparse_autoencoder_example()
    book = {"X": x, **_model_parameters(model), "λ": l1_coefficient, "subtract_decoder_bias": False}
    identity = np.eye(3, dtype=int)
    return Plan(
        book=book,
        walkthrough=lambda p: ae_core.sparse_autoencoder_walkthrough(_sparse_autoencoder(p), p["X"], p["λ"], ae_core.TOKENS),
        sliders={1: (("W_enc", "b_enc"), ("X",)), 3: (("W_dec", "b_dec"),), 5: (("λ",),), 8: (("λ",),)},
        switches={1: ("subtract_decoder_bias", "Subtract b_dec from X first, as Towards Monosemanticity does")},
        limits={"λ": (0, 10, 0.5)},
        model=_sparse_autoencoder,
        presets={
            "the book's numbers": lambda p: p,
            "all weights and biases 0": lambda p: {**p, **_zeros(p, "W_", "b_")},
            "λ = 0": lambda p: {**p, "λ": 0},
            "λ = 5: five updates, and every feature is dead": _after_a_large_penalty,
            "a perfect reconstruction": lambda p: {
                **p,
                **_zeros(p, "b_"),
                "W_enc": np.vstack([identity, -identity]),
                "W_dec": np.hstack([identity, -identity]),
            },
        },
    )


def autoencoder_backpropagation_plan() -> Plan:
    """Plan the first half of the chapter on backpropagation: the autoencoder's numbers, η, and the nudge's k."""
    forward = autoencoder_plan()
    return replace(
        forward,
        book={**forward.book, "η": 0.001, "k": 5},
        walkthrough=lambda p: ae_backprop.autoencoder_backpropagation(_autoencoder(p), p["X"], p["η"], p["k"]),
        sliders={
            1: (("X",),),
            **{6 - k: ((f"W{k}", f"b{k}"),) for k in range(1, 5)},
            6: (("η",),),
            7: (("η",),),
            8: (("k",),),
        },
        switches={2: forward.switches[5]},
        limits=_RATE_AND_NUDGE,
        update_step=6,
        whose="autoencoder",
    )


def sparse_autoencoder_backpropagation_plan() -> Plan:
    """Plan the second half of the chapter on backpropagation: the sparse autoencoder's numbers, η and k."""
    forward = sparse_autoencoder_plan()
    return replace(
        forward,
        book={**forward.book, "η": 0.001, "k": 5},
        walkthrough=lambda p: ae_backprop.sparse_autoencoder_backpropagation(
            _sparse_autoencoder(p), p["X"], p["λ"], p["η"], p["k"], ae_core.TOKENS, first=9
        ),
        sliders={
            9: (("X",),),
            10: (("W_dec", "b_dec"), ("λ",)),
            11: (("λ",),),
            12: (("W_enc", "b_enc"),),
            13: (("η",),),
            14: (("η",),),
            15: (("k",),),
        },
        switches={12: forward.switches[1]},
        limits={**forward.limits, **_RATE_AND_NUDGE},
        update_step=13,
        whose="sparse autoencoder",
    )


_RATE_AND_NUDGE = {"η": (0, 0.02, 0.001), "k": (1, 12, 1)}


def _after_a_large_penalty(p: Parameters) -> Parameters:
    """Take five steps of gradient descent with λ = 5; none of the features survives them."""
    p = {**p, "λ": 5}
    model = _sparse_autoencoder(p)
    for _ in range(5):
        model = model.update(model.gradients(p["X"], p["λ"]), 0.02)
    return {**p, **{name: np.round(value, 2) for name, value in _model_parameters(model).items()}}


def _autoencoder(p: Parameters) -> Autoencoder:
    layers = range(1, sum(name.startswith("W") for name in p) + 1)
    return Autoencoder([p[f"W{k}"] for k in layers], [p[f"b{k}"] for k in layers], p["output_relu"])


def _sparse_autoencoder(p: Parameters) -> SparseAutoencoder:
    return SparseAutoencoder(p["W_enc"], p["b_enc"], p["W_dec"], p["b_dec"], p["subtract_decoder_bias"])


def _model_parameters(model: Autoencoder | SparseAutoencoder) -> Parameters:
    """Give a model's weights and biases by their names in the drawing."""
    if isinstance(model, SparseAutoencoder):
        arrays = {name: getattr(model, name) for name in ("W_enc", "b_enc", "W_dec", "b_dec")}
    else:
        layers = enumerate(zip(model.weights, model.biases), start=1)
        arrays = {name: array for k, (W, b) in layers for name, array in ((f"W{k}", W), (f"b{k}", b))}
    return {name: _whole(array) for name, array in arrays.items()}


def _zeros(p: Parameters, *prefixes: str) -> Parameters:
    return {name: np.zeros_like(value) for name, value in p.items() if name.startswith(prefixes)}
