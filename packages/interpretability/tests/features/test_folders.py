"""A dictionary on disk: the layout that SAELens reads (itself in tests/oracles), and what is no dictionary."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from gpt2 import GPT2, GPT2Config
from interpretability import SparseAutoencoder, load_features, save_features

MODEL = GPT2(GPT2Config(n_vocab=30, n_ctx=8, n_embd=6, n_head=2, n_layer=2))


def random_autoencoder(place: str = "0.resid_post", width: int = 6) -> SparseAutoencoder:
    draw = torch.Generator().manual_seed(0)
    parts = [torch.randn(*shape, generator=draw) for shape in ((20, width), (20,), (20, width), (width,))]
    return SparseAutoencoder(place, 3, *parts)


def test_the_files_are_those_of_saelens(tmp_path: Path) -> None:
    """`TopKSAE.encode`: relu of the k highest of (x - b_dec) W_enc + b_enc; `decode`: strengths W_dec + b_dec."""
    autoencoder = random_autoencoder()
    save_features(tmp_path, autoencoder, MODEL, model_name="mine")
    configuration = json.loads((tmp_path / "cfg.json").read_text())
    metadata = configuration.pop("metadata")
    assert configuration == {
        "architecture": "topk",
        "k": 3,
        "d_in": 6,
        "d_sae": 20,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": True,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "rescale_acts_by_decoder_norm": False,
    }
    assert metadata["hook_name"] == "blocks.0.hook_resid_post"
    assert metadata["model_name"] == "mine"
    assert metadata["sae_lens_version"] >= "6"  # or SAELens would take it for an older layout, and drop the hook's name
    weights = load_file(tmp_path / "sae_weights.safetensors")
    assert {name: array.shape for name, array in weights.items()} == {
        "W_enc": (6, 20),
        "b_enc": (20,),
        "W_dec": (20, 6),
        "b_dec": (6,),
    }
    x = np.random.default_rng(0).normal(size=(7, 6)).astype(np.float32)
    pre = (x - weights["b_dec"]) @ weights["W_enc"] + weights["b_enc"]
    strengths = np.zeros_like(pre)
    for row, best in enumerate(np.argsort(-pre, axis=1)[:, :3]):
        strengths[row, best] = np.maximum(pre[row, best], 0)
    theirs = strengths @ weights["W_dec"] + weights["b_dec"]
    np.testing.assert_allclose(autoencoder(torch.tensor(x)).numpy(), theirs, atol=1e-5)


def test_what_is_loaded_is_what_was_saved(tmp_path: Path) -> None:
    autoencoder = random_autoencoder()
    save_features(tmp_path / "new" / "folder", autoencoder, MODEL)
    found = load_features(tmp_path / "new" / "folder", MODEL)
    assert (found.place, found.k) == (autoencoder.place, 3)
    for name in ("encoder", "encoder_bias", "decoder", "center"):
        assert torch.equal(getattr(found, name), getattr(autoencoder, name))


@pytest.mark.parametrize(
    ("hook", "place"),
    [
        ("blocks.1.hook_resid_pre", "1.resid_pre"),
        ("blocks.0.hook_mlp_out", "0.feed_forward.out"),
        ("blocks.0.hook_attn_out", "0.attention.out"),
    ],
)
def test_a_dictionary_of_saelens_names_the_place_by_its_hook(tmp_path: Path, hook: str, place: str) -> None:
    save_features(tmp_path, random_autoencoder(), MODEL)
    configuration = json.loads((tmp_path / "cfg.json").read_text())
    configuration["metadata"] = {"hook_name": hook}
    (tmp_path / "cfg.json").write_text(json.dumps(configuration))
    assert load_features(tmp_path, MODEL).place == place
    configuration["metadata"] = {"hook_name": "blocks.0.attn.hook_z"}
    (tmp_path / "cfg.json").write_text(json.dumps(configuration))
    with pytest.raises(ValueError, match="hook_name: wanted one of a stream"):
        load_features(tmp_path)


def test_what_is_no_dictionary_for_this_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such folder, so no"):
        load_features(tmp_path / "none")
    with pytest.raises(ValueError, match=r"a folder without cfg\.json"):
        load_features(tmp_path)
    save_features(tmp_path, random_autoencoder("1.resid_post"), MODEL)
    with pytest.raises(ValueError, match="from a larger model"):
        load_features(tmp_path, GPT2(GPT2Config(n_vocab=30, n_ctx=8, n_embd=6, n_head=2, n_layer=1)))
    with pytest.raises(ValueError, match="wanted features of 8 channels, got 6"):
        load_features(tmp_path, GPT2(GPT2Config(n_vocab=30, n_ctx=8, n_embd=8, n_head=2, n_layer=2)))
    configuration = json.loads((tmp_path / "cfg.json").read_text())
    for change, said in (
        ({"architecture": "standard"}, "wanted architecture 'topk'"),
        ({"normalize_activations": "layer_norm"}, "wanted normalize_activations 'none'"),
        ({"k": 0}, "whole dictionary"),
        ({"d_sae": 21}, r"weights of shape \[21, 6\]"),
    ):
        (tmp_path / "cfg.json").write_text(json.dumps(configuration | change))
        with pytest.raises(ValueError, match=said):
            load_features(tmp_path)
    (tmp_path / "cfg.json").write_text("[1]")
    with pytest.raises(ValueError, match="wanted a JSON object"):
        load_features(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="wanted a folder, got a file"):
        save_features(tmp_path / "file", random_autoencoder(), MODEL)
