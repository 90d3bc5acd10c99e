"""The command: what it says, and how it answers input that makes no sense."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import gpt2
from quantization.commands.main import main


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
    monkeypatch.setattr("workbench.counting.EVERY", 0.0)
    assert main(asked[name]) == 0
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith("quantization: ")
    assert "1 of " in told[1]
    assert " steps, " in told[1]


def test_threads_spin_briefly_but_for_those_of_a_benchmark():
    program = """
import os
from quantization.commands.main import main
for typed in ("benchmark x --rows 0", "report x --text no", "generate no --prompt x"):
    os.environ.pop("OMP_WAIT_POLICY", None)
    main(typed.split())
    print(os.environ.get("OMP_WAIT_POLICY"))
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["None", "passive", "passive"]


def test_what_was_mistyped_is_answered_with_what_was_meant(capsys):
    for typed, meant in (
        (["convrt"], "did you mean convert?"),
        (["report", "x", "--text", "y", "--schems", "int8"], "did you mean --schemes?"),
        (["benchmark", "x", "--turns", "many"], "--turns: wanted a whole number, got 'many'"),
        ([], "wanted one of the commands convert, generate, report, search, benchmark, got none"),
    ):
        assert run(*typed) == 2
        told = capsys.readouterr().err
        assert told.startswith("quantization: ")
        assert meant in told
        assert len(told.splitlines()) == 1


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


def run(*arguments):
    return main([str(argument) for argument in arguments])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["convert", "SOURCE", "--out", "OUT", "--to", "int3"],
            "scheme: wanted one of .*int4:GROUP, bfloat16 or float32, got 'int3'; ",
        ),
        (["convert", "SOURCE", "--out", "SOURCE"], "--out: wanted a folder that does not exist yet, or is empty, got "),
        (["convert", "SOURCE", "--out", "OUT", "--equalise"], "--equalise: wanted a text .* got none; "),
        (
            ["convert", "SOURCE", "--out", "OUT", "--to", "int4", "--calibrate", "SHORT"],
            "wanted a text of at least 288 tokens",
        ),
        (
            ["convert", "SOURCE", "--out", "OUT", "--to", "int4", "--calibrate", "GONE"],
            "wanted a file of text, got .*GONE",
        ),
        (
            ["convert", "SOURCE", "--out", "OUT", "--to", "int4", "--calibrate", "BYTES"],
            "wanted UTF-8 text, but .*BYTES has an invalid byte",
        ),
        (["convert", "SOURCE", "--out", "OUT", "--calibrate", "SHORT"], "--calibrate: wanted int4 among .* got int8; "),
        (
            ["convert", "SOURCE", "--out", "OUT", "--to", "float32"],
            "--to: wanted a smaller scheme .* got float32 for all",
        ),
        (["convert", "SOURCE", "--out", "OUT", "--plan", "SHORT"], "--plan: wanted what `quantization search` writes"),
        (["convert", "SOURCE", "--out", "OUT", "--keep", "head"], "layers: wanted names of the model's, got head; "),
        (["convert", "OUT", "--out", "OUT"], "wanted a model folder"),
        (["generate", "SOURCE", "--prompt", "a"], "wanted the folder of a quantized model, got one without"),
        (["search", "SOURCE", "--text", "SHORT", "--out", "OUT"], "wanted a budget, --megabytes or --loss, got none; "),
        (
            ["search", "SOURCE", "--text", "SHORT", "--out", "OUT", "--loss", 1, "--megabytes", 1],
            "wanted one budget, --megabytes or --loss, got both; ",
        ),
        (
            ["search", "SOURCE", "--text", "SHORT", "--out", "GONE/plan", "--loss", 1],
            "--out: wanted a file in a folder",
        ),
        (["generate", "GONE", "--prompt", "a"], "GONE, which is no folder"),
        (["report", "SOURCE", "--text", "SHORT"], r"--text: wanted at least 48 tokens \(n_ctx\), got"),
        (["report", "SOURCE", "--text", "SHORT", "--schemes", "int2"], "scheme: wanted one of"),
        (
            ["report", "SOURCE", "--text", "SHORT", "--schemes", "int8", "bfloat16", "--calibrate", "SHORT"],
            "--calibrate: wanted int4 among the schemes, .* got bfloat16, int8; ",
        ),
        pytest.param(
            ["report", "SOURCE", "--text", "SHORT", "--out", "OUT"],
            "--out: wanted a file with one of the endings .png",
            marks=pytest.mark.extras,
        ),
        pytest.param(
            ["benchmark", "SOURCE", "--out", "GONE/a.png"],
            "--out: wanted a file with .*, in a folder that exists, got ",
            marks=pytest.mark.extras,
        ),
    ],
)
def test_input_that_makes_no_sense_is_told_in_one_line(source, tmp_path, capsys, arguments, message):
    (tmp_path / "SHORT").write_text("short")
    (tmp_path / "BYTES").write_bytes(b"\xfa\xfe")
    places = {"SOURCE": source} | {name: tmp_path / name for name in ("OUT", "SHORT", "BYTES", "GONE")}
    assert run(*(places.get(argument, argument) for argument in arguments)) == 2
    told = capsys.readouterr().err
    assert told.startswith("quantization: ")
    assert len(told.splitlines()) == 1
    assert re.search(message, told)


@pytest.mark.extras
def test_the_commands_of_the_readme_run_as_they_are_typed(source, text_file, tmp_path, monkeypatch, capsys):
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    lines = re.findall(r"^uv run --package quantization quantization (.*)$", readme, re.MULTILINE)
    assert {line.split()[0] for line in lines} == {"report", "convert", "generate", "search", "benchmark"}
    monkeypatch.chdir(tmp_path)
    shutil.copytree(source, "RUN")
    for name in ("train.txt", "held_out.txt"):
        shutil.copy(text_file, name)
    quick = {"report": ["--tokens", 96], "search": ["--tokens", 96], "benchmark": ["--turns", 1, "--tokens", 1]}
    for line in lines:
        command = shlex.split(line)
        assert run(*command, *quick.get(command[0], [])) == 0, line
    capsys.readouterr()


@pytest.fixture
def without_matplotlib(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)


@pytest.mark.parametrize("name", ["report", "benchmark"])
def test_without_matplotlib_a_picture_is_refused_before_anything_is_measured(name, without_matplotlib, capsys):
    text = ["--text", "nowhere.txt"] if name == "report" else []
    assert run(name, "no-source", *text, "--out", "picture.png") == 2
    told = capsys.readouterr().err
    assert "wanted matplotlib, but it cannot be imported" in told
    assert told.endswith("install the extra: quantization[plots]\n")


def test_what_is_printed_to_be_typed_next_can_be_pasted(source, text_file, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)  # no workspace
    assert run("convert", source, "--out", "my small model") == 0
    assert "next: quantization generate 'my small model' --prompt The\n" in capsys.readouterr().err
    (tmp_path / "uv.lock").touch()
    (tmp_path / "packages" / "quantization").mkdir(parents=True)
    assert run("convert", source, "--out", "small") == 0
    wanted = "next: uv run --package quantization quantization generate small --prompt The\n"
    assert wanted in capsys.readouterr().err
    asked = ["search", source, "--text", text_file, "--tokens", 48, "--megabytes", 0.2, "--out", "my plan.json"]
    assert run(*asked) == 0
    tried = capsys.readouterr().err.splitlines()[-1]
    assert tried == (
        f"next: uv run --package quantization quantization convert {source} --plan 'my plan.json' --out DIR"
    )


def test_help_of_generate_wants_a_quantized_folder(capsys):
    with pytest.raises(SystemExit):
        run("generate", "--help")
    told = capsys.readouterr().out
    assert "Folder of a quantized model, as `convert` writes it." in told
    assert "gpt2 loads" not in told


def test_help_answers_without_torch():
    program = (
        "import sys\nfrom quantization.commands.main import main\n"
        "try:\n    main(['convert', '--help'])\nexcept SystemExit:\n    pass\nprint('torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "--calibrate" in result.stdout
    assert result.stdout.endswith("False\n")
