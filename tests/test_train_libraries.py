"""The named conventions, and the files, against the libraries themselves: sae-lens and dictionary-learning.

Both weigh too much for the default set-up, so these tests are skipped unless the libraries are installed:

    pip install torch==2.13.0 && pip install torch==2.13.0 sae-lens==6.54.0 dictionary-learning==0.1.0
    pip uninstall -y torchvision    # comes along built for another torch; neither library needs it

What the same formulas give in plain PyTorch is tested in `test_variants.py`, always.
"""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose

from ae_core import SparseAutoencoder
from ae_files import load_model, save_model
from ae_train import planted_features, train_sparse_autoencoder
from ae_variants import BatchTopK, BiasSubtracted, Gated, JumpReLU, Matryoshka, Standard, TopK

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore")

D, M, N = 4, 10, 32
RNG = np.random.default_rng(0)
X = RNG.standard_normal((D, N))
DEAD = np.arange(M) % 3 == 0


def start(variant):
    rng = np.random.default_rng(1)
    parameters = {name: a + 0.2 * rng.standard_normal(a.shape) for name, a in variant.start(rng, D, M).items()}
    if "threshold" in parameters:
        parameters["threshold"] = np.abs(parameters["threshold"]) + 0.05
    if variant.unit_columns:
        parameters["W_dec"] /= np.linalg.norm(parameters["W_dec"], axis=0)
    return parameters


def sae_lens_cases():
    yield Standard(0.3), "Standard", {"l1_coefficient": 0.3, "apply_b_dec_to_input": False}, "l1"
    yield Standard(0.3, True), "Standard", {"l1_coefficient": 0.3}, "l1"
    yield JumpReLU(0.3, 0.5), "JumpReLU", {"l0_coefficient": 0.3, "jumprelu_bandwidth": 0.5}, "l0"
    yield TopK(3), "TopK", {"k": 3, "rescale_acts_by_decoder_norm": False}, None
    yield BatchTopK(2.5), "BatchTopK", {"k": 2.5, "rescale_acts_by_decoder_norm": False}, None
    yield Matryoshka(2, prefixes=(3, 6)), "MatryoshkaBatchTopK", {"k": 2, "matryoshka_widths": [3, 6, M], "rescale_acts_by_decoder_norm": False}, None


@pytest.mark.parametrize("variant, name, settings, coefficient", list(sae_lens_cases()), ids=lambda value: str(value)[:40])
def test_sae_lens_has_the_same_loss_and_gradients(variant, name, settings, coefficient):
    """sae-lens averages over tokens; we sum."""
    sae_lens = pytest.importorskip("sae_lens")
    from sae_lens.saes.sae import TrainStepInput

    parameters = start(variant)
    config = getattr(sae_lens, f"{name}TrainingSAEConfig")(d_in=D, d_sae=M, dtype="float64", **settings)
    sae = getattr(sae_lens, f"{name}TrainingSAE")(config)
    with torch.no_grad():
        for key, array in parameters.items():
            if hasattr(sae, key):
                getattr(sae, key).data = torch.tensor(array.T.copy())
    coefficients = {coefficient: getattr(variant, f"{coefficient}_coefficient")} if coefficient else {}
    given = {"sae_in": torch.tensor(X.T.copy()), "coefficients": coefficients, "dead_neuron_mask": torch.tensor(DEAD)}
    output = sae.training_forward_pass(TrainStepInput(**given, n_training_steps=0, is_logging_step=False))
    output.loss.backward()
    ours = variant.evaluate(parameters, X, dead=DEAD)
    assert ours.loss.total / N == pytest.approx(output.loss.item(), rel=1e-9)
    for key, gradient in ours.gradients.items():
        if hasattr(sae, key):
            assert_allclose(gradient.T / N, getattr(sae, key).grad.numpy(), rtol=1e-7, atol=1e-10, err_msg=key)


def test_dictionary_learning_has_the_same_losses():
    """Its StandardTrainer is `BiasSubtracted`, its GatedSAETrainer is `Gated`; both average over tokens."""
    pytest.importorskip("dictionary_learning")
    from dictionary_learning.trainers.gdm import GatedSAETrainer
    from dictionary_learning.trainers.standard import StandardTrainer

    common = {"activation_dim": D, "dict_size": M, "layer": 0, "lm_name": "none", "device": "cpu", "l1_penalty": 0.3, "steps": 100}
    for variant, trainer in ((BiasSubtracted(0.3), StandardTrainer), (Gated(0.3), GatedSAETrainer)):
        parameters = start(variant)
        trainer = trainer(**common, warmup_steps=0, sparsity_warmup_steps=None)
        ae = trainer.ae.double()
        names = {"W_enc": ae.encoder.weight, "W_dec": ae.decoder.weight}
        if isinstance(variant, Gated):
            names |= {"b_enc": ae.gate_bias, "r_mag": ae.r_mag, "b_mag": ae.mag_bias, "b_dec": ae.decoder_bias}
        else:
            names |= {"b_enc": ae.encoder.bias, "b_dec": ae.bias}
        with torch.no_grad():
            for key, parameter in names.items():
                parameter.data = torch.tensor(parameters[key])
        loss = trainer.loss(torch.tensor(X.T.copy()), step=50)
        loss.backward()
        ours = variant.evaluate(parameters, X)
        assert ours.loss.total / N == pytest.approx(loss.item(), rel=1e-6)
        for key, parameter in names.items():
            assert_allclose(ours.gradients[key] / N, parameter.grad.numpy(), rtol=1e-6, atol=1e-8, err_msg=key)


@pytest.mark.parametrize("variant", [Standard(0.3), Standard(0.3, True), BiasSubtracted(0.3), TopK(2), BatchTopK(2), JumpReLU(0.05), Gated(0.3)], ids=repr)
def test_sae_lens_loads_ours(variant, tmp_path):
    sae_lens = pytest.importorskip("sae_lens")
    planted = planted_features(12, 6, seed=0)
    model = train_sparse_autoencoder(planted, 12, activation=variant, steps=60, batch_size=64, learning_rate=3e-3, seed=0).model
    sae = sae_lens.SAE.load_from_disk(save_model(model, tmp_path))
    x = planted(np.random.default_rng(1), 50)
    forward = model.forward(x)
    with torch.no_grad():
        features = sae.encode(torch.tensor(x.T.copy()))
        reconstruction = sae.decode(features)
    assert_allclose(features.numpy().T, forward.features, atol=1e-5)
    assert_allclose(reconstruction.numpy().T, forward.reconstruction, atol=1e-5)
    W_enc = model.W_enc if isinstance(model, SparseAutoencoder) else model.parameters["W_enc"]
    assert (W_enc == sae.W_enc.detach().numpy().T).all(), "to the bit"


@pytest.mark.parametrize("name, settings", [("Standard", {}), ("TopK", {"k": 3}), ("TopK", {"k": 3, "rescale_acts_by_decoder_norm": True}), ("JumpReLU", {}), ("Gated", {})])
@pytest.mark.parametrize("subtract", [True, False])
def test_we_load_those_of_sae_lens(name, settings, subtract, tmp_path):
    sae_lens = pytest.importorskip("sae_lens")
    if name == "Gated" and not subtract:
        pytest.skip("the book's gated one subtracts b_dec")
    config = getattr(sae_lens, f"{name}SAEConfig")(d_in=D, d_sae=M, apply_b_dec_to_input=subtract, **settings)
    sae = getattr(sae_lens, f"{name}SAE")(config)
    torch.manual_seed(0)
    with torch.no_grad():
        for key, parameter in sae.named_parameters():
            parameter.data = torch.randn_like(parameter)
            if key == "threshold":
                parameter.data.abs_()
    sae.save_model(tmp_path)
    model = load_model(tmp_path)
    forward = model.forward(X.astype(np.float32))
    with torch.no_grad():
        features = sae.encode(torch.tensor(X.T.astype(np.float32)))
        reconstruction = sae.decode(features)
    assert_allclose(forward.reconstruction, reconstruction.numpy().T, atol=1e-4)
    assert ((forward.features != 0) == (features.numpy().T != 0)).all()
    if not settings.get("rescale_acts_by_decoder_norm"):
        assert (sae.W_enc.detach().numpy() == model.W_enc.T).all(), "to the bit"
        again = save_model(model, tmp_path / "again")
        theirs, ours = ((folder / "sae_weights.safetensors") for folder in (tmp_path, again))
        from safetensors.numpy import load_file

        theirs, ours = load_file(theirs), load_file(ours)
        assert theirs.keys() == ours.keys()
        assert all(theirs[key].tobytes() == ours[key].tobytes() for key in ours)
        assert json.loads((again / "cfg.json").read_text())["architecture"] == name.lower()
