"""The run of a build: the loop is written out here, and every step of it is made of the learner's pieces."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch import Tensor

import gpt2
from gpt2.texts.prepared import TrainingText
from tensors import generator

from ..assembled import AssembledGPT2
from .pieces import Assembly

BETAS = (0.9, 0.95)
CLIP = 1.0
"""The norm of the mean gradient at most, as in `gpt2 train`."""


def build_recipe(steps: int | None = None) -> gpt2.Recipe:
    """The shape of the recipe `small`, trained by what the exercises teach: Adam and a cosine."""
    small = gpt2.recipe("small")
    steps = steps or 200
    return small.replace(
        name="ladder",
        steps=steps,
        optimizer="adamw",
        schedule="cosine",
        learning_rate=4e-3,
        adam_learning_rate=4e-3,
        warmup=min(20, steps // 4),
        half_context=0.0,
        zero_output=False,
        bigram_start=False,
        precision="float32",
        held_out=0.01,
        evaluations=1,
    )


def changed_recipe(steps: int | None, changes: Mapping[str, Any]) -> gpt2.Recipe:
    """The recipe with other fields, those of its shape in `config`."""
    usual = build_recipe(steps)
    shape = usual.config.replace(**changes.get("config", {}))
    return usual.replace(**{**changes, "config": shape})


def step_seconds(assembly: Assembly, text: TrainingText, recipe: gpt2.Recipe) -> float:
    """What a step takes here, with these pieces: the mean of two, on a model that is thrown away."""
    config = recipe.config.replace(n_vocab=text.tokenizer.n_vocab)
    model = AssembledGPT2(config, assembly.model, generator("weights", 0))
    curriculum = gpt2.TextCurriculum(text, recipe, config.n_ctx, 0)
    before = time.monotonic()
    for _ in islice(steps(assembly, model, curriculum, recipe), 2):
        pass
    return (time.monotonic() - before) / 2


def affordable(seconds: float, left: float) -> int:
    """Steps of so many seconds that leave half of the time for what comes after (judging, samples, ours); from 10 to
    the usual number."""
    usual = build_recipe().steps
    return max(10, min(usual, int(left / 2 / max(seconds, 1e-6))))


@dataclass
class Built:
    """A model that learned, and how."""

    model: AssembledGPT2
    text: TrainingText
    losses: list[float]
    """The mean loss of each step, before its update."""
    bits_per_byte: float = math.nan
    """Of the text that was held out."""


def trained(
    assembly: Assembly, text: TrainingText, recipe: gpt2.Recipe, seed: int, told: Callable[[int, float], None]
) -> Built:
    """Train from new weights. told: called with the number of finished steps, and the loss of the last one."""
    config = recipe.config.replace(n_vocab=text.tokenizer.n_vocab)
    model = AssembledGPT2(config, assembly.model, generator("weights", seed))
    curriculum = gpt2.TextCurriculum(text, recipe, config.n_ctx, seed)
    built = Built(model, text, [])
    for number, loss in enumerate(steps(assembly, model, curriculum, recipe), start=1):
        built.losses.append(loss)
        told(number, loss)
    return built


def steps(
    assembly: Assembly, model: AssembledGPT2, curriculum: gpt2.TextCurriculum, recipe: gpt2.Recipe
) -> Iterator[float]:
    """Each step's loss, after its update."""

    def loss(model: Any, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        total, count = assembly.loss(model(batch[0]), batch[1])
        return total, count

    weights = dict(model.named_parameters())
    moments = {name: (torch.zeros_like(weight), torch.zeros_like(weight)) for name, weight in weights.items()}
    for number, micro_batches in enumerate(curriculum.steps_from(0)):
        mean = assembly.accumulate(model, micro_batches, loss)
        if not math.isfinite(mean):
            raise ValueError(f"the loss of step {number + 1} is {mean}; something in the pieces is not finite")
        rate = recipe.learning_rate * assembly.cosine(number, recipe.steps, recipe.warmup)
        with torch.no_grad():
            norm = torch.stack([weight.grad.norm() for weight in weights.values() if weight.grad is not None]).norm()
            bound = min(1.0, CLIP / (float(norm) + 1e-6))
            for name, weight in weights.items():
                if weight.grad is None:
                    continue
                decay = recipe.weight_decay if weight.ndim >= 2 else 0.0
                gradient = weight.grad * bound
                new, *kept = assembly.adam(
                    weight.detach(), gradient, *moments[name], number + 1, rate, BETAS, 1e-8, decay
                )
                weight.copy_(new)
                moments[name] = (kept[0], kept[1])
        yield mean


@torch.no_grad()
def judged(assembly: Assembly, built: Built, curriculum: gpt2.TextCurriculum, held_out: str) -> float:
    """Bits per byte of the held-out text, by the learner's loss and arithmetic."""
    nats = 0.0
    for micro_batches in curriculum.held_out():
        for tokens, targets in micro_batches:
            nats += float(assembly.loss(built.model(tokens), targets)[0])
    return float(assembly.bits_per_byte([-nats], held_out))
