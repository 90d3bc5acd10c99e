"""`finetuning prefer`: what is told of a run that learns preferences."""

from typing import Any

from ..preferring.settings import PreferSettings
from .telling import (
    COST,
    after_adapter,
    carry_out,
    fact,
    fitted,
    forgotten_line,
    left_out,
    model_line,
    result_line,
    table,
)


def prefer_command(settings: PreferSettings) -> int:
    """Learn preferences as `settings` say; exit code and errors are those of `carry_out`."""

    def begin(settings: PreferSettings, should_stop: Any) -> Any:
        from ..preferring.run import prefer

        return prefer(settings, should_stop)

    return carry_out(settings, begin, introduction, report, "pairs")


def introduction(run: Any) -> str:
    """Model, pairs and folder of a prepared run, each under its name."""
    learned, settings = run.curriculum.learned, run.record.settings
    how = f"by {settings.loss} (beta {settings.steepness:g})"
    lines = [
        model_line(run),
        fact("Pairs", f"{len(learned):,} to learn from {how}, {len(run.judged):,} held out"),
        fact("Run", f"{run.folder} ({run.total} steps of up to {run.curriculum.batches.order.batch_size} pairs)"),
        *left_out(run.pairs.too_long, f"longer than the context of {run.model.n_ctx} tokens"),
    ]
    return "\n".join(lines)


def report(run: Any) -> str:
    """What was learned and what was forgotten, with intervals, and the next command."""
    from ..preferring.likelihoods import JudgedPairs, judge_pairs
    from ..running.forgetting import forgotten, old_scores

    before = JudgedPairs(**{name: tuple(of_each) for name, of_each in run.record.before["pairs"].items()})
    after = judge_pairs(run.model, run.judged)
    lost = forgotten(run.record.before["old"], old_scores(run.model, run.tokenizer))
    rows = [
        ("chosen likelier than rejected", before.preferred, after.preferred),
        ("gained more than the rejected", None, after.moved(before)),
        ("chosen, nats a token", before.chosen_nats, after.chosen_nats),
        ("rejected, nats a token", before.rejected_nats, after.rejected_nats),
        ("old text, bits a byte", lost.second, lost.first),
    ]
    lines = [*table(rows), ""]
    if after.chosen_nats.value > before.chosen_nats.value:
        told = (
            "The chosen answers became less likely too, as can happen where only the difference counts: a lower "
            "--learning-rate or a larger --beta keeps closer to the model as it was."
        )
        lines.append(fitted(told))
    words = ["decoding", "generate", str(run.folder / "model"), "--prompt", _first_prompt(run)]
    lines += [forgotten_line(lost), COST, result_line(run), "", after_adapter(run, "decoding", words)]
    return "\n".join(lines)


def _first_prompt(run: Any) -> str:
    ids = [token for token in run.judged[0].prompt if token != run.tokenizer.end_of_text]
    return run.tokenizer.decode(ids) or "The"
