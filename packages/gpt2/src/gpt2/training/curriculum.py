"""What a recipe decides, made: the order of windows, optimizer, schedule, and where the weights begin."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from dataio import Batches
from trainkit import adamw, cosine, linear_to_zero, muon

from ..model import GPT2
from ..recipes import Recipe
from ..texts.prepared import TrainingText


def batches(
    text: TrainingText, recipe: Recipe, n_ctx: int, seed: int, micro_batch_size: int | None, parts: int = 1
) -> Batches:
    """The training batches, every window of `n_ctx` tokens cut into `parts` windows of their own."""
    micro = micro_batch_size and micro_batch_size * parts
    return text.batches(recipe.batch_size * parts, n_ctx // parts, seed, micro)


def steps_from(
    text: TrainingText, recipe: Recipe, n_ctx: int, seed: int, micro_batch_size: int | None, start: int
) -> Iterator[list[tuple[Tensor, Tensor]]]:
    """The micro-batches of each step from `start` on: first those of half the context, as many as the recipe says."""
    for parts, begin, end in phases(recipe, start):
        with batches(text, recipe, n_ctx, seed, micro_batch_size, parts).from_step(begin, end) as stream:
            yield from stream


def phases(recipe: Recipe, start: int) -> list[tuple[int, int, int]]:
    """(parts that windows are cut into, first step, step after the last) of what comes from `start` on."""
    change = round(recipe.steps * recipe.half_context)
    both = ((2, max(0, start), change), (1, max(change, start), recipe.steps))
    return [(parts, begin, end) for parts, begin, end in both if begin < end]


def samples(
    text: TrainingText, recipe: Recipe, n_ctx: int, seed: int, micro_batch_size: int | None, start: int
) -> list[tuple[tuple[Tensor, Tensor], int]]:
    """For each phase to come a micro-batch of its shape, and how many there will be."""
    firsts = [
        (batches(text, recipe, n_ctx, seed, micro_batch_size, parts)[begin], end - begin)
        for parts, begin, end in phases(recipe, start)
    ]
    return [(step[0], len(step) * steps) for step, steps in firsts if step]


def model_loss(model: GPT2, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """The loss of trainkit's seam: summed nats of a batch's targets, and how many they are."""
    return model.loss(*batch)


def schedule_of(recipe: Recipe) -> Callable[[int], float]:
    """The factor of the learning rate at each step."""
    shape = {"linear": linear_to_zero, "cosine": cosine}[recipe.schedule]
    return shape(recipe.steps, warmup=min(recipe.warmup, recipe.steps - 1))


def optimizer_of(model: GPT2, recipe: Recipe) -> torch.optim.Optimizer:
    """Muon or AdamW with the recipe's rates and decay."""
    if recipe.optimizer == "adamw":
        return adamw(model, recipe.learning_rate, weight_decay=recipe.weight_decay)
    return muon(
        model,
        recipe.learning_rate,
        adam_learning_rate=recipe.adam_learning_rate,
        weight_decay=recipe.weight_decay,
    )


@torch.no_grad()
def zero_output(model: GPT2) -> None:
    """Zero the projections that write to the residual stream (ReZero's starting point, arXiv 2003.04887)."""
    for name, parameter in model.named_parameters():
        if name.endswith(("attention.out.weight", "feed_forward.down.weight")):
            parameter.zero_()
