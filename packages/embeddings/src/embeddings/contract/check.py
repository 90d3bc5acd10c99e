"""What any encoding of positions must keep to, as claims to hold against yours.

`contract.check(my_encoding)` takes vectors of positions, `contract.check_rotation(my_rotation)` what turns queries and
keys by their positions.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from workbench import Broken, BrokenClaim, Held

Encoding = Callable[[Tensor], Tensor]
Rotation = Callable[[Tensor, Tensor], Tensor]


def check(encoding: Encoding, n_ctx: int, *, reference: Encoding | None = None) -> Held:
    """Try every claim on `encoding`, for 1 to n_ctx positions, and return the claims that held; raise `BrokenClaim` (an
    AssertionError) at the first that did not.

    It is called as `encoding(positions)` with int64 positions [..., T] below n_ctx and returns vectors [..., T, C].
    Which vectors these are is judged against `reference`, called in the same way; `Held.not_judged` says so where none
    is given. ValueError for n_ctx below 1.
    """
    if n_ctx < 1:
        raise ValueError(f"wanted n_ctx of at least 1, got {n_ctx}; pass how many positions the encoding knows")
    claims = CLAIMS if reference is None else CLAIMS | {REFERENCE: like(reference)}
    for words, claim in claims.items():
        for n_positions in range(1, n_ctx + 1):
            hold(words, lambda n: claim(encoding, n), n_positions)  # noqa: B023  called at once
    return Held(claims, ["which vectors these are (pass reference=)"] if reference is None else [])


def check_rotation(rotation: Rotation, head_size: int, n_ctx: int, *, reference: Rotation | None = None) -> Held:
    """The same for what turns vectors: called as `rotation(x, positions)` with x [1, 1, T, head_size] and int64
    positions [T] below n_ctx, it returns x's shape. Pairs, direction and speeds are judged against `reference` alone.
    ValueError for n_ctx below 2: there is no distance to try."""
    if n_ctx < 2:
        raise ValueError(f"wanted n_ctx of at least 2, got {n_ctx}; pass how many positions the rotation knows")
    claims = ROTATION_CLAIMS if reference is None else ROTATION_CLAIMS | {REFERENCE: turns_like(reference)}
    for words, claim in claims.items():
        for n_positions in range(2, n_ctx + 1):
            x = torch.randn(1, 1, n_positions, head_size, generator=torch.Generator().manual_seed(n_positions))
            hold(words, lambda n: claim(rotation, x, torch.arange(n)), n_positions)  # noqa: B023  called at once
    left = "which channels are pairs, which way they turn and how fast (pass reference=)"
    return Held(claims, [left] if reference is None else [])


def hold(words: str, claim: Callable[[int], str | None], n_positions: int) -> None:
    smallest = f"{n_positions} position(s)"
    try:
        with torch.no_grad():
            evidence = claim(n_positions)
    except Exception as error:
        raise BrokenClaim(Broken(words, f"it raised {type(error).__name__}: {error}", smallest)) from error
    if evidence is not None:
        raise BrokenClaim(Broken(words, evidence, smallest))


def keeps_shape(encoding: Encoding, n_positions: int) -> str | None:
    one, two = encoding(torch.arange(n_positions)), encoding(torch.arange(n_positions).expand(2, -1))
    if one.ndim == 2 and len(one) == n_positions and two.shape == (2, *one.shape):
        return None
    return f"positions [{n_positions}] gave {list(one.shape)}, positions [2, {n_positions}] gave {list(two.shape)}"


def stays_finite(encoding: Encoding, n_positions: int) -> str | None:
    return None if bool(encoding(torch.arange(n_positions)).isfinite().all()) else "NaN or infinity came out"


def repeats(encoding: Encoding, n_positions: int) -> str | None:
    first, second = (encoding(torch.arange(n_positions)) for _ in range(2))
    return None if torch.equal(first, second) else "a second call on the same positions gave other vectors"


def stands_alone(encoding: Encoding, n_positions: int) -> str | None:
    whole = encoding(torch.arange(n_positions))
    for position in range(n_positions):
        alone = encoding(torch.tensor([position]))
        if not torch.allclose(alone[0], whole[position], rtol=1e-5, atol=1e-6):
            return f"position {position} alone got another vector than position {position} among {n_positions}"
    return None


def tells_apart(encoding: Encoding, n_positions: int) -> str | None:
    vectors = encoding(torch.arange(n_positions))
    for position in range(n_positions - 1):
        if torch.equal(vectors[position], vectors[-1]):
            return f"positions {position} and {n_positions - 1} got the same vector"
    return None


def like(reference: Encoding) -> Callable[[Encoding, int], str | None]:
    """The claim that the vectors are those of `reference`."""

    def claim(encoding: Encoding, n_positions: int) -> str | None:
        positions = torch.arange(n_positions)
        return _apart(encoding(positions), reference(positions))

    return claim


def _apart(got: Tensor, wanted: Tensor) -> str | None:
    """Where two stacks of vectors [..., T, C] are not the same to five digits."""
    if got.shape != wanted.shape:
        return f"vectors {list(wanted.shape)} were due, {list(got.shape)} came"
    distance = (got - wanted).abs()
    allowed = 1e-5 * max(1.0, float(wanted.abs().max()))
    if float(distance.max()) <= allowed:
        return None
    position, channel = divmod(int(distance.reshape(-1, *got.shape[-2:]).amax(0).argmax()), got.shape[-1])
    return f"channel {channel} of position {position} is off by {float(distance.max()):.2g} (allowed {allowed:.1g})"


REFERENCE = "the output is that of the reference"
CLAIMS: dict[str, Callable[[Encoding, int], str | None]] = {
    "vectors have the shape of the positions and one dimension more": keeps_shape,
    "vectors are finite": stays_finite,
    "the same positions get the same vectors": repeats,
    "a position's vector does not depend on what stands beside it": stands_alone,
    "different positions get different vectors": tells_apart,
}


def leaves_the_start(rotation: Rotation, x: Tensor, positions: Tensor) -> str | None:
    turned = rotation(x, positions)
    if turned.shape != x.shape:
        return f"x {list(x.shape)} came back as {list(turned.shape)}"
    return None if torch.allclose(turned[..., 0, :], x[..., 0, :]) else "position 0 changed its vector"


def keeps_lengths(rotation: Rotation, x: Tensor, positions: Tensor) -> str | None:
    change = (rotation(x, positions).norm(dim=-1) / x.norm(dim=-1) - 1).abs().flatten()
    return None if float(change.max()) < 1e-5 else f"position {int(change.argmax())} changed its length"


def sees_distances_only(rotation: Rotation, x: Tensor, positions: Tensor) -> str | None:
    query, key = x[..., :1, :], x[..., 1:2, :]
    query, key = query.expand_as(x), key.expand_as(x)
    scores = (rotation(query[..., 1:, :], positions[1:]) * rotation(key[..., :-1, :], positions[:-1])).sum(dim=-1)
    spread = float((scores - scores[..., :1]).abs().max())
    allowed = 1e-4 * float(x.norm(dim=-1).max()) ** 2
    return None if spread < allowed else f"scores one step apart differ by {spread:.3g} along the text"


def goes_on(rotation: Rotation, x: Tensor, positions: Tensor) -> str | None:
    whole, cut = rotation(x, positions), len(positions) // 2
    alike = torch.allclose(rotation(x[..., cut:, :], positions[cut:]), whole[..., cut:, :], rtol=1e-5, atol=1e-6)
    return None if alike else f"positions {cut} and later, alone, turned otherwise than with those before them"


def turns(rotation: Rotation, x: Tensor, positions: Tensor) -> str | None:
    turned = rotation(x, positions)
    for position in positions[1:].tolist():
        if torch.allclose(turned[..., position, :], x[..., position, :]):
            return f"position {position} left its vector as it was"
    return None


def turns_like(reference: Rotation) -> Callable[[Rotation, Tensor, Tensor], str | None]:
    """The claim that `reference` turns the vectors in the same way."""

    def claim(rotation: Rotation, x: Tensor, positions: Tensor) -> str | None:
        return _apart(rotation(x, positions), reference(x, positions))

    return claim


ROTATION_CLAIMS: dict[str, Callable[[Rotation, Tensor, Tensor], str | None]] = {
    "shape and position 0 stay": leaves_the_start,
    "vectors keep their length": keeps_lengths,
    "scores depend on the distance alone": sees_distances_only,
    "an offset, as with a cache, equals a slice of the whole": goes_on,
    "a later position turns its vector": turns,
}
