"""`finetuning distill`: what is told of a run that learns from a teacher."""

from typing import TYPE_CHECKING, Any

from ..distilling.settings import DistillSettings
from . import tune
from .telling import carry_out, fact, model_line

if TYPE_CHECKING:
    from ..distilling.run import DistillRun


def distill_command(settings: DistillSettings) -> int:
    """Distill as `settings` say; exit code and errors are those of `carry_out`."""

    def begin(settings: DistillSettings, should_stop: Any) -> "DistillRun":
        from ..distilling.run import distill

        return distill(settings, should_stop)

    return carry_out(settings, begin, introduction, report, "tokens")


def introduction(run: Any) -> str:
    """As of `tune`, and the teacher."""
    settings, teacher = run.record.settings, run.curriculum.teacher
    size = sum(tensor.numel() for tensor in {id(t): t for t in teacher.state_dict().values()}.values())
    said = f"{settings.teacher}: {size / 1e6:.2f} million weights, {settings.share:.0%} of the loss"
    model = model_line(run)
    return f"{model}\n{fact('Teacher', said)}{tune.introduction(run).removeprefix(model)}"


def report(run: Any) -> str:
    """As of `tune`, and what the teacher knows of the same answers."""
    from ..judging import Judged

    teacher = Judged(**{name: tuple(of_each) for name, of_each in run.record.before["teacher"].items()})
    said = f"Teacher: {teacher.loss.value:.3f} nats a token, {teacher.share_exact.value:.3f} word for word"
    lines = tune.report(run).split("\n")
    place = next(number for number, line in enumerate(lines) if line.startswith("Forgotten: "))
    return "\n".join([*lines[:place], said, *lines[place:]])
