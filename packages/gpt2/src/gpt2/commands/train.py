"""What `train` does: a `for` loop over `gpt2.run`, alone or in several processes, that ends in an exit code.

Other commands do the same and look at the run between its steps: they hand that in.
"""

import logging
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from workbench import plain, typed, unfailing_output

from ..training.settings import TrainSettings, check
from .launching import after_restart, has_told, launch, note, tell_once, wanted_processes
from .narration import goes_on, held_out, how_to_resume, introduction, report, skipped

if TYPE_CHECKING:
    from trainkit import Step

    from ..training.text_run import TextRun

WRONG, INTERRUPTED = 2, 130
"""The exit codes for wrong input and for Ctrl-C."""


def train_command(
    settings: TrainSettings,
    *,
    each_step: "Callable[[TextRun], Callable[[Step], object]] | None" = None,
    at_end: "Callable[[TextRun], str] | None" = None,
    command: tuple[str, str] = ("gpt2", "train"),
    again: Sequence[str] | None = None,
    prompt: str = "The",
) -> int:
    """Train as `settings` say and tell how it goes. Returns the exit code: 0 for a finished run; 129, 130 or 143
    after a signal, everything saved. Whatever becomes of what it prints, the run goes on.

    each_step: given the prepared run, what is called after each of its steps; of several processes in the first.
    at_end: given the finished run, what is told besides its report; in the first process, too.
    command: package and name of the command, to say how to go on. again: module and arguments that start it once more,
    for each of several processes (default: those of `train`). prompt: of the next command that is told.

    Raises ValueError, OSError or ImportError for what is wrong, in one line; of several processes one raises, the
    others end by SystemExit.
    """
    logging.getLogger("gpt2").setLevel(logging.INFO)
    if has_told():
        return WRONG
    try:
        check(settings)  # before torch is imported
        if processes := wanted_processes(settings):
            module, *arguments = again or ("gpt2", "train", *sys.argv[1:])
            launch(module, arguments, processes)
        from ..machine.processes import joined

        with unfailing_output(), joined(settings.device):
            return _trained(after_restart(settings), each_step, at_end, command, prompt)
    except (ValueError, OSError, ImportError) as error:
        if not tell_once(plain(error)):
            raise SystemExit(WRONG) from None
        raise
    except KeyboardInterrupt:
        if not tell_once("interrupted"):
            raise SystemExit(INTERRUPTED) from None
        raise


def _trained(
    settings: TrainSettings,
    each_step: "Callable[[TextRun], Callable[[Step], object]] | None",
    at_end: "Callable[[TextRun], str] | None",
    command: tuple[str, str],
    prompt: str,
) -> int:
    from safetensors import SafetensorError

    from trainkit import graceful_stop, is_first_rank, progress

    from ..training.text_run import run

    began, how = time.perf_counter(), typed(*command)
    first = is_first_rank()
    with graceful_stop() as stop:
        training = run(settings, lambda: stop.requested)
        note("folder", str(training.folder))
        _say(first, introduction(training))
        try:
            look = each_step(training) if each_step and first else None
            steps = progress(
                training,
                total=training.total,
                start=training.start,
                unit="tokens",
                describe=lambda: held_out(training),
            )
            for step in steps:
                if step.skipped and first:
                    logging.getLogger(__name__).warning(skipped(training, step))
                if look:
                    look(step)
        except (ValueError, OSError, SafetensorError) as error:
            raise ValueError(f"{plain(error)}. {how_to_resume(training, how, getattr(error, 'step', None))}") from error
        except KeyboardInterrupt:  # the second one
            left = how_to_resume(training, how)
            raise KeyboardInterrupt(left[0].lower() + left[1:]) from None
    if training.profile:
        _say(first, f"\n{training.profile.table()}\nTrace: {training.folder / 'profile' / 'trace.json'}")
    if not training.finished:
        _say(first, goes_on(training, how))
        return stop.exit_code
    if first:
        also = at_end(training) if at_end else ""
        _say(first, report(training, time.perf_counter() - began, prompt))
        _say(bool(also), also)
    return 0


def _say(heard: bool, text: str) -> None:
    """Print what one of several processes says for all."""
    if heard:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
