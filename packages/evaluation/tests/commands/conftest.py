"""Two models with one tokenizer as folders, and files to score."""

import json
import shlex

import pytest

import gpt2
from workbench import typed

TEXTS = ["Grüße aus 世界", "the cat and the hat " * 20, "x"]


@pytest.fixture(scope="session")
def folders(tmp_path_factory, models):
    """Two models with one tokenizer."""
    tokenizer = gpt2.Tokenizer.train(TEXTS * 3, 270)
    paths = []
    for seed in (0, 1):
        model = models.random(tokenizer.n_vocab, 64, scale=4, seed=seed, n_layer=1)
        paths.append(str(tmp_path_factory.mktemp(f"model{seed}")))
        gpt2.save(paths[-1], model, tokenizer)
    return paths


@pytest.fixture
def texts(tmp_path):
    """A folder with lines of JSON and a text of 500 lines."""
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in TEXTS), encoding="utf-8")
    (tmp_path / "text.txt").write_text("".join(f"line {n} of the hat\n" for n in range(500)), encoding="utf-8")
    return tmp_path


@pytest.fixture
def passages(tmp_path):
    """A file of twelve questions for lambada."""
    path = tmp_path / "lambada.jsonl"
    lines = [{"text": f"{'the cat and ' * n}the {word}"} for n in range(1, 7) for word in ("hat", "世界")]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def hint():
    """The line that says what to type next."""
    return lambda *words: f"next: {typed('evaluation', shlex.join(['evaluation', *words]))}"


@pytest.fixture(scope="session")
def lines_of():
    """The objects in a text of JSON lines."""
    return lambda text: [json.loads(line) for line in text.splitlines()]
