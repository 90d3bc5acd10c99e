"""What any attention must keep to, as claims that can be held against yours: `contract.check(my_attention)`."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from workbench import Broken, BrokenClaim, Held

from ..caches.cache import KeyValueCache
from .causal import CAUSAL_CLAIMS
from .evidence import Claim
from .masks import FUNCTION_CLAIMS, GRADIENT_CLAIMS, MASK_CLAIMS, STEP_CLAIMS
from .sight import NOT_JUDGED, SIGHT_CLAIMS, against
from .subjects import FunctionSubject, ModuleSubject, Subject

# [B, H, T, D], smallest first, so that the first that breaks a claim is the smallest.
SHAPES = ((1, 1, 1, 1), (1, 1, 2, 1), (2, 1, 2, 2), (2, 2, 3, 2), (3, 2, 5, 4), (2, 3, 17, 8))


def check(
    subject: Callable[..., Any],
    *,
    n_embd: int | None = None,
    new_cache: Callable[[int, int], KeyValueCache] | None = None,
    reference: Callable[..., Any] | None = None,
) -> Held:
    """Try every claim on `subject` and return the claims that held; raise `BrokenClaim` (an AssertionError) at the
    first that did not, with the smallest shapes that show it.

    A function is called as `subject(q, k, v, mask)` with q [B, H, T, D], k and v [B, H, S, D], and returns [B, H, T,
    D], or a tuple that starts with it. A module is called as `subject(x, mask)` with x [B, T, n_embd]. `mask` is None
    or bool, True where a query may look, [B, 1, T, S]. A module's width is its `n_embd` unless given; with
    `new_cache(batch, length)`, or with our own module's attributes and a `cache` argument, it is also fed in chunks.

    A function is held to the equation, its scale included. Inside a module weights can hide a scale: it is judged
    against `reference`, called as the module is (`contract.equation` makes one of the module's weights), and
    `Held.not_judged` says so where none is given.
    """
    if not isinstance(subject, nn.Module):
        function = FunctionSubject(subject)
        steps_without_cache = STEP_CLAIMS[:1]
        equations = FUNCTION_CLAIMS if reference is None else (*FUNCTION_CLAIMS, against(reference))
        claims = (*CAUSAL_CLAIMS, *SIGHT_CLAIMS, *MASK_CLAIMS, *steps_without_cache, *GRADIENT_CLAIMS, *equations)
        return hold(function, claims)
    module = ModuleSubject(subject, n_embd, new_cache)
    steps = STEP_CLAIMS if module.new_cache else ()
    judged = () if reference is None else (against(reference),)
    claims = (*CAUSAL_CLAIMS, *SIGHT_CLAIMS, *judged, *MASK_CLAIMS, *steps, *GRADIENT_CLAIMS)
    return Held(hold(module, claims), [NOT_JUDGED] if reference is None else [])


def hold(subject: Subject, claims: Iterable[Claim]) -> Held:
    """The words of all claims, each tried on every shape; BrokenClaim at the first that breaks. A module is tried in
    evaluation mode and left in the mode it came in."""
    claims = tuple(claims)
    training = subject.evaluating()
    try:
        for claim in claims:
            words = claim.__name__.replace("_", " ")
            for shape in SHAPES:
                try:
                    with torch.no_grad():
                        evidence = claim(subject, shape)
                except Exception as error:
                    evidence = f"it raised {type(error).__name__}: {error}"
                    raise BrokenClaim(Broken(words, evidence, subject.described(shape))) from error
                if evidence is not None:
                    raise BrokenClaim(Broken(words, evidence, subject.described(shape)))
    finally:
        subject.restore(training)
    return Held(claim.__name__.replace("_", " ") for claim in claims)
