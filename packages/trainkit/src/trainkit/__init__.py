"""The visible training loop and what every run needs around it.

Names are loaded on first use (PEP 562), so that `trainkit --help` answers without importing torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .averaging import moving_average
    from .checkpoints import Checkpoints
    from .evaluation import Evaluation, bits_per_byte, evaluate, evaluating
    from .gradients import Loss
    from .loop import Step, train_steps
    from .losses import IGNORED, closed_form, cross_entropy, squared_error
    from .manifest import CheckpointError, Saved, verify_checkpoint
    from .metrics_log import MetricsLog, log
    from .muon_optimizer import Muon, orthogonalise
    from .optimizer_part import OptimizerPart
    from .optimizers import adamw, is_hidden_matrix, muon
    from .parts import ModulePart, Part, RandomPart, StatePart, TensorPart, write_tensors
    from .progress_bar import progress
    from .ranks import Spread, any_rank, copy_whole, from_first_rank, is_first_rank, n_ranks, rank, spread, whole
    from .schedules import constant, cosine, linear_to_zero, warmup_stable_decay
    from .sharded_part import ShardedPart
    from .spikes import LossSpike, NonFiniteLoss, SpikeGuard
    from .stopping import Patience, Stop, graceful_stop
    from .stopwatch import Stopwatch, timed
    from .streaming_metrics import Accuracy, ConfusionMatrix
    from .throughput import count_flops, measured_peak, peak_memory, utilisation
    from .update_rules import Moments, adam, sgd

__all__ = [  # noqa: RUF022  in reading order
    "squared_error",
    "cross_entropy",
    "IGNORED",
    "closed_form",
    "sgd",
    "adam",
    "Moments",
    "Loss",
    "Step",
    "train_steps",
    "NonFiniteLoss",
    "LossSpike",
    "SpikeGuard",
    "Spread",
    "spread",
    "rank",
    "n_ranks",
    "is_first_rank",
    "from_first_rank",
    "any_rank",
    "whole",
    "copy_whole",
    "Evaluation",
    "evaluate",
    "evaluating",
    "bits_per_byte",
    "Accuracy",
    "ConfusionMatrix",
    "moving_average",
    "Stopwatch",
    "timed",
    "count_flops",
    "measured_peak",
    "utilisation",
    "peak_memory",
    "adamw",
    "muon",
    "is_hidden_matrix",
    "Muon",
    "orthogonalise",
    "constant",
    "linear_to_zero",
    "cosine",
    "warmup_stable_decay",
    "progress",
    "MetricsLog",
    "log",
    "Checkpoints",
    "Saved",
    "CheckpointError",
    "verify_checkpoint",
    "Part",
    "ModulePart",
    "OptimizerPart",
    "RandomPart",
    "StatePart",
    "TensorPart",
    "write_tensors",
    "ShardedPart",
    "graceful_stop",
    "Stop",
    "Patience",
]

_EXPORTS = {
    "losses": ("squared_error", "cross_entropy", "IGNORED", "closed_form"),
    "update_rules": ("sgd", "adam", "Moments"),
    "streaming_metrics": ("Accuracy", "ConfusionMatrix"),
    "averaging": ("moving_average",),
    "stopwatch": ("Stopwatch", "timed"),
    "throughput": ("count_flops", "measured_peak", "utilisation", "peak_memory"),
    "gradients": ("Loss",),
    "loop": ("Step", "train_steps"),
    "spikes": ("NonFiniteLoss", "LossSpike", "SpikeGuard"),
    "ranks": (
        "Spread",
        "spread",
        "rank",
        "n_ranks",
        "is_first_rank",
        "from_first_rank",
        "any_rank",
        "whole",
        "copy_whole",
    ),
    "evaluation": ("Evaluation", "evaluate", "evaluating", "bits_per_byte"),
    "optimizers": ("adamw", "muon", "is_hidden_matrix"),
    "muon_optimizer": ("Muon", "orthogonalise"),
    "schedules": ("constant", "linear_to_zero", "cosine", "warmup_stable_decay"),
    "progress_bar": ("progress",),
    "metrics_log": ("MetricsLog", "log"),
    "checkpoints": ("Checkpoints",),
    "manifest": ("Saved", "CheckpointError", "verify_checkpoint"),
    "parts": ("Part", "ModulePart", "RandomPart", "StatePart", "TensorPart", "write_tensors"),
    "optimizer_part": ("OptimizerPart",),
    "sharded_part": ("ShardedPart",),
    "stopping": ("graceful_stop", "Stop", "Patience"),
}
_MODULE = {name: module for module, names in _EXPORTS.items() for name in names}

__all__ = [*_MODULE]


def __getattr__(name: str) -> Any:
    """Import the module that holds `name` and keep what it gives, so that this runs once per name."""
    if name == "contract":  # a module, so that `trainkit.contract.check` needs no second import
        return import_module(".contract", __name__)
    if name not in _MODULE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_MODULE[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
