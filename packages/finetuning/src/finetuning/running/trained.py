"""What of a model learns, by which method, with its optimizer, and what is saved of it."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor, nn

import gpt2
from gpt2 import GPT2, Tokenizer, Trained
from tensors import generator, seed_all
from trainkit import ModulePart, OptimizerPart, RandomPart, adamw, linear_to_zero

from ..adapters import Adapter, with_adapter
from ..files.chat import carry_chat_template, jinja, write_chat_template
from ..files.peft import save_adapter
from ..templates import Template
from .record import TuneRecord
from .settings import ADAPTERS, TARGETS, RunSettings

DECAY = 0.01
"""Weight decay where the model's own weights learn; an adapter begins at zero and is kept small by its rank."""


def trained_model(
    record: TuneRecord, base: GPT2, tokenizer: Tokenizer, chat: Template | None, device: torch.device
) -> Trained:
    """The model with what of it learns, its optimizer, and what is saved of it: an adapter by itself, or the model."""
    settings = record.settings
    model, adapter = learner(base.to(device), settings)

    def write(folder: Path) -> None:
        if adapter is None:
            gpt2.save(folder, model, tokenizer)
        else:
            save_adapter(folder, model, adapter, base=settings.source)
            tokenizer.save(folder, n_ctx=model.n_ctx)
        if chat is not None:
            write_chat_template(folder, jinja(chat))
        else:
            with suppress(ValueError, OSError):  # a source on the hub, or a file, has no folder
                carry_chat_template(Path(str(settings.source)), folder)

    return trained(record, model, device, write, result="model" if adapter is None else "adapter")


def learner(base: GPT2, settings: RunSettings) -> tuple[GPT2, Adapter | None]:
    """The model of which the method's part learns and the rest is frozen, and its adapter, if it has one.

    The global random state begins here: what is drawn for dropout is a function of the seed."""
    seed_all(settings.seed)
    if not isinstance(base.decoder.blocks[0].get_submodule(TARGETS[0]), nn.Linear):
        _check_whole_numbers(settings)
    if settings.kind not in ADAPTERS:
        return (base if settings.kind == "full" else last_blocks(base, settings.blocks)), None
    adapter = adapter_of(settings)
    return with_adapter(base, adapter, generator=generator("adapter", settings.seed)), adapter


def _check_whole_numbers(settings: RunSettings) -> None:
    """ValueError for what a base that `quantization` wrote cannot: learn itself, and pass a gradient on alone."""
    if settings.kind not in ADAPTERS:
        raise ValueError(
            f"--method: wanted lora or dora for a quantized model, whose whole numbers cannot learn, got "
            f"{settings.method}; or take the model that was quantized"
        )
    if set(settings.targets) != set(TARGETS):
        raise ValueError(
            f"--targets: wanted all four for a quantized model, got {', '.join(settings.targets)}; leave --targets out"
        )


def trained(
    record: TuneRecord, model: nn.Module, device: torch.device, write: Callable[[Path], None], *, result: str
) -> Trained:
    """A model whose frozen parts are frozen, with its optimizer, what checkpoints hold, and what is written at the end
    into the folder `result`."""
    optimizer, steps = optimizer_of(model, record.settings), max(1, record.steps)
    return Trained(
        model,
        device,
        optimizer,
        {"trained": TrainedPart(model), "optimizer": OptimizerPart(optimizer, model), "random": RandomPart()},
        write,
        result=result,
        schedule=linear_to_zero(steps, warmup=min(steps - 1, -(-steps // 20))),
    )


class TrainedPart(ModulePart):
    """The weights that learn, and none of the frozen ones."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model, "trained")

    def tensors(self) -> dict[str, Tensor]:
        """Each trained parameter by its name."""
        return {name: parameter for name, parameter in self.module.named_parameters() if parameter.requires_grad}


def adapter_of(settings: RunSettings) -> Adapter:
    """The adapter that the settings describe."""
    alpha = 2.0 * settings.rank if settings.alpha is None else settings.alpha
    return Adapter(settings.rank, alpha, settings.targets, settings.kind, settings.root, settings.dropout)


def last_blocks(model: GPT2, n: int) -> GPT2:
    """The model with all frozen but its last `n` blocks and the final norm; ValueError where there are fewer."""
    blocks = model.decoder.blocks
    if n > len(blocks):
        raise ValueError(f"--method last:{n}: wanted at most the model's {len(blocks)} blocks, got {n}; try last:1")
    model.requires_grad_(False)
    for part in (*list(blocks)[-n:], model.final_norm):
        part.requires_grad_(True)
    return model


def optimizer_of(model: nn.Module, settings: RunSettings) -> torch.optim.Optimizer:
    """AdamW; of adapters the second matrices may learn faster than the first (LoRA+; Hayou et al. 2024, arXiv
    2402.12354), and nothing decays."""
    if settings.kind not in ADAPTERS:
        return adamw(model, settings.rate, weight_decay=DECAY)
    named = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for name, p in named if name.endswith(".up")], "lr": settings.rate * settings.up_rate},
        {"params": [p for name, p in named if not name.endswith(".up")], "lr": settings.rate},
    ]
    return torch.optim.AdamW(groups, weight_decay=0.0, fused=named[0][1].device.type in ("cpu", "cuda", "mps"))
