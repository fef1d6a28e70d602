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
from ae_core import Array, Autoencoder, Computation, SparseAutoencoder, format_number
from ae_style import role_class, style_sheet
from ae_train import Diverged, TrainingResult, unit_deaths
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

    def __post_init__(self):
        if self.start not in range(len(self.values)):
            raise ValueError(f"{self.title}: expected one of {len(self.values)} values to begin at, got number {self.start}")


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
        return f"<style>{style_sheet()}</style>{self.frame_html([self.picture.html], controls, self._static_above())}"

    def _static_above(self) -> str:
        """Give the controls above the figure, of which there are none here."""
        return ""

    def _guarded(self, callback: Callable[[], None]) -> None:
        """Take over what a control was set to, and draw; an error shows itself to the reader, the next move clears it."""
        try:
            callback()
            self._redraw()
            self.message.value = ""
        except Exception as error:
            self.message.value = alert_html(error)

    def _redraw(self) -> None:
        for one in self.together:
            one.picture = one.draw(*self.values)
            one.figure.value = one.picture.html


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

    def go(self, index: int) -> None:
        """Move without drawing."""
        self._take(index)
        self.slider.value = index

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
        self.spec = spec
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
    loss = np.append(run.history.loss, mean_loss(run.model, x))
    chart = Chart("The loss while it trains", (Series("loss", np.arange(len(loss)), loss, "loss"),), "updates", y_scale="log")
    models = dict(_snapshots(run))
    layers = layer_titles(run.model, x)

    def draw(taken: int, layer: str) -> Picture:
        text = f"After {taken} updates the loss is {loss[taken]:.3g}. Shown: {layer}."
        return _below(chart, taken, layer_computations(models[taken], x, layer), text)

    return Explorer(draw, Slide("updates", list(models)), Pick("Matrices", layers))


def watch_sparse_training(run: TrainingResult, x: Array, l1_coefficient: float, token_labels: Sequence[str] | None = None) -> Explorer:
    """Show a sparse autoencoder's training: both parts of its loss, and its matrices as they were at a snapshot.

    Parameters
    ----------
    run : TrainingResult
        Trained with ``snapshot_every``.
    x : array_like, shape (d, n)
    l1_coefficient : float
        λ ≥ 0.
    token_labels : sequence of str, optional
        A word for each token.
    """
    film = SparseFilm(x, l1_coefficient, token_labels)
    for taken, model in _snapshots(run):
        film.add(taken, model)
    updates = Slide("updates", range(len(film)), write=lambda place: format_number(film.taken[place]))
    return Explorer(film.picture, updates, SparseFilm.choice(x, run.model))


class SparseFilm:
    """Pictures of a sparse autoencoder while it trains: both parts of its loss so far, and a snapshot's matrices.

    Parameters
    ----------
    x : array_like, shape (d, n)
    l1_coefficient : float
        λ ≥ 0.
    token_labels : sequence of str, optional
        A word for each token.
    updates : int, optional
        How many there will be; the curves leave room for them.
    """

    def __init__(self, x: Array, l1_coefficient: float, token_labels: Sequence[str] | None = None, updates: int | None = None):
        self.x, self.l1_coefficient, self.token_labels, self.updates = x, l1_coefficient, token_labels, updates
        self.taken: list[int] = []
        self.models: list[SparseAutoencoder] = []
        self.losses: list[tuple[float, float]] = []
        self.chart: Chart | None = None

    @staticmethod
    def choice(x: Array, model: SparseAutoencoder) -> Pick:
        """Give the list of what a picture can show."""
        first, second, *others = (step.title for step in ae_core.sparse_autoencoder_walkthrough(model, x, 0)[:4])
        return Pick("Matrices", [second, first, *others, OUTPUT_AND_TARGET])

    def __len__(self) -> int:
        return len(self.taken)

    def add(self, taken: int, model: SparseAutoencoder) -> None:
        """Add a snapshot."""
        loss = model.loss(self.x, self.l1_coefficient)
        self.taken.append(taken)
        self.models.append(model)
        self.losses.append((loss.reconstruction / np.shape(self.x)[1], loss.sparsity / np.shape(self.x)[1]))
        self.chart = None

    def picture(self, place: int, shown: str) -> Picture:
        """Draw a snapshot; ``shown`` is one of the words of `choice`."""
        if self.chart is None:
            parts = zip(("reconstruction", "sparsity"), ("output", "activation"), zip(*self.losses))
            series = [Series(name, self.taken, part, role) for name, role, part in parts]
            self.chart = Chart("Both losses of a word while it trains", series, "updates", x_range=(0, self.updates), y_range=(0, None))
        model = self.models[place]
        walkthrough = ae_core.sparse_autoencoder_walkthrough(model, self.x, self.l1_coefficient, self.token_labels)
        computations = {step.title: step.computations for step in walkthrough[:4]} | {OUTPUT_AND_TARGET: walkthrough[-1].computations[:1]}
        features = model.forward(self.x).features
        dead = [f"f{k + 1}" for k in np.flatnonzero(~(features > 0).any(1))]
        fate = f"no word activates {', '.join(dead)}" if dead else "every feature has its word"
        text = f"After {self.taken[place]} updates {fate}. Shown: {shown}."
        return _below(self.chart, place, computations[shown], text)


def compare_trainings(
    title: str, settings: Sequence, train: Callable[..., TrainingResult], x: Array, *, start: int = 0, scale: str = "linear"
) -> Explorer:
    """Train an autoencoder once for each of some settings, and show what became of each.

    Parameters
    ----------
    title : str
        What is set.
    settings : sequence
    train : function
        Called with a setting, gives a `TrainingResult`, or raises `Diverged`.
    x : array_like, shape (in, n)
    start : int
        Which setting is shown first.
    scale : "linear" or "log"
        Of the settings' axis.
    """
    x, settings = np.asarray(x), list(settings)
    if not settings:
        raise ValueError("settings: expected at least one, got none")
    runs = [_train_or_diverge(train, setting) for setting in settings]
    losses = [run.history.loss if isinstance(run, Diverged) else np.append(run.history.loss, mean_loss(run.model, x)) for run in runs]
    ends = [np.nan if isinstance(run, Diverged) else loss[-1] for run, loss in zip(runs, losses)]
    outcome = Chart("The loss at the end", (Series("loss at the end", settings, ends, "loss", "dots"),), title, x_scale=scale, y_scale="log", height=8)
    longest = max(map(len, losses))
    finite = np.concatenate(losses)
    # All curves share their axes, so that they can be compared.
    bounds = {"x_range": (0, longest - 1), "y_range": (float(finite.min()), float(finite[finite < 1e4].max()))}
    curves = [Chart("The loss while it trains", (Series("loss", np.arange(len(loss)), loss, "loss"),), "updates", y_scale="log", height=8, **bounds) for loss in losses]

    def draw(place: int) -> Picture:
        run = runs[place]
        if isinstance(run, Diverged):
            text = f"Diverged. {run}"
            matrices = f'<div class="ae"><p>{html.escape(text)}</p></div>'
        else:
            units_on = _units_on(run.model, x)
            text = f"The loss at the end is {ends[place]:.3g}. Hidden units that are off for every example: {units_on.count(False)} of {len(units_on)}."
            matrices = f'<div class="ae"><p>{text}</p></div>' + computations_html(layer_computations(run.model, x, OUTPUT_AND_TARGET), text, "compared")
        charts = (outcome.html(place), curves[place].html())
        return Picture("".join(charts) + matrices, f"{outcome.text(place)} {curves[place].text()} {text}")

    return Explorer(draw, Slide(title, range(len(settings)), start, lambda place: f"{settings[place]:g}"))


def watch_units(run: TrainingResult, x: Array) -> Explorer:
    """Show what each hidden unit computes for each example while it trains, and when it dies.

    Parameters
    ----------
    run : TrainingResult
        Of an autoencoder, trained with ``snapshot_every``.
    x : array_like, shape (in, n)
    """
    x = np.asarray(x)
    models = dict(_snapshots(run))
    taken = list(models)
    forwards = [model.forward(x).pre_activations for model in models.values()]
    units = {}
    for layer, deaths in enumerate(unit_deaths(run.snapshots, x)):
        for row, death in enumerate(deaths):
            fate = "lives" if death is None else f"dead from update {death} on"
            units[f"A{layer + 1}, row {row + 1}: {fate}"] = layer, row, death
    charts = {}

    def chart(name: str) -> Chart:
        if name not in charts:
            layer, row, _ = units[name]
            values = np.array([forward[layer][row] for forward in forwards])
            series = tuple(Series(f"X{k + 1}", taken, column, "pre_activation") for k, column in enumerate(values.T))
            charts[name] = Chart(f"Z{layer + 1}, row {row + 1}, for each example", series, "updates", x_scale="log from 0")
        return charts[name]

    def draw(place: int, name: str) -> Picture:
        layer, row, death = units[name]
        on = int((forwards[place][layer][row] > 0).sum())
        text = f"After {taken[place]} updates row {row + 1} of Z{layer + 1} is above 0 for {on} of {x.shape[1]} examples."
        computations = ae_core.autoencoder_walkthrough(models[taken[place]], x)[layer + 1].computations
        return _below(chart(name), place, computations, text)

    names = sorted(units, key=lambda name: units[name][2] is None)  # the dead first
    return Explorer(draw, Slide("updates", range(len(taken)), write=lambda place: format_number(taken[place])), Pick("Unit", names))


def mean_loss(model: Autoencoder, x: Array) -> float:
    """Give ``Σ (Y − X)² / n``, what training minimises, of all examples."""
    return float(((model.forward(x).output - x) ** 2).sum() / x.shape[1])


def layer_titles(model: Autoencoder, x: Array) -> list[str]:
    """Name what of an autoencoder can be shown: its output beside the target, and each layer."""
    return [OUTPUT_AND_TARGET, *(step.title for step in ae_core.autoencoder_walkthrough(model, x)[1:-1])]


def layer_computations(model: Autoencoder, x: Array, shown: str) -> tuple[Computation, ...]:
    """Give the computations of what `layer_titles` names."""
    walkthrough = ae_core.autoencoder_walkthrough(model, x)
    if shown == OUTPUT_AND_TARGET:
        return walkthrough[-1].computations[:1]
    return next(step.computations for step in walkthrough if step.title == shown)


def _snapshots(run: TrainingResult) -> tuple:
    if not run.snapshots:
        raise ValueError("run: expected a training with snapshots, made with snapshot_every")
    return run.snapshots


def _below(chart: Chart, mark: int, computations: Sequence[Computation], text: str) -> Picture:
    """Draw matrices below a chart."""
    return Picture(chart.html(mark) + computations_html(computations, text, "training"), f"{chart.text(mark)} {text}")


def _train_or_diverge(train: Callable[..., TrainingResult], setting) -> TrainingResult | Diverged:
    try:
        return train(setting)
    except Diverged as diverged:
        return diverged


def _units_on(model: Autoencoder, x: Array) -> list[bool]:
    """Tell of each hidden unit whether any example turns it on."""
    return [on for activation in model.forward(x).activations[:-1] for on in (activation > 0).any(1).tolist()]
