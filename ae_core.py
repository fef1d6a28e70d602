"""The mathematics of the book: two autoencoders, every intermediate value, every gradient.

Columns are examples (or tokens), rows are features: a layer computes ``Z = W X + b`` with ``W`` of
shape (out, in), ``X`` (in, n) and ``b`` (out,) added to every column.  Most libraries store examples
as rows; transpose on the way in and out.

The file reads top to bottom: the two models, the book's numbers, the pieces of a walkthrough
(`Matrix`, `Computation`, `Step`), the two walkthroughs, and last the checks of what comes in.
It imports numpy alone, keeps no state and changes nothing that it is given.

Sources: Tom Yeh, "AI by Hand" drawings, as told in Srijanie Dey, "Deep Dive into Anthropic's Sparse
Autoencoders by Hand" (Towards Data Science, 2024); numbers of the autoencoder from Tom Yeh's workbook
``advanced/Autoencoder.xlsx`` (ImagineAILab/ai-by-hand-excel, MIT).
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

Array = np.ndarray


# ------------------------------------------------------------------------------------ the autoencoder


class AutoencoderForward(NamedTuple):
    """All that a forward pass computes, one entry a layer."""

    pre_activations: tuple[Array, ...]
    """Z1, Z2, …: ``Z = W A + b`` of each layer, shape (out, n)."""
    activations: tuple[Array, ...]
    """A1, A2, …, Y: ``max(0, Z)`` of each layer, shape (out, n)."""
    output: Array
    """Y, the last activation, shape (in, n)."""


class AutoencoderGradients(NamedTuple):
    """Gradients of the sum of squared errors ``L = Σ (Y − Y′)²``."""

    output: Array
    """dL/dY = 2 (Y − Y′), shape (in, n)."""
    weights: tuple[Array, ...]
    """dL/dW1, dL/dW2, …, each of its matrix's shape."""
    biases: tuple[Array, ...]
    """dL/db1, dL/db2, …, each of its vector's shape."""
    pre_activations: tuple[Array, ...]
    """dL/dZ1, dL/dZ2, …, shape (out, n)."""
    activations: tuple[Array, ...]
    """dL/dA1, dL/dA2, …, dL/dY, shape (out, n)."""


@dataclass(frozen=True, eq=False)
class Autoencoder:
    """A stack of layers ``A = max(0, W A + b)`` that learns to give back its input.

    Parameters
    ----------
    weights : sequence of array_like
        One matrix (out, in) a layer; each layer takes in what the one before gives out.
    biases : sequence of array_like
        One vector (out,) a layer.
    output_relu : bool
        Whether the last layer has a ReLU too, as in the drawing.  With it no output is negative.

    Raises
    ------
    ValueError
        If a shape is wrong, layers do not chain, or an entry is NaN, infinite or complex.
    TypeError
        If an entry is no number at all.

    Notes
    -----
    Arrays are stored read-only.  Whole numbers stay whole: integer parameters and an integer input
    give integer results, unless these could leave the range of 64-bit integers.
    """

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]
    output_relu: bool = True

    def __post_init__(self):
        weights = _sequence("weights", self.weights, "one matrix a layer")
        biases = _sequence("biases", self.biases, "one vector a layer")
        if not weights or len(weights) != len(biases):
            raise ValueError(
                "weights and biases: expected one matrix and one vector for each of at least one layer, "
                f"got {len(weights)} weights and {len(biases)} biases"
            )
        checked_weights, checked_biases, fan_in = [], [], None
        for k, (weight, bias) in enumerate(zip(weights, biases), start=1):
            weight = _frozen(_check(f"W{k}", weight, (None, fan_in)))
            fan_in = weight.shape[0]
            checked_weights.append(weight)
            checked_biases.append(_frozen(_check(f"b{k}", bias, (fan_in,))))
        object.__setattr__(self, "weights", tuple(checked_weights))
        object.__setattr__(self, "biases", tuple(checked_biases))
        object.__setattr__(self, "output_relu", _check_switch("output_relu", self.output_relu))
        # What every pass asks for, made once.
        columns = [bias[:, None] for bias in self.biases]
        has_relu = [True] * (len(columns) - 1) + [self.output_relu]
        object.__setattr__(self, "_layers", tuple(zip(self.weights, columns, has_relu)))
        object.__setattr__(self, "_growth", self._find_growth())

    def forward(self, x) -> AutoencoderForward:
        """Pass ``x`` through every layer: ``Z = W A + b``, ``A = max(0, Z)``, beginning with A = X.

        Parameters
        ----------
        x : array_like, shape (in, n)
            One example a column.

        Returns
        -------
        AutoencoderForward
            Every pre-activation and activation, and the output.
        """
        x = self._exact(_check("x", x, (self.weights[0].shape[1], None)))
        return self._forward(x)

    def gradients(self, x, target=None) -> AutoencoderGradients:
        """Backpropagate the sum (not the mean) of squared errors ``L = Σ (Y − Y′)²``.

        From the last layer to the first: ``dZ = dA ⊙ 1[Z > 0]``, ``dW = dZ Aᵀ``, ``db = Σ over
        columns of dZ``, and ``dA = Wᵀ dZ`` for the layer before.

        Parameters
        ----------
        x : array_like, shape (in, n)
        target : array_like, shape (out, n), optional
            Y′; the input itself unless given.

        Returns
        -------
        AutoencoderGradients
        """
        x = _check("x", x, (self.weights[0].shape[1], None))
        outputs = self.weights[-1].shape[0]
        if target is None and outputs != x.shape[0]:
            raise ValueError(
                f"target: expected one of shape ({outputs}, {x.shape[1]}), since the output has another shape than x, got None"
            )
        target = x if target is None else _check("target", target, (outputs, x.shape[1]))
        x = self._exact(x, target)
        _, activations, output = self._forward(x)

        error = output - target
        ones = np.ones(x.shape[1], x.dtype)
        d_output = d_activation = error + error
        d_weights, d_biases, d_pre_activations, d_activations = [], [], [], []
        for k in reversed(range(len(self._layers))):
            weight, _, has_relu = self._layers[k]
            # The sign of an activation is 1 where its ReLU let the value through, and 0 where it did not.
            d_pre_activation = d_activation * np.sign(activations[k]) if has_relu else d_activation
            d_activations.append(d_activation)
            d_pre_activations.append(d_pre_activation)
            d_weights.append(d_pre_activation.dot((activations[k - 1] if k else x).T))
            d_biases.append(d_pre_activation.dot(ones))
            if k:
                d_activation = weight.T.dot(d_pre_activation)
        return AutoencoderGradients(
            d_output, tuple(d_weights[::-1]), tuple(d_biases[::-1]), tuple(d_pre_activations[::-1]), tuple(d_activations[::-1])
        )

    def update(self, gradients, learning_rate) -> Autoencoder:
        """Take one step of gradient descent: ``W − η dW``, ``b − η db``; a new model comes back.

        Parameters
        ----------
        gradients : AutoencoderGradients
        learning_rate : float
            η ≥ 0.
        """
        learning_rate = _check_scalar("learning_rate", learning_rate)
        _check_parts("gradients", gradients, "weights", "biases")
        d_weights = _sequence("gradients.weights", gradients.weights, "one matrix a layer")
        d_biases = _sequence("gradients.biases", gradients.biases, "one vector a layer")
        layers = len(self.weights)
        if not len(d_weights) == len(d_biases) == layers:
            raise ValueError(
                f"gradients: expected those of {layers} layers, got {len(d_weights)} weights and {len(d_biases)} biases"
            )
        return Autoencoder(
            [_descend(f"dW{k + 1}", self.weights[k], d_weights[k], learning_rate) for k in range(layers)],
            [_descend(f"db{k + 1}", self.biases[k], d_biases[k], learning_rate) for k in range(layers)],
            self.output_relu,
        )

    def _forward(self, x: Array) -> AutoencoderForward:
        pre_activations, activations, activation = [], [], x
        zero = np.zeros((), x.dtype)  # quicker than a plain 0, as `dot` is quicker than `@`, where matrices are small
        for weight, bias, has_relu in self._layers:
            pre_activation = weight.dot(activation) + bias
            activation = np.maximum(pre_activation, zero) if has_relu else pre_activation
            pre_activations.append(pre_activation)
            activations.append(activation)
        return AutoencoderForward(tuple(pre_activations), tuple(activations), activation)

    def _exact(self, x: Array, target: Array | None = None) -> Array:
        """Give ``x`` as floats where an integer in the passes could leave 64 bits; else as it is."""
        if x.dtype != np.int64:
            return x
        squares = _square_sum(x)
        if target is not None and target is not x and target.dtype == np.int64:
            squares += _square_sum(target)
        return x if self._growth * x.shape[1] * max(1, squares) < _SAFE else x.astype(float)

    def _find_growth(self) -> float:
        """Bound all numbers of both passes for one example whose entries, and whose target's, are within ±1.

        For n examples within ±r, r ≥ 1, the bound grows at most n r² times, and the sum of all squares is
        no less than r².
        """
        sizes = [(*weight.shape, _largest(weight), _largest(bias)) for weight, bias in zip(self.weights, self.biases)]
        forward = [1]
        for _, fan_in, weight, bias in sizes:
            forward.append(fan_in * weight * forward[-1] + bias)
        backward = 2 * (forward[-1] + 1)
        growth = max(forward)
        for (fan_out, _, weight, _), before in zip(sizes[::-1], forward[-2::-1]):
            growth = max(growth, backward * max(1, before))
            backward *= fan_out * weight
        return growth


# ----------------------------------------------------------------------------- the sparse autoencoder


class SparseForward(NamedTuple):
    """All that a forward pass computes."""

    pre_activations: Array
    """Z = W_enc X + b_enc, shape (m, n)."""
    features: Array
    """f = max(0, Z), shape (m, n)."""
    reconstruction: Array
    """X′ = W_dec f + b_dec, shape (d, n)."""


class SparseLoss(NamedTuple):
    """The two losses and their sum, each summed over all tokens."""

    reconstruction: float
    """Σ (X′ − X)²."""
    sparsity: float
    """λ Σ over tokens and features of f · ‖W_dec column‖, λ included."""
    total: float
    """reconstruction + sparsity."""


class SparseGradients(NamedTuple):
    """Gradients of the total loss, each of its parameter's shape."""

    W_enc: Array
    b_enc: Array
    W_dec: Array
    b_dec: Array


@dataclass(frozen=True, eq=False)
class SparseAutoencoder:
    """An autoencoder whose hidden layer is wider than its input, and mostly zero.

    ``f = max(0, W_enc X + b_enc)``, ``X′ = W_dec f + b_dec``.

    Parameters
    ----------
    W_enc : array_like, shape (m, d)
    b_enc : array_like, shape (m,)
    W_dec : array_like, shape (d, m)
    b_dec : array_like, shape (d,)
    subtract_decoder_bias : bool
        Encode X − b_dec instead of X, as *Towards Monosemanticity* (2023) does and the drawing does not.

    Raises
    ------
    ValueError
        If a shape is wrong or an entry is NaN, infinite or complex.
    TypeError
        If an entry is no number at all.
    """

    W_enc: Array
    b_enc: Array
    W_dec: Array
    b_dec: Array
    subtract_decoder_bias: bool = False

    def __post_init__(self):
        W_enc = _check("W_enc", self.W_enc, (None, None))
        m, d = W_enc.shape
        checked = {
            "W_enc": W_enc,
            "b_enc": _check("b_enc", self.b_enc, (m,)),
            "W_dec": _check("W_dec", self.W_dec, (d, m)),
            "b_dec": _check("b_dec", self.b_dec, (d,)),
        }
        for name, array in checked.items():
            object.__setattr__(self, name, _frozen(array))
        object.__setattr__(self, "subtract_decoder_bias", _check_switch("subtract_decoder_bias", self.subtract_decoder_bias))
        object.__setattr__(self, "_growth", self._find_growth())
        object.__setattr__(self, "_exponents", _column_exponents(self.W_dec))

    def forward(self, x) -> SparseForward:
        """Encode and decode: ``Z = W_enc X + b_enc``, ``f = max(0, Z)``, ``X′ = W_dec f + b_dec``.

        Parameters
        ----------
        x : array_like, shape (d, n)
            One token a column.

        Returns
        -------
        SparseForward
        """
        return self._forward(self._exact(_check("x", x, self.b_dec.shape + (None,))))

    def decoder_norms(self) -> Array:
        """Give ``‖W_dec[:, i]‖₂ = √Σ w²`` of every decoder column, shape (m,)."""
        return _column_norms(self.W_dec, self._exponents)

    def loss(self, x, l1_coefficient) -> SparseLoss:
        """Give ``Σ (X′ − X)²``, ``λ Σ f · ‖W_dec column‖`` and their sum; all sums over tokens.

        Parameters
        ----------
        x : array_like, shape (d, n)
        l1_coefficient : float
            λ ≥ 0.

        Returns
        -------
        SparseLoss

        Notes
        -----
        The penalty is the one of Anthropic's April 2024 update: over feature activations, each weighted
        by the norm of its decoder column.
        """
        x = _check("x", x, self.b_dec.shape + (None,)).astype(float, copy=False)
        l1_coefficient = _check_scalar("l1_coefficient", l1_coefficient)
        _, features, reconstruction = self._forward(x)
        squared = float(np.square(reconstruction - x).sum())
        sparsity = l1_coefficient * float(features.sum(1) @ self.decoder_norms())
        return SparseLoss(squared, sparsity, squared + sparsity)

    def gradients(self, x, l1_coefficient) -> SparseGradients:
        """Differentiate the total loss (summed over tokens) exactly, decoder norms included.

        With ``dX′ = 2 (X′ − X)``: ``dW_dec = dX′ fᵀ + λ (Σ_tokens f) W_dec / ‖W_dec‖``,
        ``db_dec = Σ dX′``, ``dZ = (W_decᵀ dX′ + λ ‖W_dec‖) ⊙ 1[Z > 0]``, ``dW_enc = dZ Xᵀ``,
        ``db_enc = Σ dZ``.  Where the decoder bias is subtracted first, X − b_dec stands for X and
        ``db_dec`` loses ``W_encᵀ Σ dZ``.  A decoder column of zeros has norm-gradient 0.

        Parameters
        ----------
        x : array_like, shape (d, n)
        l1_coefficient : float
            λ ≥ 0.

        Returns
        -------
        SparseGradients
        """
        x = _check("x", x, self.b_dec.shape + (None,)).astype(float, copy=False)
        l1_coefficient = _check_scalar("l1_coefficient", l1_coefficient)
        _, features, reconstruction = self._forward(x)
        norms = self.decoder_norms()
        error = reconstruction - x
        ones = np.ones(x.shape[1])
        d_reconstruction = error + error
        d_pre_activations = self.W_dec.T.dot(d_reconstruction)
        d_pre_activations += (l1_coefficient * norms)[:, None]
        d_pre_activations *= np.sign(features)  # 1 where the feature fires, else 0
        d_b_enc = d_pre_activations.dot(ones)
        d_b_dec = d_reconstruction.dot(ones)
        if self.subtract_decoder_bias:
            x = x - self.b_dec[:, None]
            d_b_dec = d_b_dec - self.W_enc.T.dot(d_b_enc)
        d_W_dec = d_reconstruction.dot(features.T)
        d_W_dec += _unit_columns(self.W_dec, norms) * (l1_coefficient * features.dot(ones))
        return SparseGradients(d_pre_activations.dot(x.T), d_b_enc, d_W_dec, d_b_dec)

    def update(self, gradients, learning_rate) -> SparseAutoencoder:
        """Take one step of gradient descent, ``θ − η dθ`` for every parameter; a new model comes back.

        Parameters
        ----------
        gradients : SparseGradients
        learning_rate : float
            η ≥ 0.
        """
        learning_rate = _check_scalar("learning_rate", learning_rate)
        names = ("W_enc", "b_enc", "W_dec", "b_dec")
        _check_parts("gradients", gradients, *names)
        moved = [_descend(f"d{name}", getattr(self, name), getattr(gradients, name), learning_rate) for name in names]
        return SparseAutoencoder(*moved, self.subtract_decoder_bias)

    def _forward(self, x: Array) -> SparseForward:
        encoded = x - self.b_dec[:, None] if self.subtract_decoder_bias else x
        pre_activations = self.W_enc.dot(encoded) + self.b_enc[:, None]
        features = np.maximum(pre_activations, np.zeros((), x.dtype))
        return SparseForward(pre_activations, features, self.W_dec.dot(features) + self.b_dec[:, None])

    def _exact(self, x: Array) -> Array:
        """Give ``x`` as floats where an integer of a walkthrough could leave 64 bits; else as it is."""
        if x.dtype != np.int64:
            return x
        return x if self._growth * x.shape[1] * max(1, _largest(x)) < _SAFE else x.astype(float)

    def _find_growth(self) -> float:
        """Bound all numbers that stay integers for one token whose entries are within ±1.

        For n tokens within ±r, r ≥ 1, the bound grows at most n r times.
        """
        d, m = self.W_dec.shape
        encoded = 1 + _largest(self.b_dec)
        feature = d * _largest(self.W_enc) * encoded + _largest(self.b_enc)
        error = m * _largest(self.W_dec) * feature + encoded
        return max(feature, 2 * error * max(1, d * _largest(self.W_dec)))


def _descend(name: str, old: Array, gradient, learning_rate: int | float) -> Array:
    """Give ``old − η gradient``, as floats where an integer could leave 64 bits."""
    gradient = _check(name, gradient, old.shape)
    is_whole = isinstance(learning_rate, int) and gradient.dtype == np.int64
    if is_whole and _largest(old) + learning_rate * _largest(gradient) >= _SAFE:
        gradient = gradient.astype(float)
    return old - learning_rate * gradient


def _column_norms(matrix: Array, exponents: Array | None) -> Array:
    if exponents is not None:
        matrix = np.ldexp(matrix, -exponents)
    norms = np.sqrt(np.add.reduce(np.square(matrix, dtype=float), 0))
    return norms if exponents is None else np.ldexp(norms, exponents)


def _column_exponents(matrix: Array) -> Array | None:
    """Give the powers of two to divide the columns by before they are squared, or None if there is no need.

    Squares of very small or large entries leave the range of floats; scaling by a power of two brings them
    back and rounds nothing.
    """
    _, exponents = np.frexp(np.abs(matrix).max(0))
    return exponents if np.abs(exponents).max() > 400 else None


def _unit_columns(matrix: Array, norms: Array) -> Array:
    """Divide each column by its norm; a column of zeros stays as it is."""
    return matrix / np.where(norms > 0, norms, 1)


# ------------------------------------------------------------------------------------ the book's numbers


def autoencoder_example() -> tuple[Autoencoder, Array]:
    """Give the workbook's autoencoder and four examples: its own two, and two that the book adds.

    With the book's two columns every layer, the output included, keeps some value and switches some off.

    Source: Tom Yeh, ``advanced/Autoencoder.xlsx``, sheet "small" (MIT); x3 and x4 are the book's.
    """
    model = Autoencoder(
        weights=[
            [[1, 0, -1, 1], [0, 1, 1, 0], [1, -1, 0, 0]],
            [[0, 1, 2], [-1, 0, -3]],
            [[1, 1], [-1, 1], [1, 0]],
            [[0, -1, 0], [-1, 2, 0], [1, -1, 1], [-1, 0, 1]],
        ],
        biases=[[1, 1, 0], [1, 10], [-2, 1, 1], [2, 3, 2, 5]],
    )
    return model, _frozen(np.array([[2, -1, 1, 0], [-1, 0, -2, 1], [2, 1, 0, -1], [1, 2, 1, 3]]))


TOKENS = ("Monday", "Everest", "Fuji", "coffee", "tea")
"""The five words whose activations the sparse example reads; the second and the third are mountains."""


def sparse_autoencoder_example() -> tuple[SparseAutoencoder, Array, int]:
    """Give the book's own sparse autoencoder, the activations of the five `TOKENS`, and λ.

    Feature f6 fires for the two mountains alone, f2 for the two drinks, f3 for nothing (it is dead), and
    every token has one to three features.  Four tokens come back exactly; tea comes back as coffee.
    Three decoder norms are whole numbers, three are √2.
    """
    model = SparseAutoencoder(
        W_enc=[[0, 0, 1], [2, -1, 0], [-1, -1, 0], [0, -1, 0], [-1, 0, -1], [-2, 1, 0]],
        b_enc=[-2, 1, -2, -1, 0, -3],
        W_dec=[[1, 0, 2, -1, 1, -2], [1, -1, 0, 0, 2, -1], [0, 1, 0, -1, -2, 2]],
        b_dec=[0, 1, 0],
    )
    return model, _frozen(np.array([[1, -2, -2, 1, 1], [3, 1, 0, -2, -1], [-2, 4, 2, 4, 3]])), 2


# -------------------------------------------------------------------------- the pieces of a walkthrough


@dataclass(frozen=True, eq=False)
class Matrix:
    """A named, labelled matrix with a role, from which its look and its words are derived.

    Parameters
    ----------
    name : str
        The drawing's symbol, such as ``W1``, ``b_enc``, ``f`` or ``Y′``.
    role : str
        One of `ROLES`.
    values : array_like
        Two-dimensional; a vector is one row or one column, a scalar is 1×1.  Stored read-only.
    row_labels, column_labels : sequence of str
    """

    name: str
    role: str
    values: Array
    row_labels: tuple[str, ...]
    column_labels: tuple[str, ...]

    def __post_init__(self):
        try:
            values = np.array(self.values)
        except ValueError:
            raise ValueError(f"{self.name}: expected two-dimensional values, got rows of different lengths") from None
        if values.ndim != 2 or values.shape != (len(self.row_labels), len(self.column_labels)):
            raise ValueError(
                f"{self.name}: expected values of shape ({len(self.row_labels)}, {len(self.column_labels)}), "
                f"one row and one column a label, got {values.shape}"
            )
        if self.role not in ROLES:
            raise ValueError(f"{self.name}: expected a role out of {', '.join(ROLES)}, got {self.role!r}")
        values.setflags(write=False)
        # Plain numbers are several times quicker to read one by one than the entries of an array.
        entries = tuple(map(tuple, values.tolist()))
        # All at once, past the lock of a frozen class: a walkthrough makes forty matrices, and a slider makes them anew.
        vars(self).update(values=values, row_labels=tuple(self.row_labels), column_labels=tuple(self.column_labels), entries=entries)

    def transposed(self) -> Matrix:
        """Give the matrix with rows and columns swapped, ``ᵀ`` added to its name."""
        return Matrix(f"{self.name}ᵀ", self.role, self.values.T, self.column_labels, self.row_labels)


ROLES = ("input", "weight", "bias", "pre_activation", "activation", "output", "target", "norm", "loss", "gradient")
"""What a matrix can be; each has one colour."""


@dataclass(frozen=True, eq=False)
class Operation:
    """How one entry of a result is computed from its inputs.

    ``reads`` says for each input which of its entries the result's entry (row, column) reads: its
    "row", its "column", the one "cell", or "all".  ``arithmetic`` writes these entries down as a person
    would; it is given a function that writes one number, the inputs' entries, the row and the column.

    ``signs``, written in HTML, stand before, between and after the inputs where these are drawn side by side.
    ``switched_off`` is said of an entry that is 0 although the first input's is not; such entries are hatched.
    So many of the last inputs as ``undrawn`` says stand in that arithmetic alone, and get no table.
    """

    name: str
    reads: tuple[str, ...]
    arithmetic: Callable[..., str]
    signs: tuple[str, ...] = ()
    switched_off: str = ""
    undrawn: int = 0


@dataclass(frozen=True, eq=False)
class Computation:
    """One result, where it comes from, and the arithmetic of each of its entries."""

    operation: Operation
    inputs: tuple[Matrix, ...]
    result: Matrix
    formula: str

    @property
    def drawn_inputs(self) -> tuple[Matrix, ...]:
        """The inputs that get a table of their own."""
        return self.inputs[: len(self.inputs) - self.operation.undrawn]

    def explain(self, row: int, column: int) -> str:
        """Write the arithmetic of one entry, such as ``1·2 + 0·(−1) + 1 = 3``.

        The sign ``≈`` stands for ``=`` as soon as a number in the line had to be rounded to be written.
        """
        exact = True

        def write(number):
            nonlocal exact
            text, is_exact = _write(number)
            exact &= is_exact
            return text

        left = self.operation.arithmetic(write, [matrix.entries for matrix in self.inputs], row, column)
        right = write(self.result.entries[row][column])
        return f"{left} {'=' if exact else '≈'} {right}"


@dataclass(frozen=True, eq=False)
class Step:
    """One numbered step of a walkthrough: the one definition that the book draws, says and tests.

    ``computations`` holds all that the step computes, in order; ``result`` is the one among their
    results that the step is about.
    """

    number: int
    title: str
    formula: str
    computations: tuple[Computation, ...]
    result: Matrix

    @property
    def inputs(self) -> tuple[Matrix, ...]:
        """The matrices that come from outside the step, each once."""
        made = {id(computation.result) for computation in self.computations}
        read = {id(matrix): matrix for computation in self.computations for matrix in computation.inputs}
        return tuple(matrix for key, matrix in read.items() if key not in made)

    def explain(self, row: int, column: int) -> str:
        """Write the arithmetic of one entry of `result`."""
        return next(c for c in self.computations if c.result is self.result).explain(row, column)


def format_number(value: float) -> str:
    """Write a number as on paper: whole numbers whole, others with at most three decimals, ``−`` for minus.

    Numbers too small or too large for that are written like ``1.5e−07``.
    """
    return _write(value)[0]


@lru_cache(maxsize=65536)
def _write(value: float) -> tuple[str, bool]:
    """Write a number; tell also whether the text gives it exactly (but for a float's own rounding)."""
    if not math.isfinite(value):  # finite numbers in, yet a product left the range of floats
        return str(value).replace("-", "−").replace("inf", "∞"), False
    if value == int(value) and abs(value) < 1e15:
        text = str(int(value))
    elif 5e-4 <= abs(value) < 1e15:
        text = f"{value:.3f}".rstrip("0").rstrip(".")
    else:
        text = f"{value:.3g}"
    return text.replace("-", "−"), abs(float(text) - value) <= 1e-12 * abs(value)


def _factor(text: str) -> str:
    """Put brackets round a negative number that stands after another sign."""
    return f"({text})" if text[0] == "−" else text


def _dot(write, left_row, right_column) -> str:
    return " + ".join(f"{_factor(write(a))}·{_factor(write(b))}" for a, b in zip(left_row, right_column))


def _column(entries, column):
    return [row[column] for row in entries]


def _sum_of_nonzero(terms: Sequence[str]) -> str:
    """Join the terms that count; a sum without any is 0."""
    return " + ".join(terms) or "0"


def _copy(write, inputs, row, column):
    return write(inputs[0][row][column])


def _affine(write, inputs, row, column):
    weight, bias, x = inputs
    return f"{_dot(write, weight[row], _column(x, column))} + {_factor(write(bias[row][0]))}"


def _product(write, inputs, row, column):
    return _dot(write, inputs[0][row], _column(inputs[1], column))


def _product_plus(write, inputs, row, column):
    left, addend, right = inputs
    return f"{_dot(write, left[row], _column(right, column))} + {_factor(write(addend[row][column]))}"


def _relu(write, inputs, row, column):
    return f"max(0, {write(inputs[0][row][column])})"


def _sum(write, inputs, row, column):
    return f"{write(inputs[0][row][column])} + {_factor(write(inputs[1][row][column]))}"


def _difference(write, inputs, row, column):
    return f"{write(inputs[0][row][column])} − {_factor(write(inputs[1][row][column]))}"


def _subtract_bias(write, inputs, row, column):
    return f"{write(inputs[0][row][column])} − {_factor(write(inputs[1][row][0]))}"


def _error_gradient(write, inputs, row, column):
    return f"2·({_difference(write, inputs, row, column)})"


def _relu_gradient(write, inputs, row, column):
    return f"{write(inputs[0][row][column])}·({write(inputs[1][row][column])} > 0)"


def _row_product(write, inputs, row, column):
    return _dot(write, inputs[0][row], inputs[1][row])


def _row_sum(write, inputs, row, column):
    first, *others = inputs[0][row]
    return " + ".join([write(first)] + [_factor(write(other)) for other in others])


def _column_norm(write, inputs, row, column):
    return f"√({' + '.join(f'{_factor(write(w))}²' for w in _column(inputs[0], column))})"


def _l1_penalty(write, inputs, row, column):
    l1_coefficient, features, norms = inputs
    terms = [
        f"{write(f)}·{_factor(write(norm))}"
        for feature, (norm,) in zip(features, norms)
        for f in feature
        if f != 0
    ]
    return f"{write(l1_coefficient[0][0])}·({_sum_of_nonzero(terms)})"


def _descent_sign(write, inputs, row, column):
    return f"−1·({write(inputs[0][row][column])} > 0)"


def _weigh_rows(write, inputs, row, column):
    l1_coefficient, signs, norms = inputs
    if signs[row][column] == 0:  # nothing is rounded by a product with 0
        write = format_number
    return f"{write(l1_coefficient[0][0])}·{_factor(write(signs[row][column]))}·{write(norms[row][0])}"


def _sum_of_squares(write, inputs, row, column):
    return _sum_of_nonzero([f"{_factor(write(e))}²" for errors in inputs[0] for e in errors if e != 0])


def _norm_penalty_gradient(write, inputs, row, column):
    l1_coefficient, features, W_dec, norms = inputs
    norm = norms[0][column]
    if norm == 0:  # a column of zeros has no direction; its gradient is 0 by convention
        return "0"
    total = _sum_of_nonzero([write(f) for f in _column(features, column) if f != 0])
    return f"{write(l1_coefficient[0][0])}·({total})·{_factor(write(W_dec[row][column]))}/{write(norm)}"


def _scale(write, inputs, row, column):
    return f"{write(inputs[0][0][0])}·{_factor(write(inputs[1][row][column]))}"


def _descent(write, inputs, row, column):
    old, rate, gradient = inputs
    return f"{write(old[row][column])} − {write(rate[0][0])}·{_factor(write(gradient[row][column]))}"


def _central_difference(write, inputs, row, column):
    _, above, below, _, k = inputs
    # More digits than elsewhere, since the two losses differ in their last ones only.
    return f"({above[row][column]:.12g} − {below[row][column]:.12g})/{write(2 * 10.0 ** -k[0][0])}"


def _greatest_difference(write, inputs, row, column):
    one, other, counts = inputs
    pairs = [(a, b) for rows in zip(one, other, counts) for a, b, is_counted in zip(*rows) if is_counted]
    if not pairs:
        return "nothing to compare"
    a, b = max(pairs, key=lambda pair: abs(pair[0] - pair[1]))
    return f"|{write(a)} − {_factor(write(b))}|"


def _squared_error(write, inputs, row, column):
    pairs = [pair for rows in zip(*inputs) for pair in zip(*rows)]
    return _sum_of_nonzero([f"({write(a)} − {_factor(write(b))})²" for a, b in pairs if a != b])


COPY = Operation("copy", ("cell",), _copy, ("", "→ <small>copy</small>"))
AFFINE = Operation("affine", ("row", "row", "column"), _affine)
PRODUCT = Operation("product", ("row", "column"), _product)
PRODUCT_PLUS = Operation("product plus", ("row", "cell", "column"), _product_plus)
RELU = Operation("relu", ("cell",), _relu, ("", "→ <small>ReLU</small>"), switched_off="ReLU switched it off")
SUM = Operation("sum", ("cell", "cell"), _sum, ("", "+", "="))
DIFFERENCE = Operation("difference", ("cell", "cell"), _difference, ("", "−", "="))
SUBTRACT_BIAS = Operation("subtract bias", ("cell", "row"), _subtract_bias, ("", "−", "="))
ERROR_GRADIENT = Operation("error gradient", ("cell", "cell"), _error_gradient, ("2 · (", "−", ") ="))
RELU_GRADIENT = Operation("relu gradient", ("cell", "cell"), _relu_gradient, ("", "⊙", "&gt; 0 <small>? 1 : 0</small> ="))
ROW_PRODUCT = Operation("row product", ("row", "row"), _row_product, ("", "·", "="))
ROW_SUM = Operation("row sum", ("row",), _row_sum, ("", "→ <small>row sums</small>"))
COLUMN_NORM = Operation("column norm", ("column",), _column_norm)
L1_PENALTY = Operation("l1 penalty", ("all", "all", "all"), _l1_penalty, ("", "· Σ", "·", "="))
DESCENT_SIGN = Operation("descent sign", ("cell",), _descent_sign, ("", "→ <small>−1 if &gt; 0</small>"))
KEEP_ZEROS = Operation("keep zeros", ("cell",), _descent_sign, ("", "→ <small>else 0</small>"))
WEIGH_ROWS = Operation("weigh rows", ("all", "cell", "row"), _weigh_rows, ("", "·", "·", "="))
SUM_OF_SQUARES = Operation("sum of squares", ("all",), _sum_of_squares, ("", "→ <small>Σ ( )²</small>"))
NORM_PENALTY_GRADIENT = Operation("norm penalty gradient", ("all", "column", "cell", "column"), _norm_penalty_gradient, ("", "· Σ", "·", "/", "="))
SCALE = Operation("scale", ("all", "cell"), _scale, ("", "·", "="))
DESCENT = Operation("descent", ("cell", "all", "cell"), _descent, ("", "−", "·", "="))
CENTRAL_DIFFERENCE = Operation("central difference", ("cell", "cell", "cell", "cell", "all"), _central_difference, ("", "<small>beside</small>"), undrawn=4)
GREATEST_DIFFERENCE = Operation("greatest difference", ("all", "all", "all"), _greatest_difference, ("", "−", "→ <small>greatest<br>difference</small>"), undrawn=1)
SQUARED_ERROR = Operation("squared error", ("all", "all"), _squared_error, ("Σ (", "−", ")² ="))


# --------------------------------------------------------------------------------- the two walkthroughs


def autoencoder_walkthrough(model: Autoencoder, x) -> tuple[Step, ...]:
    """Lay out the numbered steps of an autoencoder: 6 for its four layers, in general layers + 2.

    Step 1 copies the target, each further one is a layer, and the last holds dL/dY = 2 (Y − Y′) and the
    whole backward pass to every dW and db.  The first half of the layers is called the encoder.

    Parameters
    ----------
    model : Autoencoder
        Its output has its input's shape.
    x : array_like, shape (in, n)

    Returns
    -------
    tuple of Step
    """
    _check_parts("model", model, "weights", "biases", "output_relu")
    forward = model.forward(x)
    gradients = model.gradients(x)
    x = _check("x", x, (None, None))
    examples = _labels("X", x.shape[1])
    layers = len(model.weights)
    encoder_layers = (layers + 1) // 2

    X = Matrix("X", "input", x, _labels("", x.shape[0]), examples)
    target = Matrix("Y′", "target", x, X.row_labels, examples)
    weights, biases, below = [], [], [X]
    steps = [_step(1, "Auto", Computation(COPY, (X,), target, "Y′ = X"))]
    pre_activations = []

    for k in range(1, layers + 1):
        last = k == layers
        units = _labels("", model.weights[k - 1].shape[0])
        W = Matrix(f"W{k}", "weight", model.weights[k - 1], units, below[-1].row_labels)
        b = Matrix(f"b{k}", "bias", model.biases[k - 1][:, None], units, ("b",))
        has_relu = not last or model.output_relu
        name, role = ("Y", "output") if last else (f"A{k}", "activation")
        linear = f"W{k} {below[-1].name} + b{k}"
        Z = Matrix(f"Z{k}" if has_relu else name, "pre_activation" if has_relu else role, forward.pre_activations[k - 1], units, examples)
        computations = [Computation(AFFINE, (W, b, below[-1]), Z, f"{Z.name} = {linear}")]
        A = Z
        if has_relu:
            A = Matrix(name, role, forward.activations[k - 1], units, examples)
            computations.append(Computation(RELU, (Z,), A, f"{A.name} = max(0, {Z.name})"))
        part, number = ("Encoder", k) if k <= encoder_layers else ("Decoder", k - encoder_layers)
        title = f"{part}: layer {number}" + (" + ReLU" if has_relu else "")
        steps.append(_step(k + 1, title, *computations))
        weights.append(W)
        biases.append(b)
        pre_activations.append(Z if has_relu else None)
        below.append(A)

    dY = Matrix("dY", "gradient", gradients.output, below[-1].row_labels, examples)
    computations = [Computation(ERROR_GRADIENT, (below[-1], target), dY, "dY = 2 (Y − Y′)")]
    dA = dY
    for k in range(layers, 0, -1):
        W, b, Z, A = weights[k - 1], biases[k - 1], pre_activations[k - 1], below[k - 1]
        dZ = dA
        if Z is not None:
            dZ = Matrix(f"dZ{k}", "gradient", gradients.pre_activations[k - 1], Z.row_labels, examples)
            computations.append(Computation(RELU_GRADIENT, (dA, Z), dZ, f"dZ{k} = {dA.name} ⊙ 1[Z{k} > 0]"))
        computations += _layer_gradients(dZ, W, b, A, gradients.weights[k - 1], gradients.biases[k - 1])
        if k > 1:
            dA = Matrix(f"dA{k - 1}", "gradient", gradients.activations[k - 2], A.row_labels, examples)
            computations.append(Computation(PRODUCT, (W.transposed(), dZ), dA, f"{dA.name} = W{k}ᵀ {dZ.name}"))
    steps.append(_step(layers + 2, "Loss gradient and backpropagation", *computations, about=dY))
    return tuple(steps)


def sparse_autoencoder_walkthrough(model: SparseAutoencoder, x, l1_coefficient, token_labels=None) -> tuple[Step, ...]:
    """Lay out the 10 numbered steps of a sparse autoencoder.

    Steps 6 to 8 follow the drawing and give the direction in which the penalty *falls*, −λ · norm where
    a feature fires; the derivative has the other sign.  Step 10 holds dL/dX′ = 2 (X′ − X) and the whole
    backward pass of both losses, the part that goes through the decoder's norms included.

    Parameters
    ----------
    model : SparseAutoencoder
    x : array_like, shape (d, n)
    l1_coefficient : float
        λ ≥ 0.
    token_labels : sequence of str, optional
        A word for each token, shown after its number: ``X2 Everest``.

    Returns
    -------
    tuple of Step
    """
    _check_parts("model", model, "W_enc", "b_enc", "W_dec", "b_dec")
    forward = model.forward(x)
    gradients = model.gradients(x, l1_coefficient)
    loss = model.loss(x, l1_coefficient)
    l1_coefficient = _check_scalar("l1_coefficient", l1_coefficient)
    x = model._exact(_check("x", x, (None, None)))
    tokens = _token_labels(x.shape[1], token_labels)
    dimensions, names = _labels("", x.shape[0]), _labels("f", model.W_enc.shape[0])

    X = Matrix("X", "input", x, dimensions, tokens)
    W_enc = Matrix("W_enc", "weight", model.W_enc, names, dimensions)
    b_enc = Matrix("b_enc", "bias", model.b_enc[:, None], names, ("b",))
    W_dec = Matrix("W_dec", "weight", model.W_dec, dimensions, names)
    b_dec = Matrix("b_dec", "bias", model.b_dec[:, None], dimensions, ("b",))
    lam = Matrix("λ", "loss", [[l1_coefficient]], ("λ",), ("",))
    Z = Matrix("Z", "pre_activation", forward.pre_activations, names, tokens)
    f = Matrix("f", "activation", forward.features, names, tokens)
    X_hat = Matrix("X′", "output", forward.reconstruction, dimensions, tokens)
    norms = Matrix("norm", "norm", model.decoder_norms()[None, :], ("L2",), names)
    fires = -1 * (f.values > 0)
    sign = Matrix("S", "gradient", fires, names, tokens)
    filled = Matrix("S", "gradient", fires, names, tokens)
    weighed = Matrix("dS", "gradient", fires * norms.values.T * l1_coefficient, names, tokens)
    errors = Matrix("E", "loss", X_hat.values - x, dimensions, tokens)
    l1 = Matrix("L1", "loss", [[loss.sparsity]], ("L1",), ("",))
    mse = Matrix("MSE", "loss", [[loss.reconstruction]], ("MSE",), ("",))

    encoded, linear, source = X, [], "X"
    if model.subtract_decoder_bias:
        source = "(X − b_dec)"
        encoded = Matrix("X − b_dec", "input", X.values - b_dec.values, dimensions, tokens)
        linear = [Computation(SUBTRACT_BIAS, (X, b_dec), encoded, "X − b_dec")]
    linear.append(Computation(AFFINE, (W_enc, b_enc, encoded), Z, f"Z = W_enc {source} + b_enc"))

    # The reconstruction's gradient reaches each feature through W_dec; the penalty's is step 8, which is
    # subtracted because it holds the descent direction.
    into_features = model.W_dec.T @ (2 * errors.values)
    dX = Matrix("dX′", "gradient", 2 * errors.values, dimensions, tokens)
    penalty = _unit_columns(model.W_dec, norms.values) * f.values.sum(1) * l1_coefficient
    P = Matrix("P", "gradient", penalty, dimensions, names)
    dW_dec = Matrix("dW_dec", "gradient", gradients.W_dec, dimensions, names)
    df = Matrix("df", "gradient", into_features, names, tokens)
    R = Matrix("R", "gradient", into_features * (Z.values > 0), names, tokens)
    dZ = Matrix("dZ", "gradient", R.values - weighed.values, names, tokens)
    d_biases = _bias_gradient(dX, b_dec, dX.values.sum(1))
    backward = [
        Computation(ERROR_GRADIENT, (X_hat, X), dX, "dX′ = 2 (X′ − X)"),
        Computation(NORM_PENALTY_GRADIENT, (lam, f.transposed(), W_dec, norms), P, "P = λ (Σ f) W_dec / norm"),
        Computation(PRODUCT_PLUS, (dX, P, f.transposed()), dW_dec, "dW_dec = dX′ fᵀ + P"),
        d_biases,
        Computation(PRODUCT, (W_dec.transposed(), dX), df, "df = W_decᵀ dX′"),
        Computation(RELU_GRADIENT, (df, Z), R, "R = df ⊙ 1[Z > 0]"),
        Computation(DIFFERENCE, (R, weighed), dZ, "dZ = R − dS"),
        *_layer_gradients(dZ, W_enc, b_enc, encoded, gradients.W_enc, gradients.b_enc),
    ]
    if model.subtract_decoder_bias:
        d_b_enc = backward[-1].result
        through = Matrix("Q", "gradient", model.W_enc.T @ d_b_enc.values, dimensions, ("b",))
        d_b_dec = Matrix("db_dec", "gradient", gradients.b_dec[:, None], dimensions, ("b",))
        direct = Matrix("Σ dX′", "gradient", d_biases.result.values, dimensions, ("b",))
        backward[3] = Computation(ROW_SUM, (dX,), direct, "Σ dX′")
        backward += [
            Computation(PRODUCT, (W_enc.transposed(), d_b_enc), through, "Q = W_encᵀ db_enc"),
            Computation(DIFFERENCE, (direct, through), d_b_dec, "db_dec = Σ dX′ − Q"),
        ]

    return (
        _step(1, "Encoder: linear layer", *linear),
        _step(2, "Encoder: ReLU", Computation(RELU, (Z,), f, "f = max(0, Z)")),
        _step(3, "Decoder: reconstruction", Computation(AFFINE, (W_dec, b_dec, f), X_hat, "X′ = W_dec f + b_dec")),
        _step(4, "Decoder: weights", Computation(COLUMN_NORM, (W_dec,), norms, "norm = ‖W_dec,i‖₂")),
        _step(5, "Sparsity: L1 loss", Computation(L1_PENALTY, (lam, f, norms.transposed()), l1, "L1 = λ Σ f · norm")),
        _step(6, "Sparsity: gradient", Computation(DESCENT_SIGN, (f,), sign, "S = −1 where f > 0")),
        _step(7, "Sparsity: zero", Computation(KEEP_ZEROS, (f,), filled, "S = 0 everywhere else")),
        _step(8, "Sparsity: weight", Computation(WEIGH_ROWS, (lam, filled, norms.transposed()), weighed, "dS = λ · S · norm")),
        _step(
            9,
            "Reconstruction: MSE loss",
            Computation(DIFFERENCE, (X_hat, X), errors, "E = X′ − X"),
            Computation(SUM_OF_SQUARES, (errors,), mse, "MSE = Σ E²"),
        ),
        _step(10, "Reconstruction: gradient", *backward, about=dX),
    )


def _step(number: int, title: str, *computations: Computation, about: Matrix | None = None) -> Step:
    """Make a step whose result is its last computation's, unless it is about an earlier one."""
    if about is None:
        return Step(number, title, ", ".join(c.formula for c in computations), computations, computations[-1].result)
    formula = next(c.formula for c in computations if c.result is about)
    return Step(number, title, formula, computations, about)


def _layer_gradients(dZ: Matrix, W: Matrix, b: Matrix, A: Matrix, d_weight: Array, d_bias: Array) -> list[Computation]:
    """Lay out ``dW = dZ Aᵀ`` and ``db = Σ over columns of dZ`` of one layer."""
    dW = Matrix(f"d{W.name}", "gradient", d_weight, W.row_labels, W.column_labels)
    product = Computation(PRODUCT, (dZ, A.transposed()), dW, f"{dW.name} = {dZ.name} {_bracketed(A.name)}ᵀ")
    return [product, _bias_gradient(dZ, b, d_bias)]


def _bias_gradient(dZ: Matrix, b: Matrix, d_bias: Array) -> Computation:
    db = Matrix(f"d{b.name}", "gradient", d_bias[:, None], b.row_labels, b.column_labels)
    return Computation(ROW_SUM, (dZ,), db, f"{db.name} = Σ {dZ.name}")


def _bracketed(name: str) -> str:
    return f"({name})" if " " in name else name


def _labels(prefix: str, count: int) -> tuple[str, ...]:
    return tuple(f"{prefix}{i}" for i in range(1, count + 1))


def _token_labels(count: int, token_labels) -> tuple[str, ...]:
    """Give X1, X2, …, each with its word where there are words."""
    tokens = _labels("X", count)
    if token_labels is None:
        return tokens
    token_labels = _sequence("token_labels", token_labels, "one name a token")
    if len(token_labels) != len(tokens):
        raise ValueError(f"token_labels: expected {len(tokens)} names, one a column of x, got {len(token_labels)}")
    return tuple(f"{token} {label}" for token, label in zip(tokens, token_labels))


# ------------------------------------------------------------------------------------- what may come in


def _sequence(name: str, value, entry: str) -> list:
    """Give the entries of a sequence as a list."""
    if isinstance(value, (str, bytes)) or not np.iterable(value):
        raise TypeError(f"{name}: expected a sequence, {entry}, got {value!r:.60}")
    return list(value)


def _check_parts(name: str, value, *parts: str) -> None:
    """Refuse what is no model, or no gradients, of the right kind."""
    if not all(hasattr(value, part) for part in parts):
        raise TypeError(f"{name}: expected something with {', '.join(parts)}, got {value!r:.60}")


def _check(name: str, value, shape: tuple[int | None, ...]) -> Array:
    """Give ``value`` as a finite array of int64 or float64 of that shape; None stands for any length ≥ 1.

    An array that already fits comes back as it is, never a changed one.
    """
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError(f"{name}: expected {_expected(shape)}, got rows of different lengths") from None
    if array.dtype == object:
        array = _from_objects(name, shape, array)
    if array.dtype.kind == "c":
        raise ValueError(f"{name}: expected real numbers, got complex ones")
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name}: expected {_expected(shape)}, got {array.dtype} ({value!r:.60})")
    if array.ndim != len(shape) or any(n not in (None, m) for n, m in zip(shape, array.shape)):
        raise ValueError(f"{name}: expected {_expected(shape)}, got shape {array.shape}")
    if array.size == 0:
        raise ValueError(f"{name}: expected {_expected(shape)}, got none, in shape {array.shape}")
    if array.dtype.kind == "f":
        finite = np.isfinite(array)
        if not finite.all():
            bad = tuple(int(i) for i in np.argwhere(~finite)[0])
            place = " ".join(f"{word} {i + 1}" for word, i in zip(("row", "column"), bad))
            raise ValueError(f"{name}: expected finite numbers, got {array[bad]}{' in ' * bool(place)}{place}")
        if array.dtype.itemsize > 8 and np.abs(array).max() > np.finfo(np.float64).max:
            raise ValueError(f"{name}: expected numbers within the range of 64-bit floats, got a larger one")
        return array.astype(np.float64, copy=False)
    fits = array.dtype.kind == "i" or int(array.max()) < 2**63
    return array.astype(np.int64 if fits else np.float64, copy=False)


def _expected(shape: tuple[int | None, ...]) -> str:
    if not shape:
        return "a number"
    lengths = ", ".join("any" if n is None else str(n) for n in shape)
    return f"numbers of shape ({lengths}{',' if len(shape) == 1 else ''})"


def _from_objects(name: str, shape: tuple[int | None, ...], array: Array) -> Array:
    """Turn an array of Python objects (large integers, fractions, or worse) into one of floats."""
    for entry in array.flat:
        if isinstance(entry, (list, tuple, np.ndarray)):
            raise ValueError(f"{name}: expected {_expected(shape)}, got rows of different lengths")
        if isinstance(entry, numbers.Complex) and not isinstance(entry, numbers.Real):
            raise ValueError(f"{name}: expected real numbers, got {entry!r}")
        # Every numpy scalar has a __float__, be it a number, a truth value, a text or a date.
        is_number = isinstance(entry, numbers.Real) or (hasattr(entry, "__float__") and not isinstance(entry, np.generic))
        if isinstance(entry, bool) or not is_number:
            raise TypeError(f"{name}: expected {_expected(shape)}, got {entry!r:.60}")
    try:
        return array.astype(np.float64)
    except OverflowError:
        raise ValueError(f"{name}: expected numbers within the range of 64-bit floats, got a larger one") from None
    except (TypeError, ValueError) as error:  # it has a __float__, yet that refuses
        raise TypeError(f"{name}: expected {_expected(shape)}, got an entry that gives no float: {error}") from None


def _check_scalar(name: str, value) -> int | float:
    """Give a finite number ≥ 0."""
    if type(value) in (int, float) and 0 <= value < 2**63:
        return value  # the common case
    number = _check(name, value, ()).item()
    if number < 0:
        raise ValueError(f"{name}: expected a number ≥ 0, got {number}")
    return number


def _check_switch(name: str, value) -> bool:
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name}: expected True or False, got {value!r}")
    return bool(value)


def _frozen(array: Array) -> Array:
    """Give a read-only copy."""
    copy = array.copy()
    copy.setflags(write=False)
    return copy


_SAFE = 2.0**62
"""Half of what 64-bit integers hold: below this bound, itself a rounded float, no integer wraps around."""


def _square_sum(array: Array) -> float:
    """Give the sum of the squares of all entries as a float."""
    flat = array.astype(float, copy=False).ravel()
    return float(flat.dot(flat))


def _largest(array: Array) -> float:
    """Give the largest absolute value, as a Python float, which overflows to infinity without a word."""
    return float(max(abs(array.max().item()), abs(array.min().item())))
