"""What a person may say to `gpt2 verify`, `gpt2 inspect` and `gpt2 tokens`: read before torch is imported."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

Source = Annotated[str, arg(metavar="SOURCE")]
Folder = Annotated[Path | None, arg(metavar="DIR")]


@dataclass(frozen=True)
class VerifySettings:
    """Try every claim about a model and its files. Exit code 1 where one is broken."""

    source: Positional[Source]
    """Model folder, run folder, nanoGPT's ckpt.pt, llm.c's .bin, or a name on the Hugging Face hub."""
    tokenizer: Folder = None
    """Folder of the tokenizer, for a checkpoint file that has none beside it."""


@dataclass(frozen=True)
class InspectSettings:
    """Show configuration, parameters by part, dtypes and value ranges of a model."""

    source: Positional[Source]
    """Model folder, run folder, nanoGPT's ckpt.pt, llm.c's .bin, or a name on the Hugging Face hub."""


@dataclass(frozen=True)
class TokensSettings:
    """Show the tokens of a text: in colour in a terminal, else a line a token with id, bytes and piece."""

    text: Positional[Annotated[str, arg(metavar="TEXT")]]
    """The text, in quotes."""
    tokenizer: Folder = None
    """Folder with a tokenizer, such as a model's; the published vocabulary if left out."""
