"""Texts of every kind: records and plain files, read into memory or, where they are large, written as token files."""

import gzip
import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch

import gpt2
from dataio import TokenShards
from gpt2 import TrainSettings
from gpt2.commands.batch import describe
from gpt2.commands.settings import BatchSettings
from gpt2.texts import sources as text_sources

SHORT = {"recipe": "tiny", "steps": 8, "batch_size": 4, "save_every": 4}


@pytest.fixture(scope="module")
def documents(topics) -> list[str]:
    """Real ones, three hundred of up to 500 characters, no two alike."""
    text = "\n".join(topics)
    return [text[start : start + 100 + start % 401] for start in range(0, 150_000, 500)]


@pytest.fixture
def records(documents, tmp_path):
    path = tmp_path / "records.jsonl"
    path.write_text("".join(json.dumps({"text": text, "n": len(text)}) + "\n" for text in documents), encoding="utf-8")
    return path


@pytest.fixture
def large(monkeypatch):
    """Every text is more than memory should hold."""
    monkeypatch.setattr(text_sources, "IN_MEMORY", 1000)


def finished(settings: TrainSettings, stop: int | None = None) -> gpt2.Run:
    done = []
    run = gpt2.run(settings, lambda: len(done) + 1 == stop)
    for step in run:
        done.append(step)
    return run


def weights(run: gpt2.Run) -> bytes:
    return (run.folder / "model" / "model.safetensors").read_bytes()


def texts(run: gpt2.Run, tokens) -> list[str]:
    """What stands between the ends of text."""
    ids, end = np.asarray(tokens[:]), run.tokenizer.end_of_text
    parts = np.split(ids, np.flatnonzero(ids == end))
    return [text for part in parts if (text := run.tokenizer.decode([int(id) for id in part if id != end]))]


@pytest.mark.parametrize("kind", ["lines", "gzip", pytest.param("parquet", marks=pytest.mark.extras), "folder"])
def test_every_record_is_a_document_on_one_side(documents, records, tmp_path, kind):
    place = records
    if kind == "gzip":
        place = tmp_path / "records.jsonl.gz"
        place.write_bytes(gzip.compress(records.read_bytes()))
    elif kind == "parquet":
        arrow = pytest.importorskip("pyarrow", reason="Parquet needs the extra hub")
        parquet = pytest.importorskip("pyarrow.parquet", reason="Parquet needs the extra hub")
        place = tmp_path / "records.parquet"
        parquet.write_table(arrow.table({"text": documents}), place)
    elif kind == "folder":
        place = tmp_path / "folder"
        place.mkdir()
        records.rename(place / "records.jsonl")
        (place / "other.txt").write_text("another document, in a plain file\n")
        documents = [*documents, "another document, in a plain file\n"]
    run = gpt2.run(TrainSettings(text=str(place), out=tmp_path / "run", **SHORT))
    assert sorted(texts(run, run.text.train) + texts(run, run.text.held_out)) == sorted(documents)
    assert run.text.train_bytes + run.text.held_out_bytes == sum(len(text.encode()) for text in documents)


def test_a_large_text_is_written_once_and_learned_from_the_same_way(documents, records, tmp_path, large, monkeypatch):
    run = finished(TrainSettings(text=str(records), out=tmp_path / "run", **SHORT))
    assert isinstance(run.text.train, TokenShards)
    assert "token files in" in run.text.name
    assert sorted(texts(run, run.text.train) + texts(run, run.text.held_out)) == sorted(documents)
    # Every token of the held-out documents, and the end of each, is a target once.
    assert run.validation.count == len(run.text.held_out) - 1
    assert run.text.held_out[0] == run.text.held_out[-1] == run.tokenizer.end_of_text
    held = sum(len(text.encode()) for text in texts(run, run.text.held_out))
    assert run.bits_per_byte == pytest.approx(run.validation.total / math.log(2) / held)

    def written_again(*arguments, **options):
        raise AssertionError("the tokens were there")

    monkeypatch.setattr(text_sources, "write_shards", written_again)
    stopped = finished(TrainSettings(text=str(records), out=tmp_path / "stopped", **SHORT), stop=4)
    assert not stopped.finished
    torch.manual_seed(1)
    assert weights(finished(TrainSettings(resume=stopped.folder))) == weights(run)
    assert "4 windows of 32 tokens" in describe(BatchSettings(run.folder, 3))


def test_texts_of_equal_names_sizes_and_times_have_their_own_tokens(documents, tmp_path, large):
    read = []
    for number, order in enumerate((documents, documents[::-1])):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = folder / "part-aa.jsonl"
        path.write_text("".join(json.dumps({"text": text}) + "\n" for text in order), encoding="utf-8")
        os.utime(path, ns=(10**18, 10**18))
        run = gpt2.run(TrainSettings(text=str(folder), out=tmp_path / f"run-{number}", **SHORT))
        read.append(texts(run, run.text.train))
        assert set(read[-1]) <= set(documents)
    assert (tmp_path / "0" / "part-aa.jsonl").stat().st_size == (tmp_path / "1" / "part-aa.jsonl").stat().st_size
    assert [documents.index(text) for text in read[0]] == sorted(documents.index(text) for text in read[0])
    assert [documents.index(text) for text in read[1]] == sorted((documents.index(t) for t in read[1]), reverse=True)


def test_a_flipped_bit_in_cached_tokens_is_found_and_mended(records, tmp_path, large):
    run = gpt2.run(TrainSettings(text=str(records), out=tmp_path / "run", **SHORT))
    wanted = run.text.train[:].tolist()
    folder = Path(run.text.name.split("token files in ")[1].rstrip(")"))
    shard = next((folder / "train").glob("shard-*.bin"))
    content = bytearray(shard.read_bytes())
    content[-4] ^= 1
    shard.write_bytes(content)
    again = gpt2.run(TrainSettings(text=str(records), out=tmp_path / "again", **SHORT))
    assert again.text.train[:].tolist() == wanted
    shard.write_bytes(content[:-2])
    assert gpt2.run(TrainSettings(text=str(records), out=tmp_path / "more", **SHORT)).text.train[:].tolist() == wanted


def test_a_large_text_may_move_but_not_change(records, tmp_path, large):
    finished(TrainSettings(text=str(records), out=tmp_path / "run", **SHORT), stop=4)
    moved = records.rename(tmp_path / "moved.jsonl")
    # The records' names are part of what was read: so it is another text.
    with pytest.raises(ValueError, match=r"wanted the text it was trained on.*the text was changed; bring"):
        gpt2.run(TrainSettings(resume=tmp_path / "run", text=str(moved)))
    back = tmp_path / "elsewhere"
    back.mkdir()
    assert finished(TrainSettings(resume=tmp_path / "run", text=str(moved.rename(back / "records.jsonl")))).finished


def test_the_field_of_a_record_may_have_another_name(documents, tmp_path):
    path = tmp_path / "bodies.jsonl"
    path.write_text("".join(json.dumps({"body": text}) + "\n" for text in documents), encoding="utf-8")
    settings = TrainSettings(text=str(path), out=tmp_path / "run", field="body", **SHORT)
    finished(settings, stop=4)
    assert finished(TrainSettings(resume=tmp_path / "run")).finished
    with pytest.raises(ValueError, match=r"wanted field 'text', got fields \['body'\] in line 1"):
        gpt2.run(TrainSettings(text=str(path), out=tmp_path / "other", **SHORT))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"text": "whole"}\n{"text": "cut', r"wanted a JSON object, got .* in line 2 of .*broken.jsonl .*; repair"),
        ("", r"broken.jsonl: wanted text, but every file is empty"),
        ("[1, 2]\n", r"wanted a JSON object, got '\[1, 2\]' in line 1 of .*; write one"),
    ],
)
def test_broken_records_are_named(tmp_path, content, words):
    path = tmp_path / "broken.jsonl"
    path.write_text(content)
    with pytest.raises(ValueError, match=words):
        gpt2.run(TrainSettings(text=str(path), out=tmp_path / "run", **SHORT))
    assert not (tmp_path / "run").exists()


def test_a_field_of_plain_text_is_refused(text_file, tmp_path):
    with pytest.raises(ValueError, match=r"--field: wanted JSON lines or Parquet in .*got 1 files of plain text"):
        gpt2.run(TrainSettings(text=str(text_file), field="body", out=tmp_path / "run", **SHORT))


@pytest.mark.parametrize("side", ["train", "held-out"])
def test_a_bit_that_flipped_in_the_cached_tokens_is_found_and_mended(records, tmp_path, large, monkeypatch, side):
    monkeypatch.setenv("TENSORS_TO_GPT2_CACHE", str(tmp_path / "cache"))
    first = gpt2.run(TrainSettings(text=str(records), out=tmp_path / "run", **SHORT))
    [shard] = (tmp_path / "cache" / "tokens").glob(f"*/{side}/shard-00000.bin")
    whole = shard.read_bytes()
    changed = bytearray(whole)
    changed[-3] ^= 1
    shard.write_bytes(changed)
    again = gpt2.run(TrainSettings(text=str(records), out=tmp_path / "again", **SHORT))
    assert shard.read_bytes() == whole
    assert again.text.fingerprint == first.text.fingerprint
