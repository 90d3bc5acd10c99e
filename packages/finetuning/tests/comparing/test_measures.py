"""Before and after: differences of the same units, and the sides opened as what they are."""

import json

import pytest
import torch

import gpt2
from finetuning import (
    Adapter,
    Classifier,
    judge,
    judge_labels,
    read_examples,
    read_labeled,
    read_records,
    save_adapter,
    save_classifier,
    with_adapter,
)
from finetuning.comparing.measures import old_text, task_measures
from finetuning.comparing.subjects import subject
from finetuning.running import forgetting
from finetuning.templates import Template

OLD = ("The lazy dog is quick.", "A fox, of course.", "User: what is it?")


@pytest.fixture(autouse=True)
def documents(monkeypatch):
    monkeypatch.setattr(forgetting, "old_documents", lambda: OLD)
    monkeypatch.setattr("finetuning.comparing.measures.old_documents", lambda: OLD)


@pytest.fixture
def adapted(model, folder, tmp_path, shaken):
    """An adapter's folder beside its base."""
    adapter = Adapter(rank=2)
    ours = shaken(with_adapter(model, adapter)).eval()
    save_adapter(tmp_path / "a", ours, adapter, base=str(folder))
    return ours, str(tmp_path / "a")


def test_answers_are_compared_one_by_one(model, folder, tokenizer, data, adapted):
    ours, place = adapted
    before, after = subject(str(folder)), subject(place)
    loss, exact = task_measures(before, after, None, data)
    examples = read_examples(read_records(data), tokenizer, Template(), 48).fitting
    was, now = judge(model, examples), judge(ours, examples)
    assert loss.found.second.value == pytest.approx(was.loss.value)
    assert loss.found.first.value == pytest.approx(now.loss.value)
    assert loss.found.difference.value == pytest.approx(now.loss.value - was.loss.value)
    assert loss.found.difference.low < loss.found.difference.value < loss.found.difference.high
    assert exact.found.first.value == now.share_exact.value


def test_the_old_text_that_is_forgotten_most_is_named(model, folder, tokenizer, adapted):
    ours, place = adapted
    old = old_text(subject(str(folder)), subject(place))
    was, now = forgetting.old_scores(model, tokenizer), forgetting.old_scores(ours, tokenizer)
    losses = [b / n - a / n for a, b, n in zip(was["nats"], now["nats"], was["bytes"], strict=True)]
    assert old.most[0][0] == OLD[max(range(3), key=lambda number: losses[number])]
    assert all(after > before for _, before, after in old.most)
    same = old_text(subject(str(folder)), subject(str(folder)))
    assert same.found.difference.value == 0
    assert same.most == ()


def test_a_classifier_is_compared_by_labels_and_as_the_model_in_it(model, folder, tokenizer, labeled, tmp_path):
    named = {"one": ("a dog", "a fox"), "two": ("a fox", "a dog"), "other": ("x", "y")}
    for seed, (name, labels) in enumerate(named.items()):
        classifier = Classifier(model, labels, generator=torch.Generator().manual_seed(seed))
        save_classifier(tmp_path / name, classifier, tokenizer)
    one, two, other = (subject(str(tmp_path / name)) for name in ("one", "two", "other"))
    [accuracy] = task_measures(one, two, None, labeled)
    for side, found in ((one, accuracy.found.second), (two, accuracy.found.first)):
        texts = read_labeled(read_records(labeled), tokenizer, 48, side.classifier.labels).fitting
        assert found.value == judge_labels(side.classifier, texts).accuracy.value
    assert one.model.n_vocab == tokenizer.n_vocab
    assert old_text(subject(str(folder)), one).found.difference.value == 0
    [usual] = task_measures(subject(str(folder)), one, None, labeled)
    assert usual.found.second.value == 0.5
    with pytest.raises(ValueError, match="wanted two classifiers of the same labels, got x, y and a dog, a fox"):
        task_measures(other, one, None, labeled)
    with pytest.raises(ValueError, match="wanted a classifier for texts with labels, got none"):
        task_measures(one, subject(str(folder)), None, labeled)
    with pytest.raises(ValueError, match=r"label: wanted one of x, y, got 'a fox', which the model has never seen"):
        task_measures(other, other, None, labeled)


def test_models_with_other_tokenizers_are_not_compared_by_tokens(model, folder, data, tmp_path):
    gpt2.save(tmp_path / "other", model, gpt2.Tokenizer.train(["other words altogether. " * 30], 290))
    with pytest.raises(ValueError, match="wanted two models with one tokenizer"):
        task_measures(subject(str(folder)), subject(str(tmp_path / "other")), None, data)


def test_an_adapter_without_its_base_is_refused(adapted):
    _, place = adapted
    path = f"{place}/adapter_config.json"
    with open(path, encoding="utf-8") as file:
        content = json.load(file)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(content | {"base_model_name_or_path": None}, file)
    with pytest.raises(ValueError, match="wanted an adapter that says where its base is"):
        subject(place)
