"""A name on the hub: downloaded at its revision, and told apart from a mistyped path."""

import pytest
import torch

import gpt2


@pytest.mark.extras
def test_a_name_on_the_hub_is_downloaded_at_its_revision(model, tokenizer, tokens, tmp_path, monkeypatch):
    gpt2.save(tmp_path, model, tokenizer)
    asked = []

    def snapshot_download(name, *, revision, allow_patterns):
        asked.append((name, revision))
        assert not any(pattern.endswith((".bin", ".pt", "*")) for pattern in allow_patterns)
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    monkeypatch.chdir(tmp_path)
    assert torch.equal(gpt2.load("openai-community/gpt2@607a30d")[0](tokens), model(tokens))
    gpt2.load("distilgpt2", revision="main")
    gpt2.load("a/b")
    assert asked == [("openai-community/gpt2", "607a30d"), ("distilgpt2", "main"), ("a/b", None)]
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ValueError, match="wanted a repository with safetensors"):
        gpt2.load("a/b")


@pytest.mark.extras
def test_offline_says_so_and_a_mistyped_path_is_no_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(OSError, match=r"wanted a folder here or a model on the hub, .* cannot be reached and no copy"):
        gpt2.load("nobody/has-this-one")
    (tmp_path / "runs").mkdir()
    with pytest.raises(ValueError, match="no such folder"):
        gpt2.load("runs/003")
    with pytest.raises(ValueError, match="no such folder"):
        gpt2.load("./nothing")
    (tmp_path / "weights.onnx").touch()
    with pytest.raises(ValueError, match=r"wanted a model folder, or a file .pt or .bin"):
        gpt2.load("weights.onnx")


def test_without_the_extra_the_message_names_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match=r"gpt2\[hub\]"):
        gpt2.load("nobody/has-this-one")
