"""Functions that reshape a distribution before a token is drawn: logits "B V" in, logits "B V" out.

Applied in the order temperature, top-k, top-p, which is transformers' (and vLLM's). CTranslate2 takes top-k before the
temperature, llama.cpp the temperature last; the set that top-p keeps then differs, since a higher temperature
flattens the distribution and more tokens are needed to reach the same probability.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def temperature(logits: Float[Tensor, "B V"], value: float) -> Float[Tensor, "B V"]:
    """Divide by `value` (above 0): below 1 sharpens, above 1 flattens, 1 leaves the model's own distribution.

    Ackley, Hinton and Sejnowski 1985, "A learning algorithm for Boltzmann machines".
    """
    return logits / value


def top_k(logits: Float[Tensor, "B V"], k: int) -> Float[Tensor, "B V"]:
    """Keep the `k` largest logits of each row (1 or more; all of them if there are fewer than k), the rest is -inf.

    The tail of many unlikely tokens holds much probability together and little sense (Fan, Lewis and Dauphin 2018,
    "Hierarchical Neural Story Generation", arXiv 1805.04833). Ties with the k-th are all kept, as in transformers,
    nanoGPT and gpt-fast; CTranslate2 and llama.cpp keep exactly k.
    """
    smallest_kept = logits.topk(min(k, logits.shape[-1])).values[:, -1:]
    return logits.masked_fill(logits < smallest_kept, -torch.inf)


def top_p(logits: Float[Tensor, "B V"], p: float) -> Float[Tensor, "B V"]:
    """Keep the smallest set of likeliest tokens whose probability reaches `p` (0 to 1), the rest is -inf.

    Few tokens where the model is sure, many where it is not (Holtzman et al. 2020, "The Curious Case of Neural Text
    Degeneration", arXiv 1904.09751). The token that crosses `p` is kept, the likeliest always. Where the kept tokens
    hold exactly `p`, the next one is dropped, as in transformers, CTranslate2, vLLM and llama.cpp; SGLang and
    x-transformers keep it. Of equally likely tokens on the border those with higher ids are kept.
    """
    ascending, order = logits.sort(dim=-1, stable=True)
    # The probability of a token and of all less likely ones: where that is at most 1 - p, the others already reach p.
    tail = ascending.softmax(dim=-1).cumsum(dim=-1)
    dropped = tail <= 1 - p
    dropped[:, -1] = False
    return logits.masked_fill(torch.zeros_like(dropped).scatter(-1, order, dropped), -torch.inf)
