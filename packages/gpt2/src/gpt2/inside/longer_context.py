"""A model that looks back further than it was trained to, on purpose: positions stretched between the learned ones."""

import copy

from ..model import GPT2


def extend_context(model: GPT2, n_ctx: int) -> GPT2:
    """A copy of a model with a longer context: the first and last position vectors stay, those between are
    interpolated (Chen et al. 2023, arXiv 2306.15595).

    A start for further training, not a longer model at once: every position but the first has moved, so predictions
    change on short texts too. Nothing does this by itself: without it, longer texts are refused. ValueError where
    `n_ctx` is not larger than the model's.
    """
    if n_ctx <= model.n_ctx:
        raise ValueError(
            f"n_ctx: wanted more than the model's {model.n_ctx}, got {n_ctx}; shorter texts need no other model"
        )
    longer = copy.deepcopy(model)
    longer.position_embedding = model.position_embedding.extended(n_ctx)
    longer.config = model.config.replace(n_ctx=n_ctx)
    return longer
