"""A head on the last real token, whatever stands behind it."""

import pytest
import torch

from finetuning import Classifier, label_texts


@pytest.fixture
def classifier(model):
    return Classifier(model, ("a", "b", "c"), generator=torch.Generator().manual_seed(0)).eval()


def test_the_head_reads_the_last_real_token(classifier, tokenizer):
    """Against the definition: the final state of the text alone, times the head."""
    rows = [tokenizer.encode(text) for text in ("the lazy dog", "a fox", "the quick brown fox jumps over")]
    width = max(map(len, rows))
    lengths = torch.tensor([len(row) for row in rows])
    for behind in (0, 5, tokenizer.end_of_text):
        tokens = torch.tensor([row + [behind] * (width - len(row)) for row in rows])
        together = classifier(tokens, lengths)
        for row, logits in zip(rows, together, strict=True):
            alone = classifier.body.hidden(torch.tensor([row]))[0, -1] @ classifier.score.weight.T
            torch.testing.assert_close(logits, alone, rtol=1e-5, atol=1e-5)
    whole = classifier(torch.tensor([rows[2]]))
    assert torch.equal(whole, classifier(torch.tensor([rows[2]]), torch.tensor([len(rows[2])])))


def test_texts_get_their_likeliest_label(classifier, tokenizer):
    texts = ["the lazy dog", "a", "the quick brown fox jumps over the lazy dog", "fox<|endoftext|>"]
    for text, found in zip(texts, label_texts(classifier, tokenizer, texts), strict=True):
        chances = classifier(torch.tensor([tokenizer.encode(text)]))[0].softmax(-1).detach()
        assert found.label == classifier.labels[int(chances.argmax())]
        assert found.probability == pytest.approx(float(chances.max()), rel=1e-5)


def test_what_cannot_be_labeled_is_refused(classifier, model, tokenizer):
    with pytest.raises(ValueError, match="text 2: wanted a text of at least one word, got ' '"):
        label_texts(classifier, tokenizer, ["a", " "])
    with pytest.raises(ValueError, match=r"text 1: wanted a text of at most 48 tokens, .* got \d+; shorten it"):
        label_texts(classifier, tokenizer, ["xyz " * 60])
    for labels in ((), ("a",), ("a", "a")):
        with pytest.raises(ValueError, match="labels: wanted two or more different names"):
            Classifier(model, labels)
