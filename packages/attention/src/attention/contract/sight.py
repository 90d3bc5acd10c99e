"""Claims about what must be seen, where the others say what must not: a layer that never looks at another token keeps
all of those."""

import torch

from .equation import Reference
from .evidence import Claim, differ
from .subjects import FunctionSubject, Shape, Subject

LEAST = 1e-7  # what counts as a movement, relative to the largest output


def an_earlier_token_changes_a_later_output(subject: Subject, shape: Shape) -> str | None:
    """Asked of the token before, and, in texts so short that any window holds them, of all."""
    awake, length = subject.awake(), shape[2]
    inputs, other = awake.inputs(shape), awake.inputs(shape, seed=1)
    whole = awake.causal(inputs)
    for now in range(1, length):
        for earlier in range(now) if length <= 3 else [now - 1]:
            changed = [x.clone() for x in inputs]
            for x, new in zip(changed, other, strict=True):
                x[..., earlier, :] = new[..., earlier, :]
            if still(awake.causal(changed)[..., now, :], whole[..., now, :]):
                return f"token {earlier} was changed, and the output of token {now} stayed as it was"
    return None


def a_token_sees_itself(subject: Subject, shape: Shape) -> str | None:
    """Each query is shown its own token alone, and that token changes: of a function only its value."""
    awake, (batch, _, length, _) = subject.awake(), shape
    inputs, other = awake.inputs(shape), awake.inputs(shape, seed=1)
    changed = [*inputs[:2], other[2]] if isinstance(subject, FunctionSubject) else other
    mask = torch.eye(length, dtype=torch.bool).expand(batch, 1, length, length)
    before, after = awake.run(inputs, mask), awake.run(changed, mask)
    for token in range(length):
        if still(after[..., token, :], before[..., token, :]):
            return f"token {token} was all that its query may see, it was changed, and the output stayed as it was"
    return None


def still(got: torch.Tensor, before: torch.Tensor) -> bool:
    return bool((got - before).abs().max() <= LEAST * max(1e-3, float(before.abs().max())))


def against(reference: Reference) -> Claim:
    """The claim that a subject gives what `reference` gives, called in the same way."""

    def the_output_is_that_of_the_reference(subject: Subject, shape: Shape) -> str | None:
        inputs = subject.inputs(shape)
        wanted = subject.like(reference).causal(inputs)
        return differ(subject.causal(inputs), wanted, "on the same input it is off the reference by")

    return the_output_is_that_of_the_reference


SIGHT_CLAIMS: tuple[Claim, ...] = (an_earlier_token_changes_a_later_output, a_token_sees_itself)
NOT_JUDGED = "the scale of the scores, which weights can hide; pass reference= (contract.equation makes one of weights)"
