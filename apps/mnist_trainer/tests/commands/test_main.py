"""Whatever is wrong is said in three parts (wanted, got, what to do), with exit code 2, and nothing is written."""

import gzip
import json
import re
import struct
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from dataio import digits
from mnist_trainer.commands.main import main


def write_idx(folder, name, array, kind=0x08):
    header = bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(gzip.compress(header + array.astype(">u1").tobytes()))


def mnist_files(folder, labels=None, n=40):
    """Real digits in MNIST's file format, without test files."""
    images, real = digits("train").arrays
    write_idx(folder, "train-images-idx3-ubyte.gz", (images[:n, 0].numpy() * 255).astype(np.uint8))
    write_idx(folder, "train-labels-idx1-ubyte.gz", real[:n].numpy() if labels is None else np.array(labels))


def damaged_image(folder):
    for name in ("a", "b"):
        (folder / "drawn" / name).mkdir(parents=True)
        (folder / "drawn" / name / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")


def one_class(folder):
    (folder / "drawn" / "a").mkdir(parents=True)
    Image.new("L", (9, 9), 255).save(folder / "drawn" / "a" / "1.png")


def empty_drawing(folder):
    one_class(folder)
    (folder / "drawn" / "b").mkdir()
    Image.new("L", (9, 9), 255).save(folder / "drawn" / "b" / "1.png")


def a_run(folder):
    (folder / "taken").mkdir()
    (folder / "taken" / "run.json").write_text("{}")


def full_folder(folder):
    (folder / "taken").mkdir()
    (folder / "taken" / "thesis.txt").write_text("draft")


def truncated_idx(folder):
    mnist_files(folder / "mnist")
    path = folder / "mnist" / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-40])


def no_idx(folder):
    mnist_files(folder / "mnist")
    (folder / "mnist" / "train-images-idx3-ubyte.gz").write_bytes(b"<html>not found</html>")


BAD = {
    "unknown data": (None, "--data minst", r"wanted digits, mnist or folder:DIR, got 'minst'"),
    "folder without its prefix": (one_class, "--data drawn", r"did you mean folder:drawn\?"),
    "no such folder": (None, "--data folder:nowhere", r"wanted a folder with one folder per class, but nowhere"),
    "one class only": (one_class, "--data folder:drawn", r"wanted at least two classes in drawn, got \('a',\)"),
    "damaged image": (damaged_image, "--data folder:drawn", r"wanted an image that can be decoded, but drawn/a/1\.png"),
    "empty drawing": (empty_drawing, "--data folder:drawn", r"drawn/a/1\.png: wanted ink"),
    "no MNIST files": (None, "--data mnist --mnist-root .", r"wanted train-images-idx3-ubyte .*copy MNIST's files"),
    "truncated IDX": (truncated_idx, "--data mnist --mnist-root mnist", r"wanted a whole gzip file, but .*is damaged"),
    "no IDX": (no_idx, "--data mnist --mnist-root mnist", r"wanted an IDX file .*begins 3c 68 74 6d"),
    "label out of range": (
        lambda folder: mnist_files(folder / "mnist", labels=[12] * 40),
        "--data mnist --mnist-root mnist",
        r"wanted labels from 0 to 9, got 12 at 0",
    ),
    "fewer labels than images": (
        lambda folder: mnist_files(folder / "mnist", labels=[1] * 39),
        "--data mnist --mnist-root mnist",
        r"wanted images \(N, height, width\) and N labels",
    ),
    "a class without images": (
        lambda folder: mnist_files(folder / "mnist", labels=[1, 2] * 20),
        "--data mnist --mnist-root mnist",
        r"wanted images of every class to learn from, got none of \['0', '3'",
    ),
    "files for other data": (None, "--mnist-root .", r"--mnist-root: wanted together with --data mnist"),
    "folder that holds a run": (a_run, "--out taken", r"wanted a new folder, got one that holds a run.*--resume taken"),
    "folder with other things": (
        full_folder,
        "--out taken",
        r"wanted a new or empty folder, got one with other things",
    ),
    "folder inside a file": (
        full_folder,
        "--out taken/thesis.txt/run",
        r"wanted a folder that can be made, got 'Not a dir",
    ),
    "resume of nothing": (None, "--resume nowhere", r"wanted a run folder, got no such folder"),
    "resume of another folder": (full_folder, "--resume taken", r"got a folder without run\.json"),
    "resume of an edited record": (a_run, "--resume taken", r"wanted the record of a run, got something else"),
    "a slip": (None, "--epoch 3", r"wanted an option of mnist-trainer, got --epoch; did you mean --epochs\?"),
    "a word": (None, "digit.png", r"wanted options, got 'digit.png'; to read a digit: predict digit.png"),
    "a mistyped command": (None, "predct 3.png", r"did you mean predict\?"),
    "no epochs": (None, "--epochs 0", r"--epochs: wanted a whole number of at least 1, got 0"),
    "negative rate": (None, "--learning-rate -1", r"--learning-rate: wanted a number above 0, got -1"),
    "rate that is no number": (None, "--learning-rate nan", r"wanted a number above 0, got nan"),
    "negative seed": (None, "--seed -1", r"--seed: wanted a whole number from 0"),
    "no such device": (None, "--device gpu", r"wanted .*gpu"),
    "predict without a file": (None, "predict nowhere.png", r"wanted image files, got no such file: nowhere\.png"),
    "predict without a model": (one_class, "predict drawn/a/1.png", r"wanted a finished run in runs/, got none"),
    "predict with another folder": (
        full_folder,
        "predict taken/thesis.txt --model taken",
        r"wanted a model that mnist-",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_explained_and_nothing_written(case, tmp_path, monkeypatch, capsys):
    prepare, arguments, message = BAD[case]
    monkeypatch.chdir(tmp_path)
    if prepare:
        prepare(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(SystemExit) as stopped:
        main(arguments.split())
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert re.search(message, error), error
    assert ";" in error or ", or " in error, "it does not say what to do"
    assert error.startswith("mnist-trainer: ")
    assert error.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_resume_with_other_settings_is_refused(default_run, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--resume", str(default_run.folder), "--epochs", "7"])
    assert stopped.value.code == 2
    assert "--epochs: wanted none, as the run" in capsys.readouterr().err


def test_resume_with_other_images_is_refused(default_run, tmp_path, capsys):
    record = json.loads((default_run.folder / "run.json").read_text())
    record["data"]["fingerprint"] = "0" * 64
    (tmp_path / "run.json").write_text(json.dumps(record))
    with pytest.raises(SystemExit):
        main(["--resume", str(tmp_path)])
    assert "wanted the images that it learned from (fingerprint 000000000000)" in capsys.readouterr().err


def test_predict_names_the_file_that_is_no_image(default_run, tmp_path, capsys):
    (tmp_path / "note.png").write_text("not an image")
    with pytest.raises(SystemExit) as stopped:
        main(["predict", str(tmp_path / "note.png"), "--model", str(default_run.folder)])
    assert stopped.value.code == 2
    assert f"{tmp_path / 'note.png'} is not" in capsys.readouterr().err


def test_predict_prints_the_digit_on_standard_output(default_run, drawing, tmp_path, capsys):
    drawing("3").save(tmp_path / "three.png")
    with pytest.raises(SystemExit) as stopped:
        main(["predict", str(tmp_path / "three.png"), "--model", str(default_run.folder)])
    assert stopped.value.code == 0
    assert capsys.readouterr().out.startswith(f"{tmp_path / 'three.png'}: 3  (")


def test_help_answers_without_torch():
    program = (
        "import sys\nfrom mnist_trainer.commands.main import main\n"
        "try: main(['--help'])\nexcept SystemExit as end: sys.exit(end.code or 'torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "--mnist-root" in result.stdout
