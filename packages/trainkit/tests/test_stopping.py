"""Claims about signals, patience and going back to the best weights."""

import math
import signal
import threading

import pytest
import torch
from tensorboard.summary.writer import event_file_writer
from torch import nn

from trainkit import (
    Checkpoints,
    ModulePart,
    OptimizerPart,
    Patience,
    adamw,
    graceful_stop,
    moving_average,
    squared_error,
    train_steps,
)


def loss(model, batch):
    return squared_error(model(batch[0]), batch[1])


def batch(n, scale=1.0):
    inputs = torch.randn(8, 3, generator=torch.Generator().manual_seed(n))
    return [(inputs * scale, inputs.sum(1, keepdim=True) * scale)]


def make():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
    return model, adamw(model, 1e-3)


def test_the_best_weights_come_back_after_early_stopping_and_the_average_with_them(tmp_path):
    model, optimizer = make()
    average = moving_average(model, 0.9)
    parts = {
        "model": ModulePart(model),
        "optimizer": OptimizerPart(optimizer, model),
        "average": ModulePart(average, "average"),
    }
    checkpoints, kept = Checkpoints(tmp_path, parts), {}
    for step in train_steps(model, [*map(batch, range(4))], loss, optimizer):
        average.update_parameters(model)
        kept[step.number] = [p.clone() for p in [*model.parameters(), *average.parameters()]]
        checkpoints.save(step.number, score=abs(step.number - 2.0))
    assert checkpoints.load("best").step == 2
    restored = [*model.parameters(), *average.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(restored, kept[2], strict=True))
    assert average.n_averaged.item() == 2


@pytest.fixture(autouse=True)
def files_in_order(monkeypatch):
    """TensorBoard reads files by name; of those made within a second, the 10th would come before the 9th."""
    monkeypatch.setattr(event_file_writer, "_global_uid", event_file_writer.AtomicCounter(0))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_asks_the_second_interrupts_and_handlers_come_back(number, code):
    before = signal.getsignal(number)
    with graceful_stop() as stop:
        assert (stop.requested, stop.exit_code) == (False, 0)
        signal.raise_signal(number)
        assert (stop.requested, stop.signal, stop.exit_code) == (True, number, code)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert signal.getsignal(number) is before


def test_a_closed_terminal_asks_once_however_often_it_is_told():
    before = signal.getsignal(signal.SIGHUP)
    with graceful_stop() as stop:
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGHUP)
        assert (stop.requested, stop.exit_code) == (True, 129)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    with graceful_stop() as stop:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGHUP)  # as systemd does
        assert stop.exit_code == 143
    assert signal.getsignal(signal.SIGHUP) is before


def test_nohup_is_honored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with graceful_stop() as stop:
            signal.raise_signal(signal.SIGHUP)
            assert not stop.requested
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_signals_belong_to_the_main_thread():
    errors = []

    def elsewhere():
        try:
            with graceful_stop():
                pass
        except ValueError as error:
            errors.append(str(error))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert "wanted graceful_stop in the main thread" in errors[0]


def test_patience_counts_scores_without_enough_improvement():
    patience = Patience(2, minimum=0.1)
    assert [patience.exhausted(score) for score in (1.0, 0.95, 0.85, 0.8, 0.78)] == [False, False, False, False, True]
    patience = Patience(1)
    assert [patience.exhausted(score) for score in (1.0, math.nan)] == [False, True]
    with pytest.raises(ValueError, match=r"wanted steps >= 1 and minimum >= 0, got 0"):
        Patience(0)
