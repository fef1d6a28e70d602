"""Sweeps over λ, and the measures that judge them, on matrices typed by hand and on planted features."""

import numpy as np
import pytest

from ae_core import SparseAutoencoder
from ae_sweep import judge, sweep_l1
from ae_train import PlantedFeatures, match_features, planted_features

TWO = PlantedFeatures(np.eye(2), 0.3)
PLANTED = planted_features(6, 3, seed=0, probability=0.1)
SETTINGS = {"steps": 200, "batch_size": 64, "learning_rate": 0.03, "seed": 0}


def test_each_direction_finds_the_column_most_like_it():
    match = match_features([[0, 2, 0], [3, 0, 0]], np.eye(2))
    assert match.learned.tolist() == [1, 0]
    assert match.cosine.tolist() == [1, 1]


def test_one_column_may_match_two_directions():
    match = match_features([[1, -1], [1, -1]], np.eye(2))
    assert match.learned.tolist() == [0, 0]
    assert match.cosine == pytest.approx(np.sqrt([0.5, 0.5]))


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_a_model_that_gives_back_a_share_is_judged_so(scale):
    """Encoder and decoder are the planted directions; what comes back is `scale` times what went in."""
    model = SparseAutoencoder(np.eye(2), np.zeros(2), scale * np.eye(2), np.zeros(2))
    quality = judge(model, TWO, seed=1)
    assert quality.norm_ratio == pytest.approx(scale)
    assert quality.activation_ratio == pytest.approx(scale, rel=1e-5)
    assert quality.mmcs == 1 and quality.dead == 0
    assert quality.l0 == pytest.approx(0.6, abs=0.1)
    assert (quality.explained_variance > 0.999) == (scale == 1)


def test_a_feature_that_never_fires_is_dead():
    model = SparseAutoencoder(np.eye(2), [0, -9], np.eye(2), np.zeros(2))
    quality = judge(model, TWO, seed=1)
    assert quality.dead == 1 and quality.activation_ratio < 0.7


def test_more_lambda_is_sparser_and_smaller_and_the_sweep_repeats_itself():
    sweep, again = (sweep_l1(PLANTED, 6, (0.05, 0.3, 2.0), **SETTINGS) for _ in range(2))
    assert sweep.qualities == again.qualities
    for name in ("l0", "explained_variance", "norm_ratio", "activation_ratio"):
        values = [getattr(quality, name) for quality in sweep.qualities]
        assert values == sorted(values, reverse=True) and values[0] > values[-1]
    assert sweep.qualities[1].mmcs > 0.95
