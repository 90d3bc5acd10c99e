"""Blocks and stacks: what is built around attention to make a layer, and layers to make a network."""

from .blocks import DecoderBlock
from .feed_forward import FeedForward
from .norms import LayerNorm, layer_norm_reference
from .stacks import DecoderStack

__all__ = ["DecoderBlock", "DecoderStack", "FeedForward", "LayerNorm", "layer_norm_reference"]
