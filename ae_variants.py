"""The variants of the sparse autoencoder: what each keeps, what each pays for, every gradient.

Columns are tokens, rows are features, as in `ae_core`; every loss here is the sum over tokens, so that the
reconstruction's gradient is the drawn 2 (X′ − X).  Training divides by the number of tokens.

All variants are one pattern::

    Z = W_enc X̄ + b_enc        X̄ is X, or X − b_dec
    f = Z ⊙ kept               kept is what a variant chooses: Z > 0, the k largest, Z > θ …
    X′ = W_dec f + b_dec
    L = Σ (X′ − X)² + sparsity + auxiliary

and its gradient is one pattern too: ``df = W_decᵀ dX′``, ``dZ = df ⊙ kept``.  So a variant is a small frozen
dataclass of its settings that says what is kept, what is penalised, and where that departs from the pattern.
The numbers that are trained live apart, in a dictionary of arrays:

======== ======== =====================================
W_enc    (m, d)
b_enc    (m,)
W_dec    (d, m)   (out, m) in a transcoder
b_dec    (d,)
======== ======== =====================================

with one or two more where a variant says so.  The file imports numpy and `ae_core`, keeps no state and changes
nothing that it is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import ClassVar, NamedTuple

import numpy as np

from ae_core import Array, SparseAutoencoder, _check, _check_scalar, _frozen, _unit_columns

Parameters = Mapping[str, Array]


class VariantForward(NamedTuple):
    """All that a forward pass computes."""

    encoded: Array
    """X̄: the input as the encoder reads it, shape (d, n)."""
    pre_activations: Array
    """Z, shape (m, n); in a gated one the magnitudes."""
    kept: Array
    """Which entries of Z become features: True or False, shape (m, n)."""
    features: Array
    """f = Z ⊙ kept, shape (m, n)."""
    reconstruction: Array
    """X′ = W_dec f + b_dec, shape (d, n)."""
    gate: Array | None = None
    """The gate's pre-activation, shape (m, n); None where there is no gate."""


class VariantLoss(NamedTuple):
    """The losses, each summed over all tokens."""

    reconstruction: float
    """Σ (X′ − X)²."""
    sparsity: float
    """What is paid for active features, its coefficient included."""
    auxiliary: float
    """What a variant adds to keep its features alive or in order."""
    total: float


class Evaluation(NamedTuple):
    """A forward pass, its losses, and the gradient of the total."""

    forward: VariantForward
    loss: VariantLoss
    gradients: dict[str, Array]
    """One array for each trained parameter, of its shape."""


class _Penalty(NamedTuple):
    """What a variant adds to the reconstruction: its losses, and where their gradients arrive."""

    sparsity: float = 0.0
    auxiliary: float = 0.0
    features: Array | float = 0.0
    """Added to df, before it passes `kept`."""
    pre_activations: Array | float = 0.0
    """Added to dZ, past `kept`."""
    parameters: Mapping[str, Array] = MappingProxyType({})
    """Added to the gradients of parameters."""


@dataclass(frozen=True)
class Variant:
    """What all variants share; by itself a sparse autoencoder without a penalty."""

    unit_columns: ClassVar[bool] = False
    """Whether every decoder column is brought back to length 1 after each update."""
    start_norm: ClassVar[float] = 0.1
    """The length of the decoder's columns at the start of training."""
    coefficient: ClassVar[str | None] = None
    """The name of the setting that weighs sparsity, which training warms up."""

    def __post_init__(self):
        for name, value in vars(self).items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                _check_scalar(name, value)

    @property
    def subtracts_bias(self) -> bool:
        """Whether the encoder reads X − b_dec; where that is a setting it is called ``subtract_decoder_bias``."""
        return getattr(self, "subtract_decoder_bias", True)

    def start(self, rng, d: int, m: int, d_out: int | None = None) -> dict[str, Array]:
        """Give parameters to start training from: random decoder columns of one length, encoder = decoderᵀ.

        Parameters
        ----------
        rng : numpy.random.Generator
        d, m : int
            The lengths of a token and of its features.
        d_out : int, optional
            The length of what is reconstructed, in a transcoder; its encoder is drawn separately.

        Returns
        -------
        dict of arrays, float64
        """
        W_dec = _random_columns(rng, d_out or d, m, self.start_norm)
        W_enc = W_dec.T.copy() if d_out is None else _random_columns(rng, d, m, self.start_norm).T.copy()
        return {"W_enc": W_enc, "b_enc": np.zeros(m), "W_dec": W_dec, "b_dec": np.zeros(d_out or d)}

    def forward(self, parameters: Parameters, x) -> VariantForward:
        """Encode, keep, decode: ``f = Z ⊙ kept``, ``X′ = W_dec f + b_dec``.

        Parameters
        ----------
        parameters : mapping of arrays
        x : array, shape (d, n)

        Returns
        -------
        VariantForward
        """
        p = parameters
        encoded = x - p["b_dec"][:, None] if self.subtracts_bias else x
        pre_activations = p["W_enc"].dot(encoded) + p["b_enc"][:, None]
        kept = self.keep(p, pre_activations)
        features = np.where(kept, pre_activations, 0)  # a product would write −0
        return VariantForward(encoded, pre_activations, kept, features, _decode(p, features))

    def evaluate(self, parameters: Parameters, x, target=None, dead=None) -> Evaluation:
        """Pass forward and back, all losses summed over tokens.

        Parameters
        ----------
        parameters : mapping of arrays
        x : array, shape (d, n)
        target : array, shape (out, n), optional
            What to reconstruct; ``x`` unless given.
        dead : array of bool, shape (m,), optional
            The features that an auxiliary loss is to revive.

        Returns
        -------
        Evaluation
        """
        target = x if target is None else target
        forward = self.forward(parameters, x)
        squared, inner, gradients, d_features = self._decoder_gradients(parameters, forward, target)
        penalty = self._penalise(parameters, forward, target, d_features, dead)
        d_features = d_features + penalty.features
        encoder_gradients, d_shared = self._encoder_gradients(parameters, forward, d_features, penalty.pre_activations)
        gradients |= encoder_gradients
        if self.subtracts_bias:
            gradients["b_dec"] = gradients["b_dec"] - parameters["W_enc"].T.dot(d_shared)
        for name, addend in penalty.parameters.items():
            gradients[name] = gradients[name] + addend if name in gradients else addend
        auxiliary = inner + penalty.auxiliary
        loss = VariantLoss(squared, penalty.sparsity, auxiliary, squared + penalty.sparsity + auxiliary)
        return Evaluation(forward, loss, gradients)

    # What a variant may say differently.

    def keep(self, parameters: Parameters, pre_activations: Array) -> Array:
        """Say which entries become features: here ``Z > 0``, the ReLU."""
        return pre_activations > 0

    def warmed(self, scale: float) -> Variant:
        """Give the variant with its sparsity coefficient times ``scale``."""
        return replace(self, **{self.coefficient: getattr(self, self.coefficient) * scale}) if self.coefficient else self

    def constrain(self, parameters: dict[str, Array], features: Array) -> None:
        """Put the parameters, in place, where an update must leave them."""
        if self.unit_columns:
            parameters["W_dec"] /= _norms(parameters["W_dec"])

    def finished(self, parameters: Parameters) -> SparseAutoencoder | VariantModel:
        """Give the trained model."""
        return VariantModel(self, parameters)

    def _decoder_gradients(self, p, forward, target):
        """Give Σ (X′ − X)², inner losses, the decoder's gradients, and df = W_decᵀ dX′."""
        error = forward.reconstruction - target
        d_reconstruction = error + error
        gradients = {"W_dec": d_reconstruction.dot(forward.features.T), "b_dec": d_reconstruction.sum(1)}
        return _square_sum(error), 0.0, gradients, p["W_dec"].T.dot(d_reconstruction)

    def _penalise(self, p, forward, target, d_features, dead) -> _Penalty:
        return _Penalty()

    def _encoder_gradients(self, p, forward, d_features, d_more):
        """Give the encoder's gradients, and that of W_enc X̄ summed over tokens, which reaches b_dec."""
        d_pre_activations = d_features * forward.kept + d_more
        d_shared = d_pre_activations.sum(1)
        return {"W_enc": d_pre_activations.dot(forward.encoded.T), "b_enc": d_shared}, d_shared


@dataclass(frozen=True, eq=False)
class VariantModel:
    """A variant with its parameters: what training gives back, and what is saved.

    Parameters
    ----------
    variant : Variant
    parameters : mapping of array_like
        Stored read-only.

    Raises
    ------
    ValueError
        If a shape is wrong or an entry is NaN, infinite or complex.
    """

    variant: Variant
    parameters: Parameters

    def __post_init__(self):
        given = dict(self.parameters)
        missing = [name for name in _NAMES if name not in given]
        if missing:
            raise ValueError(f"parameters: expected {', '.join(missing)}, got {', '.join(given) or 'none'}")
        W_enc = _check("W_enc", given["W_enc"], (None, None))
        W_dec = _check("W_dec", given["W_dec"], (None, W_enc.shape[0]))
        shapes = {"W_enc": W_enc.shape, "W_dec": W_dec.shape, "b_dec": W_dec.shape[:1]}
        names = [*_NAMES, *sorted(set(given) - set(_NAMES))]
        checked = {name: _frozen(_check(name, given[name], shapes.get(name, W_enc.shape[:1]))) for name in names}
        object.__setattr__(self, "parameters", MappingProxyType(checked))

    def __getattr__(self, name):
        if name != "parameters" and name in self.parameters:
            return self.parameters[name]
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}; parameters: {', '.join(self.parameters)}")

    def forward(self, x) -> VariantForward:
        """Pass ``x``, shape (d, n), forward; see the variant's own."""
        return self.variant.forward(self.parameters, _check("x", x, (self.W_enc.shape[1], None)))


# -------------------------------------------------------------------------------- one section, one variant


@dataclass(frozen=True)
class Standard(Variant):
    """``L = Σ (X′ − X)² + λ Σ f · ‖W_dec column‖``, f = max(0, W_enc X + b_enc); columns of any length.

    Source: Anthropic, *Circuits Updates, April 2024*, "How we train SAEs"; the book's second walkthrough.
    sae-lens calls it "standard" and subtracts b_dec first unless told otherwise.
    """

    l1_coefficient: float
    subtract_decoder_bias: bool = False
    coefficient = "l1_coefficient"

    def _penalise(self, p, forward, target, d_features, dead):
        norms, totals = _norms(p["W_dec"]), forward.features.sum(1)
        return _Penalty(
            sparsity=self.l1_coefficient * float(totals.dot(norms)),
            features=(self.l1_coefficient * norms)[:, None],
            parameters={"W_dec": _unit(p["W_dec"]) * (self.l1_coefficient * totals)},
        )

    def finished(self, parameters):
        return SparseAutoencoder(*(parameters[name] for name in _NAMES), self.subtract_decoder_bias)


@dataclass(frozen=True)
class BiasSubtracted(Variant):
    """``L = Σ (X′ − X)² + λ Σ f``, f = max(0, W_enc (X − b_dec) + b_enc), decoder columns of length 1.

    Without the fixed length the penalty would be dodged: features half as large, columns twice as long.

    Source: Bricken et al., *Towards Monosemanticity* (2023).  Its resampling of dead neurons is left out.
    """

    l1_coefficient: float
    coefficient = "l1_coefficient"
    unit_columns = True
    start_norm = 1.0

    def _penalise(self, p, forward, target, d_features, dead):
        return _Penalty(sparsity=self.l1_coefficient * float(forward.features.sum()), features=self.l1_coefficient)

    def finished(self, parameters):
        return SparseAutoencoder(*(parameters[name] for name in _NAMES), subtract_decoder_bias=True)


@dataclass(frozen=True)
class TopK(Variant):
    """``f = Z`` at the k largest positive entries of each token, 0 elsewhere; no L1; columns of length 1.

    Dead features get a loss of their own (AuxK): the k_aux = d/2 largest pre-activations A among them, negative
    ones too, are to reconstruct what the living leave over, ``c · s · Σ (W_dec A − (X − X′))²`` with X − X′ held
    fixed and s = min(1, dead/k_aux).  Of equal entries the first is kept.

    Source: Gao et al., *Scaling and evaluating sparse autoencoders* (arXiv 2406.04093); AuxK's scale s and its
    unrectified A as in sae-lens.
    """

    k: int
    aux_coefficient: float = 1.0
    subtract_decoder_bias: bool = True
    unit_columns = True
    start_norm = 1.0

    def keep(self, parameters, pre_activations):
        return _largest_each(pre_activations, int(self.k)) & (pre_activations > 0)

    def _penalise(self, p, forward, target, d_features, dead):
        count = 0 if dead is None else int(np.count_nonzero(dead))
        if not count or not self.aux_coefficient:
            return _Penalty()
        k_aux = max(1, target.shape[0] // 2)
        weight = self.aux_coefficient * min(1.0, count / k_aux)
        candidates = np.where(dead[:, None], forward.pre_activations, -np.inf)
        chosen = _largest_each(candidates, min(k_aux, count))
        features = np.where(chosen, forward.pre_activations, 0)
        error = p["W_dec"].dot(features) - (target - forward.reconstruction)
        d_error = 2 * weight * error
        return _Penalty(
            auxiliary=weight * _square_sum(error),
            pre_activations=p["W_dec"].T.dot(d_error) * chosen,
            parameters={"W_dec": d_error.dot(features.T)},
        )


@dataclass(frozen=True)
class BatchTopK(TopK):
    """``f = Z`` at the k·n largest positive entries of a whole batch of n tokens, 0 elsewhere.

    A token may have more features than another.  A single token has no batch, so training also follows the smallest
    feature kept, ``θ ← θ + 0.01 (min f − θ)``, and the finished model keeps whatever exceeds θ: a `JumpReLU`.

    One more parameter: ``threshold`` (m,), the same θ everywhere, moved by that rule and by no gradient.

    Source: Bussmann et al., *BatchTopK sparse autoencoders* (arXiv 2412.06410).
    """

    k: float

    def start(self, rng, d, m, d_out=None):
        return super().start(rng, d, m, d_out) | {"threshold": np.zeros(m)}

    def keep(self, parameters, pre_activations):
        count = int(self.k * pre_activations.shape[1])
        return _largest_each(pre_activations.reshape(-1, 1), count).reshape(pre_activations.shape) & (pre_activations > 0)

    def evaluate(self, parameters, x, target=None, dead=None):
        forward, loss, gradients = super().evaluate(parameters, x, target, dead)
        return Evaluation(forward, loss, gradients | {"threshold": np.zeros_like(parameters["b_enc"])})

    def constrain(self, parameters, features):
        super().constrain(parameters, features)
        positive = features[features > 0]
        if positive.size:
            old, new = parameters["threshold"][0], positive.min()
            parameters["threshold"][:] = new if old == 0 else old + 0.01 * (new - old)

    def finished(self, parameters):
        return VariantModel(JumpReLU(l0_coefficient=0, subtract_decoder_bias=self.subtract_decoder_bias), parameters)


@dataclass(frozen=True)
class JumpReLU(Variant):
    """``f = Z ⊙ 1[Z > θ]``, ``L = Σ (X′ − X)² + λ Σ 1[Z > θ]``: each feature has a threshold of its own.

    Both jumps have derivative 0 or none, so θ is given a stand-in, the straight-through gradient: with
    ``K = 1[|Z − θ| < ε/2]`` it is ``dθ = −(θ/ε) Σ K df`` from the features and ``−(λ/ε) Σ K`` from the penalty.
    Z gets ``df ⊙ 1[Z > θ]`` and nothing from the penalty.

    One more parameter: ``threshold`` (m,), θ ≥ 0 itself as in sae-lens (the paper trains its logarithm).

    Source: Rajamanoharan et al., *Jumping ahead* (arXiv 2407.14435).
    """

    l0_coefficient: float
    bandwidth: float = 0.05
    start_threshold: float = 0.01
    subtract_decoder_bias: bool = True
    coefficient = "l0_coefficient"

    def start(self, rng, d, m, d_out=None):
        return super().start(rng, d, m, d_out) | {"threshold": np.full(m, float(self.start_threshold))}

    def keep(self, parameters, pre_activations):
        return pre_activations > parameters["threshold"][:, None]

    def _penalise(self, p, forward, target, d_features, dead):
        threshold = p["threshold"][:, None]
        near = np.abs(forward.pre_activations - threshold) < self.bandwidth / 2
        pull = (threshold * d_features + self.l0_coefficient) * near
        return _Penalty(
            sparsity=self.l0_coefficient * float(np.count_nonzero(forward.kept)),
            parameters={"threshold": -pull.sum(1) / self.bandwidth},
        )

    def constrain(self, parameters, features):
        super().constrain(parameters, features)
        np.maximum(parameters["threshold"], 0, out=parameters["threshold"])


@dataclass(frozen=True)
class Gated(Variant):
    """``f = 1[G > 0] ⊙ max(0, M)``: one path says whether a feature is there, the other how strongly.

    With U = W_enc (X − b_dec), ``G = U + b_enc`` and ``M = e^r ⊙ U + b_mag``.  The step has no gradient, so the
    gate learns from losses of its own, ``λ Σ max(0, G)`` and ``Σ (W_dec max(0, G) + b_dec − X)²``, in the second of
    which W_dec and b_dec are held fixed.  So the penalty shrinks G and leaves the magnitudes alone.  Columns have
    length 1.

    Two more parameters: ``r_mag`` (m,), r, and ``b_mag`` (m,); ``b_enc`` is the gate's bias.

    Source: Rajamanoharan et al., *Improving dictionary learning with gated sparse autoencoders*
    (arXiv 2404.16014).  sae-lens does not hold the decoder fixed, and weighs the penalty by its norms.
    """

    l1_coefficient: float
    coefficient = "l1_coefficient"
    unit_columns = True
    start_norm = 1.0

    def start(self, rng, d, m, d_out=None):
        return super().start(rng, d, m, d_out) | {"r_mag": np.zeros(m), "b_mag": np.zeros(m)}

    def forward(self, parameters, x):
        p = parameters
        encoded = x - p["b_dec"][:, None]
        shared = p["W_enc"].dot(encoded)
        gate = shared + p["b_enc"][:, None]
        magnitudes = np.exp(p["r_mag"])[:, None] * shared + p["b_mag"][:, None]
        kept = (gate > 0) & (magnitudes > 0)
        features = np.where(kept, magnitudes, 0)
        return VariantForward(encoded, magnitudes, kept, features, _decode(p, features), gate)

    def _penalise(self, p, forward, target, d_features, dead):
        opened = np.maximum(forward.gate, 0)
        error = _decode(p, opened) - target
        d_gate = (p["W_dec"].T.dot(2 * error) + self.l1_coefficient) * (forward.gate > 0)
        return _Penalty(self.l1_coefficient * float(opened.sum()), _square_sum(error), pre_activations=d_gate)

    def _encoder_gradients(self, p, forward, d_features, d_gate):
        d_magnitudes = d_features * forward.kept
        scaled = d_magnitudes * np.exp(p["r_mag"])[:, None]
        d_shared = d_gate + scaled
        shared = forward.gate - p["b_enc"][:, None]
        gradients = {
            "W_enc": d_shared.dot(forward.encoded.T),
            "b_enc": d_gate.sum(1),
            "r_mag": (scaled * shared).sum(1),
            "b_mag": d_magnitudes.sum(1),
        }
        return gradients, d_shared.sum(1)


@dataclass(frozen=True)
class Matryoshka(BatchTopK):
    """``L = Σ over prefixes p of Σ (W_dec[:, :p] f[:p] + b_dec − X)²``: the first features must do alone.

    Broad features come to stand first, finer ones after them.  Features are chosen as in `BatchTopK`; the losses of
    the shorter prefixes count as auxiliary.

    Source: Bussmann et al., *Learning multi-level features with Matryoshka sparse autoencoders* (arXiv 2503.17547).
    """

    prefixes: tuple[int, ...] = ()
    """The lengths of the shorter prefixes, ascending; the whole comes on top."""

    def _decoder_gradients(self, p, forward, target):
        squared, inner, gradients, d_features = super()._decoder_gradients(p, forward, target)
        for prefix in self.prefixes:
            W_dec, features = p["W_dec"][:, :prefix], forward.features[:prefix]
            error = W_dec.dot(features) + p["b_dec"][:, None] - target
            d_reconstruction = error + error
            inner += _square_sum(error)
            gradients["W_dec"][:, :prefix] += d_reconstruction.dot(features.T)
            gradients["b_dec"] += d_reconstruction.sum(1)
            d_features[:prefix] += W_dec.T.dot(d_reconstruction)
        return squared, inner, gradients, d_features


@dataclass(frozen=True)
class Transcoder(Standard):
    """``Y′ = W_dec f + b_dec`` with f = max(0, W_enc X + b_enc): reads what enters a layer, gives what leaves it.

    The loss is `Standard`'s with the layer's output Y as target: ``Σ (Y′ − Y)² + λ Σ f · ‖W_dec column‖``.

    Source: Dunefsky, Chlenski and Nanda, *Transcoders find interpretable LLM feature circuits* (arXiv 2406.11944).
    Its penalty is a plain L1; the norms are those of the April 2024 update.
    """

    subtract_decoder_bias: bool = field(default=False, init=False)

    def finished(self, parameters):
        return VariantModel(self, parameters)


# ------------------------------------------------------------------------------------------- small pieces


_NAMES = ("W_enc", "b_enc", "W_dec", "b_dec")


def _decode(p: Parameters, features: Array) -> Array:
    return p["W_dec"].dot(features) + p["b_dec"][:, None]


def _norms(matrix: Array) -> Array:
    return np.sqrt(np.square(matrix).sum(0))


def _unit(matrix: Array) -> Array:
    """Give each column length 1; a column of zeros stays as it is, so that its gradient is 0."""
    return _unit_columns(matrix, _norms(matrix))


def _square_sum(array: Array) -> float:
    flat = array.ravel()
    return float(flat.dot(flat))


def _random_columns(rng, rows: int, columns: int, norm: float) -> Array:
    return _unit(rng.standard_normal((rows, columns))) * norm


def _largest_each(matrix: Array, count: int) -> Array:
    """Mark the ``count`` largest entries of each column; among equals the first."""
    rows = matrix.shape[0]
    if count >= rows:
        return np.ones(matrix.shape, bool)
    if count <= 0:
        return np.zeros(matrix.shape, bool)
    last = np.partition(matrix, rows - count, axis=0)[rows - count]
    chosen = matrix >= last
    if np.count_nonzero(chosen) > count * matrix.shape[1]:
        equal = matrix == last
        room = count - np.count_nonzero(matrix > last, axis=0)
        chosen &= ~(equal & (np.cumsum(equal, axis=0) > room))
    return chosen
