"""A model that begins as the bigrams of a text, held to counting them."""

import numpy as np
import pytest
import torch

from gpt2 import GPT2, GPT2Config
from gpt2.training.bigrams import factors, log_ratios, start_from_bigrams
from transformer import zero_outputs

SHAPE = GPT2Config(n_vocab=24, n_ctx=8, n_embd=64, n_head=2, n_layer=2)


def chain(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Ids of which each depends on the one before, and the table that says how."""
    rng = np.random.default_rng(0)
    table = rng.dirichlet(np.full(24, 0.3), size=24)
    ids = [0]
    for draw in rng.random(count - 1):
        ids.append(min(int(np.searchsorted(np.cumsum(table[ids[-1]]), draw)), 23))
    return np.array(ids, dtype=np.uint16), table


def new_model(shape: GPT2Config = SHAPE) -> GPT2:
    model = GPT2(shape, generator=torch.Generator().manual_seed(0))
    zero_outputs(model)
    return model


def nats(model: GPT2, ids: np.ndarray) -> float:
    rows = torch.from_numpy(ids[: len(ids) // 8 * 8].astype(np.int64)).view(-1, 8)
    with torch.no_grad():
        total, count = model.loss(rows[:, :-1], rows[:, 1:])
    return float(total / count)


def test_before_any_step_it_has_half_of_what_the_pairs_of_tokens_tell():
    ids, table = chain(20_000)
    learned, judged = ids[:16_000], ids[16_000:]
    model = new_model()
    drawn = nats(model, judged)
    start_from_bigrams(model, learned)
    single = np.bincount(learned, minlength=24) / len(learned)
    single_nats = -np.log(single[judged[1:]]).mean()
    true_nats = -np.log(table[judged[:-1], judged[1:]]).mean()
    assert drawn == pytest.approx(np.log(24), rel=0.05)
    assert true_nats < nats(model, judged) < (true_nats + single_nats) / 2


def test_the_log_ratios_are_those_of_counts():
    ids = np.array([0, 1, 0, 1, 2, 0], dtype=np.uint16)
    frequencies, ratios = log_ratios(ids, 4)
    ratios = ratios.to_dense()
    assert frequencies.exp().tolist() == pytest.approx([3 / 9, 3 / 9, 2 / 9, 1 / 9])  # what follows something, and one
    assert float(ratios[0, 1]) == pytest.approx(np.log((2 + 3 / 9) / 3 / (3 / 9)))
    assert float(ratios[0, 2]) == 0.0  # never: less often than by chance
    assert (ratios >= 0).all()


def test_the_factors_are_the_largest_singular_values():
    matrix = torch.randn(60, 60, generator=torch.Generator().manual_seed(0)) @ torch.diag(0.8 ** torch.arange(60.0))
    left, right = factors(matrix, 20)
    values = torch.linalg.svdvals(matrix)
    assert left.shape == right.shape == (60, 20)
    assert float((matrix - left @ right.T).norm()) == pytest.approx(float(values[20:].norm()), rel=1e-3)


def test_it_is_the_same_every_time_whatever_was_drawn():
    ids, _ = chain(2_000)
    made = []
    for dropout in (0.0, 0.5):
        model = new_model(SHAPE.replace(dropout=dropout))
        torch.randn(3)
        start_from_bigrams(model, ids)
        made.append(model.token_embedding.weight.detach().clone())
    assert torch.equal(*made)
    assert model.training


def test_a_table_of_all_published_ids_is_never_held_whole():
    ids = np.random.default_rng(0).integers(0, 50_257, 3_000)
    _, ratios = log_ratios(ids, 50_257)
    assert ratios.is_sparse
    assert ratios.values().numel() <= 2_999
    follows, followed = factors(ratios, 5)
    assert follows.shape == followed.shape == (50_257, 5)


def test_a_width_without_room_is_refused():
    with pytest.raises(ValueError, match="--bigram-start: wanted at least 4 channels, got 2"):
        start_from_bigrams(GPT2(SHAPE.replace(n_embd=2)), np.zeros(10, dtype=np.uint16))
