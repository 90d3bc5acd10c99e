"""Tables against torch's embedding."""

import pytest
import torch

from embeddings import LearnedPositions, TokenEmbedding

TABLES = {"tokens": TokenEmbedding, "positions": LearnedPositions}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_vectors_and_gradients_are_those_of_torch(table):
    ours, theirs = table(7, 3), torch.nn.Embedding(7, 3)
    theirs.load_state_dict(ours.state_dict())
    ids = torch.tensor([[0, 6, 6], [2, 0, 1]])
    upstream = torch.randn(2, 3, 3)
    assert torch.equal(ours(ids), theirs(ids))
    for module in (ours, theirs):
        module(ids).backward(upstream)
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)


@pytest.mark.parametrize(("table", "spread"), [(TokenEmbedding, 0.02), (LearnedPositions, 0.01)])
def test_a_new_table_is_spread_as_in_gpt2(table, spread):
    weight = table(500, 40).weight
    assert abs(weight.std() / spread - 1) < 0.05
    assert abs(weight.mean()) < spread / 20


def test_ids_that_are_not_whole_numbers_are_refused(unchecked):
    with pytest.raises(TypeError, match=r"wanted token ids of int64 or int32, got torch.float32; use"):
        TokenEmbedding(5, 3)(torch.zeros(1, 2))
