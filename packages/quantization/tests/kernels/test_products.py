"""The kernels compute what the readable reference computes, on every scheme, size and set of instructions."""

import copy
import os
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn

from attention.caches.eight_bits import quantised
from quantization import QuantizedLinear, quantize
from tensors import processor_has
from transformer.kernels import native
from transformer.kernels.products import MANY, linear, linear_reference, prepared

SCHEMES = ["int8", "int8-weight-only", "int4:8", "int4:16", "int4:32", "int4:64", "int4:128", "bfloat16"]


@pytest.fixture(params=["native", "avx2", "plain"])
def instructions(request, monkeypatch):
    monkeypatch.setenv(native.SWITCH, request.param)
    if native.library() is None:
        pytest.skip("no C++ compiler here: quantized layers run on torch")
    return request.param


def layer_and_input(scheme, rows, columns, tokens, bias=True, scale=1.0):
    draws = torch.Generator().manual_seed(rows * 1000 + columns)
    source = nn.Linear(columns, rows, bias=bias)
    with torch.no_grad():
        for parameter in source.parameters():
            parameter.copy_(scale * torch.randn(parameter.shape, generator=draws))
    return quantize(source, scheme), torch.randn(tokens, columns, generator=draws)


def expected(x, layer):
    """The reference; for int4 given what the kernels round x to, 127 steps for every 128 numbers."""
    if layer.scheme == "int4":
        wide = nn.functional.pad(x.float(), (0, -x.shape[-1] % 128)).unflatten(-1, (-1, 128))
        whole, scale = quantised(wide)
        x = (whole * scale).flatten(-2)[..., : x.shape[-1]]
    return linear_reference(x, layer)


def assert_same(x, layer):
    """Off by float32's rounding of a sum of so many products at most."""
    wanted, terms = expected(x, layer), x.abs().float() @ layer.restored().abs().T
    terms = terms + (0 if layer.bias is None else layer.bias.abs())
    assert ((linear(x, layer) - wanted).abs() <= 2e-6 * terms + 1e-30).all()


@pytest.mark.parametrize("by_torch", [True, False])
@pytest.mark.parametrize("columns", [1, 33, 64, 200])
@pytest.mark.parametrize("scheme", ["int8", "int8-weight-only", "bfloat16"])
def test_many_rows_meet_the_same_weights_by_torch_or_the_kernels(instructions, monkeypatch, scheme, columns, by_torch):
    if by_torch and not processor_has("avx512_vnni"):
        pytest.skip("no AVX-512 VNNI here: torch's sums of whole numbers may saturate")
    monkeypatch.setattr(native, "torch_multiplies_bytes", lambda: by_torch)
    layer, x = layer_and_input(scheme, 37, columns, MANY + 5)
    x[3] = 0.0
    assert_same(x, layer)
    assert_same(x.view(1, *x.shape), layer)
    x[2, 0] = float("nan")
    assert linear(x, layer)[2].isnan().all()
    assert not linear(x, layer)[1].isnan().any()


def test_int4_is_near_what_unrounded_activations_give(instructions):
    layer, x = layer_and_input("int4", 64, 1024, 8)
    wanted = linear_reference(x, layer)
    assert (linear(x, layer) - wanted).norm() < 0.01 * wanted.norm()


@settings(max_examples=60, deadline=None)
@given(
    scheme=st.sampled_from(SCHEMES),
    rows=st.integers(1, 70),
    columns=st.integers(1, 400),
    tokens=st.integers(1, 40),
    bias=st.booleans(),
)
@pytest.mark.parametrize("choice", ["native", "avx2", "plain"])
def test_every_scheme_and_size_is_the_reference(choice, scheme, rows, columns, tokens, bias):
    group = int(scheme.partition(":")[2] or 1)
    layer, x = layer_and_input(scheme, rows, -(-columns // group) * group, tokens, bias)
    before = os.environ.get(native.SWITCH)
    os.environ[native.SWITCH] = choice
    try:
        if native.library() is None:
            pytest.skip("no C++ compiler here: quantized layers run on torch")
        assert prepared(layer) is not None
        assert_same(x, layer)
    finally:
        os.environ.pop(native.SWITCH) if before is None else os.environ.update({native.SWITCH: before})


@pytest.mark.parametrize("tokens", [15, 16, 17, 32, 47, 64])
@pytest.mark.parametrize(("rows", "columns"), [(1, 64), (15, 128), (16, 192), (33, 64), (48, 320), (70, 768)])
def test_many_tokens_meet_in_matrix_tiles_and_give_what_each_gives_alone(instructions, tokens, rows, columns):
    layer, x = layer_and_input("int8", rows, columns, tokens, bias=rows % 2 == 0)
    x[3], x[tokens - 1] = 0, x[tokens - 1] * 1e6
    assert_same(x, layer)
    alone = torch.cat([linear(x[token : token + 1], layer) for token in range(tokens)])
    assert torch.allclose(linear(x, layer), alone, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("scale", [1e-20, 1e-3, 1e4, 1e15])
def test_weights_and_inputs_of_any_magnitude(instructions, scheme, scale):
    layer, x = layer_and_input(scheme, 9, 256, 3, scale=scale)
    assert_same(x, layer)
    assert_same(x * scale, layer)


def test_the_largest_whole_numbers_neither_overflow_nor_saturate(instructions):
    layer = QuantizedLinear(8192, 3, "int8", bias=False)
    layer.hold(
        {"weight": torch.tensor([[127], [-127], [-128]], dtype=torch.int8).repeat(1, 8192), "scale": torch.ones(3)}
    )
    for sign in (1.0, -1.0):
        x = torch.full((1, 8192), sign)
        assert torch.allclose(linear(x, layer), sign * torch.tensor([[127.0, -127, -128]]) * 8192, rtol=1e-5)


@pytest.mark.parametrize("scheme", ["int8", "int4", "int8-weight-only", "bfloat16"])
@pytest.mark.parametrize("odd", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_is_not_finite_spoils_its_row_and_no_other(instructions, scheme, odd):
    layer, x = layer_and_input(scheme, 5, 64, 3)
    clean = linear(x, layer)
    x[1, 7] = odd
    spoilt = linear(x, layer)
    assert not spoilt[1].isfinite().any()
    assert torch.equal(spoilt[[0, 2]], clean[[0, 2]])


@pytest.mark.parametrize("scheme", ["int8", "int4"])
def test_zeros_give_the_bias(instructions, scheme):
    layer, x = layer_and_input(scheme, 5, 64, 3)
    assert torch.equal(linear(x * 0, layer), layer.bias.expand(3, 5))
    blank = quantize(nn.Linear(64, 5), scheme)
    blank.scale.zero_()
    assert torch.equal(linear(x, blank), blank.bias.expand(3, 5))


@pytest.mark.parametrize("scheme", ["int4:2", "int4:6", "int4:24", "int4:48"])
def test_groups_that_lanes_cannot_share_run_on_torch(instructions, scheme):
    layer, x = layer_and_input(scheme, 5, 48, 3)
    assert prepared(layer) is None
    assert torch.equal(linear(x, layer), linear_reference(x, layer))


def test_shapes_types_and_gradients_are_those_of_the_reference(instructions):
    layer, x = layer_and_input("int8", 5, 64, 6)
    for shape in ((64,), (6, 64), (2, 3, 64), (0, 64)):
        given = x.flatten()[: torch.Size(shape).numel()].reshape(shape)
        assert linear(given, layer).shape == linear_reference(given, layer).shape
    assert linear(x.bfloat16(), layer).dtype == torch.bfloat16
    assert torch.equal(linear(x.t().contiguous().t(), layer), linear(x, layer))
    weight_only, _ = layer_and_input("int8-weight-only", 5, 64, 6)
    x.requires_grad_()
    linear(x, weight_only).sum().backward()
    assert torch.allclose(x.grad, weight_only.restored().sum(0).expand(6, 64))


def test_a_layer_that_changes_is_read_anew(instructions):
    layer, x = layer_and_input("int8", 5, 64, 3)
    linear(x, layer)
    other, _ = layer_and_input("int8", 5, 64, 3, scale=7.0)
    twin = copy.deepcopy(layer)
    twin.load_state_dict(other.state_dict())  # written in place
    assert torch.equal(linear(x, twin), linear(x, other))
    layer.weight = other.weight.flip(0).contiguous()
    assert_same(x, layer)


def test_weights_of_inference_mode_are_never_stale(instructions):
    with torch.inference_mode():
        layer, x = layer_and_input("int8", 5, 64, 3)
        linear(x, layer)
        layer.weight.copy_(layer.weight.flip(0))
        assert_same(x, layer)


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="memory is read from Linux's /proc")
def test_the_first_product_of_a_large_layer_copies_no_weights():
    if native.library() is None:
        pytest.skip("no C++ compiler here: torch restores weights")
    program = (
        "import torch; from quantization import QuantizedLinear\n"
        "def kilobytes(name):\n    lines = open('/proc/self/status')\n"
        "    return next(int(line.split()[1]) for line in lines if line.startswith(name))\n"
        "small, large = QuantizedLinear(512, 8), QuantizedLinear(512, 60_000)\n"
        "small(torch.ones(1, 512)); before = kilobytes('VmRSS'); large(torch.ones(1, 512))\n"
        "print(kilobytes('VmHWM') - before)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 0.25 * 512 * 60_000 / 1e3
