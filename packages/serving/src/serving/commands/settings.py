"""What one can type after `serving run` and `serving replay`. Needs no torch, so that --help answers at once."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from ..protocol.limits import Limits

Flag = tyro.conf.FlagCreatePairsOff[bool]
KeyFile = Annotated[Path | None, tyro.conf.arg(metavar="FILE")]


@dataclass(frozen=True)
class Run:
    """Serve a model as an API at http://127.0.0.1:8000, until Ctrl-C or SIGTERM. Standard output gets the address and
    what to try; standard error one JSON line a request."""

    source: tyro.conf.Positional[Annotated[str | None, tyro.conf.arg(metavar="MODEL")]] = None
    """A model or run folder, or another source that gpt2 loads; quantized folders too (extra `quantization`)."""
    model: tyro.conf.UseAppendAction[tuple[Annotated[str, tyro.conf.arg(metavar="NAME=SOURCE")], ...]] = ()
    """A model and the name that requests call it by; several times for several models."""
    adapter: tyro.conf.UseAppendAction[tuple[Annotated[str, tyro.conf.arg(metavar="NAME=DIR")], ...]] = ()
    """An adapter of the (first) model, and the name that requests call the two together by; several times for several
    (extra `finetuning`)."""
    host: str = "127.0.0.1"
    """Where to listen. 0.0.0.0 lets other machines in: then give a key."""
    port: int = 8000
    """Where to listen; 0 takes any that is free."""
    rows: int = 8
    """Texts that are written at the same time."""
    queue: int = 32
    """Texts that wait for a place; more are answered with 429 and Retry-After."""
    key_file: KeyFile = None
    """A file of keys, one a line, of which clients show one; without it the environment's SERVING_API_KEY, if any."""
    drain: float = 30.0
    """Seconds in which running answers may finish after a signal to stop."""
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    """Of the weights. Quantized folders have their own."""
    cache: Literal["int8"] | None = None
    """Of keys and values: left out, the weights' precision; int8, a quarter of the memory."""
    allow_origin: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """The origin of a web page that may ask, such as https://example.com; may be given several times; "*" is all."""
    log: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Append the lines about requests to a file, in place of standard error."""
    log_texts: Flag = False
    """Requests and answers go into those lines too, for `serving replay`; without it no prompt is written anywhere."""
    quiet: Flag = False
    """No lines about requests on standard error."""
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Replay:
    """Ask a server again what a log says it was asked, and compare the texts. Ends with 1 where one differs."""

    file: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="FILE")]]
    """A log of `serving run --log FILE --log-texts`."""
    url: str = "http://127.0.0.1:8000"
    """The server."""
    id: str | None = None
    """Only the request with this id."""
    key_file: KeyFile = None
    """A file with the server's key; without it the environment's SERVING_API_KEY, if any."""
    seconds: float = 600.0
    """To wait for one answer."""
