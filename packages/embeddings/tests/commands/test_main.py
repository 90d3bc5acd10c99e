"""What a person types: pictures and neighbours of a model's files or of a text file, and what is wrong."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from embeddings import WordVectors, write_vectors
from embeddings.commands.main import main

REASON = "needs the extra embeddings[plots]"

TOKENS = ["the", "Ġthe", "Ġcat", "Ã", "ĠcafÃ©"]  # "Ã" is half a character


@pytest.fixture
def save_file():
    return pytest.importorskip("safetensors.torch", reason=REASON).save_file


@pytest.fixture
def model(tmp_path, save_file):
    """A folder in the Hugging Face layout: six tokens, the last unnamed, and seven positions."""
    folder = tmp_path / "model"
    folder.mkdir()
    wte = torch.eye(6, 4) + torch.tensor([0.0, 0, 0, 0.5])
    save_file(
        {"transformer.wte.weight": wte.half(), "transformer.wpe.weight": torch.randn(7, 4)},
        folder / "model.safetensors",
    )
    (folder / "vocab.json").write_text(json.dumps({token: row for row, token in enumerate(TOKENS)}), "utf-8")
    return folder


@pytest.fixture
def vectors(tmp_path):
    words = tuple(f"word{i}" for i in range(12))
    write_vectors(tmp_path / "vectors.txt", WordVectors(words, torch.randn(12, 5)))
    return tmp_path / "vectors.txt"


def test_help_answers_without_torch():
    code = "import sys, embeddings.commands.main as c\ntry: c.main()\nfinally: assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code, "plot", "--help"], capture_output=True, text=True, check=True)
    assert all(
        option in done.stdout for option in ("MODEL_OR_VECTORS", "--method", "--out", "--seed", "(default: pca)")
    )


@pytest.mark.extras
def test_a_models_tokens_are_named_by_its_vocabulary(model, capsys):
    assert main(["nearest", str(model), "␣cat", "--k", "5"]) == 0
    out = capsys.readouterr().out
    names = {line.split(maxsplit=1)[1] for line in out.splitlines()[1:6]}
    assert names == {"the", "␣the", "Ã", "␣café", "<id␣5>"}
    assert "embeddings plot" in out.splitlines()[-1]


def test_neighbours_are_those_of_the_python_call(vectors, capsys):
    from embeddings import read_vectors

    assert main(["nearest", str(vectors), "word3", "word4", "--k", "2"]) == 0
    given = read_vectors(vectors)
    expected = [f"  {value:.3f}  {word}" for name in ("word3", "word4") for word, value in given.nearest(name, 2)]
    printed = capsys.readouterr().out.splitlines()
    assert printed[1:3] + printed[4:6] == expected


@pytest.mark.extras
def test_shards_and_the_names_of_a_tokenizer_json_are_read(model, tmp_path):
    from embeddings.commands.sources import read_source

    whole = read_source(model)
    (model / "model.safetensors").rename(model / "model-00001-of-00001.safetensors")
    index = {
        "weight_map": {f"transformer.{name}.weight": "model-00001-of-00001.safetensors" for name in ("wte", "wpe")}
    }
    (model / "model.safetensors.index.json").write_text(json.dumps(index))
    (model / "vocab.json").rename(tmp_path / "vocab")
    pieces = json.loads((tmp_path / "vocab").read_text("utf-8"))
    (model / "tokenizer.json").write_text(json.dumps({"model": {"vocab": pieces}}), "utf-8")
    assert read_source(model).words == whole.words == ("the", " the", " cat", "Ã", " café", "<id 5>")
    assert torch.equal(read_source(model).vectors, whole.vectors)
    assert read_source(model, "positions").words == tuple("0123456")
    (model / "tokenizer.json").write_text(json.dumps({"model": {"vocab": [["▁a", 0.5], ["b", 0.1]]}}), "utf-8")
    assert read_source(model).words[:3] == ("▁a", "b", "<id 2>")


@pytest.mark.extras
@pytest.mark.parametrize("command", ["nearest", "plot"])
def test_a_run_stands_for_its_model(model, tmp_path, capsys, command):
    more = ["␣cat", "--k", "3"] if command == "nearest" else ["--out", str(tmp_path / "p.png")]
    assert main([command, str(model), *more]) == 0
    said = capsys.readouterr().out
    assert main([command, str(tmp_path), *more]) == 0
    assert capsys.readouterr().out == said.replace(str(model), str(tmp_path))


@pytest.mark.extras
@pytest.mark.parametrize("command", ["nearest", "plot"])
def test_a_tilde_is_home_in_every_path(vectors, tmp_path, monkeypatch, capsys, command):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "words.txt").write_bytes("\ufeffword1\r\nword2\r\nword3\r\n\r\nword4".encode())
    more = ["word1"] if command == "nearest" else ["--out=~/p.png", "--words=~/words.txt"]
    assert main([command, "~/vectors.txt", *more]) == 0
    assert (tmp_path / "p.png").is_file() == (command != "nearest")


@pytest.mark.extras
@pytest.mark.parametrize("inner", ["\u2028", "\x85", "\x0c"])
def test_words_of_a_file_end_at_line_ends_only(tmp_path, inner):
    from embeddings.commands.sources import read_words

    (tmp_path / "words").write_bytes(f"\ufeffa{inner}b\tg\r\nc\th\n\n".encode())
    assert read_words(tmp_path / "words") == ((f"a{inner}b", "c"), ["g", "h"])


@pytest.mark.extras
@pytest.mark.parametrize("table", ["tokens", "positions"])
def test_a_picture_is_saved_and_its_quality_said(model, tmp_path, capsys, table):
    out = tmp_path / "picture.png"
    assert main(["plot", str(model), "--table", table, "--out", str(out)]) == 0
    assert np.ptp(pytest.importorskip("matplotlib.image", reason=REASON).imread(out)) > 0.5
    printed = capsys.readouterr().out
    assert "pca: trustworthiness" in printed
    assert "embeddings compare" in printed.splitlines()[-1]


@pytest.mark.extras
def test_words_of_a_file_are_drawn_in_their_groups(vectors, tmp_path, capsys):
    words = tmp_path / "words.tsv"
    words.write_text("".join(f"word{i}\tgroup{i % 2}\n" for i in range(6)))
    assert main(["plot", str(vectors), "--words", str(words), "--out", str(tmp_path / "p.svg")]) == 0
    assert "6 vectors of width 5" in capsys.readouterr().out


@pytest.mark.extras
@pytest.mark.parametrize("watched", [True, False])
def test_the_comparison_says_how_far_each_method_is_to_be_trusted(vectors, tmp_path, capsys, monkeypatch, watched):
    pytest.importorskip("umap", reason="needs the extra embeddings[plots]")
    monkeypatch.setattr("embeddings.commands.main.watched", lambda: watched)
    assert main(["compare", str(vectors), "--out", str(tmp_path / "p.png")]) == 0
    printed = capsys.readouterr()
    assert [line.split(":")[0] for line in printed.out.splitlines()[:3]] == ["pca", "tsne", "umap"]
    assert ("Epochs completed" in printed.err) == watched
    assert watched or not printed.err


WRONG = [
    (["nearest", "/no/such", "a"], "got /no/such, which is not there; give the folder"),
    (["nearest", "VECTORS", "word1x"], "got 'word1x'; check its spelling ('word1'"),
    (["nearest", "VECTORS", "qqqq"], "(none is spelled alike); only embeddings.HashedNgrams, made of a word's letters"),
    (
        ["nearest", "VECTORS", "word1", "--kk", "3"],
        "wanted an option of embeddings nearest, got --kk; did you mean --k",
    ),
    (["nearest", "VECTORS", "word1", "--k", "two"], "--k: wanted a whole number, got 'two'"),
    (["nearst", "VECTORS", "word1"], "one of the commands plot, nearest, compare, got 'nearst'; did you mean nearest?"),
    (["nearest", "FOLDER", "a"], "wanted model.safetensors, or shards with"),
]
WRONG_PICTURES = [
    (["plot", "VECTORS", "--out", "p.gif"], "endings .png, .svg, .pdf, in a folder that exists, got p.gif; name"),
    (["plot", "VECTORS", "--out", "OUT", "--first", "2"], "--first of at least 3, got 2; fewer"),
    (["plot", "VECTORS", "--out", "OUT", "--table", "positions"], "the folder of a model to take positions from"),
    (["plot", "VECTORS", "--out", "OUT", "--words", "WORDS"], "got 2 lines with [1, 2] fields in"),
]
WRONG_MODELS = [
    (["nearest", "WHOLE_NUMBERS", "a"], "wanted a table of vectors as wte.weight in"),
    (["nearest", "ONE_ROW", "a"], "got torch.float32 [4]; give a model"),
    (["nearest", "OUTSIDE", "a"], "wanted names of files in"),
    (["nearest", "ELSEWHERE", "a"], "as the index of the shards says, got none"),
    (["nearest", "DEEP", "a"], "wanted a JSON object, got '{"),
    (["nearest", "LISTED", "a"], "wanted an id for each token in"),
    (["nearest", "PIECES", "a"], "wanted an id for each token in"),
    (["nearest", "TORN", "a"], "wanted a whole safetensors file, got"),
    (["nearest", "OTHER", "a"], "wanted a tensor wte.weight in"),
]


@pytest.fixture
def places(vectors, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "words").write_text("word1\nword2\tgroup\n")
    return {"VECTORS": vectors, "OUT": tmp_path / "p.png", "WORDS": tmp_path / "words", "FOLDER": tmp_path / "empty"}


def said_in_one_line(arguments, message, places, capsys):
    assert main([str(places.get(argument, argument)) for argument in arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("embeddings: ")
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_what_is_wrong_is_said_in_one_line(arguments, message, places, capsys):
    said_in_one_line(arguments, message, places, capsys)


@pytest.mark.extras
@pytest.mark.parametrize(("arguments", "message"), WRONG_PICTURES)
def test_what_is_wrong_about_a_picture_is_said_in_one_line(arguments, message, places, capsys):
    said_in_one_line(arguments, message, places, capsys)


@pytest.mark.extras
@pytest.mark.parametrize(("arguments", "message"), WRONG_MODELS)
def test_what_is_wrong_about_a_model_is_said_in_one_line(arguments, message, places, capsys, save_file, tmp_path):
    for name in ("torn", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "torn" / "model.safetensors").write_bytes(b"\x08")
    save_file({"embed.weight": torch.ones(2, 2)}, tmp_path / "other" / "model.safetensors")
    more = {"TORN": tmp_path / "torn", "OTHER": tmp_path / "other"}
    for name, tensor in (
        ("WHOLE_NUMBERS", torch.ones(2, 2, dtype=torch.int32)),
        ("ONE_ROW", torch.ones(4)),
        *((name, torch.ones(2, 2)) for name in ("OUTSIDE", "ELSEWHERE", "DEEP", "LISTED", "PIECES")),
    ):
        more[name] = tmp_path / name
        more[name].mkdir()
        save_file({"wte.weight": tensor}, more[name] / "model.safetensors")
    index = "model.safetensors.index.json"
    (more["OUTSIDE"] / index).write_text('{"weight_map": {"wte.weight": "../WHOLE_NUMBERS/model.safetensors"}}')
    (more["ELSEWHERE"] / index).write_text('{"weight_map": {"transformer.wte.weight": "model.safetensors"}}')
    (more["DEEP"] / "vocab.json").write_text('{"a": ' * 100_000)
    (more["LISTED"] / "vocab.json").write_text('{"a": [0]}')
    (more["PIECES"] / "tokenizer.json").write_text('{"model": {"vocab": [["a", 0.5], "b", []]}}')
    said_in_one_line(arguments, message, places | more, capsys)


def test_without_the_extra_the_command_says_what_to_install(monkeypatch, vectors, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["plot", str(vectors), "--out", str(tmp_path / "p.png")]) == 2
    assert "install the extra: embeddings[plots]" in capsys.readouterr().err
