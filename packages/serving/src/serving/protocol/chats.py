"""A chat as a prompt: messages through the model's own template, in jinja's sandbox (extra `chat`)."""

import json
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

from workbench import require, shorten

from ..status import Served
from .prompts import ids_of_text
from .refusals import Refused, wrong
from .requests import Message


def ids_of_chat(messages: Sequence[Message], served: Served) -> tuple[int, ...]:
    """The ids of a chat, up to where the model's turn begins. 404 for a model without a template; 400 for messages that
    the template refuses, or that spell one of its special tokens, with which they could pass for another's turn."""
    if served.chat_template is None:
        raise Refused(
            f"model: wanted a model with a chat template, got {served.name} without one; use /v1/completions",
            status=404,
            param="model",
            code="no_chat_template",
        )
    special = special_tokens(served.tokenizer)
    turns = [_turn(message, number, special) for number, message in enumerate(messages)]
    text = _rendered(served.chat_template, turns, served.tokenizer, special)
    encode = served.tokenizer.encode
    ids = encode(text, allowed_special=special) if special else encode(text)
    return ids_of_text(list(ids), served, "messages")


def special_tokens(tokenizer: Any) -> tuple[str, ...]:
    """The names of a tokenizer's special tokens, where it has some."""
    return tuple(getattr(tokenizer, "special_ids", ()))


def _turn(message: Message, number: int, special: Sequence[str]) -> dict[str, str]:
    content = message.content
    text = content if isinstance(content, str) else "".join(part.text for part in content)
    for name in special:
        if name in text or name in message.role:
            raise wrong(
                "messages", f"wanted plain text in message {number}, got the special token {name}; spell it otherwise"
            )
    turn = {"role": message.role, "content": text}
    return turn if message.name is None else {**turn, "name": message.name}


def _rendered(template: str, turns: Sequence[dict[str, str]], tokenizer: Any, special: Sequence[str]) -> str:
    jinja2 = require("jinja2", "serving", "chat")
    end = special[0] if special else ""
    roles = {"bos_token": end, "eos_token": end, **getattr(tokenizer, "roles", {})}
    try:
        return str(_compiled(template).render(messages=turns, add_generation_prompt=True, **roles))
    except jinja2.TemplateError as error:
        said = shorten(" ".join(str(error).split()), 200)
        raise wrong("messages", f"wanted messages that the model's chat template takes, got {said}") from None


@lru_cache(maxsize=16)
def _compiled(template: str) -> Any:
    """A template as transformers compiles it: block lines leave no blank, `raise_exception` refuses."""
    sandbox = require("jinja2.sandbox", "serving", "chat")
    exceptions = require("jinja2.exceptions", "serving", "chat")

    def refuse(message: str) -> None:
        raise exceptions.TemplateError(message)

    environment = sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals["raise_exception"] = refuse
    environment.filters["tojson"] = partial(json.dumps, ensure_ascii=False)
    return environment.from_string(template)
