"""`fast_linear` is torch's linear, whichever library computes it."""

import pytest
import torch
from torch.nn.functional import linear

from tensors import fast_linear, onednn_is_faster, products


@pytest.fixture(params=["oneDNN", "usual"])
def library(request, monkeypatch):
    """Both ways, on every processor that has them."""
    if request.param == "oneDNN" and not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
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


def test_what_wants_a_gradient_gets_it(library):
    x, weight = torch.randn(4, 16), torch.randn(8, 16, requires_grad=True)
    fast_linear(x, weight).sum().backward()
    torch.testing.assert_close(weight.grad, x.sum(0).expand(8, 16), rtol=1e-5, atol=1e-5)


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


@pytest.mark.parametrize(("vendor", "faster"), [("GenuineIntel", False), ("", False), ("AuthenticAMD", True)])
def test_the_maker_of_the_processor_decides(vendor, faster, monkeypatch):
    monkeypatch.setattr(products, "processor_vendor", lambda: vendor)
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: True)
    onednn_is_faster.cache_clear()
    try:
        there = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
        assert onednn_is_faster() is (faster and there)
    finally:
        onednn_is_faster.cache_clear()
