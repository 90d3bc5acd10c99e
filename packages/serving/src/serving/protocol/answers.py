"""OpenAI's answers: completions and chats, whole and in chunks, out of the parts of texts."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from .token_scores import TokenScore, shown_text


class UsageNumbers(Struct, kw_only=True):
    """Tokens read and written; each prompt counts once, and so do texts of best_of that are not told."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class LogProbs(Struct, kw_only=True):
    """Of the tokens of a text, in the legacy form; nats."""

    tokens: list[str]
    token_logprobs: list[float | None]
    top_logprobs: list[dict[str, float] | None]
    text_offset: list[int]


class Choice(Struct, kw_only=True):
    """One text of a completion."""

    index: int
    text: str
    logprobs: LogProbs | None = None
    finish_reason: str | None = None


class Completion(Struct, kw_only=True, omit_defaults=False):
    """The answer to POST /v1/completions, and each chunk of a stream."""

    id: str
    created: int
    model: str
    system_fingerprint: str
    choices: list[Choice]
    object: str = "text_completion"
    seed: int | None = None
    """What the texts were drawn from, so that a request without a seed can be repeated."""
    usage: UsageNumbers | None = None


class TopToken(Struct, kw_only=True):
    """A token with its log-probability and its bytes."""

    token: str
    logprob: float
    bytes: list[int]


class ChatToken(TopToken, kw_only=True):
    """A token of a chat's answer."""

    top_logprobs: list[TopToken]


class ChatLogProbs(Struct, kw_only=True):
    """Of the tokens of a chat's answer."""

    content: list[ChatToken]
    refusal: None = None


class ChatText(Struct, kw_only=True, omit_defaults=True):
    """A message, or what is new of one."""

    role: str | None = None
    content: str | None = None


class ChatChoice(Struct, kw_only=True):
    """One answer of a chat."""

    index: int
    message: ChatText
    logprobs: ChatLogProbs | None = None
    finish_reason: str | None = None


class ChatChunkChoice(Struct, kw_only=True):
    """What is new of one answer of a chat."""

    index: int
    delta: ChatText
    logprobs: ChatLogProbs | None = None
    finish_reason: str | None = None


class ChatCompletion(Struct, kw_only=True):
    """The answer to POST /v1/chat/completions."""

    id: str
    created: int
    model: str
    system_fingerprint: str
    choices: list[ChatChoice]
    object: str = "chat.completion"
    seed: int | None = None
    usage: UsageNumbers | None = None


class ChatChunk(Struct, kw_only=True):
    """A chunk of a chat's stream."""

    id: str
    created: int
    model: str
    system_fingerprint: str
    choices: list[ChatChunkChoice]
    object: str = "chat.completion.chunk"
    seed: int | None = None
    usage: UsageNumbers | None = None


def usage_numbers(prompt_tokens: int, new_tokens: int) -> UsageNumbers:
    """Usage as OpenAI writes it."""
    return UsageNumbers(
        prompt_tokens=prompt_tokens, completion_tokens=new_tokens, total_tokens=prompt_tokens + new_tokens
    )


def legacy(scores: Sequence[TokenScore], tokenizer: Any) -> LogProbs:
    """Scores in the form of completions. The first token of a text has null, in both lists."""
    return LogProbs(
        tokens=[shown_text(tokenizer, one.token) for one in scores],
        token_logprobs=[one.value for one in scores],
        top_logprobs=[
            None if one.value is None else {shown_text(tokenizer, token): value for token, value in one.likely()}
            for one in scores
        ],
        text_offset=[one.offset for one in scores],
    )


def chat_scores(scores: Sequence[TokenScore], tokenizer: Any) -> ChatLogProbs:
    """Scores in the form of chats."""

    def shown(token: int, value: float) -> dict[str, Any]:
        return {
            "token": shown_text(tokenizer, token),
            "logprob": value,
            "bytes": list(tokenizer.decode_bytes([token])),
        }

    return ChatLogProbs(
        content=[
            ChatToken(
                **shown(one.token, one.value or 0.0),
                top_logprobs=[TopToken(**shown(token, value)) for token, value in one.likeliest],
            )
            for one in scores
        ]
    )
