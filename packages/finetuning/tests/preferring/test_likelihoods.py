"""The log-probability of an answer, alone and packed, against logits of the whole text."""

import pytest
import torch

from finetuning import JudgedPairs, judge_pairs, read_pairs, read_records
from finetuning.preferring.likelihoods import answer_log_probabilities, collated_pairs


def alone(model, example):
    logits = model(torch.tensor([example.ids[:-1]]))[0].log_softmax(-1)
    own = logits[torch.arange(len(logits)), torch.tensor(example.ids[1:])]
    return own[torch.tensor(example.learned[1:])].sum()


def test_packed_answers_have_the_log_probabilities_that_they_have_alone(model, tokenizer, pairs):
    long = {"prompt": "The quick brown fox jumps over the lazy dog:", "chosen": " of course", "rejected": " it is"}
    found = read_pairs([*[*read_records(pairs)][:6], ("line 7", long)], tokenizer, 48).fitting
    batch = collated_pairs(found)
    assert len(batch[0]) < 14
    together = answer_log_probabilities(model, batch, 7)
    expected = torch.stack([torch.stack([alone(model, p.chosen), alone(model, p.rejected)]) for p in found])
    torch.testing.assert_close(together, expected, rtol=1e-5, atol=1e-4)
    parameters = list(model.parameters())
    weights = torch.linspace(-1, 1, 14).view(7, 2)
    ours = torch.autograd.grad((together * weights).sum(), parameters)
    theirs = torch.autograd.grad((expected * weights).sum(), parameters)
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)
    judged = judge_pairs(model, found)
    torch.testing.assert_close(judged.tensor().float(), expected, rtol=1e-5, atol=1e-4)
    assert judged.chosen_tokens == tuple(sum(pair.chosen.learned) for pair in found)


def test_what_is_told_of_pairs_is_arithmetic():
    before = JudgedPairs((-2.0, -6.0), (-4.0, -3.0), (2, 4), (1, 3))
    after = JudgedPairs((-1.0, -7.0), (-4.0, -6.0), (2, 4), (1, 3))
    assert before.preferred.value == 0.5
    assert before.chosen_nats.value == pytest.approx(8 / 6)
    assert before.rejected_nats.value == pytest.approx(7 / 4)
    assert after.moved(before).value == 1.0
    assert before.moved(after).value == 0.0
