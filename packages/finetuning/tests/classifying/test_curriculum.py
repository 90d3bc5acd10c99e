"""What a step of labels learns: packed texts cost what they cost alone."""

from dataclasses import replace

import torch

from finetuning import Classifier, read_labeled, read_records
from finetuning.classifying.curriculum import LabelCurriculum, collated_texts, label_loss


def test_packed_texts_have_the_loss_and_gradients_that_they_have_alone(model, tokenizer, labeled):
    texts = read_labeled(read_records(labeled), tokenizer, 48)
    classifier = Classifier(model, texts.labels, generator=torch.Generator().manual_seed(0))
    parameters = list(classifier.parameters())
    batch = collated_texts(texts.fitting[:9])
    assert len(batch[0]) < 9
    total, count = label_loss(classifier, batch)
    assert int(count) == 9
    alone = sum(
        torch.nn.functional.cross_entropy(classifier(torch.tensor([text.ids])), torch.tensor([text.label]))
        for text in texts.fitting[:9]
    )
    torch.testing.assert_close(total, alone, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(
        torch.autograd.grad(total, parameters), torch.autograd.grad(alone, parameters), rtol=1e-3, atol=1e-4
    )


def test_shares_have_the_loss_that_torch_gives_probabilities(model, tokenizer, labeled):
    """Texts with shares and texts with one label in the same batch."""
    found = read_labeled(read_records(labeled), tokenizer, 48)
    texts = [
        replace(text, shares=(n / 10, 1 - n / 10), label=int(n < 5)) if n % 3 else text
        for n, text in enumerate(found.fitting[:9])
    ]
    classifier = Classifier(model, found.labels, generator=torch.Generator().manual_seed(0))
    parameters = list(classifier.parameters())
    batch = collated_texts(texts)
    assert len(batch[0]) < 9
    total, count = label_loss(classifier, batch)
    alone = sum(
        torch.nn.functional.cross_entropy(
            classifier(torch.tensor([text.ids])),
            torch.tensor([text.shares]) if text.shares else torch.tensor([text.label]),
        )
        for text in texts
    )
    assert int(count) == 9
    torch.testing.assert_close(total, alone, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(
        torch.autograd.grad(total, parameters), torch.autograd.grad(alone, parameters), rtol=1e-3, atol=1e-4
    )


def test_an_epoch_reads_each_text_once_and_any_step_is_there_at_once(tokenizer, labeled):
    texts = read_labeled(read_records(labeled), tokenizer, 48).fitting
    curriculum = LabelCurriculum(texts[:50], texts[50:], batch_size=8, steps=14, seed=3, micro_batch_size=3)
    steps = list(curriculum.steps_from(0))
    assert len(steps) == 14
    assert sum(int((batch[1] >= 0).sum()) for step in steps[:7] for batch in step) == 50
    assert max(int((batch[1] >= 0).sum()) for step in steps for batch in step) == 3
    for ours, theirs in zip(curriculum.steps_from(9), steps[9:], strict=True):
        assert all(torch.equal(a, b) for x, y in zip(ours, theirs, strict=True) for a, b in zip(x, y, strict=True))
    assert sum(int((batch[1] >= 0).sum()) for step in curriculum.held_out() for batch in step) == 10
