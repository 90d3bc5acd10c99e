"""The commands `gpt2` and `train`. Nothing here imports torch until there is work for it."""

import logging
import os
import sys
import time
from pathlib import Path

import tyro

from .settings import TrainSettings

EXIT_WRONG = 2


def main() -> None:
    """`gpt2 train …`"""
    prog = "gpt2"
    settings = tyro.extras.subcommand_cli_from_dict({"train": TrainSettings}, prog=prog, description=__doc__)
    sys.exit(_guarded(settings))


def train() -> None:
    """`train …`"""
    sys.exit(_guarded(tyro.cli(TrainSettings, prog="train")))


def _guarded(settings: TrainSettings) -> int:
    """Run; turn what is wrong with the input into one clear line and exit code 2."""
    # Threads that spin while they wait stall each other on a busy machine; must be set before torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
    try:
        return _train(settings)
    except (ValueError, OSError, ImportError) as error:
        message = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        print(f"train: {message}", file=sys.stderr)
        return EXIT_WRONG


def _train(settings: TrainSettings) -> int:
    from trainkit import NonFiniteLoss, graceful_stop, progress

    from .training import run

    began = time.perf_counter()
    with graceful_stop() as stop:
        training = run(settings, lambda: stop.requested)
        _introduce(training)
        done = training.start
        try:
            steps = progress(
                training,
                total=training.total,
                start=training.start,
                unit="tokens",
                describe=lambda: _held_out(training),
            )
            for step in steps:
                done = step.number
        except NonFiniteLoss as error:
            raise ValueError(f"{error}. {_how_to_resume(training)}") from error
        except OSError as error:
            raise OSError(error.errno, f"{error.strerror or error}. {_how_to_resume(training)}") from error
    if not training.finished:
        print(f"Stopped after step {done} of {training.total}; everything is saved.")
        print(f"\nGo on with:\n  {_verb('gpt2', 'train')} --resume {training.folder}")
        return stop.exit_code
    _report(training, time.perf_counter() - began)
    return 0


def _introduce(training) -> None:  # type: ignore[no-untyped-def]
    c, text = training.config, training.text
    print(
        f"Text       {text.name}: {text.train_bytes / 1e6:.2f} MB to learn from ({len(text.train):,} tokens), "
        f"{text.held_out_bytes / 1e3:.0f} kB held out ({len(text.held_out) - 1:,} tokens)\n"
        f"Tokenizer  {training.tokenizer.n_vocab:,} ids, {text.train_bytes / len(text.train):.2f} bytes a token\n"
        f"Model      {c.n_layer} layers, {c.n_embd} wide, {c.n_head} heads, context {c.n_ctx}: "
        f"{c.n_parameters / 1e6:.2f} million parameters on {training.device}\n"
        f"Run        {training.folder} (recipe {training.recipe.name}, {training.total} steps of "
        f"{training.recipe.batch_size * c.n_ctx:,} tokens)",
        flush=True,
    )
    if training.start:
        print(f"Resuming after step {training.start}", flush=True)


def _held_out(training) -> str:  # type: ignore[no-untyped-def]
    bits = training.bits_per_byte
    return "" if bits is None else f"held out {bits:.3f} bits/byte"


def _report(training, seconds: float) -> None:  # type: ignore[no-untyped-def]
    result, tokens = training.validation, (training.total - training.start) * training.recipe.batch_size
    print(
        f"\nHeld-out text: loss {result.loss:.4f} nats a token, perplexity {result.perplexity:.2f}, "
        f"{training.bits_per_byte:.4f} bits per byte"
    )
    print(f"{seconds:.0f} s, {tokens * training.config.n_ctx / seconds:,.0f} tokens/s with evaluation and start-up")
    print(f"Model: {training.folder / 'model'}   Curves: tensorboard --logdir {training.folder}")
    prompt = 'decoding generate {} --prompt "import "'
    print(f"\nNext:\n  {_verb('decoding', prompt.format(training.folder / 'model'))}")


def _how_to_resume(training) -> str:  # type: ignore[no-untyped-def]
    steps = training.checkpoints.steps()
    if not steps:
        return f"No checkpoint was saved yet; start again with {_verb('gpt2', 'train')} --out a new folder"
    return f"The last good checkpoint is of step {steps[-1]}: {_verb('gpt2', 'train')} --resume {training.folder}"


def _verb(package: str, command: str) -> str:
    """The command as it is typed in the workspace, or bare where gpt2 is installed elsewhere."""
    in_workspace = Path("uv.lock").is_file() and Path("packages", package).is_dir()
    return f"uv run --package {package} {command}" if in_workspace else command
