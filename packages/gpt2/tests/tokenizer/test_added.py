"""Tokens that `transformers` added: kept with their ids, or refused by name; never dropped."""

import json
import re

import pytest
import torch

import gpt2
from gpt2 import GPT2, GPT2Config, Tokenizer
from gpt2.contract.verification import table

TEXT = ["the cat and the hat and the bat " * 20]
SPELLED = ["a plain<|user|>x plain w2 w2<|pad|>", "explain", "<|model|>\n\nplain", "<|endoftext|> end", ""]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A model folder of 270 ids, and its tokenizer."""
    tokenizer = Tokenizer.train(TEXT, 270)
    config = GPT2Config(n_vocab=270, n_ctx=16, n_embd=16, n_head=2, n_layer=1)
    folder = tmp_path_factory.mktemp("small") / "model"
    gpt2.save(folder, GPT2(config, generator=torch.Generator().manual_seed(0)), tokenizer)
    return folder


@pytest.fixture(scope="module")
def enlarged(small, tmp_path_factory):
    """The folder that transformers wrote after its user added tokens and resized the model."""
    import transformers

    theirs = transformers.AutoTokenizer.from_pretrained(small)
    theirs.add_special_tokens({"additional_special_tokens": ["<|user|>", "<|model|>"], "pad_token": "<|pad|>"})
    theirs.add_tokens(["plain", " w2"])
    model = transformers.AutoModelForCausalLM.from_pretrained(small)
    model.resize_token_embeddings(len(theirs))
    folder = tmp_path_factory.mktemp("enlarged")
    model.save_pretrained(folder)
    theirs.save_pretrained(folder)
    return folder


def ids_there(transformers, folder):
    theirs = transformers.AutoTokenizer.from_pretrained(folder, model_max_length=10**9)
    return [theirs(text)["input_ids"] for text in SPELLED]


def ids_here(tokenizer):
    return [tokenizer.encode(text, allowed_special=tokenizer.special_ids) for text in SPELLED]


@pytest.mark.extras
def test_tokens_added_by_transformers_are_kept_through_load_save_and_verify(enlarged, tmp_path, transformers):
    model, tokenizer = gpt2.load(enlarged)
    added = {"<|pad|>": 270, "<|user|>": 271, "<|model|>": 272, "plain": 273, " w2": 274}
    assert tokenizer.special_ids == {"<|endoftext|>": 269, **added}
    assert (tokenizer.n_vocab, model.n_vocab, tokenizer.always) == (275, 275, {"plain", " w2"})
    assert ids_here(tokenizer) == ids_there(transformers, enlarged)
    assert tokenizer.encode("plain") == tokenizer.encode_array("plain").tolist() == [273]
    assert tokenizer.encode_batch(["plain"]) == [[273]]
    assert 271 not in tokenizer.encode("<|user|>")  # letters, until they are allowed
    assert tokenizer.decode([273, 271]) == "plain<|user|>"
    gpt2.save(tmp_path, model, tokenizer)
    back = Tokenizer.load(tmp_path)
    assert (back.fingerprint, back.facts) == (tokenizer.fingerprint, tokenizer.facts)
    assert back.fingerprint != Tokenizer(back.ranks, pattern=back.pattern, special=back.special).fingerprint
    assert ids_there(transformers, tmp_path) == ids_here(back)
    assert transformers.AutoTokenizer.from_pretrained(tmp_path).pad_token == "<|pad|>"
    assert "BROKEN" not in table(gpt2.verify(enlarged))


@pytest.mark.extras
def test_a_run_from_that_folder_keeps_the_tokens(enlarged, tmp_path, text_file):
    settings = gpt2.TrainSettings(
        text=str(text_file), source=str(enlarged), out=tmp_path / "run", steps=1, batch_size=2, device="cpu"
    )
    [_] = gpt2.run(settings)
    _, tokenizer = gpt2.load(tmp_path / "run")
    assert tokenizer.facts == Tokenizer.load(enlarged).facts


@pytest.mark.extras
def test_files_of_slow_tokenizers_are_read_as_transformers_reads_them(small, tmp_path, transformers):
    for name in ("vocab.json", "merges.txt"):
        (tmp_path / name).write_bytes((small / name).read_bytes())
    (tmp_path / "added_tokens.json").write_text(json.dumps({"<|pad|>": 270, "plain": 271}))
    (tmp_path / "special_tokens_map.json").write_text(json.dumps({"pad_token": "<|pad|>"}))
    token = {"lstrip": False, "rstrip": False, "single_word": False, "normalized": True}
    known = {"269": ("<|endoftext|>", True), "270": ("<|pad|>", True), "271": ("plain", False)}
    decoder = {id: {"content": name, "special": special, **token} for id, (name, special) in known.items()}
    configuration = {"tokenizer_class": "GPT2Tokenizer", "pad_token": "<|pad|>", "added_tokens_decoder": decoder}
    for settings in ({"tokenizer_class": "GPT2Tokenizer"}, configuration):
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
        tokenizer = Tokenizer.load(tmp_path)
        assert (tokenizer.special, tokenizer.always) == (("<|pad|>", "plain"), {"plain"})
        assert tokenizer.roles == {"pad_token": "<|pad|>"}
    assert ids_here(tokenizer) == ids_there(transformers, tmp_path)


def without_tables(folder, change, configuration=None):
    """Leave tokenizer.json alone, changed."""
    content = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    change(content)
    (folder / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    named = {"tokenizer_class": "PreTrainedTokenizerFast"} | (configuration or {})
    (folder / "tokenizer_config.json").write_text(json.dumps(named))
    (folder / "vocab.json").unlink()
    (folder / "merges.txt").unlink()


def add(content, id, name, **flags):
    content["added_tokens"].append({"id": id, "content": name, "special": True, **flags})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.update(normalizer={"type": "NFC"}), "wanted no normalizer .*NFC"),
        (lambda c: c["model"].update(dropout=0.1), "wanted no model.dropout .*0.1"),
        (lambda c: c["model"].update(ignore_merges=True), "wanted no model.ignore_merges"),
        (lambda c: c["model"].update(end_of_word_suffix="</w>"), "wanted no model.end_of_word_suffix .*</w>"),
        (lambda c: c.update(pre_tokenizer={"type": "ByteLevel", "add_prefix_space": True}), "add_prefix_space"),
        (
            lambda c: c.update(pre_tokenizer={"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}),
            "wanted GPT-2's byte-level pre-tokenizer.*use_regex",
        ),
        (lambda c: c.update(pre_tokenizer=None), "wanted GPT-2's byte-level pre-tokenizer.*None"),
        (
            lambda c: c.update(
                post_processor={"type": "TemplateProcessing", "single": [{"SpecialToken": {}}, {"Sequence": {}}]}
            ),
            "wanted no tokens around a text .*SpecialToken",
        ),
        (lambda c: add(c, 270, "<|mask|>", lstrip=True), r"got '<\|mask\|>' with lstrip"),
        (lambda c: add(c, 270, "w", single_word=True), "got 'w' with single_word"),
        (lambda c: add(c, 280, "<|pad|>"), r"numbered on after .*'<\|pad\|>' 280"),
        (lambda c: add(c, c["model"]["vocab"]["the"], "the"), "no merge makes, got 'the', which is both"),
        (lambda c: c["model"]["vocab"].update({"<|pad|>": 270}), r"none makes '<\|pad\|>' \(id 270\)"),
        (lambda c: add(c, 270, "<|endoftext|>2"), "special: wanted names of which none begins another"),
        (lambda c: c["model"]["vocab"].update(the="1"), "ids that are whole numbers, got '1' for 'the'"),
        (lambda c: c.update(added_tokens={"a": 1}), "wanted added tokens"),
        (lambda c: c.update(added_tokens=[{"id": 270}]), "wanted added tokens with content and id"),
        (lambda c: c["model"].update(merges=[1, 2]), "wanted merges of two tokens"),
    ],
)
def test_what_would_change_ids_and_cannot_be_kept_is_refused_by_name(small, tmp_path, change, words):
    Tokenizer.load(small).save(tmp_path, n_ctx=16)
    without_tables(tmp_path, lambda content: None)
    assert Tokenizer.load(tmp_path).fingerprint == Tokenizer.load(small).fingerprint
    Tokenizer.load(small).save(tmp_path, n_ctx=16)
    without_tables(tmp_path, change)
    with pytest.raises(ValueError, match=words):
        Tokenizer.load(tmp_path)


@pytest.mark.parametrize(
    ("configuration", "words"),
    [
        ({"add_prefix_space": True}, "wanted add_prefix_space = false"),
        ({"add_bos_token": True}, "wanted add_bos_token = false"),
        ({"pad_token": "[PAD]"}, r"wanted the id of pad_token '\[PAD\]'"),
        ({"extra_special_tokens": ["<|a|>"]}, r"wanted the id of extra_special_tokens '<\|a\|>'"),
        ({"additional_special_tokens": ["the"]}, "special tokens that no merge makes, got 'the'"),
        ({"added_tokens_decoder": {"269": {"content": "<|pad|>"}}}, "numbered on after"),
        ({"added_tokens_decoder": {"x": {"content": "<|pad|>"}}}, "wanted added tokens with content and id"),
        ({"tokenizer_class": "LlamaTokenizer"}, "wanted GPT-2's tokenizer.*'LlamaTokenizer'"),
    ],
)
def test_a_configuration_that_changes_ids_is_refused_by_name(small, tmp_path, configuration, words):
    for name in ("vocab.json", "merges.txt"):
        (tmp_path / name).write_bytes((small / name).read_bytes())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(configuration))
    with pytest.raises(ValueError, match=words):
        Tokenizer.load(tmp_path)


def test_special_tokens_that_are_numbered_first_are_refused_with_that_reason(tmp_path, small):
    content = json.loads((small / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary = content["model"]["vocab"]
    del vocabulary["<|endoftext|>"]
    content["model"]["vocab"] = {"<|endoftext|>": 0} | {token: id + 1 for token, id in vocabulary.items()}
    content["added_tokens"][0]["id"] = 0
    (tmp_path / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ValueError, match=r"numbered on after those of merges, got '<\|endoftext\|>' with id 0, before"):
        Tokenizer.load(tmp_path)


@pytest.mark.parametrize("name", ["the", "t", "Ġthe", "at"])
def test_a_special_token_that_merges_make_too_is_refused_at_training(name):
    with pytest.raises(ValueError, match=f"special: wanted names that no merge makes, got '{re.escape(name)}'"):
        Tokenizer.train(TEXT, 270, special=[name])


def test_tokens_and_vocabulary_that_differ_between_files_are_refused(small, tmp_path):
    Tokenizer.train(["another text of other words " * 9], 270).save(tmp_path, n_ctx=16)
    (tmp_path / "tokenizer.json").write_bytes((small / "tokenizer.json").read_bytes())
    with pytest.raises(ValueError, match=r"wanted the tokens of vocab\.json, got others"):
        Tokenizer.load(tmp_path)


def test_added_words_reach_into_no_special_token():
    ranks = Tokenizer.train(TEXT, 270).ranks
    assert Tokenizer(ranks, special=["these", "eat"], always=["these", "eat"]).encode("theseat")[0] == 270
    with pytest.raises(ValueError, match="wanted added words that reach into no other token"):
        Tokenizer(ranks, special=["x<", "<|user|>"], always=["x<"])
    with pytest.raises(ValueError, match=r"always: wanted names of special tokens, got \['y'\]"):
        Tokenizer(ranks, special=["x"], always=["y"])


def test_documents_are_not_cut_within_an_added_word():
    from gpt2.tokenizer.documents import encode_documents

    tokenizer = Tokenizer(Tokenizer.train(TEXT, 270).ranks, special=["a\nb"], always=["a\nb"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gpt2.tokenizer.documents.GROUP", 2)
        ids = encode_documents(tokenizer, ["xxa\nbxx"], threads=1)
    assert ids.tolist() == [269, *tokenizer.encode("xxa\nbxx"), 269]
    assert tokenizer.end_of_text + 1 in ids
