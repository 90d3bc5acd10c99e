"""Who looks at whom: scaled dot-product attention, its masks, heads and key-value cache."""

from .cache import KeyValueCache
from .fast import attend
from .heads import merge_heads, split_heads
from .layer_cache import LayerCache
from .masks import Mask, causal, padding
from .multi_head import MultiHeadAttention
from .reference import attend_reference

__all__ = [
    "KeyValueCache",
    "LayerCache",
    "Mask",
    "MultiHeadAttention",
    "attend",
    "attend_reference",
    "causal",
    "merge_heads",
    "padding",
    "split_heads",
]
