"""Many token files as one run of tokens, also larger than memory."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

import dataio
from dataio.tokens.files import HEADER_BYTES
from dataio.tokens.manifest import Shard, write_manifest

# Python 3.12 and newer warn of every fork in a process with threads, which a process with torch always is.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


MEASURE = """
import sys, time, dataio, numpy as np

def resident():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1]) / 1024

dataio.TokenWindows(np.arange(100), 4).fetch([0])
before, began = resident(), time.process_time()
shards = dataio.read_shards(sys.argv[1])
windows = dataio.TokenWindows(shards, 1024)
batches = dataio.Batches(windows, 64, seed=3)
opened, seconds = resident() - before, time.process_time() - began
for step in range(int(sys.argv[2])):
    batches[step]
grown, before = resident() - before, resident()
one = dataio.TokenWindows(dataio.read_shards([shards.paths[0]]), 1024)  # a file without its manifest
batches = dataio.Batches(one, 8)
for step in range(20):
    batches[step]
print(len(shards), opened, grown, len(one), resident() - before, f"opened in {seconds:.2f} s of CPU")
"""


def sparse_shards(folder: Path, n_shards: int, n_tokens: int) -> None:
    """Zeros that take no room on the disk, as the package itself would list them."""
    shards = {}
    for number in range(n_shards):
        path = folder / f"shard-{number:05d}.bin"
        dataio.write_tokens(path, [0], 257)
        with path.open("r+b") as file:
            file.seek(8)
            file.write(n_tokens.to_bytes(4, "little"))
            file.truncate(HEADER_BYTES + 2 * n_tokens)
        shards[path.name] = Shard(path.name, 1, n_tokens, n_tokens, "", "")
    header = {"n_vocab": 257, "tokenizer": "bytes", "end_of_text": None, "shard_bytes": n_tokens, "identity": ""}
    write_manifest(folder, header, shards, complete=True)


def measured(folder: Path, steps: int) -> list[float]:
    command = [sys.executable, "-c", MEASURE, folder, str(steps)]
    outcome = subprocess.run(command, capture_output=True, text=True, check=True, timeout=200)
    return [float(number) for number in outcome.stdout.split()[:5]]


CORPUS = dataio.Corpus("tiny", tuple(dataio.Document(f"{i}", f"document {i} " * (i + 1)) for i in range(12)))


def encode(text: str) -> list[int]:
    return list(text.encode())


def write(folder: Path, **options) -> list[dataio.Shard]:
    settings = {"encode": encode, "n_vocab": 257, "tokenizer": "bytes", "end_of_text": 256, "shard_bytes": 200}
    return list(dataio.write_shards(CORPUS, folder=folder, **(settings | options)))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="resident memory is read from /proc")
def test_a_hundred_gigabytes_open_without_being_loaded(tmp_path):
    sparse_shards(tmp_path, 25, 2_000_000_000)
    tokens, opened, grown, windows_of_one, grown_by_one = measured(tmp_path, 3)
    assert tokens == 50_000_000_000
    assert opened < 20  # MiB
    assert grown < 100
    assert windows_of_one == (2_000_000_000 - 1) // 1024
    assert grown_by_one < 100


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="resident memory is read from /proc")
def test_an_epoch_of_a_gigabyte_stays_within_100_megabytes(tmp_path):
    sparse_shards(tmp_path, 1, 500_000_000)
    steps = (500_000_000 - 1) // 1024 // 64
    tokens, _, grown, *_ = measured(tmp_path, steps)
    assert tokens == 500_000_000
    assert grown < 100


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


@settings(max_examples=40)  # every file of every example is flushed to the disk
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
