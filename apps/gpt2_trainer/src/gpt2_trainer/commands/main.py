"""The command `gpt2-trainer`: a `for` loop over `gpt2.run` that also samples. Torch is imported when work begins."""

import sys
import time
from dataclasses import replace

import tyro

from gpt2.commands.launching import after_restart, launch, note, wanted_processes
from gpt2.commands.main import guarded, plain, refuse_slips
from gpt2.commands.narration import held_out, how_to_resume, introduction, report, resuming, typed

from .settings import TrainerSettings, check


def main() -> None:
    """`gpt2-trainer …`"""

    arguments = sys.argv[1:]
    refuse_slips("gpt2-trainer", arguments, TrainerSettings)
    settings = tyro.cli(TrainerSettings, prog="gpt2-trainer")

    def work() -> int:
        check(settings)
        if processes := wanted_processes(settings.train):
            launch("gpt2_trainer", arguments, processes)
        from gpt2.machine.processes import joined

        with joined(settings.train.device):
            return train_and_sample(replace(settings, train=after_restart(settings.train)))

    sys.exit(guarded("gpt2-trainer", work))


def train_and_sample(settings: TrainerSettings) -> int:
    """Train with a sample every so often. Returns the exit code; 130 or 143 after a signal, everything saved.

    Of several processes the first samples, shows and reports.
    """
    import gpt2
    from trainkit import graceful_stop, is_first_rank, progress

    from ..pictures.report import write_report
    from ..samples import sampling_of
    from ..watching import Watcher, generation_settings

    sampling = sampling_of(settings)
    generation_settings(sampling)  # refused before a run is made
    began, command = time.perf_counter(), typed("gpt2_trainer", "gpt2-trainer")
    with graceful_stop() as stop:
        run = gpt2.run(settings.train, lambda: stop.requested)
        note("folder", str(run.folder))
        if not is_first_rank():
            for _ in run:
                pass
            return 0 if run.finished else stop.exit_code
        print(introduction(run), flush=True)
        steps = progress(run, total=run.total, start=run.start, unit="tokens", describe=lambda: held_out(run))
        try:
            watcher = Watcher(run, sampling)
            for step in steps:
                if sample := watcher.look(step):
                    title = f"── step {step.number}, loss {step.loss:.3f} ──"
                    show(f"{title}\n{sample.prompt}{sample.text}\n")
        except (ValueError, OSError) as error:
            how = how_to_resume(run, command, getattr(error, "step", None))
            raise ValueError(f"{plain(error)}. {how}") from error
        except KeyboardInterrupt:  # the second one
            raise KeyboardInterrupt(how_to_resume(run, command)) from None
    if run.profile:
        print(f"\n{run.profile.table()}")
    if run.finished:
        page = write_report(run)
        print(report(run, time.perf_counter() - began, sampling.prompt))
        print(f"\nReport: {page} (curves, layers, tokens, samples; open it in a browser)")
        return 0
    print(f"Stopped after step {run.last_step} of {run.total}; everything is saved.")
    print(f"\nGo on with:\n  {resuming(run, command)}")
    return stop.exit_code


def show(text: str) -> None:
    """Print above the progress bar."""
    from tqdm.auto import tqdm

    tqdm.write(text)
    sys.stdout.flush()
