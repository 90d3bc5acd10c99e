"""What decides a continuation beside its prompt, as each line of `--out` says it: lines of one file are of one kind."""

import hashlib
import json
from dataclasses import fields
from typing import Any

from workbench import finite

from .generate_settings import Generate

ELSEWHERE = {"model", "prompt", "prompts_file", "samples", "sampling", "rows", "device", "json", "out", "resume"}
"""What a line holds beside its settings, and what changes no text."""


def provenance(command: Generate) -> dict[str, Any]:
    """The model as it was named, and the settings that differ from their defaults, as JSON gives them back. Of a file
    with a schema the digest of its content."""
    settings: dict[str, Any] = {
        field.name: getattr(owner, field.name)
        for owner in (command, command.sampling)
        for field in fields(owner)
        if field.name not in ELSEWHERE and getattr(owner, field.name) != field.default
    }
    if command.json_schema is not None:
        settings["json_schema"] = f"sha256:{hashlib.sha256(command.json_schema.read_bytes()).hexdigest()[:16]}"
    line: dict[str, Any] = json.loads(json.dumps(finite({"model": command.model, "settings": settings})))
    return line
