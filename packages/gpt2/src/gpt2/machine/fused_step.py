"""A GPT-2 as the kernels take it: which of its parts they know, and that they are what they were made as."""

from typing import Any

from embeddings import LearnedPositions, TokenEmbedding
from transformer import LayerNorm
from transformer.kernels.fused import FusedDecoder
from transformer.kernels.weights import kind_of
from transformer.kernels.whole_step import WholeStep

from ..model import GPT2


def whole_step(model: Any) -> WholeStep | None:
    """What calls `model` as one, from ids to logits; None for all but a GPT2 whose blocks are fused already (by
    `transformer.kernels.fused.with_fused_steps`, or because they are quantized) and whose other parts are its own or
    hold their weights in a way that the kernels know."""
    if type(model) is not GPT2:
        return None
    table: Any = model.token_embedding
    known = type(table) is TokenEmbedding or kind_of(table) is not None
    own = type(model.position_embedding) is LearnedPositions and type(model.final_norm) is LayerNorm
    if not (known and own and type(model.decoder) is FusedDecoder):
        return None
    return WholeStep(model, table=table, positions=model.position_embedding, stack=model.decoder, norm=model.final_norm)
