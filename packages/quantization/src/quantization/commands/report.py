"""`quantization report` and `quantization search`: what is lost, and how to lose no more than that."""

import json
import sys
from collections.abc import Mapping

import torch

import gpt2
from evaluation import perplexity
from workbench import Whole, check_picture, read_utf8, shown, tell_next, write_text

from ..conversion import quantize
from ..costs.mixed_precision import precision_path, within_bytes, within_loss
from ..costs.report import cost_report
from ..module_tree import bytes_of
from ..rounding.calibration import TOKENS, windows
from ..schemes import scheme
from .convert import calibration_on, check_use
from .settings import Report, Search


def run_report(command: Report) -> None:
    """The table to standard output; ValueError for what makes no sense."""
    for name in command.schemes:
        scheme(name)
    check_use(command.calibrate, command.schemes)
    check_picture(command.out, "quantization")
    text, other = read_utf8(command.text), None if command.calibrate is None else read_utf8(command.calibrate)
    model, tokenizer = gpt2.load(command.source)
    ids = held_out(model, tokenizer, text, command.tokens)
    seen = calibration_on(model, tokenizer, other, TOKENS)
    with shown("quantization", f"measuring float32, {', '.join(command.schemes)} on {len(ids):,} tokens") as progress:
        found = cost_report(model, ids, {name: name for name in command.schemes}, calibration=seen, progress=progress)
    sys.stdout.write(f"{found}\n")
    if command.out is not None:
        from ..costs.pictures import plot_report

        plot_report(found).savefig(command.out, dpi=120)
        sys.stderr.write(f"quantization: picture in {command.out}\n")


def run_search(command: Search) -> None:
    """Write the plan; ValueError where no plan is small enough."""
    if command.megabytes is None and command.loss is None:
        raise ValueError("wanted a budget, --megabytes or --loss, got none; give the one to stay within")
    if command.megabytes is not None and command.loss is not None:
        raise ValueError("wanted one budget, --megabytes or --loss, got both; leave one out")
    if not command.out.parent.is_dir():
        raise ValueError(f"--out: wanted a file in a folder that exists, got {command.out}; make the folder first")
    text, other = read_utf8(command.text), None if command.calibrate is None else read_utf8(command.calibrate)
    model, tokenizer = gpt2.load(command.source)
    ids = held_out(model, tokenizer, text, command.tokens)
    seen = calibration_on(model, tokenizer, other, TOKENS)
    with shown("quantization", f"measuring each layer alone on {len(ids):,} tokens") as progress:
        rows = list(windows(ids, model.n_ctx, len(ids)))
        plans = precision_path(model, rows, calibration=seen, progress=progress)
    measured: dict[tuple[str, ...], float] = {}

    def perplexity_of(one: gpt2.GPT2) -> float:
        return perplexity(one, ids, stride=model.n_ctx, context=model.n_ctx)

    def loss_of(layers: dict[str, str]) -> float:
        schemes = tuple(layers.values())
        if schemes not in measured:
            with shown("quantization", f"measuring all layers together: {counts(layers)}") as progress:
                whole = Whole(sum(how != "float32" for how in schemes) + 1, progress)
                small = quantize(model, layers, calibration=seen, progress=whole)
                measured[schemes] = 100 * (perplexity_of(small) / base - 1)
                whole(1, 1)
        return measured[schemes]

    with shown("quantization", f"measuring float32 on {len(ids):,} tokens") as progress:
        whole = Whole(1, progress)
        base = perplexity_of(model)
        whole(1, 1)
    if command.megabytes is not None:
        plan = within_bytes(plans, command.megabytes * 1e6)
    else:
        plan = within_loss(plans, loss_of, command.loss or 0.0)
    loss = loss_of(plan.layers)
    content = {"layers": plan.layers, "bytes": plan.n_bytes, "perplexity_change_percent": loss}
    write_text(command.out, json.dumps(content, indent=2) + "\n")
    sys.stderr.write(
        f"quantization: {plan.n_bytes / 1e6:,.1f} MB instead of {bytes_of(model) / 1e6:,.1f}, "
        f"perplexity {loss:+.2f} %; {counts(plan.layers)}\n"
    )
    convert = ["quantization", "convert", command.source, "--plan", str(command.out), "--out", "DIR"]
    tell_next("quantization", convert, beside_results=True)


def held_out(model: "gpt2.GPT2", tokenizer: "gpt2.Tokenizer", text: str, tokens: int) -> torch.Tensor:
    """The first ids of a text; ValueError for fewer than a window of the model."""
    if tokens < model.n_ctx:
        raise ValueError(f"--tokens: wanted at least {model.n_ctx} (n_ctx), got {tokens}; more give surer figures")
    ids = torch.tensor(tokenizer.encode(text[: 40 * tokens]))[:tokens]
    if len(ids) < model.n_ctx:
        raise ValueError(f"--text: wanted at least {model.n_ctx} tokens (n_ctx), got {len(ids)}; give a longer text")
    return ids


def counts(layers: Mapping[str, str]) -> str:
    """How many layers have which scheme, in words."""
    schemes = list(layers.values())
    numbers = {name: schemes.count(name) for name in sorted(set(schemes))}
    return ", ".join(f"{number} layer{'s' * (number > 1)} in {name}" for name, number in numbers.items())
