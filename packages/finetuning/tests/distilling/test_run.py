"""Runs of distillation: the student comes nearer to its teacher, exactly, and only to one that speaks its language."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import gpt2
from finetuning import DistillSettings, distill
from finetuning.running import forgetting


@pytest.fixture(autouse=True)
def old_text(monkeypatch):
    monkeypatch.setattr(forgetting, "old_documents", lambda: ("The lazy dog is quick.", "A fox, of course."))


@pytest.fixture
def student(tokenizer, tmp_path):
    config = gpt2.GPT2Config(n_vocab=tokenizer.n_vocab, n_ctx=40, n_embd=16, n_head=2, n_layer=1, dropout=0.1)
    gpt2.save(tmp_path / "student", gpt2.GPT2(config, generator=torch.Generator().manual_seed(8)), tokenizer)
    return tmp_path / "student"


def settings(student, folder, data, out, **changes):
    given = {"steps": 4, "batch_size": 4, "save_every": 2, "evaluate_every": 2, "device": "cpu"}
    return DistillSettings(source=str(student), teacher=str(folder), data=data, out=out, **given | changes)


def weights(out: Path) -> dict[str, bytes]:
    [file] = [path for path in out.glob("*/*.safetensors")]
    return {name: tensor.numpy().tobytes() for name, tensor in load_file(file).items()}


@pytest.mark.parametrize("how", [{}, {"method": "lora", "rank": 2, "micro_batch_size": 3}], ids=["full", "lora"])
def test_a_run_that_stops_ends_with_the_same_bits(student, folder, data, tmp_path, how):
    for _ in distill(settings(student, folder, data, tmp_path / "whole", **how)):
        pass
    assert len(list(distill(settings(student, folder, data, tmp_path / "r", **how), lambda: True))) == 1
    torch.manual_seed(5)
    rest = distill(DistillSettings(resume=tmp_path / "r", device="cpu"))
    assert [step.number for step in rest] == [2, 3, 4]
    assert weights(tmp_path / "r") == weights(tmp_path / "whole")


def test_a_student_comes_nearer_to_its_teacher_and_the_teacher_stays(student, folder, data, tmp_path):
    run = distill(settings(student, folder, data, tmp_path / "r", steps=25, share=1.0, learning_rate=1e-2))
    before, teacher = run.validation.loss, load_file(folder / "model.safetensors")
    for _ in run:
        pass
    assert run.validation.loss < before / 2
    assert run.in_words(run.validation) == f"held-out mix {run.validation.loss:.3f}"
    after = run.curriculum.teacher.state_dict()
    assert not any(tensor.requires_grad for tensor in run.curriculum.teacher.parameters())
    again, _ = gpt2.load(folder)
    assert all(torch.equal(after[name], tensor) for name, tensor in again.state_dict().items())
    assert teacher.keys() == load_file(folder / "model.safetensors").keys()


@pytest.mark.extras
def test_whole_numbers_teach_too(student, folder, data, tmp_path):
    quantization = pytest.importorskip("quantization", reason="needs the extra finetuning[quantization]")
    model, tokenizer = gpt2.load(folder)
    quantization.save(tmp_path / "int8", quantization.quantize(model, "int8"), tokenizer)
    run = distill(settings(student, tmp_path / "int8", data, tmp_path / "r", steps=2))
    float_run = distill(settings(student, folder, data, tmp_path / "s", steps=2))
    steps = [(one.loss, other.loss) for one, other in zip(run, float_run, strict=True)]
    assert all(one == pytest.approx(other, rel=0.02) and one != other for one, other in steps)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"teacher": None}, "--teacher: wanted a model to learn from, got none"),
        ({"share": 0.0}, "--share: wanted above 0 to 1, got 0.0"),
        ({"share": float("nan")}, "--share: wanted above 0 to 1"),
        ({"temperature": 0.0}, "--temperature: wanted a number above 0"),
        ({"teacher": "no/such/folder"}, "no/such/folder"),
    ],
    ids=str,
)
def test_settings_that_cannot_be_are_refused(student, folder, data, tmp_path, change, message):
    given = {"source": str(student), "teacher": str(folder), "data": data, "out": tmp_path / "r"} | change
    with pytest.raises((ValueError, OSError), match=message):
        distill(DistillSettings(**given))


def test_a_teacher_must_read_the_same_tokens_and_all_of_them(student, data, tmp_path, tokenizer):
    other = gpt2.Tokenizer.train(["another text, other tokens " * 30], tokenizer.n_vocab)
    for name, own, n_ctx in (("other", other, 40), ("short", tokenizer, 4)):
        shape = gpt2.GPT2Config(n_vocab=own.n_vocab, n_ctx=n_ctx, n_embd=16, n_head=2, n_layer=1)
        gpt2.save(tmp_path / name, gpt2.GPT2(shape), own)
    with pytest.raises(ValueError, match=r"wanted the tokenizer of the model that learns .* got another"):
        distill(settings(student, tmp_path / "other", data, tmp_path / "r"))
    with pytest.raises(ValueError, match=r"wanted one that reads \d+ tokens, .* got a context of 4"):
        distill(settings(student, tmp_path / "short", data, tmp_path / "r"))


def test_a_run_goes_on_only_with_its_teacher(student, folder, data, tmp_path):
    assert len(list(distill(settings(student, folder, data, tmp_path / "r"), lambda: True))) == 1
    model, tokenizer = gpt2.load(folder)
    with torch.no_grad():
        model.final_norm.bias.add_(1e-3)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    gpt2.save(folder, model, tokenizer)
    with pytest.raises(ValueError, match=r"as when the run began \(teacher"):
        distill(DistillSettings(resume=tmp_path / "r"))
