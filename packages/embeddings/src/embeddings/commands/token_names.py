"""What the tokens of a model say, by the files of its tokenizer."""

from pathlib import Path
from typing import Any

from workbench import read_object, unspell


def token_names(folder: Path) -> dict[int, str]:
    """{id: text} by the folder's vocab.json, else by its tokenizer.json; empty without both. No text occurs twice."""
    vocabulary = vocabulary_of(folder)
    readable = {token: text_of(token) for token in vocabulary}
    return {row: token if readable[token] in vocabulary else readable[token] for token, row in vocabulary.items()}


def vocabulary_of(folder: Path) -> dict[str, int]:
    """{token: id} of whichever file there is; ValueError for one that says something else."""
    path = folder / "vocab.json"
    if path.is_file():
        found: Any = read_json(path)
    elif (path := folder / "tokenizer.json").is_file():
        found = read_json(path, "model").get("vocab", {})
    else:
        return {}
    if isinstance(found, list):  # a Unigram model: [piece, score] in the order of the ids
        pieces = [one[0] if isinstance(one, list) and one else None for one in found]
        found = {piece: row for row, piece in enumerate(pieces) if isinstance(piece, str)}
        if len(found) != len(pieces):
            found = None
    if not isinstance(found, dict) or not all(type(row) is int for row in found.values()):
        raise ValueError(f"wanted an id for each token in {path}, got something else; fetch the file again")
    return found


def read_json(path: Path, key: str | None = None) -> dict[str, Any]:
    """The object in a JSON file, or what it has under `key`; ValueError names the file."""
    content = read_object(path)
    found = content if key is None else content.get(key)
    if not isinstance(found, dict):
        raise ValueError(f"wanted an object under the key {key!r} in {path}, got {found!r:.60}; fetch the file again")
    return found


def text_of(token: str) -> str:
    """The text that a byte-level token stands for: "Ġlist" is " list". A token that is no whole text, or of another
    kind of tokenizer, stays as it is."""
    try:
        return unspell(token).decode("utf-8")
    except (KeyError, UnicodeDecodeError):
        return token
