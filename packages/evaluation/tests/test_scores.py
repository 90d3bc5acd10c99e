"""Perplexity is transformers' recipe, bits per byte is trainkit's, windows leave no token out."""

import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given

import gpt2
from dataio import TokenWindows
from evaluation import DocumentScore, TokenScores, perplexity, score_documents, score_tokens
from evaluation.scores import exponential, window_spans
from trainkit import evaluate


@pytest.fixture(scope="module")
def pair(tmp_path_factory, models):
    """The same random GPT-2 in transformers and here, its weights large enough to disagree about tokens."""
    from transformers import GPT2LMHeadModel

    folder = tmp_path_factory.mktemp("model")
    tokenizer = gpt2.Tokenizer.train(["Grüße aus 世界, the cat and the hat"] * 3, 270)
    ours = models.random(tokenizer.n_vocab, 32, scale=5)
    gpt2.save(folder, ours, tokenizer)
    return ours, GPT2LMHeadModel.from_pretrained(folder).eval(), tokenizer


def recipe(model, ids, max_length, stride):
    """The loop on transformers' page, with its counting of tokens; also every single token's nats."""
    total, count, previous_end, singles = 0.0, 0, 0, []
    for begin in range(0, len(ids), stride):
        end = min(begin + max_length, len(ids))
        labels = torch.tensor([ids[begin:end]])
        inputs = labels.clone()
        labels[:, : -(end - previous_end)] = -100
        with torch.no_grad():
            output = model(inputs, labels=labels)
        valid = (labels != -100).sum().item() - 1
        total, count = total + output.loss.item() * valid, count + valid
        nats = torch.nn.functional.cross_entropy(output.logits[0, :-1], labels[0, 1:], reduction="none")
        singles.append(nats[labels[0, 1:] != -100])
        previous_end = end
        if end == len(ids):
            break
    return math.exp(total / count), torch.cat(singles)


@pytest.mark.parametrize(("length", "stride"), [(500, 8), (500, 31), (203, 16), (33, 16), (32, 16), (2, 1), (9, 5)])
def test_perplexity_is_the_recipe_of_transformers(pair, length, stride):
    ours, theirs, tokenizer = pair
    ids = torch.randint(tokenizer.n_vocab, (length,), generator=torch.Generator().manual_seed(1)).tolist()
    expected, nats = recipe(theirs, ids, 32, stride)
    scores = score_tokens(ours, ids, stride=stride)
    torch.testing.assert_close(scores.nats, nats, rtol=1e-4, atol=1e-4)
    assert scores.recipe_perplexity == pytest.approx(expected, rel=1e-5)
    assert perplexity(ours, ids, stride=stride) == pytest.approx(math.exp(nats.double().mean()), rel=1e-5)


def test_windows_that_do_not_overlap_give_the_measure_of_trainkit(pair):
    ours, _, tokenizer = pair
    text = "the hat and the cat, 世界 " * 30
    ids = tokenizer.encode(text)
    inputs, targets = TokenWindows(torch.tensor(ids).numpy(), 32, ragged=True).fetch(
        range(math.ceil((len(ids) - 1) / 32))
    )
    expected = evaluate(ours, [[(torch.as_tensor(inputs), torch.as_tensor(targets))]], lambda m, batch: m.loss(*batch))
    scores = score_tokens(ours, ids, stride=32, context=32)
    assert len(scores.nats) == expected.count
    assert scores.total == pytest.approx(expected.total, rel=1e-5)
    n_bytes = len(text.encode())
    assert scores.bits_per_byte(n_bytes) == pytest.approx(expected.bits_per_byte(n_bytes), rel=1e-5)


@given(st.integers(2, 80), st.integers(1, 20), st.integers(1, 20))
def test_every_token_but_the_first_is_scored_once_with_enough_before_it(length, stride, context):
    stride, context = min(stride, context), max(stride, context)
    scored = []
    for number, span in enumerate(window_spans(list(range(length)), stride, context)):
        assert span.ids[0] == number * stride
        assert len(span.ids) <= context + 1
        scored += span.ids[-span.scored :]
        first = span.ids[-span.scored]
        assert first - span.ids[0] >= min(first, context - stride + 1)
    assert scored == list(range(1, length))


def test_documents_are_scored_from_their_first_byte_on(pair):
    ours, theirs, tokenizer = pair
    texts = ["the cat", "世界" * 40, "h", "and the hat " * 9]
    for text, score in zip(texts, score_documents(ours, tokenizer, texts, at_a_time=3), strict=True):
        ids = [tokenizer.end_of_text, *tokenizer.encode(text)]
        nats = recipe(theirs, ids, 32, 16)[1]
        assert (score.n_tokens, score.n_bytes) == (len(ids) - 1, len(text.encode()))
        assert score.nats == pytest.approx(nats.sum().item(), rel=1e-4)
        assert score.token_nats == pytest.approx(nats.tolist(), rel=1e-3, abs=1e-4)
        assert score.perplexity == pytest.approx(math.exp(nats.double().mean()), rel=1e-4)
        assert score.bits_per_byte == pytest.approx(nats.sum().item() / math.log(2) / len(text.encode()), rel=1e-4)


def test_a_perplexity_beyond_all_floats_is_infinite():
    assert exponential(800.0) == math.inf
    assert DocumentScore(math.inf, 3, 3, ()).perplexity == math.inf
    assert TokenScores(torch.tensor([torch.inf, 1.0]), (2,)).perplexity == math.inf


@pytest.mark.parametrize(
    ("ids", "options", "words"),
    [
        ([], {}, "wanted at least 2 tokens, the first of which is not scored, got 0; give more text"),
        ([1], {}, "got 1; give more text"),
        ([1, 2], {"stride": 0}, r"stride: wanted 1 to 31 tokens .* got 0; half of n_ctx \(16\) is usual"),
        ([1, 2], {"stride": 32}, "more would leave tokens out"),
        ([1, 2], {"context": 33}, r"context: wanted 1 to 32 tokens \(n_ctx\), got 33; leave it out"),
        ([1, 999], {}, "got 999 in span 0; encode with the tokenizer"),
    ],
)
def test_what_cannot_be_scored_is_refused(pair, ids, options, words):
    with pytest.raises(ValueError, match=words):
        perplexity(pair[0], ids, **options)


def test_an_empty_document_is_refused(pair):
    with pytest.raises(ValueError, match=r"wanted a text to score, got an empty one \(document 2\); leave it out"):
        list(score_documents(pair[0], pair[2], ["x", ""]))


def test_one_text_is_no_list_of_its_letters(pair):
    with pytest.raises(TypeError, match=r"wanted a list of texts, got one text, 'import'; write \['import'\] for"):
        next(score_documents(pair[0], pair[2], "import"))
