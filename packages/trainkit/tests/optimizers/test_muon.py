"""Claims about Muon, held to torch's and to the singular values."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn

from trainkit import Muon, muon, orthogonalise
from trainkit.optimizers.orthogonal import evened


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


@pytest.mark.parametrize("shape", [(2, 24, 48), (1, 16, 100), (2, 60, 20), (2, 9, 9), (1, 1, 5)])
@pytest.mark.parametrize("rounds", [1, 2, 5])
def test_the_gram_form_is_the_same_in_fewer_products(shape, rounds):
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    plain, gram = orthogonalise(matrices, rounds), orthogonalise(matrices, rounds, gram=True)
    torch.testing.assert_close(gram, plain, atol=1e-12, rtol=1e-10)
    small = orthogonalise(matrices.float(), rounds, gram=True)
    torch.testing.assert_close(small, plain.float(), atol=2e-4, rtol=0)


def test_the_gram_form_takes_a_third_fewer_operations():
    from torch.utils.flop_counter import FlopCounterMode

    counts = []
    for gram in (False, True):
        with FlopCounterMode(display=False) as counter:
            orthogonalise(torch.randn(2, 64, 192), gram=gram)
        counts.append(counter.get_total_flops())
    assert counts[1] < 0.67 * counts[0]


@pytest.mark.parametrize("fitted", [False, True])
def test_the_gram_form_holds_in_16_bits(fitted):
    matrices = torch.randn(2, 48, 192, generator=torch.Generator().manual_seed(0))
    before = torch.backends.mkldnn.matmul.fp32_precision
    try:
        torch.backends.mkldnn.matmul.fp32_precision = "bf16"
        result = orthogonalise(matrices, gram=True, fitted=fitted)
    finally:
        torch.backends.mkldnn.matmul.fp32_precision = before
    values = torch.linalg.svdvals(result)
    assert ((values > 0.5) & (values < 1.3)).all()
    torch.testing.assert_close(result, orthogonalise(matrices, fitted=fitted), atol=0.03, rtol=0)


def test_four_fitted_rounds_even_out_singular_values_from_three_thousandths_on():
    """Of a diagonal matrix they are its numbers; five equal rounds leave as much, in more operations."""
    from torch.utils.flop_counter import FlopCounterMode

    values = torch.logspace(math.log10(0.0031), 0, 200, dtype=torch.float64)
    matrices = torch.zeros(200, 2, 5, dtype=torch.float64)
    matrices[:, 0, 0], matrices[:, 1, 1] = values, (1 - values**2).sqrt()  # of Frobenius norm 1, as they are scaled
    for gram in (False, True):
        evened_out = orthogonalise(matrices, gram=gram, fitted=True)[:, 0, 0]
        assert evened_out.min() == pytest.approx(0.8, abs=0.01)
        assert evened_out.max() == pytest.approx(1.2, abs=0.01)
    counts = []
    for fitted in (False, True):
        with FlopCounterMode(display=False) as counter:
            orthogonalise(torch.randn(2, 64, 256), gram=True, fitted=fitted)
        counts.append(counter.get_total_flops())
    assert counts[1] < 0.85 * counts[0]


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


@pytest.mark.parametrize("even", [False, True])
def test_a_parameter_of_pieces_moves_as_they_would_alone(even):
    torch.manual_seed(0)
    start, scales = torch.randn(2, 3, 5, 5), torch.tensor([1.0, 30.0, 0.01])[:, None, None]
    together = [nn.Parameter(matrix.flatten(0, 1).clone()) for matrix in start]
    alone = [nn.Parameter(matrix.clone()) for matrix in start.flatten(0, 1)]
    optimizers = [Muon([{"params": together, "pieces": 3, "even": even}]), Muon([{"params": alone, "even": even}])]
    for _ in range(3):
        gradients = torch.randn(2, 3, 5, 5) * scales
        for p, gradient in zip([*together, *alone], [*gradients, *gradients.flatten(0, 1)], strict=True):
            p.grad = gradient.reshape(p.shape)
        for optimizer in optimizers:
            optimizer.step()
        again = Muon([{"params": together, "pieces": 3, "even": even}])
        again.load_state_dict(optimizers[0].state_dict())
        optimizers[0] = again
    torch.testing.assert_close(torch.stack([*together]).view(-1, 5, 5), torch.stack([*alone]), atol=1e-6, rtol=1e-5)
    assert (torch.stack([*together]).view_as(start) - start).abs().amin((2, 3)).gt(0).all()


def test_pieces_are_chosen_by_name():
    made = muon(nn.Linear(2, 6), 0.1, adam_learning_rate=0.1, pieces=lambda name: 3 if name == "weight" else 1)
    assert [(group["kind"], group.get("pieces")) for group in made.param_groups] == [("muon", 3), ("adam", 1)]


def test_muon_explains_wrong_groups():
    with pytest.raises(ValueError, match=r"wanted pieces .*got 4 for \[\(6, 2\)\]; name the matrices"):
        Muon([{"params": [nn.Parameter(torch.zeros(6, 2))], "pieces": 4}])
    vector = nn.Parameter(torch.zeros(3))
    with pytest.raises(ValueError, match=r'wanted matrices.*got shapes \[\(3,\)\].*"adam"'):
        Muon([{"params": [vector]}])
    with pytest.raises(ValueError, match=r"got \"lion\"|got 'lion'"):
        Muon([{"params": [vector], "kind": "lion"}])
    with pytest.raises(ValueError, match=r"wanted a matrix for Muon.*use adamw"):
        muon(nn.LayerNorm(3), 0.1, adam_learning_rate=0.1)


@pytest.mark.parametrize("shape", [(6, 4), (4, 9), (5, 5)])
def test_even_and_cautious_muon_is_what_the_papers_say(shape):
    """NorMuon's and cautious decay's formulas, number by number."""
    rng, rate, decay = np.random.default_rng(0), 0.1, 0.5
    weight = nn.Parameter(torch.from_numpy(rng.standard_normal(shape)))
    optimizer = Muon([{"params": [weight], "lr": rate, "weight_decay": decay, "even": True, "cautious": True}])
    ours, momentum, squares = weight.detach().numpy().copy(), np.zeros(shape), np.zeros(max(shape))
    for _ in range(4):
        gradient = rng.standard_normal(shape)
        weight.grad = torch.from_numpy(gradient)
        optimizer.step()
        momentum = 0.95 * momentum + 0.05 * gradient
        lookahead = 0.05 * gradient + 0.95 * momentum
        update = orthogonalise(torch.from_numpy(lookahead)[None])[0].numpy()
        tall = shape[0] >= shape[1]
        squares = 0.95 * squares + 0.05 * (update**2).mean(1 if tall else 0)
        even = update / np.sqrt(squares[:, None] if tall else squares[None])
        even *= np.linalg.norm(update) / np.linalg.norm(even)
        shrinking = np.sign(even) == np.sign(ours)
        ours = ours - rate * (0.2 * math.sqrt(max(shape)) * even + decay * shrinking * ours)
        np.testing.assert_allclose(weight.detach().numpy(), ours, rtol=1e-9, atol=1e-12)
    assert shrinking.any()
    assert not shrinking.all()


def test_cautious_adamw_decays_only_what_moves_toward_zero():
    rate, decay = 0.1, 0.5
    start, gradients = torch.randn(20, dtype=torch.float64), torch.randn(5, 20, dtype=torch.float64)
    group = {"kind": "adam", "lr": rate, "weight_decay": decay, "betas": (0.9, 0.95)}
    ours = nn.Parameter(start.clone())
    optimizer = Muon([{"params": [ours], **group, "cautious": True}])
    weight, first, second = start.clone(), torch.zeros(20), torch.zeros(20)
    for number, gradient in enumerate(gradients, start=1):
        ours.grad = gradient.clone()
        optimizer.step()
        first, second = 0.9 * first + 0.1 * gradient, 0.95 * second + 0.05 * gradient**2
        step = first / (1 - 0.9**number) / ((second / (1 - 0.95**number)).sqrt() + 1e-8)
        weight = weight - rate * (step + decay * weight * (step * weight > 0))
        torch.testing.assert_close(ours.detach(), weight, atol=1e-12, rtol=1e-9)


def test_even_muon_moves_every_neuron_as_far():
    generator = torch.Generator().manual_seed(0)
    uneven = torch.randn(1, 40, 10, generator=generator) * torch.logspace(-2, 0, 40)[None, :, None]
    plain, squares = orthogonalise(uneven), torch.zeros(1, 40)
    for _ in range(30):
        even, squares = evened(plain, squares)
    lengths = {name: update.norm(dim=2) for name, update in (("plain", plain), ("even", even))}
    assert lengths["plain"].max() > 3 * lengths["plain"].min()
    assert lengths["even"].max() < 1.01 * lengths["even"].min()
    assert even.norm().item() == pytest.approx(plain.norm().item(), rel=1e-5)


@pytest.mark.parametrize("kind", ["muon", "adam"])
def test_looking_ahead_is_what_the_paper_says(kind):
    """EMA-Nesterov around an optimizer that knows nothing of it: x <- step(x + b m), m <- g m + (1 - g)(x' - x)."""
    generator = torch.Generator().manual_seed(0)
    start, pull = (torch.randn(4, 6, generator=generator, dtype=torch.float64) for _ in range(2))
    ours, theirs = (nn.Parameter(start.clone()) for _ in range(2))
    optimizer = Muon([{"params": [ours], "kind": kind, "lr": 0.1, "lookahead": 0.3, "horizon": 4.0}])
    judge = Muon([{"params": [theirs], "kind": kind, "lr": 0.1}])
    mean, shares = torch.zeros_like(start), [0.0, 0.3, 0.3, 0.2, 0.0, 0.0]
    for now, following in pairwise([0.0, *shares]):
        before = theirs.detach().clone()
        with torch.no_grad():
            theirs += now * mean
        torch.testing.assert_close(ours, theirs)
        optimizer.param_groups[0]["lookahead"] = following
        for weight, one in ((ours, optimizer), (theirs, judge)):
            weight.grad = (weight * weight * weight - pull).detach()
            one.step()
        mean = 0.75 * mean + 0.25 * (theirs.detach() - before)
    torch.testing.assert_close(ours, theirs)
    assert mean.abs().max() > 0.01


def test_looking_ahead_needs_a_share_and_a_horizon():
    weight = nn.Parameter(torch.zeros(2, 3))
    for wrong in ({"lookahead": 1.0, "horizon": 4.0}, {"lookahead": 0.3}, {"horizon": 0.5}, {"lookahead": -0.1}):
        with pytest.raises(ValueError, match="wanted 0 <= lookahead < 1 and a horizon"):
            Muon([{"params": [weight], **wrong}])
