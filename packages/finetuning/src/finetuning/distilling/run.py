"""`distill`: a model learns from what another says of every next token, as `finetuning distill` says.

for step in distill(DistillSettings(source="small/model", teacher="large/model", data=Path("examples.jsonl"))):
    print(step.number, step.loss)
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

import gpt2
from gpt2 import GPT2, Tokenizer
from trainkit import Evaluation

from ..curriculum import Batch, ExampleCurriculum, packed_states, rows_an_epoch
from ..examples import Example
from ..files.chat import read_template
from ..files.models import load_model
from ..files.peft import base_checksum
from ..judging import judge
from ..losses.distillation import Mix, distillation_losses
from ..running.forgetting import old_scores
from ..running.starting import Start, started
from ..running.trained import trained_model
from ..templates import Template
from ..tuning import TuneRun, examples_digest, split_examples
from .settings import DistillSettings


@dataclass(frozen=True)
class DistillCurriculum(ExampleCurriculum):
    """Examples, of which each learned token is compared with what the teacher says in its place."""

    teacher: GPT2 | None = None
    mix: Mix | None = None
    known: int = 0
    """Ids of the tokenizer."""

    def loss(self, model: GPT2, batch: Batch) -> tuple[Tensor, Tensor]:
        """The mixed loss, summed over the learned tokens of a packed batch, and how many they are."""
        assert self.teacher is not None
        assert self.mix is not None
        real = batch[1] >= 0
        with torch.no_grad():
            known = packed_states(self.teacher, batch)[real]
        state, targets = packed_states(model, batch)[real], batch[1][real]
        return distillation_losses(model, state, self.teacher, known, targets, self.mix, self.known).sum(), real.sum()


class DistillRun(TuneRun):
    """A run that learns from a teacher."""

    curriculum: DistillCurriculum

    def in_words(self, found: Evaluation) -> str:
        """The mixed loss, which no other run has."""
        return f"held-out mix {found.loss:.3f}"


def distill(settings: DistillSettings, should_stop: Callable[[], bool] | None = None) -> DistillRun:
    """Prepare a run, new or resumed; iterating over the result trains.

    should_stop: asked after every step; True saves a checkpoint and ends the iteration.

    Raises ValueError or OSError for what is wrong with settings, models, examples, folder or device, before anything is
    written; InUse, a ValueError, for a folder that another process works in.
    """
    return started(settings, lambda start: _prepared(start, should_stop))


def _prepared(start: Start[DistillSettings], should_stop: Callable[[], bool] | None) -> DistillRun:
    settings = start.settings
    assert settings.source is not None
    assert settings.teacher is not None
    base, tokenizer = gpt2.load(settings.source)
    template = Template() if settings.template is None else read_template(settings.template)
    examples, learned, judged = split_examples(settings, tokenizer, template, base.n_ctx)
    teacher = teacher_of(settings.teacher, tokenizer, (*learned, *judged))
    rows = rows_an_epoch(learned, base.n_ctx)
    record = start.record(
        base,
        {
            "learned": examples_digest(learned),
            "held_out": examples_digest(judged),
            "teacher": base_checksum(teacher),
        },
        -(-rows // min(settings.batch_size, rows)),
        lambda: {
            "answers": asdict(judge(base, judged)),
            "teacher": asdict(judge(teacher, judged)),
            "old": old_scores(base, tokenizer),
        },
    )
    curriculum = DistillCurriculum(
        learned, judged, base.n_ctx, settings.batch_size, record.steps, settings.seed, start.micro_batch_size,
        teacher.to(start.device), Mix(settings.share, settings.temperature), tokenizer.n_vocab,
    )  # fmt: skip
    chat = template if settings.template is not None or examples.conversations else None
    trained = trained_model(record, base, tokenizer, chat, start.device)
    return start.begun(
        DistillRun(record, tokenizer, curriculum, trained, examples, held=start.held, should_stop=should_stop)
    )


def teacher_of(source: str, tokenizer: Tokenizer, examples: tuple[Example, ...]) -> GPT2:
    """A teacher, frozen. ValueError for one with another tokenizer, and one that cannot read the longest example."""
    teacher, own = load_model(source)
    if own.fingerprint != tokenizer.fingerprint:
        raise ValueError(
            f"--teacher {source}: wanted the tokenizer of the model that learns ({tokenizer.fingerprint[:12]}), got "
            f"another ({own.fingerprint[:12]}); train one of them with `--tokenizer` of the other"
        )
    longest = max(len(example.ids) - 1 for example in examples)
    if longest > teacher.n_ctx:
        raise ValueError(
            f"--teacher {source}: wanted one that reads {longest} tokens, the longest example, got a context of "
            f"{teacher.n_ctx}; leave longer examples out, or take another"
        )
    return teacher.eval().requires_grad_(False)
