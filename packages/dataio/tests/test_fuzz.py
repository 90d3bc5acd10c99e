"""Whatever a file holds, its reader reads it or says in our words what is wrong: no other error, no bomb, no hang."""

import contextlib
import gzip
import itertools
import json
import struct
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

import dataio

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.just("text"), inner, max_size=4),
    max_leaves=12,
)


def zipped(whole: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return whole.map(lambda data: gzip.compress(data, 1))


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
    "lines": ("a.jsonl", streamed, LINES),
    "zipped lines": ("a.jsonl.gz", streamed, zipped(LINES)),
    "lists": ("a.json", streamed, LISTS | LINES),
    "text": ("a.txt", streamed, TEXT),
    "zipped text": ("a.txt.gz", dataio.read_text, zipped(TEXT)),
    "tables": ("a.csv", lambda path: dataio.read_table(path, "y"), TABLES),
    "numbers": ("a.csv", lambda path: dataio.read_table(path, "y", numeric_target=True), TABLES),
    "idx": ("a.idx", dataio.read_idx, IDX),
    "zipped idx": ("a.idx.gz", dataio.read_idx, zipped(IDX)),
    "tokens": ("a.bin", dataio.read_tokens, TOKENS),
    "manifests": ("manifest.json", lambda path: dataio.read_shards(path.parent, verify=True), MANIFESTS),
}


def holds(fuzz, name: str, read: Callable[[Path], Any], contents: st.SearchStrategy[bytes], folder: Path, times: int):
    """The claim: each content, good or spoiled, is read, or refused in the house's form."""
    dataio.write_tokens(folder / "shard-00000.bin", np.array([1, 2, 3]), 257)

    def claim(content: bytes) -> None:
        (folder / name).write_bytes(content)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                read(folder / name)
            except (ValueError, FileNotFoundError) as error:
                if not str(error).startswith("wanted ") and ": wanted " not in str(error):
                    raise AssertionError(f"not in our words: {error!r}") from error

    fuzz(claim, times, content=contents.flatmap(fuzz.spoiled))


@pytest.mark.parametrize(("name", "read", "contents"), READERS.values(), ids=READERS)
def test_every_reader_reads_or_says_what_is_wrong(fuzz, name, read, contents, tmp_path):
    holds(fuzz, name, read, contents, tmp_path, 60)


@pytest.mark.extras
def test_pictures_are_read_or_refused(fuzz, tmp_path):
    pytest.importorskip("torchvision", reason="needs the extra dataio[images]")
    holds(fuzz, "a.png", dataio.read_image, images(), tmp_path, 60)


@pytest.mark.extras
def test_parquet_is_read_or_refused(fuzz, tmp_path):
    arrow = pytest.importorskip("pyarrow", reason="needs the extra dataio[hub]")
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra dataio[hub]")
    parquet.write_table(arrow.table({"text": ["a", "b", None], "n": [1, 2, 3]}), tmp_path / "whole.parquet")
    whole = st.just((tmp_path / "whole.parquet").read_bytes())
    (tmp_path / "in").mkdir()
    holds(fuzz, "a.parquet", streamed, whole, tmp_path / "in", 60)


CORPUS = dataio.Corpus("a", tuple(dataio.Document(f"{n}", f"the cat {n}. " * 9) for n in range(9)))
DATA = dataio.ArrayDataset(np.arange(12), np.arange(12) % 3)
SETTINGS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "Batches": (
        lambda **given: [*itertools.islice(dataio.Batches(DATA, **given), 4)],
        {"batch_size": 4, "seed": 0, "rank": 0, "world_size": 1, "micro_batch_size": 2, "lengths": None},
    ),
    "TokenWindows": (
        lambda **given: dataio.TokenWindows(np.arange(40), **given)[0],
        {"length": 4, "stride": 2, "end_of_text": 3},
    ),
    "Mixture": (lambda weights: dataio.Mixture([DATA, DATA], weights)[0], {"weights": [0.25, 0.75]}),
    "AffineAugmentation": (dataio.AffineAugmentation, {"degrees": 1.0, "translate": 0.1, "scale": 0.1, "shear": 1.0}),
    "Subset": (lambda indices: dataio.Subset(DATA, indices), {"indices": [1, 2]}),
    "split_by_fraction": (lambda **given: dataio.split_by_fraction(DATA, **given), {"held_out": 0.2, "seed": 0}),
    "split_by_content": (lambda held_out: dataio.split_by_content(DATA, held_out), {"held_out": 0.2}),
    "split_corpus": (lambda held_out: dataio.split_corpus(CORPUS, held_out), {"held_out": 0.2}),
    "split_stream": (lambda held_out: dataio.split_stream(CORPUS, held_out), {"held_out": 0.2}),
    "uniform": (lambda count: dataio.uniform(np.arange(3, dtype=np.uint64), count), {"count": 2}),
    "write_shards": (
        lambda folder, **given: dataio.write_shards(CORPUS, lambda text: [*text.encode()], folder, **given),
        {"n_vocab": 257, "tokenizer": "bytes", "end_of_text": 256, "shard_bytes": 2**20},
    ),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_any_setting_is_taken_or_refused(fuzz, name, tmp_path):
    call, right = SETTINGS[name]
    place = {"folder": tmp_path / "out"} if name == "write_shards" else {}

    def claim(changes: dict[str, Any]) -> None:
        with fuzz.answer(), contextlib.suppress(TypeError):  # Python's own words for what is no number at all
            call(**place, **{**right, **changes})

    call(**place, **right)
    names = st.sampled_from(sorted(right))
    fuzz(claim, 30, changes=st.dictionaries(names, fuzz.wild(), min_size=1, max_size=2))
