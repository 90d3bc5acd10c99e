"""The texts that one types after `decoding generate`: prompts, and words that must or must not come."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import fits_utf8, read_utf8

from ..settings.values import Ids
from .generate_settings import Generate

if TYPE_CHECKING:
    from ..protocols import Tokenizer


def read_prompts(command: Generate) -> list[str]:
    """All prompts, those of the arguments first; ValueError for empty ones and for what is no UTF-8."""
    prompts = list(command.prompt)
    if command.prompts_file is not None:
        prompts += _read_lines(command.prompts_file)
    if not prompts:
        raise ValueError("wanted a prompt, got none; give --prompt TEXT or --prompts-file FILE")
    for number, prompt in enumerate(prompts, start=1):
        if not prompt:
            raise ValueError(
                f"wanted a text to continue, got an empty one as prompt {number} of {len(prompts)}; fill it or "
                "leave it out"
            )
        if not fits_utf8(prompt):
            raise ValueError(f"wanted a prompt in UTF-8, got {prompt!r}; encode it in UTF-8")
    return prompts


def _read_lines(path: Path) -> list[str]:
    """The lines of a file but empty ones at its end; ValueError, with the number, for one between others."""
    name = "standard input" if str(path) == "-" else path
    lines = read_utf8(path, "prompts", dash_is_input=True).rstrip("\n").split("\n")
    if lines == [""]:
        raise ValueError(f"wanted a prompt a line in {name}, got no text; write one there")
    if "" in lines:
        raise ValueError(f"wanted a prompt a line in {name}, got line {lines.index('') + 1} empty; fill or delete it")
    return lines


def biases(command: Generate) -> tuple[tuple[Ids, float], ...]:
    """The pairs of --logit-bias; ValueError for what are no ids."""
    pairs = []
    for typed, bias in command.logit_bias:
        try:
            pairs.append((tuple(int(number) for number in typed.split(",")), bias))
        except ValueError:
            raise ValueError(
                f"wanted pairs of an id and a number in --logit-bias, got the id {typed!r}; write 95 -100 540 3.5, "
                "and 12,95 -100 for id 95 after 12"
            ) from None
    return tuple(pairs)


def words_as_ids(command: Generate, tokenizer: "Tokenizer") -> dict[str, Any]:
    """The words of the command line as settings. A banned word is banned as the tokenizer writes it at the beginning of
    a text and after a space."""
    return {
        "banned": tuple(tuple(tokenizer.encode(form)) for word in command.banned for form in (word, " " + word)),
        "forced_prefix": tuple(tokenizer.encode(command.forced_prefix)),
        "forced_words": tuple(tuple(tokenizer.encode(word)) for word in command.forced_words),
    }
