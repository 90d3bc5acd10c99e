"""Questions score as their definitions say."""

import math

import pytest
import torch

import gpt2
from evaluation import Choice, Cloze, score_items, summarise
from evaluation.pairs import encode_pair
from evaluation.tasks.tasks import choice_score


@pytest.fixture(scope="module")
def pair(models):
    tokenizer = gpt2.Tokenizer.train(["the cat and the hat sat on a mat, 世界"] * 3, 280)
    return models.random(tokenizer.n_vocab, 32, scale=6, seed=1), tokenizer


def log_probability(model, tokenizer, context, continuation):
    before = tokenizer.encode(context) or [tokenizer.end_of_text]
    ids = before + tokenizer.encode(context + continuation)[len(tokenizer.encode(context)) :]
    with torch.no_grad():
        logits = model(torch.tensor([ids]))[0, :-1]
    right = logits.argmax(-1) == torch.tensor(ids[1:])
    taken = logits.log_softmax(-1).gather(1, torch.tensor(ids[1:])[:, None])[len(before) - 1 :, 0]
    return taken, right[len(before) - 1 :]


def test_the_likeliest_choice_counts(pair):
    items = [Choice("the cat", (" sat", " and the hat", " 世界"), n % 3) for n in range(3)] + [
        Choice("", ("a cat sits", "a cat sit"), 0)
    ]
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
