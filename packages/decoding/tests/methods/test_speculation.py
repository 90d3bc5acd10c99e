"""Speculation gives greedily the same ids, and drawn ones from the same distribution, whatever the drafter proposes."""

import pytest
import torch

from decoding import DraftModel, GenerationSettings, PromptLookup, generate_ids, generate_speculatively
from decoding.methods.drafts import Draft

PROMPTS = [[3, 4, 3, 4, 3], [1, 4, 1, 5, 9, 2, 6], [5] * 12, [8, 9, 7, 9, 3, 2, 3, 8, 4, 6]]


class Guesses:
    """A drafter that is often wrong: it proposes what the greedy text holds, with every third id changed."""

    def __init__(self, texts):
        self.texts, self.accepted = texts, 0

    def propose(self, rows, most, end_of_text):
        return [Draft(self.guess(row)[:count]) for row, count in zip(rows, most, strict=True)]

    def guess(self, row):
        coming = self.texts[row.prompt][len(row.ids) :]
        return [token if place % 3 else (token + 1) % 23 for place, token in enumerate(coming, start=1)]

    def learn(self, row, proposed, accepted):
        self.accepted += accepted

    def select(self, places):
        pass


@pytest.mark.parametrize(
    "options",
    [{}, {"repetition_penalty": 1.3, "no_repeat_ngram_size": 3}, {"min_new_tokens": 5, "banned": ((2,), (3, 4))}],
)
def test_greedy_speculation_equals_greedy(models, options):
    model, small = models.Tiny(), models.Tiny(seed=1, n_embd=8)
    settings = GenerationSettings(max_new_tokens=18, temperature=0, **options)
    expected = generate_ids(model, PROMPTS, settings, end_of_text=7)
    guesses = Guesses({tuple(p): row.ids for p, row in zip(PROMPTS, expected, strict=True)})
    for drafter in (PromptLookup(5, shortest=1), DraftModel(model, 3), DraftModel(small, 4), guesses):
        assert generate_speculatively(model, drafter, PROMPTS, settings, end_of_text=7) == expected
    assert guesses.accepted > 5


def test_prompt_lookup_is_a_setting_too_and_the_context_can_be_filled(models):
    model = models.Tiny()
    plain = generate_ids(model, PROMPTS, GenerationSettings(max_new_tokens=60, temperature=0))
    looked_up = GenerationSettings(max_new_tokens=60, temperature=0, prompt_lookup_tokens=4)
    assert generate_ids(model, PROMPTS, looked_up) == plain
    assert {row.finish_reason for row in plain} == {"length"}


def test_text_that_repeats_takes_fewer_calls(models):
    table = torch.full((6, 6), -torch.inf)
    table[torch.arange(6), (torch.arange(6) + 1) % 6] = 0.0
    model = models.Table(table)
    calls = []
    ask = model.__class__.__call__
    model.__class__ = type("Counted", (model.__class__,), {"__call__": lambda *a, **o: calls.append(1) or ask(*a, **o)})
    settings = GenerationSettings(max_new_tokens=60, temperature=0, prompt_lookup_tokens=10)
    row = generate_ids(model, [[0, 1, 2, 3, 4, 5, 0, 1]], settings)[0]
    assert list(row.ids) == [(2 + n) % 6 for n in range(60)]
    assert len(calls) < 12


def pairs_of(rows):
    return torch.tensor([a * 9 + b * 3 + c for a, b, c in (row.ids for row in rows)]).bincount(minlength=27).double()


CHAIN = torch.tensor([[0.1, 0.6, 0.3], [0.5, 0.2, 0.3], [0.25, 0.25, 0.5]])
MANY = [[0, 1, 2, 0, 1]] * 240


@pytest.fixture(
    scope="module", params=[{}, {"temperature": 1.6, "top_k": 2}, {"top_p": 0.7, "repetition_penalty": 1.4}]
)
def options_and_plain(request, models):
    """Settings, and the pairs that plain sampling draws with them."""
    settings = GenerationSettings(max_new_tokens=3, seed=6, **request.param)
    return request.param, pairs_of(generate_ids(models.Table(CHAIN.log()), MANY, settings))


@pytest.mark.parametrize("kind", ["draft model", "look-up"])
def test_drawn_texts_have_the_distribution_of_plain_sampling(models, options_and_plain, kind):
    from scipy.stats import chi2_contingency

    options, plain = options_and_plain
    other = torch.tensor([[0.5, 0.2, 0.3], [0.1, 0.1, 0.8], [0.3, 0.4, 0.3]])
    settings = GenerationSettings(max_new_tokens=3, seed=5, **options)
    drafter = DraftModel(models.Table(other.log()), 2) if kind == "draft model" else PromptLookup(2, shortest=1)
    ours = pairs_of(generate_speculatively(models.Table(CHAIN.log()), drafter, MANY, settings))
    seen = (ours + plain) > 0
    assert chi2_contingency(torch.stack([ours[seen], plain[seen]]).numpy()).pvalue > 0.01


def test_a_draft_model_of_another_vocabulary_is_refused(models):
    drafter = DraftModel(models.Tiny(n_vocab=19))
    with pytest.raises(ValueError, match=r"vocabulary of the model, 23 ids, got one of 19; use"):
        generate_speculatively(models.Tiny(), drafter, [[1, 2]], GenerationSettings(max_new_tokens=9))
