"""The vocabulary on disk: written as it was read, and refused where files do not belong together."""

import json

import pytest

from gpt2 import Tokenizer


def test_published_files_are_written_as_they_were_read(published, openai, tmp_path):
    published.save(tmp_path, n_ctx=1024)
    assert (tmp_path / "merges.txt").read_text(encoding="utf-8") == (openai / "vocab.bpe").read_text(encoding="utf-8")
    ours = json.loads((tmp_path / "vocab.json").read_text(encoding="utf-8"))
    assert ours == json.loads((openai / "encoder.json").read_text(encoding="utf-8"))


def test_own_vocabulary_survives_its_files_and_is_deterministic(topics, tmp_path):
    ours = Tokenizer.train(topics, 700)
    ours.save(tmp_path, n_ctx=64)
    assert Tokenizer.load(tmp_path).ranks == ours.ranks == Tokenizer.train(topics, 700).ranks


def test_a_tokenizer_that_cuts_otherwise_is_refused(own, tmp_path):
    own.save(tmp_path, n_ctx=64)
    path = tmp_path / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(content | {"pre_tokenizer": {"type": "Whitespace"}}), encoding="utf-8")
    with pytest.raises(ValueError, match=r"wanted GPT-2's byte-level pre-tokenizer, .* got .*Whitespace"):
        Tokenizer.load(tmp_path)
    content["added_tokens"][1]["id"] = 1000
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ValueError, match=r"wanted '<\|user\|>' with the id 1000 .* got 398"):
        Tokenizer.load(tmp_path)
    (tmp_path / "vocab.json").unlink()
    (tmp_path / "merges.txt").unlink()
    content["model"]["vocab"]["<|user|>"] = 1000
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ValueError, match=r"numbered on after <\|endoftext\|> \(397, .*got .*'<\|user\|>' 1000"):
        Tokenizer.load(tmp_path)


def test_wrong_files_are_refused(tokenizer, tmp_path):
    with pytest.raises(ValueError, match=r"wanted vocab.json and merges.txt .* got neither"):
        Tokenizer.load(tmp_path)
    tokenizer.save(tmp_path, n_ctx=64)
    merges = (tmp_path / "merges.txt").read_text(encoding="utf-8").split("\n")
    merges[3], merges[4] = merges[4], merges[3]
    (tmp_path / "merges.txt").write_text("\n".join(merges), encoding="utf-8")
    with pytest.raises(ValueError, match=r"merge 2 .* id 258 .* do not belong together"):
        Tokenizer.load(tmp_path)
    (tmp_path / "vocab.json").write_text("[1, 2")
    with pytest.raises(ValueError, match="wanted a JSON object"):
        Tokenizer.load(tmp_path)
