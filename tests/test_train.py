"""Training: that it finds what was planted, repeats itself, can be stopped, says what went wrong; and its metrics."""

import ast
import inspect
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import ae_files
import ae_train
import ae_variants
from ae_core import Autoencoder, SparseAutoencoder, autoencoder_example, sparse_autoencoder_example
from ae_files import load_model, save_model
from ae_train import (
    Adam,
    Diverged,
    _FastStep,
    _PlainStep,
    dead_features,
    explained_variance,
    feature_density,
    l0,
    max_cosine_similarities,
    mean_max_cosine_similarity,
    planted_features,
    train_autoencoder,
    train_sparse_autoencoder,
    unit_deaths,
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
    VariantModel,
)

PLANTED = planted_features(16, 8, seed=0)
TOKENS = PLANTED(np.random.default_rng(1), 500)
SMALL = {"steps": 30, "batch_size": 100, "learning_rate": 3e-3, "seed": 0}
ALL = [
    Standard(0.3),
    BiasSubtracted(0.3),
    TopK(2),
    BatchTopK(2),
    JumpReLU(0.05),
    Gated(0.3),
    Matryoshka(2, prefixes=(4, 8)),
]


def train(**changes):
    settings = {"x": TOKENS, "n_features": 16, "l1_coefficient": 0.3, **SMALL} | changes
    return train_sparse_autoencoder(settings.pop("x"), settings.pop("n_features"), **settings)


def begin(**changes):
    settings = {"x": TOKENS, "n_features": 16, "l1_coefficient": 0.3, **SMALL} | changes
    return train_sparse_autoencoder.begin(settings.pop("x"), settings.pop("n_features"), **settings)


def arrays_of(model):
    if isinstance(model, Autoencoder):
        return [*model.weights, *model.biases]
    names = ("W_enc", "b_enc", "W_dec", "b_dec")
    return list(model.parameters.values()) if isinstance(model, VariantModel) else [getattr(model, name) for name in names]


def bits(result):
    return [array.tobytes() for array in (*arrays_of(result.model), *result.history)]


# ------------------------------------------------------------------------------------- finding what is there


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("variant", ALL, ids=repr)
def test_with_the_seed_of_the_plant_training_does_not_begin_at_the_answer(variant, seed):
    planted = planted_features(16, 8, seed=seed)
    untrained = train(x=planted, activation=variant, l1_coefficient=None, steps=1, learning_rate=0, seed=seed).model
    assert mean_max_cosine_similarity(untrained.W_dec, planted.directions) < 0.7


SHORT = {"steps": 1200, "batch_size": 256, "learning_rate": 5e-3}
LONG = {"steps": 2000, "batch_size": 1024}


@pytest.mark.parametrize(
    "variant, least, most_active, effort",
    [
        (Standard(0.3), 0.97, 1.2, SHORT),
        (BiasSubtracted(0.3), 0.96, 1.2, LONG | {"learning_rate": 0.01}),
        (TopK(2), 0.90, 2.0, SHORT),
        (BatchTopK(0.8), 0.90, 1.0, SHORT),
        (JumpReLU(0.06), 0.92, 1.0, SHORT),
        (Gated(0.8), 0.94, 1.0, LONG | {"learning_rate": 0.015}),
        (Matryoshka(1.5, prefixes=(8,)), 0.75, 2.0, SHORT),
    ],
    ids=repr,
)
def test_planted_features_are_found(variant, least, most_active, effort):
    result = train_sparse_autoencoder(PLANTED, 16, activation=variant, **effort, seed=0)
    x = PLANTED(np.random.default_rng(2), 20_000)
    forward = result.model.forward(x)
    assert mean_max_cosine_similarity(result.model.W_dec, PLANTED.directions) > least
    assert dead_features(forward.features) <= (2 if isinstance(variant, (BatchTopK, JumpReLU)) else 0)
    assert l0(forward.features) < most_active
    assert explained_variance(x, forward.reconstruction) > 0.8
    assert result.history.loss[-100:].mean() < result.history.loss[:10].mean()


def test_a_transcoder_learns_another_layer_s_output():
    rng = np.random.default_rng(3)
    matrix = rng.standard_normal((5, 16))

    def layer(rng, n):
        x, a = PLANTED.draw(rng, n)
        return x, matrix @ a

    result = train_sparse_autoencoder(layer, 16, activation=Transcoder(0.1), steps=800, batch_size=256, learning_rate=5e-3, seed=0)
    assert isinstance(result.model, VariantModel)
    assert result.model.W_dec.shape == (5, 16)
    assert result.history.explained_variance[-50:].mean() > 0.8
    x, y = layer(rng, 400)
    held = train_sparse_autoencoder(x, 16, activation=Transcoder(0.1), target=y, steps=100, batch_size=100, learning_rate=5e-3, seed=0)
    assert held.history.loss[-1] < held.history.loss[0]


def test_an_autoencoder_learns_the_book_s_examples():
    """From this seed; from most, one of the two units of the bottleneck is dead at once."""
    _, x = autoencoder_example()
    settings = {"steps": 1500, "learning_rate": 0.02, "seed": 2}
    result = train_autoencoder(x, (3, 2, 3), output_relu=False, **settings)
    assert [w.shape for w in result.model.weights] == [(3, 4), (2, 3), (3, 2), (4, 3)]
    assert result.history.explained_variance[-1] > 0.99
    rectified = train_autoencoder(x, (3, 2, 3), **settings)
    assert rectified.model.forward(x).output.min() >= 0
    assert rectified.history.reconstruction[-1] >= (np.minimum(x, 0) ** 2).sum() / 4, "what a last ReLU cannot give back"


def test_one_step_of_gradient_descent_is_the_book_s_update_of_the_mean():
    model, x = autoencoder_example()
    result = train_autoencoder(x, start=model, steps=1, learning_rate=0.01, seed=0, optimizer="sgd")
    expected = model.update(model.gradients(x), 0.01 / 4)
    for ours, theirs in zip(arrays_of(result.model), arrays_of(expected), strict=True):
        assert_allclose(ours, theirs)
    assert result.history.loss[0] == ((model.forward(x).output - x) ** 2).sum() / 4


def test_history_measures_each_batch_before_its_update():
    model, x, l1 = sparse_autoencoder_example()
    settings = {"steps": 1, "batch_size": 5, "learning_rate": 0.01, "seed": 0, "dtype": np.float64}
    result = train_sparse_autoencoder(x, 6, l1_coefficient=l1, start=model, sparsity_warm_up_share=0, **settings)
    loss, history = model.loss(x, l1), result.history
    assert history.reconstruction[0] == pytest.approx(loss.reconstruction / 5)
    assert history.sparsity[0] == pytest.approx(loss.sparsity / 5)
    assert history.loss[0] == pytest.approx(loss.total / 5)
    assert history.l0[0] == l0(model.forward(x).features) == 9 / 5
    assert history.explained_variance[0] == pytest.approx(explained_variance(x, model.forward(x).reconstruction))


def test_dead_features_are_counted_by_idle_steps():
    model, x, l1 = sparse_autoencoder_example()
    result = train_sparse_autoencoder(x, 6, l1_coefficient=l1, start=model, steps=5, batch_size=5, learning_rate=0, seed=0, dead_after=3)
    assert_array_equal(result.history.dead_features, [0, 0, 1, 1, 1])


def test_the_schedule():
    history = train(steps=100, warm_up_steps=10, decay_share=0.3, learning_rate=1e-3).history
    assert_allclose(history.learning_rate[[0, 4, 9, 50, 70, 85, 99]], [1e-4, 5e-4, 1e-3, 1e-3, 1e-3, 5e-4, 1e-3 / 30])


# ---------------------------------------------------------------------------------- the fast step, and Adam


@pytest.mark.parametrize("subtract", [False, True])
@pytest.mark.parametrize("n, chunk", [(70, 512), (300, 64), (64, 64), (65, 64)])
def test_the_fast_step_and_the_plain_formula_agree(subtract, n, chunk, monkeypatch):
    for name, value in (("ONE_THREAD", 0), ("CHUNK_NUMBERS", 0), ("LEAST_CHUNK", chunk)):
        monkeypatch.setattr(_FastStep, name, value)
    rng = np.random.default_rng(0)
    variant = Standard(0.2, subtract)
    parameters = variant.start(rng, 16, 40)
    parameters = {name: array + 0.05 * rng.standard_normal(array.shape) for name, array in parameters.items()}
    parameters["W_dec"][:, 3] = 0  # no direction, no gradient of its norm
    fast, plain = (make(variant, parameters, n, np.float64, 4) for make in (_FastStep, _PlainStep))
    for _ in range(10):
        x = rng.standard_normal((16, n)) + 1
        assert_allclose(fast.take(x, x, 1e-2, 0.5), plain.take(x, x, 1e-2, 0.5), rtol=1e-10)
    for name in parameters:
        assert_allclose(fast.parameters[name], plain.parameters[name], rtol=1e-8, atol=1e-10, err_msg=name)


def test_adam_agrees_with_its_formula_and_with_pytorch():
    rng = np.random.default_rng(0)
    start, gradients = rng.standard_normal(40_000), rng.standard_normal((5, 40_000))
    ours, adam = start.copy(), Adam(start.size, np.float64)
    p, m, v = start.copy(), 0, 0
    for t, g in enumerate(gradients, start=1):
        adam.update(ours, g * 8, 0.01, scale=1 / 8)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        p = p - 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    assert_allclose(ours, p, rtol=1e-10)
    torch = pytest.importorskip("torch")
    theirs = torch.tensor(start, requires_grad=True)
    optimizer = torch.optim.Adam([theirs], lr=0.01)
    for g in gradients:
        theirs.grad = torch.tensor(g)
        optimizer.step()
    assert_allclose(ours, theirs.detach().numpy(), rtol=1e-9)


# ------------------------------------------------------------------------------- the same again, or stopped


@pytest.mark.parametrize("variant", ALL, ids=repr)
@pytest.mark.parametrize("x", [TOKENS, PLANTED], ids=["array", "sampler"])
def test_same_seed_same_bits(variant, x):
    settings = {"x": x, "activation": variant, "l1_coefficient": None}
    assert bits(train(**settings)) == bits(train(**settings))
    assert bits(train(**settings)) != bits(train(**settings, seed=1))


def test_an_autoencoder_repeats_itself_too():
    runs = [bits(train_autoencoder(TOKENS, [4], steps=20, batch_size=50, learning_rate=0.01, seed=5)) for _ in range(2)]
    assert runs[0] == runs[1]


def test_nothing_outside_is_touched():
    x, state = TOKENS.copy(), np.random.get_state()[1].copy()  # noqa: NPY002
    model = train(progress=lambda *_: None).model
    train(start=model)
    assert_array_equal(x, TOKENS)
    assert_array_equal(state, np.random.get_state()[1])  # noqa: NPY002
    assert all(not array.flags.writeable for array in (*arrays_of(model), *train().history))


@pytest.mark.parametrize("variant", ALL, ids=repr)
def test_an_interrupted_training_returns_what_it_reached(variant):
    def stop(taken, history):
        assert len(history.loss) == taken
        if taken == 7:
            raise KeyboardInterrupt

    # The schedule of 30 steps, cut off after 7.
    result = train(activation=variant, l1_coefficient=None, progress=stop, snapshot_every=7)
    whole = train(activation=variant, l1_coefficient=None, snapshot_every=7)
    assert result.interrupted and not whole.interrupted
    assert len(result.history.loss) == 7
    assert_array_equal(result.history.loss, whole.history.loss[:7])
    steps, models = zip(*whole.snapshots)
    assert steps == (0, 7, 14, 21, 28, 30)
    for ours, theirs in zip(arrays_of(result.snapshots[1][1]), arrays_of(models[1]), strict=True):
        assert_array_equal(ours, theirs)


def test_interrupted_within_a_sampler():
    calls = iter(range(100))

    def sampler(rng, n):
        if next(calls) == 5:
            raise KeyboardInterrupt
        return PLANTED(rng, n)

    result = train(x=sampler)
    assert result.interrupted and len(result.history.loss) == 4  # the first call asked for the shape


def test_snapshots_begin_with_the_start():
    model, x, l1 = sparse_autoencoder_example()
    result = train_sparse_autoencoder(x, 6, l1_coefficient=l1, start=model, steps=3, batch_size=5, learning_rate=0.1, seed=0, snapshot_every=2)
    assert [taken for taken, _ in result.snapshots] == [0, 2, 3]
    assert_array_equal(result.snapshots[0][1].W_enc, model.W_enc)
    assert train().snapshots == ()


@pytest.mark.parametrize("variant", ALL, ids=repr)
def test_taken_update_by_update_it_is_the_same_training(variant):
    settings = {"activation": variant, "l1_coefficient": None, "snapshot_every": 7}
    whole, training = train(**settings), begin(**settings)
    for taken in training:
        assert taken == training.taken == len(training.history.loss)
        if taken == 16:
            assert [taken for taken, _ in training.snapshots] == [0, 7, 14]
            assert [taken for taken, _ in training.result().snapshots] == [0, 7, 14, 16]
    assert training.taken == 30 and next(training, None) is None
    assert_array_equal(training.result().history, whole.history)
    for (taken, ours), (expected, theirs) in zip(training.result().snapshots, whole.snapshots, strict=True):
        assert taken == expected
        for one, other in zip(arrays_of(ours), arrays_of(theirs), strict=True):
            assert_array_equal(one, other)


def test_between_two_updates_numpy_warns_as_ever():
    kept = np.geterr()
    for _ in zip(begin(), range(3)):
        assert np.geterr() == kept


def test_a_training_that_runs_whole_keeps_its_signature():
    for function in (train_autoencoder, train_sparse_autoencoder):
        whole, begun = inspect.signature(function), inspect.signature(function.begin)
        assert whole.parameters == begun.parameters
        assert (whole.return_annotation, begun.return_annotation) == ("TrainingResult", "Training")


def test_a_snapshot_that_is_no_number_is_a_divergence():
    model = Autoencoder([[[1e-150]]], [[0]], output_relu=False)
    with pytest.raises(Diverged, match="step 1 of 1: .* NaN or infinite"):
        train_autoencoder([[1e150]], start=model, optimizer="sgd", learning_rate=1e100, steps=1, seed=0, snapshot_every=1)


def test_progress_shows_a_bar_only_when_asked(capsys):
    train()
    assert capsys.readouterr() == ("", "")
    pytest.importorskip("tqdm")
    train(progress=True)
    assert "30/30" in capsys.readouterr().err


# -------------------------------------------------------------------------------------------- what goes wrong


def test_a_runaway_stops_and_names_step_and_cause():
    with pytest.raises(Diverged, match=r"step \d+ of 200: .*learning rate is likely too large \(50; try") as caught:
        train_autoencoder(TOKENS, [4], steps=200, learning_rate=50, seed=0, optimizer="sgd", output_relu=False)
    assert isinstance(caught.value, FloatingPointError)
    assert 1 <= len(caught.value.history.loss) < 200


def test_nan_from_a_sampler_is_named():
    calls = iter(range(100))
    with pytest.raises(FloatingPointError, match="step 3 of 30"):
        train(x=lambda rng, n: PLANTED(rng, n) * (np.nan if next(calls) == 3 else 1))


@pytest.mark.filterwarnings("error")
def test_data_too_large_for_float32_is_named():
    with pytest.raises(FloatingPointError, match="step 1 of 30: .*too large to square"):
        train(x=TOKENS * 1e30)


@pytest.mark.parametrize(
    "changes, error, message",
    [
        ({"x": TOKENS * np.nan}, ValueError, "x: expected finite numbers"),
        ({"x": TOKENS[0]}, ValueError, "x: expected numbers of shape"),
        ({"batch_size": 501}, ValueError, "batch_size: expected at most the 500 columns"),
        ({"batch_size": 0}, ValueError, "batch_size: expected a whole number ≥ 1, got 0"),
        ({"steps": 1.5}, TypeError, "steps: expected a whole number, got 1.5"),
        ({"n_features": -1}, ValueError, "n_features"),
        ({"seed": None}, TypeError, "seed: expected a whole number"),
        ({"learning_rate": -1}, ValueError, "learning_rate: expected a number ≥ 0"),
        ({"learning_rate": np.nan}, ValueError, "learning_rate: expected finite"),
        ({"l1_coefficient": None}, ValueError, "l1_coefficient: expected a number ≥ 0, got none"),
        ({"activation": "gelu"}, ValueError, "activation: expected 'relu' or a Variant such as TopK"),
        ({"activation": TopK(2)}, ValueError, "settings of its own"),
        ({"decay_share": 2}, ValueError, "decay_share: expected a share between 0 and 1, got 2"),
        ({"dtype": np.float16}, ValueError, "dtype"),
        ({"dtype": "nothing"}, TypeError, "nothing"),
        ({"progress": 3}, TypeError, "progress: expected True or False"),
        ({"target": TOKENS}, ValueError, "target: expected one for a transcoder"),
        ({"activation": Transcoder(0.1), "l1_coefficient": None}, ValueError, "target: expected one for a transcoder"),
        ({"x": lambda rng, n: TOKENS[:, : min(n, 3)]}, ValueError, r"expected the function to give shape \(8, 100\), got \(8, 3\)"),
        ({"start": sparse_autoencoder_example()[0]}, ValueError, r"start: expected W_enc of shape \(16, 8\), got \(6, 3\)"),
        ({"start": 3}, TypeError, "start: expected a SparseAutoencoder"),
        ({"snapshot_every": 0}, ValueError, "snapshot_every"),
    ],
)
def test_what_does_not_fit_is_named(changes, error, message):
    with pytest.raises(error, match=message):
        train(**changes)


# ------------------------------------------------------------------------------------------------ metrics


FEATURES = [[0, 2, 0, 1], [0, 0, 0, 0], [1, 1, 1, 0]]


def test_metrics_by_hand():
    assert l0(FEATURES) == 5 / 4
    assert_array_equal(feature_density(FEATURES), [0.5, 0, 0.75])
    assert dead_features(FEATURES) == 1
    x = [[1, 3], [0, 4]]  # means 2 and 2: 1 + 1 + 4 + 4
    assert explained_variance(x, x) == 1
    assert explained_variance(x, [[2, 2], [2, 2]]) == 0
    assert explained_variance(x, [[1, 3], [1, 4]]) == pytest.approx(0.9)
    learned = [[2, 0, 3], [0, 0, 3]]
    assert_allclose(max_cosine_similarities(learned, [[1, 0], [0, 5]]), [1, 2**-0.5])
    assert mean_max_cosine_similarity(learned, [[1, 0], [0, 5]]) == pytest.approx((1 + 2**-0.5) / 2)
    assert mean_max_cosine_similarity([[-1], [0]], [[1], [0]]) == -1


def test_metrics_name_what_does_not_fit():
    with pytest.raises(ValueError, match="no variance"):
        explained_variance([[1, 1]], [[1, 1]])
    with pytest.raises(ValueError, match="reconstruction"):
        explained_variance([[1, 2]], [[1], [2]])
    with pytest.raises(ValueError, match="learned"):
        mean_max_cosine_similarity([[1]], [[1], [2]])
    with pytest.raises(ValueError, match="finite"):
        l0([[np.nan]])


def test_planted_features():
    planted = planted_features(12, 5, seed=3, probability=0.25)
    assert_allclose(np.linalg.norm(planted.directions, axis=0), 1)
    assert_array_equal(planted.directions, planted_features(12, 5, seed=3).directions)
    x, activations = planted.draw(np.random.default_rng(0), 20_000)
    assert x.shape == (5, 20_000) and x.dtype == np.float32
    assert_allclose(x, planted.directions @ activations, atol=1e-5)
    assert_array_equal(x, planted(np.random.default_rng(0), 20_000))
    assert_allclose(feature_density(activations), 0.25, atol=0.02)
    assert_allclose(activations.sum(1) / np.count_nonzero(activations, axis=1), 0.5, atol=0.03)
    with pytest.raises(ValueError, match="probability"):
        planted_features(3, 2, seed=0, probability=1.5)


# -------------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("variant", [*ALL, "transcoder", "autoencoder"], ids=repr)
def test_a_saved_model_comes_back_bit_for_bit(variant, dtype, tmp_path):
    pytest.importorskip("safetensors")
    if variant == "autoencoder":
        model = train_autoencoder(TOKENS, [4], steps=5, learning_rate=0.01, seed=0, dtype=dtype).model
    elif variant == "transcoder":
        model = train(activation=Transcoder(0.1), l1_coefficient=None, target=TOKENS[:3], dtype=dtype).model
    else:
        model = train(activation=variant, l1_coefficient=None, dtype=dtype).model
    loaded = load_model(save_model(model, tmp_path / "new" / "folder"))
    assert type(loaded) is type(model)
    assert getattr(loaded, "variant", None) == getattr(model, "variant", None)
    for ours, theirs in zip(arrays_of(loaded), arrays_of(model), strict=True):
        assert ours.tobytes() == theirs.tobytes()
    end = "output" if variant == "autoencoder" else "reconstruction"
    assert_array_equal(getattr(loaded.forward(TOKENS), end), getattr(model.forward(TOKENS), end))


def test_a_file_that_the_book_cannot_use_is_named(tmp_path):
    pytest.importorskip("safetensors")
    save_model(train().model, tmp_path)
    config = (tmp_path / "cfg.json").read_text()
    for old, new, message in [
        ('"standard"', '"temporal"', "architecture: expected standard, topk"),
        ('"normalize_activations": "none"', '"normalize_activations": "layer_norm"', "normalize_activations: expected none"),
    ]:
        assert old in config
        (tmp_path / "cfg.json").write_text(config.replace(old, new))
        with pytest.raises(ValueError, match=message):
            load_model(tmp_path)
    with pytest.raises(TypeError, match="expected an Autoencoder"):
        save_model(3, tmp_path)


def test_training_imports_numpy_and_the_book_s_own_modules_alone():
    allowed = {ae_train: {"numpy", "ae_core", "ae_variants", "tqdm"}, ae_variants: {"numpy", "ae_core"}}
    allowed[ae_files] = {"numpy", "ae_core", "ae_variants", "safetensors"}
    for module, names in allowed.items():
        nodes = list(ast.walk(ast.parse(Path(module.__file__).read_text(encoding="utf-8"))))
        imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        imported |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
        assert {name.partition(".")[0] for name in imported} - set(sys.stdlib_module_names) == names


def test_a_sparse_training_gives_the_book_s_own_model():
    assert isinstance(train().model, SparseAutoencoder)
    assert train(subtract_decoder_bias=True).model.subtract_decoder_bias
    assert train(activation=BiasSubtracted(0.1), l1_coefficient=None).model.subtract_decoder_bias


def test_a_unit_dies_when_no_column_turns_it_on_any_more():
    def model(*biases):
        """Two hidden units that read x itself, each with a bias of its own."""
        return Autoencoder([[[1], [1]], [[1, 1]]], [list(biases), [0]])

    x = [[1, 2]]
    snapshots = [(0, model(0, 0)), (10, model(-1, -2)), (20, model(-2, 0)), (30, model(-3, 0))]
    assert unit_deaths(snapshots, x) == ((20, None),)
    assert unit_deaths(snapshots[:2], x) == ((None, 10),)
    assert unit_deaths([(0, model(-5, 1))], x) == ((0, None),)
