"""What a model is asked: the prompts of records, as the ids after which it writes its answer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gpt2 import Tokenizer

from ..templates import Template


@dataclass(frozen=True)
class Prompt:
    """One prompt: where it stands, its text, and its ids."""

    place: str
    text: str
    ids: tuple[int, ...]


def read_prompts(
    records: Iterable[tuple[str, Mapping[str, Any]]],
    tokenizer: Tokenizer,
    template: Template,
    room: int,
) -> tuple[tuple[Prompt, ...], tuple[str, ...], int]:
    """The prompts of records {"prompt"} or {"messages"}, whose last answer is left out; where those stand that have
    more than `room` ids, which leaves no place for an answer; and how many were messages.

    Raises ValueError, with the place, for a record without a prompt; and where no prompt is left.
    """
    prompts: list[Prompt] = []
    too_long: list[str] = []
    conversations = 0
    for place, record in records:
        conversations += "messages" in record
        text = _text(record, template, place)
        ids = tuple(tokenizer.encode(text)) or (tokenizer.end_of_text,)
        if len(ids) > room:
            too_long.append(f"{place} ({len(ids)} tokens)")
        else:
            prompts.append(Prompt(place, text, ids))
    if not prompts:
        what = f"{too_long[0]} and {len(too_long) - 1} more" if too_long else "an empty file"
        raise ValueError(
            f"data: wanted prompts of at most {room} tokens, which leave room for an answer, got {what}; shorten them "
            f"or lower --max-new-tokens"
        )
    return tuple(prompts), tuple(too_long), conversations


def _text(record: Mapping[str, Any], template: Template, place: str) -> str:
    messages, prompt = record.get("messages"), record.get("prompt")
    if isinstance(messages, list) and messages and all(_is_message(message) for message in messages):
        asked = messages[:-1] if messages[-1]["role"] == "assistant" else messages
        try:
            return template.prompt(asked)
        except ValueError as error:
            raise ValueError(f"{place}: {error}") from None
    if not isinstance(prompt, str):
        raise ValueError(
            f'{place}: wanted {{"prompt"}} or {{"messages"}}, got {", ".join(map(str, record)) or "nothing"}; rename '
            f"the fields"
        )
    return prompt.rstrip(" ")  # spaces belong to the answer, since a word brings its own


def _is_message(message: Any) -> bool:
    return isinstance(message, Mapping) and all(isinstance(message.get(name), str) for name in ("role", "content"))
