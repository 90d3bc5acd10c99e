"""What a person types: wrong input is one clear line and exit code 2, and nothing is lost."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import gpt2.commands.main
from gpt2 import TextCurriculum
from gpt2.training.run import Run

TINY = ["--recipe", "tiny", "--steps", "4", "--batch-size", "4"]


@pytest.fixture
def train(monkeypatch, capsys):
    """Run `train ARGUMENTS` in this process: (exit code, stdout, stderr)."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["train", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            gpt2.commands.main.train()
        captured = capsys.readouterr()
        return int(end.value.code or 0), captured.out, captured.err

    return call


@pytest.fixture
def run_folder(train, text_file, tmp_path) -> Path:
    code, _, errors = train("--text", text_file, "--out", tmp_path / "run", *TINY)
    assert code == 0, errors
    return tmp_path / "run"


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_help_names_every_setting_and_needs_no_torch():
    code = "import sys, gpt2.commands.main\ntry: gpt2.commands.main.train()\nfinally: assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True)
    assert all(option in done.stdout for option in ("--text", "--out", "--recipe", "--resume", "--micro-batch-size"))


def test_a_run_ends_with_its_numbers_and_the_next_command(train, text_file, tmp_path):
    code, output, _ = train("--text", text_file, "--out", tmp_path / "run", *TINY)
    assert code == 0
    for word in (
        "perplexity",
        "bits per byte",
        "tokens/s",
        str(tmp_path / "run" / "model"),
        "decoding generate",
        "interpretability page",
    ):
        assert word in output


def test_without_out_the_next_free_folder_is_taken(train, text_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("001", "002"):
        code, output, _ = train("--text", text_file, *TINY)
        assert code == 0
        assert f"runs/{name}" in output.replace("\\", "/")


def test_a_finished_run_resumes_to_its_report(train, run_folder):
    before = files(run_folder / "model")
    code, output, _ = train("--resume", run_folder)
    assert code == 0
    assert "bits per byte" in output
    assert files(run_folder / "model") == before


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, ["is not there", "check the path"]),
        (b"", ["wanted text", "empty"]),
        (b"x", ["enough text to hold out 1%", "got 1 document of 1 byte in"]),
        (b"too short\n" * 3, ["at least one window of 32 tokens", "bytes", "too short"]),
        (b"GIF89a\x00\x01" * 1000, ["binary", "offset 6"]),
        ("größe\n".encode("latin-1") * 1000, ["UTF-8", "offset 2", "iconv"]),
    ],
)
def test_text_that_cannot_be_learned_from(train, tmp_path, content, words):
    path = tmp_path / "text.txt"
    if content is not None:
        path.write_bytes(content)
    code, output, errors = train("--text", path, "--out", tmp_path / "run", *TINY)
    assert code == 2
    assert all(word in errors for word in words), errors
    assert not (tmp_path / "run").exists()
    assert "Traceback" not in errors + output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--recipe", "tinny"], ["tinny", "did you mean tiny?"]),
        (["--steps", "0"], ["--steps", "at least 1", "got 0"]),
        (["--learning-rate", "-1"], ["--learning-rate", "above 0"]),
        (["--warmup", "-1"], ["--warmup", "0 steps or more"]),
        (["--steps", "8", "--warmup", "8"], ["--warmup: wanted fewer than the 8 steps of the run, got 8"]),
        (["--precision", "fp16"], ["--precision: wanted one of", "got 'fp16'; leave --precision out\n"]),
        (["--seed", "-1"], ["--seed", "got -1"]),
        (["--device", "quantum"], ["quantum", "cpu, cuda, cuda:N, mps or auto"]),
        (["--steps", "ten"], ["--steps: wanted a whole number, got 'ten'"]),
        (["--learning-rate=fast"], ["--learning-rate: wanted a number, got 'fast'"]),
        (["--batch-size", "100000"], ["batch of 100000", "smaller --batch-size"]),
        (["--tokenizer", "no-such-folder"], ["no-such-folder", "vocab.json"]),
        pytest.param(
            ["--device", "cuda"],
            ["cuda", "wanted", "got"],
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device"),
        ),
    ],
)
def test_wrong_settings(train, text_file, tmp_path, arguments, words):
    code, _, errors = train("--text", text_file, "--out", tmp_path / "run", "--recipe", "tiny", *arguments)
    assert code == 2
    assert all(word in errors for word in words), errors
    assert not (tmp_path / "run").exists()


def test_a_text_without_its_option(train):
    code, _, errors = train("book.txt")
    assert (code, errors) == (2, "train: wanted options, got 'book.txt'; to learn from a text: --text book.txt\n")


def test_the_run_of_another_command(train, run_folder):
    (run_folder / "run.json").write_text('{"format": 1, "settings": {}}')
    code, _, errors = train("--resume", run_folder)
    assert code == 2
    assert "the run of another command" in errors


def test_a_run_is_not_overwritten(train, text_file, run_folder):
    before = files(run_folder)
    code, _, errors = train("--text", text_file, "--out", run_folder, *TINY)
    assert code == 2
    assert f"--resume {run_folder}" in errors
    assert files(run_folder) == before


def test_a_folder_with_other_things_is_left_alone(train, text_file, tmp_path):
    (tmp_path / "thesis.txt").write_text("dear")
    code, _, errors = train("--text", text_file, "--out", tmp_path, *TINY)
    assert code == 2
    assert "other things in it" in errors


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--recipe", "quick"], ["--recipe", "wanted tiny", "got quick"]),
        (["--tokenizer", "published"], ["--tokenizer", "wanted none", "got published"]),
        (["--seed", "3"], ["--seed", "got 3"]),
    ],
)
def test_resume_with_other_settings(train, run_folder, arguments, words):
    code, _, errors = train("--resume", run_folder, *arguments)
    assert code == 2
    assert all(word in errors for word in words), errors


def test_resume_with_more_steps_says_how_to_train_longer(train, run_folder, text_file, tmp_path):
    assert train("--resume", run_folder, "--steps", 4)[0] == 0  # as many as it has
    code, _, errors = train("--resume", run_folder, "--steps", 9)
    assert code == 2
    longer = f"--from {run_folder / 'model'} --steps 9 --text {text_file}"
    assert "--steps: wanted the 4 of the run in" in errors
    assert errors.endswith(
        f"got 9; leave --steps out to resume, or train longer in a new run from its result: {longer}\n"
    )
    code, output, _ = train(*longer.split(), "--out", tmp_path / "longer", "--batch-size", 4)
    assert code == 0
    assert "9 steps" in output
    shutil.rmtree(run_folder / "model")  # as before its end
    assert "leave --steps out to resume it to its end, or" in train("--resume", run_folder, "--steps", 9)[2]


def test_resume_of_what_is_no_run(train, tmp_path):
    code, _, errors = train("--resume", tmp_path)
    assert code == 2
    assert "wanted a run folder, got a folder without run.json" in errors


def test_resume_on_a_changed_text(train, run_folder, text_file, tmp_path):
    changed = tmp_path / "changed.txt"
    changed.write_text(text_file.read_text() + "one more line\n")
    code, _, errors = train("--resume", run_folder, "--text", changed)
    assert code == 2
    assert "wanted the text it was trained on" in errors
    assert "the text was changed" in errors


def test_resume_on_another_pythons_embedded_text(train, run_folder):
    record = json.loads((run_folder / "run.json").read_text())
    record["text"], record["versions"]["python"] = None, "3.99.0"
    (run_folder / "run.json").write_text(json.dumps(record))
    code, _, errors = train("--resume", run_folder)
    assert code == 2
    assert "Python 3.99.0's embedded text" in errors


def test_resume_with_another_tokenizer(train, run_folder, tokenizer):
    tokenizer.save(run_folder / "tokenizer", n_ctx=32)
    code, _, errors = train("--resume", run_folder)
    assert code == 2
    assert "wanted the tokenizer of the run" in errors


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_checkpoint(train, text_file, tmp_path, monkeypatch):
    good = TextCurriculum.loss

    def loss(model, batch):
        total, count = good(model, batch)
        broken = model.training and (tmp_path / "run" / "checkpoints" / "step-000002").exists()
        return (total * float("nan") if broken else total), count

    monkeypatch.setattr(TextCurriculum, "loss", staticmethod(loss))
    code, _, errors = train("--text", text_file, "--out", tmp_path / "run", *TINY, "--save-every", "2")
    assert code == 2
    assert all(word in errors for word in ("step 3", "learning rate", "nan", "of step 2", "--resume"))
    monkeypatch.setattr(TextCurriculum, "loss", staticmethod(good))
    assert train("--resume", tmp_path / "run")[0] == 0


def test_a_full_disk_keeps_what_was_saved(train, text_file, tmp_path, monkeypatch):
    save = Run._save

    def full(self, number):
        if number > 2:
            raise OSError(errno.ENOSPC, "wanted room for the checkpoint, got none")
        save(self, number)

    monkeypatch.setattr(Run, "_save", full)
    code, _, errors = train("--text", text_file, "--out", tmp_path / "run", *TINY, "--save-every", "2")
    assert code == 2
    assert all(word in errors for word in ("wanted room", "of step 2", "--resume"))
    monkeypatch.setattr(Run, "_save", save)
    assert train("--resume", tmp_path / "run")[0] == 0


def test_a_second_signal_ends_at_once_and_says_what_is_safe(train, text_file, tmp_path, monkeypatch):
    steps = iter(range(10**6))

    def impatient(model, batch):
        if model.training and next(steps) == 2:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
        return model.loss(*batch)

    monkeypatch.setattr(TextCurriculum, "loss", staticmethod(impatient))
    code, _, errors = train("--text", text_file, "--out", tmp_path / "my run", *TINY, "--save-every", "1")
    assert code == 130
    assert "train: interrupted; the last good checkpoint is of step " in errors
    assert f"--resume '{tmp_path / 'my run'}'" in errors
    assert "Traceback" not in errors
    assert train("--resume", tmp_path / "my run")[0] == 0


def test_a_signal_before_there_is_a_run_is_one_line(train, text_file, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("gpt2.training.text_run.open_run", interrupted)
    code, _, errors = train("--text", text_file, "--out", tmp_path / "run", *TINY)
    assert (code, errors) == (130, "train: interrupted\n")


def test_a_signal_in_the_last_step_ends_in_the_result(train, text_file, tmp_path, monkeypatch):
    def interrupted(model, batch):
        if (tmp_path / "run" / "checkpoints" / "step-000003").exists():
            os.kill(os.getpid(), signal.SIGINT)
            monkeypatch.setattr(TextCurriculum, "loss", staticmethod(lambda model, batch: model.loss(*batch)))
        return model.loss(*batch)

    monkeypatch.setattr(TextCurriculum, "loss", staticmethod(interrupted))
    code, output, _ = train("--text", text_file, "--out", tmp_path / "run", *TINY, "--save-every", "1")
    assert code == 0
    assert "bits per byte" in output


def test_little_text_for_the_default_recipe_is_noted(train, text_file, tmp_path):
    for length, noted in ((9_000, True), (250_000, False)):
        (tmp_path / "text.txt").write_text((text_file.read_text() * 9)[:length])
        code, output, errors = train("--text", tmp_path / "text.txt", "--out", tmp_path / str(length), "--steps", "1")
        assert code == 0, errors
        assert ("so little text is learned by heart" in output) == noted
        assert "0.00 MB" not in output


def test_fewer_steps_warm_up_for_fewer(text_file, tmp_path):
    run = gpt2.run(gpt2.TrainSettings(text=str(text_file), out=tmp_path / "run", recipe="small", steps=7))
    assert run.recipe.warmup == 1


def test_the_error_of_a_stopped_run_names_the_command_that_shows_its_text(train, text_file, tmp_path, broken_at):
    broken_at(3)
    code, _, said = train("--text", text_file, "--out", tmp_path / "run", "--recipe", "tiny")
    assert code == 2
    assert f"gpt2 batch {tmp_path / 'run'} 3" in said
    assert f"train --resume {tmp_path / 'run'} --skip-limit 1, or begin a new run with a lower --learning-rate" in said


def test_a_step_that_is_left_out_is_told_with_the_command_that_shows_its_text(
    train, text_file, tmp_path, broken_at, caplog
):
    broken_at(2)
    code, _, errors = train("--text", text_file, "--out", tmp_path / "run", *TINY, "--skip-limit", "1")
    assert code == 0, errors
    assert "step 2 was left out, loss nan" in caplog.text
    assert f"the text of step 2: gpt2 batch {tmp_path / 'run'} 2" in caplog.text.replace("uv run --package gpt2 ", "")
