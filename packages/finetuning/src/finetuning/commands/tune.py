"""`finetuning tune`: what is told of a run that learns answers."""

from typing import TYPE_CHECKING, Any

from ..running.settings import TuneSettings
from .telling import COST, after_adapter, carry_out, fact, forgotten_line, left_out, model_line, result_line, table

if TYPE_CHECKING:
    from ..tuning import TuneRun


def tune_command(settings: TuneSettings) -> int:
    """Tune as `settings` say; exit code and errors are those of `carry_out`."""

    def begin(settings: TuneSettings, should_stop: Any) -> "TuneRun":
        from ..tuning import tune

        return tune(settings, should_stop)

    return carry_out(settings, begin, introduction, report, "tokens")


def introduction(run: Any) -> str:
    """Model, examples and folder of a prepared run, each under its name."""
    found, learned, held = run.examples, run.curriculum.learned, run.curriculum.judged
    answers = sum(example.n_learned for example in learned)
    read = sum(len(example.ids) for example in learned)
    shares = f"{answers:,} of {read:,} tokens are answers"
    lines = [
        model_line(run),
        fact("Examples", f"{len(learned):,} to learn from ({shares}), {len(held):,} held out"),
        fact("Run", f"{run.folder} ({run.total} steps of up to {run.curriculum.batches.order.batch_size} rows)"),
        *left_out(found.too_long, f"longer than the context of {run.model.n_ctx} tokens"),
    ]
    return "\n".join(lines)


def report(run: Any) -> str:
    """What was learned and what was forgotten, with intervals, and the next command."""
    from ..judging import Judged, judge
    from ..running.forgetting import forgotten, old_scores

    before, after = (
        Judged(**{name: tuple(of_each) for name, of_each in run.record.before["answers"].items()}),
        judge(run.model, run.curriculum.judged),
    )
    lost = forgotten(run.record.before["old"], old_scores(run.model, run.tokenizer))
    rows = [
        ("held-out answers, nats a token", before.loss, after.loss),
        ("written word for word, greedily", before.share_exact, after.share_exact),
        ("old text, bits a byte", lost.second, lost.first),
    ]
    words = ["decoding", "generate", str(run.folder / "model"), "--prompt", _first_prompt(run)]
    lines = [*table(rows), "", forgotten_line(lost), COST, result_line(run), "", after_adapter(run, "decoding", words)]
    return "\n".join(lines)


def _first_prompt(run: "TuneRun") -> str:
    example = run.curriculum.judged[0]
    cut = example.learned.index(True)
    ids = [token for token in example.ids[:cut] if token != run.tokenizer.end_of_text]
    return run.tokenizer.decode(ids) or "The"
