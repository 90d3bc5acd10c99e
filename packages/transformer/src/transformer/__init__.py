"""Blocks and stacks: what is built around attention to make a layer, and layers to make a network."""

from .blocks import CrossBlock, DecoderBlock, EncoderBlock
from .encoder_decoder import EncoderDecoder
from .feed_forward import FeedForward
from .initialisation import initialise, zero_outputs
from .norms import LayerNorm, RMSNorm, layer_norm_reference, rms_norm_reference
from .stacks import CrossStack, DecoderStack, EncoderStack
from .summaries import Cost, Summary, summary

__all__ = [
    "Cost",
    "CrossBlock",
    "CrossStack",
    "DecoderBlock",
    "DecoderStack",
    "EncoderBlock",
    "EncoderDecoder",
    "EncoderStack",
    "FeedForward",
    "LayerNorm",
    "RMSNorm",
    "Summary",
    "initialise",
    "layer_norm_reference",
    "rms_norm_reference",
    "summary",
    "zero_outputs",
]
