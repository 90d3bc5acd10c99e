"""Claims about AdamW's groups, Muon and the schedules, held to torch.optim and the singular value decomposition."""

import math

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn

from trainkit import Muon, adamw, constant, cosine, is_hidden_matrix, linear_to_zero, muon, orthogonalise


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


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 3), st.integers(1, 12), st.integers(1, 12), st.integers(0, 1000))
def test_orthogonalising_keeps_singular_vectors_and_evens_out_singular_values(n, rows, columns, seed):
    small = min(rows, columns)
    generator = torch.Generator().manual_seed(seed)
    left = torch.linalg.qr(torch.randn(n, rows, small, generator=generator, dtype=torch.float64))[0]
    right = torch.linalg.qr(torch.randn(n, columns, small, generator=generator, dtype=torch.float64))[0]
    values = torch.rand(n, 1, small, generator=generator, dtype=torch.float64) * 0.9 + 0.1
    result = left.mT @ orthogonalise((left * values) @ right.mT) @ right
    diagonal = result.diagonal(dim1=1, dim2=2)
    assert ((diagonal > 0.5) & (diagonal < 1.3)).all()
    torch.testing.assert_close(result, torch.diag_embed(diagonal), atol=1e-6, rtol=0)


def test_where_16_bit_products_are_allowed_orthogonalising_evens_out_singular_values_too():
    matrices = torch.randn(2, 48, 96, generator=torch.Generator().manual_seed(0))
    before = torch.backends.mkldnn.matmul.fp32_precision
    try:
        torch.backends.mkldnn.matmul.fp32_precision = "bf16"  # as torch.set_float32_matmul_precision("medium") does
        result = orthogonalise(matrices)
    finally:
        torch.backends.mkldnn.matmul.fp32_precision = before
    assert result.dtype == torch.float32
    values = torch.linalg.svdvals(result)
    assert ((values > 0.5) & (values < 1.3)).all()
    assert not torch.equal(result, orthogonalise(matrices))  # float32 otherwise
    torch.testing.assert_close(result, orthogonalise(matrices), atol=0.03, rtol=0)


@pytest.mark.parametrize("shape", [(6, 6), (4, 9), (9, 4)])
def test_muon_follows_torchs_muon(shape):
    torch.manual_seed(0)
    start = torch.randn(shape)
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    our_optimizer = Muon([{"params": [ours], "lr": 0.01, "weight_decay": 0.1}])
    their_optimizer = torch.optim.Muon([theirs], lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    for _ in range(5):
        gradient = torch.randn(shape)
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        our_optimizer.step()
        their_optimizer.step()
    # torch's own runs in bfloat16, 3 decimal digits.
    torch.testing.assert_close(ours - start, theirs - start, atol=3e-3, rtol=0.03)
    assert (ours - start).abs().max() > 0.02


def test_the_muon_update_has_the_size_of_adamws():
    weight = nn.Parameter(torch.zeros(64, 256))
    optimizer = Muon([{"params": [weight], "lr": 1.0}])
    weight.grad = torch.randn(64, 256, generator=torch.Generator().manual_seed(0))
    optimizer.step()
    assert weight.square().mean().sqrt().item() == pytest.approx(0.2, rel=0.2)


def test_equally_shaped_matrices_do_not_mix():
    torch.manual_seed(0)
    gradients = [torch.randn(4, 6), torch.randn(4, 6) * 100, torch.randn(6, 4)]
    together = [nn.Parameter(torch.zeros_like(g)) for g in gradients]
    alone = [nn.Parameter(torch.zeros_like(g)) for g in gradients]
    optimizers = [Muon([{"params": together}]), *[Muon([{"params": [p]}]) for p in alone]]
    for p, q, gradient in zip(together, alone, gradients, strict=True):
        p.grad, q.grad = gradient.clone(), gradient.clone()
    for optimizer in optimizers:
        optimizer.step()
    for p, q in zip(together, alone, strict=True):
        torch.testing.assert_close(p, q, atol=1e-7, rtol=1e-4)


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


def test_muon_explains_wrong_groups():
    vector = nn.Parameter(torch.zeros(3))
    with pytest.raises(ValueError, match=r'wanted matrices.*got shapes \[\(3,\)\].*"adam"'):
        Muon([{"params": [vector]}])
    with pytest.raises(ValueError, match=r"got \"lion\"|got 'lion'"):
        Muon([{"params": [vector], "kind": "lion"}])
    with pytest.raises(ValueError, match=r"wanted a matrix for Muon.*use adamw"):
        muon(nn.LayerNorm(3), 0.1, adam_learning_rate=0.1)


@pytest.mark.parametrize(("steps", "floor"), [(1, 0.0), (10, 0.1), (97, 0.5)])
def test_cosine_equals_torchs_annealing(steps, floor):
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=3.0)
    reference = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps, eta_min=3.0 * floor)
    factor = cosine(steps, floor=floor)
    for step in range(steps + 1):
        assert 3.0 * factor(step) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9, abs=1e-12)
        optimizer.step()
        reference.step()


@given(st.integers(1, 300), st.data())
def test_schedules_rise_in_the_warmup_fall_after_it_and_stay_within_zero_and_one(steps, data):
    warmup = data.draw(st.integers(0, steps - 1))
    for factor in (constant(warmup), linear_to_zero(steps, warmup), cosine(steps, warmup)):
        values = [factor(step) for step in range(steps + 3)]
        assert all(0 <= value <= 1 for value in values)
        assert values[:warmup] == pytest.approx([(n + 1) / warmup for n in range(warmup)])
        assert values[warmup] == pytest.approx(1.0)
        assert all(a >= b for a, b in zip(values[warmup:], values[warmup + 1 :], strict=False))


def test_the_line_ends_at_zero_right_after_the_last_step():
    factor = linear_to_zero(10)
    assert [factor(0), factor(9), factor(10), factor(11)] == pytest.approx([1.0, 0.1, 0.0, 0.0])
    assert math.isclose(cosine(10, floor=0.2)(10_000), 0.2)


@pytest.mark.parametrize("make", [linear_to_zero, cosine])
def test_a_warmup_as_long_as_the_run_is_an_error(make):
    with pytest.raises(ValueError, match=r"wanted 0 <= warmup < steps, got warmup 5 and steps 5"):
        make(5, warmup=5)
