"""The contract accepts ours and an adapted DataLoader, and tells each broken loader what it broke."""

import random
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

import dataio
from dataio import contract


def ours(dataset, batch_size, *, seed, start, stop, rank, world_size):
    batches = dataio.Batches(dataset, batch_size, seed=seed, rank=rank, world_size=world_size)
    for micro_batches in batches.from_step(start, stop):
        yield micro_batches[0] if micro_batches else None


def adapted_data_loader(dataset, batch_size, *, seed, start, stop, rank, world_size):
    """torch's DataLoader made resumable the slow way: the epoch begins anew and read batches are thrown away."""
    per_epoch = -(-len(dataset) // batch_size)
    for step in range(start, stop):
        epoch, place = divmod(step, per_epoch)
        order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))
        chosen = order[place * batch_size : (place + 1) * batch_size].tensor_split(world_size)[rank].tolist()
        loader = DataLoader(dataset, batch_sampler=[chosen] if chosen else [], generator=torch.Generator())
        yield next(iter(loader), None)


def test_our_loader_keeps_the_contract(unchecked):
    held = contract.check(ours)
    assert held[0] == "every example exactly once an epoch"
    assert len(held) == len(contract.ONE_PROCESS) + 1
    assert all(any(message.startswith(claim) for message in CAUGHT) for claim in held)


def test_an_adapted_data_loader_keeps_the_contract(unchecked):
    contract.check(adapted_data_loader)


def steps_of(orders, dataset, batch_size, start, stop):
    """A loader of one process whose epochs have the given orders: the ground on which the broken ones stand."""
    per_epoch = -(-len(dataset) // batch_size)
    for step in range(start, stop):
        epoch, place = divmod(step, per_epoch)
        chosen = torch.as_tensor(orders(epoch))[place * batch_size : (place + 1) * batch_size]
        yield chosen, chosen**2


def shuffled(size, seed, epoch):
    return np.random.default_rng((seed, epoch)).permutation(size)


def with_replacement(dataset, batch_size, *, seed, start, stop, **_):
    def orders(epoch):
        return np.random.default_rng((seed, epoch)).integers(0, len(dataset), len(dataset))

    return steps_of(orders, dataset, batch_size, start, stop)


def drops_the_last(dataset, batch_size, **options):
    return (batch for batch in ours(dataset, batch_size, **options) if len(batch[0]) == batch_size)


def merges_the_last(dataset, batch_size, *, seed, start, stop, **_):
    per_epoch = -(-len(dataset) // batch_size)
    for step in range(start, stop):
        epoch, place = divmod(step, per_epoch)
        chosen = torch.as_tensor(np.array_split(shuffled(len(dataset), seed, epoch), per_epoch)[place])
        yield chosen, chosen**2


def shuffles_inputs_alone(dataset, batch_size, **options):
    return ((inputs.flip(0), targets) for inputs, targets in ours(dataset, batch_size, **options))


def draws_from_the_clock(dataset, batch_size, *, seed, start, stop, **_):
    @cache
    def orders(epoch):
        return random.SystemRandom().sample(range(len(dataset)), len(dataset))

    return steps_of(orders, dataset, batch_size, start, stop)


def follows_the_global_seed(dataset, batch_size, *, seed, start, stop, **_):
    base = torch.initial_seed()
    return steps_of(
        lambda epoch: shuffled(len(dataset), (seed + base) % 2**32, epoch), dataset, batch_size, start, stop
    )


def seeds_the_global_generator(dataset, batch_size, *, seed, start, stop, **_):
    def orders(epoch):
        torch.manual_seed(seed * 1000 + epoch)
        return torch.randperm(len(dataset))

    return steps_of(orders, dataset, batch_size, start, stop)


def starts_the_epoch_anew(dataset, batch_size, *, seed, start, stop, **_):
    return steps_of(lambda epoch: shuffled(len(dataset), seed, epoch), dataset, batch_size, 0, stop - start)


def skips_an_epoch_on_resume(dataset, batch_size, *, seed, start, stop, **_):
    late = 1 if start else 0
    return steps_of(lambda epoch: shuffled(len(dataset), seed, epoch + late), dataset, batch_size, start, stop)


def same_order_every_epoch(dataset, batch_size, *, seed, start, stop, **_):
    return steps_of(lambda epoch: shuffled(len(dataset), seed, 0), dataset, batch_size, start, stop)


def ignores_the_seed(dataset, batch_size, **options):
    return ours(dataset, batch_size, **options | {"seed": 0})


def every_rank_reads_all(dataset, batch_size, **options):
    return ours(dataset, batch_size, **options | {"rank": 0, "world_size": 1})


def wraps_round(dataset, batch_size, *, seed, start, stop, **_):
    """Fills the last batch up from the front of the epoch."""
    per_epoch = -(-len(dataset) // batch_size)
    for step in range(start, stop):
        epoch, place = divmod(step, per_epoch)
        order = shuffled(len(dataset), seed, epoch)
        chosen = torch.as_tensor(order.take(range(place * batch_size, (place + 1) * batch_size), mode="wrap"))
        yield chosen, chosen**2


def off_by_one(dataset, batch_size, *, seed, start, stop, **_):
    """range(1, n): the first example is never read."""
    return steps_of(lambda epoch: 1 + shuffled(len(dataset) - 1, seed, epoch), dataset, batch_size, start, stop)


def counts_examples(dataset, batch_size, *, seed, start, stop, **_):
    """Takes the step to start at for the number of examples read."""
    whole = list(steps_of(lambda epoch: shuffled(len(dataset), seed, epoch), dataset, batch_size, 0, stop))
    return whole[start // batch_size :][: stop - start]


def seed_plus_epoch(dataset, batch_size, *, seed, start, stop, **_):
    """Seed 1 begins with the second epoch of seed 0."""
    return steps_of(lambda epoch: shuffled(len(dataset), seed + epoch, 0), dataset, batch_size, start, stop)


def shuffles_batches_alone(dataset, batch_size, *, seed, start, stop, **_):
    """Cuts first and shuffles then: who stands beside whom never changes."""

    def orders(epoch):
        whole = np.split(np.arange(len(dataset)), range(batch_size, len(dataset), batch_size))
        full = [batch for batch in whole if len(batch) == batch_size]
        rest = [batch for batch in whole if len(batch) < batch_size]
        return np.concatenate([full[i] for i in shuffled(len(full), seed, epoch)] + rest)

    return steps_of(orders, dataset, batch_size, start, stop)


def one_buffer(dataset, batch_size, **options):
    """Writes every batch of one size into the same memory."""
    buffers = {}
    for inputs, targets in ours(dataset, batch_size, **options | {"rank": 0, "world_size": 1}):
        yield buffers.setdefault(len(inputs), torch.empty_like(inputs)).copy_(inputs), targets


def ranks_draw_for_themselves(dataset, batch_size, *, seed, rank, world_size, **options):
    return ours(dataset, batch_size, seed=seed + rank, rank=rank, world_size=world_size, **options)


def fails_on_one_example(dataset, batch_size, **options):
    if len(dataset) == 3:
        raise KeyError("three")
    return ours(dataset, batch_size, **options)


BROKEN = {
    with_replacement: "every example exactly once an epoch.*shows it: 2 example",
    drops_the_last: "every example exactly once an epoch.*shows it: 1 example",
    merges_the_last: "full batches but for the last of an epoch.*shows it: 7 example",
    shuffles_inputs_alone: "targets that stay with their inputs",
    draws_from_the_clock: "the same order every time",
    follows_the_global_seed: "an order that global random state does not change",
    seeds_the_global_generator: "global random state left as it was.*shows it: 1 example",
    starts_the_epoch_anew: "a resume at any step that goes on with the same batches.*shows it: 2 example",
    skips_an_epoch_on_resume: "a resume at any step that goes on with the same batches.*shows it: 3 example",
    same_order_every_epoch: "another order in every epoch and for every seed.*shows it: 13 example",
    ignores_the_seed: "another order in every epoch and for every seed.*shows it: 13 example",
    every_rank_reads_all: "ranks that share the same global batches.*shows it: 1 example",
    wraps_round: "every example exactly once an epoch.*shows it: 1 example.s. in batches of 2",
    off_by_one: "every example exactly once an epoch.*shows it: 1 example",
    counts_examples: "a resume at any step that goes on with the same batches.*in batches of 2",
    seed_plus_epoch: "another order in every epoch and for every seed.*shows it: 13 example",
    shuffles_batches_alone: "examples that meet others in every epoch.*shows it: 13 example.s. in batches of 2",
    one_buffer: "batches that later ones do not overwrite.*shows it: 2 example",
    ranks_draw_for_themselves: "ranks that share the same global batches",
    fails_on_one_example: "it gave KeyError: 'three'. Smallest input that shows it: 3 example",
}


CAUGHT = list(BROKEN.values())


@pytest.mark.parametrize(("make", "message"), BROKEN.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_a_broken_loader_is_told_what_it_broke(make, message, unchecked):
    with torch.random.fork_rng(devices=[]), pytest.raises(contract.BrokenClaim, match=message):
        contract.check(make)


def test_a_loader_of_one_process_can_leave_out_ranks(unchecked):
    held = contract.check(every_rank_reads_all, claims=contract.ONE_PROCESS)
    assert len(held) == len(contract.ONE_PROCESS)


def test_the_contract_imports_torch_and_what_needs_nothing_else():
    source = (Path(contract.__file__).parent / "check.py").read_text("utf-8")
    imported = {line.split()[1].split(".")[0] for line in source.splitlines() if line.startswith(("import ", "from "))}
    assert imported == {"itertools", "random", "collections", "typing", "torch", "workbench"}


WRONG = BROKEN


def test_the_wrong_ones_are_counted():
    assert len(WRONG) == 20
