"""Examples as ids, and which of them are learned: the answers with their ends of text, never the prompts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gpt2 import Tokenizer

from .templates import Template

SHOWN = 5
"""Examples that are named where several are left out."""


@dataclass(frozen=True)
class Example:
    """One example. `ids[i]` is predicted from those before it, and learned where `learned[i]` is true."""

    ids: tuple[int, ...]
    learned: tuple[bool, ...]
    answer_bytes: int
    """UTF-8 bytes of the answers, for bits per byte."""

    @property
    def n_learned(self) -> int:
        return sum(self.learned)


@dataclass(frozen=True)
class Examples:
    """All examples of a file that fit the model, and where those stand that do not."""

    fitting: tuple[Example, ...]
    too_long: tuple[str, ...]
    conversations: int
    """How many of the file's records are messages, which the template wrote."""

    @property
    def n_learned(self) -> int:
        """Tokens that are learned: answers and their ends."""
        return sum(example.n_learned for example in self.fitting)

    @property
    def n_tokens(self) -> int:
        """Tokens that are read in all."""
        return sum(len(example.ids) for example in self.fitting)


def encoded(tokenizer: Tokenizer, template: Template, record: Mapping[str, Any]) -> Example:
    """An example from {"prompt", "completion"}, which stand as they are, or {"messages": [{"role", "content"}, …]},
    written by the template.

    Spaces at a prompt's end go to the completion, since a word brings its own; both are encoded apart, as a prompt is
    when the model writes on from it. Raises ValueError for other records and for answers without a token.
    """
    pieces = _pieces(template, record)
    ids: list[int] = []
    learned: list[bool] = []
    for text, is_answer in pieces:
        own = tokenizer.encode(text)
        ids += own
        learned += [is_answer] * len(own)
        if is_answer:
            ids.append(tokenizer.end_of_text)
            learned.append(True)
    if not ids or learned[0]:  # something has to be read before the first answer
        ids.insert(0, tokenizer.end_of_text)
        learned.insert(0, False)
    return Example(tuple(ids), tuple(learned), sum(len(text.encode()) for text, is_answer in pieces if is_answer))


def read_examples(
    records: Iterable[tuple[str, Mapping[str, Any]]], tokenizer: Tokenizer, template: Template, n_ctx: int
) -> Examples:
    """The examples of a file's records. Longer ones than the model can read are left out and named, not cut: half an
    answer teaches to stop anywhere. ValueError, with the place, for a record that is no example; and for no example."""
    fitting, too_long, n_records, conversations = [], [], 0, 0
    for place, record in records:
        n_records, conversations = n_records + 1, conversations + ("messages" in record)
        try:
            example = encoded(tokenizer, template, record)
        except ValueError as error:
            raise ValueError(f"{place}: {error}") from None
        if (read := len(example.ids) - 1) > n_ctx:  # after the last token nothing is predicted
            too_long.append(f"{place} ({read} tokens)")
        else:
            fitting.append(example)
    if not n_records:
        raise ValueError("data: wanted at least one example, got an empty file; write one a line")
    if not fitting:
        raise ValueError(
            f"data: wanted examples of at most {n_ctx} tokens, the context of the model, got none: "
            f"{shown(too_long)}; shorten them, or take a model with a longer context"
        )
    return Examples(tuple(fitting), tuple(too_long), conversations)


def shown(places: Iterable[str]) -> str:
    """The first places of several, and how many there are more."""
    places = list(places)
    more = f" and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
    return ", ".join(places[:SHOWN]) + more


def _pieces(template: Template, record: Mapping[str, Any]) -> list[tuple[str, bool]]:
    if "messages" in record:
        return template.pieces(_messages(record["messages"]))
    if not {"prompt", "completion"} <= record.keys():
        raise ValueError(
            f'wanted {{"prompt", "completion"}} or {{"messages"}}, got {", ".join(map(str, record)) or "nothing"}; '
            f"rename the fields"
        )
    prompt, completion = (_text(record[name], name) for name in ("prompt", "completion"))
    if not completion.strip():
        raise ValueError(f"completion: wanted at least one word, got {completion!r}; leave the example out")
    kept = prompt.rstrip(" ")
    return [(kept, False), (prompt[len(kept) :] + completion, True)]


def _messages(given: Any) -> list[Mapping[str, str]]:
    if not isinstance(given, list) or not given:
        raise ValueError(f'messages: wanted a list of {{"role", "content"}}, got {given!r}; write one')
    for message in given:
        if not isinstance(message, Mapping) or not {"role", "content"} <= message.keys():
            raise ValueError(f'messages: wanted {{"role", "content"}} each, got {message!r}; correct it')
    return [{name: _text(message[name], name) for name in ("role", "content")} for message in given]


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name}: wanted a text, got {value!r}; put it in quotes")
    return value
