"""The manifest of a folder of token shards: what was written, from which text, with which checksums."""

import hashlib
import json
import re
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from workbench import read_object, write_text

MANIFEST = "manifest.json"
FORMAT = 2


@dataclass(frozen=True)
class Shard:
    """One token file: documents, tokens and the text bytes they stand for, and checksums.

    Attributes:
        fingerprint: SHA-256 over names and texts of all documents up to the end of this shard (`Corpus.fingerprint`).
        sha256: of the file.
    """

    file: str
    n_documents: int
    n_tokens: int
    n_bytes: int
    fingerprint: str
    sha256: str


def finished_shards(folder: Path, header: dict[str, Any], identity: str) -> tuple[dict[str, Shard], bool]:
    """Find the shards that need not be written again, and whether they are all of a source with this identity.

    Left-overs of a writer that was killed are removed.

    Raises:
        ValueError: the folder was written with another header.
    """
    for left_over in folder.glob("*.part-*"):
        left_over.unlink()
    if not (folder / MANIFEST).exists():
        return {}, False
    manifest = read_manifest(folder)
    changed = [name for name, value in ({"format": FORMAT} | header).items() if manifest.get(name) != value]
    if changed:
        raise ValueError(
            f"wanted the shards in {folder} to be of the same text and tokenizer, but {', '.join(changed)} differ(s); "
            "choose another folder"
        )
    shards = [Shard(**shard) for shard in manifest["shards"]]
    done = {s.file: s for s in shards if (folder / s.file).is_file() and checksum(folder / s.file) == s.sha256}
    return done, manifest["complete"] and len(done) == len(shards) and manifest.get("identity") == identity


def write_manifest(folder: Path, header: dict[str, Any], shards: dict[str, Shard], *, complete: bool) -> None:
    """Renew the manifest, whole or not at all; the fingerprint of a complete one is that of the whole text."""
    listed = [asdict(shards[name]) for name in sorted(shards)]
    totals: dict[str, Any] = {
        key: sum(shard[key] for shard in listed) for key in ("n_documents", "n_tokens", "n_bytes")
    }
    if complete:
        totals["fingerprint"] = listed[-1]["fingerprint"]
    text = json.dumps({"format": FORMAT, "complete": complete, **header, **totals, "shards": listed}, indent=1)
    write_text(folder / MANIFEST, text)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest of a shard folder."""
    path = folder / MANIFEST
    if not path.is_file():
        raise FileNotFoundError(
            f"wanted a folder of token shards, but there is no {path}; "
            "write one with write_shards, or pass a list of files"
        )
    try:
        manifest = read_object(path)
        if wrong := [one for one in manifest["shards"] if not _is_shard(one)]:
            raise ValueError(f"{str(wrong[0])[:80]} is no entry of a shard")
        if not isinstance(manifest["complete"], bool) or (manifest["complete"] and not manifest["shards"]):
            raise ValueError("whether it is complete does not stand there")
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"wanted the manifest of token shards, but {path} is damaged ({error}); write them again"
        ) from error
    return manifest


def _is_shard(entry: Any) -> bool:
    """Whether an entry has the fields of a `Shard`, and a file in the folder itself: none elsewhere is ever read."""
    kinds = {field.name: int if field.name.startswith("n_") else str for field in fields(Shard)}
    return (
        isinstance(entry, dict)
        and {name: type(value) for name, value in entry.items()} == kinds
        and all(entry[name] >= 0 for name, kind in kinds.items() if kind is int)
        and re.fullmatch(r"[\w.-]{1,200}", entry["file"], re.ASCII) is not None
        and entry["file"] not in (".", "..", MANIFEST)
    )


def other_text(folder: Path, file: str) -> ValueError:
    """Make the error for a finished shard whose text the source no longer has."""
    return ValueError(
        f"wanted the shards in {folder} to be of the same text, but {file} was written from other text; "
        "choose another folder"
    )


def checksum(path: Path) -> str:
    """SHA-256 of a file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
