"""The one file: a frame, a style sheet, a script and the data, put together so that it needs nothing else."""

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

SCRIPTS = (
    "bytes",
    "tokenizer",
    "replacements",
    "model",
    "inside",
    "sampling",
    "elements",
    "state",
    "text_view",
    "time_view",
    "guess_views",
    "writers_view",
    "heads_view",
    "switches_view",
    "sampling_view",
    "pictures",
    "keys",
    "start",
)
"""The parts of the script, each using only those before it until the page has started."""


def document(title: str, facts: Mapping[str, Any], blocks: Mapping[str, str]) -> str:
    """The HTML of a page. facts: what the script is told, any JSON; blocks: packed data by the id of its element."""
    data = "\n".join(f'<script type="text/plain" id="{name}">{content}</script>' for name, content in blocks.items())
    parts = {
        "TITLE": escaped(title),
        "STYLE": "\n".join(part(f"{name}.css") for name in ("look", "views")),
        "FACTS": embedded_json(facts),
        "DATA": data,
        "SCRIPT": "\n".join(part(f"{name}.js") for name in SCRIPTS),
    }
    return re.sub(r"<!--([A-Z]+)-->|/\*([A-Z]+)\*/", lambda mark: parts[mark[1] or mark[2]], part("page.html"))


def embedded_json(content: object) -> str:
    """JSON that may stand inside a script element: no `<`, so that nothing in it ends the element or opens a comment,
    and no U+2028 and U+2029, which older scripts take for line ends."""
    written = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return re.sub("[<>&\u2028\u2029\ud800-\udfff]", lambda sign: f"\\u{ord(sign[0]):04x}", written)


def escaped(text: str) -> str:
    """Text as it stands in HTML."""
    return re.sub('[<>&"]', lambda sign: f"&#{ord(sign[0])};", text)


@cache
def part(name: str) -> str:
    """One of the files that the page is made of."""
    return files(__package__).joinpath("front", name).read_text("utf-8")
