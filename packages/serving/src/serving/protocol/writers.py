"""How an answer is written: as one body, or as server-sent events; for completions and for chats."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Struct

from .answers import (
    ChatChoice,
    ChatChunk,
    ChatChunkChoice,
    ChatCompletion,
    ChatText,
    Choice,
    Completion,
    UsageNumbers,
    chat_scores,
    legacy,
    usage_numbers,
)
from .parts import Part, Parts
from .plans import Plan
from .refusals import Refused

DONE = b"data: [DONE]\n\n"


@dataclass
class Writer:
    """Writes a completion. `name` is the id of the answer."""

    plan: Plan
    name: str
    created: int = field(default_factory=lambda: int(time.time()))

    def whole(self, texts: Sequence[Part], parts: Parts) -> bytes:
        """The answer as one body."""
        return self._encoded(Completion, [self._choice(text) for text in texts], self._usage(parts))

    def chunks(self, part: Part, parts: Parts) -> bytes:
        """Events that tell one part."""
        return event(self._encoded(Completion, [self._choice(part)], self._usage_in_between(parts)))

    def end(self, parts: Parts) -> bytes:
        """The last events of a stream: the usage, where it was asked for, and `[DONE]`."""
        last = b"" if self.plan.usage == "none" else event(self._encoded(self.chunk_kind, [], self._usage(parts)))
        return last + DONE

    chunk_kind: type[Struct] = Completion

    def _choice(self, part: Part) -> Choice:
        scores = None if part.scores is None else legacy(part.scores, self.plan.served.tokenizer)
        return Choice(index=part.index, text=part.text, logprobs=scores, finish_reason=part.finish_reason)

    def _encoded(self, kind: Any, choices: list[Any], usage: UsageNumbers | None) -> bytes:
        answer = kind(
            id=self.name,
            created=self.created,
            model=self.plan.served.name,
            system_fingerprint=self.plan.served.system_fingerprint,
            choices=choices,
            seed=self.plan.settings.seed,
            usage=usage,
        )
        return msgspec.json.encode(answer)

    def _usage(self, parts: Parts) -> UsageNumbers:
        read = sum(map(len, self.plan.prompts))
        return usage_numbers(read, parts.new_tokens if parts.usage is None else parts.usage.new_tokens)

    def _usage_in_between(self, parts: Parts) -> UsageNumbers | None:
        return self._usage(parts) if self.plan.usage == "each" else None


@dataclass
class ChatWriter(Writer):
    """Writes the answer of a chat."""

    begun: set[int] = field(default_factory=set)
    chunk_kind: type[Struct] = ChatChunk

    def whole(self, texts: Sequence[Part], parts: Parts) -> bytes:
        """The answer as one body."""
        choices = [
            ChatChoice(
                index=text.index,
                message=ChatText(role="assistant", content=text.text),
                logprobs=None if text.scores is None else chat_scores(text.scores, self.plan.served.tokenizer),
                finish_reason=text.finish_reason,
            )
            for text in texts
        ]
        return self._encoded(ChatCompletion, choices, self._usage(parts))

    def chunks(self, part: Part, parts: Parts) -> bytes:
        """Events that tell one part; the first of a text says whose turn it is."""
        first = part.index not in self.begun
        self.begun.add(part.index)
        choice = ChatChunkChoice(
            index=part.index,
            delta=ChatText(role="assistant" if first else None, content=part.text),
            logprobs=None if part.scores is None else chat_scores(part.scores, self.plan.served.tokenizer),
            finish_reason=part.finish_reason,
        )
        return event(self._encoded(ChatChunk, [choice], self._usage_in_between(parts)))


def event(data: bytes) -> bytes:
    """One server-sent event."""
    return b"data: " + data + b"\n\n"


def failed(refused: Refused) -> bytes:
    """The end of a stream that failed on the way: an event with the error, and no `[DONE]`."""
    return event(refused.encoded())
