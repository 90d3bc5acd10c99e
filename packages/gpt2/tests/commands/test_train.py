"""`train_command`: what `train` does, for other commands that look at the run between its steps."""

import dataclasses
import errno
import io
import sys

import pytest
from safetensors import SafetensorError
from tqdm.auto import tqdm

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


class Broken(io.TextIOBase):
    """Output that nobody takes: a full disk, or a reader who left."""

    encoding = "utf-8"

    def write(self, text):
        raise OSError(errno.ENOSPC, "No space left on device")

    def flush(self):
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("kind", ["full", "gone", "cp1252"])
def test_whatever_becomes_of_the_output_the_run_goes_on_to_the_same_bits(settings, tmp_path, monkeypatch, kind):
    def watched(run):
        return lambda step: tqdm.write(f"── step {step.number}, 漢 ──")

    def weights(folder):
        return (folder / "model" / "model.safetensors").read_bytes()

    assert gpt2.train_command(settings, each_step=watched) == 0
    for name in ("stdout", "stderr"):
        stream = Broken()
        if kind == "gone":
            stream.write = stream.flush = lambda *text: (_ for _ in ()).throw(BrokenPipeError())
        if kind == "cp1252":
            stream = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
        monkeypatch.setattr(sys, name, stream)
    other = dataclasses.replace(settings, out=tmp_path / "unheard")
    assert gpt2.train_command(other, each_step=watched) == 0
    assert weights(other.out) == weights(settings.out)


@pytest.mark.parametrize(
    "error", [SafetensorError("I/O error: File too large (os error 27)"), OSError(errno.EROFS, "Read-only file system")]
)
def test_any_error_at_save_says_how_to_resume(settings, monkeypatch, error):
    def failing(*given, **options):
        raise error

    monkeypatch.setattr("gpt2.training.trained.save_model", failing)
    with pytest.raises(ValueError, match=r"(too large|Read-only).*No checkpoint was saved yet: resume from the start"):
        gpt2.train_command(settings)
