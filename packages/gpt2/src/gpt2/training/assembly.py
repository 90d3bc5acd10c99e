"""What a run trains and saves, put together: model, optimizer and checkpoints, alone or among several processes."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from tensors import generator, seed_all
from trainkit import Checkpoints, OptimizerPart, Part, RandomPart, n_ranks, rank

from ..config import GPT2Config
from ..files.folder import save
from ..files.loading import load
from ..machine.processes import by_first, draw_shards, gathered, sharded_parts, share_out
from ..model import GPT2
from ..tokenizer.tokenizer import Tokenizer
from .curriculum import optimizer_of, zero_output
from .model_part import ModelFolder
from .record import RunRecord
from .settings import TrainSettings


class Assembly(NamedTuple):
    """The pieces that stay together for the whole run."""

    model: GPT2
    trained: nn.Module
    """What the loop trains in the model's place: the model itself, or its part in all processes together."""
    optimizer: torch.optim.Optimizer
    checkpoints: Checkpoints


def assemble(
    record: RunRecord, config: GPT2Config, tokenizer: Tokenizer, device: torch.device, source: GPT2 | None
) -> Assembly:
    """New weights of shape `config`, or those of `source`; nothing is read from checkpoints yet."""
    recipe, shard = record.recipe, record.shard
    if recipe.batch_size < n_ranks():
        raise ValueError(
            f"--processes: wanted at most one for each of the {recipe.batch_size} windows of a batch, got {n_ranks()}; "
            f"start fewer, or a run with a larger --batch-size"
        )
    seed_all((record.seed + rank()) % 2**63)
    model = source or _new_model(config, record.seed, on_meta=shard and n_ranks() > 1)
    on_meta = next(model.parameters()).is_meta
    trained = share_out(model if on_meta else model.to(device), shard)
    if on_meta:
        draw_shards(model, record.seed, device)
    if recipe.zero_output:
        zero_output(model)
    optimizer = optimizer_of(model, recipe)
    parts: dict[str, Part] = {
        "model": ModelFolder(model, tokenizer),
        "optimizer": OptimizerPart(optimizer, model),
        "random": RandomPart(),
    }
    if shard:
        parts = sharded_parts(model, optimizer)
    return Assembly(model, trained, optimizer, Checkpoints(record.folder / "checkpoints", parts))


def _new_model(config: GPT2Config, seed: int, on_meta: bool) -> GPT2:
    with torch.device("meta") if on_meta else nullcontext():
        return GPT2(config, generator=None if on_meta else generator("weights", seed))


def load_source(settings: TrainSettings) -> tuple[GPT2, Tokenizer]:
    """The model that `--from` names and its tokenizer, or the one of `--tokenizer` for a checkpoint file without."""
    given = Tokenizer.published() if settings.tokenizer == "published" else settings.tokenizer
    return load(str(settings.source), tokenizer=given)


def write_model(folder: Path, model: GPT2, tokenizer: Tokenizer, card: Callable[[], str]) -> None:
    """The model folder at the end of a run, whole or not at all; several processes gather it, the first one writes."""
    if by_first(folder.is_dir):
        return
    complete = gathered(model)

    def write() -> None:
        aside = folder.with_name(f"{folder.name}.part")
        save(aside, complete, tokenizer)
        (aside / "README.md").write_text(card(), encoding="utf-8", newline="\n")
        aside.rename(folder)

    by_first(write)
