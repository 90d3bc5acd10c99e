"""Writers that are killed."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import dataio
from dataio.tokens.manifest import Shard

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


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.bin")}


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


CORPUS = dataio.Corpus("tiny", tuple(dataio.Document(f"{i}", f"document {i} " * (i + 1)) for i in range(12)))


def deadly(text: str) -> list[int]:
    if text.startswith("document 7 "):
        os.kill(os.getpid(), signal.SIGKILL)
    return encode(text)


def expected_tokens() -> list[int]:
    return [token for document in CORPUS.documents for token in [*document.text.encode(), 256]]


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


def test_a_killed_writer_is_reported_and_loses_no_finished_shard(tmp_path):
    with pytest.raises(dataio.WorkerError, match=r"(?s)wanted all shards, but a worker ended.*run again to go on"):
        write(CORPUS, tmp_path, shard_bytes=200, encode=deadly, num_workers=1)
    kept = json.loads((tmp_path / "manifest.json").read_text())["shards"]
    shards = write(CORPUS, tmp_path, shard_bytes=200)
    assert [shard.sha256 for shard in shards][: len(kept)] == [shard["sha256"] for shard in kept]
    assert dataio.read_shards(tmp_path)[:].tolist() == expected_tokens()
