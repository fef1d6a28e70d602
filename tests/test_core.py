"""The book's numbers, the steps, and what `ae_core` promises of its types and its arrays."""

import ast
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import ae_core
from ae_core import (
    ROLES,
    TOKENS,
    Autoencoder,
    Matrix,
    SparseAutoencoder,
    autoencoder_example,
    autoencoder_walkthrough,
    sparse_autoencoder_example,
    sparse_autoencoder_walkthrough,
)

ROOT2 = 2**0.5


def variants():
    """Both walkthroughs, with the switches off and on: a model, its input, λ if it has one, its steps."""
    for output_relu in (True, False):
        model, x = autoencoder_example()
        model = Autoencoder(model.weights, model.biases, output_relu=output_relu)
        yield pytest.param(model, (x,), autoencoder_walkthrough(model, x), id=f"output_relu={output_relu}")
    for subtract in (False, True):
        model, x, l1 = sparse_autoencoder_example()
        model = SparseAutoencoder(model.W_enc, model.b_enc, model.W_dec, [1, 1, -2], subtract_decoder_bias=subtract)
        yield pytest.param(model, (x, l1), sparse_autoencoder_walkthrough(model, x, l1), id=f"subtract={subtract}")


VARIANTS = list(variants())


def computations(steps):
    return [computation for step in steps for computation in step.computations]


# ------------------------------------------------------------------------------------ the book's numbers


def test_workbook_numbers():
    model, x = autoencoder_example()
    x = x[:, :2]
    forward = model.forward(x)
    assert_array_equal(x, [[2, -1], [-1, 0], [2, 1], [1, 2]])
    assert_array_equal(forward.pre_activations[0], [[2, 1], [2, 2], [3, -1]])
    assert_array_equal(forward.pre_activations[1], [[9, 3], [-1, 9]])
    assert_array_equal(forward.pre_activations[2], [[7, 10], [-8, 7], [10, 4]])
    assert_array_equal(forward.output, [[2, 0], [0, 7], [19, 9], [8, 0]])
    squared_errors = (forward.output - x) ** 2
    assert squared_errors.sum() == 457
    assert squared_errors.mean() == 57.125


def test_the_added_examples_keep_and_suppress_a_value_in_every_layer():
    model, x = autoencoder_example()
    assert x.shape == (4, 4)
    for pre_activation in model.forward(x[:, 2:]).pre_activations:
        assert (pre_activation > 0).any() and (pre_activation < 0).any()


def test_autoencoder_gradients_by_hand():
    """The last two layers, and the first, of the second example, worked out with a pencil."""
    model, x = autoencoder_example()
    gradients = model.gradients(x[:, 1:2])
    assert_array_equal(gradients.output[:, 0], [2, 14, 16, -4])  # 2·((0 7 9 0) − (−1 0 1 2))
    assert_array_equal(gradients.pre_activations[3][:, 0], [0, 14, 16, 0])
    assert_array_equal(gradients.weights[3], [[0, 0, 0], [140, 98, 56], [160, 112, 64], [0, 0, 0]])
    assert_array_equal(gradients.biases[2], [2, 12, 16])
    assert_array_equal(gradients.weights[0], [[14, 0, -14, -28], [-6, 0, 6, 12], [0, 0, 0, 0]])


def test_sparse_numbers_by_hand():
    model, x, l1 = sparse_autoencoder_example()
    assert_array_equal(x, [[1, -2, -2, 1, 1], [3, 1, 0, -2, -1], [-2, 4, 2, 4, 3]])
    assert l1 == 2
    forward = model.forward(x)
    assert_array_equal(
        forward.pre_activations,
        [
            [-4, 2, 0, 2, 1],
            [0, -4, -3, 5, 4],
            [-6, -1, 0, -1, -2],
            [-4, -2, -1, 1, 0],
            [1, -2, 0, -5, -4],
            [-2, 2, 1, -7, -6],
        ],
    )
    assert_array_equal(
        forward.features,
        [[0, 2, 0, 2, 1], [0, 0, 0, 5, 4], [0, 0, 0, 0, 0], [0, 0, 0, 1, 0], [1, 0, 0, 0, 0], [0, 2, 1, 0, 0]],
    )
    assert_array_equal(forward.reconstruction, [[1, -2, -2, 1, 1], [3, 1, 0, -2, -2], [-2, 4, 2, 4, 4]])
    assert_array_equal(model.decoder_norms(), [ROOT2, ROOT2, 2, ROOT2, 3, 3])
    loss = model.loss(x, l1)
    assert loss.reconstruction == 2
    assert loss.sparsity == pytest.approx(30 * ROOT2 + 24)  # 2·(5√2 + 9√2 + 1·√2 + 1·3 + 3·3)
    assert loss.total == loss.reconstruction + loss.sparsity


def test_sparse_gradients_by_hand():
    """The only errors are tea's, −1 and 1, so dX′ has one column (0 −2 2) and is 0 elsewhere."""
    model, x, l1 = sparse_autoencoder_example()
    gradients = model.gradients(x, l1)
    assert_array_equal(gradients.b_dec, [0, -2, 2])
    assert_array_equal(gradients.b_enc[2], 0)  # the dead feature
    assert gradients.b_enc[5] == 12  # the two mountains, 2·3 each
    assert gradients.b_enc[0] == pytest.approx(6 * ROOT2 - 2)  # three tokens, 2√2 each; tea's error takes 2
    assert_allclose(gradients.W_enc[5], [-24, 6, 36])  # 6·(−2 − 2), 6·(1 + 0), 6·(4 + 2)
    assert_allclose(gradients.W_dec[:, 5], [-4, -2, 4])  # 2·3·(−2 −1 2)/3
    assert_allclose(gradients.W_dec[:, 1], [0, -9 * ROOT2 - 8, 9 * ROOT2 + 8])  # 2·9·(0 −1 1)/√2, and 4·(0 −2 2)


def test_the_sparse_example_tells_its_story():
    model, x, _ = sparse_autoencoder_example()
    features, norms = model.forward(x).features, model.decoder_norms()
    fires = features > 0
    assert len(TOKENS) == x.shape[1] == 5
    assert_array_equal(fires[5], [False, True, True, False, False])
    assert set(fires.sum(0)) <= {1, 2, 3}
    assert 1 in fires.sum(1), "a feature that fires for one token alone"
    assert 0 in fires.sum(1), "a dead feature"
    assert (norms == norms.round()).sum() >= 2
    assert any(norm**2 == pytest.approx(round(norm**2)) and norm != round(norm) for norm in norms)
    forward = model.forward(x)
    for array in (model.W_enc, model.b_enc, model.W_dec, model.b_dec, x, *forward):
        assert array.dtype == np.int64
        assert np.abs(array).max() <= 9


# ---------------------------------------------------------------------------------------------- the steps


def test_the_six_steps():
    steps = autoencoder_walkthrough(*autoencoder_example())
    assert [step.number for step in steps] == [1, 2, 3, 4, 5, 6]
    assert [step.title for step in steps] == [
        "Auto",
        "Encoder: layer 1 + ReLU",
        "Encoder: layer 2 + ReLU",
        "Decoder: layer 1 + ReLU",
        "Decoder: layer 2 + ReLU",
        "Loss gradient and backpropagation",
    ]
    assert [step.result.name for step in steps] == ["Y′", "A1", "A2", "A3", "Y", "dY"]
    assert [step.result.values.shape for step in steps] == [(4, 4), (3, 4), (2, 4), (3, 4), (4, 4), (4, 4)]
    assert [step.result.role for step in steps] == ["target", *["activation"] * 3, "output", "gradient"]
    assert [[matrix.name for matrix in step.inputs] for step in steps[:3]] == [
        ["X"],
        ["W1", "b1", "X"],
        ["W2", "b2", "A1"],
    ]
    backward = {c.result.name for c in steps[5].computations}
    assert backward == {"dY", *(f"d{a}{k}" for a in "WbZ" for k in (1, 2, 3, 4)), "dA1", "dA2", "dA3"}


def test_the_ten_steps():
    steps = sparse_autoencoder_walkthrough(*sparse_autoencoder_example())
    assert [step.number for step in steps] == list(range(1, 11))
    assert [step.title for step in steps] == [
        "Encoder: linear layer",
        "Encoder: ReLU",
        "Decoder: reconstruction",
        "Decoder: weights",
        "Sparsity: L1 loss",
        "Sparsity: gradient",
        "Sparsity: zero",
        "Sparsity: weight",
        "Reconstruction: MSE loss",
        "Reconstruction: gradient",
    ]
    assert [step.result.name for step in steps] == ["Z", "f", "X′", "norm", "L1", "S", "S", "dS", "MSE", "dX′"]
    shapes = [(6, 5), (6, 5), (3, 5), (1, 6), (1, 1), (6, 5), (6, 5), (6, 5), (1, 1), (3, 5)]
    assert [step.result.values.shape for step in steps] == shapes
    assert {"dX′", "dW_enc", "db_enc", "dW_dec", "db_dec"} <= {c.result.name for c in steps[9].computations}


def test_switches_change_the_steps():
    linear = VARIANTS[1].values[2]
    assert linear[4].title == "Decoder: layer 2" and linear[4].result.values.min() < 0
    assert "dZ4" not in {c.result.name for c in linear[5].computations}
    subtracted = VARIANTS[3].values[2]
    assert [c.result.name for c in subtracted[0].computations] == ["X − b_dec", "Z"]


def test_labels_number_the_examples_and_name_the_tokens():
    assert autoencoder_walkthrough(*autoencoder_example())[0].result.column_labels == ("X1", "X2", "X3", "X4")
    steps = sparse_autoencoder_walkthrough(*sparse_autoencoder_example(), token_labels=TOKENS)
    assert steps[1].result.column_labels == ("X1 Monday", "X2 Everest", "X3 Fuji", "X4 coffee", "X5 tea")
    assert steps[1].result.row_labels == ("f1", "f2", "f3", "f4", "f5", "f6")


@pytest.mark.parametrize("layers", [1, 2, 3, 5])
def test_an_autoencoder_of_any_depth_has_a_step_a_layer(layers):
    model = Autoencoder([np.eye(2, dtype=int)] * layers, [[1, 2]] * layers)
    assert [step.number for step in autoencoder_walkthrough(model, [[1], [2]])] == list(range(1, layers + 3))


# Each operation once more, written without looking at `ae_core`.
OPERATIONS = {
    "copy": lambda x: x,
    "affine": lambda W, b, x: W @ x + b,
    "product": lambda A, B: A @ B,
    "product plus": lambda A, C, B: A @ B + C,
    "relu": lambda z: np.where(z > 0, z, 0),
    "difference": lambda a, b: a - b,
    "subtract bias": lambda x, b: x - b,
    "error gradient": lambda a, b: 2 * (a - b),
    "relu gradient": lambda d, z: np.where(z > 0, d, 0),
    "row sum": lambda a: a.sum(1, keepdims=True),
    "column norm": lambda w: np.linalg.norm(w, axis=0, keepdims=True),
    "l1 penalty": lambda l1, f, norms: l1 * (f * norms).sum(keepdims=True),
    "descent sign": lambda f: np.where(f > 0, -1, 0),
    "keep zeros": lambda f: np.where(f > 0, -1, 0),
    "weigh rows": lambda l1, s, norms: l1 * s * norms,
    "sum of squares": lambda e: (e**2).sum(keepdims=True),
    "norm penalty gradient": lambda l1, f, w, norms: l1 * f.sum(0) * w / np.where(norms > 0, norms, 1),
}


@pytest.mark.parametrize("model, given, steps", VARIANTS)
def test_every_computation_follows_from_its_inputs(model, given, steps):
    for c in computations(steps):
        assert_allclose(OPERATIONS[c.operation.name](*(m.values for m in c.inputs)), c.result.values, err_msg=c.formula)


@pytest.mark.parametrize("model, given, steps", VARIANTS)
def test_an_entry_depends_on_nothing_but_what_it_is_said_to_read(model, given, steps):
    """Fill everything that an entry does not read with NaN: the entry must not notice."""
    for c in computations(steps):
        for row, column in np.ndindex(c.result.values.shape):
            spoilt = []
            for matrix, reads in zip(c.inputs, c.operation.reads, strict=True):
                place = {"row": (row,), "column": (slice(None), column), "cell": (row, column), "all": ()}[reads]
                values = np.full(matrix.values.shape, np.nan)
                values[place] = matrix.values[place]
                spoilt.append(values)
            entry = OPERATIONS[c.operation.name](*spoilt)[row, column]
            assert entry == pytest.approx(c.result.values[row, column]), c.formula


@pytest.mark.parametrize("model, given, steps", VARIANTS[:2])
def test_autoencoder_steps_agree_with_forward_and_gradients(model, given, steps):
    forward, gradients = model.forward(*given), model.gradients(*given)
    found = {c.result.name: c.result.values for c in computations(steps)}
    assert_array_equal(found["Y"], forward.output)
    assert_array_equal(found["dY"], gradients.output)
    for k in (1, 2, 3, 4):
        if k < 4:
            assert_array_equal(found[f"A{k}"], forward.activations[k - 1])
            assert_array_equal(found[f"dA{k}"], gradients.activations[k - 1])
        if k < 4 or model.output_relu:
            assert_array_equal(found[f"Z{k}"], forward.pre_activations[k - 1])
            assert_array_equal(found[f"dZ{k}"], gradients.pre_activations[k - 1])
        assert_array_equal(found[f"dW{k}"], gradients.weights[k - 1])
        assert_array_equal(found[f"db{k}"][:, 0], gradients.biases[k - 1])


@pytest.mark.parametrize("model, given, steps", VARIANTS[2:])
def test_sparse_steps_agree_with_forward_loss_and_gradients(model, given, steps):
    forward, loss, gradients = model.forward(given[0]), model.loss(*given), model.gradients(*given)
    found = {c.result.name: c.result.values for c in computations(steps)}
    for name, values in zip(("Z", "f", "X′"), forward, strict=True):
        assert_array_equal(found[name], values)
    assert_array_equal(found["norm"][0], model.decoder_norms())
    assert (found["MSE"].item(), found["L1"].item()) == (loss.reconstruction, loss.sparsity)
    for name, values in gradients._asdict().items():
        assert_allclose(found[f"d{name}"].squeeze(), values.squeeze(), err_msg=name)
    assert_array_equal(found["dS"], -given[1] * (forward.features > 0) * model.decoder_norms()[:, None])


@pytest.mark.parametrize("model, given, steps", VARIANTS)
def test_what_comes_from_outside_a_step_is_its_input(model, given, steps):
    for step in steps:
        made = [c.result for c in step.computations]
        assert any(step.result is result for result in made)
        assert not any(matrix is result for matrix in step.inputs for result in made)
        assert len({id(matrix) for matrix in step.inputs}) == len(step.inputs)
        assert {matrix.role for matrix in (*step.inputs, *made)} <= set(ROLES)
        assert step.explain(0, 0) == next(c for c in step.computations if c.result is step.result).explain(0, 0)


def test_matrix_transposes():
    matrix = Matrix("W", "weight", [[1, 2, 3]], ["a"], ["b", "c", "d"])
    flipped = matrix.transposed()
    assert (flipped.name, flipped.role, flipped.entries) == ("Wᵀ", "weight", ((1,), (2,), (3,)))
    assert (flipped.row_labels, flipped.column_labels) == (("b", "c", "d"), ("a",))


# ------------------------------------------------------------------------------------- integers and floats


def arrays_of(value):
    """Every array inside nested tuples."""
    return [value] if isinstance(value, np.ndarray) else [array for part in value for array in arrays_of(part)]


def test_integers_stay_integers():
    model, x = autoencoder_example()
    gradients = model.gradients(x)
    updated = model.update(gradients, 1)
    for array in arrays_of((model.forward(x), gradients, updated.weights, updated.biases)):
        assert array.dtype == np.int64
    sparse, tokens, _ = sparse_autoencoder_example()
    for array in arrays_of(sparse.forward(tokens)):
        assert array.dtype == np.int64


def test_unsigned_integers_and_small_ones_do_not_wrap():
    model, x = autoencoder_example()
    for dtype in (np.uint8, np.uint64, np.int8, np.float16):
        small = np.abs(x).astype(dtype)
        assert_array_equal(model.gradients(small).output, model.gradients(np.abs(x)).output)
    assert Autoencoder([[[1]]], [[0]]).forward(np.array([[2**64 - 1]], dtype=np.uint64)).output[0, 0] == 2.0**64


BIG = 2**62
HUGE_MODELS = {
    "weights": ([[[BIG]], [[BIG]]], [[0], [0]], [[3]]),
    "bias": ([[[1]], [[4]]], [[BIG], [BIG]], [[1]]),
    "input": ([[[3]], [[1]]], [[0], [0]], [[-(2**63)]]),
    "zero weights above": ([[[1]], [[4]], [[0]], [[0]]], [[BIG], [0], [0], [0]], [[0]]),
    "gradients alone": ([[[2**20]], [[2**20]]], [[0], [0]], [[2**10]]),
    "gradients below": ([[[1]], [[2**40]]], [[0], [0]], [[1]]),
    "many columns": ([[[1]]], [[2**60]], [[0] * 8]),
    "fractions later": ([[[BIG]], [[0.5]]], [[0], [1]], [[4]]),
}


@pytest.mark.parametrize("case", HUGE_MODELS)
@pytest.mark.parametrize("output_relu", [True, False])
def test_integers_that_leave_64_bits_become_floats(case, output_relu):
    weights, biases, x = HUGE_MODELS[case]
    exact = Autoencoder(weights, biases, output_relu)
    floats = Autoencoder([np.array(w, float) for w in weights], [np.array(b, float) for b in biases], output_relu)
    target = np.array(x, dtype=float)
    for ours, theirs in ((exact.forward(x), floats.forward(target)), (exact.gradients(x), floats.gradients(target))):
        for got, expected in zip(arrays_of(ours), arrays_of(theirs), strict=True):
            assert_allclose(got, expected, rtol=1e-12)


def test_a_huge_target_does_not_wrap():
    model = Autoencoder([[[1]]], [[0]])
    assert model.gradients([[1]], target=[[-(2**63)]]).output[0, 0] == 2.0**64
    assert model.gradients([[1]], target=[[1e300]]).output[0, 0] == -2e300


@pytest.mark.parametrize(
    "model, x, l1",
    [
        ([[[9, 9]] * 4, [0] * 4, [[9] * 4] * 2, [0, 0]], [[2 * 10**15], [10**15]], 1),
        ([[[BIG]], [0], [[BIG]], [0]], [[4]], 1),
        ([[[0]], [0], [[0]], [-BIG]], [[BIG]], 1),
        ([[[1]], [0], [[1]], [0]], [[10**10, 10**10]], 10**10),
        ([[[1]], [0], [[2]], [0]], [[10**9, 1]], 2**63 - 1),
    ],
    ids=["errors", "weights", "shift", "lambda", "largest lambda"],
)
@pytest.mark.parametrize("subtract", [True, False])
def test_sparse_integers_that_leave_64_bits_become_floats(model, x, l1, subtract):
    exact = SparseAutoencoder(*model, subtract)
    floats = SparseAutoencoder(*(np.array(a, float) for a in model), subtract)
    given = np.array(x, float)
    pairs = [
        (exact.forward(x), floats.forward(given)),
        (exact.gradients(x, l1), floats.gradients(given, float(l1))),
        *zip(
            [c.result.values for c in computations(sparse_autoencoder_walkthrough(exact, x, l1))],
            [c.result.values for c in computations(sparse_autoencoder_walkthrough(floats, given, float(l1)))],
            strict=True,
        ),
    ]
    for ours, theirs in pairs:
        for got, expected in zip(arrays_of(ours), arrays_of(theirs), strict=True):
            assert_allclose(got, expected, rtol=1e-12)


# ------------------------------------------------------------------------------------------- the norms


@pytest.mark.parametrize("size", [1e-320, 1e-308, 1e-200, 1e-155, 1.0, 1e153, 1e200, 3e307])
@pytest.mark.filterwarnings("error")
def test_norms_neither_overflow_nor_underflow(size):
    W_dec = np.array([[3, 0, 3, 0], [4, 0, 0, 1]]) * [size, size, 1, 0]
    W_dec[1, 3] = 1
    model = SparseAutoencoder(np.zeros((4, 2)), np.zeros(4), W_dec, [0, 0])
    assert_allclose(model.decoder_norms(), [5 * size, 0, 3, 1], rtol=1e-3 if size < 1e-310 else 1e-15)


def test_whole_norms_are_exact():
    model = SparseAutoencoder(np.zeros((3, 3)), [0] * 3, [[3, 2, 6], [4, -1, -3], [0, 2, 2]], [0] * 3)
    assert_array_equal(model.decoder_norms(), [5, 3, 7])


@pytest.mark.filterwarnings("error")
def test_a_zero_decoder_column_has_norm_gradient_zero():
    model = SparseAutoencoder([[1], [1]], [0, 0], [[0, 2]], [0])
    gradients = model.gradients([[1]], 3)
    assert_array_equal(gradients.W_dec, [[2, 2 + 3]])  # dX′ = 2·(2 − 1), and λ for the other column
    assert_array_equal(gradients.W_enc, [[0], [2 * 2 + 3 * 2]])
    steps = sparse_autoencoder_walkthrough(model, [[1]], 3)
    penalty = next(c for c in computations(steps) if c.result.name == "P")
    assert [penalty.explain(0, column) for column in (0, 1)] == ["0 = 0", "3·(1)·2/2 = 3"]


@pytest.mark.filterwarnings("error")
def test_the_penalty_of_a_tiny_column_pulls_as_hard_as_any():
    for size in (1e-250, 1e150):
        gradient = SparseAutoencoder([[0]], [1], [[size]], [0]).gradients([[size]], 2).W_dec
        assert_allclose(gradient, [[2]])


# ---------------------------------------------------------------------------------------------- updates


def test_autoencoder_update_by_hand():
    model = Autoencoder([[[2]]], [[1]], output_relu=False)
    gradients = model.gradients([[3]])  # 2·(7 − 3) = 8
    assert (gradients.weights[0].item(), gradients.biases[0].item()) == (24, 8)
    updated = model.update(gradients, 0.125)
    assert (updated.weights[0].item(), updated.biases[0].item(), updated.output_relu) == (-1, 0, False)


def test_sparse_update_by_hand():
    model = SparseAutoencoder([[1]], [0], [[2]], [1], subtract_decoder_bias=True)
    gradients = model.gradients([[2]], 3)  # f = 1, X′ = 3, dX′ = 2, dZ = 2·2 + 3·2 = 10
    assert [g.item() for g in gradients] == [10, 10, 5, -8]
    updated = model.update(gradients, 0.5)
    assert [updated.W_enc, updated.b_enc, updated.W_dec, updated.b_dec] == [-4, -5, -0.5, 5]
    assert updated.subtract_decoder_bias


def test_a_small_update_lowers_the_loss():
    model, x, l1 = sparse_autoencoder_example()
    before = model.loss(x, l1).total
    assert model.update(model.gradients(x, l1), 1e-4).loss(x, l1).total < before
    dense, x = autoencoder_example()
    errors = [((m.forward(x).output - x) ** 2).sum() for m in (dense, dense.update(dense.gradients(x), 1e-5))]
    assert errors[1] < errors[0]


def test_an_update_does_not_wrap():
    model = Autoencoder([[[1]]], [[0]])
    gradients = model.gradients([[3]], target=[[-3]])  # dY = 12, dW = 36
    assert model.update(gradients, BIG).weights[0].item() == -36 * 2.0**62
    assert model.update(gradients, 0).weights[0].dtype == np.int64


# ------------------------------------------------------------------------------------ purity and imports


@pytest.mark.parametrize("model, given, steps", VARIANTS)
def test_nothing_is_mutated_and_all_is_repeatable(model, given, steps):
    x = np.array(given[0])
    before = x.copy()
    names = ("weights", "biases") if isinstance(model, Autoencoder) else ("W_enc", "b_enc", "W_dec", "b_dec")
    parameters = [array.copy() for array in arrays_of([getattr(model, name) for name in names])]

    def run():
        gradients = model.gradients(x, *given[1:])
        model.update(gradients, 0.5)
        return [array.tobytes() for array in arrays_of((model.forward(x), gradients))]

    assert run() == run()
    assert_array_equal(x, before)
    for array, copy in zip(arrays_of([getattr(model, name) for name in names]), parameters, strict=True):
        assert_array_equal(array, copy)
        assert not array.flags.writeable


def test_a_model_does_not_see_its_sources_change():
    weight, bias = np.array([[1.0]]), np.array([2.0])
    model = Autoencoder([weight], [bias])
    weight[:], bias[:] = 7, 7
    assert model.forward([[1]]).output.item() == 3
    with pytest.raises(AttributeError):
        model.output_relu = False
    with pytest.raises(ValueError, match="read-only"):
        model.weights[0][0, 0] = 1


@pytest.mark.parametrize("model, given, steps", VARIANTS)
def test_walkthroughs_hold_read_only_copies(model, given, steps):
    for c in computations(steps):
        for matrix in (*c.inputs, c.result):
            assert not matrix.values.flags.writeable
            assert matrix.entries == tuple(map(tuple, matrix.values.tolist()))
            assert not np.shares_memory(matrix.values, given[0])


def test_the_examples_are_fresh_and_read_only():
    assert autoencoder_example()[1] is not autoencoder_example()[1]
    assert not autoencoder_example()[1].flags.writeable
    assert not sparse_autoencoder_example()[1].flags.writeable


def test_ae_core_imports_numpy_and_the_standard_library_alone():
    tree = ast.parse(Path(ae_core.__file__).read_text(encoding="utf-8"))
    nodes = list(ast.walk(tree))
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    roots = {name.partition(".")[0] for name in imported}
    assert roots - set(sys.stdlib_module_names) == {"numpy"}
    assert not {node.id for node in nodes if isinstance(node, ast.Name)} & {"__import__", "eval", "exec", "open"}
