"""Pictures that follow a slider, such as a training over its steps.

An `Explorer` has one figure and a few controls.  Everything is computed when it is made; a move of a control picks and
draws, no more.  Each function below makes one explorer.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import ipywidgets
import numpy as np

import ae_core
from ae_chart import Chart, Series
from ae_core import Array, format_number
from ae_style import role_class, style_sheet
from ae_train import TrainingResult
from ae_view import computations_html, symbol
from ae_widgets import Framed, _Look, _Slider, _static_control, alert_html


@dataclass(frozen=True)
class Slide:
    """A slider that picks one of some values."""

    title: str
    values: Sequence
    start: int = 0
    """Where among the values it begins."""
    write: Callable[[object], str] = format_number
    role: str = "loss"
    """Whose colour it has."""


@dataclass(frozen=True)
class Pick:
    """A list that picks one of some words."""

    title: str
    values: Sequence[str]


@dataclass(frozen=True)
class Picture:
    """What an explorer shows: HTML, and the same in words."""

    html: str
    text: str


class Explorer(Framed):
    """A figure that follows its controls.

    Parameters
    ----------
    draw : function
        Called with one value a control, in their order; gives the `Picture`.
    controls : sequence of Slide or Pick
    beside : Explorer, optional
        Whose controls this one shares, instead of having its own: a move then draws both.
    """

    def __init__(self, draw: Callable[..., Picture], *controls: Slide | Pick, beside: Explorer | None = None):
        self.draw = draw
        if beside is None:
            self.look = look = _Look()
            self.message = look.html()
            self.message.add_class("ae-message")
            self.parts = [(_Scrubber if isinstance(control, Slide) else _List)(control, look, self._guarded) for control in controls]
            self.controls = ipywidgets.VBox([part.widget for part in self.parts], layout=look.box)
            self.controls.add_class("ae-controls")
            self.together = [self]
        else:
            self.look, self.message, self.parts, self.controls = beside.look, beside.message, beside.parts, beside.controls
            self.together = beside.together
            self.together.append(self)
        self.picture = draw(*self.values)
        self.figure = self.look.html(self.picture.html)
        super().__init__([self.look.sheet, self.figure, self.message, self.controls], layout=self.look.box)
        self.add_class("ae-panel")

    @property
    def values(self) -> list:
        """How the controls stand."""
        return [part.value for part in self.parts]

    def text(self) -> str:
        return self.picture.text

    def static_html(self) -> str:
        """Give the explorer as plain HTML: the figure, and the controls as they stand."""
        controls = "".join(part.static_html() for part in self.parts)
        return f"<style>{style_sheet()}</style>{self.frame_html([self.picture.html], controls)}"

    def _guarded(self, callback: Callable[[], None]) -> None:
        """Take over what a control was set to, and draw; an error shows itself to the reader, the next move clears it."""
        try:
            callback()
            for one in self.together:
                one.picture = one.draw(*self.values)
                one.figure.value = one.picture.html
            self.message.value = ""
        except Exception as error:
            self.message.value = alert_html(error)


class _Scrubber:
    """A wide slider with − and +, and the picked value written above it."""

    def __init__(self, spec: Slide, look: _Look, guarded: Callable):
        self.spec, self.index, self.guarded = spec, spec.start, guarded
        self.readout = look.html(self._written())
        self.slider = _Slider(
            value=spec.start, min=0, max=len(spec.values) - 1, step=1, description=self._spoken(), tooltip=self._spoken(),
            readout=False, layout=ipywidgets.Layout(width="auto", margin="0", height="30px"), style=look.slider_style,
        )  # fmt: skip
        self.slider.observe(self._follow, "value")
        buttons = []
        for sign, text, layout in ((-1, "−", look.minus), (1, "+", look.plus)):
            button = ipywidgets.Button(
                description=text, tooltip=f"{spec.title}: {'more' if sign > 0 else 'less'}", layout=layout, style=look.button_style
            )
            button.on_click(lambda _, sign=sign: self.move(sign))
            buttons.append(button)
        self.minus, self.plus = buttons
        grid = ipywidgets.GridBox([self.minus, self.slider, self.plus], layout=ipywidgets.Layout(grid_template_columns=self.TRACKS, margin="0"))
        grid.add_class("ae-sliders")
        grid.add_class("ae-scrub")
        self.widget = ipywidgets.VBox([look.row(self.readout), grid], layout=look.box)
        self.widget.add_class("ae-group")
        self.widget.add_class(role_class(self.spec.role))

    TRACKS = "26px minmax(0,30rem) 26px"

    @property
    def value(self):
        return self.spec.values[self.index]

    def move(self, steps: int) -> None:
        """Move by so many values, no further than the slider goes."""
        self.slider.value = min(self.slider.max, max(self.slider.min, self.index + steps))

    def _follow(self, change) -> None:
        index = round(change.new)
        if index != self.index:
            self.guarded(lambda: self._take(index))

    def _take(self, index: int) -> None:
        self.index = index
        self.readout.value = self._written()
        self.slider.tooltip = self._spoken()  # a screen reader hears the value, not its place in the list

    def _written(self) -> str:
        return f"<b>{symbol(self.spec.title)}</b> {html.escape(self.spec.write(self.value))}"

    def _spoken(self) -> str:
        return f"{self.spec.title}: {self.spec.write(self.value)}"

    def static_html(self) -> str:
        share = self.index / max(1, len(self.spec.values) - 1)
        return (
            f'<div class="ae-group {role_class(self.spec.role)}"><div class="ae-row"><span>{self._written()}</span></div>'
            f'<div class="ae-sliders ae-scrub" style="grid-template-columns:{self.TRACKS}">'
            f'<i class="ae-minus">−</i><span class="ae-track" style="--share:{share:.3f}"></span><i class="ae-plus">+</i></div></div>'
        )


class _List:
    """A list to choose from."""

    def __init__(self, spec: Pick, look: _Look, guarded: Callable):
        self.list = ipywidgets.Dropdown(
            options=list(spec.values), value=spec.values[0], description=spec.title, layout=look.presets, style=look.plain
        )
        self.list.observe(lambda _: guarded(lambda: None), "value")
        self.widget = look.row(self.list)

    @property
    def value(self) -> str:
        return self.list.value

    def static_html(self) -> str:
        return f'<div class="ae-row">{_static_control(self.list)}</div>'


# ---------------------------------------------------------------------------------------------- training

OUTPUT_AND_TARGET = "output and target"


def watch_training(run: TrainingResult, x: Array) -> Explorer:
    """Show an autoencoder's training: its loss curve, and any layer's matrices as they were at a snapshot.

    Parameters
    ----------
    run : TrainingResult
        Trained with ``snapshot_every``.
    x : array_like, shape (in, n)
    """
    x = np.asarray(x)
    # The history has the loss before each update; what the last one led to comes after it.
    last = float(((run.model.forward(x).output - x) ** 2).sum() / x.shape[1])
    loss = np.append(run.history.loss, last)
    steps = np.arange(len(loss))
    chart = Chart("The loss while it trains", (Series("loss", steps, loss, "loss"),), "updates", y_scale="log")
    models = dict(run.snapshots)
    titles = [step.title for step in ae_core.autoencoder_walkthrough(run.model, x)[1:-1]]

    def draw(taken: int, layer: str) -> Picture:
        walkthrough = ae_core.autoencoder_walkthrough(models[taken], x)
        if layer == OUTPUT_AND_TARGET:
            computations = walkthrough[-1].computations[:1]
        else:
            computations = walkthrough[1 + titles.index(layer)].computations
        text = f"After {taken} updates the loss is {loss[taken]:.3g}. Shown: {layer}."
        return Picture(chart.html(taken) + computations_html(computations, text, "training"), f"{chart.text(taken)} {text}")

    return Explorer(draw, Slide("updates", [taken for taken, _ in run.snapshots]), Pick("Matrices", [OUTPUT_AND_TARGET, *titles]))
