"""What `/v1/models` tells of a model, and the answers of the tokenizer."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from msgspec import Struct

from workbench import shorten

from ..status import Served
from .limits import Limits
from .refusals import wrong
from .token_scores import shown_text


class ModelCard(Struct, kw_only=True):
    """One model: OpenAI's four fields, and what one has to know to use it and to compare results."""

    id: str
    created: int
    max_model_len: int
    """Tokens of prompt and answer together."""
    vocabulary: int
    parameters: int
    precision: str
    exact: bool
    """Whether the same seeded request gives the same ids whatever else is running."""
    system_fingerprint: str
    bits_per_byte: float | None
    """Of held-out text, as the run measured it."""
    data_fingerprint: str | None
    chat: bool
    """Whether /v1/chat/completions takes it."""
    defaults: dict[str, Any]
    """Settings of the folder's generation_config.json that differ from the usual ones."""
    limits: dict[str, int]
    parent: str | None
    """The model that it is with an adapter."""
    object: str = "model"
    owned_by: str = "serving"


class ModelList(Struct, kw_only=True):
    """The answer to GET /v1/models."""

    data: list[ModelCard]
    object: str = "list"


class Tokenized(Struct, kw_only=True):
    """The answer to POST /v1/tokenize: ids, and the text of each."""

    tokens: list[int]
    pieces: list[str]
    count: int
    max_model_len: int


class Detokenized(Struct, kw_only=True):
    """The answer to POST /v1/detokenize. Bytes that are no UTF-8 are U+FFFD in the text."""

    prompt: str
    bytes: list[int]


def card(served: Served, limits: Limits, created: int) -> ModelCard:
    """What is told of one model."""
    settings = served.defaults
    changed = {
        one.name: getattr(settings, one.name)
        for one in fields(settings)
        if getattr(settings, one.name) not in (one.default, 0 if one.name == "temperature" else one.default)
        and one.name != "max_new_tokens"
    }
    return ModelCard(
        id=served.name,
        created=created,
        max_model_len=served.n_ctx,
        vocabulary=served.n_vocab,
        parameters=served.parameters,
        precision=served.precision,
        exact=served.exact,
        system_fingerprint=served.system_fingerprint,
        bits_per_byte=served.bits_per_byte,
        data_fingerprint=served.data_fingerprint,
        chat=served.chat_template is not None,
        defaults=changed,
        limits=asdict(limits),
        parent=served.parent,
    )


def tokenized(prompt: str, served: Served) -> Tokenized:
    """A text as ids."""
    ids = served.tokenizer.encode(prompt)
    pieces = [shown_text(served.tokenizer, token) for token in ids]
    return Tokenized(tokens=ids, pieces=pieces, count=len(ids), max_model_len=served.n_ctx)


def detokenized(tokens: Sequence[int], served: Served) -> Detokenized:
    """Ids as a text. 400 for one that the tokenizer does not know."""
    tokenizer = served.tokenizer
    strangers = [token for token in tokens if not 0 <= token < tokenizer.n_vocab]
    if strangers:
        got = shorten(str(strangers[0]), 30)
        raise wrong("tokens", f"wanted ids from 0 to {tokenizer.n_vocab - 1:,}, got {got}; correct it")
    spelled = tokenizer.decode_bytes(tokens)
    return Detokenized(prompt=spelled.decode(errors="replace"), bytes=list(spelled))
