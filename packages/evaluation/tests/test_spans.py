"""A span's score is the sum over its last ids of -log softmax, whatever else is in the batch."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

import gpt2
from evaluation import Span, score_spans, spans as scoring
from evaluation.spans import batches
from tensors import PackedWeights, onednn_is_there
from tensors.machine import packed

MODEL = gpt2.GPT2(
    gpt2.GPT2Config(n_vocab=31, n_ctx=24, n_embd=16, n_head=2, n_layer=2), generator=torch.Generator().manual_seed(0)
)
for parameter in MODEL.parameters():
    parameter.data.mul_(8)


def by_definition(model, span):
    with torch.no_grad():
        logits = model(torch.tensor([span.ids[:-1]]))[0].double()
    targets = torch.tensor(span.ids[1:])
    nats = -logits.log_softmax(-1).gather(1, targets[:, None])[-span.scored :, 0]
    return nats, (logits.argmax(-1) == targets)[-span.scored :]


IDS = st.integers(0, 30)
BEGINNINGS = st.lists(IDS, min_size=1, max_size=14)
ENDS = st.lists(st.lists(IDS, min_size=1, max_size=10), min_size=1, max_size=3)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(BEGINNINGS, ENDS), min_size=1, max_size=4), st.sampled_from([1, 30, 4096]))
def test_every_span_scores_as_if_it_were_alone(questions, tokens_per_batch):
    spans = [Span((*beginning, *end), len(end)) for beginning, ends in questions for end in ends]
    for span, score in zip(spans, score_spans(MODEL, spans, tokens_per_batch=tokens_per_batch), strict=True):
        nats, likeliest = by_definition(MODEL, span)
        torch.testing.assert_close(score.nats.double(), nats, rtol=1e-4, atol=1e-4)
        assert torch.equal(score.likeliest, likeliest)
        assert score.total == pytest.approx(nats.sum().item(), rel=1e-4)


def test_a_model_that_shows_only_its_logits_scores_alike(models):
    spans = [Span(tuple(range(10 + n)), n) for n in (1, 4, 9)] + [Span((*range(10), 30), 1)]
    for span, score in zip(spans, score_spans(models.OnlyLogits(MODEL), spans), strict=True):
        nats, likeliest = by_definition(MODEL, span)
        torch.testing.assert_close(score.nats.double(), nats, rtol=1e-4, atol=1e-4)
        assert torch.equal(score.likeliest, likeliest)


def test_a_shared_beginning_is_computed_once(models):
    seen, model = [], models.OnlyLogits(MODEL)
    model.register_forward_pre_hook(lambda module, arguments: seen.append(tuple(arguments[0].shape)))
    beginning = tuple(range(20))
    score_spans(model, [Span((*beginning, end, 1), 2) for end in range(4)])
    assert seen == [(1, 19), (4, 2)]


def test_batches_stay_within_their_budget_and_lose_nothing():
    spans = [Span(tuple(range(length)), 1) for length in (5, 20, 3, 9, 9, 14)]
    parts = list(batches(spans, 20, 100))
    assert sorted(number for part, _ in parts for number in part) == list(range(6))
    assert all(len(part) == 1 or max(len(spans[n].ids) for n in part) * len(part) <= 20 for part, _ in parts)


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (Span((1, 2), 2), "got 2 ids of which 2 are scored in span 0; cut the beginning"),
        (Span((1, 2), 0), "of which 0 are scored"),
        (Span(tuple(range(26)), 1), "wanted spans of at most 25 ids"),
        (Span((1, 31), 1), "wanted ids from 0 to 30 .* got 31 in span 0; encode"),
        (Span((1, -1), 1), "got -1 in span 0"),
    ],
)
def test_spans_that_cannot_be_scored_are_refused(span, words):
    with pytest.raises(ValueError, match=words):
        score_spans(MODEL, [span])


def test_logits_that_are_no_numbers_are_refused(models):
    with pytest.raises(ValueError, match=r"wanted logits that are numbers, got NaN for 1 of 2 tokens; check"):
        score_spans(models.Table(torch.tensor([[0.0, 1.0], [torch.nan, 0.0]])), [Span((0, 1, 1), 2)])


def test_a_token_of_probability_zero_costs_infinitely_many_nats(models):
    assert score_spans(models.Table(torch.tensor([[0.0, -torch.inf]] * 2)), [Span((0, 1), 1)])[0].total == torch.inf


def test_scoring_neither_drops_out_nor_changes_a_training_model(models):
    model = models.random(31, 24, scale=8, dropout=0.5).train()
    model.decoder.blocks[0].eval()  # frozen by hand
    modes = [module.training for module in model.modules()]
    random_state = torch.get_rng_state()
    (score,) = score_spans(model, [Span((1, 2, 3), 2)])
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), random_state)
    assert score.nats.requires_grad is False
    torch.testing.assert_close(
        score.nats.double(), by_definition(model.eval(), Span((1, 2, 3), 2))[0], rtol=1e-5, atol=1e-5
    )


@pytest.mark.skipif(not onednn_is_there(), reason="this torch has no oneDNN to pack for")
def test_many_calls_share_packed_weights_and_few_pack_none(monkeypatch):
    """And which library multiplies changes no score."""
    made = []
    monkeypatch.setattr(packed, "SMALLEST", 64)
    monkeypatch.setattr(scoring, "PackedWeights", lambda: made.append(PackedWeights()) or made[-1])
    texts = [Span(tuple(number % 31 for number in range(n, n + 20)), 19) for n in range(20)]
    monkeypatch.setattr(scoring, "onednn_is_faster", lambda: False)
    plain = score_spans(MODEL, texts, tokens_per_batch=20)
    monkeypatch.setattr(scoring, "onednn_is_faster", lambda: True)
    monkeypatch.setattr("tensors.machine.products.onednn_is_faster", lambda: True)
    few = score_spans(MODEL, texts)
    assert not made, "one call"
    many = score_spans(MODEL, texts, tokens_per_batch=20)
    assert len(made) == 1
    assert made[0].packed
    for score, of_few, of_many in zip(plain, few, many, strict=True):
        torch.testing.assert_close(of_few.nats, score.nats, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(of_many.nats, score.nats, rtol=1e-4, atol=1e-4)
