"""Whatever a file holds and whatever is typed: an answer or one line that says what is wrong, never a traceback."""

import contextlib
import io
import json
import math

import pytest
from hypothesis import HealthCheck, given, settings, strategies as some

import gpt2
from evaluation import BLIMP, CHOICE, HELLASWAG, LAMBADA, read_items, score_items
from evaluation.commands.documents import pieces, read_documents
from evaluation.commands.main import main

FIELDS = ["text", "question", "choices", "answer", "label", "endings", "activity_label", "ctx_a", "ctx_b"]
FIELDS += ["sentence_good", "sentence_bad"]
TEXTS = some.sampled_from(
    ["", " ", "a", "the cat", "[step]", "\ufeff", "\u2028", "\ud800", "<|endoftext|>", "²", "A", "x" * 300]
)
VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | TEXTS | some.text(max_size=5),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.sampled_from(FIELDS), inner, max_size=3),
    max_leaves=5,
)
TEXT_LISTS = some.lists(TEXTS, max_size=3)
LINES = some.fixed_dictionaries(
    {}, optional={name: TEXTS | TEXT_LISTS | some.integers(0, 2) | VALUES for name in FIELDS}
)
CONTENTS = some.lists(LINES.map(json.dumps).map(str.encode) | some.binary(max_size=20), max_size=3).map(b"\r\n".join)
DEEP = ["[" * 100_000, '{"a":' * 100_000, '{"text": ' + "[" * 100_000]
few = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def here(tmp_path_factory, models):
    """A folder with a model, and the model."""
    folder = tmp_path_factory.mktemp("fuzz")
    tokenizer = gpt2.Tokenizer.train(["the cat and the hat"], 260)
    model = models.random(260, 16, scale=2, n_layer=1, n_embd=4)
    gpt2.save(folder / "model", model, tokenizer)
    return folder, model.eval(), tokenizer


@few
@given(
    content=CONTENTS | some.sampled_from(DEEP).map(str.encode),
    task=some.sampled_from([LAMBADA, HELLASWAG, BLIMP, CHOICE]),
)
def test_questions_are_read_and_asked_or_refused(here, content, task):
    folder, model, tokenizer = here
    (folder / "q.jsonl").write_bytes(content)
    with contextlib.suppress(ValueError):
        for score in score_items(model, tokenizer, read_items(task, folder / "q.jsonl")):
            assert all(math.isfinite(nats) for nats in score.nats)


@few
@given(content=CONTENTS | some.sampled_from(DEEP).map(str.encode), name=some.sampled_from(["a.jsonl", "a.txt"]))
def test_documents_are_read_or_refused(here, content, name):
    folder, _, _ = here
    (folder / name).write_bytes(content)
    with contextlib.suppress(ValueError):
        for document in read_documents([str(folder / name)]):
            assert document.text.strip()
            assert "".join(pieces(document.text, 3)) == document.text


NUMBERS = some.sampled_from(["0", "1", "-1", "nan", "inf", "1e300", "1.5", str(10**30), "9" * 5000, "", "x", "None"])
WORDS = some.sampled_from(
    ["--text", "--field", "--device", "--out", "--subset", "--data", "x", "~", "", "cpu", "--json"]
)


@few
@given(
    command=some.sampled_from(
        [["score", "M", "T"], ["tasks", "M", "--task", "lambada", "--data", "T"], ["compare", "M", "M"]]
    ),
    typed=some.lists(some.tuples(some.sampled_from(["--stride", "--limit"]), NUMBERS) | some.tuples(WORDS), max_size=3),
)
def test_whatever_is_typed_is_answered_in_one_line(here, command, typed, monkeypatch):
    folder, _, _ = here
    monkeypatch.chdir(folder)
    (folder / "t.jsonl").write_text('{"text": "the cat"}\n')
    names = {"M": str(folder / "model"), "T": str(folder / "t.jsonl")}
    words = [names.get(word, word) for word in command] + [word for group in typed for word in group]
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        code = main(words)
    assert code in (0, 2)
    assert code == 0 or said.getvalue().count("\n") == 1
