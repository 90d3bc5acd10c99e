"""How a claim of the contract ends: logits that are the same, or an error that shows where they are not."""

from torch import Tensor

from workbench import Broken, BrokenClaim


def same(
    claim: str, got: Tensor, wanted: Tensor, tolerance: float, tokens: Tensor, lengths: list[int] | None = None
) -> None:
    """BrokenClaim unless the logits are equal within `tolerance` times the largest that was wanted."""
    if got.shape != wanted.shape:
        fail(claim, f"wanted logits of shape {tuple(wanted.shape)}, got {tuple(got.shape)}", tokens, lengths)
    largest = wanted.nan_to_num(0.0, 0.0, 0.0).abs().max().item()
    equal = (got == wanted) | ((got - wanted).abs() <= tolerance * largest)
    if not equal.all():
        place = tuple(int(i) for i in equal.logical_not().nonzero()[0])
        detail = f"wanted {wanted[place].item():.6g} at {place}, got {got[place].item():.6g}"
        fail(claim, detail, tokens, lengths)


def fail(claim: str, detail: str, tokens: Tensor, lengths: list[int] | None = None) -> None:
    """BrokenClaim that names the claim, what was wrong and the input."""
    smallest = f"tokens {tokens.tolist()}" + (f", lengths {lengths}" if lengths else "")
    raise BrokenClaim(Broken(claim, detail, smallest))
