"""Answers that a model draws to prompts, what they were rewarded with, and the batch that is learned from them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from decoding import GenerationSettings, Vocabulary, generate_ids
from gpt2 import GPT2, Tokenizer
from tensors import pad_rows
from trainkit import IGNORED, evaluating

from ..adapters import adapted_layers, merged
from ..losses.logit_rows import log_probabilities_of
from .prompts import Prompt


@dataclass(frozen=True)
class Answer:
    """One answer: its ids, with the end of text where it ended, its text, and why it ended."""

    ids: tuple[int, ...]
    text: str
    finish_reason: str


def answers_to(
    model: GPT2,
    tokenizer: Tokenizer,
    prompts: Sequence[Prompt],
    *,
    count: int,
    max_new_tokens: int,
    temperature: float,
    seed: int = 0,
    first: int = 0,
    at_a_time: int | None = None,
) -> list[list[Answer]]:
    """`count` answers to each prompt, drawn at a temperature; 0 takes the likeliest token each time.

    Answer i of all draws from `tensors.generator(seed, first + i)`, so that what is drawn is a function of the weights
    and these numbers. A model with an adapter on float weights writes as the merged one, which is the same and faster.
    """
    settings = GenerationSettings(max_new_tokens=max_new_tokens, temperature=temperature, seed=seed)
    asked = [prompt.ids for prompt in prompts for _ in range(count)]
    writer = _merged(model)
    ends = Vocabulary.of(writer, tokenizer)
    found = generate_ids(
        writer, asked, settings, end_of_text=ends, max_rows=at_a_time, first_row=first, pack=len(asked) < PACKED
    )
    answers = [Answer(one.ids, _text(tokenizer, one.ids, ends), one.finish_reason) for one in found]
    return [answers[start : start + count] for start in range(0, len(answers), count)]


PACKED = 16
"""Rows up to which weights are worth packing for one batch of answers."""


def _merged(model: GPT2) -> GPT2:
    layers = [layer for _, layer in adapted_layers(model)]
    return merged(model) if layers and all(isinstance(layer.base, nn.Linear) for layer in layers) else model


def _text(tokenizer: Tokenizer, ids: Sequence[int], ends: Vocabulary) -> str:
    written = ids[:-1] if ids and ids[-1] in ends.ends else ids
    return tokenizer.decode_bytes(list(written)).decode("utf-8", errors="replace")


Rollout = dict[str, Tensor]
"""tokens [B, T] (prompts and answers), targets [B, T] (the answers), advantages [B], and, where they are
needed, the log-probabilities old [N] and reference [N] of the N targets, row after row."""


def rollout_of(
    prompts: Sequence[Prompt], answers: Sequence[Sequence[Answer]], advantages: Float[Tensor, "P G"]
) -> Rollout:
    """What is learned from answers and their advantages."""
    rows: list[Tensor] = []
    targets: list[Tensor] = []
    kept: list[Tensor] = []
    for prompt, group, own in zip(prompts, answers, advantages, strict=True):
        for answer, advantage in zip(group, own, strict=True):
            ids = torch.tensor([*prompt.ids, *answer.ids])
            rows.append(ids[:-1])
            targets.append(ids[1:].where(torch.arange(len(ids) - 1) >= len(prompt.ids) - 1, IGNORED))
            kept.append(advantage)
    padded, answered = pad_rows(rows, 0)[0], pad_rows(targets, IGNORED)[0]
    return {"tokens": padded, "targets": answered, "advantages": torch.stack(kept)}


def scored(model: GPT2, rollout: Rollout, temperature: float, at_a_time: int) -> Float[Tensor, " N"]:
    """The log-probability of each target under a model, without gradients."""
    parts = []
    with evaluating(model):
        for start in range(0, len(rollout["tokens"]), at_a_time):
            some = slice(start, start + at_a_time)
            parts.append(own_log_probabilities(model, rollout["tokens"][some], rollout["targets"][some], temperature))
    return torch.cat(parts).clone()  # what inference mode made has no gradient later


def own_log_probabilities(model: GPT2, tokens: Tensor, targets: Tensor, temperature: float) -> Float[Tensor, " N"]:
    """The log-probability of each target of rows that are padded on the right, row after row."""
    device = model.final_norm.weight.device
    width = int((targets >= 0).any(0).nonzero().max()) + 1
    tokens, targets = tokens[:, :width].to(device), targets[:, :width].to(device)
    real = targets >= 0
    return log_probabilities_of(model, model.hidden(tokens)[real], targets[real], temperature)
