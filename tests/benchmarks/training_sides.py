"""The sides of the training benchmarks: ours, nanoGPT's shape and `transformers`' GPT-2, each as a function of a batch.

A step is what each side's own training does in float32: forward, mean cross-entropy, backward, clipping at 1, AdamW.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import torch
from nanogpt_baseline import GPT
from torch import Tensor, nn

RATE = 6e-4
Step = Callable[[Tensor, Tensor], float]


class Shape(NamedTuple):
    n_layer: int
    n_embd: int
    n_head: int
    time: int
    batch: int
    n_vocab: int = 50257


SHAPES = {"L6 C384 T256 B8": Shape(6, 384, 6, 256, 8), "124M T1024 B1": Shape(12, 768, 12, 1024, 1)}


def ours(shape: Shape, precision: str = "float32", compiled: bool = False) -> Step:
    """As `train` does it: `train_steps` over the model's loss and trainkit's AdamW."""
    from gpt2 import GPT2, GPT2Config
    from gpt2.machine.precision import autocast_type, multiplying
    from gpt2.training.curriculum import model_loss
    from trainkit import adamw, train_steps

    config = GPT2Config(shape.n_vocab, shape.time, shape.n_embd, shape.n_head, shape.n_layer)
    model = GPT2(config, generator=torch.Generator().manual_seed(0))
    optimizer = adamw(model, RATE)
    loss = torch.compile(model_loss, dynamic=False) if compiled else model_loss
    given: list[list[tuple[Tensor, Tensor]]] = []
    steps = train_steps(model, iter(given.pop, None), loss, optimizer, precision=autocast_type(precision))

    def step(inputs: Tensor, targets: Tensor) -> float:
        given.append([(inputs, targets)])
        with multiplying(precision, compiled):
            return next(steps).loss

    return step


def nanogpt(shape: Shape, checkout: str | None = None, compiled: bool = False) -> Step:
    """Its shape made of torch's modules, or its own `model.py` from a checkout."""
    torch.manual_seed(0)
    if checkout is None:
        model: nn.Module = GPT(shape.n_vocab, shape.time, shape.n_embd, shape.n_head, shape.n_layer)
        optimizer = model.optimizer(RATE)  # type: ignore[operator]
        run: Any = model
    else:
        model, optimizer = from_checkout(checkout, shape)
        run = lambda inputs, targets: model(inputs, targets)[1]  # noqa: E731
    return plain_step(model, torch.compile(run) if compiled else run, optimizer)


def from_checkout(folder: str, shape: Shape) -> tuple[nn.Module, torch.optim.Optimizer]:
    if not (Path(folder) / "model.py").is_file():
        raise SystemExit(f"--nanogpt: wanted a checkout of nanoGPT, got {folder} without model.py; clone it there")
    sys.path.insert(0, folder)
    import model as theirs

    width = {"n_layer": shape.n_layer, "n_embd": shape.n_embd, "n_head": shape.n_head}
    configuration = theirs.GPTConfig(block_size=shape.time, vocab_size=shape.n_vocab, dropout=0.0, bias=True, **width)
    model = theirs.GPT(configuration)
    return model, model.configure_optimizers(0.1, RATE, (0.9, 0.95), "cpu")


def huggingface(shape: Shape) -> Step:
    """`transformers`' GPT-2 without dropout, with torch's scaled dot product attention."""
    import transformers

    torch.manual_seed(0)
    no_dropout = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
    width = {"n_layer": shape.n_layer, "n_embd": shape.n_embd, "n_head": shape.n_head}
    size = {"vocab_size": shape.n_vocab, "n_positions": shape.time, **width}
    configuration = transformers.GPT2Config(attn_implementation="sdpa", use_cache=False, **size, **no_dropout)
    model = transformers.GPT2LMHeadModel(configuration)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.95), weight_decay=0.1)

    def run(inputs: Tensor, targets: Tensor) -> Tensor:
        return model(inputs, labels=inputs, shift_labels=targets).loss

    return plain_step(model, run, optimizer)


def plain_step(model: nn.Module, loss_of: Any, optimizer: torch.optim.Optimizer) -> Step:
    """nanoGPT's step, which is everyone's."""

    def step(inputs: Tensor, targets: Tensor) -> float:
        loss = loss_of(inputs, targets)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return float(loss.detach())

    return step


def batch_of(shape: Shape, number: int) -> tuple[Tensor, Tensor]:
    """Ids without meaning, the same for every side."""
    numbers = torch.Generator().manual_seed(number)
    ids = torch.randint(shape.n_vocab, (shape.batch, shape.time + 1), generator=numbers)
    return ids[:, :-1].contiguous(), ids[:, 1:].contiguous()


def sides(shape: Shape, options: SimpleNamespace | Any) -> dict[str, Callable[[], Step]]:
    """Makers of the sides by name, those that cost a compilation only with `--compiled`."""
    makers: dict[str, Callable[[], Step]] = {
        "ours": lambda: ours(shape),
        "nanoGPT": lambda: nanogpt(shape, options.nanogpt),
        "transformers": lambda: huggingface(shape),
    }
    if options.precisions:
        makers |= {f"ours, {name}": lambda name=name: ours(shape, name) for name in ("medium", "bfloat16")}
    if options.compiled:
        makers |= {
            "ours, compiled": lambda: ours(shape, compiled=True),
            "nanoGPT, compiled": lambda: nanogpt(shape, options.nanogpt, compiled=True),
        }
    return makers
