"""Losses of pairs, against other people's formulas and what they mean."""

import math

import pytest
import torch
import torch.nn.functional as F

from finetuning import dpo_loss, ipo_loss, simpo_loss


def drawn(seed):
    numbers = torch.Generator().manual_seed(seed)
    return [-50 * torch.rand(64, generator=numbers, dtype=torch.float64) for _ in range(4)]


@pytest.mark.parametrize("beta", [0.05, 0.1, 0.5, 3.0])
def test_the_losses_are_those_of_trl(beta):
    """`DPOTrainer.dpo_loss` of trl, for loss_type sigmoid and ipo, written out: log-ratios of the policy minus those of
    the reference; and the loss of `CPOTrainer` with loss_type simpo."""
    policy_chosen, policy_rejected, reference_chosen, reference_rejected = drawn(1)
    logits = (policy_chosen - policy_rejected) - (reference_chosen - reference_rejected)
    sigmoid = -F.logsigmoid(beta * logits) * (1 - 0.0) - F.logsigmoid(-beta * logits) * 0.0
    ipo = (logits - 1 / (2 * beta)) ** 2
    four = (policy_chosen, policy_rejected, reference_chosen, reference_rejected)
    torch.testing.assert_close(dpo_loss(*four, beta=beta), sigmoid, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(ipo_loss(*four, beta=beta), ipo, rtol=1e-6, atol=1e-6)
    lengths = torch.arange(1.0, 65.0, dtype=torch.float64), torch.arange(65.0, 1.0, -1.0, dtype=torch.float64)
    logratios = policy_chosen / lengths[0] - policy_rejected / lengths[1]
    simpo = -F.logsigmoid(beta * (logratios - 0.7 / beta))
    found = simpo_loss(policy_chosen, policy_rejected, *lengths, beta=beta, margin=0.7)
    torch.testing.assert_close(found, simpo, rtol=1e-6, atol=1e-6)


def test_dpo_in_single_precision_is_trls_to_a_millionth():
    four = [numbers.float() for numbers in drawn(2)]
    exact = [numbers.double() for numbers in four]
    expected = [
        math.log1p(math.exp(-0.1 * ((c - r) - (rc - rr)))) for c, r, rc, rr in zip(*map(list, exact), strict=True)
    ]
    torch.testing.assert_close(dpo_loss(*four).double(), torch.tensor(expected).double(), rtol=1e-6, atol=1e-6)


def test_what_has_not_moved_costs_ln_2_and_each_pair_has_its_own_loss():
    chosen, rejected, *_ = drawn(3)
    torch.testing.assert_close(
        dpo_loss(chosen, rejected, chosen, rejected), torch.full((64,), math.log(2), dtype=torch.float64)
    )
    assert ipo_loss(chosen, rejected, chosen, rejected, beta=0.1).tolist() == [25.0] * 64
    aim = ipo_loss(chosen + 5, rejected, chosen, rejected, beta=0.1)
    torch.testing.assert_close(aim, torch.zeros_like(aim), atol=1e-20, rtol=0)


def test_gradients_raise_the_chosen_and_lower_the_rejected():
    for loss in (dpo_loss, ipo_loss):
        chosen, rejected, *others = (numbers.requires_grad_() for numbers in drawn(4))
        moved = others[0].detach() - 1.0, others[1].detach()
        up, down = torch.autograd.grad(loss(*moved, *others).sum() + 0 * (chosen + rejected).sum(), [chosen, rejected])
        assert not up.any()
        assert not down.any()
        start = [numbers.detach().requires_grad_() for numbers in (others[0], others[1])]
        up, down = torch.autograd.grad(loss(*start, others[0].detach(), others[1].detach()).sum(), start)
        assert (up < 0).all()
        torch.testing.assert_close(down, -up)
