"""Drawn ids follow the distribution they should, and row i draws the same whatever stands beside it."""

import dataclasses
import math

import pytest
import torch

from decoding import GenerationSettings, generate_ids, sample

WEIGHTS = torch.tensor([0.28, 0.22, 0.18, 0.14, 0.10, 0.06, 0.02])


ENTROPY = -(WEIGHTS * WEIGHTS.log()).sum().item()


def chi_squared_probability(counts, probabilities):
    """How likely such counts or worse ones are: the survival function of chi-squared (a regularized upper gamma)."""
    expected = probabilities * counts.sum()
    statistic = ((counts - expected) ** 2 / expected).sum()
    return torch.special.gammaincc(torch.tensor((len(counts) - 1) / 2).double(), statistic / 2).item()


def test_every_uniform_number_gives_the_token_whose_interval_it_lies_in():
    probabilities = torch.tensor([0.25, 0.0, 0.5, 0.25, 0.0])
    uniforms = torch.tensor([0.0, 0.2499, 0.25, 0.7499, 0.75, math.nextafter(1.0, 0.0)], dtype=torch.float64)
    assert sample(probabilities.log().expand(6, -1), uniforms).tolist() == [0, 0, 2, 2, 3, 3]


def test_share_of_each_token_over_a_grid_of_uniforms_is_its_probability():
    size = 40_000
    uniforms = (torch.arange(size, dtype=torch.float64) + 0.5) / size
    shares = sample(WEIGHTS.log().expand(size, -1), uniforms).bincount(minlength=7) / size
    assert torch.allclose(shares, WEIGHTS, atol=1 / size)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, WEIGHTS),
        ({"temperature": 0.5}, WEIGHTS**2),
        ({"temperature": 2.0, "top_k": 3}, WEIGHTS.sqrt() * (torch.arange(7) < 3)),
        ({"top_p": 0.6}, WEIGHTS * (torch.arange(7) < 3)),
        ({"temperature": 2.0, "top_k": 5, "top_p": 0.7}, WEIGHTS.sqrt() * (torch.arange(7) < 4)),
        ({"temperature": 2.0, "top_p": 0.6, "order": "llama.cpp"}, WEIGHTS.sqrt() * (torch.arange(7) < 3)),
        ({"min_p": 0.4}, WEIGHTS * (WEIGHTS >= 0.4 * 0.28)),
        ({"epsilon_cutoff": 0.08}, WEIGHTS * (WEIGHTS >= 0.08)),
        ({"eta_cutoff": 0.2}, WEIGHTS * (0.2**0.5 * math.exp(-ENTROPY) <= WEIGHTS)),
        ({"typical_p": 0.5}, WEIGHTS * torch.tensor([0, 1, 1, 1, 0, 0, 0])),  # nearest to exp(-ENTROPY), about 0.17
        ({"top_n_sigma": 1.0}, WEIGHTS * (WEIGHTS.log() >= WEIGHTS.log().max() - WEIGHTS.log().std())),
        ({"xtc_probability": 0.5, "xtc_threshold": 0.2}, WEIGHTS + WEIGHTS * (torch.arange(7) > 0) / 0.72),
    ],
    ids=lambda value: " ".join(value) or "plain" if isinstance(value, dict) else "",
)
def test_the_loop_draws_from_the_distribution_that_enumeration_gives(models, settings, expected):
    model = models.Table(WEIGHTS.log().expand(7, -1))
    rows = generate_ids(model, [[0]] * 64, GenerationSettings(max_new_tokens=60, seed=11, **settings))
    counts = torch.tensor([token for row in rows for token in row.ids]).bincount(minlength=7).double()
    kept = expected > 0
    assert counts[~kept].sum() == 0
    assert chi_squared_probability(counts[kept], (expected / expected.sum())[kept].double()) > 0.01


def test_sequences_follow_a_markov_chain_as_enumeration_gives(models):
    chain = torch.tensor([[0.1, 0.6, 0.3], [0.5, 0.2, 0.3], [0.25, 0.25, 0.5]])
    rows = generate_ids(models.Table(chain.log()), [[0]] * 2000, GenerationSettings(max_new_tokens=3, seed=5))
    counts = torch.tensor([a * 9 + b * 3 + c for a, b, c in (row.ids for row in rows)]).bincount(minlength=27)
    expected = torch.stack(
        [chain[0, a] * chain[a, b] * chain[b, c] for a in range(3) for b in range(3) for c in range(3)]
    )
    assert chi_squared_probability(counts.double(), expected.double()) > 0.01


def test_a_row_draws_the_same_whatever_batch_it_is_in(tiny_model):
    prompts = [[1, 2, 3], [4], [5, 6, 7, 8, 9, 10], [11, 12]]
    settings = GenerationSettings(max_new_tokens=30, temperature=1.3, top_p=0.95, seed=3)
    together = generate_ids(tiny_model, prompts, settings)
    assert generate_ids(tiny_model, prompts[:2], settings) == together[:2]
    others = [[1, 1], [4], [2] * 18]
    assert generate_ids(tiny_model, others, settings)[1] == together[1]


def test_equal_prompts_in_one_batch_draw_differently_and_a_seed_repeats_them(tiny_model):
    settings = GenerationSettings(max_new_tokens=20, temperature=2.0, seed=1)
    other_seed = dataclasses.replace(settings, seed=2)
    rows = generate_ids(tiny_model, [[1, 2]] * 8, settings)
    assert len({row.ids for row in rows}) == 8
    assert generate_ids(tiny_model, [[1, 2]] * 8, settings) == rows
    assert generate_ids(tiny_model, [[1, 2]], other_seed) != rows[:1]


def test_sampling_leaves_the_global_random_state_alone(tiny_model):
    before = torch.get_rng_state()
    generate_ids(tiny_model, [[1, 2]], GenerationSettings(max_new_tokens=5))
    assert torch.equal(torch.get_rng_state(), before)
