"""Models on disk: a folder with ``sae_weights.safetensors`` and ``cfg.json``, as SAELens writes and reads it.

sae-lens loads what is saved here (standard, topk, jumprelu, gated), and its models of these kinds load here.  It stores
tokens as rows, so its matrices are the transposes of ours.  What has no counterpart there, an `Autoencoder` or a
`Transcoder`, is stored in the same two files under a name of its own.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from ae_core import Autoencoder, SparseAutoencoder
from ae_variants import Gated, JumpReLU, TopK, Transcoder, VariantModel

WEIGHTS, CONFIG = "sae_weights.safetensors", "cfg.json"
ARCHITECTURES = {"topk": TopK, "jumprelu": JumpReLU, "gated": Gated, "by_hand_transcoder": Transcoder}
"""SAELens' name of each variant that a `VariantModel` may hold; "standard" is a `SparseAutoencoder`."""

Model = Autoencoder | SparseAutoencoder | VariantModel


def save_model(model: Model, folder) -> Path:
    """Write a model's numbers and settings into ``folder``, which is made if need be.

    Numbers are stored in float32 where that loses nothing, as after training in float32; else in float64.

    Parameters
    ----------
    model : Autoencoder, SparseAutoencoder or VariantModel
    folder : str or path

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    TypeError
        If the model is of no kind that can be stored.
    """
    from safetensors.numpy import save_file

    architecture, arrays, settings = _take_apart(model)
    exact = all(np.array_equal(array.astype(np.float32), array) for array in arrays.values())
    dtype = np.float32 if exact else np.float64
    config = {"dtype": np.dtype(dtype).name, "device": "cpu", "architecture": architecture}
    if "W_enc" in arrays:
        config |= {"d_in": arrays["W_enc"].shape[0], "d_sae": arrays["W_enc"].shape[1]}
        config |= {"normalize_activations": "none", "reshape_activations": "none"}
        config |= {"apply_b_dec_to_input": settings.pop("subtract_decoder_bias", True)}
    if "k" in settings:
        config |= {"k": settings.pop("k"), "rescale_acts_by_decoder_norm": False}
    config["metadata"] = {"settings": settings}

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: np.ascontiguousarray(array, dtype) for name, array in arrays.items()}, folder / WEIGHTS)
    (folder / CONFIG).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    return folder


def load_model(folder) -> Model:
    """Read a model that `save_model` or SAELens has written.

    Parameters
    ----------
    folder : str or path

    Returns
    -------
    Autoencoder, SparseAutoencoder or VariantModel

    Raises
    ------
    ValueError
        If the model is of a kind, or prepares its input in a way, that the book does not have.
    """
    from safetensors.numpy import load_file

    folder = Path(folder)
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    try:
        arrays = load_file(folder / WEIGHTS)
    except (KeyError, TypeError) as error:  # a number format that numpy does not have
        raise ValueError(f"{folder / WEIGHTS}: expected float16, float32 or float64 numbers: {error}") from None
    architecture = config.get("architecture", "standard")
    settings = dict((config.get("metadata") or {}).get("settings") or {})
    if architecture == "by_hand_autoencoder":
        layers = range(1, len(arrays) // 2 + 1)
        return Autoencoder([arrays[f"W{k}"] for k in layers], [arrays[f"b{k}"] for k in layers], settings["output_relu"])
    if architecture != "standard" and architecture not in ARCHITECTURES:
        raise ValueError(f"architecture: expected standard, {', '.join(ARCHITECTURES)}, got {architecture!r}")
    for name in ("normalize_activations", "reshape_activations"):
        if config.get(name, "none") != "none":
            raise ValueError(f"{name}: expected none, got {config[name]!r}")

    arrays["W_enc"], arrays["W_dec"] = arrays["W_enc"].T, arrays["W_dec"].T
    if architecture == "topk":
        settings["k"] = int(config["k"])
        if config.get("rescale_acts_by_decoder_norm"):  # it then chooses by f · norm; fold the norms in
            norms = np.linalg.norm(arrays["W_dec"], axis=0)
            arrays["W_enc"], arrays["b_enc"] = arrays["W_enc"] * norms[:, None], arrays["b_enc"] * norms
            arrays["W_dec"] = arrays["W_dec"] / norms
    if architecture == "gated":
        arrays["b_enc"] = arrays.pop("b_gate")
    if "log_threshold" in arrays:  # older files
        arrays["threshold"] = np.exp(arrays.pop("log_threshold"))
    subtracts = bool(config.get("apply_b_dec_to_input", True))
    if architecture == "standard":
        return SparseAutoencoder(*(arrays[name] for name in ("W_enc", "b_enc", "W_dec", "b_dec")), subtracts)
    if architecture in ("topk", "jumprelu"):  # for the others the book knows one way only
        settings["subtract_decoder_bias"] = subtracts
    elif subtracts != (architecture == "gated"):
        raise ValueError(f"apply_b_dec_to_input: expected {not subtracts} for {architecture}, got {subtracts}")
    defaults = {"jumprelu": {"l0_coefficient": 0}, "gated": {"l1_coefficient": 0}}.get(architecture, {})
    return VariantModel(ARCHITECTURES[architecture](**(defaults | settings)), arrays)


def _take_apart(model: Model) -> tuple[str, dict, dict]:
    """Give SAELens' name of the architecture, its arrays by their names there, and the settings."""
    if isinstance(model, Autoencoder):
        arrays = {f"W{k}": weight for k, weight in enumerate(model.weights, start=1)}
        arrays |= {f"b{k}": bias for k, bias in enumerate(model.biases, start=1)}
        return "by_hand_autoencoder", arrays, {"output_relu": model.output_relu}
    if isinstance(model, SparseAutoencoder):
        arrays = {name: getattr(model, name) for name in ("W_enc", "b_enc", "W_dec", "b_dec")}
        architecture, settings = "standard", {"subtract_decoder_bias": model.subtract_decoder_bias}
    else:
        names = {kind: name for name, kind in ARCHITECTURES.items()}
        kind = type(getattr(model, "variant", None))
        if kind not in names:
            raise TypeError(f"model: expected an Autoencoder, a SparseAutoencoder or a VariantModel, got {model!r:.60}")
        architecture, arrays = names[kind], dict(model.parameters)
        settings = asdict(model.variant)
    arrays["W_enc"], arrays["W_dec"] = arrays["W_enc"].T, arrays["W_dec"].T
    if architecture == "gated":
        arrays["b_gate"] = arrays.pop("b_enc")
    return architecture, arrays, settings
