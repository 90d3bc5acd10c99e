"""The commands `heads`, `lens`, `neurons`, `features`, `probe` and `induction`, as they are typed."""

import json
from pathlib import Path

import pytest
import torch

import gpt2
from gpt2 import GPT2, GPT2Config, Tokenizer
from interpretability.commands.main import main

TEXT = 'def area(width):\n    return "a" + width * 2\n\n# and so on\nx = area(12)\n' * 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run: a tiny model, two checkpoints of it, and a text beside it."""
    folder = tmp_path_factory.mktemp("made")
    tokenizer = Tokenizer({bytes([byte]): byte for byte in range(256)})
    config = GPT2Config(n_vocab=257, n_ctx=32, n_embd=16, n_head=2, n_layer=2)
    for number, place in enumerate(("checkpoints/step-000000", "checkpoints/step-000010", "model")):
        model = GPT2(config, generator=torch.Generator().manual_seed(number))
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.ndim == 2:
                    parameter.mul_(6)
        gpt2.save(folder / "run" / place, model, tokenizer)
    (folder / "text.txt").write_text(TEXT)
    (folder / "short.txt").write_text("a")
    with torch.no_grad():
        model.final_norm.bias[3] = float("nan")
    gpt2.save(folder / "broken", model, tokenizer)
    return folder


def said(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """What a command that works prints; every line fits 80 columns but those that name files and commands."""
    assert main([str(word) for word in words]) == 0, capsys.readouterr().err
    printed = capsys.readouterr().out
    named = ("Picture:", "Lens:", "Features:", "Run:", "  uv run", "  interpretability")
    wide = [line for line in printed.splitlines() if len(line) > 80 and not line.startswith(named)]
    assert not wide or "--json" in words, wide
    return printed


def test_heads(folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    printed = said(capsys, "heads", folder / "run")
    assert "L1H1" in printed
    assert "No induction head" in printed
    assert "Next:" in printed
    facts = json.loads(said(capsys, "heads", folder / "run", "--json", "--text", folder / "text.txt", "--period", 8))
    assert len(facts["scores"]["induction"]) == 2
    history = json.loads(said(capsys, "heads", folder / "run", "--checkpoints", "all", "--json"))
    assert [line["step"] for line in history["steps"]] == [0, 10]
    assert history["steps"][0]["previous"] != history["steps"][1]["previous"]


@pytest.mark.extras
def test_pictures(folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = ("--text", folder / "text.txt", "--tokens", 960)
    for words in (
        ("heads",),
        ("heads", "--checkpoints", "all"),
        ("lens", *text),
        ("lens", "--checkpoints", "2", *text),
        ("neurons", *text),
        ("features", "--steps", 2, "--features", 32, "--active", 4, *text),
        ("probe", *text),
        ("probe", "--checkpoints", "all", *text),
    ):
        picture = tmp_path / f"{words[0]}-{len(words)}.png"
        assert f"Picture: {picture}" in said(capsys, words[0], folder / "run", *words[1:], "--out", picture)
        assert picture.read_bytes()[:4] == b"\x89PNG"


def test_lens(folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    run, text = folder / "run", ("--text", folder / "text.txt", "--tokens", 1600)
    printed = said(capsys, "lens", run, "--prompt", "return a", *text)
    assert "plain lens" in printed
    assert "--tune lens.safetensors" in printed
    path = tmp_path / "lens.safetensors"
    tuned = json.loads(said(capsys, "lens", run, "--tune", path, "--steps", 3, "--json", *text))
    assert tuned["lens"] == "tuned"
    for place in ("0.resid_pre", "0.resid_post", "1.resid_mid"):
        assert tuned["distance"]["tuned"][place] < tuned["distance"]["plain"][place]
    again = json.loads(said(capsys, "lens", run, "--tuned", path, "--json", *text))
    assert again == tuned
    history = said(capsys, "lens", run, "--checkpoints", "all", *text)
    assert "by step" in history


def test_neurons(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = ("--text", folder / "text.txt", "--tokens", 960)
    printed = said(capsys, "neurons", folder / "run", "--neuron", "1.5", "--neuron", "0.63", *text)
    assert "Neuron 1.5: active on" in printed
    assert "Neuron 0.63: active on" in printed
    facts = json.loads(said(capsys, "neurons", folder / "run", "--json", "--top", 2, *text))
    assert len(facts["neurons"]) == 2
    first = facts["neurons"][0]["passages"]
    assert first[0]["activation"] >= first[1]["activation"]
    assert all(passage["token"] in passage["text"].replace(" ", "·") for passage in first if passage["token"] != "\\n")


def test_features(folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    run, text = folder / "run", ("--text", folder / "text.txt", "--tokens", 1600)
    words = ("--features", 48, "--active", 5, "--steps", 40, "--save", tmp_path / "sae", "--json")
    learned = json.loads(said(capsys, "features", run, *words, *text))
    assert learned["active"] <= 5
    assert learned["place"] == "0.resid_post"
    assert learned["explained"] > 0.3
    loaded = json.loads(said(capsys, "features", run, "--load", tmp_path / "sae", "--json", *text))
    assert loaded["recovered"] == learned["recovered"]
    printed = said(capsys, "features", run, "--load", tmp_path / "sae", *text)
    assert "of the loss recovered" in printed


def test_probe(folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    run, text = folder / "run", ("--text", folder / "text.txt", "--tokens", 1600)
    for name in ("next-kind", "line-start", "in-string", "indented"):
        facts = json.loads(said(capsys, "probe", run, "--property", name, "--json", *text))
        assert facts["places"].keys() == {"0.resid_pre", "0.resid_mid", "0.resid_post", "1.resid_mid", "1.resid_post"}
        assert all(0 <= each["low"] <= each["accuracy"] <= each["high"] <= 1 for each in facts["places"].values())
    labels = tmp_path / "labels.jsonl"
    lines = [{"text": f"{word} {n}!", "label": word} for n in range(12) for word in ("yes", "no")]
    labels.write_text("\n".join(json.dumps(line) for line in lines))
    printed = said(capsys, "probe", run, "--labels", labels, "--place", "1.resid_post")
    assert "2 classes, 7 of 24 held out" in printed


def test_induction(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    facts = json.loads(said(capsys, "induction", "--out", tmp_path / "run", "--steps", 3, "--save-every", 1, "--json"))
    assert [line["step"] for line in facts["steps"]] == [0, 1, 2, 3]
    assert (tmp_path / "run" / "model" / "config.json").is_file()
    assert main(["induction", "--out", str(tmp_path / "run")]) == 2
    assert "wanted a new or empty folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("heads", "none"), "no such folder"),
        (("heads", "RUN", "--period", "17"), "wanted 2..16"),
        (("heads", "RUN", "--checkpoints", "1"), "wanted all, or a number of at least 2"),
        (("heads", "RUN/model", "--checkpoints", "all"), "got a model folder"),
        (("lens", "RUN", "--tune", "a.bin"), "wanted a file .safetensors"),
        (("lens", "RUN", "--tune", "a.safetensors", "--tuned", "a.safetensors"), "got both"),
        (("lens", "RUN", "--tuned", "none.safetensors", "--text", "TEXT"), "got no such file"),
        (("lens", "RUN", "--checkpoints", "all", "--tuned", "a.safetensors"), "wanted the plain lens"),
        (("lens", "RUN", "--prompt", "x" * 33, "--text", "TEXT"), "wanted at most 32 tokens"),
        (("lens", "RUN", "--prompt", "", "--text", "TEXT"), "got an empty one"),
        (("neurons", "RUN", "--neuron", "2.0", "--text", "TEXT"), "layers 0..1"),
        (("neurons", "RUN", "--top", "0", "--text", "TEXT"), "--top: wanted at least 1"),
        (("features", "RUN", "--place", "0.resid", "--text", "TEXT"), "did you mean 0.resid"),
        (("features", "RUN", "--active", "0", "--text", "TEXT"), "--active: wanted at least 1"),
        (("features", "RUN", "--active", "999", "--text", "TEXT"), "k: wanted 1..128"),
        (("features", "RUN", "--features", "9", "--text", "TEXT"), "--features: wanted at least the 32"),
        (("lens", "RUN", "--text", "SHORT"), "got 2 tokens; give more text"),
        (("neurons", "RUN", "--tokens", "9"), "--tokens: wanted at least 64, two rows of 32, got 9; give more"),
        (("attribute", "BROKEN", "--prompt", "a"), "wanted finite weights, got others in final_norm.bias"),
        (("page", "BROKEN", "--int8"), "wanted finite weights, got others in final_norm.bias"),
        (("page", "RUN", "--text", "x" * 40), "--text: wanted 1 to 31 tokens"),
        (("patch", "RUN", "--prompt", "a", "--subject", "a", "--checkpoints", "1"), "or a number of at least 2"),
        (("neurons", "RUN/model", "--checkpoints", "all"), "got a model folder"),
        (("features", "RUN", "--load", "none", "--text", "TEXT"), "dictionary of features"),
        (("probe", "RUN", "--labels", "none.jsonl"), "none.jsonl"),
        (("probe", "RUN", "--labels", "TEXT"), "another ending"),
        (("probe", "RUN", "--place", "0.attention.pattern", "--text", "TEXT"), "a vector a token"),
        (("probe", "RUN", "--property", "hue"), "hue"),
        (("induction", "--steps", "0"), "--steps: wanted at least 1"),
        (("induction", "--out", "TEXT"), "got a file"),
        (("head", "RUN"), "did you mean heads"),
    ],
)
def test_bad_input_is_answered_in_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], error: str
) -> None:
    names = {"RUN": "run", "TEXT": "text.txt", "SHORT": "short.txt", "BROKEN": "broken"}
    for name, path in names.items():
        words = tuple(word.replace(name, str(folder / path)) for word in words)
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert error in err
    assert err.startswith("interpretability: ")
    assert err.count("\n") == 1, err
