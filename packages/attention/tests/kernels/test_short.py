"""Short causal texts in 16-bit products: the same attention, by another road."""

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from attention import attend, attend_reference, causal
from attention.kernels.short import LONGEST, products_pay


@pytest.fixture
def medium():
    """What `torch.set_float32_matmul_precision("medium")` sets, which torch 2.9 calls deprecated."""
    before = torch.backends.mkldnn.matmul.fp32_precision
    torch.backends.mkldnn.matmul.fp32_precision = "bf16"
    yield
    torch.backends.mkldnn.matmul.fp32_precision = before


def operands(dtype, length=24, scale=1.0):
    generator = torch.Generator().manual_seed(7)
    packed = torch.randn(2, length, 3, 4, 16, generator=generator, dtype=torch.float32) * scale
    # as a layer hands them on: views of one projection
    return [part.to(dtype).transpose(1, 2).requires_grad_() for part in packed.unbind(2)]


def results(output, given, dtype=torch.float32):
    cotangent = torch.linspace(-1, 1, output.numel(), dtype=dtype).view(output.shape)
    gradients = torch.autograd.grad(output, given, cotangent.to(output.dtype))
    return [tensor.float() for tensor in (output.detach(), *gradients)]


@pytest.mark.parametrize("scale", [1.0, 2.0])
@pytest.mark.parametrize("length", [1, 24, LONGEST])
def test_sixteen_bit_training_has_output_and_gradients_of_the_reference(length, scale):
    given = operands(torch.bfloat16, length, scale)
    assert products_pay(*given[:2], dropout=0.0)
    # the fused kernel in 16 bits is the measure: nobody asks for less rounding than it has
    fused = results(scaled_dot_product_attention(*given, is_causal=True), given)
    ours = results(attend(*given, causal()), given)
    exact_given = [tensor.detach().double().requires_grad_() for tensor in given]
    visible = torch.ones(length, length, dtype=torch.bool).tril()
    exact = results(attend_reference(*exact_given, visible)[0], exact_given, torch.float64)
    for got, theirs, wanted in zip(ours, fused, exact, strict=True):
        assert torch.isfinite(got).all()
        assert (got - wanted).norm() <= 3 * (theirs - wanted).norm() + 0.02 * wanted.norm()


def test_float32_with_16_bit_products_agrees_with_the_reference(medium):
    given = operands(torch.float32)
    assert products_pay(*given[:2], dropout=0.0)
    ours = results(attend(*given, causal()), given)
    torch.backends.mkldnn.matmul.fp32_precision = "ieee"
    visible = torch.ones(24, 24, dtype=torch.bool).tril()
    for got, wanted in zip(ours, results(attend_reference(*given, visible)[0], given), strict=True):
        torch.testing.assert_close(got, wanted, rtol=0.02, atol=0.02)


def test_changing_the_future_changes_no_earlier_output():
    q, k, v = operands(torch.bfloat16)
    before = attend(q, k, v, causal())
    k2, v2 = k.detach().clone(), v.detach().clone()
    k2[:, :, 12:], v2[:, :, 12:] = 5.0, -5.0
    after = attend(q, k2, v2, causal())
    assert torch.equal(before[:, :, :12], after[:, :, :12])
    assert not torch.equal(before[:, :, 12:], after[:, :, 12:])


def test_what_the_fused_kernel_does_better_goes_to_it():
    q, k, _ = operands(torch.bfloat16)
    long, _, _ = operands(torch.bfloat16, LONGEST + 1)
    exact, _, _ = operands(torch.float32)
    with torch.no_grad():
        assert not products_pay(q, k, 0.0)
    assert not products_pay(q, k, 0.1)
    assert not products_pay(long, long, 0.0)
    assert not products_pay(exact, exact, 0.0)
    assert not products_pay(q[:, :, :1], k, 0.0)


def test_a_gradient_of_a_gradient_exists():
    given = operands(torch.bfloat16, 6)
    (first,) = torch.autograd.grad(attend(*given, causal()).float().square().sum(), given[0], create_graph=True)
    (second,) = torch.autograd.grad(first.float().square().sum(), given[1])
    assert torch.isfinite(second).all()
    assert second.abs().sum() > 0
