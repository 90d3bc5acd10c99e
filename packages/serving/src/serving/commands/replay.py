"""`serving replay`: logged requests once more, and whether they give the same texts."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from workbench import many, read_json_lines, shorten

from ..web.keys import known_keys
from .settings import Replay

CUT = ("cancelled", "deadline")
"""Reasons that depend on the moment."""


def replay(command: Replay) -> int:
    """Ask again; 1 where a text differs. ValueError for a log without requests, OSError for a server that is not
    there."""
    lines = [entry for _, entry in read_json_lines(command.file)]
    entries = [entry for entry in lines if command.id in (None, entry.get("id"))]
    chosen = [entry for entry in entries if "request" in entry and entry.get("status") == 200 and "texts" in entry]
    if not chosen:
        raise ValueError(
            f"{command.file}: wanted requests and their texts, got {many(len(entries), 'line')} without; "
            "log them with serving run --log FILE --log-texts"
        )
    key = next(iter(known_keys(command.key_file)), None)
    differ = 0
    for entry in chosen:
        said = _compared(entry, _asked(command, entry, key))
        differ += said != "same"
        print(f"{entry['id']}  {said}", flush=True)
    left = f", {many(len(entries) - len(chosen), 'line')} without" if len(entries) > len(chosen) else ""
    print(f"{many(len(chosen), 'request')}{left}: {differ or 'none'} differ{'s' if differ == 1 else ''}")
    return 1 if differ else 0


def _asked(command: Replay, entry: Mapping[str, Any], key: str | None) -> dict[str, Any]:
    """The answer to the request of an entry, from the seed that it was drawn with then, and not streamed."""
    body = {**entry["request"], "model": entry["model"], "seed": entry["seed"], "stream": False}
    body.pop("stream_options", None)
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    url = command.url.rstrip("/") + entry["path"]
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=command.seconds) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except urllib.error.HTTPError as error:
        said = shorten(" ".join(error.read().decode(errors="replace").split()), 200)
        raise ValueError(f"{url}: wanted an answer to {entry['id']}, got status {error.code}: {said}") from None
    except (urllib.error.URLError, TimeoutError) as error:
        reason = getattr(error, "reason", error)
        raise OSError(f"{url}: wanted a server, got none ({reason}); start it with serving run MODEL") from None


def _compared(entry: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    """ "same", or where the first difference is. A text that was cut off then is compared as far as it went."""
    found = [_text(choice) for choice in answer["choices"]]
    for number, (then, again, reason) in enumerate(zip(entry["texts"], found, entry["finish_reasons"], strict=True)):
        if then == again or (reason in CUT and again.startswith(then)):
            continue
        pairs = enumerate(zip(then, again, strict=False))
        place = next((one for one, (was, now) in pairs if was != now), min(len(then), len(again)))
        other = ""
        if (before := entry["system_fingerprint"]) != (here := answer["system_fingerprint"]):
            other = f"; another model or version answers now: {here}, then {before}"
        seen = f"wanted {shorten(then[place:], 20)!r}, got {shorten(again[place:], 20)!r}"
        return f"text {number} differs at character {place}: {seen}{other}"
    return "same"


def _text(choice: Mapping[str, Any]) -> str:
    return str(choice["message"].get("content") or "") if "message" in choice else str(choice["text"])
