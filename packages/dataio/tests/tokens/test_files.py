import os

import numpy as np
import pytest

import dataio
from workbench import recorded_disk


def header(*numbers: int) -> bytes:
    return np.array([*numbers, *[0] * (256 - len(numbers))], dtype="<i4").tobytes()


BAD_FILES = {
    "missing": (None, FileNotFoundError, "wanted a token file, but .* does not exist; write one"),
    "empty": (b"", ValueError, "of 0 bytes; write one"),
    "odd": (b"abc", ValueError, "of 3 bytes"),
    "short": (header(20240520, 1, 5) + b"12", ValueError, "wanted 1034 bytes for the 5 tokens .* got 1026; .*again"),
    "count": (header(20240801, 7, 0), ValueError, "wanted 1024 bytes for the 0 tokens"),
    "version": (header(20240520, 9, 1) + b"12", ValueError, "wanted version 1 .* has 9; convert"),
}


BAD_TOKENS = {
    "none": ([], ValueError, r"got shape \(0,\); flatten"),
    "matrix": ([[1, 2]], ValueError, r"got shape \(1, 2\); flatten"),
    "floats": ([1.0], TypeError, "wanted integer token ids, got dtype float64; convert"),
    "too large": ([1, 2, 10], ValueError, "wanted token ids from 0 to 9, got 10 at position 2; pass the n_vocab"),
    "negative": ([1, -1], ValueError, "got -1 at position 1"),
}


@pytest.mark.parametrize(("n_vocab", "itemsize"), [(50_257, 2), (65_536, 2), (65_537, 4), (128_256, 4)])
def test_token_files_come_back_and_have_llmc_s_header(tmp_path, n_vocab, itemsize):
    tokens = np.random.default_rng(0).integers(0, n_vocab, 1000)
    tokens[-1] = n_vocab - 1
    path = tmp_path / "tokens.bin"
    dataio.write_tokens(path, tokens, n_vocab)
    data = path.read_bytes()
    header = np.frombuffer(data[:1024], dtype="<i4")
    assert header[:3].tolist() == ([20240520, 1, 1000] if itemsize == 2 else [20240801, 7, 1000])
    assert not header[3:].any()
    assert np.array_equal(np.frombuffer(data[1024:], dtype=f"<u{itemsize}"), tokens)
    read = dataio.read_tokens(path)
    assert isinstance(read, np.memmap)
    assert np.array_equal(read, tokens)
    assert [file.name for file in tmp_path.iterdir()] == ["tokens.bin"]


def test_bare_nanogpt_files_are_read(tmp_path):
    tokens = np.arange(700, dtype=np.uint16)
    for count in (3, 700):
        tokens[:count].tofile(tmp_path / "train.bin")
        assert np.array_equal(dataio.read_tokens(tmp_path / "train.bin"), tokens[:count])


@pytest.mark.parametrize(("content", "kind", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_bad_token_files_are_refused(tmp_path, content, kind, message):
    path = tmp_path / "tokens.bin"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(kind, match=message):
        dataio.read_tokens(path)


@pytest.mark.parametrize(("tokens", "kind", "message"), BAD_TOKENS.values(), ids=BAD_TOKENS)
def test_bad_tokens_are_refused_and_nothing_is_written(tmp_path, tokens, kind, message):
    with pytest.raises(kind, match=message):
        dataio.write_tokens(tmp_path / "tokens.bin", np.array(tokens), 10)
    assert not list(tmp_path.iterdir())


def test_a_writer_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch):
    path = tmp_path / "tokens.bin"
    dataio.write_tokens(path, [1, 2, 3], 10)
    before = path.read_bytes()

    def full(path):
        raise OSError("no space left on the device")

    monkeypatch.setattr("workbench.files.durable.sync", full)
    with pytest.raises(OSError, match="no space left"):
        dataio.write_tokens(path, [4, 5], 10)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="Windows flushes no folders")
def test_at_each_moment_a_token_file_is_the_old_or_the_new(tmp_path):
    path = tmp_path / "tokens.bin"
    dataio.write_tokens(path, [1, 2, 3], 10)
    old = path.read_bytes()
    with recorded_disk(tmp_path) as disk:
        dataio.write_tokens(path, np.arange(9), 10)
    new = path.read_bytes()
    assert {content["tokens.bin"] for content in disk.moments()} == {old, new}
    assert disk.finally_there() == [{"tokens.bin": new}] * 3


def test_a_file_holds_as_many_tokens_as_an_int32_counts(tmp_path):
    many = np.broadcast_to(np.uint8(0), 2**31)  # one byte of memory
    with pytest.raises(ValueError, match=r"1 to 2147483647 token ids, got shape \(2147483648,\); "):
        dataio.write_tokens(tmp_path / "tokens.bin", many, 10)
    assert not any(tmp_path.iterdir())
    assert np.iinfo("<i4").max == dataio.tokens.files.MAX_TOKENS
