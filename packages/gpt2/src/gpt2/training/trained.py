"""What a run trains and saves, put together for a GPT-2: model, optimizer, checkpoints; in one process or several."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from tensors import generator, seed_all
from trainkit import (
    OptimizerPart,
    Part,
    RandomPart,
    is_first_rank,
    n_ranks,
    rank,
)
from transformer import zero_outputs

from ..config import GPT2Config
from ..files.folder import load_weights, save, save_model
from ..machine.processes import by_first, draw_shards, gathered, sharded_parts, share_out
from ..model import GPT2
from ..texts.prepared import TrainingText
from ..tokenizer.tokenizer import Tokenizer
from .bigrams import start_from_bigrams
from .model_card import model_card
from .optimizing import optimizer_of, schedule_of, schedules_of
from .record import RunRecord
from .waves import start_from_sinusoids


@dataclass(frozen=True)
class Trained:
    """What a run trains, and what of it is saved. Parts of the model may be frozen, and stay out of what is saved."""

    model: nn.Module
    """What is judged, sampled and looked at."""
    device: torch.device
    optimizer: torch.optim.Optimizer
    parts: Mapping[str, Part]
    """What every checkpoint holds, by name."""
    write: Callable[[Path], None]
    """Writes the result of a finished run into a folder of that path. Of several processes all call it together, and
    one writes."""
    result: str = "model"
    """Name of that folder in the run's."""
    schedule: Callable[[int], float] | None = None
    """The factor of the learning rate at each step, counted from 0."""
    schedules: Mapping[str, Callable[[int], float]] = field(default_factory=dict)
    """The same for other values of the optimizer's groups."""
    together: nn.Module | None = None
    """What the loop trains in the model's place where several processes train it; None for the model itself."""


class ModelFolder:
    """The model part of a checkpoint: a whole Hugging Face folder, tokenizer included."""

    def __init__(self, model: GPT2, tokenizer: Tokenizer) -> None:
        self.model, self.tokenizer = model, tokenizer

    def save(self, folder: Path) -> None:
        """Of several processes the first writes."""
        if not is_first_rank():
            return
        save_model(folder, self.model, end_of_text=self.tokenizer.end_of_text)
        self.tokenizer.save(folder, n_ctx=self.model.n_ctx)

    def load(self, folder: Path) -> None:
        load_weights(self.model, folder)


def trained_model(
    record: RunRecord, config: GPT2Config, text: TrainingText, device: torch.device, source: GPT2 | None
) -> Trained:
    """New weights of shape `config`, or those of `source`; nothing is read from checkpoints yet."""
    recipe, shard, tokenizer = record.recipe, record.settings.shard, text.tokenizer
    fewest = recipe.batch_size // (2 if recipe.batch_ramp else 1)
    if fewest < n_ranks():
        raise ValueError(
            f"--processes: wanted at most one for each of the {fewest} windows of a batch, got {n_ranks()}; "
            f"start fewer, or a run with a larger --batch-size"
        )
    for name in ("muon_even", "bigram_start", "sinusoid_start"):
        if shard and getattr(recipe, name):
            option = "--" + name.replace("_", "-")
            raise ValueError(f"{option}: wanted False with --shard, whose tables are in pieces; say {option} False")
    seed_all((record.seed + rank()) % 2**63)
    model = source or _new_model(config, record.seed, on_meta=shard and n_ranks() > 1)
    on_meta = next(model.parameters()).is_meta
    if not on_meta and recipe.zero_output:
        zero_outputs(model)
    if recipe.sinusoid_start:
        start_from_sinusoids(model)
    if recipe.bigram_start:
        start_from_bigrams(model, text.train)
    together = share_out(model if on_meta else model.to(device), shard)
    if on_meta:
        draw_shards(model, record.seed, device)
        if recipe.zero_output:
            zero_outputs(model)
    optimizer = optimizer_of(model, recipe)
    parts: dict[str, Part] = {
        "model": ModelFolder(model, tokenizer),
        "optimizer": OptimizerPart(optimizer, model),
        "random": RandomPart(),
    }
    return Trained(
        model,
        device,
        optimizer,
        sharded_parts(model, optimizer) if shard else parts,
        lambda folder: write_model(folder, model, tokenizer, record),
        schedule=schedule_of(recipe),
        schedules=schedules_of(recipe),
        together=together,
    )


def _new_model(config: GPT2Config, seed: int, on_meta: bool) -> GPT2:
    with torch.device("meta") if on_meta else nullcontext():
        return GPT2(config, generator=None if on_meta else generator("weights", seed))


def write_model(folder: Path, model: GPT2, tokenizer: Tokenizer, record: RunRecord) -> None:
    """A model folder with its card; several processes gather the weights, the first one writes."""
    complete = gathered(model)

    def write() -> None:
        save(folder, complete, tokenizer)
        card = model_card(record, model.config)
        (folder / "README.md").write_text(card, encoding="utf-8", newline="\n")

    by_first(write)
