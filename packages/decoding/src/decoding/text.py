"""Text in, text out: the loop between a tokenizer's two directions."""

import codecs
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench import check_several, shorten

from .generation import generate_ids
from .loop import Batch
from .methods.dispatch import method_of
from .protocols import LanguageModel, Tokenizer
from .rows import Constraint, FinishReason, Generated, Likely, Row
from .settings.values import GenerationSettings, with_changes
from .settings.vocabulary import Vocabulary


@dataclass(frozen=True)
class GeneratedText:
    """The continuation of one prompt (the prompt is not in it), its ids, and why it ended.

    Ids, log-probabilities, score and the next best hypotheses are those of `Generated`; the end-of-text token that
    ended a row is among the ids but adds no text, and a stop string and what follows it are cut off.
    """

    text: str
    ids: tuple[int, ...]
    finish_reason: FinishReason
    log_probabilities: tuple[float, ...] = field(default=(), compare=False)
    likeliest: tuple[Likely, ...] = field(default=(), compare=False)
    score: float | None = field(default=None, compare=False)
    others: tuple["GeneratedText", ...] = field(default=(), compare=False)


def generate(
    model: LanguageModel,
    tokenizer: Tokenizer,
    prompts: Sequence[str],
    settings: GenerationSettings | None = None,
    *,
    constraints: Sequence[Constraint | None] | None = None,
    max_rows: int | None = None,
    cancelled: Callable[[], bool] | None = None,
    first_row: int = 0,
    **changes: Any,
) -> list[GeneratedText]:
    """Continue every prompt, at most `max_rows` at a time (default: all). Bytes that are no UTF-8 come out as U+FFFD.
    Keywords that are settings change them: `generate(model, tokenizer, prompts, temperature=0.7)`.

    Raises ValueError for an empty prompt and for one that is longer than the model's context, TypeError for a text in
    place of a list of prompts.
    """
    check_several(prompts, "prompts")
    settings = with_changes(settings, changes)
    ids = [
        encode_prompt(tokenizer, model, prompt, f"prompt {number}")
        for number, prompt in enumerate(prompts, start=first_row + 1)
    ]
    results = generate_ids(
        model,
        ids,
        settings,
        end_of_text=Vocabulary.of(model, tokenizer),
        decode_bytes=tokenizer.decode_bytes,
        constraints=constraints,
        max_rows=max_rows,
        cancelled=cancelled,
        first_row=first_row,
    )
    return [with_text(tokenizer, result, settings) for result in results]


def with_text(tokenizer: Tokenizer, result: Generated, settings: GenerationSettings) -> GeneratedText:
    """The ids of a row as text."""
    text = text_bytes(tokenizer, result.ids, result.finish_reason)
    if result.finish_reason == "stop":
        text = text[: min(place for stop in settings.stop if (place := text.find(stop.encode())) >= 0)]
    return GeneratedText(
        text.decode("utf-8", errors="replace"),
        result.ids,
        result.finish_reason,
        result.log_probabilities,
        result.likeliest,
        result.score,
        tuple(with_text(tokenizer, other, settings) for other in result.others),
    )


def stream(
    model: LanguageModel,
    tokenizer: Tokenizer,
    prompt: str,
    settings: GenerationSettings | None = None,
    **changes: Any,
) -> Iterator[str]:
    """The text that `generate` gives for this one prompt, in pieces, each as soon as its characters are whole.

    Wrong input raises at the call, before the first piece is asked for.
    """
    settings = with_changes(settings, changes)
    return stream_row(tokenizer, *open_stream(model, tokenizer, prompt, settings))


def open_stream(
    model: LanguageModel,
    tokenizer: Tokenizer,
    prompt: str,
    settings: GenerationSettings,
    constraint: Constraint | None = None,
) -> tuple[Batch, Row]:
    """A batch of one row for this prompt. ValueError for settings whose text comes only at the end."""
    if settings.beams > 1:
        raise ValueError(f"wanted one beam to stream, got {settings.beams}, known only at the end; use generate")
    if method_of(settings) != "loop":
        name = "penalty_alpha" if settings.penalty_alpha else "prompt_lookup_tokens"
        raise ValueError(f"wanted the plain loop to stream, got {name}={getattr(settings, name)}; use generate")
    ids = encode_prompt(tokenizer, model, prompt, "the prompt")
    length = model.n_ctx if settings.when_full != "stop" else len(ids) + settings.max_new_tokens
    batch = Batch(
        model,
        max_rows=1,
        end_of_text=Vocabulary.of(model, tokenizer),
        decode_bytes=tokenizer.decode_bytes,
        length=length,
    )
    return batch, batch.add(ids, settings, constraint)


def stream_row(tokenizer: Tokenizer, batch: Batch, row: Row) -> Iterator[str]:
    """Pieces of text while `row` runs. A character whose bytes span several ids is held back until it is whole, and so
    is what may turn out to be a stop string.

    Afterwards `row` holds the ids and the finish reason.
    """
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    shown, text = 0, b""
    while batch.step():
        text += text_bytes(tokenizer, row.ids[-1:], row.finish_reason)
        safe = len(text) if row.stops is None else min(len(text), row.stops.safe())
        if piece := decoder.decode(text[shown:safe]):
            yield piece
        shown = max(shown, safe)
    whole = row.stops.end if row.stops is not None and row.stops.end is not None else len(text)
    if rest := decoder.decode(text[shown:whole], final=True):
        yield rest


def encode_prompt(tokenizer: Tokenizer, model: LanguageModel, prompt: str, name: str) -> list[int]:
    """The ids of a prompt; ValueError, with its name, if it has none, or if the tokenizer is another model's."""
    if tokenizer.n_vocab > model.n_vocab:
        raise ValueError(
            f"wanted a tokenizer of at most {model.n_vocab} ids (the model's n_vocab), got one of {tokenizer.n_vocab}; "
            "use the tokenizer that the model was trained with"
        )
    if not isinstance(prompt, str):
        raise TypeError(f"wanted a text as {name}, got {shorten(repr(prompt))}; use generate_ids for ids")
    ids = tokenizer.encode(prompt)
    if not ids:
        raise ValueError(f"wanted a text to continue, got an empty one as {name}; give at least one character")
    return ids


def text_bytes(tokenizer: Tokenizer, ids: Sequence[int], finish_reason: FinishReason | None) -> bytes:
    """The bytes of newly generated ids; the end-of-text token that ended a row is no text."""
    return tokenizer.decode_bytes(ids[:-1] if finish_reason == "end_of_text" else ids)
