"""Every way to narrow a distribution against transformers' warpers, or against its definition by enumeration."""

import pytest
import torch

from decoding import (
    epsilon,
    eta,
    exclude_top_choices,
    greedy,
    min_p,
    temperature,
    top_k,
    top_n_sigma,
    top_p,
    typical,
)
from decoding.distribution.mass import smallest_set, smallest_set_reference
from decoding.distribution.truncation import at_least


def random_logits(seed, rows=64, n_vocab=17, scale=3.0):
    return torch.randn(rows, n_vocab, generator=torch.Generator().manual_seed(seed)) * scale


def with_ties(seed):
    return random_logits(seed, n_vocab=12, scale=1.5).round()


@pytest.mark.parametrize("logits", [random_logits(0), with_ties(1)], ids=["distinct", "tied"])
@pytest.mark.parametrize("k", [1, 2, 5, 11, 12, 400])
def test_top_k_keeps_what_transformers_keeps(logits, k):
    from transformers import TopKLogitsWarper

    theirs = TopKLogitsWarper(top_k=k)(None, logits.clone())
    assert torch.equal(top_k(logits, k), theirs)


@pytest.mark.parametrize("logits", [random_logits(2), with_ties(3)], ids=["distinct", "tied"])
@pytest.mark.parametrize("p", [1e-9, 0.01, 0.3, 0.5, 0.9, 0.999])
def test_top_p_keeps_what_transformers_keeps(logits, p):
    from transformers import TopPLogitsWarper

    theirs = TopPLogitsWarper(top_p=p)(None, logits.clone())
    assert torch.equal(top_p(logits, p), theirs)


def test_temperature_then_top_k_then_top_p_is_the_order_of_transformers():
    from transformers import GenerationConfig, GPT2Config, GPT2LMHeadModel

    logits = random_logits(4)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=17, n_positions=8, n_embd=8, n_layer=1, n_head=1))
    settings = GenerationConfig(do_sample=True, temperature=1.7, top_k=6, top_p=0.8, eos_token_id=0, pad_token_id=0)
    theirs = model._get_logits_processor(generation_config=settings, input_ids_seq_length=0)(None, logits.clone())
    assert torch.equal(top_p(top_k(temperature(logits, 1.7), 6), 0.8), theirs)


@pytest.mark.parametrize("p", [0.2, 0.5, 0.75, 0.95])
def test_top_p_is_the_smallest_set_of_likeliest_tokens_that_reaches_p(p):
    for row in random_logits(5, rows=200).double():
        probabilities = sorted(row.softmax(0).tolist(), reverse=True)
        needed = next(n for n in range(1, 18) if sum(probabilities[:n]) >= p)
        assert top_p(row[None], p).isfinite().sum() == needed


def test_where_p_is_reached_exactly_the_next_token_is_dropped_and_of_equals_higher_ids_stay():
    assert top_p(torch.zeros(1, 4), 0.5).isfinite().tolist() == [[False, False, True, True]]


def test_top_k_keeps_every_token_tied_with_the_kth():
    logits = torch.tensor([[3.0, 1.0, 1.0, 0.0]])
    assert top_k(logits, 2).isfinite().tolist() == [[True, True, True, False]]


def test_rows_are_processed_independently():
    logits = random_logits(6, rows=5)
    for process in (lambda x: top_k(x, 3), lambda x: top_p(x, 0.6), greedy):
        assert torch.equal(process(logits), torch.cat([process(row[None]) for row in logits]))


def test_greedy_takes_the_first_of_equally_likely_tokens():
    assert greedy(torch.tensor([[0.0, 2.0, 2.0], [1.0, 0.0, 1.0]])).tolist() == [1, 0]


@pytest.mark.parametrize("keep", [1, 2, 3])
@pytest.mark.parametrize(
    "logits", [random_logits(7), with_ties(8), random_logits(9, scale=0.2)], ids=["sharp", "tied", "flat"]
)
def test_the_other_truncations_keep_what_transformers_keeps(logits, keep):
    import transformers

    pairs = [
        (lambda x: top_k(x, 2, keep=keep), transformers.TopKLogitsWarper(top_k=2, min_tokens_to_keep=keep)),
        (lambda x: top_p(x, 0.3, keep=keep), transformers.TopPLogitsWarper(top_p=0.3, min_tokens_to_keep=keep)),
        (lambda x: min_p(x, 0.2, keep=keep), transformers.MinPLogitsWarper(min_p=0.2, min_tokens_to_keep=keep)),
        (lambda x: typical(x, 0.4, keep=keep), transformers.TypicalLogitsWarper(mass=0.4, min_tokens_to_keep=keep)),
        (lambda x: typical(x, 0.95, keep=keep), transformers.TypicalLogitsWarper(mass=0.95, min_tokens_to_keep=keep)),
        (lambda x: epsilon(x, 0.06, keep=keep), transformers.EpsilonLogitsWarper(0.06, min_tokens_to_keep=keep)),
        (lambda x: eta(x, 0.06, keep=keep), transformers.EtaLogitsWarper(0.06, min_tokens_to_keep=keep)),
        (lambda x: eta(x, 0.3, keep=keep), transformers.EtaLogitsWarper(0.3, min_tokens_to_keep=keep)),
    ]
    for ours, theirs in pairs:
        assert torch.equal(ours(logits), theirs(None, logits.clone())), theirs


@pytest.mark.parametrize("n", [0.0, 0.5, 1.0, 3.0])
def test_top_n_sigma_keeps_what_lies_within_n_deviations_of_the_largest(n):
    for row in random_logits(10):
        values = row.tolist()
        mean = sum(values) / len(values)
        deviation = (sum((value - mean) ** 2 for value in values) / len(values)) ** 0.5
        kept = [value >= max(values) - n * deviation for value in values]
        assert top_n_sigma(row[None], n).isfinite()[0].tolist() == kept


def test_top_n_sigma_leaves_out_what_is_out_already_and_does_not_see_the_temperature():
    logits = top_k(random_logits(11), 9)
    assert torch.equal(top_n_sigma(logits, 1.0).isfinite(), top_n_sigma(logits / 1.7, 1.0).isfinite())
    assert top_n_sigma(logits, 1.0).isfinite().sum() < logits.isfinite().sum()


def test_excluding_top_choices_drops_all_of_them_but_the_least_likely_where_chance_says_so():
    logits = torch.tensor([0.4, 0.3, 0.15, 0.1, 0.05]).log().expand(3, -1)
    uniforms = torch.tensor([0.2, 0.49, 0.5])
    excluded = exclude_top_choices(logits, uniforms, probability=0.5, threshold=0.12)
    assert excluded.isfinite().tolist() == [[False, False, True, True, True]] * 2 + [[True] * 5]
    one_above = exclude_top_choices(logits, uniforms, probability=1.0, threshold=0.35)
    assert torch.equal(one_above, logits), "a single top choice stays"


@pytest.mark.parametrize("scale", [0.02, 1.0, 8.0])
@pytest.mark.parametrize("mass", [0.01, 0.5, 0.9, 0.999])
def test_the_set_found_in_buckets_is_the_one_found_by_sorting(scale, mass):
    scores = random_logits(12, rows=3, n_vocab=20_000, scale=scale).double()
    scores[1, ::3] = -torch.inf
    weights = scores.softmax(-1)
    assert torch.equal(smallest_set(scores, weights, mass), smallest_set_reference(scores, weights, mass))


def large_rows(seed):
    """Vocabularies that are not sorted whole: one plain, one flat, one with ties and one with what is out already."""
    rows = random_logits(seed, rows=4, n_vocab=20_000, scale=2.0)
    rows[1] *= 0.01
    rows[2] = rows[2].round()
    rows[3, ::3] = -torch.inf
    return rows


@pytest.mark.parametrize("p", [1e-9, 0.05, 0.5, 0.9, 0.999])
def test_of_a_large_vocabulary_top_p_keeps_what_sorting_keeps(p):
    logits = large_rows(13).double()
    kept = smallest_set_reference(logits, logits.softmax(-1), p)
    assert torch.equal(top_p(logits, p).isfinite(), kept)
    assert torch.equal(top_p(logits.float(), p).isfinite().sum(-1)[2:3], kept.sum(-1)[2:3]), "ties are cut in two"


@pytest.mark.parametrize("mass", [0.05, 0.5, 0.9])
def test_of_a_large_vocabulary_typical_keeps_what_transformers_keeps(mass):
    from transformers import TypicalLogitsWarper

    logits = large_rows(14).double()
    assert torch.equal(typical(logits, mass), TypicalLogitsWarper(mass=mass)(None, logits.clone()))


def test_a_row_of_equal_logits_keeps_something_at_any_mass():
    assert top_p(torch.zeros(1, 20_000), 1e-12).isfinite().sum() == 1


def test_what_is_just_below_the_bar_goes_and_what_is_on_it_stays():
    logits = large_rows(15)
    bars = logits[:, 7:8]
    assert torch.equal(at_least(logits, bars), torch.where(logits >= bars, logits, -torch.inf))
