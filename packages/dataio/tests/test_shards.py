import json
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

import dataio

# Python 3.12 and newer warn of every fork in a process with threads, which a process with torch always is.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
CORPUS = dataio.Corpus("tiny", tuple(dataio.Document(f"{i}", f"document {i} " * (i + 1)) for i in range(12)))


def encode(text: str) -> list[int]:
    return list(text.encode())


def deadly(text: str) -> list[int]:
    if text.startswith("document 7 "):
        os.kill(os.getpid(), signal.SIGKILL)
    return encode(text)


def write(folder: Path, **options) -> list[dataio.Shard]:
    settings = {"encode": encode, "n_vocab": 257, "tokenizer": "bytes", "end_of_text": 256, "shard_bytes": 200}
    return list(dataio.write_shards(CORPUS, folder=folder, **(settings | options)))


def expected_tokens() -> list[int]:
    return [token for document in CORPUS.documents for token in [*document.text.encode(), 256]]


@pytest.mark.parametrize("num_workers", [0, 2])
def test_shards_hold_every_document_in_order_whoever_wrote_them(tmp_path, num_workers):
    shards = write(tmp_path, num_workers=num_workers)
    read = dataio.read_shards(tmp_path, verify=True)
    assert read[:].tolist() == expected_tokens()
    assert len(read) == sum(shard.n_tokens for shard in shards) == read.manifest["n_tokens"]
    assert read.manifest["n_bytes"] == CORPUS.n_bytes
    assert (read.manifest["tokenizer"], read.manifest["fingerprint"]) == ("bytes", CORPUS.fingerprint)
    assert len(shards) == len(read.paths) > 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["manifest.json", *(f.name for f in read.paths)]
    write(tmp_path / "alone")
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
    shards = write(tmp_path, encode=noted)
    assert encoded[0] == next(d.text for d in CORPUS.documents if len(d.text) and d.text not in first_texts(first))
    assert not set(encoded) & first_texts(first)
    assert shards[0] == first
    assert dataio.read_shards(tmp_path, verify=True)[:].tolist() == expected_tokens()
    encoded.clear()
    assert write(tmp_path, encode=noted) == sorted(shards, key=lambda shard: shard.file)
    assert not encoded


def first_texts(shard: dataio.Shard) -> set[str]:
    texts, size = set(), 0
    for document in CORPUS.documents:
        size += len(document.text)
        if size > shard.n_bytes:
            break
        texts.add(document.text)
    return texts


def test_a_killed_writer_is_reported_and_loses_no_finished_shard(tmp_path):
    with pytest.raises(dataio.WorkerError, match=r"(?s)wanted all shards, but a worker ended.*run again to go on"):
        write(tmp_path, encode=deadly, num_workers=1)
    kept = json.loads((tmp_path / "manifest.json").read_text())["shards"]
    shards = write(tmp_path)
    assert [shard.sha256 for shard in shards][: len(kept)] == [shard["sha256"] for shard in kept]
    assert dataio.read_shards(tmp_path)[:].tolist() == expected_tokens()


def test_a_changed_file_is_found(tmp_path):
    write(tmp_path)
    path = dataio.read_shards(tmp_path).paths[1]
    data = bytearray(path.read_bytes())
    data[1030] ^= 1
    path.write_bytes(data)
    with pytest.raises(
        ValueError, match=rf"wanted .*{path.name} as it was written, but its checksum differs; remove it"
    ):
        dataio.read_shards(tmp_path, verify=True)
    dataio.write_tokens(path, [1, 2, 3], 257)
    with pytest.raises(ValueError, match=rf"tokens in .*{path.name}, got 3; remove it"):
        dataio.read_shards(tmp_path)
    path.unlink()
    with pytest.raises(FileNotFoundError, match="wanted a token file"):
        dataio.read_shards(tmp_path)


def test_bad_shard_folders_and_settings_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"wanted a folder of token shards, but there is no .*manifest"):
        dataio.read_shards(tmp_path)
    with pytest.raises(ValueError, match="wanted at least one token file, got an empty list"):
        dataio.read_shards([])
    with pytest.raises(ValueError, match=r"wanted token ids from 0 to 99, got .* in document '0'; pass the n_vocab"):
        write(tmp_path / "small", n_vocab=100, end_of_text=99)
    with pytest.raises(ValueError, match=r"wanted documents, shard_bytes of at least 1.*got tiny, 0 and 0"):
        write(tmp_path, shard_bytes=0)
    write(tmp_path)
    with pytest.raises(ValueError, match=r"but tokenizer differ\(s\); choose another folder"):
        write(tmp_path, tokenizer="other")
    (tmp_path / "manifest.json").write_text('{"complete": tr')
    with pytest.raises(ValueError, match=r"wanted the manifest of token shards, but .* is damaged"):
        dataio.read_shards(tmp_path)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.integers(1, 40), st.booleans())
def test_windows_over_shards_are_windows_over_the_joined_array(tmp_path_factory, sizes, length, ragged):
    folder = tmp_path_factory.mktemp("parts")
    whole = np.arange(sum(sizes)) + 60_000
    paths = []
    for number, part in enumerate(np.split(whole, np.cumsum(sizes)[:-1])):
        paths.append(folder / f"{number}.bin")
        if number % 2:
            part.astype(np.uint16).tofile(paths[-1])  # nanoGPT's form
        else:
            dataio.write_tokens(paths[-1], part, 70_000 if number else 61_000)
    shards = dataio.read_shards(paths)
    assert shards[3:20].tolist() == whole[3:20].tolist()
    assert int(shards[-1]) == whole[-1]
    if len(whole) < (2 if ragged else length + 1):
        return
    ours, theirs = (dataio.TokenWindows(tokens, length, ragged=ragged) for tokens in (shards, whole))
    order = np.arange(len(theirs))[::-1]
    for our_part, their_part in zip(ours.fetch(order), theirs.fetch(order), strict=True):
        assert torch.equal(our_part, their_part)


def test_mapped_windows_are_sent_to_workers_as_their_path(tmp_path):
    dataio.write_tokens(tmp_path / "a.bin", np.arange(60_000), 60_000)
    mapped = dataio.read_tokens(tmp_path / "a.bin")
    for tokens in (mapped, dataio.read_shards([tmp_path / "a.bin"] * 2)):
        windows = dataio.TokenWindows(tokens, 8)
        data = pickle.dumps(windows)
        assert len(data) < 1000
        assert torch.equal(pickle.loads(data)[3][0], windows[3][0])
    part = dataio.TokenWindows(mapped[100:200], 8)
    assert pickle.loads(pickle.dumps(part))[0][0].tolist() == list(range(100, 108))


MEASURE = """
import sys, numpy as np, dataio

def resident():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1]) / 1024

windows = dataio.TokenWindows(np.arange(100), 4)
windows.fetch([0])
before = resident()
windows = dataio.TokenWindows(dataio.read_shards([sys.argv[1]]), 1024)
batches = dataio.Batches(windows, 8)
for step in range(20):
    batches[step]
print(len(windows), resident() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="resident memory is read from /proc")
def test_a_file_of_a_gigabyte_is_read_within_100_megabytes(tmp_path):
    path = tmp_path / "sparse.bin"
    count = 500_000_000
    dataio.write_tokens(path, [0], 50_257)
    with path.open("r+b") as file:
        file.seek(8)
        file.write(count.to_bytes(4, "little"))
        file.truncate(1024 + 2 * count)  # sparse: takes no room on the disk
    outcome = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, check=True, timeout=100
    )
    windows, grown = outcome.stdout.split()
    assert int(windows) == (count - 1) // 1024
    assert float(grown) < 100
