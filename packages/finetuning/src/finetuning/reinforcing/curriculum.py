"""What reinforcement learns from: answers that the model of this step draws, so that a run makes its own examples."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from dataio import Batches
from gpt2 import GPT2, Tokenizer
from trainkit import write_tensors

from ..losses.policy import advantages, clipped_objective, divergence
from .prompts import Prompt
from .rewards import Reward, rewarded
from .rollouts import Answer, Rollout, answers_to, own_log_probabilities, rollout_of, scored

Batch = tuple[Tensor, Tensor, Tensor, Tensor | None, Tensor | None]
ROWS = 64
"""Answers at a time where only their log-probabilities are asked for."""


@dataclass(frozen=True)
class Sampling:
    """How answers are drawn and learned from: see `ReinforceSettings`."""

    group: int
    updates: int
    max_new_tokens: int
    temperature: float
    clip: float
    kl: float


@dataclass
class ReinforceCurriculum:
    """Prompts to answer, `batch_size` a step, and prompts to judge by.

    Step n learns from the answers that the weights after step n - n % updates draw; what is drawn depends on those and
    on the seed alone. `reference`: the model whose distance is measured; None where that costs nothing.
    """

    model: GPT2
    reference: GPT2 | None
    tokenizer: Tokenizer
    prompts: tuple[Prompt, ...]
    judged: tuple[Prompt, ...]
    reward: Reward
    sampling: Sampling
    batch_size: int
    steps: int
    seed: int
    micro_batch_size: int | None = None
    told: Callable[[int, Sequence[dict[str, Any]]], None] = field(default=lambda step, samples: None)
    """Is given each rollout's samples, and the number of the step that first learns from them."""
    rollout: Rollout | None = None
    """The one that is learned from now."""

    held_out_bytes = None

    @cached_property
    def batches(self) -> Batches:
        """The prompts of every rollout."""
        return Batches(self.prompts, min(self.batch_size, len(self.prompts)), seed=self.seed, collate=list)

    def steps_from(self, start: int) -> Iterator[list[Batch]]:
        """The micro-batches of the steps after the first `start`. Each answers its prompts only when it is asked for,
        with the weights of that moment."""
        for number in range(start, self.steps):
            if number % self.sampling.updates == 0 or self.rollout is None:
                self.rollout = self.drawn(number)
            yield self._micro_batches(self.rollout)

    def held_out(self) -> Iterator[Sequence[Any]]:
        """Nothing: what is held out is judged by what the model writes."""
        return iter(())

    def loss(self, model: GPT2, batch: Batch) -> tuple[Tensor, Tensor]:
        """Minus the clipped objective, summed over the answers' tokens, plus the weighted distance to the reference;
        and how many tokens there are."""
        tokens, targets, advantage, old, reference = batch
        of_row = (targets >= 0).sum(1)
        count = of_row.sum()
        if reference is None and old is None and bool((advantage == 0).any()):
            taught = advantage != 0  # the others have no gradient
            taught[0] |= not bool(taught.any())
            tokens, targets, advantage, of_row = (part[taught] for part in (tokens, targets, advantage, of_row))
        own = own_log_probabilities(model, tokens, targets, self.sampling.temperature)
        known = own.detach() if old is None else old
        total = -clipped_objective(own, known, advantage.repeat_interleave(of_row), self.sampling.clip).sum()
        if reference is not None:
            total = total + self.sampling.kl * divergence(own, reference).sum()
        return total, count

    def judge(self, prompts: Sequence[Prompt]) -> list[float]:
        """The reward of the likeliest answer to each prompt."""
        answers = self._answers(prompts, count=1, temperature=0.0)
        return [
            rewarded(self.reward, prompt.text, answer.text, f"the answer to {prompt.place}")
            for prompt, [answer] in zip(prompts, answers, strict=True)
        ]

    def drawn(self, step: int) -> Rollout:
        """The answers that steps from `step` on learn from, with their rewards."""
        number, sampling = step // self.sampling.updates, self.sampling
        [prompts] = self.batches[number]
        first = number * self.batches.order.batch_size * sampling.group
        answers = self._answers(prompts, count=sampling.group, temperature=sampling.temperature, first=first)
        rewards = torch.tensor(
            [
                [
                    rewarded(
                        self.reward, prompt.text, answer.text, f"step {step + 1}, answer {place} to {prompt.place}"
                    )
                    for place, answer in enumerate(group, start=1)
                ]
                for prompt, group in zip(prompts, answers, strict=True)
            ]
        )
        better = advantages(rewards)
        self.told(step + 1, samples_of(step + 1, prompts, answers, rewards, better))
        rollout = rollout_of(prompts, answers, better)
        rows = self.micro_batch_size or ROWS
        if sampling.updates > 1:
            rollout["old"] = scored(self.model, rollout, sampling.temperature, rows)
        if self.reference is not None:
            rollout["reference"] = scored(self.reference, rollout, sampling.temperature, rows)
        return rollout

    def _answers(self, prompts: Sequence[Prompt], **how: Any) -> list[list[Answer]]:
        most, rows = self.sampling.max_new_tokens, self.micro_batch_size
        how = {"seed": self.seed, "max_new_tokens": most, "at_a_time": rows, **how}
        return answers_to(self.model, self.tokenizer, prompts, **how)

    def _micro_batches(self, rollout: Rollout) -> list[Batch]:
        rows, begin = self.micro_batch_size or len(rollout["tokens"]), 0
        batches: list[Batch] = []
        for start in range(0, len(rollout["tokens"]), rows):
            some = slice(start, start + rows)
            end = begin + int((rollout["targets"][some] >= 0).sum())
            old, reference = (rollout[name][begin:end] if name in rollout else None for name in ("old", "reference"))
            tokens, targets, better = (rollout[name][some] for name in ("tokens", "targets", "advantages"))
            batches.append((tokens, targets, better, old, reference))
            begin = end
        return batches


def samples_of(
    step: int, prompts: Sequence[Prompt], answers: Sequence[Sequence[Answer]], rewards: Tensor, better: Tensor
) -> list[dict[str, Any]]:
    """One line of samples.jsonl for each answer."""
    return [
        {
            "step": step,
            "prompt": prompt.text,
            "answer": answer.text,
            "reward": float(rewards[row, place]),
            "advantage": round(float(better[row, place]), 4),
            "tokens": len(answer.ids),
            "finish_reason": answer.finish_reason,
        }
        for row, (prompt, group) in enumerate(zip(prompts, answers, strict=True))
        for place, answer in enumerate(group)
    ]


class RolloutPart:
    """The rollout that a run is in the middle of: the weights that drew it are gone."""

    file = "rollout.safetensors"

    def __init__(self, curriculum: ReinforceCurriculum) -> None:
        self.curriculum = curriculum

    def save(self, folder: Path) -> None:
        write_tensors(folder / self.file, self.curriculum.rollout or {})

    def load(self, folder: Path) -> None:
        self.curriculum.rollout = load_file(folder / self.file) or None
