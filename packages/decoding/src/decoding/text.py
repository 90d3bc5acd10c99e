"""Text in, text out: the loop between a tokenizer's two directions."""

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .loop import FinishReason, Row, generate_ids, start_rows, steps
from .protocols import LanguageModel, Tokenizer
from .settings import GenerationSettings


@dataclass(frozen=True)
class GeneratedText:
    """The continuation of one prompt (the prompt is not in it), its ids, and why it ended.

    Ids are those of `Generated`; the end-of-text token that ended the row is among them but adds no text.
    """

    text: str
    ids: tuple[int, ...]
    finish_reason: FinishReason


def generate(
    model: LanguageModel, tokenizer: Tokenizer, prompts: Sequence[str], settings: GenerationSettings | None = None
) -> list[GeneratedText]:
    """Continue every prompt, all in one batch. Bytes that are no UTF-8 come out as U+FFFD.

    Raises ValueError for an empty prompt and for one that is longer than the model's context.
    """
    ids = [encode_prompt(tokenizer, model, prompt, number) for number, prompt in enumerate(prompts)]
    results = generate_ids(model, ids, settings, end_of_text=tokenizer.end_of_text)
    texts = [
        text_bytes(tokenizer, result.ids, result.finish_reason).decode("utf-8", errors="replace") for result in results
    ]
    return [GeneratedText(text, result.ids, result.finish_reason) for text, result in zip(texts, results, strict=True)]


def stream(
    model: LanguageModel, tokenizer: Tokenizer, prompt: str, settings: GenerationSettings | None = None
) -> Iterator[str]:
    """The text that `generate` gives for this one prompt, in pieces, each as soon as its characters are whole.

    Wrong input raises at the call, before the first piece is asked for.
    """
    settings = settings or GenerationSettings()
    ids = encode_prompt(tokenizer, model, prompt, 0)
    rows = start_rows(model, [ids], settings, tokenizer.end_of_text)
    return stream_row(model, tokenizer, rows[0], settings)


def stream_row(model: LanguageModel, tokenizer: Tokenizer, row: Row, settings: GenerationSettings) -> Iterator[str]:
    """Pieces of text while `row` runs; a character whose bytes span several ids is held back until it is whole.

    Afterwards `row` holds the ids and the finish reason.
    """
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    for _ in steps(model, [row], settings, tokenizer.end_of_text):
        if piece := decoder.decode(text_bytes(tokenizer, row.ids[-1:], row.finish_reason)):
            yield piece
    if rest := decoder.decode(b"", final=True):
        yield rest


def encode_prompt(tokenizer: Tokenizer, model: LanguageModel, prompt: str, number: int) -> list[int]:
    """The ids of a prompt; ValueError if there is none, or if tokenizer and model do not belong together."""
    if tokenizer.n_vocab > model.n_vocab:
        raise ValueError(
            f"wanted a tokenizer of at most {model.n_vocab} ids (the model's n_vocab), got one of {tokenizer.n_vocab}; "
            "use the tokenizer that the model was trained with"
        )
    ids = tokenizer.encode(prompt)
    if not ids:
        raise ValueError(f"wanted a text to continue, got an empty prompt {number}; give at least one character")
    return ids


def text_bytes(tokenizer: Tokenizer, ids: Sequence[int], finish_reason: FinishReason | None) -> bytes:
    """The bytes of newly generated ids; the end-of-text token that ended a row is no text."""
    return tokenizer.decode_bytes(ids[:-1] if finish_reason == "end_of_text" else ids)
