"""Backpropagation by hand: both models' slopes layer by layer, one update, and a check by nudging.

The steps' gradients are those that `ae_core`'s two walkthroughs end with, laid out one layer a step.  What is
new here is what follows them: ``W − η dW``, the loss before and after, and finite differences, which know
nothing of the chain rule.

Imports numpy and `ae_core` alone, keeps no state and changes nothing that it is given.

Sources: the chain rule through layers is Rumelhart, Hinton & Williams, "Learning representations by
back-propagating errors" (Nature 323, 1986); central differences and the choice of h are in Nocedal & Wright,
"Numerical Optimization" (2nd ed., 2006), section 8.1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from ae_core import (
    AFFINE,
    CENTRAL_DIFFERENCE,
    DESCENT,
    GREATEST_DIFFERENCE,
    L1_PENALTY,
    RELU_GRADIENT,
    SCALE,
    SQUARED_ERROR,
    SUM,
    Array,
    Autoencoder,
    Computation,
    Matrix,
    SparseAutoencoder,
    Step,
    _check,
    _check_scalar,
    _step,
    autoencoder_walkthrough,
    sparse_autoencoder_walkthrough,
)

# --------------------------------------------------------------------------------- nudging every number


class Nudges(NamedTuple):
    """What the loss does when one number at a time is nudged, layer by layer.

    Each array has the shape (out, in + 1) of a layer's weights with its bias as the last column.
    """

    above: tuple[Array, ...]
    """L(θ + h e): the loss with that one number raised by h."""
    below: tuple[Array, ...]
    """L(θ − h e): the loss with that one number lowered by h."""
    slopes: tuple[Array, ...]
    """(above − below) / 2h."""
    smooth: tuple[Array, ...]
    """Whether every ReLU is on, or off, at both ends alike.  If not, there is a kink in between."""


def autoencoder_nudges(model: Autoencoder, x, h: float) -> Nudges:
    """Differentiate ``L = Σ (Y − Y′)²`` numerically, ``(L(θ + h) − L(θ − h)) / 2h`` for every number θ.

    Parameters
    ----------
    model : Autoencoder
        Its output has its input's shape.
    x : array_like, shape (in, n)
    h : float
        h > 0.

    Returns
    -------
    Nudges

    Notes
    -----
    All nudged models pass the data at once, as one stack: a walkthrough is made anew with every move of a slider.
    """
    x = _check("x", x, (model.weights[0].shape[1], None)).astype(float)

    def loss(layers):
        activation, switches = x, []
        for k, layer in enumerate(layers, start=1):
            activation = layer[:, :, :-1] @ activation + layer[:, :, -1:]
            if k < len(layers) or model.output_relu:
                switches.append(activation > 0)
                activation = np.maximum(activation, 0)
        return np.square(activation - x).sum((1, 2)), switches

    return _nudge([_with_bias(W, b) for W, b in zip(model.weights, model.biases)], loss, h)


def sparse_autoencoder_nudges(model: SparseAutoencoder, x, l1_coefficient, h: float) -> Nudges:
    """Differentiate ``L = Σ (X′ − X)² + λ Σ f · ‖W_dec column‖`` numerically, as `autoencoder_nudges` does.

    Parameters
    ----------
    model : SparseAutoencoder
    x : array_like, shape (d, n)
    l1_coefficient : float
        λ ≥ 0.
    h : float
        h > 0.

    Returns
    -------
    Nudges
        Of two layers, the encoder and the decoder.
    """
    x = _check("x", x, model.b_dec.shape + (None,)).astype(float)
    l1_coefficient = _check_scalar("l1_coefficient", l1_coefficient)

    def loss(layers):
        encoder, decoder = layers
        W_dec, b_dec = decoder[:, :, :-1], decoder[:, :, -1:]
        encoded = x - b_dec if model.subtract_decoder_bias else x
        pre_activations = encoder[:, :, :-1] @ encoded + encoder[:, :, -1:]
        features = np.maximum(pre_activations, 0)
        error = W_dec @ features + b_dec - x
        penalty = (features.sum(2) * np.sqrt(np.square(W_dec).sum(1))).sum(1)
        return np.square(error).sum((1, 2)) + l1_coefficient * penalty, [pre_activations > 0]

    return _nudge([_with_bias(model.W_enc, model.b_enc), _with_bias(model.W_dec, model.b_dec)], loss, h)


def _nudge(layers: Sequence[Array], loss: Callable, h: float) -> Nudges:
    """Nudge every number of all layers, one at a time; ``loss`` takes stacks of layers."""
    h = _check_scalar("h", h)
    if h == 0:
        raise ValueError("h: expected a number > 0, got 0")
    flat = np.concatenate([layer.ravel() for layer in layers])
    one_each = h * np.eye(flat.size)
    stack = flat + np.concatenate([one_each, -one_each])
    ends = np.cumsum([layer.size for layer in layers])
    losses, switches = loss([part.reshape(-1, *layer.shape) for part, layer in zip(np.split(stack, ends[:-1], 1), layers)])
    above, below = losses[: flat.size], losses[flat.size :]
    smooth = np.ones(flat.size, bool)
    for switch in switches:
        smooth &= (switch[: flat.size] == switch[flat.size :]).all((1, 2))

    def split(array):
        return tuple(part.reshape(layer.shape) for part, layer in zip(np.split(array, ends[:-1]), layers))

    return Nudges(split(above), split(below), split((above - below) / (2 * h)), split(smooth))


def _with_bias(weight: Array, bias: Array) -> Array:
    """Put a layer's bias beside its weights, as the drawing does."""
    return np.column_stack([weight, bias])


# --------------------------------------------------------------------------------- the two walkthroughs


def autoencoder_backpropagation(model: Autoencoder, x, learning_rate, digits) -> tuple[Step, ...]:
    """Lay out an autoencoder's backward pass: layers + 4 steps, 8 for four layers.

    Step 1 is ``dY = 2 (Y − Y′)`` of the summed loss ``L = Σ (Y − Y′)²``.  Then comes one step a layer, from
    the last to the first: dZ, dW, db, and dA for the layer below.  The last three are the update, the loss
    before and after it, and the check against finite differences.

    Parameters
    ----------
    model : Autoencoder
        Its output has its input's shape.
    x : array_like, shape (in, n)
    learning_rate : float
        η ≥ 0.
    digits : float
        The nudge of the last step is h = 10^−digits.

    Returns
    -------
    tuple of Step
    """
    forward = autoencoder_walkthrough(model, x)
    by_name = _by_name(forward)
    made = {name: computation.result for name, computation in by_name.items()}
    layers = len(model.weights)
    steps = [_step(1, "The slope of the loss", by_name["Y′"], by_name["dY"])]
    for k in range(layers, 0, -1):
        # Where the output has no ReLU there is no dZ of its own, and below the first layer nothing.
        names = (f"dZ{k}", f"db{k}", f"dW{k}", f"dA{k - 1}")
        steps.append(_step(len(steps) + 1, f"Back through layer {k}", *(by_name[name] for name in names if name in by_name)))

    updated = model.update(model.gradients(x), learning_rate)
    eta = _knob("η", learning_rate)
    inputs = {matrix.name: matrix for computation in by_name.values() for matrix in computation.inputs}
    descents = []
    for k in range(layers, 0, -1):
        for name, new in ((f"W{k}", updated.weights[k - 1]), (f"b{k}", updated.biases[k - 1][:, None])):
            descents.append(_descent(inputs[name], eta, made[f"d{name}"], new))
    steps.append(_step(len(steps) + 1, "The update", *descents, about=descents[0].result))

    Y = made["Y"]
    new_Y = Matrix("Y⁺", "output", updated.forward(x).output, Y.row_labels, Y.column_labels)
    losses = [_squared_error(output, made["Y′"], name) for output, name in ((Y, "L"), (new_Y, "L⁺"))]
    steps.append(_step(len(steps) + 1, "The loss before and after", *losses))

    nudges = autoencoder_nudges(model, x, 10.0**-digits)
    pairs = [(made[f"dW{k}"], made[f"db{k}"]) for k in range(1, layers + 1)]
    steps.append(_check_step(len(steps) + 1, pairs, nudges, digits))
    return tuple(steps)


def sparse_autoencoder_backpropagation(
    model: SparseAutoencoder, x, l1_coefficient, learning_rate, digits, token_labels=None, first=1
) -> tuple[Step, ...]:
    """Lay out a sparse autoencoder's backward pass in 7 steps.

    The loss is ``L = Σ (X′ − X)² + λ Σ f · ‖W_dec column‖``, summed over tokens.  Its first part reaches the
    decoder and the features through ``dX′ = 2 (X′ − X)``.  The second reaches each feature as λ times its
    column's norm, and each column as λ times its feature's sum, times the column over its norm (0 for a column of zeros).

    Parameters
    ----------
    model : SparseAutoencoder
    x : array_like, shape (d, n)
    l1_coefficient : float
        λ ≥ 0.
    learning_rate : float
        η ≥ 0.
    digits : float
        The nudge of the last step is h = 10^−digits.
    token_labels : sequence of str, optional
        A word for each token.
    first : int
        The first step's number.

    Returns
    -------
    tuple of Step
    """
    forward = sparse_autoencoder_walkthrough(model, x, l1_coefficient, token_labels)
    by_name = _by_name(forward)
    inputs = {matrix.name: matrix for c in by_name.values() for matrix in c.inputs}
    made = {name: c.result for name, c in by_name.items()}
    W_dec, dX, Z = inputs["W_dec"], made["dX′"], made["Z"]

    # The penalty's slope joins as a bias would: one number for each feature, added to every token's column.
    norms = made["norm"].transposed()
    push = Matrix("G", "gradient", norms.values * inputs["λ"].values, norms.row_labels, ("G",))
    into_features = model.W_dec.T @ dX.values + push.values
    df = Matrix("df", "gradient", into_features, Z.row_labels, Z.column_labels)
    dZ = made["dZ"]
    features = [
        Computation(SCALE, (inputs["λ"], norms), push, "G = λ normᵀ"),
        Computation(AFFINE, (W_dec.transposed(), push, dX), df, "df = W_decᵀ dX′ + G"),
        Computation(RELU_GRADIENT, (df, Z), dZ, "dZ = df ⊙ 1[Z > 0]"),
    ]
    encoder = [by_name["db_enc"], by_name["dW_enc"]]
    decoder_bias = by_name["db_dec"]
    if model.subtract_decoder_bias:
        encoder += [by_name["Q"], by_name["db_dec"]]
        decoder_bias = by_name["Σ dX′"]

    updated = model.update(model.gradients(x, l1_coefficient), learning_rate)
    eta = _knob("η", learning_rate)
    descents = []
    for name, new in (("W_dec", updated.W_dec), ("b_dec", updated.b_dec), ("W_enc", updated.W_enc), ("b_enc", updated.b_enc)):
        descents.append(_descent(inputs[name], eta, made[f"d{name}"], new if new.ndim == 2 else new[:, None]))
    losses = [*_sparse_loss(model, inputs, made, ""), *_sparse_loss(updated, inputs, made, "⁺")]

    nudges = sparse_autoencoder_nudges(model, x, l1_coefficient, 10.0**-digits)
    pairs = [(made["dW_enc"], made["db_enc"]), (made["dW_dec"], made["db_dec"])]
    return (
        _step(first, "The slope of the reconstruction", by_name["dX′"]),
        _step(first + 1, "Into the decoder", decoder_bias, by_name["P"], by_name["dW_dec"]),
        _step(first + 2, "Back to the features", *features),
        _step(first + 3, "Into the encoder", *encoder),
        _step(first + 4, "The update", *descents, about=descents[0].result),
        _step(first + 5, "The losses before and after", *losses),
        _check_step(first + 6, pairs, nudges, digits),
    )


def _sparse_loss(model: SparseAutoencoder, inputs, made, mark: str) -> list[Computation]:
    """Lay out both losses of a model and their sum, with ``mark`` after the names of what is the model's own."""
    X, lam = inputs["X"], inputs["λ"]
    forward, loss = model.forward(X.values), model.loss(X.values, lam.values.item())

    def marked(name, values):
        old = made[name]
        return Matrix(f"{name}{mark}", old.role, values, old.row_labels, old.column_labels)

    output, f = marked("X′", forward.reconstruction), marked("f", forward.features)
    norms = marked("norm", model.decoder_norms()[None, :]).transposed()
    squared, penalty = _squared_error(output, X, f"MSE{mark}"), marked("L1", [[loss.sparsity]])
    total = Matrix(f"L{mark}", "loss", [[loss.total]], ("L",), ("",))
    return [
        squared,
        Computation(L1_PENALTY, (lam, f, norms), penalty, f"{penalty.name} = λ Σ {f.name} · {norms.name}"),
        Computation(SUM, (squared.result, penalty), total, f"{total.name} = {squared.result.name} + {penalty.name}"),
    ]


def _by_name(steps: Sequence[Step]) -> dict[str, Computation]:
    """Give every computation of some steps by its result's name."""
    return {computation.result.name: computation for step in steps for computation in step.computations}


def _knob(name: str, value) -> Matrix:
    """Give a number that a reader sets as a 1×1 matrix."""
    return Matrix(name, "gradient", [[value]], (name,), ("",))


def _descent(old: Matrix, eta: Matrix, gradient: Matrix, new: Array) -> Computation:
    """Lay out ``W⁺ = W − η dW`` of one matrix."""
    result = Matrix(f"{old.name}⁺", old.role, new, old.row_labels, old.column_labels)
    return Computation(DESCENT, (old, eta, gradient), result, f"{result.name} = {old.name} − η {gradient.name}")


def _squared_error(output: Matrix, target: Matrix, name: str) -> Computation:
    """Lay out ``L = Σ (Y − Y′)²``."""
    error = (output.values - target.values).astype(float)
    loss = Matrix(name, "loss", [[np.square(error).sum()]], (name.rstrip("⁺"),), ("",))
    return Computation(SQUARED_ERROR, (output, target), loss, f"{name} = Σ ({output.name} − {target.name})²")


def _check_step(number: int, pairs: Sequence[tuple[Matrix, Matrix]], nudges: Nudges, digits) -> Step:
    """Lay out each layer's gradients beside the slopes that nudging finds, and their greatest difference."""
    k, computations = _knob("k", digits), []
    for at, (dW, db) in enumerate(pairs, start=1):
        labels = dW.row_labels, (*dW.column_labels, "b")
        gradient = Matrix(f"{dW.name}, {db.name}", "gradient", _with_bias(dW.values, db.values), *labels)
        above, below, slopes, smooth = (
            Matrix(name, "gradient", values[at - 1], *labels)
            for name, values in zip((f"L{at}(θ + h)", f"L{at}(θ − h)", f"N{at}", f"smooth{at}"), nudges)
        )
        gaps = np.abs(gradient.values - slopes.values) * smooth.values
        gap = Matrix(f"gap{at}", "loss", [[gaps.max()]], ("gap",), ("",))
        computations += [
            Computation(CENTRAL_DIFFERENCE, (gradient, above, below, smooth, k), slopes, f"{slopes.name} = (L(θ + h) − L(θ − h)) / 2h"),
            Computation(GREATEST_DIFFERENCE, (gradient, slopes, smooth), gap, f"{gap.name} = max |{gradient.name} − {slopes.name}|"),
        ]
    return _step(number, "The check: nudge and see", *computations)
