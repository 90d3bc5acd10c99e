"""Who looks at whom: scaled dot-product attention, its masks, heads and key-value cache."""

from .algebra import Mask
from .cache import KeyValueCache
from .fast import attend
from .finite import check_finite, finite_inputs
from .flex import block_mask
from .heads import merge_heads, split_heads
from .layer_cache import LayerCache
from .maps import HeadScores, head_scores, induction_scores, record_maps, rollout
from .masks import causal, documents, padding, prefix
from .multi_head import MultiHeadAttention
from .patterns import dilated, global_tokens, sliding_window, strided
from .pictures import plot_heads, plot_layers, plot_map, plot_mask, plot_scores
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
    "check_finite",
    "dilated",
    "documents",
    "finite_inputs",
    "global_tokens",
    "head_scores",
    "induction_scores",
    "merge_heads",
    "padding",
    "plot_heads",
    "plot_layers",
    "plot_map",
    "plot_mask",
    "plot_scores",
    "prefix",
    "record_maps",
    "rollout",
    "sliding_window",
    "split_heads",
    "strided",
]
