"""Long pieces of work say how far they are: functions to a callback, commands on standard error."""

import os
import subprocess
import sys

import pytest
import torch

import gpt2
from quantization import (
    calibrate_on_text,
    cost_report,
    divergences,
    precision_path,
    quantize,
    sensitivity,
)
from quantization.commands.main import main
from quantization.costs.benchmark import benchmark
from quantization.costs.divergence import batches
from quantization.progress import shown
from quantization.rounding.calibration import TOKENS


@pytest.fixture(scope="module")
def ids(tokenizer, text):
    return torch.tensor(tokenizer.encode(text[40_000:])[: 48 * 100 + 17])


def divergences_of_two(model, ids, progress):
    divergences(model, {"a": model, "b": model}, [*ids[:480].split(48), ids[:7]], progress=progress)


def report_of_two(model, ids, progress):
    cost_report(model, ids, {"a": "int8", "b": {"token_embedding": "int4"}}, progress=progress)


def short_benchmark(model, ids, progress):
    benchmark(model, ("int8",), rows=(1, 2), new_tokens=1, turns=1, progress=progress)


WORK = {
    "quantize": lambda model, ids, progress: quantize(model, "int4", progress=progress),
    "sensitivity": lambda model, ids, progress: sensitivity(model, ids[:96].split(48), "int8", progress=progress),
    "precision_path": lambda model, ids, progress: precision_path(model, ids[:96].split(48), progress=progress),
    "divergences": divergences_of_two,
    "cost_report": report_of_two,
    "benchmark": short_benchmark,
}


@pytest.mark.parametrize("name", WORK)
def test_every_step_is_told_once_and_the_last_is_the_total(model, ids, name):
    told = []
    WORK[name](model, ids, progress=lambda done, total: told.append((done, total)))
    total = told[-1][1]
    assert total > 1
    assert told == [(done, total) for done in range(total + 1)]


def test_calibrating_tells_its_steps_too(model, tokenizer, text):
    told = []
    calibrate_on_text(model, tokenizer, text, tokens=48 * 20, progress=lambda *step: told.append(step))
    assert told == [(done, 3) for done in range(4)]


def test_rows_of_one_length_go_together_up_to_a_limit():
    rows = [torch.zeros(length, dtype=torch.long) for length in (40, 40, 40, 30, 300, 40)]
    assert [tuple(batch.shape) for batch in batches(rows, 100)] == [(2, 40), (1, 40), (1, 30), (1, 300), (1, 40)]


def test_a_report_reads_the_text_in_float_twice_however_many_schemes(model, ids):
    read = []
    handle = model.token_embedding.register_forward_hook(lambda layer, given, made: read.append(given[0].numel()))
    cost_report(model, ids[:961], {name: name for name in ("int8", "int4", "bfloat16")}, layers=False)
    handle.remove()
    assert sum(read) == 2 * 960


@pytest.fixture
def asked(model, tokenizer, text, tmp_path):
    gpt2.save(tmp_path / "model", model, tokenizer)
    (tmp_path / "text.txt").write_text(text[:20_000], encoding="utf-8")
    told = ["--text", str(tmp_path / "text.txt"), "--tokens", "96"]
    source, text_file, out = (str(tmp_path / name) for name in ("model", "text.txt", "out"))
    return {
        "convert": ["convert", source, "--to", "int4", "--calibrate", text_file, "--tokens", "960", "--out", out],
        "report": ["report", source, *told, "--schemes", "int8"],
        "search": ["search", source, *told, "--loss", "1", "--out", out],
        "benchmark": ["benchmark", source, "--schemes", "int8", "--rows", "1", "--tokens", "1", "--turns", "1"],
    }


@pytest.mark.parametrize("name", ["convert", "report", "search", "benchmark"])
def test_commands_say_what_they_do_and_how_far_they_are(asked, name, monkeypatch, capsys):
    monkeypatch.setattr("decoding.counting.EVERY", 0.0)
    assert main(asked[name]) == 0
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith("quantization: ")
    assert "1 of " in told[1]
    assert " steps, " in told[1]


def test_a_terminal_gets_a_bar(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with shown("counting to two") as progress:
        for done in range(3):
            progress(done, 2)
    told = capsys.readouterr().err
    assert told.startswith("quantization: counting to two\n")
    assert "| 2/2 [" in told


def test_a_bar_that_an_error_ends_leaves_its_line(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    def interrupted():
        with shown("counting") as progress:
            progress(0, 2)
            raise ValueError("odd")

    with pytest.raises(ValueError, match="odd") as caught:  # whose frames hold the bar, as in a command
        interrupted()
    assert capsys.readouterr().err.endswith("\n")
    assert caught.tb


@pytest.mark.parametrize(
    ("arguments", "policy"),
    [
        (["report", "x", "--text", "nowhere"], "passive"),
        (["generate", "nowhere", "--prompt", "x"], "passive"),
        (["benchmark", "x", "--rows", "0"], "None"),
    ],
)
def test_threads_spin_briefly_but_for_those_of_a_benchmark(arguments, policy):
    program = (
        f"import os\nfrom quantization.commands.main import main\nmain({arguments})\n"
        "print(os.environ.get('OMP_WAIT_POLICY'))"
    )
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout == f"{policy}\n"


def test_calibration_names_the_larger_of_what_it_wants_at_once(model, tokenizer, text):
    with pytest.raises(
        ValueError, match=r"wanted a text of at least 288 tokens \(windows of 48, a widest layer of 256"
    ):
        calibrate_on_text(model, tokenizer, text[:300])
    with pytest.raises(
        ValueError, match=r"tokens: wanted at least 288 \(windows of 48, .*\), got 287; 16,384 are usual"
    ):
        calibrate_on_text(model, tokenizer, text, tokens=287)
    assert calibrate_on_text(model, tokenizer, text, tokens=288).tokens == 288
    assert TOKENS == 16_384


@pytest.mark.parametrize("tokens", ["100", "-5"])
def test_too_few_tokens_to_calibrate_with_are_not_blamed_on_the_text(asked, tokens, capsys):
    arguments = asked["convert"]
    arguments[arguments.index("--tokens") + 1] = tokens
    assert main(arguments) == 2
    assert (
        f"quantization: --tokens: wanted at least 288 (windows of 48, a widest layer of 256 channels), got {tokens}; "
        in (capsys.readouterr().err)
    )


@pytest.mark.parametrize("name", ["report", "search"])
def test_too_few_tokens_to_measure_with_are_refused(asked, name, capsys):
    arguments = asked[name]
    arguments[arguments.index("--tokens") + 1] = "47"
    assert main(arguments) == 2
    assert "quantization: --tokens: wanted at least 48 (n_ctx), got 47; " in capsys.readouterr().err
