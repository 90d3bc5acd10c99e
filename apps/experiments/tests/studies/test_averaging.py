"""The average of models is the model of the average weights, and opens everywhere."""

import pytest
import torch

import gpt2
from experiments import average
from experiments.studies.averaging import judged


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Three models of one shape and one tokenizer."""
    folder = tmp_path_factory.mktemp("models")
    tokenizer = gpt2.Tokenizer.train(["the cat and the hat " * 20], 270)
    config = gpt2.GPT2Config(n_vocab=tokenizer.n_vocab, n_ctx=8, n_embd=8, n_head=2, n_layer=1)
    for number in range(3):
        model = gpt2.GPT2(config, generator=torch.Generator().manual_seed(number))
        gpt2.save(folder / str(number), model, tokenizer)
    return folder, config, tokenizer


def test_every_weight_is_the_mean(models, tmp_path):
    folder, _, tokenizer = models
    paths = [folder / str(number) for number in range(3)]
    average(paths, tmp_path / "mean")
    loaded, its_tokenizer = gpt2.load(tmp_path / "mean")
    each = [gpt2.load(path)[0].state_dict() for path in paths]
    for name, tensor in loaded.state_dict().items():
        mean = torch.stack([one[name].double() for one in each]).mean(0)
        torch.testing.assert_close(tensor, mean.float(), rtol=1e-6, atol=1e-9)
    assert its_tokenizer.fingerprint == tokenizer.fingerprint
    text = tmp_path / "held.txt"
    text.write_text("the hat and the cat " * 5)
    scores = judged([*paths, tmp_path / "mean"], text)
    assert len(scores) == 4
    ids = torch.tensor([[tokenizer.end_of_text, *tokenizer.encode(text.read_text())]])
    with torch.inference_mode():
        places = range(0, ids.shape[1] - 1, 8)
        nats = sum(float(loaded.loss(ids[:, :-1][:, a : a + 8], ids[:, 1:][:, a : a + 8])[0]) for a in places)
    expected = nats / 0.6931471805599453 / len(text.read_text())
    assert scores[str(tmp_path / "mean")] == pytest.approx(expected, rel=1e-5)


def test_what_cannot_be_averaged(models, tmp_path, command):
    folder, config, tokenizer = models
    with pytest.raises(ValueError, match="CKPT: wanted at least two checkpoints, got 1"):
        average([folder / "0"], tmp_path / "mean")
    with pytest.raises(ValueError, match=r"0: wanted each checkpoint once, got it twice"):
        average([folder / "0", folder / "1", folder / "1" / ".." / "0"], tmp_path / "mean")
    (tmp_path / "latest").write_text("step-000020\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"latest: wanted a checkpoint, got the name of one, step-000020; .*step-\*"):
        average([tmp_path / "latest", folder / "0"], tmp_path / "mean")
    wider = gpt2.GPT2(config.replace(n_embd=16), generator=torch.Generator().manual_seed(0))
    gpt2.save(tmp_path / "wide", wider, tokenizer)
    with pytest.raises(ValueError, match=r"wide: wanted the shape of .*n_embd=16"):
        average([folder / "0", tmp_path / "wide"], tmp_path / "mean")
    other = gpt2.Tokenizer.train(["a bat sat at a mat " * 20], 270)
    gpt2.save(tmp_path / "other", gpt2.load(folder / "0")[0], other)
    with pytest.raises(ValueError, match="other: wanted the tokenizer of"):
        average([folder / "0", tmp_path / "other"], tmp_path / "mean")
    with pytest.raises(ValueError, match="wanted a new folder, got one that exists"):
        average([folder / "0", folder / "1"], folder / "2")
    assert not (tmp_path / "mean").exists()
    code, _, errors = command("average", folder / "0", folder / "1")
    assert (code, "--out: wanted a folder for the averaged model" in errors) == (2, True)
    code, said, _ = command("average", folder / "0", folder / "1", "--out", tmp_path / "mean")
    assert (code, str(tmp_path / "mean") in said) == (0, True)
    text = tmp_path / "held.txt"
    text.write_text("the hat and the cat " * 5)
    code, said, _ = command("average", folder / "0", folder / "1", "--out", tmp_path / "m", "--text", text)
    assert len({line.index("bits per byte") for line in said.splitlines()[:3]}) == 1, "in one column"
