from pathlib import Path

import pytest

import dataio

# Python 3.12 and newer warn of every fork in a process with threads, which a process with torch always is.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


CORPUS = dataio.Corpus("tiny", tuple(dataio.Document(f"{i}", f"document {i} " * (i + 1)) for i in range(12)))


def encode(text: str) -> list[int]:
    return list(text.encode())


def write(folder: Path, **options) -> list[dataio.Shard]:
    settings = {"encode": encode, "n_vocab": 257, "tokenizer": "bytes", "end_of_text": 256, "shard_bytes": 200}
    return list(dataio.write_shards(CORPUS, folder=folder, **(settings | options)))


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
