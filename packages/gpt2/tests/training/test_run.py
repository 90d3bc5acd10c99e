"""A run through its public door: it learns, counts honestly, and goes on after a stop to the same bits."""

import dataclasses
import json
import math
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import gpt2
from dataio import read_text, split_corpus
from gpt2 import TrainSettings
from trainkit import ModulePart, NonFiniteLoss, OptimizerPart

SHORT = {"recipe": "tiny", "steps": 12, "batch_size": 4, "evaluate_every": 5, "log_every": 3}


@pytest.fixture
def settings(text_file, tmp_path) -> TrainSettings:
    return TrainSettings(text=str(text_file), out=tmp_path / "run", **SHORT)


def finished(settings: TrainSettings) -> gpt2.TextRun:
    run = gpt2.run(settings)
    for _ in run:
        pass
    return run


def weights(folder: Path) -> bytes:
    return (folder / "model" / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def unbroken(text_file, tmp_path_factory) -> gpt2.TextRun:
    """A run of these settings that was let be."""
    return finished(TrainSettings(text=str(text_file), out=tmp_path_factory.mktemp("unbroken") / "run", **SHORT))


def test_it_learns_from_real_text(settings):
    run = gpt2.run(dataclasses.replace(settings, steps=60, evaluate_every=None, batch_size=8))
    untrained = run.evaluate().loss
    losses = [step.loss for step in run]
    assert abs(untrained - math.log(run.config.n_vocab)) < 0.1
    assert losses[0] > losses[-1] + 1.0
    assert run.validation.loss < untrained - 1.0


def test_every_step_comes_once_and_the_folder_tells_all(settings):
    run = gpt2.run(settings)
    assert [step.number for step in run] == list(range(1, 13))
    lines = [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "loss" in line] == [3, 6, 9, 12]
    assert [line["step"] for line in lines if "bits_per_byte" in line] == [5, 10, 12]
    assert sorted(path.name for path in (run.folder / "checkpoints").glob("step-*")) == ["step-000010", "step-000012"]
    record = json.loads((run.folder / "run.json").read_text())
    assert record["recipe"]["steps"] == 12
    assert record["data"]["fingerprint"] == read_text(settings.text).fingerprint
    assert list(run.folder.glob("events.out.tfevents.*"))


def test_bits_per_byte_counts_every_held_out_byte_once(settings, unbroken, transformers):
    """By `transformers`, from the saved folder, token by token, without our loader, loss or arithmetic."""
    run = unbroken
    _, held_out = split_corpus(read_text(settings.text), run.recipe.held_out)
    model = transformers.AutoModelForCausalLM.from_pretrained(run.folder / "model").eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(run.folder / "model", model_max_length=10**9)
    end = tokenizer.eos_token_id
    ids = [end]
    for document in held_out.documents:
        ids += [*tokenizer(document.text)["input_ids"], end]
    nats, width = 0.0, run.config.n_ctx
    with torch.inference_mode():
        for start in range(0, len(ids) - 1, width):
            window = torch.tensor(ids[start : start + width + 1])
            logits = model(window[None, :-1]).logits[0]
            nats += float(torch.nn.functional.cross_entropy(logits, window[1:], reduction="sum"))
    n_bytes = sum(len(document.text.encode()) for document in held_out.documents)
    assert run.validation.count == len(ids) - 1
    assert run.bits_per_byte == pytest.approx(nats / math.log(2) / n_bytes, rel=1e-5)


def after(steps: int):
    """Asked once a step, says stop the `steps`-th time."""
    answers = iter([False] * (steps - 1) + [True])
    return lambda: next(answers)


@pytest.mark.parametrize("steps", [1, 7, 11])
def test_stopped_and_resumed_equals_unbroken(settings, unbroken, steps):
    out = settings.out
    stopped = gpt2.run(settings, after(steps))
    assert len(list(stopped)) == steps
    assert not stopped.finished
    torch.manual_seed(99)  # the state of another process
    resumed = finished(TrainSettings(resume=out))
    assert resumed.start == steps
    assert weights(out) == weights(unbroken.folder)
    assert resumed.validation == unbroken.validation
    numbers = [
        [{k: v for k, v in json.loads(line).items() if k not in ("seconds", "tokens_per_second")} for line in lines]
        for lines in ((f / "metrics.jsonl").read_text().splitlines() for f in (out, unbroken.folder))
    ]
    assert numbers[0] == numbers[1]


def test_a_run_without_checkpoint_starts_again(settings, unbroken):
    gpt2.run(settings)  # prepared, never iterated over
    assert weights(finished(TrainSettings(resume=settings.out)).folder) == weights(unbroken.folder)


def test_a_torn_checkpoint_is_passed_over_for_the_one_before(settings, unbroken, caplog):
    shutil.copytree(unbroken.folder, settings.out)
    expected = weights(settings.out)
    (settings.out / "model").rename(settings.out / "elsewhere")
    torn = settings.out / "checkpoints" / "step-000012" / "optimizer.safetensors"
    torn.write_bytes(torn.read_bytes()[:-1])
    resumed = finished(TrainSettings(resume=settings.out))
    assert resumed.start == 10
    assert "step-000012" in caplog.text
    assert weights(settings.out) == expected


def test_watching_in_every_way_at_once_changes_nothing(settings, unbroken):
    run = gpt2.run(dataclasses.replace(settings, evaluate_every=1, save_every=1, log_every=1))
    for _ in run:
        run.evaluate()
        torch.rand(3)
    assert weights(unbroken.folder) == weights(run.folder)


def test_micro_batches_learn_the_same_up_to_rounding(settings, unbroken):
    cut = finished(dataclasses.replace(settings, micro_batch_size=3))
    assert cut.validation.loss == pytest.approx(unbroken.validation.loss, abs=2e-4)


def test_the_seed_decides(settings, unbroken, tmp_path):
    same = finished(dataclasses.replace(settings, seed=0))
    other = finished(dataclasses.replace(settings, out=tmp_path / "other", seed=2))
    assert weights(same.folder) == weights(unbroken.folder) != weights(other.folder)


def test_a_local_vocabulary_is_used(settings, tokenizer, tmp_path):
    tokenizer.save(tmp_path / "vocabulary", n_ctx=64)
    run = gpt2.run(dataclasses.replace(settings, tokenizer=str(tmp_path / "vocabulary")))
    assert run.tokenizer.fingerprint == tokenizer.fingerprint
    assert run.config.n_vocab == tokenizer.n_vocab


def test_the_published_recipes_are_the_published_shapes():
    for name in ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl"):
        assert gpt2.recipe(name).config == gpt2.PUBLISHED[name]
        assert gpt2.recipe(name).tokenizer == "published"


def test_nothing_is_written_before_the_input_is_checked(settings):
    with pytest.raises(ValueError, match="batch"):
        gpt2.run(dataclasses.replace(settings, batch_size=10**6))
    assert not settings.out.exists()


class NoTensorBoard:
    """A SummaryWriter that does nothing."""

    def __init__(self, *arguments, **options):
        pass

    def __getattr__(self, name):
        return lambda *arguments, **options: None


@pytest.mark.parametrize("what", ["evaluation", "checkpoints", "log lines", "profile", "samples", "no TensorBoard"])
def test_no_way_of_watching_changes_a_weight(settings, unbroken, monkeypatch, what):
    changes = {
        "evaluation": {"evaluate_every": 1, "save_every": 12},
        "checkpoints": {"save_every": 1},
        "log lines": {"log_every": 1},
        "profile": {"profile": True},
    }
    if what == "no TensorBoard":
        monkeypatch.setattr("torch.utils.tensorboard.SummaryWriter", NoTensorBoard)

    run = gpt2.run(dataclasses.replace(settings, **changes.get(what, {})))
    for _ in run:
        if what == "samples":
            with torch.inference_mode():
                logits = run.model.eval()(torch.zeros(1, 4, dtype=torch.long))
            torch.multinomial(logits[0].softmax(-1), 1)
            run.evaluate()
    assert weights(run.folder) == weights(unbroken.folder)


def checkpoint(run: gpt2.Run, step: int) -> bytes:
    return (run.folder / "checkpoints" / f"step-{step:06d}" / "model.safetensors").read_bytes()


def test_a_step_without_a_number_is_left_out_up_to_the_limit(settings, broken_at, caplog):
    broken_at(4)
    run = gpt2.run(dataclasses.replace(settings, save_every=1, skip_limit=1))
    for step in run:
        assert step.skipped == (step.number == 4)
        if step.number == 4:
            assert checkpoint(run, 4) == checkpoint(run, 3)
    assert "step 4 was left out, loss nan and gradient norm nan (1 of at most 1)" in caplog.text
    lines = [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["skipped_steps"] for line in lines if "skipped_steps" in line] == [1.0]


def test_by_default_it_stops_and_a_resumed_run_counts_on(settings, broken_at):
    broken_at(6)
    with pytest.raises(NonFiniteLoss, match="in step 6"):
        finished(dataclasses.replace(settings, save_every=5))
    broken_at(1, 3)  # steps 6 and 8
    with pytest.raises(NonFiniteLoss, match="in step 8"):
        finished(TrainSettings(resume=settings.out, skip_limit=1))
    run = gpt2.run(TrainSettings(resume=settings.out))
    assert (run.start, run.guard.skip_limit) == (5, 0)


def test_the_count_of_steps_left_out_is_in_the_checkpoint(settings, broken_at):
    broken_at(2, 6)
    with pytest.raises(NonFiniteLoss, match="in step 6"):
        finished(dataclasses.replace(settings, save_every=1, skip_limit=1))
    run = gpt2.run(TrainSettings(resume=settings.out))
    assert (run.start, run.guard.skipped, run.guard.skip_limit) == (5, 1, 1)


def test_as_many_checkpoints_stay_as_are_asked_for(settings):
    kept = dataclasses.replace(settings, save_every=2, keep=4)
    run = finished(kept)
    assert len(run.checkpoints.steps()) in (4, 5)  # the best may be one of the last four
    assert run.checkpoints.steps()[-4:] == [run.total - 6, run.total - 4, run.total - 2, run.total]
    assert gpt2.run(TrainSettings(resume=settings.out)).checkpoints.keep == 4
    assert gpt2.run(TrainSettings(resume=settings.out, keep=9)).checkpoints.keep == 9
    with pytest.raises(ValueError, match="--keep: wanted a whole number of at least 1, got 0"):
        gpt2.run(dataclasses.replace(settings, keep=0))


def test_a_negative_limit_is_refused(settings):
    with pytest.raises(ValueError, match=r"--skip-limit: wanted 0 steps or more, got -1"):
        gpt2.run(dataclasses.replace(settings, skip_limit=-1))


class Sums:
    """A toy curriculum: pairs of numbers, and what their weighted sum should be. No text, no GPT-2."""

    steps, held_out_bytes = 9, None

    def loss(self, model, batch):
        numbers, wanted = batch
        return (model(numbers)[:, 0] - wanted).square().sum(), torch.tensor(len(wanted))

    def steps_from(self, start):
        for step in range(start, self.steps):
            numbers = torch.randn(8, 2, generator=torch.Generator().manual_seed(step))
            yield [(numbers, numbers @ torch.tensor([3.0, -2.0]))]

    def held_out(self):
        numbers = torch.eye(2)
        return [[(numbers, torch.tensor([3.0, -2.0]))]]


@dataclasses.dataclass(frozen=True)
class Every:
    """Where the toy's run lies, and how often it does what."""

    folder: Path
    evaluate_every: int = 3
    save_every: int = 2
    log_every: int = 1
    precision: str = "float32"


def toy(folder: Path, should_stop=None) -> gpt2.Run:
    """A frozen model with one trained part, as an adapter is: nothing else is in checkpoints and in the result."""
    torch.manual_seed(5)
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    model[0].requires_grad_(False).weight.copy_(torch.eye(2))
    model[0].bias.zero_()
    adapter = model[1]
    optimizer = torch.optim.AdamW(adapter.parameters(), lr=0.3)

    def write(place: Path) -> None:
        place.mkdir()
        save_file({name: p.detach() for name, p in adapter.named_parameters()}, place / "adapter.safetensors")

    parts = {"adapter": ModulePart(adapter, "adapter"), "optimizer": OptimizerPart(optimizer, adapter)}
    trained = gpt2.Trained(model, torch.device("cpu"), optimizer, parts, write, result="adapter")
    return gpt2.Run(Every(folder), Sums(), trained, should_stop=should_stop)


def test_another_curriculum_another_part_and_another_result_need_no_other_loop(tmp_path):
    unbroken = toy(tmp_path / "unbroken")
    before = unbroken.evaluate().loss
    assert [step.number for step in unbroken] == list(range(1, 10))
    assert unbroken.validation.loss < before / 4
    assert unbroken.bits_per_byte is None
    assert unbroken.finished
    lines = [json.loads(line) for line in (tmp_path / "unbroken" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "validation_loss" in line] == [3, 6, 9]
    assert not any("bits_per_byte" in line for line in lines)

    stopped = toy(tmp_path / "stopped", after(5))
    assert len(list(stopped)) == 5
    assert not stopped.finished
    saved = tmp_path / "stopped" / "checkpoints" / "step-000005"
    assert {path.stem for path in saved.glob("*.safetensors")} == {"adapter", "optimizer"}
    resumed = toy(tmp_path / "stopped")
    resumed.restore()
    assert [step.number for step in resumed] == [6, 7, 8, 9]
    assert resumed.validation == unbroken.validation
    ours, theirs = (tmp_path / name / "adapter" / "adapter.safetensors" for name in ("stopped", "unbroken"))
    assert ours.read_bytes() == theirs.read_bytes()
    assert not (tmp_path / "stopped" / "model").exists()


def test_a_run_of_no_step_is_told_once_and_finished(tmp_path):
    """What its model is like is in the metrics, and its result is written; again, nothing happens."""
    for _ in range(2):
        run = toy(tmp_path)
        run.curriculum.steps = run.total = 0
        run.validation = run.evaluate()
        assert list(run) == []
        assert run.finished
        assert (tmp_path / "adapter" / "adapter.safetensors").is_file()
        [line] = (tmp_path / "metrics.jsonl").read_text().splitlines()
        assert json.loads(line)["validation_loss"] == pytest.approx(run.validation.loss)
        assert len(list(tmp_path.glob("events.out.tfevents.*"))) == 1
