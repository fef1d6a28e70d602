"""Every variant: its numbers by hand, its gradients against PyTorch, what makes it itself."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from ae_core import SparseAutoencoder, sparse_autoencoder_example
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

VARIANTS = [
    Standard(0.3),
    Standard(0.3, subtract_decoder_bias=True),
    BiasSubtracted(0.3),
    TopK(2),
    TopK(2, subtract_decoder_bias=False),
    BatchTopK(1.5),
    JumpReLU(0.3, bandwidth=0.8),
    JumpReLU(0.3, bandwidth=0.8, subtract_decoder_bias=False),
    Gated(0.3),
    Matryoshka(2, prefixes=(2, 5)),
    Transcoder(0.3),
]
variants = pytest.mark.parametrize("variant", VARIANTS, ids=repr)

D, M, N = 4, 8, 11
DEAD = np.arange(M) % 3 == 0


def problem(variant, seed=0):
    """Parameters, input and target without any entry at a jump."""
    rng = np.random.default_rng(seed)
    d_out = 3 if isinstance(variant, Transcoder) else None
    parameters = {name: array + 0.3 * rng.standard_normal(array.shape) for name, array in variant.start(rng, D, M, d_out).items()}
    if "threshold" in parameters:
        parameters["threshold"] = np.abs(parameters["threshold"]) + 0.1
    x = rng.standard_normal((D, N))
    return parameters, x, rng.standard_normal((3, N)) if d_out else None


# --------------------------------------------------------- the losses once more, in PyTorch, from the papers


def torch_loss(torch, variant, p, x, target, dead):
    """The summed total loss, to be differentiated by autograd."""
    relu, column = torch.relu, lambda vector: vector[:, None]
    encoded = x - column(p["b_dec"]) if variant.subtracts_bias else x
    Z = p["W_enc"] @ encoded + column(p["b_enc"])

    def decode(f, W_dec=p["W_dec"], b_dec=p["b_dec"]):
        return W_dec @ f + column(b_dec)

    def squared(error):
        return (error**2).sum()

    if type(variant) in (Standard, Transcoder):
        f = relu(Z)
        return squared(decode(f) - target) + variant.l1_coefficient * (f * column(torch.linalg.vector_norm(p["W_dec"], dim=0))).sum()
    if type(variant) is BiasSubtracted:
        f = relu(Z)
        return squared(decode(f) - target) + variant.l1_coefficient * f.sum()
    if type(variant) is JumpReLU:
        f = StraightThrough.jump(torch, Z, column(p["threshold"]), variant.bandwidth)
        active = StraightThrough.step(torch, Z, column(p["threshold"]), variant.bandwidth)
        return squared(decode(f) - target) + variant.l0_coefficient * active.sum()
    if type(variant) is Gated:
        U = p["W_enc"] @ encoded
        gate, magnitude = U + column(p["b_enc"]), column(torch.exp(p["r_mag"])) * U + column(p["b_mag"])
        f = (gate > 0) * relu(magnitude)
        fixed = decode(relu(gate), p["W_dec"].detach(), p["b_dec"].detach())
        return squared(decode(f) - target) + variant.l1_coefficient * relu(gate).sum() + squared(fixed - target)

    rectified = relu(Z)
    if type(variant) is TopK:
        values, rows = rectified.topk(variant.k, dim=0)
        f = torch.zeros_like(Z).scatter(0, rows, values)
    else:
        values, places = rectified.flatten().topk(int(variant.k * x.shape[1]))
        f = torch.zeros_like(Z).flatten().scatter(0, places, values).reshape(Z.shape)
    loss = squared(decode(f) - target)
    for prefix in getattr(variant, "prefixes", ()):
        loss = loss + squared(decode(f[:prefix], p["W_dec"][:, :prefix]) - target)
    k_aux = D // 2
    scale = min(1.0, dead.sum().item() / k_aux)
    values, rows = Z.masked_fill(~column(dead), -torch.inf).topk(min(k_aux, int(dead.sum())), dim=0)
    residual = (target - decode(f)).detach()
    return loss + variant.aux_coefficient * scale * squared(p["W_dec"] @ torch.zeros_like(Z).scatter(0, rows, values) - residual)


class StraightThrough:
    """The two jumps of JumpReLU: as they are forwards, and backwards as the paper's equations (11) and (12)."""

    @staticmethod
    def _near(Z, threshold, bandwidth):
        return (((Z - threshold) / bandwidth).abs() < 0.5).to(Z) / bandwidth

    @staticmethod
    def jump(torch, Z, threshold, bandwidth):
        open_, near = (threshold < Z).to(Z), StraightThrough._near(Z, threshold, bandwidth)
        through = -(threshold.detach() * near).detach() * threshold  # has the gradient, and …
        return Z * open_ + through - through.detach()  # … adds nothing to the value

    @staticmethod
    def step(torch, Z, threshold, bandwidth):
        through = -StraightThrough._near(Z, threshold, bandwidth).detach() * threshold
        return (threshold < Z).to(Z) + through - through.detach()


@variants
@pytest.mark.parametrize("seed", range(3))
def test_gradients_agree_with_pytorch(variant, seed):
    torch = pytest.importorskip("torch")
    parameters, x, target = problem(variant, seed)
    theirs = {name: torch.tensor(array, requires_grad=True) for name, array in parameters.items()}
    aim = torch.tensor(x if target is None else target)
    loss = torch_loss(torch, variant, theirs, torch.tensor(x), aim, torch.tensor(DEAD))
    loss.backward()
    ours = variant.evaluate(parameters, x, target, DEAD)
    assert ours.loss.total == pytest.approx(loss.item(), rel=1e-12)
    assert set(ours.gradients) == set(parameters)
    for name, gradient in ours.gradients.items():
        grad = theirs[name].grad
        expected = np.zeros_like(gradient) if grad is None else grad.numpy()
        assert_allclose(gradient, expected, rtol=1e-9, atol=1e-11, err_msg=name)


@variants
def test_gradients_agree_with_finite_differences(variant):
    """Where no jump is near: every parameter that has a true derivative, in one random direction each."""
    parameters, x, target = problem(variant)
    dead = np.zeros(M, bool)
    gradients = variant.evaluate(parameters, x, target, dead).gradients
    rng = np.random.default_rng(1)
    for name in parameters:
        if name == "threshold" or (isinstance(variant, Gated) and name in ("W_dec", "b_dec")):
            continue  # straight-through, or held fixed in one of the losses
        direction = rng.standard_normal(parameters[name].shape)
        losses = [variant.evaluate(parameters | {name: parameters[name] + h * direction}, x, target, dead).loss.total for h in (1e-6, -1e-6)]
        assert (losses[0] - losses[1]) / 2e-6 == pytest.approx((gradients[name] * direction).sum(), rel=1e-5, abs=1e-6), name


# ----------------------------------------------------------------------------------------- numbers by hand


MODEL, X, L1 = sparse_autoencoder_example()
BOOK = {name: getattr(MODEL, name) for name in ("W_enc", "b_enc", "W_dec", "b_dec")}
Z = MODEL.forward(X).pre_activations
# [[-4  2  0  2  1]
#  [ 0 -4 -3  5  4]
#  [-6 -1  0 -1 -2]
#  [-4 -2 -1  1  0]
#  [ 1 -2  0 -5 -4]
#  [-2  2  1 -7 -6]]


def test_standard_is_the_book_s_walkthrough():
    variant = Standard(L1)
    forward, loss, gradients = variant.evaluate(BOOK, X)
    assert_array_equal(forward.features, MODEL.forward(X).features)
    assert loss.total == pytest.approx(MODEL.loss(X, L1).total)
    for name, expected in MODEL.gradients(X, L1)._asdict().items():
        assert_allclose(gradients[name], expected, err_msg=name)
    assert isinstance(variant.finished(BOOK), SparseAutoencoder)


def test_bias_subtracted_shifts_the_input():
    forward = BiasSubtracted(L1).forward(BOOK, X)
    assert_array_equal(forward.encoded, X - [[0], [1], [0]])
    assert_array_equal(forward.features, SparseAutoencoder(**BOOK, subtract_decoder_bias=True).forward(X).features)


def test_topk_by_hand():
    variant = TopK(1, subtract_decoder_bias=False)
    forward = variant.forward(BOOK, X)
    assert_array_equal(
        forward.features,
        [[0, 2, 0, 0, 0], [0, 0, 0, 5, 4], [0] * 5, [0] * 5, [1, 0, 0, 0, 0], [0, 0, 1, 0, 0]],
    )  # of f1 and f6 of the second token, both 2, the first is kept
    assert forward.features.dtype == np.int64
    assert_array_equal(replace(variant, k=6).forward(BOOK, X).features, np.maximum(Z, 0))


def test_topk_keeps_nothing_below_zero():
    """With fewer than k positive entries the ReLU still holds, forwards and backwards."""
    variant = TopK(3, subtract_decoder_bias=False)
    forward, _, gradients = variant.evaluate(BOOK, X)
    assert_array_equal(forward.kept.sum(0), [1, 2, 1, 3, 2])
    assert not gradients["W_enc"][2].any(), "the dead feature"


def test_batch_topk_by_hand():
    variant = BatchTopK(0.8, subtract_decoder_bias=False)  # 4 of the 5 tokens' features: 5, 4, and two of the four 2s
    book = BOOK | {"threshold": np.zeros(6)}
    features = variant.forward(book, X).features
    assert_array_equal(features[1], [0, 0, 0, 5, 4])
    assert_array_equal(features[0], [0, 2, 0, 2, 0])
    assert np.count_nonzero(features) == 4


def test_batch_topk_follows_the_smallest_feature_and_becomes_a_jumprelu():
    variant = BatchTopK(1)
    parameters = {"W_dec": np.eye(2), "threshold": np.zeros(2)}
    variant.constrain(parameters, np.array([[0, 3.0], [2, 0]]))
    assert_array_equal(parameters["threshold"], [2, 2])
    variant.constrain(parameters, np.array([[0, 3.0], [0, 0]]))
    assert_allclose(parameters["threshold"], [2.01, 2.01])
    model = variant.finished({"W_enc": np.eye(2), "b_enc": [0, 0], "b_dec": [0, 0], **parameters})
    assert isinstance(model.variant, JumpReLU)
    assert_array_equal(model.forward([[2.0, 2.5], [3, 0]]).features, [[0, 2.5], [3, 0]])


def test_jumprelu_by_hand():
    book = BOOK | {"threshold": np.array([1, 4, 0, 0, 0, 1])}
    variant = JumpReLU(2, bandwidth=2, subtract_decoder_bias=False)
    forward, loss, gradients = variant.evaluate(book, X)
    assert_array_equal(forward.features[0], [0, 2, 0, 2, 0])  # 1 does not exceed 1
    assert_array_equal(forward.features[1], [0, 0, 0, 5, 0])
    assert loss.sparsity == 2 * np.count_nonzero(forward.features)
    # f1: only tea's 1 is within 1 of θ = 1 (2 is not nearer than 1): −(1/2)·df − 2/2
    d_feature = MODEL.W_dec[:, 0] @ (2 * (forward.reconstruction - X))[:, 4]
    assert gradients["threshold"][0] == -(d_feature + 2) / 2


def test_jumprelu_thresholds_stay_above_zero():
    parameters = {"threshold": np.array([-1.0, 2.0])}
    JumpReLU(1).constrain(parameters, None)
    assert_array_equal(parameters["threshold"], [0, 2])


def test_gated_by_hand():
    book = BOOK | {"b_dec": np.zeros(3, int), "r_mag": np.zeros(6), "b_mag": BOOK["b_enc"] + 1}
    forward = Gated(1).forward(book, X)
    assert_array_equal(forward.gate, Z)
    assert_array_equal(forward.pre_activations, Z + 1)
    assert_array_equal(forward.features, np.where(Z > 0, Z + 1, 0))  # the gate's own 0 keeps the magnitude 1 out
    doubled = Gated(1).forward(book | {"r_mag": np.full(6, np.log(2)), "b_mag": np.zeros(6)}, X)
    assert_allclose(doubled.pre_activations, 2 * (Z - BOOK["b_enc"][:, None]))


def test_matryoshka_adds_the_losses_of_prefixes():
    book = BOOK | {"threshold": np.zeros(6)}
    variant = Matryoshka(6, prefixes=(1, 4), subtract_decoder_bias=False)
    loss = variant.evaluate(book, X).loss
    f = np.maximum(Z, 0)
    inner = [((BOOK["W_dec"][:, :p] @ f[:p] + [[0], [1], [0]] - X) ** 2).sum() for p in (1, 4)]
    assert (loss.reconstruction, loss.auxiliary) == (2, sum(inner))


def test_transcoder_reconstructs_something_else():
    variant = Transcoder(L1)
    W_dec = np.array([[1, 0, 2, -1, 1, -2], [0, 1, 1, 0, 0, 1]])
    book = BOOK | {"W_dec": W_dec, "b_dec": np.array([1, 0])}
    forward, loss, _ = variant.evaluate(book, X, target=np.zeros((2, 5), int))
    assert_array_equal(forward.reconstruction, W_dec @ np.maximum(Z, 0) + [[1], [0]])
    assert loss.reconstruction == (forward.reconstruction**2).sum()


# ------------------------------------------------------------------------------------------ what all promise


@variants
def test_nothing_is_mutated_and_all_is_repeatable(variant):
    parameters, x, target = problem(variant)
    before = {name: array.copy() for name, array in parameters.items()}

    def run():
        forward, loss, gradients = variant.evaluate(parameters, x, target, DEAD)
        return [a.tobytes() for a in (*forward[:5], *gradients.values())], loss

    assert run() == run()
    for name, array in parameters.items():
        assert_array_equal(array, before[name])


@variants
def test_features_are_the_kept_pre_activations(variant):
    parameters, x, _ = problem(variant)
    forward = variant.forward(parameters, x)
    assert_array_equal(forward.features, forward.pre_activations * forward.kept)
    assert_allclose(forward.reconstruction, parameters["W_dec"] @ forward.features + parameters["b_dec"][:, None])
    assert (forward.features >= 0).all()


@variants
def test_start(variant):
    parameters = variant.start(np.random.default_rng(0), D, M)
    assert_allclose(np.linalg.norm(parameters["W_dec"], axis=0), variant.start_norm)
    assert_array_equal(parameters["W_enc"], parameters["W_dec"].T)
    if variant.unit_columns:
        parameters["W_dec"] *= 3
        variant.constrain(parameters, np.ones((M, N)))
        assert_allclose(np.linalg.norm(parameters["W_dec"], axis=0), 1)


@variants
def test_warmed_scales_sparsity_alone(variant):
    parameters, x, target = problem(variant)
    full, half = (v.evaluate(parameters, x, target).loss for v in (variant, variant.warmed(0.5)))
    assert half.sparsity == pytest.approx(full.sparsity / 2)
    assert half.reconstruction == full.reconstruction


def test_a_zero_decoder_column_has_norm_gradient_zero():
    parameters = {"W_enc": np.ones((2, 1)), "b_enc": np.zeros(2), "W_dec": np.array([[0.0, 2.0]]), "b_dec": np.zeros(1)}
    assert_array_equal(Standard(3).evaluate(parameters, np.ones((1, 1))).gradients["W_dec"], [[2, 5]])


def test_models_are_read_only_copies_and_checked():
    parameters, x, _ = problem(TopK(2))
    model = VariantModel(TopK(2), parameters)
    parameters["W_enc"][:] = 0
    assert model.W_enc.any() and not model.W_enc.flags.writeable
    with pytest.raises(TypeError):
        model.parameters["W_enc"] = 0
    with pytest.raises(ValueError, match="x: expected numbers of shape"):
        model.forward(x[:2])
    with pytest.raises(ValueError, match="expected W_enc, b_enc"):
        VariantModel(TopK(2), {})
    with pytest.raises(ValueError, match="b_enc"):
        VariantModel(TopK(2), parameters | {"b_enc": np.zeros(3)})
    with pytest.raises(AttributeError, match="nothing"):
        _ = model.nothing
    with pytest.raises(ValueError, match="l1_coefficient: expected a number ≥ 0"):
        Standard(-1)
