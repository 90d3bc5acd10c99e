import json
from pathlib import Path

import pytest

import dataio
from workbench import InUse, hold

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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("file", "../secret.bin"),
        ("file", "/etc/passwd"),
        ("file", "..\\secret.bin"),
        ("file", "C:secret.bin"),
        ("file", ".."),
        ("file", ""),
        ("file", "x" * 300),
        ("file", "\ud800"),
        ("file", 3),
        ("n_tokens", -1),
        ("n_tokens", "9"),
        ("n_tokens", True),
        ("more", 1),
        (None, None),
    ],
)
def test_a_manifest_that_points_elsewhere_or_is_of_another_form_is_damaged(tmp_path, name, value):
    folder = tmp_path / "shards"
    write(folder)
    dataio.write_tokens(tmp_path / "secret.bin", [1], 257)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["shards"][0] = [] if name is None else manifest["shards"][0] | {name: value}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    for read in (dataio.read_shards, write):
        with pytest.raises(ValueError, match=r"wanted the manifest of token shards, but .* is damaged"):
            read(folder)


@pytest.mark.parametrize("content", ["[]", "{}", "3", '{"a": ' * 10**5, '{"complete": 1, "shards": []}', "\ufeff{}"])
def test_other_json_is_no_manifest(tmp_path, content):
    (tmp_path / "manifest.json").write_text(content, "utf-8")
    with pytest.raises(ValueError, match=r"wanted the manifest of token shards, but .* is damaged"):
        dataio.read_shards(tmp_path)


def test_a_bit_that_flipped_in_a_finished_shard_is_found_and_repaired_when_it_is_used_again(tmp_path):
    first = write(tmp_path)
    path = tmp_path / first[1].file
    whole = path.read_bytes()
    for place in (8, 1024, len(whole) - 1):
        changed = bytearray(whole)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(ValueError, match=rf"{path.name}"):
            dataio.read_shards(tmp_path, verify=True)
        assert write(tmp_path) == first
        assert path.read_bytes() == whole
    assert len(dataio.read_shards(tmp_path, verify=True)) == sum(shard.n_tokens for shard in first)


def test_two_that_write_to_one_folder_wait_for_each_other(tmp_path):
    begun = dataio.write_shards(CORPUS, encode, tmp_path, n_vocab=257, tokenizer="bytes", shard_bytes=200)
    next(begun)
    with pytest.raises(InUse):
        hold(tmp_path)
    begun.close()
    hold(tmp_path).release()
