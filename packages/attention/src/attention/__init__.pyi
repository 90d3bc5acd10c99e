"""Who looks at whom: scaled dot-product attention, its masks, heads and key-value cache."""

from . import contract as contract
from .caches.cache import KeyValueCache as KeyValueCache
from .caches.layer import LayerCache as LayerCache
from .caches.places import CachePlaces as CachePlaces
from .caches.sliding import SlidingKeyValueCache as SlidingKeyValueCache
from .heads import merge_heads as merge_heads, split_heads as split_heads
from .kernels.fast import attend as attend
from .kernels.flex import block_mask as block_mask
from .maps.finite import check_finite as check_finite, finite_inputs as finite_inputs
from .maps.pictures import (
    plot_heads as plot_heads,
    plot_layers as plot_layers,
    plot_map as plot_map,
    plot_mask as plot_mask,
    plot_scores as plot_scores,
)
from .maps.recording import (
    HeadScores as HeadScores,
    head_scores as head_scores,
    induction_scores as induction_scores,
    record_maps as record_maps,
    rollout as rollout,
)
from .masks.algebra import Mask as Mask
from .masks.patterns import (
    dilated as dilated,
    global_tokens as global_tokens,
    sliding_window as sliding_window,
    strided as strided,
)
from .masks.text import causal as causal, documents as documents, padding as padding, prefix as prefix
from .multi_head import MultiHeadAttention as MultiHeadAttention
from .reference import attend_reference as attend_reference

__version__: str
