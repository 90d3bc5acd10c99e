"""A fingerprint changes with what could change a text, and with nothing else."""

import json
import re

from serving import identity
from serving.identity import digests_of, facts_of_run, system_fingerprint


def test_the_fingerprint_is_of_all_parts_and_versions(monkeypatch):
    one = system_fingerprint({"weights": "a", "tokenizer": "b"})
    assert re.fullmatch("[0-9a-f]{12}", one)
    assert one == system_fingerprint({"tokenizer": "b", "weights": "a"})
    assert one != system_fingerprint({"weights": "b", "tokenizer": "a"})
    assert one != system_fingerprint({"weights": "a", "tokenizer": "b", "cache": "int8"})
    monkeypatch.setattr(identity, "version_of", lambda package: "0.0")
    assert one != system_fingerprint({"weights": "a", "tokenizer": "b"})


def test_a_run_says_how_well_it_did_and_on_what(tmp_path):
    assert facts_of_run(tmp_path) == (None, None)
    (tmp_path / "run.json").write_text(json.dumps({"data": {"fingerprint": "sha256:1"}}))
    assert facts_of_run(tmp_path) == (None, "sha256:1")
    lines = [{"step": 1, "bits_per_byte": 3.5}, {"step": 2, "bits_per_byte": 2.25}, {"step": 3, "loss": 1.0}]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "model").mkdir()
    assert facts_of_run(tmp_path) == facts_of_run(tmp_path / "model") == (2.25, "sha256:1")


def test_a_folder_is_known_by_its_files(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    before = digests_of(tmp_path)
    assert list(before) == ["a"]
    (tmp_path / "a").write_bytes(b"2")
    assert digests_of(tmp_path) != before
