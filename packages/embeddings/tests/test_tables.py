"""Tokens and positions against torch's embedding, and against a product with one-hot vectors."""

import re

import pytest
import torch
from torch.nn.functional import one_hot

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


def test_a_lookup_is_a_product_with_a_one_hot_vector():
    embedding, ids = TokenEmbedding(7, 3), torch.tensor([[0, 6], [2, 3]])
    torch.testing.assert_close(embedding(ids), one_hot(ids, 7).float() @ embedding.weight)


def test_a_slice_of_positions_is_a_slice_of_the_vectors():
    positions = LearnedPositions(9, 4)
    whole = positions(torch.arange(9))
    assert torch.equal(positions(torch.arange(3, 6)), whole[3:6])
    assert torch.equal(positions(torch.tensor([[0, 1], [5, 6]]))[1], whole[5:7])


@pytest.mark.parametrize(("table", "spread"), [(TokenEmbedding, 0.02), (LearnedPositions, 0.01)])
def test_a_new_table_is_spread_as_in_gpt2(table, spread):
    weight = table(500, 40).weight
    assert abs(weight.std() / spread - 1) < 0.05
    assert abs(weight.mean()) < spread / 20


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: TokenEmbedding(0, 3), r"at least 1; got n_vocab=0, n_embd=3; pass the size"),
        (lambda: LearnedPositions(4, 0), r"at least 1; got n_ctx=4, n_embd=0; pass the number"),
        (
            lambda: TokenEmbedding(5, 3)(torch.tensor([[1, 5]])),
            r"token ids from 0 to 4; got 1 to 5, shape \[1, 2\]; use",
        ),
        (lambda: TokenEmbedding(5, 3)(torch.tensor([[-1, 2]])), r"got -1 to 2"),
        (lambda: LearnedPositions(5, 3)(torch.arange(6)), r"positions from 0 to 4; got 0 to 5, shape \[6\]; shorten"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(unchecked, call, message):
    with pytest.raises(ValueError, match=message) as refused:
        call()
    assert re.match("wanted .*; got .*; .", str(refused.value))


def test_ids_that_are_not_whole_numbers_are_refused(unchecked):
    with pytest.raises(TypeError, match=r"wanted token ids of int64 or int32; got torch.float32; use"):
        TokenEmbedding(5, 3)(torch.zeros(1, 2))
