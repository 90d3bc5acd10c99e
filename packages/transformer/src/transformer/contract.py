"""What any causal block must keep to, as claims that can be held against yours: `contract.check(my_block)`."""

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from attention import KeyValueCache
from attention.contract import CAUSAL_CLAIMS, GRADIENT_CLAIMS, STEP_CLAIMS, BrokenClaim, ModuleSubject, hold

__all__ = ["BrokenClaim", "check"]


class BlockSubject(ModuleSubject):
    """A module of x alone that is causal by itself."""

    def causal(self, inputs: Sequence[Tensor]) -> Tensor:
        output: Tensor = self.module(*inputs)
        return output


def check(
    block: nn.Module, *, n_embd: int | None = None, new_cache: Callable[[int, int], KeyValueCache] | None = None
) -> tuple[str, ...]:
    """Try every claim on `block` and return the claims that held; raise `BrokenClaim` (an AssertionError) at the first
    that did not, with the smallest shapes that show it.

    The block is called as `block(x)` with x [B, T, n_embd] and must be causal by itself. Its width is the `n_embd` of
    it or of its `.attention` unless given. With `new_cache(batch, length)`, or with an `.attention` like ours and an
    argument `cache`, it is also fed in chunks. Positions are no part of a block: the order of the past must not matter.
    """
    subject = BlockSubject(block, n_embd, new_cache)
    return hold(subject, (*CAUSAL_CLAIMS, *(STEP_CLAIMS if subject.new_cache else ()), *GRADIENT_CLAIMS))
