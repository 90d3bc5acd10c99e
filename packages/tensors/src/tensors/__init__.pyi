"""What a tensor is, and how gradients come to be: everyday operations, randomness, and a small autodiff engine."""

from . import contract as contract
from .autodiff import Value as Value
from .broadcasting import Broadcast as Broadcast, explain_broadcast as explain_broadcast
from .cross_entropy import softmax_cross_entropy as softmax_cross_entropy
from .devices import choose_device as choose_device
from .everyday.masked import (
    IGNORED as IGNORED,
    log_softmax as log_softmax,
    log_sum_exp as log_sum_exp,
    masked_mean as masked_mean,
    masked_softmax as masked_softmax,
)
from .everyday.ragged import (
    gather_rows as gather_rows,
    length_mask as length_mask,
    pad_rows as pad_rows,
    unpad_rows as unpad_rows,
)
from .everyday.reshapes import merge_axes as merge_axes, one_hot as one_hot, split_axis as split_axis
from .finite_differences import GradientCheck as GradientCheck, gradient_check as gradient_check
from .machine.huge_pages import move_to_huge_pages as move_to_huge_pages
from .machine.packed import PackedWeights as PackedWeights
from .machine.process import (
    give_back_freed_memory as give_back_freed_memory,
    keep_freed_memory as keep_freed_memory,
    spin_briefly as spin_briefly,
)
from .machine.processors import (
    onednn_is_faster as onednn_is_faster,
    onednn_is_there as onednn_is_there,
    processor_has as processor_has,
)
from .machine.products import FastProducts as FastProducts, fast_linear as fast_linear, fast_products as fast_products
from .networks.by_engine import train_by_engine as train_by_engine
from .networks.by_hand import train_by_hand as train_by_hand
from .networks.by_torch import train_by_torch as train_by_torch
from .networks.penguins import initial_parameters as initial_parameters, load_penguins as load_penguins
from .pictures.graphs import Drawing as Drawing, draw as draw
from .randomness import (
    fork_random as fork_random,
    generator as generator,
    random_state as random_state,
    seed_all as seed_all,
    set_random_state as set_random_state,
)

__version__: str
