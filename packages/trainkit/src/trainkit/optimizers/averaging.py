"""An exponential moving average of the weights: often a better model than the last step's, for one copy of memory."""

from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


def moving_average(model: nn.Module, decay: float = 0.999) -> AveragedModel:
    """torch's AveragedModel: call `.update_parameters(model)` after each step, evaluate `.module`.

    average <- decay average + (1 - decay) weights, the first update copies. Buffers are those of the last update.
    Checkpoint it with `ModulePart(average, "average")`: its own count of updates is among the tensors.
    """
    if not 0 <= decay < 1:
        raise ValueError(f"wanted 0 <= decay < 1, got {decay}; 0.999 averages over about the last thousand steps")
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay))
