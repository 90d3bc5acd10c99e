"""Checks of the rungs about data: by the contract of any loader, and by small texts."""

import math
from collections.abc import Iterator
from typing import Any

import torch

import dataio
from dataio.contract import ONE_PROCESS
from workbench import BrokenClaim

from .comparing import agree, refuse


def resumable_shuffle(mine: Any) -> None:
    """By the contract of loaders, of one process."""

    def make(dataset: Any, batch_size: int, *, seed: int, start: int, stop: int, **ranks: int) -> Iterator[Any]:
        for numbers in mine.batches(len(dataset), batch_size, seed, start, stop):
            pairs = [dataset[i] for i in numbers]
            yield torch.stack([x for x, _ in pairs]), torch.stack([y for _, y in pairs])

    try:
        dataio.contract.check(make, claims=ONE_PROCESS)
    except BrokenClaim as error:
        if "another order" in error.broken[0].claim:
            _orders(mine)
        raise


def _orders(mine: Any) -> None:
    """Which two orders are the same, and why."""
    claim = "another order in every epoch and for every seed"

    def order(seed: int, epoch: int) -> list[int]:
        return [int(i) for batch in mine.batches(13, 1, seed, 13 * epoch, 13 * epoch + 13) for i in batch]

    first, second, other, far = order(0, 0), order(0, 1), order(1, 0), order(2, 0)
    given, what = "13 examples in batches of 1", "that is what comes out when"
    if first == second:
        refuse(claim, given, f"epochs 0 and 1 have the same order\n{what} the order does not ask for the epoch")
    if other == second:
        words = "seed 1 begins with the order that seed 0 has in epoch 1"
        refuse(claim, given, f"{words}\n{what} seed + epoch is the seed; mix them so that no two pairs meet")
    if first == other == far:
        refuse(claim, given, f"seeds 0, 1 and 2 have the same order\n{what} the order does not ask for the seed")


def padding(mine: Any) -> None:
    """Rows from empty to long, and a filling that must not count."""
    for rows in ([[5]], [[5], [6, 7]], [[], [3]], [[1, 2, 3], [4], [5, 6]]):
        longest = max(map(len, rows))
        tokens = torch.tensor([row + [9] * (longest - len(row)) for row in rows], dtype=torch.long)
        real = torch.tensor([[i < len(row) for i in range(longest)] for row in rows])
        left = torch.tensor([[9] * (longest - len(row)) + row for row in rows], dtype=torch.long)
        slips = {
            "rows are filled up on the left": (
                left,
                torch.tensor([[t >= longest - len(r) for t in range(longest)] for r in rows]),
            ),
            "the mask is the wrong way round: True is real": (tokens, ~real),
            "the filling is 0, whatever was asked for": (torch.where(real, tokens, 0), real),
            "tokens equal to the filling are taken for filling": (tokens, tokens != 9),
        }
        agree(
            "rows are filled up, and the mask knows which tokens are real",
            f"pad({rows}, 9)",
            lambda: mine.pad(rows, 9),
            (tokens, real),
            slips,
        )
    agree(
        "a real token may equal the filling",
        "pad([[9], [1, 9]], 9)",
        lambda: mine.pad([[9], [1, 9]], 9),
        (torch.tensor([[9, 9], [1, 9]]), torch.tensor([[True, False], [True, True]])),
        {
            "tokens equal to the filling are taken for filling": (
                torch.tensor([[9, 9], [1, 9]]),
                torch.tensor([[False, False], [True, False]]),
            )
        },
    )
    _means(mine)


def _means(mine: Any) -> None:
    x, real = torch.tensor([[1.0, 2.0], [6.0, 100.0]]), torch.tensor([[True, True], [True, False]])
    rows = torch.tensor([[True, True], [True, False]])
    slips = {
        "the sum is divided by all places, filling included": torch.tensor(9.0 / 4),
        "filling is counted in": x.mean(),
        "each row's mean counts equally, however few tokens it has": torch.tensor((1.5 + 6.0) / 2),
        "the mean is taken row by row": torch.tensor([1.5, 6.0]),
    }
    given = "masked_mean([[1, 2], [6, 100]], [[True, True], [True, False]])"
    agree("the mean is over real tokens", given, lambda: mine.masked_mean(x, real), torch.tensor(3.0), slips)
    nan = torch.tensor([[1.0, 2.0], [6.0, math.nan]])
    agree(
        "what stands in the filling does not matter",
        "masked_mean([[1, 2], [6, NaN]], ...)",
        lambda: mine.masked_mean(nan, rows),
        torch.tensor(3.0),
        {"the filling is multiplied by 0, and NaN times 0 is NaN": torch.tensor(math.nan)},
    )
    agree(
        "nothing real has the mean 0",
        "masked_mean([[1, 2]], [[False, False]])",
        lambda: mine.masked_mean(torch.tensor([[1.0, 2.0]]), torch.zeros(1, 2, dtype=torch.bool)),
        torch.tensor(0.0),
        {"zero is divided by zero": torch.tensor(math.nan)},
    )


def windows(mine: Any) -> None:
    """All windows of short texts, and those that are not there."""
    for n, n_ctx in ((2, 1), (3, 2), (5, 2), (9, 4)):
        ids = torch.arange(10, 10 + n)
        for i in range((n - 1) // n_ctx):
            start = i * n_ctx
            inputs, targets = ids[start : start + n_ctx], ids[start + 1 : start + n_ctx + 1]
            slips = {
                "the targets are the inputs themselves, not the tokens after them": (inputs, inputs),
                "the targets are one token too far": (inputs, ids[start + 2 : start + n_ctx + 2]),
                "the last token has no target": (inputs[:-1], targets[:-1]),
                "windows overlap: window 1 starts at token 1": (ids[i : i + n_ctx], ids[i + 1 : i + n_ctx + 1]),
                "inputs and targets are exchanged": (targets, inputs),
                "windows are n_ctx + 1 apart, and a token between them is lost": (
                    ids[i * (n_ctx + 1) :][:n_ctx],
                    ids[i * (n_ctx + 1) + 1 :][:n_ctx],
                ),
            }
            agree(
                "targets are the next tokens",
                f"window({ids.tolist()}, n_ctx={n_ctx}, i={i})",
                lambda: mine.window(ids, n_ctx, i),
                (inputs, targets),
                slips,
            )
        for i in (-1, (n - 1) // n_ctx):
            given = f"window({ids.tolist()}, n_ctx={n_ctx}, i={i})"
            try:
                got = mine.window(ids, n_ctx, i)
            except IndexError:
                continue
            shown = tuple(one.tolist() for one in got) if isinstance(got, tuple) else got
            refuse("a window that is not whole is an IndexError", given, f"wanted     IndexError\ngot        {shown}")
