"""`quantization report` and `quantization search`: what is lost, and how to lose no more than that."""

import json
import sys

import torch

import gpt2
from decoding import perplexity

from .calibration import TOKENS, windows
from .command_settings import Report, Search
from .conversion import quantize
from .convert_command import calibration_on, read_text
from .mixed_precision import precision_path, within_bytes, within_loss
from .report import cost_report
from .schemes import scheme
from .sizes import bytes_of


def run_report(command: Report) -> None:
    """The table to standard output; ValueError for what makes no sense."""
    for name in command.schemes:
        scheme(name)
    text, other = read_text(command.text), None if command.calibrate is None else read_text(command.calibrate)
    model, tokenizer = gpt2.load(command.source)
    seen = calibration_on(model, tokenizer, other, TOKENS)
    found = cost_report(
        model, held_out(model, tokenizer, text, command.tokens), {n: n for n in command.schemes}, calibration=seen
    )
    sys.stdout.write(f"{found}\n")
    if command.out is not None:
        from .pictures import plot_report

        plot_report(found).savefig(command.out, dpi=120)


def run_search(command: Search) -> None:
    """Write the plan; ValueError where no plan is small enough."""
    if (command.megabytes is None) == (command.loss is None):
        raise ValueError("wanted either --megabytes or --loss, got both or neither; give the budget to keep")
    text, other = read_text(command.text), None if command.calibrate is None else read_text(command.calibrate)
    model, tokenizer = gpt2.load(command.source)
    seen = calibration_on(model, tokenizer, other, TOKENS)
    ids = held_out(model, tokenizer, text, command.tokens)
    base = perplexity(model, ids, stride=model.n_ctx, context=model.n_ctx)

    def loss_of(layers: dict[str, str]) -> float:
        small = quantize(model, layers, calibration=seen)
        return 100 * (perplexity(small, ids, stride=model.n_ctx, context=model.n_ctx) / base - 1)

    plans = precision_path(model, list(windows(ids, model.n_ctx, command.tokens)), calibration=seen)
    if command.megabytes is not None:
        plan = within_bytes(plans, command.megabytes * 1e6)
    else:
        plan = within_loss(plans, loss_of, command.loss or 0.0)
    loss = loss_of(plan.layers)
    content = {"layers": plan.layers, "bytes": plan.n_bytes, "perplexity_change_percent": loss}
    command.out.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8", newline="\n")
    counts = {name: list(plan.layers.values()).count(name) for name in sorted(set(plan.layers.values()))}
    sys.stderr.write(
        f"quantization: {plan.n_bytes / 1e6:,.1f} MB instead of {bytes_of(model) / 1e6:,.1f}, "
        f"perplexity {loss:+.2f} %; {', '.join(f'{count} layers in {name}' for name, count in counts.items())}\n"
        f"try: quantization convert {command.source} --plan {command.out} --out DIR\n"
    )


def held_out(model: "gpt2.GPT2", tokenizer: "gpt2.Tokenizer", text: str, tokens: int) -> torch.Tensor:
    """The first ids of a text: at least a window of the model."""
    ids = torch.tensor(tokenizer.encode(text[: 40 * tokens]))[: max(tokens, model.n_ctx)]
    if len(ids) < model.n_ctx:
        raise ValueError(f"--text: wanted at least {model.n_ctx} tokens (n_ctx), got {len(ids)}; give a longer text")
    return ids
