"""The contract passes what is right and names what is wrong."""

import math

import pytest
import torch

from embeddings import LearnedPositions, RotaryPositions, contract, rotate


def sinusoids(positions):
    """Vaswani et al. 2017, section 3.5, for six channels."""
    angles = positions[..., None] * torch.tensor([1.0, 0.1, 0.01])
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


@pytest.mark.parametrize("encoding", [LearnedPositions(12, 4), sinusoids], ids=["learned", "sinusoidal"])
def test_right_encodings_keep_every_claim(encoding):
    assert "different positions get different vectors" in contract.check(encoding, n_ctx=12)


BROKEN = {
    "vectors have the shape": (lambda p: sinusoids(p).flatten(-2), 1),
    "vectors are finite": (lambda p: sinusoids(p) / (p[..., None] != 2), 3),
    "the same positions get the same": (lambda p: sinusoids(p) + torch.rand(1), 1),
    "a position's vector does not depend": (lambda p: sinusoids(p - p[..., :1]), 2),
    "different positions get different": (lambda p: sinusoids(p % 4), 5),
}


@pytest.mark.parametrize("claim", BROKEN)
def test_a_broken_encoding_is_caught_by_the_claim_it_breaks(claim):
    encoding, smallest = BROKEN[claim]
    with pytest.raises(contract.BrokenClaim, match=f"^{claim}.*: broken, .*shows it: {smallest} position"):
        contract.check(encoding, n_ctx=8)


def test_an_encoding_that_raises_is_named_with_its_error():
    with pytest.raises(contract.BrokenClaim, match="raised ValueError: wanted positions from 0 to 3"):
        contract.check(LearnedPositions(4, 2), n_ctx=5)


def test_nothing_to_try_is_refused():
    with pytest.raises(ValueError, match="wanted n_ctx of at least 1, got 0; pass"):
        contract.check(math.sin, n_ctx=0)


BROKEN_ROTATIONS = {
    "shape and position 0": lambda x, p: x + 1,
    "vectors keep their length": lambda x, p: x * (1 + p[:, None]),
    "scores depend on the distance": lambda x, p: RotaryPositions(8)(x, p * p),
    "an offset, as with a cache": lambda x, p: RotaryPositions(8)(x, p - p[0]),
}


@pytest.mark.parametrize("claim", BROKEN_ROTATIONS)
def test_a_broken_rotation_is_caught_by_the_claim_it_breaks(claim):
    with pytest.raises(contract.BrokenClaim, match=f"^{claim}"):
        contract.check_rotation(BROKEN_ROTATIONS[claim], 8, 6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: contract.check_rotation(rotate, 8, 1), "n_ctx of at least 2, got 1; pass"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(call, message, refused):
    refused(call, message)
