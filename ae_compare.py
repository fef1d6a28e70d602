"""All variants trained on the same planted features, each with its own knob turned until they keep equally many features.

A comparison at unequal L0 says little: whoever keeps more features rebuilds more.  So each variant trains in a few
rounds, and between them its knob (λ, or k) is turned by how far its L0 is off.  The file imports numpy and the book's own
modules; the same seed on the same machine gives the same result.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ae_core import Array, SparseAutoencoder
from ae_sweep import Quality, judge
from ae_train import PlantedFeatures, l0, planted_features, train_sparse_autoencoder
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
    VariantModel,
)

ROUNDS = 8
"""Trainings of a variant, each from where the one before ended."""
STEPS = 40
"""Updates a round, of `BATCH` fresh tokens each."""
BATCH = 128
LEARNING_RATE = 0.02
TOKENS = 4000
"""So many tokens tell how many features a model keeps, and as many others how good it is."""


class Contender(NamedTuple):
    """A variant with the one setting that decides how many features it keeps."""

    title: str
    variant: Callable[[float], Variant]
    """Made from the setting."""
    knob: str
    """What the setting is called."""
    start: float
    """Where it begins."""
    keeps_more: bool
    """Whether a larger setting keeps more features: so does k, λ keeps fewer."""
    is_whole: bool = False
    """Whether only whole numbers will do."""

    def turn(self, setting: float, ratio: float) -> float:
        """Give the setting that should divide L0 by ``ratio``, as if L0 were proportional to k, or to 1/λ."""
        ratio = max(ratio, 0.1)
        turned = setting / ratio if self.keeps_more else setting * ratio
        return max(1, round(turned)) if self.is_whole else turned


class Compared(NamedTuple):
    """How a variant did."""

    title: str
    knob: str
    setting: float
    """What the knob was turned to."""
    quality: Quality


def contenders(n_features: int, target_l0: float) -> tuple[Contender, ...]:
    """Give the eight variants; those with a k begin with it at the target, which is where L0 would be without a threshold."""
    whole = max(1, round(target_l0))
    prefixes = (n_features // 4, n_features // 2)
    return (
        Contender("Bias-subtracted", BiasSubtracted, "λ", 0.3, False),
        Contender("Decoder-norm-weighted", Standard, "λ", 0.3, False),
        Contender("TopK", TopK, "k", whole, True, is_whole=True),
        Contender("BatchTopK", BatchTopK, "k", target_l0, True),
        Contender("JumpReLU", lambda l0_coefficient: JumpReLU(l0_coefficient, bandwidth=0.1), "λ", 0.03, False),
        Contender("Gated", Gated, "λ", 0.3, False),
        Contender("Matryoshka", lambda k: Matryoshka(k, prefixes=prefixes), "k", target_l0, True),
        Contender("Transcoder", Transcoder, "λ", 0.3, False),
    )


def compare_variants(planted: PlantedFeatures, seed: int, progress: Callable[[int], None] | None = None) -> tuple[Compared, ...]:
    """Train each variant with as many features as are planted, at the planted number of active ones.

    Parameters
    ----------
    planted : PlantedFeatures
        The target for L0 is how many of them a token has on average.
    seed : int
        Of the starts, of all tokens, and of what the transcoder is to write.
    progress : callable, optional
        Called before each training with the number of the variant, from 1.

    Returns
    -------
    tuple of Compared
        In the chapter's order.

    Notes
    -----
    The transcoder writes each planted feature along another random direction; its explained variance and its
    cosines are those of what it writes.
    """
    d, n = planted.directions.shape
    target_l0 = n * planted.probability
    written = planted_features(n, d, seed=seed, probability=planted.probability).directions
    probe = planted(np.random.default_rng(seed + 1), TOKENS)
    found = []
    for number, contender in enumerate(contenders(n, target_l0), start=1):
        if progress:
            progress(number)
        outputs = written if contender.variant is Transcoder else None
        setting, model = train_to_l0(contender, planted, outputs, probe, target_l0, seed)
        # Tokens of another seed than those of the training and of the probe.
        found.append(Compared(contender.title, contender.knob, setting, judge(model, planted, seed + 2, tokens=TOKENS, outputs=outputs)))
    return tuple(found)


def train_to_l0(
    contender: Contender, planted: PlantedFeatures, outputs: Array | None, probe: Array, target_l0: float, seed: int
) -> tuple[float, SparseAutoencoder | VariantModel]:
    """Train a variant and turn its knob on the way; give what it was turned to, and the model.

    Parameters
    ----------
    contender : Contender
    planted : PlantedFeatures
    outputs : array, shape (out, n), optional
        For a transcoder: the directions along which it is to write each planted feature.
    probe : array, shape (d, tokens)
        Where L0 is read off between the rounds.
    target_l0 : float
    seed : int
    """

    def pairs(rng, count):
        x, activations = planted.draw(rng, count)
        return x, outputs.astype(np.float32) @ activations

    setting, model, schedule = contender.start, None, {"warm_up_steps": 20, "decay_share": 0}
    for k in range(ROUNDS):
        if model is not None:
            setting = contender.turn(setting, l0(model.forward(probe).features) / target_l0)
            schedule = {"warm_up_steps": 5, "decay_share": 0.5, "sparsity_warm_up_share": 0}
        model = train_sparse_autoencoder(
            planted if outputs is None else pairs, planted.directions.shape[1], activation=contender.variant(setting), start=model,
            steps=STEPS, batch_size=BATCH, learning_rate=LEARNING_RATE, seed=seed + k, dtype=np.float64, **schedule,
        ).model  # fmt: skip
    return setting, model
