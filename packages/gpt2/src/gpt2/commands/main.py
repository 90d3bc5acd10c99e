"""The commands `gpt2` and `train`. Nothing here imports torch until there is work for it."""

import logging
import sys
import time
from collections.abc import Callable
from typing import Any

import tyro

from tensors import spin_briefly

from ..slips import slip
from ..training.settings import TrainSettings, check
from .launching import after_restart, has_told, launch, note, tell_once, wanted_processes
from .narration import held_out, how_to_resume, introduction, report, resuming, typed
from .settings import BatchSettings, FitSettings, InspectSettings, TokensSettings, VerifySettings

DESCRIPTION = "GPT-2: train one, check whether one may be trusted, look into it, plan its memory, see its tokens."
EXIT_WRONG, EXIT_INTERRUPTED = 2, 130
"""The exit codes for wrong input, that of wrong arguments, too, and for Ctrl-C."""


def main() -> None:
    """`gpt2 train …`, `verify`, `inspect`, `tokens`, `fit` and `batch`"""
    commands: dict[str, Any] = {
        "train": TrainSettings,
        "verify": VerifySettings,
        "inspect": InspectSettings,
        "tokens": TokensSettings,
        "fit": FitSettings,
        "batch": BatchSettings,
    }
    if sys.argv[1:2] == ["train"]:
        refuse_slips("gpt2 train", sys.argv[2:])
    arguments = sys.argv[2:]
    settings = tyro.extras.subcommand_cli_from_dict(commands, prog="gpt2", description=DESCRIPTION)
    name = next(name for name, kind in commands.items() if isinstance(settings, kind))
    work: dict[str, Any] = {
        "train": lambda settings: train_command(settings, arguments),
        "verify": verify_command,
        "inspect": inspect_command,
        "tokens": tokens_command,
        "fit": fit_command,
        "batch": batch_command,
    }
    sys.exit(guarded(name, lambda: work[name](settings)))


def train() -> None:
    """`train …`"""
    refuse_slips("train", sys.argv[1:])
    arguments = sys.argv[1:]
    settings = tyro.cli(TrainSettings, prog="train")
    sys.exit(guarded("train", lambda: train_command(settings, arguments)))


def refuse_slips(prog: str, arguments: list[str], *more: type) -> None:
    """One line and exit code 2 for what is no number, and for a text without its option; `more` as for `slip`."""
    if found := slip(arguments, *more):
        print(f"{prog}: {found}", file=sys.stderr)
        sys.exit(EXIT_WRONG)


def guarded(prog: str, work: Callable[[], int]) -> int:
    """Do the work of a command; what is wrong with its input becomes one line on stderr and exit code 2, and so does
    Ctrl-C with 130."""
    spin_briefly()
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
    logging.getLogger("gpt2").setLevel(logging.INFO)
    if has_told():
        return EXIT_WRONG
    try:
        return work()
    except (ValueError, OSError, ImportError) as error:
        message = plain(error)
        if tell_once(message):
            print(f"{prog}: {message}", file=sys.stderr)
        return EXIT_WRONG
    except KeyboardInterrupt as stop:
        if tell_once("interrupted"):
            print(f"\n{prog}: ended at once. {stop}".rstrip(), file=sys.stderr)
        return EXIT_INTERRUPTED


def plain(error: Exception) -> str:
    """The message of an error; an OSError's with the file it is about, without its number."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    return f"{error.filename}: {error.strerror}" if error.filename else error.strerror


def train_command(settings: TrainSettings, arguments: list[str]) -> int:
    """`train`: alone, as one of torchrun's processes, or become torchrun to start them with these `arguments`."""
    check(settings)  # before torch is imported
    if processes := wanted_processes(settings):
        launch("gpt2", ["train", *arguments], processes)
    from ..machine.processes import joined

    with joined(settings.device):
        return run_command(after_restart(settings))


def run_command(settings: TrainSettings) -> int:
    """A `for` loop over `gpt2.run`. Returns the exit code; 130 or 143 after a signal, everything saved."""
    from trainkit import graceful_stop, is_first_rank, progress

    from ..training.run import run

    began, command = time.perf_counter(), typed("gpt2", "train")
    say = print if is_first_rank() else silent
    with graceful_stop() as stop:
        training = run(settings, lambda: stop.requested)
        note("folder", str(training.folder))
        say(introduction(training), flush=True)
        steps = progress(
            training,
            total=training.total,
            start=training.start,
            unit="tokens",
            describe=lambda: held_out(training),
        )
        try:
            for _ in steps:
                pass
        except (ValueError, OSError) as error:
            how = how_to_resume(training, command, getattr(error, "step", None))
            raise ValueError(f"{plain(error)}. {how}") from error
        except KeyboardInterrupt:  # the second one
            raise KeyboardInterrupt(how_to_resume(training, command)) from None
    if training.profile:
        say(f"\n{training.profile.table()}\nTrace: {training.folder / 'profile' / 'trace.json'}", flush=True)
    if training.finished:
        say(report(training, time.perf_counter() - began))
        return 0
    say(f"Stopped after step {training.last_step} of {training.total}; everything is saved.")
    say(f"\nGo on with:\n  {resuming(training, command)}")
    return stop.exit_code


def silent(*words: object, flush: bool = False) -> None:
    """What all processes but the first say."""


def verify_command(settings: VerifySettings) -> int:
    """`gpt2 verify`: the table of claims; 1 where one is broken."""
    from ..contract.verification import table, verify

    findings = verify(settings.source, tokenizer=settings.tokenizer)
    print(table(findings))
    return 0 if all(finding.held for finding in findings) else 1


def inspect_command(settings: InspectSettings) -> int:
    """`gpt2 inspect`: what a model consists of."""
    from .inspection import describe

    print(describe(settings.source))
    return 0


def tokens_command(settings: TokensSettings) -> int:
    """`gpt2 tokens`: pieces in color in a terminal, a line a token elsewhere."""
    from ..tokenizer.tokenizer import Tokenizer
    from .pieces import colored, listed

    own = settings.tokenizer
    try:
        tokenizer = Tokenizer.published() if own is None else Tokenizer.load(own)
    except OSError as error:
        raise OSError(f"{error}: --tokenizer DIR, such as RUN/model" if own is None else plain(error)) from error
    print((colored if sys.stdout.isatty() else listed)(tokenizer, settings.text))
    return 0


def fit_command(settings: FitSettings) -> int:
    """`gpt2 fit`: memory of training and inference, and the largest micro-batch."""
    from ..planning.fit import describe

    print(describe(settings))
    return 0


def batch_command(settings: BatchSettings) -> int:
    """`gpt2 batch`: the text that a step of a run learned from."""
    from .batch import describe

    print(describe(settings))
    return 0
