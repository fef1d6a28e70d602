"""Explorers: every position of every control draws what was computed for it, in words and as plain HTML too."""

import ipywidgets
import numpy as np
import pytest
from lxml import html

from ae_core import autoencoder_example
from ae_explore import OUTPUT_AND_TARGET, watch_training
from ae_train import train_autoencoder

MODEL, X = autoencoder_example()
RUN = train_autoencoder(X, start=MODEL, steps=40, learning_rate=0.003, optimizer="sgd", seed=0, snapshot_every=10)


@pytest.fixture(autouse=True)
def forget_widgets():
    yield
    ipywidgets.Widget.close_all()


@pytest.fixture
def watched():
    return watch_training(RUN, X)


def shown_loss(explorer):
    return float(next(html.fromstring(explorer.figure.value).iter("b")).text)


def test_every_position_tells_the_loss_of_its_snapshot(watched):
    scrubber, _ = watched.parts
    for k, (taken, model) in enumerate(RUN.snapshots):
        scrubber.slider.value = k
        loss = ((model.forward(X).output - X) ** 2).sum() / X.shape[1]
        assert shown_loss(watched) == pytest.approx(loss, rel=0.005)
        assert f"After {taken} updates" in watched.text()
        assert f"{taken}</" not in scrubber.readout.value and scrubber.readout.value.endswith(str(taken))
        assert scrubber.slider.tooltip == f"updates: {taken}"
        assert watched.message.value == ""


def test_the_buttons_move_and_stop_at_the_ends(watched):
    scrubber, _ = watched.parts
    scrubber.minus.click()
    assert scrubber.value == 0
    for _ in RUN.snapshots:
        scrubber.plus.click()
    assert scrubber.value == 40 and shown_loss(watched) < 202.5


def test_every_choice_shows_its_matrices(watched):
    picker = watched.parts[1].list
    assert picker.value == OUTPUT_AND_TARGET
    drawn = set()
    for choice in picker.options:
        picker.value = choice
        drawn.add(watched.figure.value)
        assert f"Shown: {choice}." in watched.figure.value
    assert len(drawn) == len(picker.options) == 5


def test_an_error_shows_itself_and_the_next_move_clears_it(watched):
    draw, scrubber = watched.draw, watched.parts[0]

    def fail(*_):
        raise ValueError("<no>")

    watched.draw = fail
    scrubber.plus.click()
    assert "ValueError: &lt;no&gt;" in watched.message.value
    watched.draw = draw
    scrubber.plus.click()
    assert watched.message.value == ""


def test_without_widgets_it_is_the_same_picture(watched):
    watched.parts[0].plus.click()
    static = watched._repr_mimebundle_()
    static = static[0] if isinstance(static, tuple) else static
    assert watched.figure.value in static["text/html"]
    assert static["text/plain"] == watched.text()
    assert f'data-model-id="{watched.model_id}"' in static["text/html"]
    assert np.isfinite(float(html.fromstring(static["text/html"]).find_class("ae-track")[0].get("style").split(":")[1]))
