"""The training that the reader begins and stops: driven by asyncio as a kernel does it, without a browser."""

import asyncio

import ipywidgets
import numpy as np
import pytest
from jupyter_client.manager import start_new_kernel
from lxml import html

import ae_trainer
from ae_core import TOKENS, sparse_autoencoder_example
from ae_explore import OUTPUT_AND_TARGET
from ae_train import train_sparse_autoencoder
from ae_trainer import BOOK_START, FRAMES, train_yourself

MODEL, X, L1 = sparse_autoencoder_example()
SCRUBBER, MATRICES, RATE, LAMBDA, START, UPDATES = range(6)


@pytest.fixture(autouse=True)
def forget_widgets():
    yield
    ipywidgets.Widget.close_all()


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    monkeypatch.setattr(ae_trainer, "PAUSE", 0)


@pytest.fixture
def trainer():
    return train_yourself(X, MODEL, TOKENS)


def choose(trainer, part, value):
    control = trainer.parts[part]
    if hasattr(control, "list"):
        control.list.value = value
    else:
        control.slider.value = list(control.spec.values).index(value)


def reached(trainer):
    return len(trainer.film) - 1


async def turns(count):
    """Let the loop take so many turns; a training has a slice in each."""
    for _ in range(count):
        await asyncio.sleep(0)


async def over(trainer):
    while trainer.task is not None:
        await asyncio.sleep(0)


def whole(rate=0.01, l1=L1, seed=None, steps=300):
    """Train as the trainer does, at once."""
    return train_sparse_autoencoder(
        X, 6, start=MODEL if seed is None else None, seed=seed or 0, l1_coefficient=l1, steps=steps, batch_size=5, learning_rate=rate,
        warm_up_steps=0, decay_share=0, sparsity_warm_up_share=0,
    )  # fmt: skip


def shown_losses(trainer):
    """The marked values of both curves, as the picture tells them."""
    return [float(b.text) for b in html.fromstring(trainer.figure.value).xpath("//ul[@class='ae-keys']//b")]


# ------------------------------------------------------------------------------------------------ the buttons


def test_before_it_is_trained_it_shows_the_start(trainer):
    assert (trainer.train.description, trainer.status.value, reached(trainer)) == ("Train", "0 of 300 updates", 0)
    loss = MODEL.loss(X, L1)
    assert shown_losses(trainer) == pytest.approx([loss.reconstruction / 5, loss.sparsity / 5], rel=0.005)
    assert trainer.text().count("After 0 updates") == 1


def test_it_trains_while_others_have_their_turn_and_ends_where_a_training_at_once_does(trainer):
    async def story():
        trainer.train.click()
        assert trainer.train.description == "Stop"
        seen = []
        while trainer.task is not None:
            seen.append((trainer.status.value, trainer.figure.value, trainer.parts[SCRUBBER].value))
            await asyncio.sleep(0)
        return seen

    statuses, figures, places = zip(*asyncio.run(story()))
    assert statuses[:3] == ("0 of 300 updates", "3 of 300 updates", "6 of 300 updates")
    assert len(set(figures)) == FRAMES and places == tuple(range(FRAMES))
    model = whole().model
    for name in ("W_enc", "b_enc", "W_dec", "b_dec"):
        np.testing.assert_array_equal(getattr(trainer.film.models[-1], name), getattr(model, name))
    loss = model.loss(X, L1)
    assert shown_losses(trainer) == pytest.approx([loss.reconstruction / 5, loss.sparsity / 5], rel=0.005)
    assert (trainer.train.description, trainer.status.value) == ("Train again", "300 of 300 updates")
    assert trainer.message.value == ""


def test_stop_ends_at_once_and_go_on_goes_on(trainer):
    async def story():
        trainer.train.click()
        await turns(10)
        trainer.train.click()
        assert (trainer.train.description, trainer.task) == ("Go on", None)
        stopped = trainer.status.value, trainer.figure.value
        await turns(10)
        assert (trainer.status.value, trainer.figure.value) == stopped
        before = reached(trainer)
        assert 5 < before < FRAMES
        trainer.train.click()
        await over(trainer)
        return before

    before = asyncio.run(story())
    assert reached(trainer) == FRAMES > before
    np.testing.assert_array_equal(trainer.film.models[-1].W_enc, whole().model.W_enc)  # Adam's means went on too


def test_the_slider_moves_over_what_was_reached_and_no_further(trainer):
    async def story():
        trainer.train.click()
        await turns(10)
        trainer.train.click()

    asyncio.run(story())
    scrubber, last = trainer.parts[SCRUBBER], reached(trainer)
    for k in (0, last // 2, last):
        scrubber.slider.value = k
        loss = trainer.film.models[k].loss(X, L1)
        assert shown_losses(trainer) == pytest.approx([loss.reconstruction / 5, loss.sparsity / 5], rel=0.005)
        assert scrubber.readout.value.endswith(f" {3 * k}") and f"After {3 * k} updates" in trainer.text()
    for k in (last + 1, FRAMES):
        scrubber.slider.value = k
        assert (scrubber.index, scrubber.slider.value) == (last, last)
        assert f"After {3 * last} updates" in trainer.text()


def test_who_looks_back_while_it_trains_is_left_there_until_going_on(trainer):
    async def story():
        trainer.train.click()
        await turns(10)
        choose(trainer, SCRUBBER, 2)
        await turns(5)
        assert trainer.parts[SCRUBBER].value == 2 and "After 6 updates" in trainer.text()
        assert trainer.train.description == "Stop"
        trainer.train.click()
        trainer.train.click()
        assert trainer.parts[SCRUBBER].value == reached(trainer) > 10
        trainer.stop()

    asyncio.run(story())


def test_train_again_begins_anew(trainer):
    async def story():
        trainer.train.click()
        await over(trainer)
        trainer.train.click()
        assert (trainer.train.description, trainer.status.value, reached(trainer)) == ("Stop", "0 of 300 updates", 0)
        await turns(3)
        trainer.again.click()
        assert (trainer.train.description, trainer.status.value, reached(trainer)) == ("Train", "0 of 300 updates", 0)
        await turns(3)
        assert reached(trainer) == 0

    asyncio.run(story())


@pytest.mark.parametrize(("part", "value"), [(RATE, 0.1), (LAMBDA, 10), (START, "random, seed 3"), (UPDATES, 100)])
def test_a_change_of_a_setting_ends_it_and_shows_the_start(trainer, part, value):
    async def story():
        trainer.train.click()
        await turns(5)
        choose(trainer, part, value)
        assert trainer.task is None
        shown = trainer.figure.value
        await turns(5)
        assert trainer.figure.value == shown

    asyncio.run(story())
    steps = 100 if part == UPDATES else 300
    assert (trainer.train.description, trainer.status.value, reached(trainer)) == ("Train", f"0 of {steps} updates", 0)
    assert trainer.parts[SCRUBBER].value == 0 and "After 0 updates" in trainer.text()


@pytest.mark.parametrize("rate", [0.001, 0.01, 1])
@pytest.mark.parametrize("l1", [0, 2, 10])
@pytest.mark.parametrize(("start", "seed"), [(BOOK_START, None), ("random, seed 0", 0), ("random, seed 7", 7)])
@pytest.mark.parametrize("steps", [100, 3000])
def test_every_setting_is_the_training_s(trainer, rate, l1, start, seed, steps):
    for part, value in ((RATE, rate), (LAMBDA, l1), (START, start), (UPDATES, steps)):
        choose(trainer, part, value)
    for _ in range(3):
        trainer._take_frame()
    expected = whole(rate, l1, seed, steps).history
    history = trainer.training.history
    assert trainer.training.taken == 3 * steps // FRAMES == trainer.film.taken[-1]
    np.testing.assert_array_equal(history.loss, expected.loss[: len(history.loss)])
    assert trainer.message.value == ""


def test_every_choice_of_matrices_is_drawn(trainer):
    drawn = set()
    for choice in trainer.parts[MATRICES].list.options:
        choose(trainer, MATRICES, choice)
        drawn.add(trainer.figure.value)
        assert f"Shown: {choice}." in trainer.text() and trainer.message.value == ""
    assert len(drawn) == 5 and OUTPUT_AND_TARGET in trainer.text()


# ---------------------------------------------------------------------------------------------- what goes wrong


def test_a_divergence_tells_its_step_and_likely_cause_and_the_next_press_clears_it(trainer):
    async def story():
        choose(trainer, RATE, 100)
        trainer.train.click()
        await over(trainer)
        assert "Diverged: step 2 of 300: the loss grew to" in trainer.message.value
        assert "the learning rate is likely too large (100; try a tenth of it)" in trainer.message.value
        assert trainer.train.description == "Train again"
        choose(trainer, RATE, 0.01)
        assert trainer.message.value == ""
        trainer.train.click()
        await turns(3)
        assert trainer.message.value == "" and reached(trainer) > 1
        trainer.stop()

    asyncio.run(story())


def test_any_error_of_the_task_is_shown(trainer, monkeypatch):
    def fail(*_):
        raise ValueError("<no>")

    async def story():
        trainer.train.click()
        await turns(3)
        monkeypatch.setattr(trainer.film, "picture", fail)
        await over(trainer)

    asyncio.run(story())
    assert "ValueError: &lt;no&gt;" in trainer.message.value
    assert trainer.train.description == "Train again"


def test_without_a_loop_the_press_says_so(trainer):
    trainer.train.click()
    assert "no running event loop" in trainer.message.value
    assert (trainer.task, trainer.train.description) == (None, "Train")


# --------------------------------------------------------------------------------- that no task is left behind


@pytest.mark.parametrize("end", ["the cell runs again", "another is trained", "closed"])
def test_no_training_goes_on_unseen(trainer, end):
    async def story():
        other = train_yourself(X, MODEL)
        trainer.train.click()
        await turns(3)
        if end == "closed":
            trainer.close()
        elif end == "another is trained":
            other.train.click()
        else:
            train_yourself(X, MODEL)
        last = reached(trainer)
        await turns(5)
        assert (reached(trainer), trainer.task) == (last, None)
        assert (reached(other) > 0) == (end == "another is trained")
        other.stop()
        await turns(2)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(story())


# ------------------------------------------------------------------------------------------ without widgets


def test_without_widgets_it_is_the_same_picture(trainer):
    bundle = trainer._repr_mimebundle_()
    bundle = bundle[0] if isinstance(bundle, tuple) else bundle
    tree = html.fromstring(bundle["text/html"])
    assert trainer.figure.value in bundle["text/html"] and bundle["text/plain"] == trainer.text()
    assert [button.text for button in tree.find_class("ae-button")] == ["Train", "Back to the start"]
    assert tree.find_class("ae-row")[0].text_content().endswith("0 of 300 updates")
    assert len(tree.find_class("ae-track")) == 4 and len(tree.find_class("ae-field")) == 2


def test_what_is_no_data_is_named():
    with pytest.raises(ValueError, match="x: expected"):
        train_yourself([[np.nan]], MODEL)
    with pytest.raises(ValueError, match="shape"):
        train_yourself(X[:2], MODEL)


# ---------------------------------------------------------------------------------------------- in JupyterLab


class Kernel:
    """A kernel as JupyterLab has it, and a hand on its widgets."""

    def __init__(self):
        self.manager, self.client = start_new_kernel()

    def run(self, source):
        """Run a cell; give what it prints."""
        printed, number = "", self.client.execute(source)
        while True:
            message = self.client.get_iopub_msg(timeout=60)
            if message["parent_header"].get("msg_id") != number:
                continue
            assert message["msg_type"] != "error", message["content"]
            printed += message["content"].get("text", "")
            if message["content"].get("execution_state") == "idle":
                return printed.strip()

    def click(self, widget):
        click = {"comm_id": widget, "data": {"method": "custom", "content": {"event": "click"}}}
        self.client.shell_channel.send(self.client.session.msg("comm_msg", click))


@pytest.fixture
def kernel():
    kernel = Kernel()
    yield kernel
    kernel.client.stop_channels()
    kernel.manager.shutdown_kernel(now=True)


def test_ipython_s_kernel_hears_and_answers_while_it_trains(kernel):
    kernel.run("from ae_core import *\nfrom ae_trainer import *\nmodel, x, _ = sparse_autoencoder_example()\nt = train_yourself(x, model)")
    button = kernel.run("print(t.train.comm.comm_id)")
    kernel.click(button)
    taken = [int(kernel.run("print(t.training.taken)"))]
    while len(taken) < 4:  # a cell that runs in between sees it go on
        now = int(kernel.run("print(t.training.taken)"))
        taken += [now] * (now > taken[-1])
    assert kernel.run("print(t.train.description)") == "Stop"
    kernel.click(button)
    assert kernel.run("print(t.train.description, t.task)") == "Go on None"
    stopped = kernel.run("print(t.training.taken)")
    kernel.run("import asyncio; await asyncio.sleep(10 * PAUSE)")
    assert kernel.run("print(t.training.taken)") == stopped
    kernel.click(button)
    assert kernel.run("former = t; t = train_yourself(x, model); print(former.task, t.train.description)") == "None Train"
