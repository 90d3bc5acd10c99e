"""Claims about which parameters decay, and which are for Muon."""

import pytest
import torch
from torch import nn

from trainkit import adamw, is_hidden_matrix, muon


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(7, 4)
        self.hidden = nn.Linear(4, 4)
        self.norm = nn.LayerNorm(4)
        self.head = nn.Linear(4, 7, bias=False)
        self.head.weight = self.embedding.weight


def test_matrices_decay_vectors_do_not_and_tied_parameters_come_once():
    optimizer = adamw(Tied(), 1e-3, weight_decay=0.2)
    shapes = [([tuple(p.shape) for p in g["params"]], g["weight_decay"]) for g in optimizer.param_groups]
    assert shapes == [([(7, 4), (4, 4)], 0.2), ([(4,), (4,), (4,)], 0.0)]
    assert all(group["initial_lr"] == 1e-3 and group["fused"] for group in optimizer.param_groups)


def test_frozen_parameters_are_left_out_and_a_frozen_model_is_an_error():
    model = Tied()
    model.hidden.requires_grad_(False)
    assert sum(len(g["params"]) for g in adamw(model, 1e-3).param_groups) == 3
    with pytest.raises(ValueError, match=r"wanted a model with parameters to train"):
        adamw(model.requires_grad_(False), 1e-3)
    with pytest.raises(ValueError, match=r"wanted learning_rate > 0, got -1"):
        adamw(Tied(), -1.0)


def test_the_adam_half_of_muon_is_torchs_adamw():
    torch.manual_seed(0)
    ours, theirs = Tied(), Tied()
    theirs.load_state_dict(ours.state_dict())
    optimizer = muon(ours, 0.02, adam_learning_rate=0.01, weight_decay=0.3)
    reference = adamw(theirs, 0.01, weight_decay=0.3)
    assert [(g["kind"], g["initial_lr"], len(g["params"])) for g in optimizer.param_groups] == [
        ("muon", 0.02, 1),
        ("adam", 0.01, 1),
        ("adam", 0.01, 3),
    ]
    for _ in range(4):
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            p.grad = torch.randn_like(p)
            q.grad = p.grad.clone()
        optimizer.step()
        reference.step()
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert torch.equal(p, q) == (name != "hidden.weight"), name


def test_which_matrices_are_hidden():
    matrix = torch.zeros(2, 2)
    assert is_hidden_matrix("blocks.0.attention.qkv.weight", matrix)
    assert not any(
        is_hidden_matrix(n, matrix) for n in ("token_embedding.weight", "lm_head.weight", "head.weight", "wte.weight")
    )
    assert not is_hidden_matrix("blocks.0.attention.qkv.bias", torch.zeros(2))
