"""Accuracy, what is taken for what, and mistakes, against numbers worked out by hand."""

import pytest
import torch

from finetuning import Classifier, JudgedLabels, judge_labels, read_labeled, read_records
from finetuning.classifying.judging import most_frequent

FOUND = JudgedLabels((0, 0, 1, 2, 2, 2), (0, 1, 1, 2, 0, 0), (0.9, 0.6, 0.8, 0.5, 0.7, 0.99))


def test_what_is_found_and_what_is_not():
    assert FOUND.accuracy.value == 0.5
    assert 0 <= FOUND.accuracy.low < 0.5 < FOUND.accuracy.high <= 1
    assert FOUND.confusion(3).tolist() == [[1, 1, 0], [0, 1, 0], [2, 0, 1]]
    assert FOUND.mistakes() == [5, 4, 1]


def test_a_classifier_is_judged_by_what_it_says_of_each_text(model, tokenizer, labeled):
    texts = read_labeled(read_records(labeled), tokenizer, 48)
    classifier = Classifier(model, texts.labels, generator=torch.Generator().manual_seed(1))
    judged = judge_labels(classifier, texts.fitting)
    assert classifier.training
    classifier.eval()
    for text, guess, sure in zip(texts.fitting, judged.guesses, judged.sure, strict=True):
        chances = classifier(torch.tensor([text.ids]))[0].softmax(-1).detach()
        assert guess == int(chances.argmax())
        assert sure == pytest.approx(float(chances.max()), rel=1e-5)
    assert judged.labels == tuple(text.label for text in texts.fitting)
    uneven = [text for text in texts.fitting if text.label == 0] + list(texts.fitting[:3])
    assert most_frequent(uneven, texts.fitting).value == 0.5
    assert most_frequent(uneven, uneven[:-3]).value == 1
