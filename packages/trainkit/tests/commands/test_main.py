"""Claims about the `trainkit` command."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from trainkit import Checkpoints, ModulePart
from trainkit.commands.main import main


@pytest.fixture
def folders(tmp_path):
    model = nn.Linear(2, 3)
    checkpoints = Checkpoints(tmp_path / "run", {"model": ModulePart(model)})
    first = checkpoints.save(1, 0.5, {"recipe": "tiny"})
    with torch.no_grad():
        model.weight[1, 1] += 0.25
    return first, checkpoints.save(2)


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stopped:
        main([str(argument) for argument in arguments])
    return stopped.value.code, *capsys.readouterr()


def test_inspect_shows_step_score_and_every_tensor(folders, capsys):
    code, out, _ = run(capsys, "inspect", folders[0])
    assert code == 0
    assert "step 1, score 0.5, parts model, every byte verified" in out
    assert '"recipe": "tiny"' in out
    assert "weight  float32[3, 2]  rms" in out
    assert "step 2" in run(capsys, "inspect", folders[0].parent)[1]


def test_a_run_folder_is_as_good_as_its_checkpoints(folders, tmp_path, capsys):
    whole_run = tmp_path / "RUN"
    whole_run.mkdir()
    folders[0].parent.rename(whole_run / "checkpoints")
    assert "step 2" in run(capsys, "inspect", whole_run)[1]
    assert run(capsys, "diff", whole_run, whole_run / "checkpoints")[0] == 0
    (whole_run / "checkpoints" / "latest").write_bytes(b"\xff\xfe")
    code, _, error = run(capsys, "inspect", whole_run)
    assert (code, error.count("\n")) == (2, 1)
    assert "wanted a checkpoint's folder" in error


def test_diff_names_what_differs_and_says_so_in_its_exit_code(folders, capsys):
    assert run(capsys, "diff", folders[0], folders[0])[:2] == (0, "the same tensors, bit for bit\n")
    code, out, _ = run(capsys, "diff", *folders)
    assert code == 1
    assert out == "model.safetensors weight: 1 of 6 differ, by up to 0.25\n"


def test_diff_of_other_models_names_tensors_and_shapes(folders, tmp_path, capsys):
    other = Checkpoints(tmp_path / "other", {"model": ModulePart(nn.Linear(2, 4, bias=False))}).save(1)
    _, out, _ = run(capsys, "diff", folders[0], other)
    assert f"bias: only in {folders[0]}" in out
    assert "weight: float32[3, 2] against float32[4, 2]" in out


def test_a_corrupt_or_missing_checkpoint_is_exit_code_two_with_advice(folders, tmp_path, capsys):
    code, _, error = run(capsys, "inspect", tmp_path / "nothing")
    assert code == 2
    assert "trainkit: wanted a checkpoint's folder, got" in error
    content = bytearray((folders[0] / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (folders[0] / "model.safetensors").write_bytes(content)
    code, _, error = run(capsys, "inspect", folders[0])
    assert code == 2
    assert "model.safetensors as it was saved" in error


def test_slips_are_one_line_that_says_what_was_meant(folders, capsys):
    assert run(capsys, "inspct", folders[0]) == (
        2,
        "",
        "trainkit: wanted one of the commands inspect, diff, got 'inspct'; did you mean inspect?\n",
    )
    code, out, error = run(capsys, "diff", folders[0])
    assert (code, out) == (2, "")
    assert error.startswith("trainkit: ")
    assert "SECOND" in error
    assert error.count("\n") == 1


def test_the_help_comes_without_torch():
    code = (
        "import sys, trainkit.commands.main as c\n"
        "try: c.main(['inspect', '--help'])\n"
        "finally: assert 'torch' not in sys.modules"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "RUN/checkpoints/step-000200" in shown.stdout
