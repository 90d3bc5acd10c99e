"""What the tokens of a model say, by the files of its tokenizer."""

import json
from pathlib import Path
from typing import Any

from workbench import unspell


def token_names(folder: Path) -> dict[int, str]:
    """{id: text} by the folder's vocab.json, else by its tokenizer.json; empty without both. No text occurs twice."""
    vocabulary = vocabulary_of(folder)
    readable = {token: text_of(token) for token in vocabulary}
    return {row: token if readable[token] in vocabulary else readable[token] for token, row in vocabulary.items()}


def vocabulary_of(folder: Path) -> dict[str, int]:
    if (folder / "vocab.json").is_file():
        return read_json(folder / "vocab.json")
    if not (folder / "tokenizer.json").is_file():
        return {}
    pieces = read_json(folder / "tokenizer.json", "model").get("vocab", {})
    if isinstance(pieces, list):  # a Unigram model: [piece, score] in the order of the ids
        return {piece: row for row, (piece, _) in enumerate(pieces)}
    return pieces


def read_json(path: Path, key: str | None = None) -> dict[str, Any]:
    """The object in a JSON file, or what it has under `key`; ValueError names the file."""
    try:
        content = json.loads(path.read_text("utf-8"))
        return dict(content) if key is None else dict(content[key])
    except (ValueError, KeyError, TypeError) as error:
        wanted = "an object in JSON" if key is None else f"an object under the key {key!r} in JSON"
        raise ValueError(f"wanted {wanted}, got {error!r} in {path}; fetch the file again") from None


def text_of(token: str) -> str:
    """The text that a byte-level token stands for: "Ġlist" is " list". A token that is no whole text, or of another
    kind of tokenizer, stays as it is."""
    try:
        return unspell(token).decode("utf-8")
    except (KeyError, UnicodeDecodeError):
        return token
