"""Bad input to every public function is refused by name, with what was expected and what came."""

from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ae_core import (
    Autoencoder,
    Matrix,
    SparseAutoencoder,
    autoencoder_example,
    autoencoder_walkthrough,
    sparse_autoencoder_example,
    sparse_autoencoder_walkthrough,
)

DENSE, X = autoencoder_example()
SPARSE, TOKENS, L1 = sparse_autoencoder_example()
GRADIENTS = DENSE.gradients(X)
SPARSE_GRADIENTS = SPARSE.gradients(TOKENS, L1)


def replace(values, k, value):
    return [value if i == k else old for i, old in enumerate(values)]


def sparse_with(**changed):
    parameters = {name: getattr(SPARSE, name) for name in ("W_enc", "b_enc", "W_dec", "b_dec")}
    return SparseAutoencoder(**(parameters | changed))


# Each array that a caller hands in: the call with another value in its place, its name, its shape
# (None: any length).
ARRAYS = {
    "Autoencoder W1": (lambda v: Autoencoder(replace(DENSE.weights, 0, v), DENSE.biases), "W1", (None, None)),
    "Autoencoder W3": (lambda v: Autoencoder(replace(DENSE.weights, 2, v), DENSE.biases), "W3", (None, 2)),
    "Autoencoder b2": (lambda v: Autoencoder(DENSE.weights, replace(DENSE.biases, 1, v)), "b2", (2,)),
    "Autoencoder.forward": (DENSE.forward, "x", (4, None)),
    "Autoencoder.gradients": (DENSE.gradients, "x", (4, None)),
    "Autoencoder.gradients target": (lambda v: DENSE.gradients(X, v), "target", (4, 4)),
    "Autoencoder.update dW1": (
        lambda v: DENSE.update(GRADIENTS._replace(weights=replace(GRADIENTS.weights, 0, v)), 1),
        "dW1",
        (3, 4),
    ),
    "Autoencoder.update db4": (
        lambda v: DENSE.update(GRADIENTS._replace(biases=replace(GRADIENTS.biases, 3, v)), 1),
        "db4",
        (4,),
    ),
    "autoencoder_walkthrough": (lambda v: autoencoder_walkthrough(DENSE, v), "x", (4, None)),
    "SparseAutoencoder W_enc": (lambda v: sparse_with(W_enc=v), "W_enc", (None, None)),
    "SparseAutoencoder b_enc": (lambda v: sparse_with(b_enc=v), "b_enc", (6,)),
    "SparseAutoencoder W_dec": (lambda v: sparse_with(W_dec=v), "W_dec", (3, 6)),
    "SparseAutoencoder b_dec": (lambda v: sparse_with(b_dec=v), "b_dec", (3,)),
    "SparseAutoencoder.forward": (SPARSE.forward, "x", (3, None)),
    "SparseAutoencoder.loss": (lambda v: SPARSE.loss(v, L1), "x", (3, None)),
    "SparseAutoencoder.gradients": (lambda v: SPARSE.gradients(v, L1), "x", (3, None)),
    "SparseAutoencoder.update dW_enc": (
        lambda v: SPARSE.update(SPARSE_GRADIENTS._replace(W_enc=v), 1),
        "dW_enc",
        (6, 3),
    ),
    "SparseAutoencoder.update db_dec": (
        lambda v: SPARSE.update(SPARSE_GRADIENTS._replace(b_dec=v), 1),
        "db_dec",
        (3,),
    ),
    "sparse_autoencoder_walkthrough": (lambda v: sparse_autoencoder_walkthrough(SPARSE, v, L1), "x", (3, None)),
}

# Each single number ≥ 0 that a caller hands in.
SCALARS = {
    "Autoencoder.update": (lambda v: DENSE.update(GRADIENTS, v), "learning_rate"),
    "SparseAutoencoder.loss": (lambda v: SPARSE.loss(TOKENS, v), "l1_coefficient"),
    "SparseAutoencoder.gradients": (lambda v: SPARSE.gradients(TOKENS, v), "l1_coefficient"),
    "SparseAutoencoder.update": (lambda v: SPARSE.update(SPARSE_GRADIENTS, v), "learning_rate"),
    "sparse_autoencoder_walkthrough": (lambda v: sparse_autoencoder_walkthrough(SPARSE, TOKENS, v), "l1_coefficient"),
}

every_array = pytest.mark.parametrize("call, name, shape", ARRAYS.values(), ids=ARRAYS)
every_scalar = pytest.mark.parametrize("call, name", SCALARS.values(), ids=SCALARS)
budget = settings(max_examples=25, deadline=None, derandomize=True)


def refuse(call, value, name, *words, error=ValueError):
    """Call with the value, and check that the refusal names the argument, what was expected and what came."""
    with pytest.raises(error) as caught:
        call(value)
    assert type(caught.value) is error
    message = str(caught.value)
    assert message.startswith(f"{name}: expected "), message
    assert "got " in message, message
    for word in words:
        assert str(word) in message, message


def good(shape, fill=1.0):
    """An array that fits, any length being 2."""
    return np.full([2 if n is None else n for n in shape], fill)


def fits(shape, wanted):
    return len(shape) == len(wanted) and all(
        n == m or (m is None and n > 0) for n, m in zip(shape, wanted, strict=True)
    )


@every_array
def test_a_good_array_is_taken(call, name, shape):
    shape = {"W1": (3, 4), "W3": (3, 2), "W_enc": (6, 3)}.get(name, shape)  # the biases decide these
    call(good(shape))
    call(good(shape).astype(int).tolist())
    call(np.array([Fraction(1, 2)] * good(shape).size, dtype=object).reshape(good(shape).shape))


# ---------------------------------------------------------------------------------------------- shapes


@every_array
@budget
@given(data=st.data())
def test_a_wrong_shape(call, name, shape, data):
    wrong = data.draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=6))
    assume(not fits(wrong, shape))
    array = np.ones(wrong, data.draw(st.sampled_from([int, float, np.uint8, np.float32])))
    refuse(call, array, name, "shape", wrong)


@every_array
def test_an_empty_array_or_list(call, name, shape):
    refuse(call, [], name)
    refuse(call, [[]], name)
    refuse(call, np.ones([0 if n is None else n for n in shape[:-1]] + [0]), name)


@every_array
def test_ragged_rows(call, name, shape):
    refuse(call, [[1, 2], [3]], name, "rows of different lengths")
    refuse(call, [1, [2, 3]], name, "rows of different lengths")
    refuse(call, np.array([[1, 2], [3]], dtype=object), name, "rows of different lengths")


def test_the_shape_that_was_expected_is_named():
    refuse(DENSE.forward, np.ones((3, 2)), "x", "shape (4, any), got shape (3, 2)")
    refuse(lambda v: sparse_with(W_dec=v), np.ones((6, 3)), "W_dec", "shape (3, 6), got shape (6, 3)")
    refuse(lambda v: sparse_with(b_dec=v), np.ones((3, 1)), "b_dec", "shape (3,), got shape (3, 1)")


@budget
@given(st.lists(st.integers(1, 4), min_size=3, max_size=6), st.data())
def test_layers_that_do_not_chain(sizes, data):
    k = data.draw(st.integers(1, len(sizes) - 2))  # the layer whose width is not what the one below gives out
    weights = [np.ones((fan_out, fan_in)) for fan_in, fan_out in zip(sizes, sizes[1:], strict=False)]
    weights[k] = np.ones((sizes[k + 1], sizes[k] + data.draw(st.integers(1, 3))))
    biases = [np.ones(fan_out) for fan_out in sizes[1:]]
    refuse(lambda w: Autoencoder(w, biases), weights, f"W{k + 1}", f"(any, {sizes[k]})", weights[k].shape)


@pytest.mark.parametrize("weights, biases", [([[[1]]], []), ([], [[1]]), ([], []), ([[[1]]], [[1], [1]])])
def test_as_many_biases_as_weights(weights, biases):
    counts = f"got {len(weights)} weights and {len(biases)} biases"
    refuse(lambda w: Autoencoder(w, biases), weights, "weights and biases", counts)


@pytest.mark.parametrize("value", [None, 3, "abc", b"abc", 1.5, True, np.array(3), object()])
def test_weights_and_biases_are_sequences(value):
    refuse(lambda w: Autoencoder(w, [[1]]), value, "weights", error=TypeError)
    refuse(lambda b: Autoencoder([[[1]]], b), value, "biases", error=TypeError)


def test_a_missing_target_where_the_output_has_another_shape():
    model = Autoencoder([[[1], [1]]], [[0, 0]])
    refuse(model.gradients, [[1, 2]], "target", "(2, 2)")
    refuse(lambda x: autoencoder_walkthrough(model, x), [[1, 2]], "target", "(2, 2)")
    assert model.gradients([[1, 2]], target=[[1, 2], [1, 2]]).output.shape == (2, 2)


# --------------------------------------------------------------------------------------------- numbers


@every_array
@budget
@given(bad=st.sampled_from([np.nan, np.inf, -np.inf]), place=st.randoms(use_true_random=False), as_list=st.booleans())
def test_nan_and_infinity(call, name, shape, bad, place, as_list):
    array = good(shape)
    index = tuple(place.randrange(n) for n in array.shape)
    array[index] = bad
    where = " ".join(f"{word} {i + 1}" for word, i in zip(("row", "column"), index, strict=False))
    refuse(call, array.tolist() if as_list else array, name, f"finite numbers, got {bad} in {where}")


@every_array
def test_complex_numbers(call, name, shape):
    refuse(call, good(shape, 1j), name, "complex")
    refuse(call, good(shape, 1 + 0j).tolist(), name, "complex")
    refuse(call, np.array(good(shape, 1j), dtype=object), name, "real numbers")


NO_NUMBERS = [None, "1", b"1", "abc", True, {}, {1: 2}, {1, 2}, object(), len, np.datetime64("2026-01-01"), range, ...]


@every_array
@pytest.mark.parametrize("value", NO_NUMBERS, ids=str)
def test_what_is_no_number_alone_or_inside(call, name, shape, value):
    if name != "target" or value is not None:  # no target means x
        refuse(call, value, name, error=TypeError)
    inside = np.full(good(shape).shape, None)
    inside[...] = 1
    inside.flat[-1] = value
    refuse(call, inside, name, error=TypeError)


@every_array
@pytest.mark.parametrize("dtype", [bool, str, "datetime64[D]", "timedelta64[s]"])
def test_arrays_of_no_numbers(call, name, shape, dtype):
    array = good(shape, 1).astype(int).astype(dtype)
    refuse(call, array, name, array.dtype, error=TypeError)


@every_array
def test_an_object_whose_float_refuses(call, name, shape):
    for value in (np.str_("a"), np.True_, Decimal("sNaN")):
        array = np.full(good(shape).shape, None)
        array.fill(value)
        refuse(call, array, name, error=TypeError)


@every_array
def test_numbers_beyond_floats(call, name, shape):
    refuse(call, np.full(good(shape).shape, 10**400, dtype=object), name, "64-bit floats")
    refuse(call, np.full(good(shape).shape, 10**400, dtype=object).tolist(), name, "64-bit floats")
    if np.finfo(np.longdouble).max > np.finfo(float).max:
        refuse(call, np.full(good(shape).shape, np.longdouble("1e400")), name, "64-bit floats")


def test_huge_integers_are_taken_as_floats():
    for huge in (2**63, 2**64 - 1, 2**64, 10**30, -(10**30)):
        output = Autoencoder([[[1]]], [[0]], output_relu=False).forward([[huge]]).output
        assert (output.dtype, output.item()) == (float, float(huge))


# --------------------------------------------------------------------------------- λ and the learning rate


@every_scalar
@budget
@given(st.floats(max_value=0, exclude_max=True, allow_infinity=False) | st.integers(max_value=-1, min_value=-(10**300)))
@example(-1)
@example(np.float64(-0.5))
@example(-5e-324)
def test_a_negative_number(call, name, value):
    refuse(call, value, name, "≥ 0", "got -")


@every_scalar
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, np.float32("nan"), 10**400, 1j, np.complex64(1)])
def test_a_number_that_is_not_finite_or_not_real(call, name, value):
    refuse(call, value, name)


@every_scalar
@pytest.mark.parametrize("value", [[1], [[1]], (), [], np.ones(3), [[1], [2, 3]], np.ones((1, 1))], ids=str)
def test_more_than_one_number(call, name, value):
    refuse(call, value, name, "a number")


@every_scalar
@pytest.mark.parametrize("value", [*NO_NUMBERS, False, np.True_], ids=str)
def test_no_number_where_one_is_needed(call, name, value):
    refuse(call, value, name, "a number", error=TypeError)


@every_scalar
@pytest.mark.parametrize("value", [0, 0.5, 3, np.int8(2), np.float32(0.5), np.array(2), Fraction(1, 2), 2**63])
def test_a_good_number(call, name, value):
    call(value)


# ------------------------------------------------------------------------------- models, gradients, labels


@pytest.mark.parametrize("value", [1, 0, None, "yes", 1.0, [True]])
def test_switches_are_true_or_false(value):
    refuse(lambda v: Autoencoder([[[1]]], [[1]], v), value, "output_relu", repr(value), error=TypeError)
    refuse(lambda v: sparse_with(subtract_decoder_bias=v), value, "subtract_decoder_bias", repr(value), error=TypeError)


@pytest.mark.parametrize("value", [None, 3, "model", np.ones((4, 4)), object()], ids=str)
def test_walkthroughs_want_a_model_and_updates_want_gradients(value):
    refuse(lambda m: autoencoder_walkthrough(m, X), value, "model", error=TypeError)
    refuse(lambda m: sparse_autoencoder_walkthrough(m, TOKENS, L1), value, "model", error=TypeError)
    refuse(lambda g: DENSE.update(g, 1), value, "gradients", error=TypeError)
    refuse(lambda g: SPARSE.update(g, 1), value, "gradients", error=TypeError)


def test_each_kind_of_model_keeps_to_its_own():
    refuse(lambda m: autoencoder_walkthrough(m, X), SPARSE, "model", error=TypeError)
    refuse(lambda m: sparse_autoencoder_walkthrough(m, TOKENS, L1), DENSE, "model", error=TypeError)
    refuse(lambda g: DENSE.update(g, 1), SPARSE_GRADIENTS, "gradients", error=TypeError)
    refuse(lambda g: SPARSE.update(g, 1), GRADIENTS, "gradients", error=TypeError)


def test_gradients_of_a_model_of_another_depth():
    shorter = GRADIENTS._replace(weights=GRADIENTS.weights[:3], biases=GRADIENTS.biases[:3])
    refuse(lambda g: DENSE.update(g, 1), shorter, "gradients", "4 layers, got 3 weights and 3 biases")
    refuse(lambda g: DENSE.update(g, 1), SimpleNamespace(weights=GRADIENTS.weights, biases=[]), "gradients")
    nothing = SimpleNamespace(weights=None, biases=GRADIENTS.biases)
    refuse(lambda g: DENSE.update(g, 1), nothing, "gradients.weights", error=TypeError)


def test_token_labels():
    def call(labels):
        return sparse_autoencoder_walkthrough(SPARSE, TOKENS, L1, labels)

    refuse(call, ["a", "b"], "token_labels", "5 names", "got 2")
    refuse(call, "abcde", "token_labels", error=TypeError)
    refuse(call, 5, "token_labels", error=TypeError)


def test_matrices():
    def call(values=((1, 2),), role="input", rows=("1",), columns=("1", "2")):
        return Matrix("X", role, values, rows, columns)

    refuse(lambda v: call(v), [[1], [2, 3]], "X", "rows of different lengths")
    refuse(lambda v: call(v), [[1], [2]], "X", "(1, 2)", "got (2, 1)")
    refuse(lambda v: call(v), 3, "X", "got ()")
    refuse(lambda v: call(rows=v), ("1", "2"), "X", "(2, 2)")
    refuse(lambda v: call(role=v), "colour", "X", "'colour'")
