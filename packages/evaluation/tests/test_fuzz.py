"""Whatever a file holds and whatever is typed: an answer or one line that says what is wrong, never a traceback."""

import contextlib
import io
import json
import math

import pytest
from hypothesis import strategies as some

import evaluation
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


@pytest.fixture(scope="module")
def here(tmp_path_factory, models):
    """A folder with a model, and the model."""
    folder = tmp_path_factory.mktemp("fuzz")
    tokenizer = gpt2.Tokenizer.train(["the cat and the hat"], 260)
    model = models.random(260, 16, scale=2, n_layer=1, n_embd=4)
    gpt2.save(folder / "model", model, tokenizer)
    return folder, model.eval(), tokenizer


def test_questions_are_read_and_asked_or_refused(fuzz, here):
    folder, model, tokenizer = here

    def claim(content, task):
        (folder / "q.jsonl").write_bytes(content)
        with fuzz.answer():
            for score in score_items(model, tokenizer, read_items(task, folder / "q.jsonl")):
                assert all(math.isfinite(nats) for nats in score.nats)

    tasks = some.sampled_from([LAMBADA, HELLASWAG, BLIMP, CHOICE])
    fuzz(claim, 100, content=CONTENTS | some.sampled_from(DEEP).map(str.encode), task=tasks)
    good = [b'{"text": "the cat and the hat"}\n', b'{"question": "a", "choices": ["a", "b"], "answer": 1}\r\n']
    fuzz(claim, 60, content=fuzz.spoiled(*good), task=tasks)


def test_documents_are_read_or_refused(fuzz, here):
    folder, _, _ = here

    def claim(content, name):
        (folder / name).write_bytes(content)
        with fuzz.answer():
            for document in read_documents([str(folder / name)]):
                assert document.text.strip()
                assert "".join(pieces(document.text, 3)) == document.text

    contents = CONTENTS | some.sampled_from(DEEP).map(str.encode)
    fuzz(claim, 100, content=contents, name=some.sampled_from(["a.jsonl", "a.txt"]))


NUMBERS = some.sampled_from(["0", "1", "-1", "nan", "inf", "1e300", "1.5", str(10**30), "9" * 5000, "", "x", "None"])
WORDS = some.sampled_from(
    ["--text", "--field", "--device", "--out", "--subset", "--data", "x", "~", "", "cpu", "--json"]
)


def test_whatever_is_typed_is_answered_in_one_line(fuzz, here, monkeypatch):
    folder, _, _ = here
    monkeypatch.chdir(folder)
    (folder / "t.jsonl").write_text('{"text": "the cat"}\n')
    names = {"M": str(folder / "model"), "T": str(folder / "t.jsonl")}
    commands = [["score", "M", "T"], ["tasks", "M", "--task", "lambada", "--data", "T"], ["compare", "M", "M"]]
    words = some.tuples(some.sampled_from(["--stride", "--limit"]), NUMBERS) | some.tuples(WORDS)

    def claim(command, typed):
        line = [names.get(word, word) for word in command] + [word for group in typed for word in group]
        said = io.StringIO()
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            code = main(line)
        assert code in (0, 2)
        assert code == 0 or said.getvalue().count("\n") == 1

    fuzz(claim, 100, command=some.sampled_from(commands), typed=some.lists(words, max_size=3))


IDS = list(range(40))
SETTINGS = {
    "score_tokens": {"stride": 8, "context": 16, "tokens_per_batch": 64},
    "perplexity": {"stride": 8, "context": 16},
    "score_documents": {"stride": 8, "at_a_time": 2},
    "estimate": {"values": [1.0, 2.0, 4.0], "weights": [1.0, 2.0, 1.0], "seed": 0},
    "compare_units": {"first": [1.0, 2.0], "second": [2.0, 1.5], "weights": [1.0, 2.0], "seed": 0},
    "sign_test": {"wins": 3, "losses": 1},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_any_setting_is_taken_or_refused(fuzz, here, name):
    _, model, tokenizer = here
    function, right = getattr(evaluation, name), SETTINGS[name]
    given = {"score_documents": (model, tokenizer, ["the cat", "a hat"])}.get(name, (model, IDS))
    given = () if name in ("estimate", "compare_units", "sign_test") else given

    def claim(changes):
        with fuzz.answer(), contextlib.suppress(TypeError):  # Python's own words for what is no number at all
            found = function(*given, **{**right, **changes})
            list(found) if name == "score_documents" else found

    function(*given, **right)
    numbers = some.sampled_from([0, 1, -1, 3, 2**63, 10**400, 0.5, 1e300, float("nan"), float("inf"), [], [1.0, 2.0]])
    fuzz(claim, 40, changes=some.dictionaries(some.sampled_from(sorted(right)), numbers, min_size=1))
