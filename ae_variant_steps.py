"""The walkthroughs of the variants: each variant's own numbered steps, on small matrices.

`ae_variants` computes; this file lays out what it computed as the pieces that `ae_core` draws, so that every entry
can say its arithmetic.  One variant is one function below, named after it.  Columns are tokens, rows are features,
every loss is the sum over tokens.  The file imports numpy, `ae_core` and `ae_variants`, and keeps no state.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np

from ae_core import (
    AFFINE,
    COLUMN_NORM,
    DIFFERENCE,
    ERROR_GRADIENT,
    L1_PENALTY,
    PRODUCT,
    RELU,
    SUBTRACT_BIAS,
    SUM_OF_SQUARES,
    Array,
    Computation,
    Matrix,
    Operation,
    Step,
    _check,
    _column,
    _factor,
    _labels,
    _step,
    _sum_of_nonzero,
    _token_labels,
    format_number,
)
from ae_variants import (
    BatchTopK,
    BiasSubtracted,
    Gated,
    JumpReLU,
    Matryoshka,
    Standard,
    TopK,
    Transcoder,
    Variant,
)

VariantSteps = list[tuple[str, list[Computation]]]
"""A title and the computations of each step, in order."""


def variant_walkthrough(variant: Variant, parameters: Mapping[str, Array], x, token_labels=None, target=None) -> tuple[Step, ...]:
    """Lay out the numbered steps of a variant: encoder, what it keeps, decoder, losses, and what else is its own.

    Parameters
    ----------
    variant : Variant
    parameters : mapping of array_like
        Those of the variant, by its own names; a gated one's ``b_enc`` is drawn as b_gate, and a transcoder's
        ``W_dec`` and ``b_dec`` as V_dec and c_dec, since they write into another space.
    x : array_like, shape (d, n)
    token_labels : sequence of str, optional
        A word for each token.
    target : array_like, shape (out, n), optional
        For a transcoder: what is to be reconstructed.

    Returns
    -------
    tuple of Step

    Raises
    ------
    TypeError
        If there is no walkthrough of that variant.
    ValueError
        If a shape is wrong, or a transcoder has no target.
    """
    sheet = _Sheet(variant, parameters, x, token_labels, target)
    steps = _own_steps(variant, sheet)
    return tuple(_step(number, title, *computations) for number, (title, computations) in enumerate(steps, start=1))


# ------------------------------------------------------------------- how the variants' own entries come about


def _keep_text(value: float, stays: bool) -> str:
    """Say what became of an entry, ending in what equals the result."""
    if stays:
        return f"{format_number(value)} stays: f"
    return f"{format_number(value)} {'goes' if value > 0 else 'is not above 0'}: f"


@functools.lru_cache(maxsize=4096)
def _places_of_largest(values: tuple[float, ...], count: int) -> frozenset[int]:
    """Give the places of the ``count`` largest values; among equals the first."""
    return frozenset(sorted(range(len(values)), key=lambda i: -values[i])[: max(0, count)])


def _keep_largest(write, inputs, row, column):
    values, count = tuple(_column(inputs[0], column)), int(inputs[1][0][0])
    stays = values[row] > 0 and row in _places_of_largest(values, count)
    listed = ", ".join(map(format_number, values))
    return f"the {count} largest of {listed} {'stays' if count == 1 else 'stay'}; {_keep_text(values[row], stays)}"


def _keep_largest_of_all(write, inputs, row, column):
    rows, k = inputs[0], inputs[1][0][0]
    tokens = len(rows[0])
    values, count = tuple(value for entries in rows for value in entries), int(k * tokens)
    chosen = _places_of_largest(values, count)
    value = rows[row][column]
    stays = value > 0 and row * tokens + column in chosen
    down_to = f", down to {format_number(min(values[i] for i in chosen))}" if chosen else ""
    return f"the {format_number(k)}·{tokens} → {count} largest of all {len(values)}{down_to}; {_keep_text(value, stays)}"


def _exceed(write, inputs, row, column):
    value, threshold = inputs[0][row][column], inputs[1][row][0]
    sign, word = (">", "stays") if value > threshold else ("≤", "goes")
    return f"{format_number(value)} {sign} θ = {format_number(threshold)}, {word}: f"


def _gate(write, inputs, row, column):
    return f"max(0, {write(inputs[0][row][column])})·({format_number(inputs[1][row][column])} > 0)"


def _add_bias(write, inputs, row, column):
    return f"{write(inputs[0][row][column])} + {_factor(write(inputs[1][row][0]))}"


def _scale_and_add(write, inputs, row, column):
    shared, log_scale, bias = inputs
    return f"e^{_factor(write(log_scale[row][0]))}·{_factor(write(shared[row][column]))} + {_factor(write(bias[row][0]))}"


def _sum_penalty(write, inputs, row, column):
    terms = [write(f) for feature in inputs[1] for f in feature if f != 0]
    return f"{write(inputs[0][0][0])}·({_sum_of_nonzero(terms)})"


def _count_penalty(write, inputs, row, column):
    active = sum(f != 0 for feature in inputs[1] for f in feature)
    return f"{write(inputs[0][0][0])}·({active} entries that are not 0)"


def _total(write, inputs, row, column):
    return " + ".join(write(loss[0][0]) for loss in inputs)


def _divide_by_norm(write, inputs, row, column):
    norm = inputs[1][0][column]
    return f"{write(inputs[0][row][column])}/{write(norm)}" if norm else "a column of zeros stays: 0"


def _smallest(write, inputs, row, column):
    fires = [f for feature in inputs[0] for f in feature if f > 0]
    return f"the smallest of {', '.join(map(format_number, fires))}" if fires else "no feature fires: 0"


def _straight_through(write, inputs, row, column):
    coefficient, width, threshold, pre_activations, d_features = inputs
    theta, lam, epsilon = threshold[row][0], coefficient[0][0], width[0][0]
    near = [df for z, df in zip(pre_activations[row], d_features[row]) if abs(z - theta) < epsilon / 2]
    terms = [f"{write(theta)}·{_factor(write(df))} + {write(lam)}" for df in near]
    return f"−({_sum_of_nonzero(terms)})/{write(epsilon)}"


OFF = "switched off"
KEEP_LARGEST = Operation(
    "keep the largest", ("column", "all"), _keep_largest, ("", "", "→ <small>largest of<br>a column</small>"), OFF
)
KEEP_LARGEST_OF_ALL = Operation(
    "keep the largest of all", ("all", "all"), _keep_largest_of_all, ("", "", "→ <small>largest of<br>all</small>"), OFF
)
EXCEED = Operation("exceed", ("cell", "row"), _exceed, ("", "&gt;", "→ <small>else 0</small>"), OFF)
GATE = Operation("gate", ("cell", "cell"), _gate, ("<small>max(0,</small>", "<small>)</small> ⊙", "&gt; 0 <small>? 1 : 0</small> ="), OFF)
ADD_BIAS = Operation("add bias", ("cell", "row"), _add_bias, ("", "+", "="))
SCALE_AND_ADD = Operation("scale and add", ("cell", "row", "row"), _scale_and_add, ("", "· e^", "+", "="))
SUM_PENALTY = Operation("sum penalty", ("all", "all"), _sum_penalty, ("", "· Σ", "="))
COUNT_PENALTY = Operation("count penalty", ("all", "all"), _count_penalty, ("", "· <small>how many ≠ 0 in</small>", "="))
TOTAL_OF_TWO = Operation("total", ("all", "all"), _total, ("", "+", "="))
TOTAL_OF_THREE = Operation("total", ("all", "all", "all"), _total, ("", "+", "+", "="))
DIVIDE_BY_NORM = Operation("divide by norm", ("cell", "column"), _divide_by_norm, ("", "/", "="))
SMALLEST = Operation("smallest", ("all",), _smallest, ("", "→ <small>smallest ≠ 0</small>"))
STRAIGHT_THROUGH = Operation(
    "straight through", ("all", "all", "row", "row", "row"), _straight_through, ("", "", "", "", "", "→")
)


# ------------------------------------------------------------------------------ what the variants' steps share


class _Sheet:
    """The matrices of one variant's walkthrough, and the steps that many variants have."""

    def __init__(self, variant: Variant, parameters, x, token_labels, target):
        if isinstance(variant, Transcoder) != (target is not None):
            raise ValueError("target: expected one for a transcoder, and for nothing else")
        x = _check("x", x, (np.shape(parameters["W_enc"])[-1], None))
        p = self.parameters = {name: np.asarray(value) for name, value in parameters.items()}
        self.variant = variant
        self.tokens = _token_labels(x.shape[1], token_labels)
        self.names = _labels("f", len(p["W_enc"]))
        self.dimensions = _labels("", x.shape[0])
        self.outputs = _labels("", len(p["W_dec"]))
        if target is not None:
            target = _check("target", target, (len(p["W_dec"]), x.shape[1]))
        self.evaluation = variant.evaluate(p, x, target)
        forward, _, self.gradients = self.evaluation

        W_dec, b_dec = ("V_dec", "c_dec") if target is not None else ("W_dec", "b_dec")
        output = "Y′" if target is not None else "X′"
        self.X = Matrix("X", "input", x, self.dimensions, self.tokens)
        self.W_enc = Matrix("W_enc", "weight", p["W_enc"], self.names, self.dimensions)
        self.b_enc = self.column("b_enc", "bias", p["b_enc"])
        self.W_dec = Matrix(W_dec, "weight", p["W_dec"], self.outputs, self.names)
        self.b_dec = Matrix(b_dec, "bias", p["b_dec"][:, None], self.outputs, ("b",))
        self.target = self.X if target is None else Matrix("Y", "target", target, self.outputs, self.tokens)
        self.Z = self.features("Z", "pre_activation", forward.pre_activations)
        self.f = self.features("f", "activation", forward.features)
        self.X_hat = Matrix(output, "output", forward.reconstruction, self.outputs, self.tokens)
        self.E = Matrix("E", "loss", forward.reconstruction - self.target.values, self.outputs, self.tokens)
        self.MSE = self.scalar("MSE", self.evaluation.loss.reconstruction)

    def features(self, name: str, role: str, values) -> Matrix:
        return Matrix(name, role, values, self.names, self.tokens)

    def column(self, name: str, role: str, values) -> Matrix:
        heading = "b" if name == "b_enc" else name.removeprefix("b_")
        return Matrix(name, role, np.asarray(values)[:, None], self.names, (heading,))

    def scalar(self, name: str, value) -> Matrix:
        """A setting or a loss."""
        return Matrix(name, "loss", [[value]], (name,), ("",))

    def encoded(self) -> tuple[Matrix, list[Computation], str]:
        """Give what the encoder reads, how it comes about, and how a formula writes it."""
        if not self.variant.subtracts_bias:
            return self.X, [], "X"
        difference = Matrix("X − b_dec", "input", self.evaluation.forward.encoded, self.dimensions, self.tokens)
        return difference, [Computation(SUBTRACT_BIAS, (self.X, self.b_dec), difference, "X − b_dec")], "(X − b_dec)"

    def encoder(self) -> tuple[str, list[Computation]]:
        encoded, before, source = self.encoded()
        affine = Computation(AFFINE, (self.W_enc, self.b_enc, encoded), self.Z, f"Z = W_enc {source} + b_enc")
        return "Encoder: linear layer", [*before, affine]

    def relu(self) -> tuple[str, list[Computation]]:
        return "Encoder: ReLU", [Computation(RELU, (self.Z,), self.f, "f = max(0, Z)")]

    def decoder(self) -> tuple[str, list[Computation]]:
        X_hat, W_dec, b_dec = self.X_hat, self.W_dec, self.b_dec
        formula = f"{X_hat.name} = {W_dec.name} f + {b_dec.name}"
        return "Decoder: reconstruction", [Computation(AFFINE, (W_dec, b_dec, self.f), X_hat, formula)]

    def squared(self) -> list[Computation]:
        return [
            Computation(DIFFERENCE, (self.X_hat, self.target), self.E, f"E = {self.X_hat.name} − {self.target.name}"),
            Computation(SUM_OF_SQUARES, (self.E,), self.MSE, "MSE = Σ E²"),
        ]

    def total(self, *losses: Matrix) -> Computation:
        operation = {2: TOTAL_OF_TWO, 3: TOTAL_OF_THREE}[len(losses)]
        result = self.scalar("L", self.evaluation.loss.total)
        return Computation(operation, losses, result, f"L = {' + '.join(loss.name for loss in losses)}")

    def norms(self) -> Matrix:
        return Matrix("norm", "norm", np.sqrt(np.square(self.W_dec.values).sum(0))[None, :], ("L2",), self.names)


# ------------------------------------------------------------------------------- one function, one variant


@functools.singledispatch
def _own_steps(variant, sheet: _Sheet) -> VariantSteps:
    raise TypeError(f"variant: expected one that has a walkthrough, got {variant!r:.60}")


@_own_steps.register
def _bias_subtracted(variant: BiasSubtracted, sheet: _Sheet) -> VariantSteps:
    lam, l1 = sheet.scalar("λ", variant.l1_coefficient), sheet.scalar("L1", sheet.evaluation.loss.sparsity)
    norms = sheet.norms()
    lengths = np.where(norms.values > 0, norms.values, 1)
    unit = Matrix("W_dec of length 1", "weight", sheet.W_dec.values / lengths, sheet.outputs, sheet.names)
    penalty = Computation(SUM_PENALTY, (lam, sheet.f), l1, "L1 = λ Σ f")
    return [
        sheet.encoder(),
        sheet.relu(),
        sheet.decoder(),
        ("Losses", [*sheet.squared(), penalty, sheet.total(sheet.MSE, l1)]),
        (
            "After each update: columns of length 1",
            [
                Computation(COLUMN_NORM, (sheet.W_dec,), norms, "norm = ‖W_dec,i‖₂"),
                Computation(DIVIDE_BY_NORM, (sheet.W_dec, norms), unit, "W_dec / norm"),
            ],
        ),
    ]


@_own_steps.register
def _standard(variant: Standard, sheet: _Sheet) -> VariantSteps:
    lam, l1 = sheet.scalar("λ", variant.l1_coefficient), sheet.scalar("L1", sheet.evaluation.loss.sparsity)
    norms = sheet.norms()
    norm = Computation(COLUMN_NORM, (sheet.W_dec,), norms, f"norm = ‖{sheet.W_dec.name},i‖₂")
    penalty = Computation(L1_PENALTY, (lam, sheet.f, norms.transposed()), l1, "L1 = λ Σ f · norm")
    return [
        sheet.encoder(),
        sheet.relu(),
        sheet.decoder(),
        ("Decoder: norms", [norm]),
        ("Losses", [*sheet.squared(), penalty, sheet.total(sheet.MSE, l1)]),
    ]


@_own_steps.register
def _top_k(variant: TopK, sheet: _Sheet) -> VariantSteps:
    keep = Computation(KEEP_LARGEST, (sheet.Z, sheet.scalar("k", variant.k)), sheet.f, "f = Z at the k largest of each column")
    return [sheet.encoder(), ("Keep the k largest of each word", [keep]), sheet.decoder(), ("Loss", sheet.squared())]


@_own_steps.register
def _batch_top_k(variant: BatchTopK, sheet: _Sheet) -> VariantSteps:
    moved = {"W_dec": np.ones((1, 1)), "threshold": np.zeros(len(sheet.names))}
    variant.constrain(moved, sheet.evaluation.forward.features)
    theta = sheet.scalar("θ", moved["threshold"][0])
    return [
        sheet.encoder(),
        _keep_largest_of_batch(variant, sheet),
        sheet.decoder(),
        ("Loss", sheet.squared()),
        ("A threshold for later", [Computation(SMALLEST, (sheet.f,), theta, "θ = the smallest f that is not 0")]),
    ]


def _keep_largest_of_batch(variant: BatchTopK, sheet: _Sheet) -> tuple[str, list[Computation]]:
    inputs = (sheet.Z, sheet.scalar("k", variant.k))
    keep = Computation(KEEP_LARGEST_OF_ALL, inputs, sheet.f, "f = Z at the k·n largest of all")
    return "Keep the k·n largest of the batch", [keep]


@_own_steps.register
def _jump_relu(variant: JumpReLU, sheet: _Sheet) -> VariantSteps:
    theta = sheet.column("θ", "bias", sheet.parameters["threshold"])
    lam, l0 = sheet.scalar("λ", variant.l0_coefficient), sheet.scalar("λL0", sheet.evaluation.loss.sparsity)
    width = sheet.scalar("ε", variant.bandwidth)
    dX = Matrix("dX′", "gradient", 2 * sheet.E.values, sheet.outputs, sheet.tokens)
    df = sheet.features("df", "gradient", sheet.W_dec.values.T @ dX.values)
    d_theta = sheet.column("dθ", "gradient", sheet.gradients["threshold"])
    penalty = Computation(COUNT_PENALTY, (lam, sheet.f), l0, "λL0 = λ · how many f are not 0")
    formula = "dθ = −Σ (θ df + λ)/ε where |Z − θ| < ε/2"
    return [
        sheet.encoder(),
        ("Keep what exceeds its threshold", [Computation(EXCEED, (sheet.Z, theta), sheet.f, "f = Z where Z > θ")]),
        sheet.decoder(),
        ("Losses", [*sheet.squared(), penalty, sheet.total(sheet.MSE, l0)]),
        (
            "A stand-in gradient for the threshold",
            [
                Computation(ERROR_GRADIENT, (sheet.X_hat, sheet.X), dX, "dX′ = 2 (X′ − X)"),
                Computation(PRODUCT, (sheet.W_dec.transposed(), dX), df, "df = W_decᵀ dX′"),
                Computation(STRAIGHT_THROUGH, (lam, width, theta, sheet.Z, df), d_theta, formula),
            ],
        ),
    ]


@_own_steps.register
def _gated(variant: Gated, sheet: _Sheet) -> VariantSteps:
    forward, loss, _ = sheet.evaluation
    encoded, subtract, source = sheet.encoded()
    shared = sheet.parameters["W_enc"] @ forward.encoded
    U = sheet.features("U", "pre_activation", shared)
    G = sheet.features("G", "pre_activation", forward.gate)
    M = sheet.features("M", "pre_activation", forward.pre_activations)
    b_gate = sheet.column("b_gate", "bias", sheet.parameters["b_enc"])
    r, b_mag = (sheet.column(*drawn) for drawn in (("r", "bias", sheet.parameters["r_mag"]), ("b_mag", "bias", sheet.parameters["b_mag"])))
    opened = sheet.features("P", "activation", np.maximum(forward.gate, 0))
    from_gate = Matrix("X″", "output", sheet.W_dec.values @ opened.values + sheet.b_dec.values, sheet.outputs, sheet.tokens)
    F = Matrix("F", "loss", from_gate.values - sheet.X.values, sheet.outputs, sheet.tokens)
    lam, l1, aux = sheet.scalar("λ", variant.l1_coefficient), sheet.scalar("L1", loss.sparsity), sheet.scalar("Aux", loss.auxiliary)
    return [
        ("Encoder: what both paths share", [*subtract, Computation(PRODUCT, (sheet.W_enc, encoded), U, f"U = W_enc {source}")]),
        ("Gate: is it there?", [Computation(ADD_BIAS, (U, b_gate), G, "G = U + b_gate")]),
        ("Magnitude: how strong?", [Computation(SCALE_AND_ADD, (U, r, b_mag), M, "M = e^r · U + b_mag")]),
        ("Features", [Computation(GATE, (M, G), sheet.f, "f = max(0, M) ⊙ 1[G > 0]")]),
        sheet.decoder(),
        (
            "Losses",
            [
                *sheet.squared(),
                Computation(RELU, (G,), opened, "P = max(0, G)"),
                Computation(SUM_PENALTY, (lam, opened), l1, "L1 = λ Σ P"),
                Computation(AFFINE, (sheet.W_dec, sheet.b_dec, opened), from_gate, "X″ = W_dec P + b_dec"),
                Computation(DIFFERENCE, (from_gate, sheet.X), F, "F = X″ − X"),
                Computation(SUM_OF_SQUARES, (F,), aux, "Aux = Σ F²"),
                sheet.total(sheet.MSE, l1, aux),
            ],
        ),
    ]


@_own_steps.register
def _matryoshka(variant: Matryoshka, sheet: _Sheet) -> VariantSteps:
    steps = [sheet.encoder(), _keep_largest_of_batch(variant, sheet), sheet.decoder()]
    losses = []
    for prefix in variant.prefixes:
        names, part = sheet.names[:prefix], f"[:{prefix}]"
        W = Matrix(f"W_dec{part}", "weight", sheet.W_dec.values[:, :prefix], sheet.outputs, names)
        f = Matrix(f"f{part}", "activation", sheet.f.values[:prefix], names, sheet.tokens)
        X_hat = Matrix(f"X′{part}", "output", W.values @ f.values + sheet.b_dec.values, sheet.outputs, sheet.tokens)
        E = Matrix(f"E{part}", "loss", X_hat.values - sheet.X.values, sheet.outputs, sheet.tokens)
        MSE = sheet.scalar(f"MSE{part}", float(np.square(E.values).sum()))
        steps.append((
            f"The first {prefix} features alone",
            [
                Computation(AFFINE, (W, sheet.b_dec, f), X_hat, f"{X_hat.name} = {W.name} {f.name} + b_dec"),
                Computation(DIFFERENCE, (X_hat, sheet.X), E, f"{E.name} = {X_hat.name} − X"),
                Computation(SUM_OF_SQUARES, (E,), MSE, f"{MSE.name} = Σ {E.name}²"),
            ],
        ))  # fmt: skip
        losses.append(MSE)
    return [*steps, ("Losses", [*sheet.squared(), sheet.total(sheet.MSE, *losses)])]


@_own_steps.register
def _transcoder(variant: Transcoder, sheet: _Sheet) -> VariantSteps:
    return _standard(variant, sheet)


# ------------------------------------------------------------------------------------------ the book's numbers


def variants_example() -> dict[str, Array]:
    """Give the numbers that the variants need beside those of `ae_core.sparse_autoencoder_example`.

    The gated one's magnitudes are the book's pre-activations; its gate is one lower for f1 and f2, as if a penalty had
    pulled at it.  The transcoder's target Y is a layer's output of two numbers a
    word, which its decoder V_dec, c_dec gives but for one entry.

    Returns
    -------
    dict of arrays
        ``k``, ``θ`` (m,), ``ε``, ``b_gate`` (m,), ``r`` (m,), ``b_mag`` (m,), ``p1``, ``p2``, ``Y`` (2, n),
        ``V_dec`` (2, m), ``c_dec`` (2,).
    """
    return {
        "k": np.array(1),
        "θ": np.array([1, 3, 0, 1, 0, 0]),
        "ε": np.array(2),
        "b_gate": np.array([-3, -1, -3, -2, 0, -2]),
        "r": np.zeros(6, int),
        "b_mag": np.array([-2, 0, -3, -2, 0, -2]),
        "p1": np.array(2),
        "p2": np.array(4),
        "Y": np.array([[2, -2, -1, 4, 4], [0, 8, 3, 0, 2]]),
        "V_dec": np.array([[0, 1, 0, -1, 2, -1], [1, 0, 0, -2, 0, 3]]),
        "c_dec": np.array([0, 0]),
    }
