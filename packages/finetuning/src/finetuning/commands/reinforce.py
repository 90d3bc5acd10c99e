"""`finetuning reinforce`: what is told of a run that learns from rewards."""

from typing import TYPE_CHECKING, Any

from ..reinforcing.settings import ReinforceSettings
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

if TYPE_CHECKING:
    from ..reinforcing.run import ReinforceRun


def reinforce_command(settings: ReinforceSettings) -> int:
    """Reinforce as `settings` say; exit code and errors are those of `carry_out`."""

    def begin(settings: ReinforceSettings, should_stop: Any) -> "ReinforceRun":
        from ..reinforcing.run import reinforce

        return reinforce(settings, should_stop)

    return carry_out(settings, begin, introduction, report, "tokens")


def introduction(run: Any) -> str:
    """Model, prompts, reward and folder of a prepared run, each under its name."""
    curriculum, settings = run.curriculum, run.record.settings
    reward = settings.reward or "1 for the right answer to a task, else 0"
    size = curriculum.batches.order.batch_size
    answers = f"{settings.group} answers of up to {curriculum.sampling.max_new_tokens} tokens"
    often = "step" if settings.updates == 1 else f"{settings.updates} steps"
    lines = [
        model_line(run),
        fact("Prompts", f"{len(curriculum.prompts):,} to learn from, {len(curriculum.judged):,} held out"),
        fact("Reward", reward),
        fact("Run", f"{run.folder} ({run.total} steps; {answers} to each of {size} prompts, every {often})"),
        *left_out(run.too_long, "that leave no room for an answer"),
    ]
    return "\n".join(lines)


def report(run: Any) -> str:
    """What was learned and what was forgotten, with intervals, and the next command."""
    from evaluation import estimate
    from workbench import next_lines, read_json_lines

    from ..running.forgetting import forgotten, old_scores

    lost = forgotten(run.record.before["old"], old_scores(run.model, run.tokenizer))
    rewards = run.curriculum.judge(run.curriculum.judged)
    rows = [
        ("held-out prompts, mean reward", estimate(run.record.before["rewards"]), estimate(rewards)),
        ("old text, bits a byte", lost.second, lost.first),
    ]
    words = ["decoding", "generate", str(run.folder / "model"), "--prompt", run.curriculum.judged[0].text]
    samples = run.folder / "samples.jsonl"
    lines, following = [*table(rows), ""], after_adapter(run, "decoding", words)
    if not any(sample["advantage"] for _, sample in read_json_lines(samples)):
        told = (
            "No answer did better than its group, so nothing was learned: begin with a model that is right now and "
            "then (tune it on examples first), or reward answers that are partly right."
        )
        lines.append(fitted(told))
        examples = ["finetuning", "tune", str(run.record.settings.source), "--data", "FILE"]
        following = next_lines("finetuning", examples)
    lines += [forgotten_line(lost), COST, f"Samples: {samples}"]
    return "\n".join([*lines, result_line(run), "", following])
