"""`load` finds what is meant, and refuses what is no model of ours."""

from pathlib import Path

import pytest
import torch

import gpt2


def test_a_folder_with_tokenizer_json_alone_is_read(model, tokenizer, tmp_path):
    gpt2.save(tmp_path, model, tokenizer)
    for name in ("vocab.json", "merges.txt"):
        (tmp_path / name).unlink()
    assert gpt2.load(tmp_path)[1].ranks == tokenizer.ranks


def test_a_quantized_folder_is_refused_with_the_name_of_its_package(tmp_path):
    (tmp_path / "quantization.json").write_text("{}")
    with pytest.raises(ValueError, match=r"wanted weights in float, got a quantized model; .* quantization.load"):
        gpt2.load(tmp_path)


@pytest.fixture
def run_at_home(model, tokenizer, tmp_path, monkeypatch):
    """~/run, a finished run as far as readers care."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    gpt2.save("~/run/model", model, tokenizer)
    assert (tmp_path / "run" / "model" / "config.json").is_file()
    monkeypatch.chdir(tmp_path)
    return "~/run"


def test_every_source_may_be_a_run_folder_at_home(run_at_home, model, tokenizer, command):
    again, its_tokenizer = gpt2.load(run_at_home)
    assert all(map(torch.equal, again.parameters(), model.parameters()))
    assert its_tokenizer.ranks == gpt2.Tokenizer.load(run_at_home).ranks == tokenizer.ranks
    assert gpt2.load(run_at_home, tokenizer=run_at_home)[1].ranks == tokenizer.ranks
    assert gpt2.fingerprint(run_at_home) == gpt2.fingerprint(f"{run_at_home}/model")
    assert all(finding.held for finding in gpt2.verify(run_at_home, tokenizer=run_at_home))
    for arguments in (("inspect", run_at_home), ("fit", run_at_home), ("tokens", "x", "--tokenizer", run_at_home)):
        code, _, errors = command(*arguments)
        assert code == 0, errors


def test_a_run_takes_model_and_tokenizer_of_a_run_folder_at_home(run_at_home, tokenizer, text_file, tmp_path):
    small = {"text": str(text_file), "recipe": "tiny", "steps": 1, "batch_size": 2, "device": "cpu"}
    for wishes in ({"source": run_at_home, "recipe": None}, {"tokenizer": run_at_home}):
        out = Path("~", "-".join(wishes))
        run = gpt2.run(gpt2.TrainSettings(**{**small, **wishes}, out=out))
        assert run.tokenizer.ranks == tokenizer.ranks
        assert len(list(run)) == 1
        assert run.folder == tmp_path / out.name
        assert gpt2.run(gpt2.TrainSettings(resume=out)).finished
    assert not (tmp_path / "~").exists()


def test_a_run_that_has_no_model_yet_has_a_tokenizer(tokenizer, tmp_path):
    tokenizer.save(tmp_path / "tokenizer", n_ctx=24)
    assert gpt2.Tokenizer.load(tmp_path).ranks == tokenizer.ranks


def test_without_a_home_that_is_said_and_no_folder_is_named_tilde(model, tokenizer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.path.expanduser", str)
    for work in (
        lambda: gpt2.load("~/run"),
        lambda: gpt2.Tokenizer.load("~/run"),
        lambda: gpt2.save("~/run", model, tokenizer),
        lambda: tokenizer.save("~/run", n_ctx=24),
        lambda: gpt2.run(gpt2.TrainSettings(out=Path("~/run"))),
    ):
        with pytest.raises(ValueError, match="wanted a home folder for ~"):
            work()
    assert not list(tmp_path.iterdir())
