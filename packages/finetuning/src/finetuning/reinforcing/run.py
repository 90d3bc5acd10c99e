"""`reinforce`: a model learns from what its own answers were rewarded with, as `finetuning reinforce` says.

for step in reinforce(ReinforceSettings(source="runs/001/model", task="reverse,sort", method="full")):
    print(step.number, step.loss)
"""

import copy
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

import gpt2
from gpt2 import GPT2, Tokenizer
from trainkit import Evaluation
from workbench import digest

from ..adapters import without_adapter
from ..files.chat import read_template
from ..files.records import read_records
from ..running.forgetting import old_scores
from ..running.settings import ADAPTERS
from ..running.starting import Start, TaskRun, started, two_sides
from ..running.trained import trained_model
from ..templates import Template
from .curriculum import ReinforceCurriculum, RolloutPart, Sampling
from .prompts import Prompt, read_prompts
from .rewards import read_reward, task_reward
from .samples import append_samples, cut_samples
from .settings import ReinforceSettings

logger = logging.getLogger(__name__)
MOST_JUDGED = 400
"""Held-out prompts that are answered at an evaluation."""
MOST_NEW_TOKENS = 64


class ReinforceRun(TaskRun):
    """A run that learns from rewards. `validation.loss` is minus the mean reward of the likeliest answers to prompts
    that are held out."""

    curriculum: ReinforceCurriculum
    model: GPT2
    too_long: tuple[str, ...] = ()
    """Where the prompts stand that leave no room for an answer."""

    def evaluate(self) -> Evaluation:
        """Answers what is held out, the likeliest token each time."""
        rewards = self.curriculum.judge(self.curriculum.judged)
        return Evaluation(-sum(rewards), len(rewards))

    def in_words(self, found: Evaluation) -> str:
        """The mean reward of the held-out prompts."""
        return f"held-out reward {-found.loss:.3f}"

    def restore(self) -> None:
        """As `gpt2.Run`; samples that will be drawn again go."""
        super().restore()
        cut_samples(self.folder, self.start)

    def note(self, step: int, samples: Sequence[dict[str, Any]]) -> None:
        """Keep the samples, and their mean reward with the metrics."""
        append_samples(self.folder, samples)
        if self.metrics is not None:
            rewards = [sample["reward"] for sample in samples]
            lengths = [sample["tokens"] for sample in samples]
            self.metrics.write(step, reward=float(np.mean(rewards)), answer_tokens=float(np.mean(lengths)))


def reinforce(settings: ReinforceSettings, should_stop: Callable[[], bool] | None = None) -> ReinforceRun:
    """Prepare a run, new or resumed; iterating over the result trains.

    should_stop: asked after every step; True saves a checkpoint and ends the iteration.

    Raises ValueError or OSError for what is wrong with settings, model, prompts, reward, folder or device, before
    anything is written; InUse, a ValueError, for a folder that another process works in. While it runs, ValueError
    for a reward that is no number.
    """
    return started(settings, lambda start: _prepared(start, should_stop))


def _prepared(start: Start[ReinforceSettings], should_stop: Callable[[], bool] | None) -> ReinforceRun:
    settings = start.settings
    assert settings.source is not None
    reward, checksum = (task_reward, "tasks") if settings.reward is None else read_reward(settings.reward)
    base, tokenizer = gpt2.load(settings.source)
    template = Template() if settings.template is None else read_template(settings.template)
    most = settings.max_new_tokens or min(MOST_NEW_TOKENS, base.n_ctx // 2)
    prompts, judged, too_long, conversations = _prompts(settings, tokenizer, template, base.n_ctx - most)
    sampling = Sampling(settings.group, settings.updates, most, settings.temperature, settings.clip, settings.kl)
    curriculum = ReinforceCurriculum(
        base, None, tokenizer, prompts, judged, reward, sampling, settings.batch_size, 0, settings.seed,
        start.micro_batch_size,
    )  # fmt: skip
    record = start.record(
        base,
        {"prompts": _digest(prompts), "held_out": _digest(judged)},
        -(-len(prompts) // min(settings.batch_size, len(prompts))) * settings.updates,
        lambda: {"rewards": curriculum.judge(judged), "old": old_scores(base, tokenizer), "reward": checksum},
    )
    if record.before["reward"] != checksum:
        logger.warning("%s is another file than when the run began: its rewards may be others", settings.reward)
    chat = template if settings.template is not None or conversations else None
    frozen = copy.deepcopy(base) if settings.kl and settings.kind not in ADAPTERS else None
    trained = trained_model(record, base, tokenizer, chat, start.device)
    curriculum.steps, curriculum.model = record.steps, trained.model  # type: ignore[assignment]
    if settings.kl:
        reference = without_adapter(curriculum.model) if frozen is None else frozen.to(start.device)
        curriculum.reference = reference.eval().requires_grad_(False)
    if settings.updates > 1:
        trained = replace(trained, parts={**trained.parts, "rollout": RolloutPart(curriculum)})
    run = ReinforceRun(record, curriculum, trained, held=start.held, should_stop=should_stop)
    run.tokenizer, run.too_long = tokenizer, too_long
    curriculum.told = run.note
    return start.begun(run)


def _prompts(
    settings: ReinforceSettings, tokenizer: Tokenizer, template: Template, room: int
) -> tuple[tuple[Prompt, ...], tuple[Prompt, ...], tuple[str, ...], int]:
    """Prompts to learn from, those to judge by, where those stand that are too long, and how many are messages."""
    assert settings.data is not None
    found, too_long, conversations = read_prompts(read_records(settings.data), tokenizer, template, room)
    if settings.held_out is not None:
        judged, _, _ = read_prompts(read_records(settings.held_out), tokenizer, template, room)
        return found, judged[:MOST_JUDGED], too_long, conversations
    learned, judged = two_sides(found, lambda prompt: prompt.ids, settings.data, "prompts")
    return learned, judged[:MOST_JUDGED], too_long, conversations


def _digest(prompts: Sequence[Prompt]) -> str:
    return digest([prompt.ids for prompt in prompts])
