"""`gpt2 batch`: the text of a step is what the model saw."""

import pytest

import gpt2
from gpt2 import TextCurriculum, TrainSettings
from gpt2.commands.batch import describe
from gpt2.commands.settings import BatchSettings


@pytest.fixture
def settings(text_file, tmp_path) -> TrainSettings:
    return TrainSettings(text=str(text_file), out=tmp_path / "run", recipe="tiny", steps=9, batch_size=3)


def test_the_text_of_a_step_is_what_the_model_saw(settings, monkeypatch):
    seen, good = [], TextCurriculum.loss

    def loss(model, batch):
        if model.training:
            seen.append(batch)
        return good(model, batch)

    monkeypatch.setattr(TextCurriculum, "loss", staticmethod(loss))
    run = gpt2.run(settings)
    list(run)
    for number, (inputs, targets) in enumerate(seen, start=1):
        said = describe(BatchSettings(run.folder, number))
        assert said.startswith(f"Step {number} of 9: 3 windows of 32 tokens from ")
        for window, target in zip(inputs, targets, strict=True):
            assert run.tokenizer.decode([*window.tolist(), int(target[-1])]) in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["RUN", "0"], ["STEP: wanted a step of the run, 1 to 9, got 0"]),
        (["RUN", "10"], ["1 to 9, got 10"]),
        (["nowhere", "1"], ["nowhere", "wanted a run folder, got no such folder"]),
    ],
)
def test_the_text_of_a_step_that_is_not_there(settings, command, arguments, words):
    gpt2.run(settings)
    code, _, said = command("batch", *(settings.out if a == "RUN" else a for a in arguments))
    assert code == 2
    assert all(word in said for word in words), said
