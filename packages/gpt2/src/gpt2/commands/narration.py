"""What a training command says: before, while and after. Functions from a run to text; the commands print it."""

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainkit import Step

    from ..training.run import Run

SMALLEST = 200_000
"""Bytes of text from which on `quick` has something to learn besides the text itself."""


def introduction(run: "Run") -> str:
    """Text, tokenizer, model and folder of a prepared run, a line each."""
    c, text = run.config, run.text
    lines = [
        f"Text       {named(text.name)}: {_size(text.train_bytes)} to learn from ({len(text.train):,} tokens), "
        f"{_size(text.held_out_bytes)} held out ({len(text.held_out) - 1:,} tokens)",
        f"Tokenizer  {run.tokenizer.n_vocab:,} ids, {text.train_bytes / len(text.train):.2f} bytes a token",
        f"Model      {c.n_layer} layers, {c.n_embd} wide, {c.n_head} heads, context {c.n_ctx}: "
        f"{c.n_parameters / 1e6:.2f} million parameters on {run.device}{_together(run)}{_computed(run)}",
        f"Run        {run.folder} (recipe {run.recipe.name}, {run.total} steps of "
        f"{run.recipe.batch_size * c.n_ctx:,} tokens)",
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


def _together(run: "Run") -> str:
    from trainkit import n_ranks

    if n_ranks() == 1:
        return ""
    return f", {n_ranks()} processes, {'a share of it each' if run.record.shard else 'a copy each'}"


def _computed(run: "Run") -> str:
    """How steps are computed, where that is not the usual way."""
    usual = run.record.precision == "float32"
    return ("" if usual else f", precision {run.record.precision}") + (", compiled" if run.compiled else "")


def left_out(run: "Run", step: "Step") -> str:
    """A step that changed nothing, and the command that shows its text."""
    return (
        f"step {step.number} was left out, loss {step.loss} and gradient norm {step.gradient_norm} "
        f"({run.guard.skipped} of at most {run.guard.skip_limit}); its text: {_batch(run, step.number)}"
    )


def held_out(run: "Run") -> str:
    """The last evaluation in a few words for a progress bar; empty before the first."""
    return "" if run.bits_per_byte is None else f"held out {run.bits_per_byte:.3f} bits/byte"


def report(run: "Run", seconds: float, prompt: str = "The") -> str:
    """The result of a finished run, where it lies, and the next command. `seconds`: since the command began."""
    result = run.validation
    if result is None:
        raise ValueError("run: wanted a finished one with its evaluation, got none; iterate over it to the end first")
    tokens = (run.total - run.start) * run.recipe.batch_size * run.config.n_ctx
    speed = f", {tokens / seconds:,.0f} tokens/s with start-up and evaluation" if tokens else ""
    curves = in_workspace("uv run ") + f"tensorboard --logdir {quote(str(run.folder))}"
    following = f"decoding generate {quote(str(run.folder / 'model'))} --prompt {quote(prompt)}"
    return (
        f"\nHeld-out text: loss {result.loss:.4f} nats a token, perplexity {result.perplexity:.2f}, "
        f"{run.bits_per_byte:.4f} bits per byte\n"
        f"{seconds:.0f} s in all{speed}\n"
        f"Model: {run.folder / 'model'}   Curves: {curves}\n"
        f"\nNext:\n  {typed('decoding', following)}"
    )


def how_to_resume(run: "Run", command: str, failed: int | None = None) -> str:
    """How to go on after an error with what was saved before it. `command`: as typed, without arguments.

    failed: the step that could not be taken, if that was the error."""
    steps = run.checkpoints.steps()
    saved = f"The last good checkpoint is of step {steps[-1]}" if steps else "No checkpoint was saved yet"
    if failed is None:
        return f"{saved}: go on {'' if steps else 'from the start '}with {resuming(run, command)}"
    skip = f"{resuming(run, command)} --skip-limit {run.guard.skipped + 1}"
    return (
        f"{saved}. See the step's text with {_batch(run, failed)}; leave such steps out with {skip}, or begin a new "
        f"run with a lower --learning-rate"
    )


def resuming(run: "Run", command: str) -> str:
    """The command that goes on with a run; `command` as typed, without arguments."""
    return f"{command} --resume {quote(str(run.folder))}"


def named(text: str) -> str:
    """The name of a text, for those who read it."""
    return "Python's own documentation and sources" if text == "embedded" else text


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.2f} MB" if n_bytes >= 1e6 else f"{n_bytes / 1e3:.{0 if n_bytes >= 1e5 else 1}f} kB"


def _batch(run: "Run", step: int) -> str:
    return typed("gpt2", f"gpt2 batch {quote(str(run.folder))} {step}")


def typed(package: str, command: str) -> str:
    """A command as it is typed in the workspace, or bare where the packages are installed elsewhere."""
    return in_workspace(f"uv run --package {package} ") + command


def in_workspace(words: str) -> str:
    """`words` where the current folder is the workspace, else nothing."""
    return words if Path("uv.lock").is_file() and Path("packages", "gpt2").is_dir() else ""
