"""Attention as the paper writes it, with the weights of a module: what the module is held to."""

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional

from ..heads import merge_heads, split_heads
from ..reference import attend_reference

Reference = Callable[..., Tensor]


def equation(
    *,
    n_head: int,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    output: Tensor,
    query_bias: Tensor | None = None,
    key_bias: Tensor | None = None,
    value_bias: Tensor | None = None,
    output_bias: Tensor | None = None,
) -> Reference:
    """A reference for `contract.check(module, reference=…)`, from the module's weights by name: a function of (x, mask)
    that gives Concat(head_1, …, head_H) W_output with head = softmax(q k^T / sqrt(D)) v (Vaswani et al. 2017).

    Matrices are [out, in], as those of torch.nn.Linear; give `.T` of those of GPT-2's Conv1D. query is [H D, C], key
    and value [G D, C] with G key heads that each serve H / G neighboring query heads, output [C, H D]. ValueError where
    n_head does not divide them.
    """
    width = len(query)
    if width % n_head or len(key) % (width // n_head):
        raise ValueError(
            f"wanted queries and keys in {n_head} heads, got matrices of {width} and {len(key)} rows; pass the n_head "
            "of the module"
        )
    key_heads = len(key) // (width // n_head)

    def reference(x: Tensor, mask: Tensor | None = None) -> Tensor:
        linear = functional.linear
        q = split_heads(linear(x, query.to(x), None if query_bias is None else query_bias.to(x)), n_head)
        k = split_heads(linear(x, key.to(x), None if key_bias is None else key_bias.to(x)), key_heads)
        v = split_heads(linear(x, value.to(x), None if value_bias is None else value_bias.to(x)), key_heads)
        seen = attend_reference(q, k, v, mask)[0]
        return linear(merge_heads(seen), output.to(x), None if output_bias is None else output_bias.to(x))

    return reference
