"""The bodies that clients send, as structs: OpenAI's fields by hand, those of `GenerationSettings` derived from it."""

import ast
import inspect
import textwrap
from dataclasses import fields
from itertools import pairwise
from typing import Annotated, Any, Literal, get_type_hints

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from decoding import GenerationSettings

OTHER_NAMES = {"max_new_tokens": "max_tokens", "log_probabilities": "logprobs", "n_best": "n"}
"""Settings that have OpenAI's name here."""
OTHER_FORMS = ("stop", "logit_bias")
"""Settings that have OpenAI's form here, beside the name."""

Count = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]
Name = Annotated[str, Meta(max_length=256)]


class StreamOptions(Struct, kw_only=True):
    """What comes in a stream beside the text."""

    include_usage: Annotated[bool | None, Meta(description="A last chunk without choices brings the usage.")] = False
    continuous_usage_stats: Annotated[
        bool | None, Meta(description="With include_usage: every chunk brings the usage so far (vLLM's).")
    ] = False


class Asked(Struct, kw_only=True):
    """What completions and chats have in common. null means the same as leaving a field out."""

    model: Annotated[str | None, Meta(description="Of /v1/models; left out: the first.")] = None
    n: Annotated[Positive, Meta(description="Texts for each prompt; with beams, the best so many.")] = 1
    max_tokens: Annotated[Count | None, Meta(description="New tokens of each text.")] = None
    stop: Annotated[str | list[str] | None, Meta(description="Texts before which a row ends; one, or several.")] = None
    logit_bias: Annotated[
        dict[str, float | int] | None,
        Meta(description='Added to logits, by id: {"50256": -100}. "12,95" biases id 95 where 12 has just come.'),
    ] = None
    stream: Annotated[bool, Meta(description="Text as server-sent events, as it comes.")] = False
    stream_options: StreamOptions | None = None
    user: Annotated[Name | None, Meta(description="Goes into the access log, and changes nothing else.")] = None
    regex: Annotated[str | None, Meta(description="Every text matches this regular expression as a whole.")] = None
    json_schema: Annotated[
        dict[str, Any] | str | None, Meta(description="Every text is JSON of this schema: an object, or its text.")
    ] = None
    grammar: Annotated[str | None, Meta(description="Every text is one of this grammar, in Lark's notation.")] = None
    guidance_scale: Annotated[
        float | int, Meta(description="Classifier-free guidance (Sanchez et al. 2023); 1 is off.")
    ] = 1.0
    negative_prompt: Annotated[
        str | list[int] | None, Meta(description="What guidance leads away from; left out: from no prompt.")
    ] = None
    choose: Annotated[
        Literal["likeliest", "consensus"],
        Meta(description="How the best of best_of are found: by mean log-probability, or by what the others share."),
    ] = "likeliest"


class CompletionRequest(Asked, kw_only=True):
    """The body of POST /v1/completions."""

    prompt: Annotated[
        str | list[str | int | list[int]] | None,
        Meta(description="A text, ids, or a list of texts and rows of ids; left out: the beginning of a document."),
    ] = None
    best_of: Annotated[Positive | None, Meta(description="So many are drawn, and the n best of them told.")] = None
    echo: Annotated[bool, Meta(description="The text begins with the prompt.")] = False
    logprobs: Annotated[
        Count | None,
        Meta(description="Log-probabilities of each token and so many likeliest; 0: of each token alone."),
    ] = None


class TextPart(Struct, kw_only=True):
    """A piece of a message."""

    text: str
    type: Literal["text"] = "text"


class Message(Struct, kw_only=True):
    """One turn of a chat."""

    role: str
    content: str | list[TextPart]
    name: str | None = None


class ResponseFormat(Struct, kw_only=True):
    """What form the answer has."""

    type: Literal["text", "json_object", "json_schema"] = "text"
    json_schema: dict[str, Any] | None = None


class ChatRequest(Asked, kw_only=True):
    """The body of POST /v1/chat/completions."""

    messages: Annotated[list[Message], Meta(min_length=1)]
    max_completion_tokens: Annotated[Positive | None, Meta(description="The newer name of max_tokens.")] = None
    logprobs: bool = False
    top_logprobs: Annotated[Count | None, Meta(description="So many likeliest at each place.")] = None
    response_format: ResponseFormat | None = None


class TokenizeRequest(Struct, kw_only=True):
    """The body of POST /v1/tokenize."""

    prompt: str
    model: str | None = None


class DetokenizeRequest(Struct, kw_only=True):
    """The body of POST /v1/detokenize."""

    tokens: list[int]
    model: str | None = None


def _described() -> dict[str, str]:
    """The sentence that stands below each setting in its class; nothing where there is no source to read."""
    try:
        body = ast.parse(textwrap.dedent(inspect.getsource(GenerationSettings))).body[0]
    except (OSError, TypeError):
        return {}
    lines = body.body if isinstance(body, ast.ClassDef) else []
    return {
        one.target.id: str(after.value.value)
        for one, after in pairwise(lines)
        if isinstance(one, ast.AnnAssign)
        and isinstance(one.target, ast.Name)
        and isinstance(after, ast.Expr)
        and isinstance(after.value, ast.Constant)
    }


def _settings() -> type[Struct]:
    """All of `GenerationSettings` that has neither another name nor another form here; UNSET where it was left out."""
    hints, described = get_type_hints(GenerationSettings), _described()
    taken = {*OTHER_NAMES, *OTHER_FORMS}
    return msgspec.defstruct(
        "Settings",
        [
            (
                one.name,
                Annotated[hints[one.name] | UnsetType, Meta(description=described.get(one.name, ""))],
                UNSET,
            )
            for one in fields(GenerationSettings)
            if one.name not in taken
        ],
        kw_only=True,
        module=__name__,
    )


Settings = _settings()
SETTINGS = Settings.__struct_fields__
"""Names of the settings that completions and chats take."""
