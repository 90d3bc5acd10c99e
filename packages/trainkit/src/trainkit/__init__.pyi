"""The visible training loop and what every run needs around it."""

from . import contract as contract
from .checkpoints.checkpoints import Checkpoints as Checkpoints
from .checkpoints.manifest import (
    CheckpointError as CheckpointError,
    Saved as Saved,
    verify_checkpoint as verify_checkpoint,
)
from .checkpoints.optimizer_part import OptimizerPart as OptimizerPart
from .checkpoints.parts import (
    ModulePart as ModulePart,
    Part as Part,
    RandomPart as RandomPart,
    StatePart as StatePart,
    TensorPart as TensorPart,
    write_tensors as write_tensors,
)
from .checkpoints.sharded_part import ShardedPart as ShardedPart
from .evaluation import (
    Evaluation as Evaluation,
    bits_per_byte as bits_per_byte,
    evaluate as evaluate,
    evaluating as evaluating,
)
from .gradients import Loss as Loss
from .loop import Step as Step, train_steps as train_steps
from .losses import (
    IGNORED as IGNORED,
    closed_form as closed_form,
    cross_entropy as cross_entropy,
    squared_error as squared_error,
)
from .optimizers.averaging import moving_average as moving_average
from .optimizers.formulas import Moments as Moments, adam as adam, sgd as sgd
from .optimizers.groups import adamw as adamw, is_hidden_matrix as is_hidden_matrix, muon as muon
from .optimizers.muon import Muon as Muon
from .optimizers.orthogonal import orthogonalise as orthogonalise
from .processes.ranks import (
    Spread as Spread,
    any_rank as any_rank,
    copy_whole as copy_whole,
    from_first_rank as from_first_rank,
    is_first_rank as is_first_rank,
    n_ranks as n_ranks,
    rank as rank,
    spread as spread,
    whole as whole,
)
from .schedules import (
    constant as constant,
    cosine as cosine,
    linear_to_zero as linear_to_zero,
    warmup_stable_decay as warmup_stable_decay,
)
from .spikes import LossSpike as LossSpike, NonFiniteLoss as NonFiniteLoss, SpikeGuard as SpikeGuard
from .stopping import Patience as Patience, Stop as Stop, graceful_stop as graceful_stop
from .stopwatch import Stopwatch as Stopwatch, timed as timed
from .watching.log_cutting import cut_lines as cut_lines
from .watching.metrics import Accuracy as Accuracy, ConfusionMatrix as ConfusionMatrix
from .watching.metrics_log import MetricsLog as MetricsLog, log as log
from .watching.progress_bar import progress as progress
from .watching.throughput import (
    count_flops as count_flops,
    measured_peak as measured_peak,
    peak_memory as peak_memory,
    utilisation as utilisation,
)

__version__: str
