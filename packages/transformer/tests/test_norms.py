"""The readable norm, the module and torch's own agree."""

import pytest
import torch

from transformer import LayerNorm, RMSNorm, layer_norm_reference, rms_norm_reference


def test_readable_norm_module_and_torch_agree_with_gradients():
    ours, theirs = LayerNorm(6, eps=1e-3).double(), torch.nn.LayerNorm(6, eps=1e-3).double()
    torch.nn.init.normal_(ours.weight)
    torch.nn.init.normal_(ours.bias)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 3, 6, dtype=torch.float64, requires_grad=True)
    upstream = torch.randn_like(x)
    outputs = [ours(x), layer_norm_reference(x, ours.weight, ours.bias, 1e-3), theirs(x)]
    gradients = [torch.autograd.grad(output, x, upstream)[0] for output in outputs]
    for output, gradient in zip(outputs[:2], gradients[:2], strict=True):
        torch.testing.assert_close(output, outputs[2])
        torch.testing.assert_close(gradient, gradients[2])


def test_root_mean_square_norm_module_and_torch_agree_with_gradients():
    ours, theirs = RMSNorm(6, eps=1e-3).double(), torch.nn.RMSNorm(6, eps=1e-3).double()
    torch.nn.init.normal_(ours.weight)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 3, 6, dtype=torch.float64, requires_grad=True)
    upstream = torch.randn_like(x)
    outputs = [ours(x), rms_norm_reference(x, ours.weight, 1e-3), theirs(x)]
    gradients = [torch.autograd.grad(output, x, upstream)[0] for output in outputs]
    for output, gradient in zip(outputs[:2], gradients[:2], strict=True):
        torch.testing.assert_close(output, outputs[2])
        torch.testing.assert_close(gradient, gradients[2])


def test_a_new_norm_gives_mean_zero_and_variance_one():
    out = LayerNorm(64)(5 + 3 * torch.randn(4, 64))
    torch.testing.assert_close(out.mean(-1), torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(out.var(-1, unbiased=False), torch.ones(4), atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LayerNorm(0), r"at least 1 and eps above 0; got n_embd=0"),
        (lambda: LayerNorm(4, eps=0.0), r"eps=0.0; pass"),
        (lambda: RMSNorm(0), r"at least 1 and eps above 0; got n_embd=0"),
        (lambda: RMSNorm(4)(torch.zeros(2, 5)), r"\[..., 4\]; got \[2, 5\]; make the layer"),
        (lambda: LayerNorm(4)(torch.zeros(2, 5)), r"\[..., 4\]; got \[2, 5\]; make the layer"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(unchecked, call, message):
    with pytest.raises(ValueError, match=message):
        call()
