import pydoc_data.topics
import subprocess
import sys
from pathlib import Path

import pytest

import gpt2
from gpt2 import TrainSettings
from gpt2_trainer import command

TINY = ["--recipe", "tiny", "--steps", "6", "--batch-size", "4"]


@pytest.fixture
def text_file(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("TENSORS_TO_GPT2_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "topics.txt"
    path.write_text("\n".join(pydoc_data.topics.topics.values())[:100_000], encoding="utf-8")
    return path


@pytest.fixture
def trainer(monkeypatch, capsys):
    """Run `gpt2-trainer ARGUMENTS` in this process: (exit code, stdout, stderr)."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["gpt2-trainer", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            command.main()
        captured = capsys.readouterr()
        return int(end.value.code or 0), captured.out, captured.err

    return call


def test_it_samples_as_it_learns_and_ends_with_its_numbers(trainer, text_file, tmp_path):
    arguments = ["--text", text_file, "--out", tmp_path / "run", *TINY, "--sample-every", "2", "--prompt", "The class"]
    code, output, errors = trainer(*arguments)
    assert code == 0, errors
    assert [line for line in output.splitlines() if line.startswith("── step")] != []
    assert output.count("\nThe class") == 3
    for word in ("── step 2,", "── step 6,", "bits per byte", "decoding generate"):
        assert word in output
    model, _ = gpt2.load(tmp_path / "run")
    assert model.config.n_layer == 2


def test_sampling_changes_nothing_of_the_run(trainer, text_file, tmp_path):
    watched = tmp_path / "watched"
    assert trainer("--text", text_file, "--out", watched, *TINY, "--sample-every", "1")[0] == 0
    plain = TrainSettings(text=str(text_file), out=tmp_path / "plain", recipe="tiny", steps=6, batch_size=4)
    for _ in gpt2.run(plain):
        pass
    names = ("model/model.safetensors", "model/config.json")
    assert all((watched / name).read_bytes() == (tmp_path / "plain" / name).read_bytes() for name in names)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--sample-every", "0"], ["--sample-every", "at least 1", "got 0"]),
        (["--prompt", ""], ["--prompt", "wanted some text"]),
        (["--temperature", "-1"], ["temperature", "got -1"]),
        (["--recipe", "quik"], ["did you mean quick?"]),
    ],
)
def test_wrong_settings_are_explained(trainer, text_file, tmp_path, arguments, words):
    code, _, errors = trainer("--text", text_file, "--out", tmp_path / "run", *arguments)
    assert code == 2
    assert all(word in errors for word in words), errors
    assert not (tmp_path / "run").exists()


def test_help_needs_no_torch():
    code = "import sys, gpt2_trainer.command as c\ntry: c.main()\nfinally: assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True)
    assert all(option in done.stdout for option in ("--sample-every", "--prompt", "--recipe", "--resume"))
