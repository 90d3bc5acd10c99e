"""Whatever a file holds, its reader reads it or says in our words what is wrong: no other error, no bomb, no hang."""

import gzip
import json
import struct
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import dataio

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.just("text"), inner, max_size=4),
    max_leaves=12,
)


def spoiled(whole: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Good files, good files with some bytes changed, cut or put in, and noise."""

    def change(parts: tuple[bytes, int, int, bytes]) -> bytes:
        data, first, length, new = parts
        first %= len(data) + 1
        return data[:first] + new + data[first + length :]

    changed = st.tuples(whole, st.integers(0, 2**16), st.integers(0, 8), st.binary(max_size=8)).map(change)
    return whole | changed | st.binary(max_size=60)


def zipped(whole: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return spoiled(whole.map(lambda data: gzip.compress(data, 1)))


LINES = st.lists(JSON | st.fixed_dictionaries({"text": st.text()}), max_size=5).map(
    lambda values: "\n".join(json.dumps(value) for value in values).encode()
)
LISTS = st.lists(JSON | st.fixed_dictionaries({"text": st.text()}), max_size=5).map(
    lambda values: json.dumps(values, ensure_ascii=False).encode("utf-8", "surrogatepass")
)
TEXT = st.text().map(lambda text: text.encode("utf-8", "surrogatepass"))
CELLS = st.sampled_from(
    ["a", "y", "1", "-2.5", "1e300", "nan", "inf", '"', '"x,y"', "", " ", "\ufeff", "\0", "1_0", "é"]
)
TABLES = st.lists(st.lists(CELLS, max_size=3).map(",".join), max_size=5).map(
    lambda rows: "\r\n".join(["a,y", *rows]).encode()
)
IDX = st.tuples(
    st.sampled_from([8, 9, 11, 12, 13, 14, 1]), st.lists(st.sampled_from([0, 1, 2, 2**31, 2**32 - 1]), max_size=4)
).map(lambda of: bytes([0, 0, of[0], len(of[1])]) + struct.pack(f">{len(of[1])}I", *of[1]) + bytes(8))
TOKENS = st.tuples(
    st.sampled_from([20240520, 20240801, 0]),
    st.sampled_from([1, 7, 0]),
    st.sampled_from([0, 1, 3, 2**31 - 1, -1]),
    st.binary(max_size=16),
).map(lambda of: struct.pack("<3i", *of[:3]) + bytes(1024 - 12) + of[3])
SHARD = st.fixed_dictionaries(
    {
        "file": st.sampled_from(["shard-00000.bin", "../a.bin", "/etc/passwd", "", "a\0b", "x" * 300]) | st.text(),
        **{name: st.integers(-1, 5) | st.just(2**70) for name in ("n_documents", "n_tokens", "n_bytes")},
        **{name: st.text(max_size=3) for name in ("fingerprint", "sha256")},
    }
)
MANIFESTS = st.fixed_dictionaries(
    {"complete": st.booleans() | JSON, "shards": st.lists(SHARD | JSON, max_size=2), "format": st.just(2)}
).map(lambda content: json.dumps(content).encode())


def images() -> st.SearchStrategy[bytes]:
    from io import BytesIO

    from PIL import Image

    def file(of: tuple[str, str]) -> bytes:
        kind, form = of
        into = BytesIO()
        Image.new(kind, (3, 2)).save(into, form)
        return into.getvalue()

    kinds = [
        ("L", "PNG"),
        ("RGBA", "PNG"),
        ("I;16", "PNG"),
        ("P", "GIF"),
        ("RGB", "JPEG"),
        ("1", "TIFF"),
        ("F", "TIFF"),
    ]
    kinds += [("L", "BMP"), ("RGB", "PPM"), ("RGB", "WEBP"), ("I;16", "TIFF")]
    return st.sampled_from(kinds).map(file)


def streamed(path: Path) -> None:
    for _ in dataio.stream_text(path):
        pass


READERS: dict[str, tuple[str, Callable[[Path], Any], st.SearchStrategy[bytes]]] = {
    "lines": ("a.jsonl", streamed, spoiled(LINES)),
    "zipped lines": ("a.jsonl.gz", streamed, zipped(LINES)),
    "lists": ("a.json", streamed, spoiled(LISTS | LINES)),
    "text": ("a.txt", streamed, spoiled(TEXT)),
    "zipped text": ("a.txt.gz", dataio.read_text, zipped(TEXT)),
    "tables": ("a.csv", lambda path: dataio.read_table(path, "y"), spoiled(TABLES)),
    "numbers": ("a.csv", lambda path: dataio.read_table(path, "y", numeric_target=True), spoiled(TABLES)),
    "idx": ("a.idx", dataio.read_idx, spoiled(IDX)),
    "zipped idx": ("a.idx.gz", dataio.read_idx, zipped(IDX)),
    "tokens": ("a.bin", dataio.read_tokens, spoiled(TOKENS)),
    "manifests": ("manifest.json", lambda path: dataio.read_shards(path.parent, verify=True), spoiled(MANIFESTS)),
}


def holds(name: str, read: Callable[[Path], Any], content: bytes, folder: Path) -> None:
    """The claim: the content is read, or refused in the house's form."""
    (folder / name).write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            read(folder / name)
        except (ValueError, FileNotFoundError) as error:
            if not str(error).startswith("wanted ") and ": wanted " not in str(error):
                raise AssertionError(f"not in our words: {error!r}") from error


def fuzz(name: str, read: Callable[[Path], Any], contents: st.SearchStrategy[bytes], folder: Path, times: int) -> None:
    dataio.write_tokens(folder / "shard-00000.bin", np.array([1, 2, 3]), 257)

    @settings(max_examples=times, deadline=10_000, suppress_health_check=list(HealthCheck), database=None)
    @given(contents)
    def run(content: bytes) -> None:
        holds(name, read, content, folder)

    run()


@pytest.mark.parametrize(("name", "read", "contents"), READERS.values(), ids=READERS)
def test_every_reader_reads_or_says_what_is_wrong(name, read, contents, tmp_path):
    fuzz(name, read, contents, tmp_path, 50)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "read", "contents"), READERS.values(), ids=READERS)
def test_every_reader_for_long(name, read, contents, tmp_path):
    fuzz(name, read, contents, tmp_path, 20_000)


@pytest.mark.extras
@pytest.mark.parametrize("times", [30, pytest.param(20_000, marks=pytest.mark.slow)])
def test_pictures_are_read_or_refused(tmp_path, times):
    pytest.importorskip("torchvision", reason="needs the extra dataio[images]")
    fuzz("a.png", dataio.read_image, spoiled(images()), tmp_path, times)


@pytest.mark.extras
@pytest.mark.parametrize("times", [50, pytest.param(5_000, marks=pytest.mark.slow)])
def test_parquet_is_read_or_refused(tmp_path, times):
    arrow = pytest.importorskip("pyarrow", reason="needs the extra dataio[hub]")
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra dataio[hub]")
    parquet.write_table(arrow.table({"text": ["a", "b", None], "n": [1, 2, 3]}), tmp_path / "whole.parquet")
    whole = st.just((tmp_path / "whole.parquet").read_bytes())
    (tmp_path / "in").mkdir()
    fuzz("a.parquet", streamed, spoiled(whole), tmp_path / "in", times)
