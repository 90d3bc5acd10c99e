"""Who looks at whom: scaled dot-product attention, its masks, heads and key-value cache."""

from .algebra import Mask
from .cache import KeyValueCache
from .fast import attend
from .flex import block_mask
from .heads import merge_heads, split_heads
from .layer_cache import LayerCache
from .maps import HeadScores, head_scores, record_maps, rollout
from .masks import causal, documents, padding, prefix
from .multi_head import MultiHeadAttention
from .patterns import dilated, global_tokens, sliding_window, strided
from .reference import attend_reference
from .sliding_cache import SlidingKeyValueCache

__all__ = [
    "HeadScores",
    "KeyValueCache",
    "LayerCache",
    "Mask",
    "MultiHeadAttention",
    "SlidingKeyValueCache",
    "attend",
    "attend_reference",
    "block_mask",
    "causal",
    "dilated",
    "documents",
    "global_tokens",
    "head_scores",
    "merge_heads",
    "padding",
    "prefix",
    "record_maps",
    "rollout",
    "sliding_window",
    "split_heads",
    "strided",
]
