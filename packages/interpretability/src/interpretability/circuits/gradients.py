"""Gradient attributions are captum's: a model of this workspace is what its methods take, as a function of tokens."""

from collections.abc import Callable

from jaxtyping import Float, Int
from torch import Tensor

from gpt2 import GPT2

from ..trace import check_float
from .patching import check_ids


def logit_of(
    model: GPT2, target: int, against: int | None = None
) -> Callable[[Int[Tensor, "B T"]], Float[Tensor, " B"]]:
    """tokens -> the logit of `target` after the last one, less that of `against` if given: what captum attributes.

    `LayerIntegratedGradients(logit_of(model, target), model.token_embedding).attribute(tokens)` goes to the tokens'
    vectors, with `model.decoder.blocks[3]` in the place of the table to a block's; so do all of captum's methods of a
    layer or neuron (Kokhlikyan et al. 2020, "Captum"). ValueError for a quantized model, which has no gradients, and
    for ids outside the vocabulary.
    """
    check_float(model, "gradients")
    check_ids(model, [target] if against is None else [target, against])

    def logit(tokens: Tensor) -> Tensor:
        logits = model(tokens, last_only=True)
        return logits[:, target] if against is None else logits[:, target] - logits[:, against]

    return logit
