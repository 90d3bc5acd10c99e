"""A shuffle that can be resumed.

A model should see its examples in a new order each epoch, and it should go on after a crash as if nothing had happened.
A shuffled list in memory cannot do that: it is gone, and the place in it, too. So make the order something that can be
computed again: a function of the seed and the number of the epoch. Then a run is resumed by one number, its step.

Step s belongs to epoch s // (steps of an epoch). The last batch of an epoch may be smaller. Chance comes from a
generator of your own, because the global one belongs to everybody.

Write `batches`: for each step from `start` to below `stop`, the list of the numbers of its examples.
"""

from collections.abc import Iterator

import torch


def batches(n: int, batch_size: int, seed: int, start: int, stop: int) -> Iterator[list[int]]:
    """Yield the batches of steps start, start + 1, ..., stop - 1; each epoch has all numbers below n once."""
    # hole
    # hint: Steps of an epoch: n / batch_size, rounded up. divmod gives the epoch, and the place in it.
    # hint: A generator for each epoch: torch.Generator().manual_seed(some number made of seed and epoch).
    # hint: torch.randperm(n, generator=...).tolist() is the epoch's order; yield order[place * size :][:size].
    per_epoch = -(-n // batch_size)
    for step in range(start, stop):
        epoch, place = divmod(step, per_epoch)
        generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
        order = torch.randperm(n, generator=generator).tolist()
        yield order[place * batch_size : (place + 1) * batch_size]
    # end
