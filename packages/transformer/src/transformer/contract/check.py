"""What any block must keep to, as claims that can be held against yours: `contract.check(my_block)`."""

import inspect
from collections.abc import Callable
from typing import Any

from torch import nn

from attention import KeyValueCache, contract as attention_contract
from attention.contract import CAUSAL_CLAIMS, GRADIENT_CLAIMS, SIGHT_CLAIMS, STEP_CLAIMS, ModuleSubject, against, hold
from workbench import Held

from .blocks import EXTREME_CLAIMS, MASKED_CLAIMS, SOURCE_CLAIMS, BlockSubject, CrossSubject

NOT_JUDGED = "wiring, norms, activation and the scale of the scores; pass reference=, called as the block is"


def check(
    block: nn.Module,
    *,
    causal: bool = True,
    n_embd: int | None = None,
    new_cache: Callable[[int, int], KeyValueCache] | None = None,
    reference: Callable[..., Any] | None = None,
) -> Held:
    """Try every claim on `block` and return the claims that held; raise `BrokenClaim` (an AssertionError) at the first
    that did not, with the smallest shapes that show it.

    The block is called as `block(x)` with x [B, T, n_embd] and must be causal by itself. With `causal=False` it is
    called as `block(x, mask)`, where `mask` is None or bool, True where a query may look, [B, 1, T, T]. Where `forward`
    has an argument `source`, it is called as `block(x, source)`, and with `source_mask=` if it has that.

    The block's width is the `n_embd` of it or of its `.attention` unless given. With `new_cache(batch, length)`, or
    with an `.attention` like ours and an argument `cache`, it is also fed in chunks. Positions are no part of a block:
    the order of the past, or of a source, must not matter.

    What a block computes (its wiring, norms, activation, the scale of its scores) is judged against `reference`, called
    as the block is; `Held.not_judged` says so where none is given.
    """
    judged = [] if reference is None else [against(reference)]
    left = [NOT_JUDGED] if reference is None else []
    takes = inspect.signature(block.forward).parameters
    if not causal:
        held = attention_contract.check(block, n_embd=n_embd, new_cache=new_cache, reference=reference)
        claims: list[Any] = [*MASKED_CLAIMS, *EXTREME_CLAIMS]
        return Held(held + hold(ModuleSubject(block, n_embd, new_cache), claims), left)
    subject = (CrossSubject if "source" in takes else BlockSubject)(block, n_embd, new_cache)
    claims = [
        *CAUSAL_CLAIMS,
        SIGHT_CLAIMS[0],
        *judged,
        *EXTREME_CLAIMS,
        *(STEP_CLAIMS if subject.new_cache else ()),
        *GRADIENT_CLAIMS,
    ]
    if isinstance(subject, CrossSubject):
        claims += SOURCE_CLAIMS if "source_mask" in takes else SOURCE_CLAIMS[:2]
    elif "mask" in takes:
        claims += MASKED_CLAIMS
    return Held(hold(subject, claims), left)
