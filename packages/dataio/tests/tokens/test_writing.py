"""Shards, held against a loop over the documents."""

import dataclasses
import json
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import dataio
from dataio.tokens.files import HEADER_BYTES
from dataio.tokens.manifest import Shard
from workbench import lay_out, recorded_disk

# Python 3.12 and newer warn of every fork in a process with threads, which a process with torch always is.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


END = 256


def encode(text: str) -> list[int]:
    return list(text.encode())


def write_jsonl(path: Path, texts: list[str]) -> Path:
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return path


def write(source, folder: Path, **options) -> list[Shard]:
    chosen = {"encode": encode, "n_vocab": 257, "tokenizer": "bytes", "end_of_text": END, "shard_bytes": 60}
    return list(dataio.write_shards(source, folder=folder, **(chosen | options)))


def packed_by_hand(texts: list[str], shard_bytes: int) -> list[list[str]]:
    """Documents of each shard: as many as fit, at least one."""
    shards: list[list[str]] = [[]]
    for text in filter(None, texts):
        if shards[-1] and len("".join([*shards[-1], text]).encode()) > shard_bytes:
            shards.append([])
        shards[-1].append(text)
    return shards


def never(text: str) -> list[int]:
    raise AssertionError(f"encoded {text!r}")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.bin")}


CORPUS = dataio.Corpus("tiny", tuple(dataio.Document(f"{i}", f"document {i} " * (i + 1)) for i in range(12)))


def expected_tokens() -> list[int]:
    return [token for document in CORPUS.documents for token in [*document.text.encode(), 256]]


def first_texts(shard: dataio.Shard) -> set[str]:
    texts, size = set(), 0
    for document in CORPUS.documents:
        size += len(document.text)
        if size > shard.n_bytes:
            break
        texts.add(document.text)
    return texts


@settings(max_examples=20)
@given(st.lists(st.text("ab é\n日", max_size=30), min_size=1, max_size=30).filter(any), st.integers(1, 80))
def test_shards_of_a_stream_are_those_of_a_loop_with_exact_counts(tmp_path_factory, texts, shard_bytes):
    folder = tmp_path_factory.mktemp("stream")
    stream = dataio.stream_text(write_jsonl(folder / "a.jsonl", texts))
    shards = write(stream, folder / "ours", shard_bytes=shard_bytes)
    expected = packed_by_hand(texts, shard_bytes)
    assert [shard.file for shard in shards] == [f"shard-{number:05d}.bin" for number in range(len(expected))]
    for shard, documents in zip(shards, expected, strict=True):
        tokens = [token for text in documents for token in [*text.encode(), END]]
        file = (folder / "ours" / shard.file).read_bytes()
        assert np.frombuffer(file, np.uint16, offset=HEADER_BYTES).tolist() == tokens
        n_bytes = len("".join(documents).encode())
        assert (shard.n_documents, shard.n_tokens, shard.n_bytes) == (len(documents), len(tokens), n_bytes)
    manifest = dataio.read_shards(folder / "ours", verify=True).manifest
    for count in ("n_documents", "n_tokens", "n_bytes"):
        assert manifest[count] == sum(getattr(shard, count) for shard in shards)
    whole = dataio.Corpus("whole", tuple(stream))
    assert manifest["fingerprint"] == whole.fingerprint
    assert write(whole, folder / "theirs", shard_bytes=shard_bytes) == shards


def test_an_unchanged_source_is_not_read_and_equal_text_not_encoded_again(tmp_path):
    path = write_jsonl(tmp_path / "a.jsonl", [f"document {number}" for number in range(20)])
    folder = tmp_path / "shards"
    shards = write(dataio.stream_text(path), folder)
    unread = dataclasses.replace(dataio.stream_text(path), documents=lambda: iter([never("read")]))
    assert write(unread, folder, encode=never) == shards
    os.utime(path, ns=(0, 0))
    assert write(dataio.stream_text(path), folder, encode=never) == shards
    (folder / shards[1].file).unlink()
    before = contents(folder)
    assert write(dataio.stream_text(path), folder) == shards
    assert before.items() < contents(folder).items()
    write_jsonl(path, [f"document {number}" for number in range(19)] + ["document X"])
    with pytest.raises(ValueError, match=r"of the same text, but shard-\d+.bin was written from other text; choose"):
        write(dataio.stream_text(path), folder)


def test_other_text_of_equal_name_size_and_time_is_not_taken_for_the_first(tmp_path):
    path = write_jsonl(tmp_path / "a.jsonl", [f"document {number}" for number in range(20)])
    stat = path.stat()
    write(dataio.stream_text(path), tmp_path / "shards")
    write_jsonl(path, [f"document {number}" for number in range(19)] + ["document AB"])
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert path.stat().st_size == stat.st_size
    with pytest.raises(ValueError, match="was written from other text"):
        write(dataio.stream_text(path), tmp_path / "shards")


def test_only_the_shard_being_written_is_in_memory(tmp_path):
    stream = dataio.TextStream("long", "1", lambda: (dataio.Document(f"{n}", f"{n:9}" * 10_000) for n in range(300)))
    tracemalloc.start()
    try:
        shards = write(stream, tmp_path, encode=lambda text: np.frombuffer(text.encode(), np.uint8), shard_bytes=10**6)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sum(shard.n_bytes for shard in shards) == 27_000_000
    assert peak < 12_000_000


@pytest.mark.parametrize("num_workers", [0, 2])
def test_shards_hold_every_document_in_order_whoever_wrote_them(tmp_path, num_workers):
    shards = write(CORPUS, tmp_path, shard_bytes=200, num_workers=num_workers)
    read = dataio.read_shards(tmp_path, verify=True)
    assert read[:].tolist() == expected_tokens()
    assert len(read) == sum(shard.n_tokens for shard in shards) == read.manifest["n_tokens"]
    assert read.manifest["n_bytes"] == CORPUS.n_bytes
    assert (read.manifest["tokenizer"], read.manifest["fingerprint"]) == ("bytes", CORPUS.fingerprint)
    assert len(shards) == len(read.paths) > 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["manifest.json", *(f.name for f in read.paths)]
    write(CORPUS, tmp_path / "alone", shard_bytes=200)
    for path in read.paths:
        assert (tmp_path / "alone" / path.name).read_bytes() == path.read_bytes()


def test_writing_goes_on_where_it_stopped_and_repairs_what_is_damaged(tmp_path):
    encoded: list[str] = []

    def noted(text: str) -> list[int]:
        encoded.append(text)
        return encode(text)

    start = dataio.write_shards(
        CORPUS, noted, tmp_path, n_vocab=257, tokenizer="bytes", end_of_text=256, shard_bytes=200
    )
    first, second = next(start), next(start)
    start.close()
    with pytest.raises(ValueError, match=r"wanted finished shards .*run write_shards again to go on"):
        dataio.read_shards(tmp_path)
    data = bytearray((tmp_path / second.file).read_bytes())
    data[-1] ^= 1
    (tmp_path / second.file).write_bytes(data)
    encoded.clear()
    shards = write(CORPUS, tmp_path, shard_bytes=200, encode=noted)
    assert encoded[0] == next(d.text for d in CORPUS.documents if len(d.text) and d.text not in first_texts(first))
    assert not set(encoded) & first_texts(first)
    assert shards[0] == first
    assert dataio.read_shards(tmp_path, verify=True)[:].tolist() == expected_tokens()
    encoded.clear()
    assert write(CORPUS, tmp_path, shard_bytes=200, encode=noted) == sorted(shards, key=lambda shard: shard.file)
    assert not encoded


@pytest.mark.skipif(os.name == "nt", reason="Windows flushes no folders")
def test_at_each_moment_what_the_manifest_names_is_there_and_writing_goes_on(tmp_path):
    """Killed, or the power failed: the shards that are named are whole, and the rest is written to the same bytes."""
    few = dataio.Corpus("few", CORPUS.documents[:5])
    folder = tmp_path / "shards"
    folder.mkdir()
    with recorded_disk(folder) as disk:
        write(few, folder)
    whole = contents(folder)
    for number, content in enumerate(disk.moments()):
        place = tmp_path / str(number)
        lay_out(content, place)
        if "manifest.json" in content:
            for shard in json.loads(content["manifest.json"])["shards"]:
                assert content[shard["file"]] == whole[shard["file"]]
        write(few, place)
        assert contents(place) == whole
    assert all(json.loads(content["manifest.json"])["complete"] for content in disk.finally_there())
    assert all(content[name] == whole[name] for content in disk.finally_there() for name in whole)
