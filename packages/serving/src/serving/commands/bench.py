"""`serving bench`: how fast a server is, and how two compare."""

import asyncio
import json
from typing import Any

from workbench import check_picture, shown

from ..web.keys import known_keys
from .outside_settings import Bench


def run_bench(command: Bench) -> None:
    """ValueError, in the words of the command line, for what makes no sense; OSError where no server answers."""
    check_picture(command.out, "serving")
    if not 1 <= len(command.urls) <= 2:
        raise ValueError(f"wanted the address of one server or of two, got {len(command.urls)}; give one or two")
    if command.turns < 1:
        raise ValueError(f"--turns: wanted at least 1, got {command.turns}; set it to one")
    from ..bench.addresses import address
    from ..bench.driving import Load, drive
    from ..bench.figures import table

    servers = [address(url, other_machine=command.other_machine) for url in command.urls]
    load = Load(
        command.clients, command.requests, command.tokens, command.words, command.temperature,
        fields_of(command.fields), command.timeout, command.seed,
    )  # fmt: skip
    key = None if command.key_file is None else known_keys(command.key_file)[0]
    with shown("serving", "asking the servers in turns") as progress:
        found = asyncio.run(drive(servers, load, command.turns, model=command.model, key=key, progress=progress))
    names = [server.url for server in servers]
    for line in table(names, found):
        print(line)
    if command.out is not None:
        from ..bench.picture import draw_bench

        draw_bench(command.out, names, found)


def fields_of(text: str) -> dict[str, Any]:
    """The JSON object of `--fields`; ValueError for anything else."""
    try:
        fields = json.loads(text)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise ValueError(
            f"""--fields: wanted a JSON object, such as '{{"ignore_eos": true}}', got {text!r}; correct it"""
        )
    return fields
