"""Positions against the papers' formulas and against transformers' Llama, GPT-NeoX, GPT-J and Bloom."""

import math
import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from transformers import GPTNeoXConfig, LlamaConfig
from transformers.models.bloom.modeling_bloom import build_alibi_tensor
from transformers.models.gpt_neox import modeling_gpt_neox as neox
from transformers.models.gptj import modeling_gptj as gptj
from transformers.models.llama import modeling_llama as llama

from embeddings import (
    LearnedPositions,
    RotaryPositions,
    alibi_bias,
    alibi_slopes,
    linear_scaling,
    ntk_scaling,
    rotate,
    sinusoidal_positions,
    wavelengths,
    yarn_scaling,
)
from embeddings.contract import check as contract
from embeddings.rotary import rotate_reference

N_CTX = 64


def llama_rotation(x, positions, head_size, **parameters):
    config = LlamaConfig(
        hidden_size=4 * head_size,
        num_attention_heads=4,
        head_dim=head_size,
        max_position_embeddings=N_CTX,
        rope_parameters={"rope_theta": 10_000.0, "rope_type": "default", **parameters},
    )
    cos, sin = llama.LlamaRotaryEmbedding(config)(x, positions)
    return llama.apply_rotary_pos_emb(x, x, cos, sin)[0]


def test_sinusoids_are_those_of_the_formula():
    table = sinusoidal_positions(torch.arange(50), 16).numpy()
    for p in (0, 1, 17, 49):
        for i in range(8):
            angle = p / 10_000 ** (2 * i / 16)
            np.testing.assert_allclose(table[p, [2 * i, 2 * i + 1]], [math.sin(angle), math.cos(angle)], atol=4e-6)


def test_sinusoids_repeat_after_their_wavelength():
    first = wavelengths(8, base=10_000.0)
    assert first[0] == pytest.approx(2 * math.pi)
    assert first[-1] == pytest.approx(2 * math.pi * 10_000 ** (6 / 8), rel=1e-5)


def test_learned_positions_stretch_as_numpy_interpolates():
    old = LearnedPositions(5, 3)
    new = old.extended(9)
    places = np.linspace(0, 4, 9)
    for channel in range(3):
        expected = np.interp(places, np.arange(5), old.weight[:, channel].detach().numpy())
        np.testing.assert_allclose(new.weight[:, channel].detach().numpy(), expected, rtol=1e-5, atol=1e-8)
    assert torch.equal(new.weight[[0, -1]], old.weight[[0, -1]])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rotation_and_its_gradient_are_llamas(dtype):
    x = torch.randn(2, 4, 10, 16).to(dtype)
    positions = torch.stack([torch.arange(10), torch.arange(30, 40)])
    upstream = torch.randn_like(x)
    results = []
    for rotation in (RotaryPositions(16), lambda x, p: llama_rotation(x, p, 16)):
        leaf = x.clone().requires_grad_()
        rotation(leaf, positions).backward(upstream)
        results.append((rotation(leaf, positions), leaf.grad))
    tolerance = {} if dtype == torch.float32 else {"rtol": 2e-2, "atol": 2e-2}
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, **tolerance)


def test_partial_rotation_is_that_of_gpt_neox():
    config = GPTNeoXConfig(hidden_size=64, num_attention_heads=4, rotary_pct=0.25)
    x, positions = torch.randn(2, 4, 10, 16), torch.arange(10)
    cos, sin = neox.GPTNeoXRotaryEmbedding(config)(x, positions[None])
    assert cos.shape[-1] == 4
    theirs = neox.apply_rotary_pos_emb(x, x, cos, sin)[0]
    torch.testing.assert_close(RotaryPositions(16, rotated=4)(x, positions), theirs)


def test_interleaved_rotation_is_that_of_gptj():
    x, positions = torch.randn(2, 4, 10, 16), torch.arange(10)
    sin, cos = gptj.create_sinusoidal_positions(10, 16).chunk(2, dim=-1)
    theirs = gptj.apply_rotary_pos_emb(x.transpose(1, 2), sin[None], cos[None]).transpose(1, 2)
    torch.testing.assert_close(RotaryPositions(16, interleaved=True)(x, positions), theirs)


@pytest.mark.parametrize("interleaved", [False, True])
@pytest.mark.parametrize("rotated", [8, 4])
def test_the_fast_turn_and_its_gradients_are_those_of_the_formula(interleaved, rotated):
    x = torch.randn(2, 3, 5, 8, dtype=torch.float64)
    cos, sin = (table.double() for table in RotaryPositions(8, rotated=rotated).tables(torch.arange(5)))
    results = []
    for turn in (rotate, rotate_reference):
        leaf = x.clone().requires_grad_()
        out = turn(leaf, cos, sin, interleaved=interleaved)
        out.pow(3).sum().backward()
        results.append((out, leaf.grad))
    for ours, formula in zip(*results, strict=True):
        torch.testing.assert_close(ours, formula)
    leaf = x[:1, :1].clone().requires_grad_()
    assert torch.autograd.gradgradcheck(lambda x: rotate(x, cos, sin, interleaved=interleaved).pow(2), leaf)


def test_tables_that_are_learned_get_their_gradient():
    frequencies = torch.rand(4, dtype=torch.float64, requires_grad=True)
    x, angles = torch.randn(1, 1, 3, 8, dtype=torch.float64), torch.arange(3)[:, None]
    assert torch.autograd.gradcheck(lambda f: rotate(x, (angles * f).cos(), (angles * f).sin()), frequencies)


def test_the_two_conventions_differ_by_the_order_of_channels_only():
    x, positions = torch.randn(1, 2, 7, 8), torch.arange(7)
    order = torch.tensor([0, 2, 4, 6, 1, 3, 5, 7])
    interleaved = RotaryPositions(8, interleaved=True)(x, positions)
    torch.testing.assert_close(interleaved[..., order], RotaryPositions(8)(x[..., order], positions))


SCALINGS = {
    "linear": (linear_scaling(4.0), {"rope_type": "linear", "factor": 4.0}),
    "yarn": (yarn_scaling(4.0, 16), {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}),
    "yarn, long": (
        yarn_scaling(8.0, 4096),
        {"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 4096},
    ),
    "base": (None, {"rope_theta": 500_000.0}),
}


@pytest.mark.parametrize("name", SCALINGS)
def test_scalings_are_those_of_transformers(name):
    scaling, parameters = SCALINGS[name]
    ours = RotaryPositions(32, scaling=scaling) if scaling else RotaryPositions(32, base=500_000.0)
    x, positions = torch.randn(1, 4, N_CTX, 32), torch.arange(N_CTX)
    torch.testing.assert_close(ours(x, positions), llama_rotation(x, positions[None], 32, **parameters))


def test_ntk_scaling_stretches_the_longest_wavelength_only():
    plain, scaled = RotaryPositions(32).frequencies, RotaryPositions(32, scaling=ntk_scaling(4.0)).frequencies
    assert scaled[0] == plain[0]
    assert scaled[-1] * 4 == pytest.approx(float(plain[-1]))
    dynamic = 10_000 * 4 ** (32 / 30)  # Peng et al. 2023, equation 16
    torch.testing.assert_close(scaled, 1 / dynamic ** (torch.arange(0, 32, 2) / 32))


@pytest.mark.parametrize("options", [{}, {"interleaved": True}, {"rotated": 4}, {"scaling": ntk_scaling(3.0)}], ids=str)
def test_every_rotation_keeps_the_contract(options):
    assert "scores depend on the distance alone" in contract.check_rotation(RotaryPositions(8, **options), 8, 12)


def test_sinusoids_keep_the_contract():
    assert contract.check(lambda positions: sinusoidal_positions(positions, 8), 20)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 5000), st.integers(0, 300), st.sampled_from([2, 6, 64]), st.booleans())
def test_scores_see_distance_wherever_the_pair_stands(shift, distance, head_size, interleaved):
    rotary = RotaryPositions(head_size, interleaved=interleaved)
    q, k = torch.nn.functional.normalize(torch.randn(2, 1, 1, 1, head_size), dim=-1)

    def score(place):
        return float((rotary(q, torch.tensor([place + distance])) * rotary(k, torch.tensor([place]))).sum())

    assert score(shift) == pytest.approx(score(0), abs=3e-3)  # float32 angles near 5,000 are exact to 2.5e-4


@pytest.mark.parametrize("n_head", [1, 2, 3, 6, 8, 12, 16, 25, 112])
def test_slopes_are_blooms_for_any_number_of_heads(n_head):
    theirs = build_alibi_tensor(torch.ones(1, 2), n_head, torch.float32)[:, 0, 1]  # slope times position 1
    torch.testing.assert_close(alibi_slopes(n_head), theirs)


def test_bias_falls_by_the_slope_for_every_step():
    bias = alibi_bias(8, torch.tensor([[4, 5], [0, 1]]), torch.arange(6))
    assert bias.shape == (2, 8, 2, 6)
    assert bias[0, 0, 0].tolist() == [-2.0, -1.5, -1.0, -0.5, 0.0, -0.5]
    assert bias[0, 7, 1, 0] == -5 / 256


BROKEN = {
    "shape and position 0": lambda x, p: x + 1,
    "vectors keep their length": lambda x, p: x * (1 + p[:, None]),
    "scores depend on the distance": lambda x, p: RotaryPositions(8)(x, p * p),
    "an offset, as with a cache": lambda x, p: RotaryPositions(8)(x, p - p[0]),
}


@pytest.mark.parametrize("claim", BROKEN)
def test_a_broken_rotation_is_caught_by_the_claim_it_breaks(claim):
    with pytest.raises(contract.BrokenClaim, match=f"^{claim}"):
        contract.check_rotation(BROKEN[claim], 8, 6)


BAD = [
    (lambda: RotaryPositions(7), "even number of rotated channels from 2 to the head size; got 7 of 7; channels"),
    (lambda: RotaryPositions(8, rotated=10), "got 10 of 8"),
    (lambda: RotaryPositions(8)(torch.ones(1, 1, 2, 6), torch.arange(2)), r"x \[B, H, T, 8\].*got \[1, 1, 2, 6\]"),
    (lambda: RotaryPositions(8)(torch.ones(1, 1, 2, 8), torch.arange(3)), r"got \[1, 1, 2, 8\] and \[3\]; split"),
    (lambda: sinusoidal_positions(torch.arange(2), 5), "even number of channels, at least 2, .*; got 5 and"),
    (lambda: linear_scaling(0.5), "a factor of at least 1; got 0.5; it is"),
    (lambda: yarn_scaling(2.0, 0), "n_ctx of at least 1"),
    (lambda: RotaryPositions(2, scaling=ntk_scaling(2.0)), "at least 4 rotated channels; got 2"),
    (lambda: alibi_slopes(0), "n_head of at least 1; got 0; pass"),
    (lambda: contract.check_rotation(rotate, 8, 1), "n_ctx of at least 2; got 1; pass"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_input_is_refused_with_what_to_do(unchecked, call, message):
    with pytest.raises(ValueError, match=message) as refused:
        call()
    assert re.match("wanted .*; got .*; .", str(refused.value))
