"""A training that the reader begins and stops, drawn while it goes on.

Python does one thing at a time: a click on Stop is heard only between two slices of the training.  It therefore runs as
a task of the event loop that the kernel has anyway, in JupyterLab as in a live page, and pauses after each slice.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from typing import ClassVar

import ipywidgets
import numpy as np

from ae_core import Array, SparseAutoencoder, format_number
from ae_explore import Explorer, Pick, Picture, Slide, SparseFilm
from ae_train import Training, train_sparse_autoencoder
from ae_widgets import _static_control, alert_html

FRAMES = 100
"""In so many slices a training is taken; each ends with a snapshot that is drawn."""
PAUSE = 0.03
"""Seconds after a slice: for the page to draw, and for the reader to be heard."""

RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 100)
L1_COEFFICIENTS = (0, 0.1, 0.3, 0.5, 1, 1.5, 2, 3, 4, 5, 7, 10)
UPDATES = (100, 300, 1000, 3000)
"""Multiples of `FRAMES`."""
SEEDS = 8
BOOK_START = "the book's numbers"


def train_yourself(x: Array, start: SparseAutoencoder, token_labels: Sequence[str] | None = None) -> Trainer:
    """Let the reader train a sparse autoencoder by Adam, all tokens in each batch.

    Parameters
    ----------
    x : array_like, shape (d, n)
    start : SparseAutoencoder
        One of the starts to choose from; the others are random.
    token_labels : sequence of str, optional
        A word for each token.
    """
    features, tokens = start.W_enc.shape[0], np.shape(x)[1]

    def begin(rate: float, l1_coefficient: float, begin_at: str, steps: int) -> tuple[Training, SparseFilm]:
        is_book = begin_at == BOOK_START
        training = train_sparse_autoencoder.begin(
            x, features, l1_coefficient=l1_coefficient, steps=steps, batch_size=tokens, learning_rate=rate,
            start=start if is_book else None, seed=0 if is_book else starts.index(begin_at) - 1,
            warm_up_steps=0, decay_share=0, sparsity_warm_up_share=0, snapshot_every=steps // FRAMES,
        )  # fmt: skip
        return training, SparseFilm(x, l1_coefficient, token_labels, updates=steps)

    starts = [BOOK_START, *(f"random, seed {seed}" for seed in range(SEEDS))]
    return Trainer(
        begin,
        SparseFilm.choice(x, start),
        Slide("learning rate", RATES, RATES.index(0.01)),
        Slide("λ", L1_COEFFICIENTS, L1_COEFFICIENTS.index(2)),
        Pick("Start", starts),
        Slide("updates in all", UPDATES, UPDATES.index(300)),
    )


class Trainer(Explorer):
    """An explorer of a training that goes on while the reader looks.

    One button trains, stops and goes on, another goes back to the start; so does every change of a setting, since what is
    shown would no longer be what is set.  The slider moves over what has been reached.

    Parameters
    ----------
    begin : function
        Called with how the settings stand; gives a training with `FRAMES` snapshots after its start, and an empty film.
    shown : Pick
        What of a snapshot is drawn.
    settings : Slide or Pick
    """

    at_work: ClassVar[Trainer | None] = None
    """The one whose training goes on: in a kernel at most one does.  A cell that runs again leaves its former widget behind."""
    task: asyncio.Task | None = None

    def __init__(self, begin: Callable[..., tuple[Training, SparseFilm]], shown: Pick, *settings: Slide | Pick):
        _stop_any()
        self.begin, self.settings, self.is_over = begin, None, False
        super().__init__(self._show, Slide("updates", range(FRAMES + 1), write=self._count), shown, *settings)
        # Of one width, whatever it says: what stands beside it must not jump.
        self.train = self._button("Train", "Train, stop, go on: what was reached stays", self._press, ipywidgets.Layout(width="8rem", margin="0", height="32px"))
        self.again = self._button("Back to the start", "Forget what was trained", self._forget, self.look.button)
        self.status = self.look.html()
        # Above the figure, so that whoever presses one sees what it does.
        above = ipywidgets.VBox([self.look.row(self.train, self.again, self.status)], layout=self.look.box)
        above.add_class("ae-controls")
        sheet, *others = self.children
        self.children = (sheet, above, *others)
        self._tell()

    def _button(self, text: str, tooltip: str, action: Callable[[], None], layout: ipywidgets.Layout) -> ipywidgets.Button:
        button = ipywidgets.Button(description=text, tooltip=tooltip, layout=layout, style=self.look.button_style)
        button.on_click(lambda _: self._guarded(action))
        return button

    def stop(self) -> None:
        """End the training where it is."""
        if self.task is not None:
            self.task.cancel()
            self._end()

    def close(self) -> None:
        self.stop()
        super().close()

    # ---------------------------------------------------------------------------------- what the reader does

    def _press(self) -> None:
        if self.task is not None:
            return self.stop()
        _stop_any()
        if self.is_over:
            self._forget()
            self._redraw()
        self.parts[0].go(len(self.film) - 1)  # on from there, wherever the reader has looked meanwhile
        self.task = asyncio.get_running_loop().create_task(self._train())
        Trainer.at_work = self

    def _forget(self) -> None:
        self.settings = None

    def _guarded(self, callback: Callable[[], None]) -> None:
        super()._guarded(callback)
        self._tell()

    def _show(self, frame: int, shown: str, *settings) -> Picture:
        if settings != self.settings:
            self.stop()
            self.training, self.film = self.begin(*settings)
            self.film.add(*self.training.snapshots[0])
            self.settings, self.is_over = settings, False
        last = len(self.film) - 1
        if frame > last:
            self.parts[0].go(last)
            # A page whose Python was started anew shows what the former one had reached.
            for widget in (self.figure, self.train, self.status):
                widget.send_state()
        return self.film.picture(min(frame, last), shown)

    def _count(self, frame: int) -> str:
        return format_number(frame * self.training.steps // FRAMES if frame else 0)

    def _tell(self) -> None:
        """Say on the button what a press will do, and beside it how far the training is."""
        taken, steps = self.training.taken, self.training.steps
        going = "Train again" if self.is_over else "Go on" if taken else "Train"
        self.train.description = "Stop" if self.task is not None else going
        self.status.value = f"{taken} of {steps} updates"

    def _static_above(self) -> str:
        buttons = "".join(map(_static_control, (self.train, self.again)))
        return f'<div class="ae-row">{buttons}<span>{self.status.value}</span></div>'

    # ------------------------------------------------------------------------------------------ the training

    async def _train(self) -> None:
        try:
            while self._take_frame():
                await asyncio.sleep(PAUSE)
        except Exception as error:  # a divergence tells its step and likely cause
            self.message.value = alert_html(error)
        self.is_over = True
        self._end()

    def _take_frame(self) -> bool:
        """Train on to the next snapshot and draw it; tell whether there is more to come."""
        scrubber, last = self.parts[0], len(self.film) - 1
        for _ in itertools.islice(self.training, self.training.steps // FRAMES):
            pass
        self.film.add(*self.training.snapshots[-1])
        if scrubber.index == last:  # the reader has not moved away from the newest
            scrubber.go(last + 1)
        self._redraw()
        self._tell()
        return self.training.taken < self.training.steps

    def _end(self) -> None:
        self.task = Trainer.at_work = None
        self._tell()


def _stop_any() -> None:
    if Trainer.at_work is not None:
        Trainer.at_work.stop()
