"""`finetuning tune`: a `for` loop over a run, what is told meanwhile, and one table at the end."""

import sys
import time
from shlex import quote
from typing import TYPE_CHECKING

from workbench import next_lines, plain, typed, unfailing_output

from ..running.settings import TuneSettings

if TYPE_CHECKING:
    from ..tuning import TuneRun


def tune_command(settings: TuneSettings) -> int:
    """Tune as `settings` say and tell how it goes. Returns 0 for a finished run; 129, 130 or 143 after a signal, all
    saved. Whatever becomes of what it prints, the run goes on.

    Raises ValueError or OSError for what is wrong, with how to resume where there is something to resume.
    """
    from ..running.settings import check

    check(settings)  # before torch is imported
    with unfailing_output():
        return _tuned(settings)


def _tuned(settings: TuneSettings) -> int:
    from trainkit import graceful_stop, peak_memory, progress

    from ..tuning import tune

    began = time.perf_counter()
    with graceful_stop() as stop:
        run = tune(settings, lambda: stop.requested)
        _say(introduction(run))
        try:
            for _ in progress(run, total=run.total, start=run.start, unit="tokens", describe=lambda: judged(run)):
                pass
        except (ValueError, OSError) as error:
            raise ValueError(f"{plain(error)}. Resume with {resuming(run)}") from error
        except KeyboardInterrupt:  # the second one
            raise KeyboardInterrupt(f"resume with {resuming(run)}") from None
    if not run.finished:
        _say(
            f"Stopped after step {run.last_step} of {run.total}; everything is saved.\n\n"
            f"Resume with:\n  {resuming(run)}"
        )
        return stop.exit_code
    _say(report(run, time.perf_counter() - began, peak_memory()))
    return 0


def introduction(run: "TuneRun") -> str:
    """Model, examples and folder of a prepared run, a line each."""
    from ..examples import shown

    found, learned, held = run.examples, run.curriculum.learned, run.curriculum.judged
    trained = sum(p.numel() for p in run.model.parameters() if p.requires_grad)
    everything = sum(p.numel() for p in run.model.parameters())
    answers = sum(example.n_learned for example in learned)
    read = sum(len(example.ids) for example in learned)
    lines = [
        f"Model     {run.record.base['source']}: {everything / 1e6:.2f} million weights, of which {trained:,} learn "
        f"({run.record.settings.method}) on {run.device}",
        f"Examples  {len(learned):,} to learn from ({answers:,} of {read:,} tokens are answers), "
        f"{len(held):,} held out",
        f"Run       {run.folder} ({run.total} steps of up to {run.curriculum.batches.order.batch_size} rows)",
    ]
    if found.too_long:
        lines.append(
            f"Left out  {len(found.too_long):,} longer than {run.model.n_ctx + 1} tokens: {shown(found.too_long)}"
        )
    if run.start == run.total:
        lines.append("Finished  all steps are done; here is the result again")
    elif run.start:
        lines.append(f"Resuming after step {run.start}")
    return "\n".join(lines)


def judged(run: "TuneRun") -> str:
    """The last evaluation in a few words for a progress bar."""
    return "" if run.validation is None else f"held out {run.validation.loss:.3f}"


def report(run: "TuneRun", seconds: float, memory: int | None) -> str:
    """What was learned and what was forgotten, with intervals, and the next command."""
    from ..judging import Judged, judge
    from ..running.forgetting import forgotten, old_scores

    before, after = (
        Judged(**{name: tuple(of_each) for name, of_each in run.record.before["answers"].items()}),
        judge(run.model, run.curriculum.judged),
    )
    lost = forgotten(run.record.before["old"], old_scores(run.model, run.tokenizer))
    result = run.folder / run.trained.result
    size = sum(path.stat().st_size for path in result.glob("*.safetensors"))
    rows = [
        ("held-out answers, nats a token", before.loss, after.loss),
        ("written word for word, greedily", before.share_exact, after.share_exact),
        ("old text, bits a byte", lost.second, lost.first),
    ]
    lines = ["", f"{'':<32}{'before':>9}{'after':>9}   95 % interval"]
    for name, was, now in rows:
        interval = "" if now.low is None or now.high is None else f"{now.low:.3f} to {now.high:.3f}"
        lines.append(f"{name:<32}{was.value:>9.3f}{now.value:>9.3f}   {interval}")
    peak = f", peak memory {memory / 1e9:.2f} GB" if memory else ""
    lines += [
        "",
        f"Forgotten: {_signed(lost.difference.value)} bits a byte of the old text"
        f"{_between(lost.difference.low, lost.difference.high)}",
        f"{seconds:.0f} s in all{peak}",
        f"{run.trained.result.capitalize()}: {result} ({size / 1e6:.2f} MB)",
        "",
        following(run),
    ]
    return "\n".join(lines)


def following(run: "TuneRun") -> str:
    """The next command: an adapter is merged, a model writes."""
    if run.trained.result == "adapter":
        words = ["finetuning", "merge", str(run.folder), "--out", f"{run.folder}-merged"]
        return next_lines("finetuning", words)
    words = ["decoding", "generate", str(run.folder / "model"), "--prompt", _first_prompt(run)]
    return next_lines("decoding", words)


def resuming(run: "TuneRun") -> str:
    """The command that resumes a run."""
    return typed("finetuning", f"finetuning tune --resume {quote(str(run.folder))}")


def _first_prompt(run: "TuneRun") -> str:
    example = run.curriculum.judged[0]
    cut = example.learned.index(True)
    ids = [token for token in example.ids[:cut] if token != run.tokenizer.end_of_text]
    return run.tokenizer.decode(ids) or "The"


def _signed(value: float) -> str:
    return f"{value:+.3f}"


def _between(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" ({_signed(low)} to {_signed(high)})"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
