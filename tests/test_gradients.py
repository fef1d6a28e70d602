"""Forward values and gradients beside PyTorch's autograd, and beside finite differences."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from ae_core import Autoencoder, SparseAutoencoder

BATCHES, MODELS_A_BATCH = 10, 100  # 1,000 models of each kind


@pytest.fixture(scope="module")
def torch():
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    return torch


def draw(rng, *shape):
    """Draw an array: of fractions, or of small integers, among which zeros and kinks are common."""
    if rng.random() < 0.5:
        return rng.integers(-3, 4, shape)
    return rng.normal(size=shape)


def random_autoencoder(rng):
    """Give an autoencoder of 1 to 5 layers with 1 to 6 units each, an input, and a target or None."""
    sizes = rng.integers(1, 7, rng.integers(2, 7))
    target = None
    if rng.random() < 0.5:
        sizes[-1] = sizes[0]
    n = rng.integers(1, 6)
    if sizes[-1] != sizes[0] or rng.random() < 0.3:
        target = draw(rng, sizes[-1], n)
    weights = [draw(rng, fan_out, fan_in) for fan_in, fan_out in zip(sizes, sizes[1:], strict=False)]
    biases = [draw(rng, fan_out) for fan_out in sizes[1:]]
    return Autoencoder(weights, biases, output_relu=rng.random() < 0.5), draw(rng, sizes[0], n), target


def random_sparse_autoencoder(rng):
    """Give a sparse autoencoder of any width, some of its decoder columns zero, an input and λ."""
    d, m, n = rng.integers(1, 8, 3)
    W_dec = draw(rng, d, m) * (rng.random(m) < 0.9)
    model = SparseAutoencoder(draw(rng, m, d), draw(rng, m), W_dec, draw(rng, d), bool(rng.random() < 0.5))
    return model, draw(rng, d, n), rng.choice([0, 1, 3, rng.exponential()])


def as_tensor(torch, array):
    return torch.tensor(np.array(array, dtype=float), requires_grad=True)


def assert_agrees(ours, tensors):
    """Compare arrays with tensors, to rounding at the scale of the largest entry."""
    assert len(ours) == len(tensors)
    for array, tensor in zip(ours, tensors, strict=True):
        expected = tensor.detach().numpy()
        assert array.shape == expected.shape
        assert_allclose(array, expected, rtol=1e-10, atol=1e-12 * (1 + np.abs(expected).max()))


@pytest.mark.parametrize("seed", range(BATCHES))
def test_autoencoders_agree_with_autograd(torch, seed):
    rng = np.random.default_rng(seed)
    for _ in range(MODELS_A_BATCH):
        model, x, target = random_autoencoder(rng)
        weights = [as_tensor(torch, array) for array in model.weights]
        biases = [as_tensor(torch, array) for array in model.biases]
        aim = torch.tensor(np.array(x if target is None else target, dtype=float))

        activation = torch.tensor(np.array(x, dtype=float))
        pre_activations, activations = [], []
        for k, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            pre_activations.append(weight @ activation + bias[:, None])
            has_relu = k + 1 < len(weights) or model.output_relu
            activation = torch.relu(pre_activations[-1]) if has_relu else pre_activations[-1].clone()
            activations.append(activation)
        loss = ((activation - aim) ** 2).sum()
        every = [*weights, *biases, *pre_activations, *activations]
        expected = torch.autograd.grad(loss, every)

        forward, gradients = model.forward(x), model.gradients(x, target)
        assert_agrees([*forward.pre_activations, *forward.activations], [*pre_activations, *activations])
        assert_agrees([forward.output, gradients.output], [activation, expected[-1]])
        ours = [*gradients.weights, *gradients.biases, *gradients.pre_activations, *gradients.activations]
        assert_agrees(ours, expected)


@pytest.mark.parametrize("seed", range(BATCHES))
def test_sparse_autoencoders_agree_with_autograd(torch, seed):
    rng = np.random.default_rng(1000 + seed)
    for _ in range(MODELS_A_BATCH):
        model, x, l1 = random_sparse_autoencoder(rng)
        parameters = [as_tensor(torch, a) for a in (model.W_enc, model.b_enc, model.W_dec, model.b_dec)]
        W_enc, b_enc, W_dec, b_dec = parameters
        given = torch.tensor(np.array(x, dtype=float))

        encoded = given - b_dec[:, None] if model.subtract_decoder_bias else given
        pre_activations = W_enc @ encoded + b_enc[:, None]
        features = torch.relu(pre_activations)
        reconstruction = W_dec @ features + b_dec[:, None]
        norms = torch.linalg.vector_norm(W_dec, dim=0)
        squared = ((reconstruction - given) ** 2).sum()
        sparsity = l1 * (features * norms[:, None]).sum()
        expected = torch.autograd.grad(squared + sparsity, parameters)

        assert_agrees(model.forward(x), [pre_activations, features, reconstruction])
        assert_agrees([model.decoder_norms()], [norms])
        assert_allclose(model.loss(x, l1), [t.item() for t in (squared, sparsity, squared + sparsity)], rtol=1e-12)
        assert_agrees(model.gradients(x, l1), expected)


def central_differences(loss, parameters, h=1e-6):
    """Differentiate ``loss(parameters)`` entry by entry: (L(θ + h) − L(θ − h)) / 2h."""
    result = [np.zeros_like(parameter) for parameter in parameters]
    for parameter, derivative in zip(parameters, result, strict=True):
        for place in np.ndindex(parameter.shape):
            old = parameter[place]
            parameter[place] = old + h
            above = loss(parameters)
            parameter[place] = old - h
            below = loss(parameters)
            parameter[place] = old
            derivative[place] = (above - below) / (2 * h)
    return result


def assert_close_to_differences(gradients, differences):
    scale = max(np.abs(difference).max() for difference in differences)
    for gradient, difference in zip(gradients, differences, strict=True):
        assert_allclose(gradient, difference, rtol=1e-6, atol=1e-7 * (1 + scale))


def is_smooth(pre_activations):
    """Tell whether every value is far enough from its ReLU's kink for the differences to be true."""
    return all(np.abs(z).min() > 1e-3 for z in pre_activations)


@pytest.mark.parametrize("output_relu", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_autoencoders_agree_with_finite_differences(seed, output_relu):
    rng = np.random.default_rng(seed)
    pre_activations = [np.zeros(1)]
    while not is_smooth(pre_activations):
        sizes = [3, 4, 2, 3]
        weights = [rng.normal(size=(b, a)) for a, b in zip(sizes, sizes[1:], strict=False)]
        biases = [rng.normal(size=b) for b in sizes[1:]]
        x = rng.normal(size=(3, 4))
        model = Autoencoder(weights, biases, output_relu)
        pre_activations = model.forward(x).pre_activations

    def loss(parameters):
        output = Autoencoder(parameters[:3], parameters[3:], output_relu).forward(x).output
        return ((output - x) ** 2).sum()

    gradients = model.gradients(x)
    differences = central_differences(loss, [*weights, *biases])
    assert_close_to_differences([*gradients.weights, *gradients.biases], differences)


@pytest.mark.parametrize("subtract", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_sparse_autoencoders_agree_with_finite_differences(seed, subtract):
    rng = np.random.default_rng(100 + seed)
    pre_activations = [np.zeros(1)]
    while not is_smooth(pre_activations):
        parameters = [rng.normal(size=shape) for shape in ((5, 3), 5, (3, 5), 3)]
        x = rng.normal(size=(3, 4))
        model = SparseAutoencoder(*parameters, subtract)
        pre_activations = [model.forward(x).pre_activations]
    l1 = rng.exponential()
    differences = central_differences(lambda p: SparseAutoencoder(*p, subtract).loss(x, l1).total, parameters)
    assert_close_to_differences(model.gradients(x, l1), differences)
