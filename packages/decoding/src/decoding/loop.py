"""The one loop: prompts go in together, one token per row and step comes out, finished rows leave the batch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from tensors import generator, pad_rows

from .inference import inference
from .protocols import Cache, LanguageModel
from .sampling import choose
from .settings import GenerationSettings

FinishReason = Literal["end_of_text", "max_new_tokens", "length"]


@dataclass(frozen=True)
class Generated:
    """The new ids of one row, the end-of-text id included if the row drew it, and why the row ended.

    `finish_reason` is "end_of_text", "max_new_tokens", or "length": prompt and new ids fill the model's `n_ctx`.
    """

    ids: tuple[int, ...]
    finish_reason: FinishReason


@dataclass
class Row:
    """One prompt under way."""

    prompt: tuple[int, ...]
    draws: Generator
    ids: list[int] = field(default_factory=list)
    finish_reason: FinishReason | None = None

    def check_end(self, settings: GenerationSettings, end_of_text: int | None, n_ctx: int) -> None:
        """Set the finish reason if the newest id, or the lack of room for another one, ends the row."""
        if settings.stop_at_end_of_text and end_of_text is not None and self.ids[-1:] == [end_of_text]:
            self.finish_reason = "end_of_text"
        elif len(self.ids) == settings.max_new_tokens:
            self.finish_reason = "max_new_tokens"
        elif len(self.prompt) + len(self.ids) == n_ctx:
            self.finish_reason = "length"


def generate_ids(
    model: LanguageModel,
    ids: Sequence[Sequence[int]],
    settings: GenerationSettings | None = None,
    *,
    end_of_text: int | None = None,
) -> list[Generated]:
    """Continue every prompt in `ids`, all of them in one batch, in which the rows do not influence each other.

    Prompts may differ in length (1 to n_ctx ids; one of exactly n_ctx has no room and ends with "length" at once).
    `end_of_text` is the id that ends a row, None if there is none. Row i draws from `tensors.generator(seed, i)`.
    Raises ValueError for an empty or too long prompt and for ids outside the vocabulary, TypeError for a model that
    lacks a member of `LanguageModel`.
    """
    settings = settings or GenerationSettings()
    rows = start_rows(model, ids, settings, end_of_text)
    for _ in steps(model, rows, settings, end_of_text):
        pass
    return [Generated(tuple(row.ids), row.finish_reason) for row in rows if row.finish_reason is not None]


def start_rows(
    model: LanguageModel, ids: Sequence[Sequence[int]], settings: GenerationSettings, end_of_text: int | None
) -> list[Row]:
    """Check everything that can be checked before the first step; raises as `generate_ids` says."""
    if not isinstance(model, LanguageModel):
        missing = [name for name in ("new_cache", "n_ctx", "n_vocab") if not hasattr(model, name)]
        raise TypeError(
            f"wanted a model with new_cache, n_ctx and n_vocab, got {type(model).__name__} without {missing}; "
            "wrap it in a class that has them (decoding.LanguageModel says what each does)"
        )
    if end_of_text is not None:
        _check_ids([end_of_text], "end_of_text", model.n_vocab)
    for number, prompt in enumerate(ids):
        if not 1 <= len(prompt) <= model.n_ctx:
            raise ValueError(
                f"wanted prompts of 1 to {model.n_ctx} tokens (the model's n_ctx), got {len(prompt)} in prompt "
                f"{number}; "
                + ("shorten it" if len(prompt) else "start from the end-of-text token for a text without a beginning")
            )
        _check_ids(prompt, f"prompt {number}", model.n_vocab)
    rows = [Row(tuple(prompt), generator(settings.seed, number)) for number, prompt in enumerate(ids)]
    for row in rows:
        row.check_end(settings, None, model.n_ctx)
    return rows


def _check_ids(ids: Sequence[int], name: str, n_vocab: int) -> None:
    strangers = [token for token in ids if not 0 <= token < n_vocab]
    if strangers:
        raise ValueError(
            f"wanted ids from 0 to {n_vocab - 1} (the model's vocabulary), got {strangers[0]} in {name}; "
            "encode with the tokenizer that belongs to the model"
        )


def steps(
    model: LanguageModel, rows: Sequence[Row], settings: GenerationSettings, end_of_text: int | None
) -> Iterator[list[Row]]:
    """One model call per step; yields the rows that got an id in it, the newest at the end of each row's `ids`."""
    active = [row for row in rows if row.finish_reason is None]
    if not active:
        return
    longest = max(len(row.prompt) for row in active)
    cache = model.new_cache(len(active), min(model.n_ctx, longest + settings.max_new_tokens))
    device = cache.lengths.device
    padded, prompt_lengths = pad_rows([torch.tensor(row.prompt, device=device) for row in active])
    tokens: Tensor = padded
    lengths: Tensor | None = prompt_lengths
    while active:
        logits = next_logits(model, tokens, cache, lengths)
        chosen = choose(logits, settings, [row.draws for row in active])
        for row, token in zip(active, chosen.tolist(), strict=True):
            row.ids.append(token)
            row.check_end(settings, end_of_text, model.n_ctx)
        yield active
        kept = [number for number, row in enumerate(active) if row.finish_reason is None]
        if 0 < len(kept) < len(active):
            kept_rows = torch.tensor(kept, device=device)
            with inference(model):
                cache.select(kept_rows)
            chosen = chosen[kept_rows]
        active = [active[number] for number in kept]
        tokens, lengths = chosen[:, None], None


def next_logits(
    model: LanguageModel, tokens: Int[Tensor, "B T"], cache: Cache, lengths: Int[Tensor, " B"] | None
) -> Float[Tensor, "B V"]:
    """float32 logits of the token after each row's last real one; the cache then holds these tokens too."""
    with inference(model):
        return model(tokens, cache=cache, lengths=lengths, last_only=True).float()
