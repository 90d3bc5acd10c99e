"""A block: look around, then think.

A GPT-2 is the same block, over and over. In each, tokens first look at each other (attention), then each thinks on its
own (the feed-forward layer). Both are joined to the stream by a plus sign, and read it through a norm of their own:

    x = x + attention(norm(x))
    x = x + feed_forward(other norm(x))

The order matters. The first transformer put the norm after the plus sign: norm(x + attention(x)). Then nothing runs
through unchanged, and deep stacks train only with care. GPT-2 leaves the stream alone and norms what is read from it.
The second part reads what the first has added already.

Write `block`; all four parts are functions of a tensor [B, T, C] that give one of the same shape.
"""

from collections.abc import Callable

from torch import Tensor

Part = Callable[[Tensor], Tensor]


def block(x: Tensor, attention_norm: Part, attention: Part, feed_forward_norm: Part, feed_forward: Part) -> Tensor:
    """The stream [B, T, C] after one block."""
    # hole
    # hint: It is the two lines of the text.
    # hint: attention(attention_norm(x)) is what the first part adds.
    # hint: The second line uses the new x, both times, and feed_forward_norm.
    x = x + attention(attention_norm(x))
    thought = feed_forward(feed_forward_norm(x))
    return x + thought
    # end
