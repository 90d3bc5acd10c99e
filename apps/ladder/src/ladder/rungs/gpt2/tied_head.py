"""From a state to the next token.

The last state of a token is a vector of C numbers. What is asked for is one number for each token of the vocabulary,
how well it would go on: its logit. (Softmax makes probabilities of the logits, so only their differences count.)

GPT-2 takes no new weights for that. The vector of a token is what it means when it is read; a state that points in that
direction calls for it. So the logit of a token is the product of the state and the token's row of the table: "tied".
Of 124 million weights that saves 38 million, and what is learned about a rare word counts at both ends.

Write `head`, and `next_token`, the likeliest token after the last place of each row.
"""

from torch import Tensor


def head(states: Tensor, token_table: Tensor) -> Tensor:
    """Logits [..., V] of states [..., C] and the table [V, C]."""
    # hole
    # hint: A product of each state with each row of the table is one product of matrices.
    # hint: [..., C] @ [C, V] is [..., V]; the table is [V, C].
    # hint: states @ token_table.T
    return states @ token_table.T
    # end


def next_token(logits: Tensor) -> Tensor:
    """The likeliest next ids [B], from logits [B, T, V]."""
    # hole
    # hint: Only the last place of each row knows all of it.
    # hint: logits[:, -1] is [B, V].
    # hint: logits[:, -1].argmax(dim=-1)
    last = logits[:, -1]
    return last.argmax(dim=-1)
    # end
