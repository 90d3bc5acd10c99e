"""What every resumable loader promises, as checks for yours: `check(make)` tries all claims and names one that fails.

`make(dataset, batch_size, seed=…, start=…, stop=…, rank=…, world_size=…)` returns an iterable over the steps start,
start + 1, … below stop of the whole run, which goes on from epoch to epoch. Each element is this rank's part of the
step's global batch: a pair of tensors (inputs, targets) with one row per example, or None where this rank has none.
The dataset has `__len__` and `__getitem__`, and gives pairs of tensors. A smaller last batch of an epoch is kept. For a
loader of one process leave out the claims about ranks: `check(make, claims=ONE_PROCESS)`.
"""

import itertools
import random
from collections.abc import Callable, Iterable
from typing import Any

import torch

from workbench import Broken, BrokenClaim, Held

Make = Callable[..., Iterable[Any]]
Claim = Callable[[Make, int, int], None]
SIZES = (1, 2, 3, 7, 13)  # small ones first: the first failure is then the smallest example of it
BATCH_SIZES = (1, 2, 5)
EPOCHS = 3


class Numbers:
    """The dataset of the checks: example i is (i, i squared). Negative and too large indices are errors."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        if not 0 <= index < self.size:
            raise IndexError(f"wanted an index from 0 to {self.size - 1}, got {index}")
        return torch.tensor(int(index)), torch.tensor(int(index) ** 2)


def check(make: Make, *, claims: Iterable[Claim] | None = None) -> Held:
    """Try every claim on small datasets and batch sizes, and return those that hold.

    Raises:
        BrokenClaim: a claim does not hold; the message names it, the smallest input that shows it, and what came.
    """
    held = []
    for claim in ALL if claims is None else claims:
        what = claim.__name__.replace("_", " ")
        for size, batch_size in itertools.product(SIZES, BATCH_SIZES):
            try:
                claim(make, size, batch_size)
            except Exception as error:
                kind = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: "
                smallest = f"{size} example(s) in batches of {batch_size}"
                raise BrokenClaim(Broken(what, f"it gave {kind}{error}", smallest)) from error
        held.append(what)
    return Held(held)


def every_example_exactly_once_an_epoch(make: Make, size: int, batch_size: int) -> None:
    steps = _run(make, size, batch_size)
    per_epoch = _steps_per_epoch(size, batch_size)
    for epoch in range(EPOCHS):
        came = sorted(_flat(steps[epoch * per_epoch : (epoch + 1) * per_epoch]))
        _expect(came, list(range(size)), f"in epoch {epoch}, sorted")


def full_batches_but_for_the_last_of_an_epoch(make: Make, size: int, batch_size: int) -> None:
    whole, rest = divmod(size, batch_size)
    lengths = ([batch_size] * whole + [rest] * (rest > 0)) * EPOCHS
    _expect([len(step) for step in _run(make, size, batch_size)], lengths, "as lengths of the steps")


def targets_that_stay_with_their_inputs(make: Make, size: int, batch_size: int) -> None:
    for inputs, targets in make(Numbers(size), batch_size, **_options(size, batch_size)):
        _expect(torch.as_tensor(targets).tolist(), [i * i for i in torch.as_tensor(inputs).tolist()], "as targets")


def the_same_order_every_time(make: Make, size: int, batch_size: int) -> None:
    _expect(_run(make, size, batch_size), _run(make, size, batch_size), "the second time")


def an_order_that_global_random_state_does_not_change(make: Make, size: int, batch_size: int) -> None:
    expected = _run(make, size, batch_size)
    with torch.random.fork_rng(devices=[]):
        state = random.getstate()
        torch.manual_seed(size + 12345)
        random.seed(size + 12345)
        came = _run(make, size, batch_size)
        random.setstate(state)
    _expect(came, expected, "under another global seed")


def global_random_state_left_as_it_was(make: Make, size: int, batch_size: int) -> None:
    before = torch.get_rng_state()  # torch's alone: run-time type checkers draw from Python's
    _run(make, size, batch_size)
    if not torch.equal(torch.get_rng_state(), before):
        raise AssertionError("another state after reading than before")


def a_resume_at_any_step_that_goes_on_with_the_same_batches(make: Make, size: int, batch_size: int) -> None:
    unbroken = _run(make, size, batch_size)
    for start in {0, 1, len(unbroken) // 2, len(unbroken) - 1, len(unbroken)}:
        _expect(_run(make, size, batch_size, start=start), unbroken[start:], f"resumed at step {start}")


def another_order_in_every_epoch_and_for_every_seed(make: Make, size: int, batch_size: int) -> None:
    if size < 13:
        return  # by chance few examples keep their order: 13 do so once in 6 billion
    per_epoch = _steps_per_epoch(size, batch_size)
    steps = _run(make, size, batch_size)
    orders = [_flat(steps[epoch * per_epoch : (epoch + 1) * per_epoch]) for epoch in range(EPOCHS)]
    orders.append(_flat(_run(make, size, batch_size, seed=1)[:per_epoch]))
    if len({tuple(order) for order in orders}) < len(orders):
        raise AssertionError(f"the same order twice, in epochs 0 to {EPOCHS - 1} and with the next seed: {orders}")


def examples_that_meet_others_in_every_epoch(make: Make, size: int, batch_size: int) -> None:
    if size < 13 or batch_size == 1:
        return
    per_epoch = _steps_per_epoch(size, batch_size)
    steps = _run(make, size, batch_size)
    epochs = [steps[epoch * per_epoch : (epoch + 1) * per_epoch] for epoch in range(EPOCHS)]
    orders, mixtures = {str(epoch) for epoch in epochs}, {frozenset(map(frozenset, epoch)) for epoch in epochs}
    if len(orders) > 1 and len(mixtures) == 1:
        raise AssertionError(f"batches of the same examples in every epoch, in another order: {epochs[0]}")


def batches_that_later_ones_do_not_overwrite(make: Make, size: int, batch_size: int) -> None:
    kept, copies = [], []
    for batch in make(Numbers(size), batch_size, **_options(size, batch_size)):
        kept.append(torch.as_tensor(batch[0]))
        copies.append(kept[-1].tolist())
    _expect([batch.tolist() for batch in kept], copies, "in the batches kept until the end")


def ranks_that_share_the_same_global_batches(make: Make, size: int, batch_size: int) -> None:
    alone = _run(make, size, batch_size)
    for world_size in (2, 3):
        parts = [_run(make, size, batch_size, rank=rank, world_size=world_size) for rank in range(world_size)]
        together = [sorted(itertools.chain.from_iterable(step)) for step in zip(*parts, strict=True)]
        _expect(together, [sorted(step) for step in alone], f"from {world_size} ranks together")


ONE_PROCESS: tuple[Claim, ...] = (
    every_example_exactly_once_an_epoch,
    full_batches_but_for_the_last_of_an_epoch,
    targets_that_stay_with_their_inputs,
    the_same_order_every_time,
    an_order_that_global_random_state_does_not_change,
    global_random_state_left_as_it_was,
    a_resume_at_any_step_that_goes_on_with_the_same_batches,
    examples_that_meet_others_in_every_epoch,
    another_order_in_every_epoch_and_for_every_seed,
    batches_that_later_ones_do_not_overwrite,
)
ALL: tuple[Claim, ...] = (*ONE_PROCESS, ranks_that_share_the_same_global_batches)


def _run(make: Make, size: int, batch_size: int, **options: int) -> list[list[int]]:
    batches = make(Numbers(size), batch_size, **_options(size, batch_size) | options)
    return [[] if batch is None else torch.as_tensor(batch[0]).tolist() for batch in batches]


def _options(size: int, batch_size: int) -> dict[str, int]:
    stop = EPOCHS * _steps_per_epoch(size, batch_size)
    return {"seed": 0, "start": 0, "stop": stop, "rank": 0, "world_size": 1}


def _steps_per_epoch(size: int, batch_size: int) -> int:
    return -(-size // batch_size)


def _flat(steps: list[list[int]]) -> list[int]:
    return [index for step in steps for index in step]


def _expect(came: Any, wanted: Any, where: str) -> None:
    if came != wanted:
        raise AssertionError(f"{came} {where}, where {wanted} was due")
