"""Training: from one update to a thousand, the metrics that judge the result, and features planted to be found.

Columns are examples (or tokens), rows are features, as in `ae_core`.  One thing differs: the walkthroughs *sum* their
losses over tokens, training *averages* them (over tokens, still summing over the numbers of a token), as sae-lens
does, so that neither λ nor the learning rate depends on the batch size.

The file reads top to bottom: what training gives back, the two trainings, the loop they share, Adam, one step in plain
numpy and the same step made fast, the metrics, the planted features.  It imports numpy and the book's own modules; seeds
are arguments, and the same seed on the same machine gives the same result, bit for bit.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ae_core import Array, Autoencoder, SparseAutoencoder, _check, _check_scalar, _check_switch, _frozen, _sequence
from ae_variants import Standard, Transcoder, Variant, VariantModel, _unit

Sampler = Callable[[np.random.Generator, int], Array]
"""Gives fresh data: called with a generator and a number n, it returns n new columns, shape (d, n)."""


class History(NamedTuple):
    """How a training went, one entry a step, each measured on the step's own batch before its update.

    Losses are averages over tokens.
    """

    loss: Array
    """All that is minimised: reconstruction + sparsity + auxiliary."""
    reconstruction: Array
    """Σ (X′ − X)² of a token."""
    sparsity: Array
    """What a token pays for active features, its coefficient (during warm-up a smaller one) included."""
    l0: Array
    """How many features a token has."""
    explained_variance: Array
    """1 − Σ (X′ − X)² / Σ (X − mean)², with the batch's own mean."""
    dead_features: Array
    """How many features did not fire within the last `dead_after` steps; 0 until so many have passed."""
    learning_rate: Array
    """What the schedule made of the learning rate."""


class TrainingResult(NamedTuple):
    """What a training reached, whether or not it came to its end."""

    model: Autoencoder | SparseAutoencoder | VariantModel
    history: History
    """As many entries as steps were taken."""
    snapshots: tuple[tuple[int, Autoencoder | SparseAutoencoder | VariantModel], ...]
    """(steps taken, model) pairs, the start and the end included; empty unless asked for."""
    interrupted: bool
    """Whether Ctrl-C, or a notebook's stop button, ended it early."""


class Diverged(FloatingPointError):
    """A training ran away; ``history`` holds the steps until then."""

    def __init__(self, message: str, history: History):
        super().__init__(message)
        self.history = history


# ------------------------------------------------------------------------------------- the two trainings


def _runs_whole(begin: Callable[..., Training]) -> Callable[..., TrainingResult]:
    """Let a function that begins a training run it to its end; as it was, it stays the function's ``begin``."""

    @functools.wraps(begin)
    def train(*arguments, **settings):
        return begin(*arguments, **settings).run()

    train.begin = begin
    train.__signature__ = inspect.signature(begin).replace(return_annotation="TrainingResult")
    return train


@_runs_whole
def train_sparse_autoencoder(
    x: Array | Sampler,
    n_features: int,
    *,
    l1_coefficient: float | None = None,
    steps: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
    activation: str | Variant = "relu",
    subtract_decoder_bias: bool = False,
    target: Array | None = None,
    start: SparseAutoencoder | VariantModel | None = None,
    warm_up_steps: int = 50,
    decay_share: float = 0.3,
    sparsity_warm_up_share: float = 0.1,
    dead_after: int = 100,
    snapshot_every: int | None = None,
    progress: bool | Callable[[int, History], None] = False,
    dtype: type = np.float32,
) -> Training:
    """Minimise ``mean over tokens of (Σ (X′ − X)² + λ Σ f · ‖W_dec column‖)`` by Adam.

    Parameters
    ----------
    x : array_like, shape (d, n), or callable
        One token a column; batches are drawn from it without replacement, epoch by epoch.  Or a function that is
        called with a `numpy.random.Generator` and a batch size and gives a fresh batch (d, batch); for a
        transcoder it gives a pair, input and target.
    n_features : int
        m.
    l1_coefficient : float, optional
        λ ≥ 0; needed for "relu" and for nothing else.
    steps, batch_size : int
    learning_rate : float
        The highest of the schedule: it rises linearly over ``warm_up_steps``, falls linearly to 0 over the last
        ``decay_share`` of all steps.
    seed : int
        Of the start, the order of the batches and fresh data.
    activation : "relu" or Variant
        "relu" is ``Standard(l1_coefficient, subtract_decoder_bias)``; every other variant comes as an instance with
        its own settings, such as ``TopK(k=4)``.
    subtract_decoder_bias : bool
        With "relu": encode X − b_dec.  sae-lens and dictionary-learning do unless told otherwise.
    target : array_like, shape (out, n), optional
        For a transcoder: what each column of ``x`` is to become.
    start : SparseAutoencoder or VariantModel, optional
        Where to begin.  Otherwise decoder columns are random, of norm 0.1 (1 where a variant keeps them at 1), and
        the encoder is the decoder transposed.
    sparsity_warm_up_share : float
        Over this share of the steps the penalty's coefficient rises linearly to its full size.
    dead_after : int
        A feature that has not fired for so many steps counts as dead.
    snapshot_every : int, optional
        Keep the model after every so many steps.
    progress : bool or callable
        True shows a tqdm bar; a callable is called after every step with the number of steps taken and the history
        so far.
    dtype : float32 or float64
        What training computes in.

    Returns
    -------
    TrainingResult
        Its model is a `SparseAutoencoder` for "relu" and bias-subtracted training, else a `VariantModel`.
        ``train_sparse_autoencoder.begin`` takes the same arguments and gives a `Training`, to be taken update by update.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.
    Diverged
        A FloatingPointError that names the step and the likely cause.

    Notes
    -----
    Defaults are those of sae-lens' and of Anthropic's April 2024 recipes, at the size of the book.
    """
    m = _check_count("n_features", n_features)
    variant = _find_variant(activation, l1_coefficient, subtract_decoder_bias)
    dtype = _check_dtype(dtype)
    schedule = _Schedule(steps, batch_size, learning_rate, warm_up_steps, decay_share, sparsity_warm_up_share)
    rng = np.random.default_rng(_check_seed(seed))
    batches, d, d_out = _find_batches(x, target, schedule.batch_size, dtype, rng, isinstance(variant, Transcoder))
    if start is None:
        parameters = variant.start(rng, d, m, d_out)
    else:
        parameters = _parameters_of(start, variant)
        if parameters["W_enc"].shape != (m, d):
            raise ValueError(f"start: expected W_enc of shape ({m}, {d}), got {parameters['W_enc'].shape}")
    make_step = _FastStep if type(variant) is Standard else _PlainStep
    step = make_step(variant, parameters, schedule.batch_size, dtype, _check_count("dead_after", dead_after))
    return Training(step, batches, schedule, snapshot_every, progress)


@_runs_whole
def train_autoencoder(
    x: Array | Sampler,
    hidden: Sequence[int] | None = None,
    *,
    steps: int,
    batch_size: int | None = None,
    learning_rate: float,
    seed: int,
    output_relu: bool = True,
    start: Autoencoder | None = None,
    optimizer: str = "adam",
    warm_up_steps: int = 0,
    decay_share: float = 0.0,
    dead_after: int = 100,
    snapshot_every: int | None = None,
    progress: bool | Callable[[int, History], None] = False,
    dtype: type = np.float64,
) -> Training:
    """Minimise ``mean over examples of Σ (Y − Y′)²``, Y′ = X, by Adam or by plain gradient descent.

    Parameters
    ----------
    x : array_like, shape (in, n), or callable
        As for `train_sparse_autoencoder`.
    hidden : sequence of int, optional
        The sizes of the hidden layers, such as (3, 2, 3); not needed with ``start``.
    batch_size : int, optional
        All columns unless given.
    output_relu : bool
        Whether the last layer has a ReLU too.
    start : Autoencoder, optional
        Where to begin.  Otherwise weights are normal with variance 2 / fan-in (He et al., arXiv 1502.01852) and
        biases 0.
    optimizer : "adam" or "sgd"

    Returns
    -------
    TrainingResult
        The history's L0 counts the units of the narrowest layer that are on, and `dead_features` those of all
        hidden layers that stay off; its sparsity is 0.
        ``train_autoencoder.begin`` gives a `Training` instead.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.
    Diverged
        A FloatingPointError that names the step and the likely cause.
    """
    dtype = _check_dtype(dtype)
    if optimizer not in ("adam", "sgd"):
        raise ValueError(f'optimizer: expected "adam" or "sgd", got {optimizer!r}')
    if batch_size is None:
        if callable(x):
            raise ValueError("batch_size: expected a number, since x gives as many columns as it is asked for")
        batch_size = np.shape(x)[-1] if np.ndim(x) else 1
    schedule = _Schedule(steps, batch_size, learning_rate, warm_up_steps, decay_share, 0.0)
    rng = np.random.default_rng(_check_seed(seed))
    batches, d, _ = _find_batches(x, None, schedule.batch_size, dtype, rng, False)
    if start is None:
        if hidden is None:
            raise ValueError("hidden: expected the sizes of the hidden layers, or a start")
        sizes = [d, *(_check_count("hidden", size) for size in _sequence("hidden", hidden, "one size a layer")), d]
        weights = [rng.standard_normal((out, into)) * math.sqrt(2 / into) for into, out in zip(sizes, sizes[1:])]
        start = Autoencoder(weights, [np.zeros(size) for size in sizes[1:]], output_relu)
    elif start.weights[0].shape[1] != d or start.weights[-1].shape[0] != d:
        raise ValueError(f"start: expected a model that maps {d} numbers to {d}, got one with W1 of shape {start.weights[0].shape}")
    step = _LayersStep(start, dtype, optimizer, _check_count("dead_after", dead_after))
    return Training(step, batches, schedule, snapshot_every, progress)


# ------------------------------------------------------------------------------------------------ the loop


class _Measures(NamedTuple):
    """What one step tells of its batch, each summed over its tokens."""

    reconstruction: float
    sparsity: float
    auxiliary: float
    active: float
    variance: float
    dead: int


class Training:
    """A training that takes its next update when it is asked to, so that others can have their turn in between.

    Each iteration takes one update and gives how many that makes.  ``train_autoencoder.begin`` and
    ``train_sparse_autoencoder.begin`` make one; to `run` it is what these two do.
    """

    def __init__(self, step: _Step, batches: Callable[[], tuple[Array, Array]], schedule: _Schedule, snapshot_every: int | None, progress):
        self.steps, self.taken = schedule.steps, 0
        self.snapshots: list[tuple[int, Autoencoder | SparseAutoencoder | VariantModel]] = []
        """As in `TrainingResult`, but the end, unless it falls on one."""
        self._step, self._batches, self._schedule = step, batches, schedule
        self._every = _check_count("snapshot_every", snapshot_every) if snapshot_every is not None else 0
        self._rows = np.full((len(History._fields), self.steps), np.nan)
        if self._every:
            self.snapshots.append((0, step.model()))
        self._report = progress if callable(progress) else None
        self._bar = _open_bar(self.steps) if _is_true("progress", progress) else None

    def __iter__(self) -> Training:
        return self

    def __next__(self) -> int:
        """Take one update; its loss is measured before it.

        Raises
        ------
        Diverged
            If the loss ran away, or a parameter of a snapshot did.
        """
        t, n = self.taken, self._schedule.batch_size
        if t == self.steps:
            raise StopIteration
        rate = self._schedule.rate(t)
        with np.errstate(all="ignore"):  # what overflows is found below, and named
            measures = self._step.take(*self._batches(), rate, self._schedule.sparsity_scale(t))
            squared, sparsity, auxiliary, active, variance, dead = measures
            explained = 1 - squared / variance if variance > 0 else math.nan
        loss = squared + sparsity + auxiliary
        self._rows[:, t] = loss / n, squared / n, sparsity / n, active / n, explained, dead, rate
        if not loss < math.inf or explained < -_RUNAWAY:
            raise Diverged(_explain_divergence(t, loss / n, explained, self._schedule), _history(self._rows, t + 1))
        self.taken = t + 1
        if self._bar is not None:
            self._bar.update()
        if self._every and self.taken % self._every == 0:
            self.snapshots.append((self.taken, self._model()))
        if self._report:
            self._report(self.taken, self.history)
        return self.taken

    @property
    def history(self) -> History:
        """One entry for each update taken."""
        return _history(self._rows, self.taken)

    def run(self) -> TrainingResult:
        """Take the updates that are left; Ctrl-C, or a notebook's stop button, ends it early."""
        interrupted = False
        try:
            for _ in self:
                pass
        except KeyboardInterrupt:
            interrupted = True
        finally:
            if self._bar is not None:
                self._bar.close()
        return self.result(interrupted)

    def result(self, interrupted: bool = False) -> TrainingResult:
        """Give what has been reached.

        Raises
        ------
        Diverged
            If the last update led to NaN or infinity; no other loss follows that would tell.
        """
        model, snapshots = self._model(), list(self.snapshots)
        if self._every and snapshots[-1][0] != self.taken:
            snapshots.append((self.taken, model))
        return TrainingResult(model, self.history, tuple(snapshots), interrupted)

    def _model(self) -> Autoencoder | SparseAutoencoder | VariantModel:
        if not self._step.is_finite():
            raise Diverged(_explain_divergence(self.taken - 1, math.nan, math.nan, self._schedule), self.history)
        return self._step.model()


_RUNAWAY = 1e6
"""Errors so many times larger than the data's variance count as divergence before they overflow."""


def _history(rows: Array, taken: int) -> History:
    return History(*(_frozen(row[:taken]) for row in rows))


def _explain_divergence(t: int, loss: float, explained: float, schedule: _Schedule) -> str:
    what = f"the loss became {loss:.3g}" if not math.isfinite(loss) else f"the loss grew to {loss:.3g}"
    if math.isnan(explained) and math.isnan(loss):
        what = "a parameter or the loss became NaN or infinite"
    cause = f"the learning rate is likely too large ({schedule.learning_rate:g}; try a tenth of it)"
    if t == 0:
        cause = "the data or the start likely hold numbers too large to square"
    return f"step {t + 1} of {schedule.steps}: {what}; {cause}"


def _open_bar(steps: int):
    try:
        from tqdm.auto import tqdm
    except ImportError:
        raise ImportError("progress=True shows its bar with tqdm, which is not installed; a callable needs nothing") from None
    return tqdm(total=steps, unit="step")


class _Schedule:
    """Learning rate and sparsity by step."""

    def __init__(self, steps, batch_size, learning_rate, warm_up_steps, decay_share, sparsity_warm_up_share):
        self.steps = _check_count("steps", steps)
        self.batch_size = _check_count("batch_size", batch_size)
        self.learning_rate = float(_check_scalar("learning_rate", learning_rate))
        self.warm_up = max(1, _check_count("warm_up_steps", warm_up_steps, least=0))
        self.decay = max(1.0, _check_share("decay_share", decay_share) * self.steps)
        self.sparsity_warm_up = max(1.0, _check_share("sparsity_warm_up_share", sparsity_warm_up_share) * self.steps)

    def rate(self, t: int) -> float:
        """``η · min(1, (t + 1) / warm-up, (steps − t) / decay)``, the first step being t = 0."""
        return self.learning_rate * min(1.0, (t + 1) / self.warm_up, (self.steps - t) / self.decay)

    def sparsity_scale(self, t: int) -> float:
        """``min(1, (t + 1) / sparsity warm-up)``."""
        return min(1.0, (t + 1) / self.sparsity_warm_up)


def _find_batches(x, target, batch_size, dtype, rng, is_pair):
    """Give a function that gives the next (x, target) pair, and the lengths of both columns.

    The second length is None where the target is the input itself.
    """
    if callable(x):
        if target is not None:
            raise ValueError("target: expected none, since x is a function; let it give pairs (x, target)")
        first = x(np.random.default_rng(0), 1)  # only for its shape
        pair = first if is_pair else (first, None)
        d, d_out = np.shape(pair[0])[0], None if pair[1] is None else np.shape(pair[1])[0]

        def fresh():
            drawn = x(rng, batch_size)
            given, wanted = drawn if is_pair else (drawn, None)
            given = _check_batch("x", given, (d, batch_size), dtype)
            return given, given if wanted is None else _check_batch("target", wanted, (d_out, batch_size), dtype)

        return fresh, d, d_out

    x = _check("x", x, (None, None))
    d, n = x.shape
    if batch_size > n:
        raise ValueError(f"batch_size: expected at most the {n} columns of x, got {batch_size}")
    if is_pair != (target is not None):
        raise ValueError("target: expected one for a transcoder, and for nothing else")
    # Tokens as rows in memory: a token's numbers then lie side by side, and a batch is gathered in whole rows.
    tokens = np.ascontiguousarray(x.T, dtype)
    wanted = tokens if target is None else np.ascontiguousarray(_check("target", target, (None, n)).T, dtype)
    everything = np.arange(n)
    order, place = everything, n

    def shuffled():
        nonlocal order, place
        if batch_size == n:
            return tokens.T, wanted.T
        if place + batch_size > n:
            order, place = rng.permutation(everything), 0
        chosen = order[place : place + batch_size]
        place += batch_size
        given = tokens[chosen].T
        return given, given if target is None else wanted[chosen].T

    return shuffled, d, None if target is None else wanted.shape[1]


# ---------------------------------------------------------------------------------------------- one update


class Adam:
    """``m ← β₁ m + (1 − β₁) g``, ``v ← β₂ v + (1 − β₂) g²``, ``p ← p − η m̂ / (√v̂ + ε)``, in place.

    m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ) take out the bias of the start at 0; t counts updates from 1.

    Parameters
    ----------
    size : int
        How many numbers are trained, all in one flat array.
    dtype : float32 or float64

    Notes
    -----
    Source: Kingma and Ba, arXiv 1412.6980; β and ε as in PyTorch.
    """

    BLOCK = 32768  # numbers at a time: all that a block touches stays in the second-level cache

    def __init__(self, size: int, dtype, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8):
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        self.first, self.second = np.zeros(size, dtype), np.zeros(size, dtype)
        self.scratch = np.empty(min(size, self.BLOCK), dtype)
        self.updates = 0

    def update(self, parameters: Array, gradients: Array, learning_rate: float, scale: float = 1.0) -> None:
        """Move the flat ``parameters``, in place, against ``scale · gradients``.

        ``scale`` must stay the same throughout.  The stored means are m / (scale (1 − β₁)) and
        v / (scale² (1 − β₂)): what an update would multiply into every number, it multiplies into two.
        """
        self.updates += 1
        root = math.sqrt((1 - self.beta2**self.updates) / (1 - self.beta2))
        rate = learning_rate * (1 - self.beta1) / (1 - self.beta1**self.updates) * root
        epsilon = self.epsilon * root / scale
        for start in range(0, parameters.size, self.BLOCK):
            part = slice(start, start + self.BLOCK)
            p, g, m, v = parameters[part], gradients[part], self.first[part], self.second[part]
            move = self.scratch[: p.size]
            m *= self.beta1
            m += g
            np.multiply(g, g, out=move)
            v *= self.beta2
            v += move
            np.sqrt(v, out=move)
            move += epsilon
            np.divide(m, move, out=move)
            move *= rate
            p -= move


class _GradientDescent:
    """``p ← p − η g``, in place."""

    def update(self, parameters, gradients, learning_rate, scale=1.0):
        parameters -= (learning_rate * scale) * gradients


class _Deaths:
    """Counts the features that have not fired for `after` steps."""

    def __init__(self, features: int, after: int):
        self.after, self.steps = after, 0
        self.idle = np.zeros(features, np.int64)

    def see(self, fired: Array) -> int:
        """Take note of which features fired, and count the dead."""
        self.steps += 1
        self.idle += 1
        self.idle[fired] = 0
        return int(np.count_nonzero(self.dead()))

    def dead(self) -> Array:
        return self.idle >= self.after


class _Step:
    """What the steps share: all that is trained lies in one flat array, of which `parameters` are views."""

    def model(self):
        return self.variant.finished({name: array.astype(float) for name, array in self.parameters.items()})

    def is_finite(self) -> bool:
        return bool(np.isfinite(self.flat).all())


class _PlainStep(_Step):
    """One training step of any variant, formula by formula."""

    def __init__(self, variant: Variant, parameters, batch_size: int, dtype, dead_after: int):
        self.variant = variant
        # All parameters lie in one flat array, and so do their gradients: Adam then is one pass over four arrays.
        self.flat, self.parameters = _flatten(parameters, dtype)
        self.flat_gradients, self.gradients = _flatten(parameters, dtype)
        self.adam = Adam(self.flat.size, dtype)
        self.deaths = _Deaths(len(parameters["b_enc"]), dead_after)

    def take(self, x: Array, target: Array, rate: float, sparsity_scale: float) -> _Measures:
        variant = self.variant if sparsity_scale == 1 else self.variant.warmed(sparsity_scale)
        forward, loss, gradients = variant.evaluate(self.parameters, x, target, self.deaths.dead())
        for name, view in self.gradients.items():
            view[...] = gradients[name]
        if variant.unit_columns:
            # What would only lengthen a column is taken out, so that Adam's means do not follow it.
            d_W_dec, W_dec = self.gradients["W_dec"], self.parameters["W_dec"]
            d_W_dec -= W_dec * (d_W_dec * W_dec).sum(0)
        self.adam.update(self.flat, self.flat_gradients, rate, 1 / x.shape[1])
        variant.constrain(self.parameters, forward.features)
        active = forward.features != 0
        dead = self.deaths.see(active.any(1))
        return _Measures(*loss[:3], np.count_nonzero(active), _variance(target), dead)


class _FastStep(_Step):
    """The step of `Standard`, made fast: the same numbers as `_PlainStep`, up to rounding.

    Five products of matrices are all that must be computed; every further pass over an (m, n) matrix costs about a
    twentieth of one of them, and every fresh (m, n) array more, for the system to provide its memory.  Hence:

    - Inside, tokens are rows and the decoder is stored transposed: the layout in which OpenBLAS is quickest.
    - A column of ones beside X and E, and one column more beside each matrix, make b_enc, its gradient and Σ f fall out
      of the five products.
    - The penalty's λ ‖W_dec column‖ stands in the decoder's further column when df is computed; the factor 2/n of all
      gradients is left to Adam, which multiplies it into two numbers.
    - Z becomes f in place, by a mask that is kept and used again on df.  ``g *= mask`` is one pass without a branch
      where ``g[~mask] = 0`` takes twenty times as long.
    - The batch is worked off in chunks that fit the caches, in buffers made once.  Where a chunk of some 100 tokens
      makes products so small that OpenBLAS gives them one thread, it takes such chunks: two threads gain nothing
      there, and on a busy machine they wait for each other ten times as long as they work.
    - Parameters lie in one flat array (see `Adam`).
    """

    CHUNK_NUMBERS = 5 << 16  # numbers of a (chunk, m) buffer: 1.3 MB in float32
    LEAST_CHUNK = 512  # tokens; with fewer OpenBLAS slows down
    ONE_THREAD = 1 << 18  # multiplications of a product up to which OpenBLAS uses one thread

    def __init__(self, variant: Standard, parameters, batch_size: int, dtype, dead_after: int):
        d, m = parameters["W_dec"].shape
        self.variant = variant
        chunk = self.ONE_THREAD // (m * (d + 1))
        chunk = min(batch_size, chunk if chunk >= 100 else max(self.LEAST_CHUNK, self.CHUNK_NUMBERS // m))
        both = {"encoder": np.zeros((m, d + 1)), "decoder": np.zeros((m, d + 1)), "b_dec": np.zeros(d)}
        self.flat, views = _flatten(both, dtype)
        self.flat_gradients, self.gradients = _flatten(both, dtype)
        self.encoder, self.decoder, b_dec = views.values()
        self.parameters = {
            "W_enc": self.encoder[:, :d],
            "b_enc": self.encoder[:, d],
            "W_dec": self.decoder[:, :d].T,
            "b_dec": b_dec,
        }
        for name, view in self.parameters.items():
            view[...] = parameters[name]
        self.adam = Adam(self.flat.size, dtype)
        self.deaths = _Deaths(m, dead_after)
        self.reader = np.empty((m, d + 1), dtype) if variant.subtracts_bias else self.encoder
        self.x, self.error = np.ones((chunk, d + 1), dtype), np.ones((chunk, d + 1), dtype)
        self.features, self.d_features = np.empty((chunk, m), dtype), np.empty((chunk, m), dtype)
        self.fires = np.empty((chunk, m), bool)
        self.part = np.empty((m, d + 1), dtype)

    def take(self, x: Array, target: Array, rate: float, sparsity_scale: float) -> _Measures:
        d, n = x.shape
        l1 = self.variant.l1_coefficient * sparsity_scale
        W_enc, b_enc, W_dec, b_dec = self.parameters.values()
        d_encoder, d_decoder, d_b_dec = self.gradients.values()
        norms = np.sqrt(np.einsum("ij,ij->j", W_dec, W_dec))
        np.multiply(norms, l1 / 2, out=self.decoder[:, d])
        if self.variant.subtracts_bias:  # W_enc (X − b_dec) + b_enc = W_enc X + (b_enc − W_enc b_dec)
            self.reader[:, :d] = W_enc
            np.subtract(b_enc, W_enc.dot(b_dec), out=self.reader[:, d])

        self.flat_gradients[:] = 0
        mean, chunk = x.mean(1), len(self.x)
        chunks = [self._add_chunk(x.T[start : start + chunk], mean) for start in range(0, n, chunk)]
        squared, active, variance = map(sum, zip(*chunks))

        totals = d_decoder[:, d].copy()  # Σ f
        # λ/2 Σ f · column / norm; a column of zeros has norm-gradient 0
        weights = np.divide(totals * (l1 / 2), norms, out=np.zeros_like(norms), where=norms > 0)
        d_decoder += self.decoder * weights[:, None]
        d_decoder[:, d] = 0  # so that Adam leaves λ/2 · norms alone
        if self.variant.subtracts_bias:
            d_b_enc = d_encoder[:, d]
            d_encoder[:, :d] -= d_b_enc[:, None] * b_dec
            d_b_dec -= d_b_enc.dot(W_enc)
        self.adam.update(self.flat, self.flat_gradients, rate, 2 / n)
        dead = self.deaths.see(totals > 0)
        return _Measures(squared, l1 * float(totals.dot(norms)), 0.0, active, variance, dead)

    def _add_chunk(self, x: Array, mean: Array) -> tuple[float, int, float]:
        """Add half the gradients of one chunk, tokens as rows; give Σ E², how many entries fire, Σ (X − mean)²."""
        d_encoder, d_decoder, d_b_dec = self.gradients.values()
        n, d = x.shape
        ones_x, ones_error, f, g = (a[:n] for a in (self.x, self.error, self.features, self.d_features))
        fires, error = self.fires[:n], ones_error[:, :d]
        variance = _square_sum(np.subtract(x, mean, out=error))
        ones_x[:, :d] = x
        np.matmul(ones_x, self.reader.T, out=f)  # Z
        np.greater(f, 0, out=fires)
        f *= fires
        np.matmul(f, self.decoder[:, :d], out=error)  # X′ without its bias
        error -= x
        error += self.parameters["b_dec"]
        np.matmul(ones_error, self.decoder.T, out=g)  # df/2 = W_decᵀ E + λ/2 · norms
        g *= fires
        np.matmul(g.T, ones_x, out=self.part)
        d_encoder += self.part
        np.matmul(f.T, ones_error, out=self.part)
        d_decoder += self.part
        d_b_dec += error.sum(0)
        return _square_sum(error), int(np.count_nonzero(fires)), variance


class _LayersStep(_Step):
    """One training step of a stack of layers.

    The book's matrices are so small that calls, not numbers, take its time: what is the same in every step is made once.
    """

    def __init__(self, start: Autoencoder, dtype, optimizer: str, dead_after: int):
        named = {f"W{k}": weight for k, weight in enumerate(start.weights)}
        named |= {f"b{k}": bias for k, bias in enumerate(start.biases)}
        depth, self.output_relu = len(start.weights), start.output_relu
        self.flat, self.parameters = _flatten(named, dtype)
        self.flat_gradients, self.gradients = _flatten(named, dtype)
        p, d = self.parameters, self.gradients
        self.layers = [(p[f"W{k}"], p[f"b{k}"][:, None], k < depth - 1 or self.output_relu) for k in range(depth)]
        self.backwards = [(p[f"W{k}"].T, d[f"W{k}"], d[f"b{k}"]) for k in reversed(range(depth))]
        self.optimizer = Adam(self.flat.size, dtype) if optimizer == "adam" else _GradientDescent()
        sizes = [len(bias) for bias in start.biases]
        self.narrowest = sizes.index(min(sizes))
        self.deaths = _Deaths(sum(sizes[:-1]), dead_after)

    def take(self, x: Array, target: Array, rate: float, sparsity_scale: float) -> _Measures:
        n = x.shape[1]
        activations, fires = [x], []
        for W, b, has_relu in self.layers:
            activation = W.dot(activations[-1])
            activation += b
            if has_relu:
                np.maximum(activation, 0, out=activation)
            activations.append(activation)
            fires.append(activation > 0 if has_relu else None)
        *before, output = activations
        error = output - target
        d_activation = error + error
        for (W_T, d_W, d_b), activation, mask in zip(self.backwards, reversed(before), reversed(fires)):
            if mask is not None:
                d_activation *= mask
            np.dot(d_activation, activation.T, out=d_W)
            np.add.reduce(d_activation, 1, out=d_b)
            if activation is not x:
                d_activation = W_T.dot(d_activation)
        self.optimizer.update(self.flat, self.flat_gradients, rate, 1 / n)
        hidden = fires[:-1]
        dead = self.deaths.see(np.concatenate(hidden).any(1)) if hidden else 0
        active = np.count_nonzero(activations[self.narrowest + 1])
        return _Measures(_square_sum(error), 0.0, 0.0, active, _variance(target), dead)

    def model(self):
        arrays = {name: array.astype(float) for name, array in self.parameters.items()}
        layers = range(len(self.layers))
        return Autoencoder([arrays[f"W{k}"] for k in layers], [arrays[f"b{k}"] for k in layers], self.output_relu)


def _flatten(named, dtype) -> tuple[Array, dict[str, Array]]:
    """Copy all arrays into one flat one; give it, and a view of each."""
    flat = np.concatenate([np.ravel(array) for array in named.values()]).astype(dtype)
    views, start = {}, 0
    for name, array in named.items():
        views[name] = flat[start : start + array.size].reshape(array.shape)
        start += array.size
    return flat, views


def _square_sum(array: Array) -> float:
    """Σ a² without the copy that flattening a view would make, and in the array's own precision."""
    return float(np.einsum("ij,ij->", array, array))


def _variance(x: Array) -> float:
    """Σ (X − mean)² over a batch."""
    return _square_sum(x - np.add.reduce(x, 1, keepdims=True) / x.shape[1])


# ------------------------------------------------------------------------------------------------ metrics


def l0(features) -> float:
    """Give the mean number of active features of a token: ``Σ 1[f ≠ 0] / n``.

    Parameters
    ----------
    features : array_like, shape (m, n)
    """
    features = _check("features", features, (None, None))
    return np.count_nonzero(features) / features.shape[1]


def explained_variance(x, reconstruction) -> float:
    """Give ``1 − Σ (X′ − X)² / Σ (X − mean over tokens)²``, often written 1 − FVU: 1 is perfect, 0 is no better than the mean.

    Parameters
    ----------
    x, reconstruction : array_like, shape (d, n)

    Raises
    ------
    ValueError
        If all tokens are equal, so that there is no variance to explain.

    Notes
    -----
    Both sums run over all entries at once; some libraries average a ratio of each dimension or token instead.
    """
    x = _check("x", x, (None, None)).astype(float, copy=False)
    error = _check("reconstruction", reconstruction, x.shape) - x
    variance = _variance(x)
    if variance == 0:
        raise ValueError("x: expected tokens that differ, got equal ones, which have no variance to explain")
    return 1 - _square_sum(error) / variance


def feature_density(features) -> Array:
    """Give the share of tokens for which each feature is active, shape (m,).

    Parameters
    ----------
    features : array_like, shape (m, n)
    """
    features = _check("features", features, (None, None))
    return np.count_nonzero(features, axis=1) / features.shape[1]


def dead_features(features) -> int:
    """Count the features that no token activates.

    Parameters
    ----------
    features : array_like, shape (m, n)
        Of many tokens: a feature that is rare looks dead among few.
    """
    return int(np.count_nonzero(feature_density(features) == 0))


def unit_deaths(snapshots: Sequence[tuple[int, Autoencoder]], x) -> tuple[tuple[int | None, ...], ...]:
    """Tell when each hidden unit died: after how many updates no column turned it on any more, then or later.

    A unit that is off for every column has gradient 0, so its own weights and bias stay as they are.

    Parameters
    ----------
    snapshots : sequence of (updates, Autoencoder)
        Such as `TrainingResult.snapshots`; a death is told as exactly as they lie close.
    x : array_like, shape (in, n)

    Returns
    -------
    tuple of tuple
        For each hidden layer, for each of its units, a number of updates, or None for a unit that is on in the end.
    """
    taken = [count for count, _ in snapshots]
    hidden = [model.forward(x).activations[:-1] for _, model in snapshots]
    deaths = []
    for activations in zip(*hidden):
        on = np.array([(activation > 0).any(1) for activation in activations])  # (snapshots, units)
        last_on = [int(np.flatnonzero(column)[-1]) if column.any() else -1 for column in on.T]
        deaths.append(tuple(taken[last + 1] if last + 1 < len(taken) else None for last in last_on))
    return tuple(deaths)


class Match(NamedTuple):
    """For each true direction the learned column that points most like it."""

    learned: Array
    """Which column, shape (number of true ones,); one column may be the best for two of them."""
    cosine: Array
    """Of the angle between the two, same shape; 1 is the same direction."""


def match_features(learned, true) -> Match:
    """Find for each true direction the learned one with the largest cosine.

    Parameters
    ----------
    learned : array_like, shape (d, m)
        One direction a column, such as W_dec; a column of zeros resembles nothing.
    true : array_like, shape (d, n)
    """
    true = _check("true", true, (None, None)).astype(float, copy=False)
    learned = _check("learned", learned, (true.shape[0], None)).astype(float, copy=False)
    cosines = _unit(true).T @ _unit(learned)
    best = cosines.argmax(1)
    return Match(best, np.minimum(cosines[np.arange(len(best)), best], 1.0))  # a rounding above 1 is no better than 1


def max_cosine_similarities(learned, true) -> Array:
    """Give for each true direction the largest cosine with any learned one, shape (number of true ones,).

    Parameters
    ----------
    learned : array_like, shape (d, m)
    true : array_like, shape (d, n)
    """
    return match_features(learned, true).cosine


def mean_max_cosine_similarity(learned, true) -> float:
    """Give the mean over true directions of the largest cosine with any learned one: MMCS, 1 if all are found.

    Parameters
    ----------
    learned : array_like, shape (d, m)
    true : array_like, shape (d, n)

    Notes
    -----
    Source: Sharkey, Braun and Millidge, *Taking features out of superposition with sparse autoencoders* (2022).
    """
    return float(max_cosine_similarities(learned, true).mean())


# ------------------------------------------------------------------------------------------ planted features


@dataclass(frozen=True, eq=False)
class PlantedFeatures:
    """Data whose true features are known: ``X = D a``, where few entries of each column of a are not 0.

    Call it with a generator and n for n fresh columns; training takes it as its ``x``.
    """

    directions: Array
    """D: one unit direction a column, shape (d, features), read-only."""
    probability: float
    """With which each feature is active in a token, whatever the others are."""

    def __call__(self, rng: np.random.Generator, n: int) -> Array:
        """Give n fresh tokens, float32, shape (d, n)."""
        return self.draw(rng, n)[0]

    def draw(self, rng: np.random.Generator, n: int) -> tuple[Array, Array]:
        """Give n fresh tokens X (d, n) and the activations a (features, n) that they were made of, both float32."""
        size = (self.directions.shape[1], n)
        activations = rng.random(size, np.float32)
        activations *= rng.random(size, np.float32) < self.probability
        return self.directions.astype(np.float32) @ activations, activations


def planted_features(n_features: int, d: int, *, seed: int, probability: float = 0.05) -> PlantedFeatures:
    """Plant ``n_features`` random unit directions in ``d`` dimensions, each active with a probability at U(0, 1).

    Parameters
    ----------
    n_features, d : int
    seed : int
        Of the directions; the tokens' is that of the generator they are drawn with.
    probability : float
        Between 0 and 1.

    Returns
    -------
    PlantedFeatures

    Notes
    -----
    Source: the toy data of Elhage et al., *Toy models of superposition* (2022), and of Sharkey et al. (2022).
    """
    # Not the bare seed: a training given the same one would draw these very directions as its start.
    rng = np.random.default_rng((_check_seed(seed), 1))
    directions = rng.standard_normal((_check_count("d", d), _check_count("n_features", n_features)))
    return PlantedFeatures(_frozen(_unit(directions)), _check_share("probability", probability))


# ------------------------------------------------------------------------------------- what may come in


def _find_variant(activation, l1_coefficient, subtract_decoder_bias) -> Variant:
    subtract_decoder_bias = _check_switch("subtract_decoder_bias", subtract_decoder_bias)
    if isinstance(activation, Variant):
        if l1_coefficient is not None or subtract_decoder_bias:
            raise ValueError(f"activation: {activation} has settings of its own; l1_coefficient and subtract_decoder_bias go with 'relu'")
        return activation
    if activation != "relu":
        raise ValueError(f"activation: expected 'relu' or a Variant such as TopK(k=4), got {activation!r}")
    if l1_coefficient is None:
        raise ValueError("l1_coefficient: expected a number ≥ 0, got none")
    return Standard(_check_scalar("l1_coefficient", l1_coefficient), subtract_decoder_bias)


def _parameters_of(start, variant: Variant) -> dict[str, Array]:
    if isinstance(start, SparseAutoencoder):
        parameters = {name: getattr(start, name) for name in ("W_enc", "b_enc", "W_dec", "b_dec")}
    elif isinstance(start, VariantModel):
        parameters = dict(start.parameters)
    else:
        raise TypeError(f"start: expected a SparseAutoencoder or a VariantModel, got {start!r:.60}")
    needed = variant.start(np.random.default_rng(0), *parameters["W_enc"].shape[::-1])
    if set(needed) != set(parameters):
        raise ValueError(f"start: expected {', '.join(needed)}, got {', '.join(parameters)}")
    return {name: parameters[name] for name in needed}


def _check_count(name: str, value, least: int = 1) -> int:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name}: expected a whole number, got {value!r:.60}")
    if value < least:
        raise ValueError(f"{name}: expected a whole number ≥ {least}, got {value}")
    return int(value)


def _check_seed(seed) -> int:
    return _check_count("seed", seed, least=0)


def _check_share(name: str, value) -> float:
    value = float(_check_scalar(name, value))
    if value > 1:
        raise ValueError(f"{name}: expected a share between 0 and 1, got {value:g}")
    return value


def _check_dtype(dtype) -> np.dtype:
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise ValueError(f"dtype: expected float32 or float64, got {dtype!r}")
    return np.dtype(dtype)


def _check_batch(name: str, batch, shape, dtype) -> Array:
    batch = np.asarray(batch)
    if batch.shape != shape:
        raise ValueError(f"{name}: expected the function to give shape {shape}, got {batch.shape}")
    return batch.astype(dtype, copy=False)


def _is_true(name: str, value) -> bool:
    return not callable(value) and _check_switch(name, value)
