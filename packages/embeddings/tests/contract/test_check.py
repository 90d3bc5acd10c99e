"""The contract passes what is right and names what is wrong."""

import math

import pytest
import torch

from embeddings import LearnedPositions, RotaryPositions, contract, rotate, sinusoidal_positions


def sinusoids(positions):
    """Vaswani et al. 2017, section 3.5, for six channels."""
    angles = positions[..., None] * torch.tensor([1.0, 0.1, 0.01])
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


@pytest.mark.parametrize("encoding", [LearnedPositions(12, 4), sinusoids], ids=["learned", "sinusoidal"])
def test_right_encodings_keep_every_claim(encoding):
    held = contract.check(encoding, n_ctx=12)
    assert "different positions get different vectors" in held
    assert held.not_judged == ("which vectors these are (pass reference=)",)


def by_loops(positions):
    """Section 3.5 number by number: right, and in an unusual style."""
    rows = [
        [(math.cos if c % 2 else math.sin)(p / 10_000 ** (2 * (c // 2) / 6)) for c in range(6)]
        for p in positions.flatten().tolist()
    ]
    return torch.tensor(rows).reshape(*positions.shape, 6)


def pairs(positions, n_pairs=3, base=10_000.0, first=0, exponent=2.0, turn=1.0):
    angles = turn * (positions[..., None] + first) / base ** (exponent * torch.arange(n_pairs) / (2 * n_pairs))
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)


UNLIKE = {
    "all sines, then all cosines": lambda p: torch.cat([pairs(p)[..., 0::2], pairs(p)[..., 1::2]], dim=-1),
    "the cosine before the sine": lambda p: pairs(p).unflatten(-1, (-1, 2)).flip(-1).flatten(-2),
    "positions from one": lambda p: pairs(p, first=1),
    "base 1,000": lambda p: pairs(p, base=1000.0),
    "the exponent of a pair halved": lambda p: pairs(p, exponent=1.0),
    "degrees": lambda p: pairs(p, turn=math.pi / 180),
    "a pair too many": lambda p: pairs(p, n_pairs=4),
}


@pytest.mark.parametrize("slip", UNLIKE)
def test_a_slip_that_no_claim_sees_is_caught_by_the_reference(slip):
    contract.check(UNLIKE[slip], n_ctx=6)
    with pytest.raises(contract.BrokenClaim, match=r"^the output is that of the reference: broken, for "):
        contract.check(UNLIKE[slip], n_ctx=6, reference=by_loops)


def test_what_the_reference_gives_in_another_style_is_right():
    held = contract.check(lambda p: sinusoidal_positions(p, 6), n_ctx=6, reference=by_loops)
    assert held.not_judged == ()


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
    "a later position turns its vector": lambda x, p: x,
}


def as_complex_numbers(x, positions):
    """Rotation as a product of complex numbers: right, and in another style."""
    angles = positions[:, None] * 10_000.0 ** (-torch.arange(0, 8, 2) / 8)
    numbers = torch.complex(x[..., :4].contiguous(), x[..., 4:].contiguous())
    turned = numbers * torch.polar(torch.ones_like(angles), angles)
    return torch.cat([turned.real, turned.imag], dim=-1)


UNLIKE_ROTATIONS = {
    "turned the other way": lambda x, p: RotaryPositions(8)(x, -p),
    "neighbors are pairs": RotaryPositions(8, interleaved=True),
    "twice as fast": lambda x, p: RotaryPositions(8)(x, 2 * p),
    "another base": RotaryPositions(8, base=1000.0),
    "half of the channels": lambda x, p: torch.cat([RotaryPositions(4)(x[..., :4], p), x[..., 4:]], dim=-1),
}


@pytest.mark.parametrize("slip", UNLIKE_ROTATIONS)
def test_a_rotation_that_every_claim_passes_is_caught_by_the_reference(slip):
    held = contract.check_rotation(UNLIKE_ROTATIONS[slip], 8, 5)
    assert held.not_judged == ("which channels are pairs, which way they turn and how fast (pass reference=)",)
    with pytest.raises(contract.BrokenClaim, match=r"^the output is that of the reference: broken, for channel"):
        contract.check_rotation(UNLIKE_ROTATIONS[slip], 8, 5, reference=as_complex_numbers)


def test_a_rotation_in_another_style_keeps_every_claim():
    held = contract.check_rotation(as_complex_numbers, 8, 6, reference=RotaryPositions(8))
    assert held.not_judged == ()


def test_every_claim_catches_somebody():
    held = [*contract.check(sinusoids, 2), *contract.check_rotation(as_complex_numbers, 8, 2)]
    assert not [claim for claim in held if not any(claim.startswith(words) for words in [*BROKEN, *BROKEN_ROTATIONS])]


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


WRONG = [*BROKEN, *BROKEN_ROTATIONS, *UNLIKE, *UNLIKE_ROTATIONS]


def test_the_wrong_ones_are_counted():
    assert len(WRONG) == 22
