"""How many bytes a model's tensors have."""

from torch import nn


def bytes_of(model: nn.Module) -> int:
    """Bytes of all parameters and buffers; those that several layers share count once."""
    tensors = {(t.data_ptr(), t.nbytes): t.nbytes for t in [*model.parameters(), *model.buffers()]}
    return sum(tensors.values())
