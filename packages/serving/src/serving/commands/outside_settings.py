"""What one can type after `serving bench` and `serving hand-off`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

MaybePath = Annotated[Path | None, tyro.conf.arg(metavar="PATH")]


@dataclass(frozen=True)
class HandOff:
    """Give a model to another server: write its format and check the result, or print that tool's own command."""

    source: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="MODEL")]]
    """A model in float: its folder, a run's folder, a checkpoint file, or a name on the hub."""
    to: Literal["gguf", "ctranslate2", "vllm", "onnx"]
    """gguf (llama.cpp; one file) and ctranslate2 (a folder) are written and checked here. vllm and onnx open the model
    folder as it is: their command is printed."""
    out: MaybePath = None
    """File (.gguf) or folder to write; it must not exist. For vllm and onnx only where MODEL is no folder."""
    weights: Literal["float32", "float16", "q8_0", "int8"] = "float32"
    """How numbers are kept: float32, float16; q8_0 (gguf) and int8 (ctranslate2) take a quarter."""


@dataclass(frozen=True)
class Bench:
    """Drive one server, or two in turns, with a bounded number of streamed completions, and show what came back when.

    Any server with OpenAI's /v1/completions will do: ours, llama-server, vLLM.
    """

    urls: tyro.conf.Positional[tuple[Annotated[str, tyro.conf.arg(metavar="URL")], ...]]
    """Address of a server, such as http://127.0.0.1:8000, or of two that are compared."""
    clients: int = 8
    """Requests that are under way at the same time."""
    requests: int = 32
    """Requests in each turn of each server."""
    turns: int = 3
    """Times that every server has its turn; medians over them are shown."""
    tokens: int = 64
    """Tokens to ask for in each request (`max_tokens`)."""
    words: int = 12
    """Words of each prompt; no two prompts are the same."""
    temperature: float = 0.0
    """Of the draws; 0 takes the likeliest."""
    fields: Annotated[str, tyro.conf.arg(metavar="JSON")] = "{}"
    """Further fields of every request, such as '{"ignore_eos": true}'."""
    model: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """Model to ask for; the first of /v1/models when left out."""
    key_file: MaybePath = None
    """File with the API key."""
    timeout: float = 600.0
    """Seconds to wait for one answer."""
    other_machine: tyro.conf.FlagCreatePairsOff[bool] = False
    """Allow an address that is not this machine's loopback. Ask whoever runs it first."""
    out: MaybePath = None
    """Picture to draw (.png, .svg or .pdf; extra `plots`)."""
    seed: int = 0
    """Of the prompts."""
