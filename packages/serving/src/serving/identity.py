"""Which model answers: a fingerprint that changes with whatever could change a text, and what its run says of it."""

import hashlib
from importlib.metadata import version
from pathlib import Path

from workbench import file_digest, read_json_lines, read_object

PACKAGES = ("torch", "tokenizers", "attention", "transformer", "gpt2", "decoding", "serving")
"""Whose versions count."""
LETTERS = 12


def system_fingerprint(parts: dict[str, str]) -> str:
    """The first 12 hexadecimal digits of the SHA-256 over `parts` (digests of weights and tokenizer, precision, and
    whatever else decides on texts) and the versions of the packages that compute them."""
    versions = {name: found for name in PACKAGES if (found := version_of(name))}
    lines = [f"{name}={value}" for name, value in sorted({**parts, **versions}.items())]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:LETTERS]


def version_of(package: str) -> str | None:
    """Its version; None where it is not installed."""
    try:
        return version(package)
    except ModuleNotFoundError:
        return None


def digests_of(folder: Path) -> dict[str, str]:
    """Digests of every file in a folder that `gpt2.fingerprint` does not know, as those of `quantization` are."""
    return {path.name: file_digest(path) for path in sorted(folder.iterdir()) if path.is_file()}


def facts_of_run(source: str | Path) -> tuple[float | None, str | None]:
    """Bits per byte of held-out text as measured last, and the fingerprint of the data, where the source is a run
    folder or lies in one; else None."""
    folder = next((path for path in (Path(source), *Path(source).parents[:2]) if (path / "run.json").is_file()), None)
    if folder is None:
        return None, None
    data = read_object(folder / "run.json").get("data")
    metrics = folder / "metrics.jsonl"
    lines = read_json_lines(metrics) if metrics.is_file() else ()
    measured = [line["bits_per_byte"] for _, line in lines if isinstance(line.get("bits_per_byte"), float)]
    fingerprint = data.get("fingerprint") if isinstance(data, dict) else None
    return (measured[-1] if measured else None), fingerprint
