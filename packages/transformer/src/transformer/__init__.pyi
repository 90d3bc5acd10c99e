"""Blocks and stacks: what is built around attention to make a layer, and layers to make a network."""

from . import contract as contract
from .blocks import CrossBlock as CrossBlock, DecoderBlock as DecoderBlock, EncoderBlock as EncoderBlock
from .encoder_decoder import EncoderDecoder as EncoderDecoder
from .feed_forward import FeedForward as FeedForward
from .initialisation import (
    draw as draw,
    initial_distributions as initial_distributions,
    initialise as initialise,
    zero_outputs as zero_outputs,
)
from .norms import (
    LayerNorm as LayerNorm,
    RMSNorm as RMSNorm,
    layer_norm_reference as layer_norm_reference,
    rms_norm_reference as rms_norm_reference,
)
from .stacks import CrossStack as CrossStack, DecoderStack as DecoderStack, EncoderStack as EncoderStack
from .summaries import Cost as Cost, Summary as Summary, summary as summary

__version__: str
