"""What a training command says: before, while and after. Functions from a run to text; the commands print it."""

from shlex import quote
from typing import TYPE_CHECKING

from workbench import typed

if TYPE_CHECKING:
    from trainkit import Step

    from ..texts.prepared import TrainingText
    from ..training.text_run import TextRun

READABLE = "--temperature 0.8 --top-k 50"
"""What a first sample is drawn with: at temperature 1 a small model's unlikely words drown the likely ones."""
SMALLEST = 200_000
"""Bytes of text from which on `quick` has something to learn besides the text itself."""


def introduction(run: "TextRun") -> str:
    """Text, tokenizer, model and folder of a prepared run, a line each."""
    c, text = run.config, run.text
    lines = [
        f"Text       {text.title}: {_size(text.train_bytes)} to learn from",
        f"           ({len(text.train):,} tokens), {_size(text.held_out_bytes)} held out "
        f"({_how(text)}{len(text.held_out) - 1:,} tokens)",
        f"Tokenizer  {run.tokenizer.n_vocab:,} ids, {text.train_bytes / len(text.train):.2f} bytes a token",
        f"Model      {c.n_layer} layers, {c.n_embd} wide, {c.n_head} heads, context {c.n_ctx}: "
        f"{c.n_parameters / 1e6:.2f} million parameters on {run.device}{_together(run)}{_computed(run)}",
        f"Run        {run.folder} (recipe {run.recipe.name}, {run.total} steps of "
        f"{run.recipe.tokens_of_steps(c.n_ctx)})",
    ]
    if run.recipe.name == "quick" and text.train_bytes < SMALLEST:
        lines.append(f"Note       so little text is learned by heart; quick is made for {_size(SMALLEST)} and more")
    if run.source is not None:
        lines.append(f"From       {run.source}")
    if run.source is not None and not run.start:
        lines[-1] += f": {held_out(run)} before training"
    if run.start == run.total:
        lines.append("Finished     all steps are done; here is the result again")
    elif run.start:
        lines.append(f"Resuming after step {run.start}")
    return "\n".join(lines)


def _how(text: "TrainingText") -> str:
    return f"{text.held_out_how}, " if text.held_out_how else ""


def _together(run: "TextRun") -> str:
    from trainkit import n_ranks

    if n_ranks() == 1:
        return ""
    return f", {n_ranks()} processes, {'a share of it each' if run.record.settings.shard else 'a copy each'}"


def _computed(run: "TextRun") -> str:
    """How steps are computed, where that is not the usual way."""
    usual = run.record.precision == "float32"
    return ("" if usual else f", precision {run.record.precision}") + (", compiled" if run.compiled else "")


def skipped(run: "TextRun", step: "Step") -> str:
    """The command that shows the text of a step that changed nothing."""
    return f"the text of step {step.number}: {_batch(run, step.number)}"


def held_out(run: "TextRun") -> str:
    """The last evaluation in a few words for a progress bar; empty before the first."""
    return "" if run.bits_per_byte is None else f"held out {run.bits_per_byte:.3f} bits/byte"


def report(run: "TextRun", seconds: float, prompt: str = "The") -> str:
    """The result of a finished run, where it lies, and the next commands. `seconds`: since the command began."""
    result = run.validation
    if result is None:
        raise ValueError("run: wanted a finished one with its evaluation, got none; iterate over it to the end first")
    tokens = run.recipe.windows_from(run.start) * run.config.n_ctx
    speed = f", {tokens / seconds:,.0f} tokens/s with start-up and evaluation" if tokens else ""
    curves = typed(None, f"tensorboard --logdir {quote(str(run.folder))}")
    following = f"decoding generate {quote(str(run.folder / 'model'))} --prompt {quote(prompt)} {READABLE}"
    inside = f"interpretability page {quote(str(run.folder))} --out {quote(str(run.folder / 'page.html'))}"
    return (
        f"\nHeld-out text: loss {result.loss:.4f} nats a token, perplexity {result.perplexity:.2f}, "
        f"{run.bits_per_byte:.4f} bits per byte\n"
        f"{seconds:.0f} s {f'since it was resumed after step {run.start}' if run.start else 'in all'}{speed}\n"
        f"Model: {run.folder / 'model'}   Curves: {curves}\n"
        f"\nNext:\n  {typed('decoding', following)}\n  {typed('interpretability', inside)}"
    )


def how_to_resume(run: "TextRun", command: str, failed: int | None = None) -> str:
    """How to resume after an error from what was saved before it. `command`: as typed, without arguments.

    failed: the step that could not be taken, if that was the error."""
    steps = run.checkpoints.steps()
    saved = f"The last good checkpoint is of step {steps[-1]}" if steps else "No checkpoint was saved yet"
    if failed is None:
        return f"{saved}: resume {'' if steps else 'from the start '}with {resuming(run, command)}"
    skip = f"{resuming(run, command)} --skip-limit {run.guard.skipped + 1}"
    return (
        f"{saved}. See the step's text with {_batch(run, failed)}; leave such steps out with {skip}, or begin a new "
        f"run with a lower --learning-rate"
    )


def goes_on(run: "TextRun", command: str) -> str:
    """What a run that was stopped ends with."""
    saved = f"Stopped after step {run.last_step} of {run.total}; everything is saved."
    return f"{saved}\n\nResume with:\n  {resuming(run, command)}"


def resuming(run: "TextRun", command: str) -> str:
    """The command that resumes a run; `command` as typed, without arguments."""
    return f"{command} --resume {quote(str(run.folder))}"


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.2f} MB" if n_bytes >= 1e6 else f"{n_bytes / 1e3:.{0 if n_bytes >= 1e5 else 1}f} kB"


def _batch(run: "TextRun", step: int) -> str:
    return typed("gpt2", f"gpt2 batch {quote(str(run.folder))} {step}")
