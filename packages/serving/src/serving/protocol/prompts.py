"""Prompts as ids, whatever they came as: a text, ids, or a list of both."""

from typing import Any

from workbench import shorten

from ..status import Served
from .limits import Limits, check_most
from .refusals import Refused


def ids_of_prompts(prompt: Any, served: Served, limits: Limits) -> tuple[tuple[int, ...], ...]:
    """The prompts of a completion as rows of ids. Without one, a document begins: the end-of-text id."""
    if prompt is None:
        return ((served.tokenizer.end_of_text,),)
    if isinstance(prompt, str):
        return (ids_of_text(prompt, served, "prompt"),)
    if not prompt:
        raise Refused(
            "prompt: wanted a text, ids or a list of them, got an empty list; leave it out to begin a document",
            param="prompt",
        )
    numbers = sum(isinstance(one, int) for one in prompt)
    if numbers == len(prompt):
        return (ids_of_text(prompt, served, "prompt"),)
    if numbers:
        raise Refused(
            "prompt: wanted texts and rows of ids, or one row of ids, got single ids among them; write [[15, 496]]",
            param="prompt",
        )
    check_most("prompt", len(prompt), limits.prompts, "prompts")
    return tuple(ids_of_text(one, served, f"prompt {number}") for number, one in enumerate(prompt, start=1))


def ids_of_text(text: str | list[int], served: Served, name: str) -> tuple[int, ...]:
    """One prompt as ids of this model."""
    ids = tuple(served.tokenizer.encode(text) if isinstance(text, str) else text)
    param = name.split(" ", 1)[0]
    if not ids:
        got = "an empty text" if isinstance(text, str) else "no ids"
        raise Refused(f"{name}: wanted a text to continue, got {got}; leave it out to begin a document", param=param)
    strangers = [one for one in ids if not 0 <= one < served.n_vocab]
    if strangers:
        raise Refused(
            f"{name}: wanted ids from 0 to {served.n_vocab - 1:,}, got {shorten(str(strangers[0]), 30)}, out of "
            "vocabulary; POST /v1/tokenize gives this model's ids",
            param=param,
        )
    return ids
