"""One training for each λ on planted features, and how close each came to what was planted.

It imports numpy and the book's own modules; the same seed gives the same sweep.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ae_core import Array, SparseAutoencoder
from ae_train import (
    PlantedFeatures,
    TrainingResult,
    explained_variance,
    feature_density,
    l0,
    match_features,
    train_sparse_autoencoder,
)
from ae_variants import VariantModel

HELD_OUT = 1000
"""Tokens that a model is judged by; training has seen none of them."""


class Quality(NamedTuple):
    """How a model does on tokens that it has not seen, and how well it knows what was planted."""

    l0: float
    """Mean number of active features of a token."""
    explained_variance: float
    density: tuple[float, ...]
    """The share of tokens that activates each feature."""
    mmcs: float
    """Mean over true directions of the best cosine."""
    norm_ratio: float
    """Σ ‖X′‖ / Σ ‖X‖: 1 if what comes back is as long as what went in, less if it has shrunk."""
    activation_ratio: float
    """Σ f ‖W_dec column‖ / Σ a, each true feature with its match, over the tokens that have it: 1 is no shrinkage."""

    @property
    def dead(self) -> int:
        """How many features no token activates."""
        return self.density.count(0)


class Sweep(NamedTuple):
    """Trainings that differ in λ alone."""

    planted: PlantedFeatures
    l1_coefficients: tuple[float, ...]
    results: tuple[TrainingResult, ...]
    qualities: tuple[Quality, ...]


def planted_circle(n_features: int, probability: float) -> PlantedFeatures:
    """Plant unit directions in a plane, the first upwards, all at equal angles: the most room that each can have.

    Parameters
    ----------
    n_features : int
    probability : float
        With which each is active in a token, at U(0, 1).
    """
    angles = 2 * np.pi * np.arange(n_features) / n_features
    return PlantedFeatures(np.array([-np.sin(angles), np.cos(angles)]), probability)


def judge(
    model: SparseAutoencoder | VariantModel, planted: PlantedFeatures, seed: int, *, tokens: int = HELD_OUT, outputs: Array | None = None
) -> Quality:
    """Judge a model by fresh tokens and by the planted directions.

    Parameters
    ----------
    model : SparseAutoencoder or VariantModel
    planted : PlantedFeatures
    seed : int
        Of the tokens.
    tokens : int
    outputs : array_like, shape (out, n), optional
        For a transcoder: the directions along which it is to write each planted feature.
    """
    x, activations = planted.draw(np.random.default_rng(seed), tokens)
    forward = model.forward(x)
    directions = planted.directions if outputs is None else outputs
    target = x if outputs is None else directions @ activations
    match = match_features(model.W_dec, directions)
    found = forward.features[match.learned] * np.linalg.norm(model.W_dec, axis=0)[match.learned, None]
    norms = [float(np.linalg.norm(columns, axis=0).sum()) for columns in (forward.reconstruction, target)]
    return Quality(
        l0=float(l0(forward.features)),
        explained_variance=explained_variance(target, forward.reconstruction),
        density=tuple(feature_density(forward.features).tolist()),
        mmcs=float(match.cosine.mean()),
        norm_ratio=norms[0] / norms[1],
        activation_ratio=float(found[activations > 0].sum() / activations.sum()),
    )


def sweep_l1(
    planted: PlantedFeatures,
    n_features: int,
    l1_coefficients: Sequence[float],
    *,
    steps: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
) -> Sweep:
    """Train one sparse autoencoder for each λ, all from the same start and on the same tokens.

    Parameters
    ----------
    planted : PlantedFeatures
    n_features : int
        m, of each sparse autoencoder.
    l1_coefficients : sequence of float
        λ ≥ 0.
    steps, batch_size, learning_rate, seed
        As for `train_sparse_autoencoder`.
    """
    results = tuple(
        train_sparse_autoencoder(
            planted, n_features, l1_coefficient=l1, steps=steps, batch_size=batch_size, learning_rate=learning_rate, seed=seed, warm_up_steps=20
        )
        for l1 in l1_coefficients
    )
    # Tokens of another seed than those of the training.
    return Sweep(planted, tuple(l1_coefficients), results, tuple(judge(result.model, planted, seed + 1) for result in results))
