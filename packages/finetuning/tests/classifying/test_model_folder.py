"""A classifier's folder: transformers opens ours, we open transformers', and padding does no harm."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer, GPT2Config, GPT2ForSequenceClassification

import gpt2
from finetuning import Adapter, Classifier, load_classifier, save_classifier, with_adapter

TEXTS = ["the lazy dog", "a fox, of course.", "x", "the quick brown fox jumps over the lazy dog", "fox<|endoftext|>"]


@pytest.fixture
def classifier(model):
    return Classifier(model, ("bad", "good", "other"), generator=torch.Generator().manual_seed(0)).eval()


def ours(classifier, tokenizer, texts):
    return torch.cat([classifier(torch.tensor([tokenizer.encode(text)])) for text in texts])


@pytest.mark.parametrize("adapter", [None, Adapter(rank=2), Adapter(rank=2, method="dora")], ids=str)
def test_transformers_opens_ours_and_pads_without_harm(classifier, tokenizer, tmp_path, shaken, adapter):
    if adapter is not None:
        classifier.body = shaken(with_adapter(classifier.body, adapter)).eval()
    save_classifier(tmp_path / "c", classifier, tokenizer)
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "c").eval()
    assert type(model) is GPT2ForSequenceClassification
    assert model.config.id2label == {0: "bad", 1: "good", 2: "other"}
    theirs = AutoTokenizer.from_pretrained(tmp_path / "c")
    assert theirs.pad_token_id == model.config.pad_token_id == tokenizer.n_vocab != tokenizer.end_of_text
    with torch.no_grad():
        for side in ("right", "left"):
            batch = theirs(TEXTS[:4], padding=True, return_tensors="pt", padding_side=side)
            assert (batch["input_ids"] == theirs.pad_token_id).any()
            places = (batch["attention_mask"].cumsum(1) - 1).clamp(min=0)
            found = model(**batch, position_ids=places).logits
            torch.testing.assert_close(found, ours(classifier, tokenizer, TEXTS[:4]), rtol=1e-5, atol=1e-5)


def test_a_text_that_ends_in_end_of_text_is_read_to_its_end(classifier, tokenizer, tmp_path):
    """Where the padding is the end-of-text token, as is usual for GPT-2, transformers reads it one token early."""
    save_classifier(tmp_path / "c", classifier, tokenizer)
    model = GPT2ForSequenceClassification.from_pretrained(tmp_path / "c").eval()
    rows = [[*tokenizer.encode("the fox"), tokenizer.end_of_text], tokenizer.encode("the quick brown fox jumps")]
    width = max(map(len, rows))
    pad = model.config.pad_token_id
    tokens = torch.tensor([row + [pad] * (width - len(row)) for row in rows])
    lengths = torch.tensor([len(row) for row in rows])
    expected = classifier(tokens.where(tokens != pad, 0), lengths)
    with torch.no_grad():
        torch.testing.assert_close(model(tokens).logits, expected, rtol=1e-5, atol=1e-5)
        model.config.pad_token_id = tokenizer.end_of_text
        usual = tokens.where(tokens != pad, tokenizer.end_of_text)
        assert (model(usual).logits[0] - expected[0]).abs().max() > 1e-3


def test_what_was_saved_is_loaded_to_the_bit_and_saved_again(classifier, tokenizer, tmp_path):
    save_classifier(tmp_path / "c", classifier, tokenizer)
    loaded, its_tokenizer = load_classifier(tmp_path / "c")
    assert loaded.labels == classifier.labels
    assert torch.equal(ours(loaded, its_tokenizer, TEXTS), ours(classifier, tokenizer, TEXTS))
    save_classifier(tmp_path / "again", loaded, its_tokenizer)
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "c" / name).read_bytes()


def test_we_open_transformers_own(tokenizer, tmp_path):
    shape = GPT2Config(vocab_size=tokenizer.n_vocab, n_positions=24, n_embd=16, n_layer=2, n_head=2)
    shape.id2label, shape.label2id, shape.pad_token_id = {0: "no", 1: "yes"}, {"no": 0, "yes": 1}, 3
    torch.manual_seed(0)
    theirs = GPT2ForSequenceClassification(shape).eval()
    theirs.save_pretrained(tmp_path / "c")
    tokenizer.save(tmp_path / "c", n_ctx=24)
    loaded, _ = load_classifier(tmp_path / "c")
    assert loaded.labels == ("no", "yes")
    tokens = torch.tensor([tokenizer.encode("the lazy dog")])
    with torch.no_grad():
        torch.testing.assert_close(loaded(tokens), theirs(tokens).logits, rtol=1e-5, atol=1e-5)


def test_a_padding_token_that_is_there_already_is_used(model, tmp_path, tokenizer):
    own = gpt2.Tokenizer(tokenizer.ranks, special=("<|empty|>",), roles={"pad_token": "<|empty|>"})
    save_classifier(tmp_path / "c", Classifier(model, ("a", "b")), own)
    theirs = AutoTokenizer.from_pretrained(tmp_path / "c")
    assert (theirs.pad_token, theirs.pad_token_id) == ("<|empty|>", own.n_vocab - 1)


def test_folders_that_are_no_classifier_are_refused(classifier, folder, tokenizer, tmp_path):
    with pytest.raises(ValueError, match="wanted the folder of a classifier, got no such folder"):
        load_classifier(tmp_path / "none")
    with pytest.raises(ValueError, match=r"got a folder without config\.json; make one with `finetuning classify`"):
        load_classifier(tmp_path)
    with pytest.raises(ValueError, match="wanted a classifier, got a language model; teach it labels with"):
        load_classifier(folder)
    save_classifier(tmp_path / "c", classifier, tokenizer)
    path = tmp_path / "c" / "config.json"
    good = json.loads(path.read_text("utf-8"))
    for change, message in (
        ({"id2label": {"0": "a", "1": "b"}}, r"wanted score.weight of shape \(2, 24\), a row a label, got \(3, 24\)"),
        ({"id2label": None}, "wanted id2label with two or more names"),
        ({"id2label": {"0": "a", "2": "b"}}, "wanted id2label with two or more names"),
    ):
        path.write_text(json.dumps(good | change), "utf-8")
        with pytest.raises(ValueError, match=message):
            load_classifier(tmp_path / "c")
    path.write_text(json.dumps(good), "utf-8")
    weights = tmp_path / "c" / "model.safetensors"
    tensors = load_file(weights)
    save_file({name: tensor for name, tensor in tensors.items() if name != "score.weight"}, weights)
    with pytest.raises(ValueError, match=r"wanted score.weight of shape .* got none"):
        load_classifier(tmp_path / "c")
