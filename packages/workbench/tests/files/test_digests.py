"""Inputs are told apart by what they hold."""

import hashlib
import os
from pathlib import Path

from workbench import digest, file_digest


def test_a_digest_is_that_of_the_content_alone():
    """The value is SHA-256's over the JSON text; it is the same in every process and on every machine."""
    expected = hashlib.sha256(b'"the cat"').hexdigest()
    assert digest("the cat") == f"sha256:{expected[:16]}"
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
    values = [
        "the cat",
        "the hat",
        "",
        None,
        1,
        "1",
        1.5,
        [1],
        ["1"],
        {"a": 1},
        {"a": "1"},
        "\udcff",
        "\udcfe",
        "é",
        "e",
    ]
    assert len({digest(value) for value in values}) == len(values)


def test_a_file_is_its_bytes(tmp_path: Path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"\xff" * 1_000_000 + b"a")
    other.write_bytes(b"\xff" * 1_000_000 + b"b")
    os.utime(other, ns=(one.stat().st_atime_ns, one.stat().st_mtime_ns))
    assert file_digest(one) == f"sha256:{hashlib.sha256(one.read_bytes()).hexdigest()[:16]}"
    assert file_digest(one) != file_digest(other)
