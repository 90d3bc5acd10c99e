"""The commonest mistakes get a sentence each."""

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from trainkit import adamw, evaluate, squared_error, train_steps
from trainkit.gradients import check_stream

INPUTS, TARGETS = torch.rand(8, 3), torch.rand(8, 1)


def good(model, batch):
    return squared_error(model(batch[0]), batch[1])


LOSSES = {
    "the mean": (lambda model, batch: nn.functional.mse_loss(model(batch[0]), batch[1]), r"got a tensor \[\];"),
    "a number": (lambda model, batch: 0.5, r"got a float;"),
    "nothing": (lambda model, batch: None, r"got a NoneType;"),
    "three": (lambda model, batch: (*good(model, batch), 1), r"got 3 values;"),
    "no sum": (lambda model, batch: ((model(batch[0]) - batch[1]) ** 2, 8), r"got a tensor \[8, 1\]; call \.sum"),
    "item": (lambda model, batch: (good(model, batch)[0].item(), 8), r"got a float; call \.sum"),
    "no count": (lambda model, batch: (good(model, batch)[0], batch[0]), r"count is one number, got a tensor \[8, 3\]"),
}


def train(model, batches, loss):
    return list(train_steps(model, batches, loss, adamw(model, 0.1)))


@pytest.mark.parametrize("mistake", LOSSES)
@pytest.mark.parametrize("use", [train, evaluate])
def test_a_loss_of_another_form(mistake, use):
    loss, said = LOSSES[mistake]
    with pytest.raises(TypeError, match=rf"wanted a loss .*{said}"):
        use(nn.Linear(3, 1), [[(INPUTS, TARGETS)]], loss)


STREAMS = {
    "a DataLoader": (
        DataLoader(TensorDataset(INPUTS, TARGETS), 4),
        r"got a torch DataLoader.*\(\[batch\] for batch in",
    ),
    "batches": ([(INPUTS, TARGETS)], r"got a tuple; write \[batch\] for a single one"),
}


@pytest.mark.parametrize("mistake", STREAMS)
@pytest.mark.parametrize("use", [train, evaluate])
def test_batches_that_are_no_steps(mistake, use):
    batches, said = STREAMS[mistake]
    with pytest.raises(TypeError, match=rf"wanted .*{said}"):
        use(nn.Linear(3, 1), batches, good)


def test_a_tensor_is_no_stream():
    with pytest.raises(TypeError, match=r"wanted steps.*got a tensor \[8, 3\]; write \[\[batch\]\]"):
        check_stream(INPUTS)


def test_a_loader_that_gives_steps_is_welcome():
    loader = DataLoader(TensorDataset(INPUTS, TARGETS), 4)
    model = nn.Linear(3, 1)
    assert len(list(train_steps(model, ([batch] for batch in loader), good, adamw(model, 0.1)))) == 2
    own = DataLoader(
        TensorDataset(INPUTS, TARGETS), 4, collate_fn=lambda rows: [torch.utils.data.default_collate(rows)]
    )
    assert evaluate(model, own, good).count == 8
