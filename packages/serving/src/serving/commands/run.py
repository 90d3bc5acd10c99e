"""`serving run`: a server over one engine, until a signal, and what a new user can paste meanwhile."""

import json
import shlex
import sys
from collections.abc import Mapping
from functools import cache, partial
from socket import socket

from workbench import many, typed

from ..jobs import Serves
from ..web.access_log import AccessLog
from ..web.application import Web
from ..web.keys import VARIABLE, Keys, read_keys
from ..web.server import LOOPBACK, address, listening, serve
from .settings import Run
from .sources import named_adapters, named_sources


def run(command: Run) -> None:
    """Serve until a signal. ValueError and OSError for what cannot be served, for an address that is taken, and for a
    model that cannot be loaded."""
    sources = named_sources(command.source, command.model)
    adapters = named_adapters(command.adapter, sources)
    _check(command)
    keys = read_keys(command.key_file)
    with listening(command.host, command.port) as sock:
        _say(f"loading {' and '.join([*sources, *adapters])}, to answer at {address(sock)}")
        log = AccessLog(command.log, texts=command.log_texts, quiet=command.quiet)
        engine = _engine(command, sources, adapters)
        web = Web(engine, command.limits, keys, log, command.allow_origin)
        try:
            serve(web, sock, drain=command.drain, ready=lambda: _tell(engine, sock, command, keys), say=_say)
        finally:
            engine.stop()
            log.close()


def _check(command: Run) -> None:
    if command.rows < 1:
        raise ValueError(f"--rows: wanted 1 or more, got {command.rows}; 8 is usual on a CPU")
    if command.queue < 0:
        raise ValueError(f"--queue: wanted 0 or more, got {command.queue}; 32 is usual")
    if not 0 <= command.drain < float("inf"):
        raise ValueError(f"--drain: wanted 0 or more seconds, got {command.drain:g}; 30 is usual")


def _tell(engine: Serves, sock: socket, command: Run, keys: Keys) -> None:
    """The address, what is served, and lines that can be pasted; a warning where others can reach it unasked."""
    where, first = address(sock), next(iter(engine.models))
    for served in engine.models.values():
        size = f"{served.parameters / 1e6:,.1f}M parameters, {served.precision}, context {served.n_ctx}"
        print(f"{served.name}: {size}" if served.parent is None else f"{served.name}: {served.parent} with an adapter")
    print(f"Ready at {where}; {many(command.rows, 'text')} at a time. Try:")
    for line in (curl(where, bool(keys.digests)), client(where, first, bool(keys.digests))):
        print(f"  {line}")
    sys.stdout.flush()
    if command.host not in LOOPBACK:
        asked = "a key is asked for" if keys.digests else f"no key is asked for: give --key-file FILE or set {VARIABLE}"
        _say(f"listening at {command.host}:{sock.getsockname()[1]}, where other machines reach it; {asked}")


def curl(where: str, keyed: bool) -> str:
    """A line for a shell that streams a text."""
    body = shlex.quote(json.dumps({"prompt": "The", "max_tokens": 40, "stream": True}))
    key = f' -H "Authorization: Bearer ${VARIABLE}"' if keyed else ""
    return f"curl -sN {where}/v1/completions -H 'Content-Type: application/json'{key} -d {body}"


def client(where: str, model: str, keyed: bool) -> str:
    """A line for a shell that asks through OpenAI's client."""
    key = f'os.environ["{VARIABLE}"]' if keyed else '"none"'
    program = (
        f"{'import os; ' if keyed else ''}from openai import OpenAI; "
        f'client = OpenAI(base_url="{where}/v1", api_key={key}); '
        f'print(client.completions.create(model={json.dumps(model)}, prompt="The", max_tokens=40).choices[0].text)'
    )
    return typed(None, ["python", "-c", program])


def _say(line: str) -> None:
    sys.stderr.write(f"serving: {line}\n")
    sys.stderr.flush()


def _engine(command: Run, sources: Mapping[str, str], adapters: Mapping[str, str]) -> Serves:
    """The engine, which loads its models in a thread of its own; adapters after all of them, onto the first one."""
    from ..engine.adapters import load_adapted
    from ..engine.engine import Engine
    from ..engine.loading import load

    ready = partial(load, rows=command.rows, precision=command.precision, cache=command.cache)
    first, *others = (partial(ready, name, source) for name, source in sources.items())
    base = cache(first)
    beside = [partial(load_adapted, name, folder, base, cache=command.cache) for name, folder in adapters.items()]
    return Engine([base, *others, *beside], queue=command.queue)
