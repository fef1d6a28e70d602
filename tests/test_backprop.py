"""The backward walkthroughs: every drawn matrix beside the models' gradients, and beside nudged losses."""

import ipywidgets
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from test_view import check

import ae_core
import ae_widgets
from ae_backprop import (
    autoencoder_backpropagation,
    autoencoder_nudges,
    sparse_autoencoder_backpropagation,
    sparse_autoencoder_nudges,
)
from ae_core import TOKENS, Autoencoder, SparseAutoencoder, autoencoder_example, sparse_autoencoder_example
from ae_view import step_html

SEEDS = range(20)
CLOSE = {"rtol": 1e-10, "atol": 1e-10}


def values(steps):
    """Every matrix that some steps compute, by its name."""
    return {c.result.name: c.result.values for step in steps for c in step.computations}


def random_autoencoder(seed):
    rng = np.random.default_rng(seed)
    sizes = [*rng.integers(1, 6, rng.integers(1, 5))]
    sizes.append(sizes[0])
    weights = [rng.normal(size=(after, before)) for before, after in zip(sizes, sizes[1:])]
    model = Autoencoder(weights, [rng.normal(size=n) for n in sizes[1:]], bool(seed % 2))
    return model, rng.normal(size=(sizes[0], rng.integers(1, 6)))


def random_sparse_autoencoder(seed):
    rng = np.random.default_rng(seed)
    d, m, n = rng.integers(1, 7, 3)
    W_dec = rng.normal(size=(d, m)) * (rng.random(m) < 0.9)
    model = SparseAutoencoder(rng.normal(size=(m, d)), rng.normal(size=m), W_dec, rng.normal(size=d), bool(seed % 2))
    return model, rng.normal(size=(d, n)), rng.exponential()


def models():
    yield "autoencoder", autoencoder_backpropagation(*autoencoder_example(), 0.001, 5)
    yield "sparse", sparse_autoencoder_backpropagation(*sparse_autoencoder_example(), 0.001, 5, TOKENS, first=9)
    for seed in (2, 3):
        yield f"autoencoder-{seed}", autoencoder_backpropagation(*random_autoencoder(seed), 0.01, 4)
        yield f"sparse-{seed}", sparse_autoencoder_backpropagation(*random_sparse_autoencoder(seed), 0.01, 4)


STEPS = [pytest.param(step, id=f"{name}-{step.number}") for name, steps in models() for step in steps]


# ------------------------------------------------------------------------------------------ what is drawn


@pytest.mark.parametrize("step", STEPS)
def test_every_number_and_line_of_arithmetic_is_the_steps(step):
    assert check(step_html(step), step) >= step.result.values.size


@pytest.mark.parametrize("seed", SEEDS)
def test_the_autoencoders_matrices_are_its_gradients(seed):
    model, x = random_autoencoder(seed)
    found, gradients = values(autoencoder_backpropagation(model, x, 0.1, 5)), model.gradients(x)
    updated = model.update(gradients, 0.1)
    assert_allclose(found["dY"], gradients.output)
    for k in range(1, len(model.weights) + 1):
        assert_array_equal(found[f"dW{k}"], gradients.weights[k - 1])
        assert_array_equal(found[f"db{k}"][:, 0], gradients.biases[k - 1])
        assert_array_equal(found[f"W{k}⁺"], updated.weights[k - 1])
        assert_array_equal(found[f"b{k}⁺"][:, 0], updated.biases[k - 1])
        if f"dZ{k}" in found:
            assert_array_equal(found[f"dZ{k}"], gradients.pre_activations[k - 1])
        if k > 1:
            assert_array_equal(found[f"dA{k - 1}"], gradients.activations[k - 2])
    for name, one in (("L", model), ("L⁺", updated)):
        assert_allclose(found[name], np.square(one.forward(x).output - x).sum())


@pytest.mark.parametrize("seed", SEEDS)
def test_the_sparse_autoencoders_matrices_are_its_gradients(seed):
    model, x, l1 = random_sparse_autoencoder(seed)
    found, gradients = values(sparse_autoencoder_backpropagation(model, x, l1, 0.1, 5)), model.gradients(x, l1)
    updated = model.update(gradients, 0.1)
    for name, gradient in gradients._asdict().items():
        assert_allclose(found[f"d{name}"].reshape(gradient.shape), gradient, **CLOSE)
        assert_allclose(found[f"{name}⁺"].reshape(gradient.shape), getattr(updated, name), **CLOSE)
    fires = model.forward(x).features > 0
    assert_allclose(found["dZ"], found["df"] * fires, **CLOSE)
    encoded = x - model.b_dec[:, None] if model.subtract_decoder_bias else x
    assert_allclose(found["dZ"] @ encoded.T, gradients.W_enc, **CLOSE)
    assert_allclose(found["G"][:, 0], l1 * np.linalg.norm(model.W_dec, axis=0), **CLOSE)
    for mark, one in (("", model), ("⁺", updated)):
        loss = one.loss(x, l1)
        drawn = [found[name + mark].item() for name in ("MSE", "L1", "L")]
        assert_allclose(drawn, loss)


def test_the_steps_are_numbered_through():
    numbered = [step.number for name, steps in models() if name in ("autoencoder", "sparse") for step in steps]
    assert numbered == list(range(1, 16))


def test_a_model_of_one_layer_and_one_without_output_relu_have_their_steps():
    for relu in (True, False):
        steps = autoencoder_backpropagation(Autoencoder([[[2]]], [[1]], relu), [[5]], 0.1, 3)
        assert [step.title for step in steps[:2]] == ["The slope of the loss", "Back through layer 1"]
        assert [c.result.name for c in steps[1].computations] == ["dZ1"] * relu + ["db1", "dW1"]


def test_every_step_back_says_its_arithmetic():
    steps = autoencoder_backpropagation(*autoencoder_example(), 0.001, 5)
    told = {c.result.name: c.explain(0, 0) for step in steps for c in step.computations}
    assert told["dZ4"] == "0·(2 > 0) = 0"
    assert told["dW4"] == "0·7 + 0·10 + 2·5 + 0·5 = 10"
    assert told["W4⁺"] == "0 − 0.001·10 = −0.01"
    assert told["L"].startswith("(0 − (−1))² + (2 − 1)²") and told["L"].endswith("= 810")
    assert told["N4"].startswith("(810.0001") and told["N4"].endswith("/2e−05 ≈ 10")


# ------------------------------------------------------------------------------- masks and dead units


def test_a_shut_gate_lets_no_slope_through():
    found = values(autoencoder_backpropagation(*autoencoder_example(), 0.001, 5))
    model, x = autoencoder_example()
    for k, pre_activations in enumerate(model.forward(x).pre_activations, start=1):
        before = found["dY" if k == 4 else f"dA{k}"]
        assert_array_equal(found[f"dZ{k}"], np.where(pre_activations > 0, before, 0))


def test_a_dead_unit_stays_as_it_is():
    model, x = autoencoder_example()
    model = Autoencoder(model.weights, [model.biases[0], [-100, 10], *model.biases[2:]])
    found = values(autoencoder_backpropagation(model, x, 0.01, 5))
    assert not found["dW2"][0].any() and not found["db2"][0].any()
    assert_array_equal(found["W2⁺"][0], model.weights[1][0])
    sparse, words, l1 = sparse_autoencoder_example()
    found = values(sparse_autoencoder_backpropagation(sparse, words, l1, 0.01, 5))
    assert not any(np.any(part) for part in (found["dW_enc"][2], found["db_enc"][2], found["dW_dec"][:, 2]))


def test_a_column_of_zeros_has_no_slope_through_its_norm():
    model, x, l1 = sparse_autoencoder_example()
    W_dec = model.W_dec.copy()
    W_dec[:, 0] = 0
    found = values(sparse_autoencoder_backpropagation(SparseAutoencoder(model.W_enc, model.b_enc, W_dec, model.b_dec), x, l1, 0.1, 5))
    assert not found["P"][:, 0].any()
    assert all(np.isfinite(value).all() for value in found.values())


# --------------------------------------------------------------------------------------- the update


@pytest.mark.parametrize("rate", [1e-5, 1e-4, 1e-3])
def test_a_small_update_lowers_the_loss(rate):
    for steps in (
        autoencoder_backpropagation(*autoencoder_example(), rate, 5),
        sparse_autoencoder_backpropagation(*sparse_autoencoder_example(), rate, 5),
    ):
        found = values(steps)
        assert found["L⁺"] < found["L"]


def test_the_loss_falls_by_the_squared_slopes_at_first():
    model, x, l1 = sparse_autoencoder_example()
    model = SparseAutoencoder(model.W_enc, model.b_enc + 0.5, model.W_dec, model.b_dec)  # off the kinks
    for steps in (
        autoencoder_backpropagation(*autoencoder_example(), 1e-8, 5),
        sparse_autoencoder_backpropagation(model, x, l1, 1e-8, 5),
    ):
        found = values(steps)
        slopes = [found[f"d{name.removesuffix('⁺')}"] for name in found if name[0] in "Wb" and name.endswith("⁺")]
        fallen = (found["L"] - found["L⁺"]).item()
        assert_allclose(fallen, 1e-8 * sum(np.square(slope).sum() for slope in slopes), rtol=1e-3)


# ------------------------------------------------------------------------------------ finite differences


@pytest.mark.parametrize("seed", SEEDS)
def test_nudges_agree_with_the_gradients_and_with_the_loss(seed):
    model, x = random_autoencoder(seed)
    nudges, gradients = autoencoder_nudges(model, x, 1e-5), model.gradients(x)
    for k, (W, b) in enumerate(zip(gradients.weights, gradients.biases)):
        smooth = nudges.smooth[k]
        assert_allclose(nudges.slopes[k][smooth], np.column_stack([W, b])[smooth], rtol=1e-6, atol=1e-6)
    raised = [W.copy() for W in model.weights]
    raised[-1][0, 0] += 1e-5
    assert_allclose(
        nudges.above[-1][0, 0], np.square(Autoencoder(raised, model.biases, model.output_relu).forward(x).output - x).sum(), rtol=1e-13
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_sparse_nudges_agree_with_the_gradients_and_with_the_loss(seed):
    model, x, l1 = random_sparse_autoencoder(seed)
    nudges, g = sparse_autoencoder_nudges(model, x, l1, 1e-5), model.gradients(x, l1)
    for k, (W, b) in enumerate(((g.W_enc, g.b_enc), (g.W_dec, g.b_dec))):
        smooth = nudges.smooth[k]
        assert_allclose(nudges.slopes[k][smooth], np.column_stack([W, b])[smooth], rtol=1e-6, atol=1e-6)
    W_dec = model.W_dec.copy()
    W_dec[0, 0] -= 1e-5
    lowered = SparseAutoencoder(model.W_enc, model.b_enc, W_dec, model.b_dec, model.subtract_decoder_bias)
    assert_allclose(nudges.below[1][0, 0], lowered.loss(x, l1).total, rtol=1e-13)


def test_a_kink_between_both_ends_is_told():
    """At Z = 0 the measured slope is the mean of both sides', 0 and the true one; it is not compared."""
    model = Autoencoder([[[1]], [[1]]], [[-2], [0]], output_relu=False)
    nudges = autoencoder_nudges(model, [[2]], 1e-3)
    assert not nudges.smooth[0].any() and nudges.smooth[1].all()
    found = values(autoencoder_backpropagation(model, [[2]], 0, 3))
    assert found["gap1"] == 0 and not found["dW1"].any() and found["N1"].all()
    step = autoencoder_backpropagation(model, [[2]], 0, 3)[-1]
    assert "nothing to compare = 0" in step.computations[1].explain(0, 0)


def test_the_greatest_difference_is_the_greatest():
    for step in (autoencoder_backpropagation(*autoencoder_example(), 0, 12)[-1],):
        for one, greatest in zip(step.computations[::2], step.computations[1::2]):
            assert one.operation is ae_core.CENTRAL_DIFFERENCE
            assert greatest.result.values == np.abs(one.inputs[0].values - one.result.values).max() > 1e-3


@pytest.mark.parametrize("h", [0, -1, float("nan")])
def test_a_nudge_of_no_size(h):
    with pytest.raises(ValueError, match="h: expected"):
        autoencoder_nudges(*autoencoder_example(), h)


# ------------------------------------------------------------------------------------------ the sliders


@pytest.fixture(params=["autoencoder", "sparse_autoencoder"])
def chapter(request):
    """A half of the chapter with all its steps on the page."""
    made = getattr(ae_widgets, f"{request.param}_backpropagation_chapter")()
    for step in made.steps:
        made.step(step.number)
    yield made
    ipywidgets.Widget.close_all()


def assert_shows_itself(chapter):
    steps = chapter.plan.walkthrough(chapter.parameters)
    assert chapter.message.value == ""
    shown = ["".join(figure.value for figure in chapter.panels[step.number].figures) for step in steps]
    assert shown == [step_html(step) for step in steps]


def test_every_number_has_one_slider(chapter):
    numbers = {name: value for name, value in chapter.parameters.items() if not isinstance(value, bool)}
    assert {"η", "k", "X"} < set(numbers)
    assert len(chapter.entries) == sum(np.size(value) for value in numbers.values())
    assert set(chapter.switches) == set(chapter.parameters) - set(numbers)


def test_every_slider_moves_every_step_at_its_ends(chapter):
    for entry in list(chapter.entries.values())[::3] + [chapter.entries[name, 0, 0] for name in ("η", "k")]:
        book = entry.slider.value
        for value in (entry.slider.min, entry.slider.max, book):
            entry.slider.value = value
            assert_shows_itself(chapter)
    assert chapter.parameters.keys() == chapter.plan.book.keys()
    assert all(np.array_equal(value, chapter.plan.book[name]) for name, value in chapter.parameters.items())


def test_presets_and_switches(chapter):
    for preset in chapter.plan.presets:
        chapter.presets.value = preset
        assert_shows_itself(chapter)
    for switch in chapter.switches.values():
        switch.value = not switch.value
        assert_shows_itself(chapter)
    chapter.reset_all.click()
    assert_shows_itself(chapter)


def test_the_button_takes_the_drawn_update(chapter):
    drawn = values(chapter.steps)
    (row,) = [row for row in chapter.panels[chapter.plan.update_step].rows if row.children[0].description == "Update once"]
    row.children[0].click()
    moved = [name for name in chapter.parameters if f"{name}⁺" in drawn]
    assert len(moved) in (4, 8)
    for name in moved:
        assert_allclose(np.reshape(chapter.parameters[name], drawn[f"{name}⁺"].shape), drawn[f"{name}⁺"], atol=1e-11)
    assert_allclose(values(chapter.steps)["L"], drawn["L⁺"], atol=1e-9)
    assert_shows_itself(chapter)


def test_a_step_of_the_other_half_is_refused(chapter):
    first, last = chapter.steps[0].number, chapter.steps[-1].number
    for number in (first - 1, last + 1):
        with pytest.raises(ValueError, match=f"expected a step from {first} to {last}, got {number}"):
            chapter.step(number)


def test_no_two_sliders_of_the_page_have_the_same_name():
    plans = ae_widgets.autoencoder_backpropagation_plan(), ae_widgets.sparse_autoencoder_backpropagation_plan()
    chapters = [ae_widgets.Chapter(plan) for plan in plans]
    for chapter in chapters:
        for number in chapter.plan.sliders:
            chapter.step(number)
    names = [entry.slider.description for chapter in chapters for entry in chapter.entries.values()]
    assert {"η, autoencoder", "η, sparse autoencoder"} <= set(names)
    assert len(set(names)) == len(names)
