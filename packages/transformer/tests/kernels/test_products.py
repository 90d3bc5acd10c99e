"""Products with floating-point weights are those of the reference, in any number of rows."""

import pytest
import torch
from torch import nn

from transformer.kernels.products import MANY, linear, linear_reference, prepared
from transformer.kernels.weights import Kind, Weights, kind_of


class Half(nn.Module):
    """The smallest layer that keeps to `Weights`: bfloat16, and no scale."""

    kind, group_size = Kind.BFLOAT16, None

    def __init__(self, columns, rows, bias=True):
        super().__init__()
        self.register_buffer("weight", torch.randn(rows, columns).bfloat16())
        self.register_buffer("bias", torch.randn(rows) if bias else None)
        self.scale = self.zero = None

    def restored(self):
        return self.weight.float()

    def rows(self, rows):
        return self.restored()[rows], None if self.bias is None else self.bias[rows]

    def logits(self, x):
        return linear(x, self)


def assert_same(x, layer):
    """Off by float32's rounding of a sum of so many products at most."""
    terms = x.abs().float() @ layer.restored().abs().T + (0 if layer.bias is None else layer.bias.abs())
    assert ((linear(x, layer) - linear_reference(x, layer)).abs() <= 2e-6 * terms + 1e-30).all()


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("columns", [1, 33, 64, 200])
@pytest.mark.parametrize("tokens", [1, 3, 8, MANY + 5])
def test_bfloat16_weights_of_every_size_give_the_reference(instructions, tokens, columns, bias):
    layer, x = Half(columns, 37, bias), torch.randn(tokens, columns)
    assert isinstance(layer, Weights)
    assert prepared(layer) is not None
    assert_same(x, layer)
    assert_same(x.view(1, *x.shape), layer)
    x[tokens // 2, 0] = float("nan")
    assert linear(x, layer)[tokens // 2].isnan().all()
    assert linear(x, layer).isnan().any(1).sum() == 1


@pytest.mark.parametrize("columns", [769, 1600])
def test_rows_so_long_that_they_are_read_in_parts_are_those_that_are_alone(instructions, columns):
    layer, x = Half(columns, 37), torch.randn(MANY - 1, columns)
    assert_same(x, layer)
    for some in (1, 8, 9, 15, 22):
        assert torch.equal(linear(x[:some], layer), torch.cat([linear(row, layer) for row in x[:some].split(1)]))


def test_a_layer_that_changes_is_read_anew(instructions):
    layer, x = Half(64, 5), torch.randn(3, 64)
    before = linear(x, layer)
    layer.weight.mul_(2)
    assert not torch.allclose(linear(x, layer), before)
    assert_same(x, layer)
    layer.weight = layer.weight.clone().neg_()
    assert_same(x, layer)


def test_shapes_types_and_gradients_are_those_of_the_reference(instructions):
    layer, x = Half(64, 5), torch.randn(6, 64)
    for shape in ((64,), (6, 64), (2, 3, 64), (0, 64)):
        given = x.flatten()[: torch.Size(shape).numel()].reshape(shape)
        assert linear(given, layer).shape == linear_reference(given, layer).shape
    assert linear(x.bfloat16(), layer).dtype == torch.bfloat16
    assert torch.equal(linear(x.t().contiguous().t(), layer), linear(x, layer))
    x.requires_grad_()
    linear(x, layer).sum().backward()
    assert torch.allclose(x.grad, layer.restored().sum(0).expand(6, 64))


def test_only_forms_that_the_kernels_know_are_prepared():
    assert kind_of(nn.Linear(2, 3)) is Kind.FLOAT32
    assert kind_of(nn.Linear(2, 3).bfloat16()) is None
    assert kind_of(type("Own", (nn.Linear,), {})(2, 3)) is None  # whose forward may be another
    assert kind_of(Half(2, 3)) is Kind.BFLOAT16
    assert prepared(nn.Linear(2, 3, dtype=torch.float64)) is None
    assert prepared(nn.Linear(2, 3)) is not None
