"""What decides a continuation beside its prompt, as each line of `--out` says it: lines of one file are of one kind."""

import hashlib
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from workbench import digest, file_digest, finite

from .generate_settings import Generate

ELSEWHERE = {"model", "prompt", "prompts_file", "samples", "sampling", "rows", "device", "json", "out", "resume"}
"""What a line holds beside its settings, and what changes no text."""


def provenance(command: Generate, own_format: bool = False) -> dict[str, Any]:
    """The model as it was named, the fingerprint of what stands there now, and the settings that differ from their
    defaults, as JSON gives them back. Of a file with a schema the digest of its content. `own_format`: the folder is
    another package's, of which all files count."""
    settings: dict[str, Any] = {
        field.name: getattr(owner, field.name)
        for owner in (command, command.sampling)
        for field in fields(owner)
        if field.name not in ELSEWHERE and getattr(owner, field.name) != field.default
    }
    if command.json_schema is not None:
        settings["json_schema"] = f"sha256:{hashlib.sha256(command.json_schema.read_bytes()).hexdigest()[:16]}"
    facts = {"model": command.model, **model_now(command.model, own_format)}
    line: dict[str, Any] = json.loads(json.dumps(finite(facts | {"settings": settings})))
    return line


def model_now(source: str, own_format: bool) -> dict[str, Any]:
    """The digests of what stands at the source of a model now."""
    if own_format:
        files = sorted(path for path in Path(source).iterdir() if path.is_file())
        return {"fingerprint": {"files": digest([[path.name, file_digest(path)] for path in files])}}
    import gpt2

    return {"fingerprint": gpt2.fingerprint(source)}
