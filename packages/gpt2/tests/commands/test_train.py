"""`train_command`: what `train` does, for other commands that look at the run between its steps."""

import pytest

import gpt2
from gpt2 import TrainSettings


@pytest.fixture
def settings(text_file, tmp_path) -> TrainSettings:
    return TrainSettings(text=str(text_file), out=tmp_path / "run", recipe="tiny", steps=3, batch_size=4)


def test_every_step_is_looked_at_and_the_end_has_its_say(settings, capsys):
    seen = []

    def watched(run):
        assert (run.start, run.total, run.folder) == (0, 3, settings.out)
        return lambda step: seen.append((step.number, run.last_step, run.finished))

    code = gpt2.train_command(
        settings, each_step=watched, at_end=lambda run: f"looked at {len(seen)} steps of {run.folder}", prompt="It was"
    )
    assert code == 0
    assert seen == [(1, 1, False), (2, 2, False), (3, 3, False)]
    said = capsys.readouterr().out
    assert said.index("bits per byte") < said.index("--prompt 'It was'") < said.index("looked at 3 steps of")


def test_what_goes_wrong_while_looking_says_how_to_resume(settings, capsys):
    def refused(run):
        raise ValueError("--prompt: wanted another")

    with pytest.raises(ValueError, match=r"--prompt: wanted another\. No checkpoint .* trainer --resume "):
        gpt2.train_command(settings, each_step=refused, command=("gpt2_trainer", "trainer"))
    code = gpt2.train_command(TrainSettings(resume=settings.out))
    assert code == 0
    assert "bits per byte" in capsys.readouterr().out


def test_several_processes_are_started_with_the_command_that_was_typed(settings, monkeypatch):
    started = []
    monkeypatch.setattr("gpt2.commands.train.launch", lambda *how: started.append(how) or exit(0))
    with pytest.raises(SystemExit):
        gpt2.train_command(TrainSettings(processes=2), again=["gpt2_trainer", "--processes", "2"])
    assert started == [("gpt2_trainer", ["--processes", "2"], 2)]


def test_wrong_settings_are_refused_before_there_is_a_run(settings):
    with pytest.raises(ValueError, match=r"--steps: wanted a whole number of at least 1, got 0"):
        gpt2.train_command(TrainSettings(text=settings.text, out=settings.out, steps=0))
    assert not settings.out.exists()
