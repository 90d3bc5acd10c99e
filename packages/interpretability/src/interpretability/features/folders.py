"""A dictionary of features on disk, in the layout of SAELens, so that its tools open it.

FOLDER/cfg.json                    what it is: SAELens' `TopKSAEConfig`
FOLDER/sae_weights.safetensors     W_enc [C, F], b_enc [F], W_dec [F, C], b_dec [C]

Layout: decoderesearch/SAELens `sae_lens/saes/sae.py` (`SAE.save_model`, `SAE.load_from_disk`) and `topk_sae.py`.
"""

import json
from pathlib import Path
from typing import Any

from gpt2 import GPT2
from workbench import expanded, read_object, write_text

from ..files.tensor_files import read_tensor_file, write_tensor_file
from ..places import places_of
from .autoencoder import SparseAutoencoder

CONFIGURATION, WEIGHTS = "cfg.json", "sae_weights.safetensors"
LAYOUT = "6.0.0"
"""The version of SAELens whose layout this is; without one it takes a file for an older one, and drops what it says."""
MADE_BY = "`interpretability features MODEL --save FOLDER`"


def save_features(folder: str | Path, autoencoder: SparseAutoencoder, model: GPT2, *, model_name: str = "gpt2") -> None:
    """Write both files; an earlier dictionary there is replaced. model_name: as which SAELens may look for the
    model."""
    folder = expanded(folder)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder}: wanted a folder, got a file; name another")
    tensors = {
        "W_enc": autoencoder.encoder.T,
        "b_enc": autoencoder.encoder_bias,
        "W_dec": autoencoder.decoder,
        "b_dec": autoencoder.center,
    }
    write_tensor_file(folder / WEIGHTS, tensors, {"place": autoencoder.place})
    configuration: dict[str, Any] = {
        "architecture": "topk",
        "k": autoencoder.k,
        "d_in": autoencoder.decoder.shape[1],
        "d_sae": autoencoder.n_features,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": True,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "rescale_acts_by_decoder_norm": False,
        "metadata": {
            "sae_lens_version": LAYOUT,
            "hook_name": places_of(model)[autoencoder.place].hook,
            "place": autoencoder.place,
            "model_name": model_name,
            "context_size": model.n_ctx,
            "prepend_bos": False,
        },
    }
    write_text(folder / CONFIGURATION, json.dumps(configuration, indent=2) + "\n")


def load_features(folder: str | Path, model: GPT2 | None = None) -> SparseAutoencoder:
    """The dictionary of a folder that `save_features` or SAELens wrote (top-k, no normalization of its own).

    model: the one it is for; ValueError where its place has another width there. ValueError for a folder that holds
    none.
    """
    folder = expanded(folder)
    if not (folder / CONFIGURATION).is_file():
        got = "a folder without" if folder.is_dir() else "no such folder, so no"
        raise ValueError(
            f"{folder}: wanted a dictionary of features, got {got} {CONFIGURATION}; make one with {MADE_BY}"
        )
    configuration = read_object(folder / CONFIGURATION)
    tensors, _ = read_tensor_file(folder / WEIGHTS, "the weights of a dictionary", MADE_BY)
    _check_kind(folder, configuration, tensors)
    place = _place_of(configuration)
    autoencoder = SparseAutoencoder(
        place,
        int(configuration["k"]),
        tensors["W_enc"].float().T.contiguous(),
        tensors["b_enc"].float(),
        tensors["W_dec"].float(),
        tensors["b_dec"].float(),
    )
    if model is not None:
        _check_model(folder, autoencoder, model)
    return autoencoder


def _check_kind(folder: Path, configuration: dict[str, Any], tensors: dict[str, Any]) -> None:
    wanted = {"architecture": "topk", "normalize_activations": "none", "apply_b_dec_to_input": True}
    for name, value in wanted.items():
        if (got := configuration.get(name, value)) != value:
            raise ValueError(
                f"{folder / CONFIGURATION}: wanted {name} {value!r}, got {got!r}; use SAELens for that kind"
            )
    absent = [name for name in ("W_enc", "b_enc", "W_dec", "b_dec") if name not in tensors]
    k, n_features = configuration.get("k"), configuration.get("d_sae")
    if absent or not isinstance(k, int) or not isinstance(n_features, int) or not 1 <= k <= n_features:
        got = f"none of {', '.join(absent)}" if absent else f"k {k!r} of {n_features!r}"
        raise ValueError(f"{folder}: wanted a whole dictionary of features, got {got}; make one with {MADE_BY}")
    width, shape = configuration.get("d_in"), list(tensors["W_dec"].shape)
    if shape != [n_features, width] or list(tensors["W_enc"].shape) != shape[::-1]:
        raise ValueError(
            f"{folder}: wanted weights of shape [{n_features}, {width}], as {CONFIGURATION} says, got {shape}; copy "
            "both files again"
        )


def _place_of(configuration: dict[str, Any]) -> str:
    """The place that was written down, or what SAELens' name of the hook means here."""
    metadata = configuration.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    if isinstance(metadata.get("place"), str):
        return str(metadata["place"])
    hook = str(metadata.get("hook_name") or configuration.get("hook_name") or "")
    parts = hook.removeprefix("blocks.").split(".", 1)
    at = {"hook_resid_pre": "resid_pre", "hook_resid_mid": "resid_mid", "hook_resid_post": "resid_post"}
    at |= {"hook_mlp_out": "feed_forward.out", "hook_attn_out": "attention.out", "mlp.hook_post": "feed_forward.hidden"}
    if len(parts) == 2 and parts[1] in at:
        return f"{parts[0]}.{at[parts[1]]}"
    raise ValueError(f"hook_name: wanted one of a stream or a layer's write, got {hook!r}; see interpretability.PLACES")


def _check_model(folder: Path, autoencoder: SparseAutoencoder, model: GPT2) -> None:
    places = places_of(model)
    if autoencoder.place not in places:
        raise ValueError(
            f"{folder}: wanted features of a place of this model, got {autoencoder.place}; it was learned from a "
            "larger model: learn one for this"
        )
    width = model.config.n_embd * (4 if places[autoencoder.place].shape == "B T 4C" else 1)
    if autoencoder.decoder.shape[1] != width:
        raise ValueError(
            f"{folder}: wanted features of {width} channels, got {autoencoder.decoder.shape[1]}; it was learned from "
            "another model: learn one for this"
        )
