"""Streams of documents, held against the readers of whole files."""

import gzip
import json
import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

import dataio


def write_jsonl(path: Path, records: list[object]) -> Path:
    text = "".join(json.dumps(record) + "\n" for record in records)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def test_files_folders_and_patterns_stream_what_read_text_reads(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "one.txt").write_bytes("naïve\r\n".encode())
    (tmp_path / "deep" / "two.md").write_text("second")
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / ".hidden.txt").write_text("no")
    for source in (tmp_path, tmp_path / "one.txt", f"{tmp_path}/**/*.[tm][xd]*"):
        assert tuple(dataio.stream_text(source)) == dataio.read_text(source).documents
    write_jsonl(tmp_path / "deep" / "three.jsonl", [{"text": "a"}, {"text": "b"}])
    names = [document.name for document in dataio.stream_text(tmp_path)]
    assert names == ["deep/three.jsonl:1", "deep/three.jsonl:2", "deep/two.md", "one.txt"]


def test_a_long_file_counts_as_several_documents(tmp_path):
    path = tmp_path / "long.txt"
    text = "".join(f"line {number}\n" for number in range(300_000))
    path.write_text(text)
    documents = list(dataio.stream_text(path))
    assert [document.name for document in documents] == ["long.txt", *(f"long.txt#{n}" for n in range(1, 4))]
    assert "".join(document.text for document in documents) == text
    assert all(document.text.endswith("\n") for document in documents)
    data = bytearray(text.encode())
    data[3_000_000] = 0xFF
    path.write_bytes(data)
    with pytest.raises(ValueError, match="invalid byte 0xff at offset 3000000; convert"):
        list(dataio.stream_text(path))


@pytest.mark.parametrize("suffix", ["txt", "jsonl", "jsonl.gz"])
def test_memory_stays_flat_on_a_large_file(tmp_path, suffix):
    path = tmp_path / f"large.{suffix}"
    line = "x" * 9_999
    data = ((line if suffix == "txt" else json.dumps({"text": line})) + "\n").encode() * 2000
    path.write_bytes(gzip.compress(data, 1) if suffix.endswith("gz") else data)
    del data
    tracemalloc.start()
    try:
        size = sum(len(document.text) for document in dataio.stream_text(path))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size >= 19_998_000
    assert peak < 6_000_000


def test_identity_changes_with_the_source_and_needs_no_reading(tmp_path):
    path = write_jsonl(tmp_path / "a.jsonl", [{"text": "one"}])
    before = dataio.stream_text(path).identity
    assert dataio.stream_text(path).identity == before
    assert dataio.stream_text(path, field="other").identity != before
    train, held_out = dataio.split_stream(dataio.stream_text(path))
    path.write_text("no JSON, and never read")
    others = {dataio.stream_text(path).identity, train.identity, held_out.identity, before}
    assert len(others) == 4


@given(st.lists(st.text("ab", min_size=1, max_size=6), min_size=1, max_size=60), st.floats(0.05, 0.95))
def test_a_split_stream_loses_and_doubles_nothing_and_parts_no_copies(texts, held_out):
    corpus = dataio.Corpus("c", tuple(dataio.Document(f"{i}", text) for i, text in enumerate(texts)))
    sides = []
    for side in dataio.split_stream(corpus, held_out):
        if len(set(texts)) == 1:
            with pytest.raises(ValueError, match="two documents that differ"):
                list(side)
            return
        sides.append(list(side))
        assert sides[-1]
    assert sorted(d.name for side in sides for d in side) == sorted(d.name for d in corpus.documents)
    assert not {d.text for d in sides[0]} & {d.text for d in sides[1]}


def test_a_stream_splits_as_a_corpus_does(tmp_path):
    path = write_jsonl(tmp_path / "a.jsonl", [{"text": f"text {number}"} for number in range(300)])
    stream = dataio.stream_text(path)
    ours = dataio.split_stream(stream, 0.1)
    theirs = dataio.split_corpus(dataio.Corpus("whole", tuple(stream)), 0.1)
    assert [tuple(side) for side in ours] == [side.documents for side in theirs]
    with pytest.raises(ValueError, match=r"wanted a held-out fraction between 0 and 1, got 0"):
        dataio.split_stream(stream, 0.0)


@pytest.mark.parametrize("share", [1e-9, 0.0011, 0.5, 1 - 1e-9])
@pytest.mark.parametrize("n", [2, 3, 250])
def test_chance_leaves_no_side_empty(share, n):
    corpus = dataio.Corpus("c", tuple(dataio.Document(f"{i}", f"text {i}") for i in range(n)))
    train, held = (list(side) for side in dataio.split_stream(corpus, share))
    assert len(train) + len(held) == n
    assert min(len(train), len(held)) > 0
    if share < 0.01:
        assert len(held) == 1
    if share > 0.99:
        assert len(train) == 1


def test_the_piece_that_is_held_out_is_looked_for_before_any_is_given_and_no_further_than_it_takes():
    read = []

    def documents():
        for number in range(1000):
            read.append(number)
            yield dataio.Document(f"{number}", f"text {number % 500}")

    stream = dataio.TextStream("t", "id", documents)
    train, _ = dataio.split_stream(stream, 0.1)
    next(iter(train))
    assert len(read) < 100
    read.clear()
    _, held = dataio.split_stream(stream, 1e-9)
    assert len({document.text for document in held}) == 1
    assert len(list(held)) == 2  # with its copy
    assert len(read) == 3000


def test_a_stream_of_one_text_is_refused_before_anything_is_given():
    for texts in (["a"], ["a", "a"]):
        corpus = dataio.Corpus("c", tuple(dataio.Document(f"{i}", text) for i, text in enumerate(texts)))
        for side in dataio.split_stream(corpus, 0.1):
            with pytest.raises(
                ValueError, match=r"wanted at least two documents that differ, .*got the same text only"
            ):
                next(iter(side))


def test_bad_sources_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"wanted a text file, a folder or a pattern, but .* is not there"):
        dataio.stream_text(tmp_path / "missing.jsonl")
    write_jsonl(tmp_path / "empty.jsonl", [{"text": ""}])
    with pytest.raises(ValueError, match=r"empty.jsonl: wanted text, but every file is empty; name other files"):
        list(dataio.stream_text(tmp_path / "empty.jsonl"))
    whole = write_jsonl(tmp_path / "a.jsonl.gz", [{"text": "x" * 100 + str(n)} for n in range(1000)])
    whole.write_bytes(whole.read_bytes()[:-200])
    with pytest.raises(ValueError, match=r"wanted a whole gzip file, but .*a.jsonl.gz is damaged after line \d+"):
        list(dataio.stream_text(whole))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_marks_and_line_ends_of_other_editors_are_read(tmp_path, end):
    (tmp_path / "a.jsonl").write_bytes(f'\ufeff{{"text": "a\u2028b"}}{end}{end}{{"text": "c"}}'.encode())
    (tmp_path / "b.txt").write_bytes(f"\ufeffone{end}\ufefftwo".encode())
    (tmp_path / "c.json").write_bytes(f'\ufeff[{end}{{"text": "d"}},{end}{{"text": "e"}}]{end}'.encode())
    texts = [document.text for document in dataio.stream_text(tmp_path)]
    assert texts == ["a\u2028b", "c", f"one{end}\ufefftwo", "d", "e"]
    assert dataio.read_text(tmp_path / "b.txt").documents[0].text == f"one{end}\ufefftwo"


def test_two_folders_of_equal_names_sizes_and_times_are_told_apart(tmp_path):
    identities = set()
    for number, (small, large) in enumerate([(b"a", b"x"), (b"b", b"x"), (b"a", b"y")]):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "small.txt").write_bytes(small)
        content = bytearray(b"z" * 3_000_000)
        content[1_240_000:1_240_001] = large  # between two samples
        (folder / "large.txt").write_bytes(content)
        for name in ("small.txt", "large.txt"):
            os.utime(folder / name, ns=(10**18, 10**18))
        identities.add(dataio.stream_text(folder).identity)
        identities.add(dataio.stream_text(folder).identity)
    assert len(identities) == 3
