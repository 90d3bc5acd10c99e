"""Every moment of a run is booked once, under the name of what was done in it."""

import itertools

import torch
from torch import nn

from trainkit import Stopwatch, adamw, timed, train_steps


def ticking() -> Stopwatch:
    """A second passes from one look at the clock to the next."""
    ticks = itertools.count()
    return Stopwatch(lambda: float(next(ticks)))


def test_a_part_inside_another_counts_once():
    watch = ticking()  # 0
    with watch("outer"):  # 1
        with watch("inner"):  # 2
            pass  # 3
        pass  # 4
    assert watch.seconds == {"outer": 2.0, "everything else": 2.0, "inner": 1.0}


def test_an_error_ends_its_part():
    watch = ticking()
    try:
        with watch("breaks"):
            raise ValueError
    except ValueError:
        pass
    with watch("next"):
        pass
    assert watch.seconds == {"everything else": 3.0, "breaks": 1.0, "next": 1.0}


def steps(watch):
    torch.manual_seed(0)
    model = nn.Linear(3, 3)
    batches = [[torch.ones(2, 3), torch.ones(1, 3)]] * 4

    def loss(model, batch):
        return model(batch).square().sum(), len(batch)

    return model, [s.loss for s in train_steps(model, batches, loss, adamw(model, 0.1), watch=watch)]


def test_the_parts_of_a_run_are_named_add_up_and_change_nothing():
    looks = itertools.count()
    watch = Stopwatch(lambda: float(next(looks)))
    watched, losses = steps(watch)
    seconds = watch.seconds
    # One tick a part: data 4 times and once for the end, twice forward and backward a step, norm and update.
    assert {name: n for name, n in seconds.items() if name != "everything else"} == {
        "data": 5.0,
        "forward": 8.0,
        "backward": 8.0,
        "optimizer": 8.0,
    }
    assert sum(seconds.values()) == next(looks) - 1
    plain, alone = steps(None)
    assert losses == alone
    assert torch.equal(watched.weight, plain.weight)


def test_a_trace_bears_the_names_of_the_parts():
    with torch.profiler.profile() as profile:
        steps(Stopwatch())
    assert {"data", "forward", "backward", "optimizer"} <= {event.key for event in profile.key_averages()}


def test_without_a_stopwatch_nothing_is_timed():
    with timed(None, "part") as nothing:
        assert nothing is None
