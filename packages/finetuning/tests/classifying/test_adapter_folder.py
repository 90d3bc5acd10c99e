"""A classifier's adapter: peft opens ours over the class of transformers, and we open peft's."""

import json
import shutil
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from finetuning import (
    Adapter,
    Classifier,
    ClassifySettings,
    classify,
    load_adapter,
    load_classifier,
    load_classifier_adapter,
    save_classifier_adapter,
    with_adapter,
)
from finetuning.commands.main import main

peft = pytest.importorskip("peft")
from transformers import GPT2ForSequenceClassification  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")  # peft asks transformers
LABELS = ("bad", "good", "other")
ROW = torch.arange(20)[None] * 7 % 300
CLOSE = {"rtol": 1e-5, "atol": 1e-5}


def theirs(folder):
    return GPT2ForSequenceClassification.from_pretrained(folder, num_labels=len(LABELS)).eval()


@pytest.fixture
def saved(model, folder, tmp_path, shaken):
    """A classifier with an adapter that has learned, what its adapter is, and its folder."""
    adapter = Adapter(rank=2, alpha=5.0, targets=("attention.qkv", "feed_forward.down"))
    body = shaken(with_adapter(model, adapter)).eval()
    classifier = Classifier(body, LABELS, generator=torch.Generator().manual_seed(0)).eval()
    save_classifier_adapter(tmp_path / "a", classifier, adapter, base=str(folder))
    return classifier, adapter, tmp_path / "a"


@pytest.mark.parametrize("change", [{}, {"method": "dora"}, {"root": True, "dropout": 0.1}], ids=str)
def test_peft_opens_ours(model, folder, tmp_path, shaken, change):
    adapter = replace(Adapter(rank=3, alpha=5.0), **change)
    classifier = Classifier(shaken(with_adapter(model, adapter)), LABELS, generator=torch.Generator().manual_seed(0))
    save_classifier_adapter(tmp_path / "a", classifier.eval(), adapter, base=str(folder))
    opened = peft.PeftModel.from_pretrained(theirs(folder), tmp_path / "a").eval()
    with torch.no_grad():
        torch.testing.assert_close(opened(ROW).logits, classifier(ROW), **CLOSE)
        merged = opened.merge_and_unload().eval()
        torch.testing.assert_close(merged(ROW).logits, classifier(ROW), **CLOSE)
    again, its = load_classifier_adapter(tmp_path / "a", model)
    assert (again.labels, its) == (LABELS, adapter)
    assert torch.equal(again(ROW), classifier(ROW))


@pytest.mark.parametrize("dora", [False, True])
def test_we_open_pefts(model, folder, tmp_path, dora):
    config = peft.LoraConfig(r=3, lora_alpha=5, fan_in_fan_out=True, use_dora=dora, task_type="SEQ_CLS")
    model_of_theirs = peft.get_peft_model(theirs(folder), config).eval()
    numbers = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, parameter in model_of_theirs.named_parameters():
            if "lora_" in name or "modules_to_save" in name:
                parameter.add_(0.2 * torch.randn(parameter.shape, generator=numbers))
    model_of_theirs.save_pretrained(tmp_path / "a")
    ours, adapter = load_classifier_adapter(tmp_path / "a", model)
    assert adapter == Adapter(3, 5.0, ("attention.qkv",), "dora" if dora else "lora")
    assert ours.labels == ("LABEL_0", "LABEL_1", "LABEL_2")
    with torch.no_grad():
        torch.testing.assert_close(ours(ROW), model_of_theirs(ROW).logits, **CLOSE)


def test_a_run_leaves_both_and_they_agree(folder, labeled, tmp_path, capsys):
    settings = ClassifySettings(source=str(folder), data=labeled, out=tmp_path / "r", steps=6, batch_size=8)
    for _ in classify(settings):
        pass
    merged, tokenizer = load_classifier(tmp_path / "r")
    apart, _ = load_classifier(tmp_path / "r" / "adapter")
    assert merged.labels == apart.labels == ("a dog", "a fox")
    ids = torch.tensor([tokenizer.encode("the quick brown fox")])
    torch.testing.assert_close(merged(ids), apart(ids), **CLOSE)
    base = GPT2ForSequenceClassification.from_pretrained(folder, num_labels=2)
    with torch.no_grad():
        found = peft.PeftModel.from_pretrained(base, tmp_path / "r" / "adapter").eval()(ids).logits
    torch.testing.assert_close(found, apart(ids), **CLOSE)
    assert main(["merge", str(tmp_path / "r" / "adapter"), "--out", str(tmp_path / "m")]) == 0
    again, _ = load_classifier(tmp_path / "m")
    assert torch.equal(again(ids), merged(ids))
    assert main(["label", str(tmp_path / "r" / "adapter"), str(labeled)]) == 0
    assert capsys.readouterr().out.count('"label"') == 60


def test_another_base_and_other_tasks_are_refused(model, saved):
    *_, folder = saved
    path = folder / "adapter_config.json"
    content = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(content | {"task_type": "CAUSAL_LM", "modules_to_save": None}), "utf-8")
    with pytest.raises(ValueError, match="task_type: wanted SEQ_CLS, got 'CAUSAL_LM'"):
        load_classifier_adapter(folder, model)
    with pytest.raises(ValueError, match="wanted the folder of a classifier, got the adapter of a language model"):
        load_classifier(folder)
    (folder.parent / "run").mkdir()
    shutil.copytree(folder, folder.parent / "run" / "adapter")
    with pytest.raises(ValueError, match="run: wanted the folder of a classifier, got the adapter of a language model"):
        load_classifier(folder.parent / "run")
    path.write_text(json.dumps(content | {"modules_to_save": ["wte"]}), "utf-8")
    with pytest.raises(ValueError, match=r"modules_to_save: wanted an adapter without, got \['wte'\]"):
        load_classifier_adapter(folder, model)
    path.write_text(json.dumps(content | {"base_model_name_or_path": None}), "utf-8")
    with pytest.raises(ValueError, match="wanted an adapter that says where its base is"):
        load_classifier(folder)
    path.write_text(json.dumps(content), "utf-8")
    with torch.no_grad():
        model.final_norm.bias[3] += 1e-6
    with pytest.raises(ValueError, match=r"wanted the base that this adapter was trained on \(SHA-256"):
        load_classifier_adapter(folder, model)


def test_head_and_labels_must_be_there(model, saved):
    _, _, folder = saved
    path = folder / "adapter_model.safetensors"
    tensors = load_file(path)
    name = "base_model.model.score.weight"
    for head, got in ((None, "none"), (torch.zeros(3, 7), r"\(3, 7\)")):
        rest = {key: value for key, value in tensors.items() if key != name}
        save_file(rest if head is None else rest | {name: head}, path)
        with pytest.raises(ValueError, match=rf"wanted {name} of shape \(labels, 24\), got {got}"):
            load_classifier_adapter(folder, model)
    save_file(tensors, path, {"labels": '["a", "b"]'})
    with pytest.raises(ValueError, match=r"wanted a name a row of .*, got 2 for 3"):
        load_classifier_adapter(folder, model)
    with pytest.raises(ValueError, match="wanted CAUSAL_LM, got 'SEQ_CLS'"):
        load_adapter(folder, model)
