"""A number that can be compared.

The loss in nats a token says little across models: with longer tokens there are fewer of them, each harder to say. A
model with large tokens can have the higher loss a token and still be the better one. So divide by something that does
not depend on the tokenizer: the bytes of the text.

    bits per byte = total nats / log(2) / bytes

It is also what the text would cost if the model were used to compress it: 8 without any model, about 2 with a small
one, below 1 with a very large one. Bytes are those of UTF-8, so é counts as two.

Write `bits_per_byte`, from the natural logarithms of the probabilities that the model gave to each token of the text.
"""

import math


def bits_per_byte(log_probabilities: list[float], text: str) -> float:
    """Bits a byte of a text, whose tokens got these log-probabilities (all at most 0)."""
    # hole
    # hint: Nats are minus log-probabilities; add them up, do not average: the text has fewer tokens than bytes.
    # hint: One nat is 1 / math.log(2) bits. len(text) counts letters; len(text.encode()) counts bytes.
    # hint: -sum(log_probabilities) / math.log(2) / len(text.encode("utf-8"))
    nats = -sum(log_probabilities)
    bits = nats / math.log(2)
    return bits / len(text.encode("utf-8"))
    # end
