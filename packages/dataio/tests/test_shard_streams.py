"""Shards written from streams, held against a loop over the documents; writers killed; shards larger than memory."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import dataio
from dataio.tokens.files import HEADER_BYTES
from dataio.tokens.manifest import Shard, write_manifest

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
END = 256


def encode(text: str) -> list[int]:
    return list(text.encode())


def never(text: str) -> list[int]:
    raise AssertionError(f"encoded {text!r}")


def write_jsonl(path: Path, texts: list[str]) -> Path:
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return path


def write(source, folder: Path, **options) -> list[Shard]:
    chosen = {"encode": encode, "n_vocab": 257, "tokenizer": "bytes", "end_of_text": END, "shard_bytes": 60}
    return list(dataio.write_shards(source, folder=folder, **(chosen | options)))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.bin")}


def packed_by_hand(texts: list[str], shard_bytes: int) -> list[list[str]]:
    """Documents of each shard: as many as fit, at least one."""
    shards: list[list[str]] = [[]]
    for text in filter(None, texts):
        if shards[-1] and len("".join([*shards[-1], text]).encode()) > shard_bytes:
            shards.append([])
        shards[-1].append(text)
    return shards


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
    good, stat = path.read_bytes(), path.stat()
    path.write_bytes(b"x" * stat.st_size)  # would raise if it were read
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert write(dataio.stream_text(path), folder, encode=never) == shards
    path.write_bytes(good)
    os.utime(path, ns=(0, 0))
    assert write(dataio.stream_text(path), folder, encode=never) == shards
    (folder / shards[1].file).unlink()
    before = contents(folder)
    assert write(dataio.stream_text(path), folder) == shards
    assert before.items() < contents(folder).items()
    write_jsonl(path, [f"document {number}" for number in range(19)] + ["document X"])
    with pytest.raises(ValueError, match=r"of the same text, but shard-\d+.bin was written from other text; choose"):
        write(dataio.stream_text(path), folder)


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


WRITER = """
import sys, time, dataio

def slow(text):
    time.sleep(0.02)
    return list(text.encode())

if __name__ == "__main__":
    settings = dict(n_vocab=257, tokenizer="bytes", end_of_text=256, shard_bytes=60)
    stream = dataio.stream_text(sys.argv[1])
    for shard in dataio.write_shards(stream, slow, sys.argv[2], num_workers=int(sys.argv[3]), **settings):
        print(shard.file, flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills as POSIX does")
def test_a_killed_process_leaves_no_worker_and_writing_goes_on(tmp_path):
    texts = [f"document {number} of a stream " for number in range(400)]
    path = write_jsonl(tmp_path / "a.jsonl", texts)
    (tmp_path / "writer.py").write_text(WRITER)
    command = [sys.executable, tmp_path / "writer.py", path, tmp_path / "shards", "2"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        said = {process.stdout.readline().strip() for _ in range(4)}
        process.kill()
        # The pipe ends when nobody holds it any more: neither the process nor its workers.
        process.communicate(timeout=30)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=30)
    assert process.returncode == -signal.SIGKILL
    listed = {shard["file"] for shard in json.loads((tmp_path / "shards" / "manifest.json").read_text())["shards"]}
    assert len(said) == 4
    assert said <= listed
    encoded: list[str] = []
    shards = write(dataio.stream_text(path), tmp_path / "shards", encode=lambda t: encoded.append(t) or encode(t))
    kept = sum(shard.n_documents for shard in shards if shard.file in listed)
    assert len(encoded) == len(texts) - kept
    write(dataio.stream_text(path), tmp_path / "alone")
    assert contents(tmp_path / "shards") == contents(tmp_path / "alone")
    assert not list((tmp_path / "shards").glob("*.part-*"))


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
print(len(shards), opened, resident() - before, f"opened in {seconds:.2f} s of CPU")
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


def measured(folder: Path, steps: int) -> tuple[int, float, float]:
    command = [sys.executable, "-c", MEASURE, folder, str(steps)]
    outcome = subprocess.run(command, capture_output=True, text=True, check=True, timeout=200)
    tokens, opened, grown = outcome.stdout.split()[:3]
    return int(tokens), float(opened), float(grown)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="resident memory is read from /proc")
def test_a_hundred_gigabytes_open_without_being_loaded(tmp_path):
    sparse_shards(tmp_path, 25, 2_000_000_000)
    tokens, opened, grown = measured(tmp_path, 3)
    assert tokens == 50_000_000_000
    assert opened < 20  # MiB
    assert grown < 100


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="resident memory is read from /proc")
def test_an_epoch_of_a_gigabyte_stays_within_100_megabytes(tmp_path):
    sparse_shards(tmp_path, 1, 500_000_000)
    steps = (500_000_000 - 1) // 1024 // 64
    tokens, _, grown = measured(tmp_path, steps)
    assert tokens == 500_000_000
    assert grown < 100


RANKS = """
import ctypes, mmap, sys, numpy as np, dataio
from dataio.tokens.files import HEADER_BYTES

T = 2048
tokens = dataio.read_shards([sys.argv[1]])
part = tokens.parts[0]
windows = dataio.TokenWindows(tokens, T)
ranks = [dataio.Batches(windows, 32, seed=1, rank=rank, world_size=4) for rank in range(4)]
protect = ctypes.CDLL(None, use_errno=True).mprotect
protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
first, size = part.ctypes.data - HEADER_BYTES, HEADER_BYTES + part.nbytes
for batches in ranks:
    assert protect(first, size, 0) == 0  # from here on, touching the file ends this process
    own = np.concatenate([batches.indices(step) for step in range(3)])
    for window in own.tolist():
        begin = (HEADER_BYTES + 2 * T * window) // mmap.PAGESIZE * mmap.PAGESIZE
        end = HEADER_BYTES + 2 * (T * window + T + 1)
        assert protect(first + begin, end - begin, 1) == 0  # readable
    for step in range(3):
        for inputs, targets in batches[step]:
            expected = T * batches.indices(step)[:, None] + np.arange(T)
            assert (inputs.numpy() == expected % 60_000).all()
print("each rank read its own windows", flush=True)
ranks[0][0]
print("another rank's windows too")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="forbids pages as POSIX does")
def test_a_rank_touches_the_bytes_of_its_own_windows_alone(tmp_path):
    dataio.write_tokens(tmp_path / "a.bin", np.arange(2048 * 1000 + 1) % 60_000, 60_000)
    command = [sys.executable, "-c", RANKS, tmp_path / "a.bin"]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert outcome.stdout == "each rank read its own windows\n", outcome.stderr
    assert outcome.returncode in (-signal.SIGSEGV, -signal.SIGBUS)
