"""`fast_linear` is torch's linear, whichever library computes it."""

import pytest
import torch
from torch.nn.functional import linear

from tensors import fast_linear, fast_products, onednn_is_there
from tensors.machine import products


@pytest.fixture(params=["oneDNN", "usual"])
def library(request, monkeypatch):
    """Both ways, on every processor that has them."""
    if request.param == "oneDNN" and not onednn_is_there():
        pytest.skip("this torch has no oneDNN")
    monkeypatch.setattr(products, "onednn_is_faster", lambda: request.param == "oneDNN")
    monkeypatch.setattr(products, "SMALLEST_CUT", 1000)
    return request.param


@pytest.mark.parametrize("rows", [(), (1,), (1, 1), (7,), (2, 3), (0, 3)])
@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("columns", [3, 48, 50])
def test_it_equals_linear_in_float64(library, rows, biased, columns):
    generator = torch.Generator().manual_seed(0)
    x, weight = torch.randn(*rows, 33, generator=generator), torch.randn(columns, 33, generator=generator)
    bias = torch.randn(columns, generator=generator) if biased else None
    expected = linear(x.double(), weight.double(), None if bias is None else bias.double())
    torch.testing.assert_close(fast_linear(x, weight, bias).double(), expected, rtol=1e-5, atol=1e-5)


def test_a_piece_of_a_weight_and_a_turned_one_count_as_they_are(library):
    x, weight = torch.randn(4, 16), torch.randn(64, 16)
    torch.testing.assert_close(fast_linear(x, weight[8:40]), x @ weight[8:40].T, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(fast_linear(x, weight.T[:, :16]), x @ weight[:16], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("rows", [(), (1,), (7,), (2, 3)])
@pytest.mark.parametrize("wanted", [("x",), ("weight",), ("x", "weight", "bias"), ("bias",)])
def test_gradients_are_those_of_linear(library, rows, wanted):
    def gradients(product, dtype):
        generator = torch.Generator().manual_seed(0)
        given = {
            name: torch.randn(*shape, generator=generator).to(dtype).requires_grad_(name in wanted)
            for name, shape in {"x": (*rows, 33), "weight": (48, 33), "bias": (48,)}.items()
        }
        product(*given.values()).square().sum().backward()
        return [part.grad if part.grad is None else part.grad.double() for part in given.values()]

    for ours, theirs in zip(gradients(fast_linear, torch.float32), gradients(linear, torch.float64), strict=True):
        assert (ours is None) == (theirs is None)
        if theirs is not None:
            torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-4)


def test_a_gradient_has_a_gradient(library):
    x = torch.randn(3, 5, requires_grad=True)
    (first,) = torch.autograd.grad(fast_linear(x, torch.eye(5)).pow(3).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    torch.testing.assert_close(second, 6 * x.detach(), rtol=1e-5, atol=1e-5)


def test_inside_fast_products_every_layer_uses_them(monkeypatch):
    if not onednn_is_there():
        pytest.skip("this torch has no oneDNN")
    monkeypatch.setattr(products, "onednn_is_faster", lambda: True)
    model, x = torch.nn.Sequential(torch.nn.Linear(16, 32), torch.nn.GELU(), torch.nn.Linear(32, 4)), torch.randn(3, 16)
    with fast_products():
        made = model(x)
    assert made.grad_fn.name().startswith("_WithGradient")
    torch.testing.assert_close(made, model(x), rtol=1e-5, atol=1e-5)


def test_autocast_and_other_numbers_keep_their_meaning(library):
    x, weight = torch.randn(4, 16), torch.randn(8, 16)
    assert fast_linear(x.double(), weight.double()).dtype == torch.float64
    with torch.autocast("cpu", torch.bfloat16):
        assert fast_linear(x, weight).dtype == torch.bfloat16


def test_where_16_bit_products_are_allowed_it_goes_the_usual_way(library, monkeypatch):
    asked = []
    monkeypatch.setattr(products, "linear", lambda *given: asked.append(given) or linear(*given))
    before = torch.backends.mkldnn.matmul.fp32_precision
    try:
        torch.backends.mkldnn.matmul.fp32_precision = "bf16"  # as torch.set_float32_matmul_precision("medium") does
        fast_linear(torch.randn(4, 16), torch.randn(8, 16))
    finally:
        torch.backends.mkldnn.matmul.fp32_precision = before
    assert len(asked) == 1
