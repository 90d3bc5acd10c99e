"""Tokens against torch's embedding, and against a product with one-hot vectors."""

import pytest
import torch
from torch.nn.functional import one_hot

from embeddings import (
    TokenEmbedding,
    grow_vocabulary,
)


def test_a_lookup_is_a_product_with_a_one_hot_vector():
    embedding, ids = TokenEmbedding(7, 3), torch.tensor([[0, 6], [2, 3]])
    torch.testing.assert_close(embedding(ids), one_hot(ids, 7).float() @ embedding.weight)


def test_padding_learns_nothing_as_in_torch():
    ours, theirs = TokenEmbedding(5, 3, padding_id=2), torch.nn.Embedding(5, 3, padding_idx=2)
    theirs.load_state_dict(ours.state_dict())
    for module in (ours, theirs):
        module(torch.tensor([[2, 4, 4]])).sum().backward()
    assert not ours.weight[2].any()
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)


def test_scale_multiplies_the_lookup_and_not_the_tied_head():
    embedding = TokenEmbedding(6, 4, scale=2.0, dtype=torch.float64)
    ids = torch.tensor([[3, 5]])
    assert torch.equal(embedding(ids), 2 * embedding.weight[ids])
    torch.testing.assert_close(embedding.logits(embedding(ids)), embedding(ids) @ embedding.weight.T)


def test_a_grown_vocabulary_keeps_what_was_learned_and_starts_the_rest_at_its_mean():
    old = TokenEmbedding(200, 4, padding_id=0, scale=3.0)
    with torch.no_grad():
        old.weight[1:] += 5
    new = grow_vocabulary(old, 203, generator=torch.Generator().manual_seed(1))
    assert torch.equal(new.weight[:200], old.weight)
    assert (new.padding_id, new.scale, new.n_vocab) == (0, 3.0, 203)
    assert (new.weight[200:] - old.weight[1:].mean(0)).abs().max() < 0.01
    assert not torch.equal(new.weight[200], new.weight[201])
    assert torch.equal(new.weight, grow_vocabulary(old, 203, generator=torch.Generator().manual_seed(1)).weight)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: TokenEmbedding(4, 2, padding_id=4), "padding_id from 0 to 3, got 4; pass"),
        (lambda: grow_vocabulary(TokenEmbedding(4, 2), 3), "n_vocab of at least 4, got 3; a vocabulary grows"),
        (lambda: TokenEmbedding(0, 3), r"at least 1, got n_vocab=0, n_embd=3; pass the size"),
        (
            lambda: TokenEmbedding(5, 3)(torch.tensor([[1, 5]])),
            r"token ids from 0 to 4, got 1 to 5, shape \[1, 2\]; use",
        ),
        (lambda: TokenEmbedding(5, 3)(torch.tensor([[-1, 2]])), r"got -1 to 2"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(call, message, refused):
    refused(call, message)


def test_a_table_in_the_weights_place_learns_the_rows_that_were_read():
    embedding = TokenEmbedding(9, 4)
    ids = torch.tensor([[3, 5, 3], [3, 0, 8]])
    table = embedding.weight.detach().clone().requires_grad_()
    weighed = torch.randn(2, 3, 4)
    (embedding(ids, table=table) * weighed).sum().backward()
    (embedding(ids) * weighed).sum().backward()
    assert table.grad.is_sparse
    assert table.grad.coalesce().indices().tolist() == [[0, 3, 5, 8]]
    assert torch.equal(table.grad.to_dense(), embedding.weight.grad)
    with pytest.raises(ValueError, match="wanted token ids from 0 to 8, got 0 to 9"):
        embedding(torch.tensor([[0, 9]]), table=table)


def test_a_table_in_the_weights_place_has_second_derivatives():
    embedding, ids = TokenEmbedding(5, 3), torch.tensor([[1, 1, 4]])
    table = embedding.weight.detach().clone().requires_grad_()
    twice = []
    for weight, vectors in ((table, embedding(ids, table=table)), (embedding.weight, embedding(ids))):
        (once,) = torch.autograd.grad(vectors.pow(3).sum(), weight, create_graph=True)
        (gradient,) = torch.autograd.grad(once.square().sum(), weight)
        twice.append(gradient.to_dense())
    torch.testing.assert_close(*twice)
