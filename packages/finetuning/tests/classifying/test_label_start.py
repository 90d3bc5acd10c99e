"""A classifier that begins as a linear fit, held to that fit."""

import random

import pytest
import torch
from transformers import AutoModelForSequenceClassification

from finetuning import (
    Classifier,
    ClassifySettings,
    LabeledText,
    classify,
    read_labeled,
    read_records,
    save_classifier,
)
from finetuning.classifying.evidence import evidence
from finetuning.classifying.label_start import start_from_labels
from gpt2 import GPT2, GPT2Config

SHAPE = GPT2Config(n_vocab=16, n_ctx=40, n_embd=96, n_head=4, n_layer=3)


SPELLED = [" good", " goods", "bad", " badly", *"abcdefghijkl"]


def drawn(count, n_labels, seed=0):
    """Texts without a repeated token. The label is that of a rare token, or after token 0 the next one's."""
    draw, found = random.Random(seed), []
    for _ in range(count):
        row = draw.sample(range(16), draw.randrange(2, 9))
        label = (max(row) + (0 in row[:-1])) % n_labels
        found.append(LabeledText("line 1", "", tuple(row), label))
    return found


def started(n_labels, texts, shape=SHAPE):
    made = Classifier(GPT2(shape, generator=torch.Generator().manual_seed(0)), [str(n) for n in range(n_labels)])
    start_from_labels(made, texts, SPELLED)
    return made.eval()


def logits(classifier, texts):
    with torch.no_grad():
        return torch.cat([classifier(torch.tensor([text.ids])) for text in texts])


@pytest.mark.parametrize(("n_labels", "n_embd"), [(2, 96), (3, 160)])
def test_before_any_step_it_says_what_the_linear_fit_says(n_labels, n_embd):
    """Logits are the mean evidence of a text's tokens: the fit's value over the length, times one number for all."""
    learned, judged = drawn(300, n_labels), drawn(100, n_labels, seed=1)
    known = evidence(learned, n_labels, SPELLED)
    found = logits(started(n_labels, learned, SHAPE.replace(n_embd=n_embd)), judged)
    lengths = torch.tensor([[len(text.ids)] for text in judged])
    wanted = torch.stack([known.value(text.ids) for text in judged]) / lengths
    if n_labels == 2:
        assert torch.allclose(found[:, 0], -found[:, 1], atol=1e-6)
        found = found[:, 1:]
    both = torch.stack([found.flatten(), wanted.flatten()])
    assert float(torch.corrcoef(both)[0, 1]) > 0.99


def test_pairs_are_in_it_and_their_order():
    good, bad, never, film = 1, 2, 3, 4
    rows = {(film, good): 1, (film, bad): 0, (never, good): 0, (never, bad): 1}
    texts = [LabeledText("line 1", "", ids, label) for ids, label in rows.items()] * 100
    found = logits(started(2, texts), texts[:4])
    assert found.argmax(1).tolist() == list(rows.values())
    turned = [LabeledText("line 1", "", text.ids[::-1], text.label) for text in texts[:4]]
    assert float(logits(started(2, texts), turned).abs().max()) < 0.1 * float(found.abs().min())


def test_a_pair_tells_over_one_token_between_and_not_over_two():
    good, bad, never, film, between = 1, 2, 3, 4, 5
    rows = {(film, between, good): 1, (film, between, bad): 0, (never, between, good): 0, (never, between, bad): 1}
    made = started(2, [LabeledText("line 1", "", ids, label) for ids, label in rows.items()] * 100)

    def found(*within):
        return logits(made, [LabeledText("line 1", "", (ids[0], *within, ids[2]), 0) for ids in rows])

    assert found(between).argmax(1).tolist() == list(rows.values())
    assert float(found(between, between).abs().max()) < 0.1 * float(found(between).abs().min())


def test_a_token_that_was_never_seen_speaks_by_its_spelling():
    texts = [LabeledText("line 1", "", ids, label) for ids, label in (((0, 4), 1), ((2, 4), 0))] * 100
    found = logits(started(2, texts), [LabeledText("line 1", "", (token, 4), 0) for token in (1, 3)])
    assert found.argmax(1).tolist() == [1, 0]  # " goods" as " good", " badly" as "bad"


def test_what_speaks_for_no_label_gets_the_share_of_all_texts():
    """One token tells: texts without it are as far below the middle as those with it are above, by the fit's base."""
    texts = [LabeledText("line 1", "", ids, label) for ids, label in (((5, 6), 0), ((5, 6, 1), 1))] * 100
    known = evidence(texts, 2, SPELLED)
    found = logits(started(2, texts), texts[:2])[:, 1] * torch.tensor([2, 3])
    assert float(known.base) < -0.2
    assert float(found[0] / found[1]) == pytest.approx(known.value((5, 6)).item() / known.value((5, 6, 1)).item(), 0.15)


def test_it_is_a_gpt2_like_any_other(model, labeled, tokenizer, tmp_path):
    """Before its first step transformers finds the labels of texts that it has not seen, with equal logits."""
    texts = read_labeled(read_records(labeled), tokenizer, model.n_ctx)
    made = Classifier(model, texts.labels)
    start_from_labels(made, texts.fitting[:40], [tokenizer.decode([number]) for number in range(tokenizer.n_vocab)])
    save_classifier(tmp_path / "c", made.eval(), tokenizer)
    theirs = AutoModelForSequenceClassification.from_pretrained(tmp_path / "c").eval()
    with torch.no_grad():
        found = torch.cat([theirs(torch.tensor([text.ids])).logits for text in texts.fitting[40:]])
    torch.testing.assert_close(found, logits(made, texts.fitting[40:]), rtol=1e-3, atol=1e-3)
    assert found.argmax(1).tolist() == [text.label for text in texts.fitting[40:]]


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ({"n_layer": 1}, "wanted a model of at least two layers, got 1; make it deeper"),
        ({"n_embd": 32, "n_head": 1}, "wanted more channels for 2 labels, got 32 in 1 heads; make the model wider"),
    ],
)
def test_a_shape_without_room_is_refused(shape, message):
    with pytest.raises(ValueError, match=f"--label-start: {message}"):
        started(2, drawn(20, 2), SHAPE.replace(**shape))


def test_it_wants_all_weights_to_learn(folder, labeled, tmp_path):
    with pytest.raises(ValueError, match=r"--label-start: wanted --method full beside it, .* got lora; add it"):
        classify(ClassifySettings(source=str(folder), data=labeled, out=tmp_path / "r", label_start=True))
