"""Tasks read the published formats, score as their definitions say, and refuse lines that are something else."""

import json
import math

import pytest
import torch

import gpt2
from evaluation import BLIMP, CHOICE, HELLASWAG, LAMBADA, Choice, Cloze, read_items, score_items, summarise
from evaluation.pairs import encode_pair
from evaluation.tasks import files as task_files
from evaluation.tasks.tasks import choice_score

SWAG = {
    "activity_label": "Cooking", "ctx_a": "A man cooks [step] eggs.", "ctx_b": "he", "ctx": "unused",
    "endings": ["eats [title] them.", "flies  away."], "label": "0", "ind": 4,
}  # fmt: skip
LINES = {
    "lambada": (LAMBADA, {"text": "the cat and the hat"}, Cloze("the cat and the", " hat")),
    "hellaswag": (HELLASWAG, SWAG, Choice("Cooking: A man cooks eggs. He", (" eats. them.", " flies away."), 0)),
    "blimp": (BLIMP, {"sentence_good": "a cat sits", "sentence_bad": "a cat sit", "UID": "x"},
              Choice("", ("a cat sits", "a cat sit"), 0)),
    "choice": (CHOICE, {"question": "2 + 2 = ", "choices": ["3", " 4"], "answer": "b"},
               Choice("2 + 2 =", (" 3", " 4"), 1)),
}  # fmt: skip


@pytest.fixture(scope="module")
def pair():
    tokenizer = gpt2.Tokenizer.train(["the cat and the hat sat on a mat, 世界"] * 3, 280)
    config = gpt2.GPT2Config(n_vocab=tokenizer.n_vocab, n_ctx=32, n_embd=16, n_head=2, n_layer=2)
    model = gpt2.GPT2(config, generator=torch.Generator().manual_seed(1))
    for parameter in model.parameters():
        parameter.data.mul_(6)
    return model, tokenizer


def log_probability(model, tokenizer, context, continuation):
    before = tokenizer.encode(context) or [tokenizer.end_of_text]
    ids = before + tokenizer.encode(context + continuation)[len(tokenizer.encode(context)) :]
    with torch.no_grad():
        logits = model(torch.tensor([ids]))[0, :-1]
    right = logits.argmax(-1) == torch.tensor(ids[1:])
    taken = logits.log_softmax(-1).gather(1, torch.tensor(ids[1:])[:, None])[len(before) - 1 :, 0]
    return taken, right[len(before) - 1 :]


@pytest.mark.parametrize("name", LINES)
def test_published_lines_become_questions(name, tmp_path):
    task, line, item = LINES[name]
    (tmp_path / "data.jsonl").write_text(json.dumps(line) + "\n\n" + json.dumps(line) + "\n", encoding="utf-8")
    assert read_items(task, tmp_path / "data.jsonl") == [item, item]
    assert read_items(task, tmp_path / "data.jsonl", limit=1) == [item]


def test_the_likeliest_choice_counts(pair):
    items = [Choice("the cat", (" sat", " and the hat", " 世界"), n % 3) for n in range(3)] + [LINES["blimp"][2]]
    for item, score in zip(items, score_items(*pair, items, at_a_time=2), strict=True):
        nats = [-log_probability(*pair, item.context, choice)[0].sum().item() for choice in item.choices]
        assert score.nats == pytest.approx(nats, rel=1e-4)
        assert score.correct == (nats.index(min(nats)) == item.answer)
        per_character = [n / len(c.strip()) for n, c in zip(nats, item.choices, strict=True)]
        assert score.correct_normalised == (per_character.index(min(per_character)) == item.answer)


def test_a_cloze_counts_the_word_and_its_last_token(pair):
    words = ["the cat and the hat 世界", "a mat, a hat", "the the", "on on on on"]
    items = [Cloze(*text.rsplit(" ", 1)) for text in words]
    items = [Cloze(item.context, " " + item.continuation) for item in items]
    scores = list(score_items(*pair, items))
    expected = [log_probability(*pair, item.context, item.continuation) for item in items]
    for score, (taken, right) in zip(scores, expected, strict=True):
        assert score.nats == pytest.approx([-taken.sum().item()], rel=1e-4)
        assert score.correct == bool(right.all())
        assert score.last_token == (pytest.approx(-taken[-1].item(), rel=1e-4), bool(right[-1]))
    measures = summarise(scores)
    mean = sum(taken.sum().item() for taken, _ in expected) / 4
    assert measures["perplexity"].value == pytest.approx(math.exp(-mean), rel=1e-4)
    last = sum(taken[-1].item() for taken, _ in expected) / 4
    assert measures["last_token_perplexity"].value == pytest.approx(math.exp(-last), rel=1e-4)
    assert measures["accuracy"].value == sum(score.correct for score in scores) / 4
    assert measures["accuracy"].low <= measures["accuracy"].value <= measures["accuracy"].high


def test_the_first_of_equal_choices_is_taken():
    assert choice_score(Choice("x", (" ab", " a"), 0), [2.0, 2.0]).correct
    assert not choice_score(Choice("x", (" a", " ab"), 0), [2.0, 2.0]).correct_normalised


def test_a_context_that_is_too_long_loses_its_beginning_and_says_so(pair, caplog):
    long = "the hat sat on " * 30 + "the"
    (score,) = score_items(*pair, [Cloze(long, " cat")])
    assert "1 contexts lost their beginning: longer than the model's n_ctx of 32" in caplog.text
    model, tokenizer = pair
    before, after = encode_pair(tokenizer, long, " cat")
    with torch.no_grad():
        logits = model(torch.tensor([(before + after)[-33:-1]]))[0]
    nats = -logits.log_softmax(-1)[-len(after) :].gather(1, torch.tensor(after)[:, None]).sum().item()
    assert score.nats == pytest.approx([nats], rel=1e-4)


def test_spaces_at_the_end_of_a_context_go_to_the_continuation(pair):
    tokenizer = pair[1]
    assert encode_pair(tokenizer, "the ", "cat") == encode_pair(tokenizer, "the", " cat")
    assert encode_pair(tokenizer, "", "cat") == ([tokenizer.end_of_text], tokenizer.encode("cat"))


class Hub:
    """Stands for huggingface_hub: the same call, the file written here where the hub has it."""

    def __init__(self, folder):
        self.folder, self.asked = folder, []

    def snapshot_download(self, repo_id, *, repo_type, revision, allow_patterns):
        import pyarrow
        import pyarrow.parquet

        self.asked.append((repo_id, *allow_patterns, repo_type, revision))
        if repo_id == HELLASWAG.repository:
            path = self.folder / allow_patterns[0]
            path.parent.mkdir(parents=True)
            pyarrow.parquet.write_table(pyarrow.Table.from_pylist([SWAG] * 2), path)
        return str(self.folder)


def test_published_data_come_by_name(tmp_path, monkeypatch):
    pytest.importorskip("pyarrow", reason="needs the extra hub")
    huggingface_hub = pytest.importorskip("huggingface_hub", reason="needs the extra hub")
    hub = Hub(tmp_path)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", hub.snapshot_download)
    path = task_files.download(HELLASWAG.repository, HELLASWAG.configuration, HELLASWAG.split)
    assert hub.asked == [("Rowan/hellaswag", "default/validation/0000.parquet", "dataset", "refs/convert/parquet")]
    assert read_items(HELLASWAG, path) == [LINES["hellaswag"][2]] * 2
    with pytest.raises(OSError, match=r"wanted a/b \(c, d\) from the hub, got no such part; see the data set's page"):
        task_files.download("a/b", "c", "d")


def test_a_hub_out_of_reach_is_named(monkeypatch):
    huggingface_hub = pytest.importorskip("huggingface_hub", reason="needs the extra hub")

    def unreachable(*arguments, **options):
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    with pytest.raises(OSError, match=r"wanted a/b \(c, d\) from the hub, got ConnectionError: no route; go online"):
        task_files.download("a/b", "c", "d")


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match=r"wanted huggingface_hub .* install the extra: decoding\[hub\]"):
        task_files.download("a/b", "c", "d")


@pytest.mark.parametrize(
    ("task", "line", "words"),
    [
        (LAMBADA, "{", "line 1: wanted a JSON object, got '{'"),
        (LAMBADA, "[1]", "line 1: wanted a JSON object, got '\\[1\\]'; write one object a line"),
        (LAMBADA, "{}", "line 1: wanted 'text', a text that is not empty, got nothing beside the fields"),
        (LAMBADA, '{"text": "word"}', "wanted a passage of at least two words, got 'word'; leave the line out"),
        (CHOICE, '{"question": "x", "choices": ["a", ""], "answer": 0}', "list of texts that are not empty"),
        (CHOICE, '{"question": "x", "choices": ["a", "b"], "answer": 2}', "got answer 2 of 2; correct the line"),
        (CHOICE, '{"question": "x", "choices": ["a", "b"]}', "got answer None of 2"),
        (CHOICE, '{"question": "x", "choices": ["a"], "answer": 0}', "one of at least 2 choices"),
        (BLIMP, '{"sentence_good": "x", "sentence_bad": 3}', "wanted 'sentence_bad', .* got 3 beside"),
        (BLIMP, "", "wanted at least one line of blimp in .*, got none"),
    ],
)
def test_lines_of_another_format_are_refused(task, line, words, tmp_path):
    (tmp_path / "data.jsonl").write_text(line + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match=words):
        read_items(task, tmp_path / "data.jsonl")


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(OSError, match=r"wanted a file of questions, got .*; check the path"):
        read_items(CHOICE, tmp_path / "none.jsonl")
    (tmp_path / "data.jsonl").write_bytes(b"ab\xff")
    with pytest.raises(ValueError, match="wanted UTF-8, got other bytes at offset 2; convert"):
        read_items(CHOICE, tmp_path / "data.jsonl")


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (Cloze("the", ""), "wanted a continuation with tokens of its own, got '' after 'the'; give it"),
        (
            Cloze("the", " cat" * 40),
            r"wanted a continuation of at most 32 tokens \(the model's n_ctx\), got .*; shorten",
        ),
    ],
)
def test_continuations_that_cannot_be_scored_are_refused(pair, item, words):
    with pytest.raises(ValueError, match=words):
        list(score_items(*pair, [item]))
