"""Rotary positions against the paper's formula and against transformers' Llama, GPT-NeoX and GPT-J."""

import pytest
import torch
from hypothesis import given, settings, strategies as st
from transformers import GPTNeoXConfig, LlamaConfig
from transformers.models.gpt_neox import modeling_gpt_neox as neox
from transformers.models.gptj import modeling_gptj as gptj
from transformers.models.llama import modeling_llama as llama

from embeddings import (
    RotaryPositions,
    contract,
    ntk_scaling,
    rotate,
)
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


@pytest.mark.parametrize("options", [{}, {"interleaved": True}, {"rotated": 4}, {"scaling": ntk_scaling(3.0)}], ids=str)
def test_every_rotation_keeps_the_contract(options):
    assert "scores depend on the distance alone" in contract.check_rotation(RotaryPositions(8, **options), 8, 12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 5000), st.integers(0, 300), st.sampled_from([2, 6, 64]), st.booleans())
def test_scores_see_distance_wherever_the_pair_stands(shift, distance, head_size, interleaved):
    rotary = RotaryPositions(head_size, interleaved=interleaved)
    q, k = torch.nn.functional.normalize(torch.randn(2, 1, 1, 1, head_size), dim=-1)

    def score(place):
        return float((rotary(q, torch.tensor([place + distance])) * rotary(k, torch.tensor([place]))).sum())

    assert score(shift) == pytest.approx(score(0), abs=3e-3)  # float32 angles near 5,000 are exact to 2.5e-4


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: RotaryPositions(7), "even number of rotated channels from 2 to the head size, got 7 of 7; channels"),
        (lambda: RotaryPositions(8, rotated=10), "got 10 of 8"),
        (lambda: RotaryPositions(8)(torch.ones(1, 1, 2, 6), torch.arange(2)), r"x \[B, H, T, 8\].*got \[1, 1, 2, 6\]"),
        (lambda: RotaryPositions(8)(torch.ones(1, 1, 2, 8), torch.arange(3)), r"got \[1, 1, 2, 8\] and \[3\]; split"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(call, message, refused):
    refused(call, message)
