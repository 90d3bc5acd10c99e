"""The command: what it writes, and what it says to input that makes no sense."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import decoding
import gpt2
import quantization
from quantization.commands.main import main


@pytest.fixture(scope="module")
def source(model, tokenizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    gpt2.save(folder, model, tokenizer)
    return folder


@pytest.fixture(scope="module")
def text_file(text, tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text(text[:30_000], encoding="utf-8")
    return path


def run(*arguments):
    return main([str(argument) for argument in arguments])


def test_convert_then_generate_writes_what_the_model_in_python_writes(source, text_file, tmp_path, capsys):
    out = tmp_path / "small"
    assert run("convert", source, "--to", "int4:16", "--calibrate", text_file, "--out", out, "--equalise") == 0
    said = capsys.readouterr()
    assert "MB became" in said.err
    assert said.out == ""
    assert run("generate", out, "--prompt", "a list", "--max-new-tokens", "5", "--temperature", "0") == 0
    written = capsys.readouterr().out
    model, tokenizer = quantization.load(out)
    wanted = decoding.generate(
        model, tokenizer, ["a list"], decoding.GenerationSettings(max_new_tokens=5, temperature=0)
    )
    assert written == f"a list{wanted[0].text}\n"


def test_keys_and_values_in_eight_bits_take_less_and_change_little(model, source, tmp_path, capsys):
    small = quantization.with_small_cache(quantization.quantize(model))
    cache, wide = small.new_cache(2, 40), model.new_cache(2, 40)
    assert cache.keys[0].dtype == torch.int8
    held = [t.nbytes for part in (cache.keys, cache.values, cache.key_scales, cache.value_scales) for t in part]
    assert sum(held) < 0.35 * sum(t.nbytes for part in (wide.keys, wide.values) for t in part)
    tokens = torch.arange(30).reshape(2, 15)
    with torch.inference_mode():
        ours, theirs = small(tokens, cache=cache), model(tokens, cache=wide)
    assert (ours - theirs).norm() < 0.03 * theirs.norm()
    with pytest.raises(ValueError, match=r"cache length: wanted 1\.\.48 \(n_ctx\), got 49; "):
        small.new_cache(1, 49)
    assert run("convert", source, "--out", tmp_path / "small") == 0
    capsys.readouterr()
    asked = ["generate", tmp_path / "small", "--prompt", "a list", "--max-new-tokens", 5, "--temperature", 0]
    assert run(*asked, "--cache", "int8") == 0
    assert capsys.readouterr().out.startswith("a list")


def test_a_kept_layer_stays_in_float(source, tmp_path):
    assert run("convert", source, "--out", tmp_path / "small", "--keep", "token_embedding") == 0
    model, _ = quantization.load(tmp_path / "small")
    assert type(model.token_embedding).__name__ == "TokenEmbedding"


def test_search_writes_a_plan_that_convert_follows(source, text_file, tmp_path, capsys):
    plan = tmp_path / "plan.json"
    assert run("search", source, "--text", text_file, "--tokens", 96, "--megabytes", 0.15, "--out", plan) == 0
    content = json.loads(plan.read_text())
    assert run("convert", source, "--plan", plan, "--out", tmp_path / "small") == 0
    model, _ = quantization.load(tmp_path / "small")
    assert quantization.bytes_of(model) == content["bytes"] <= 150_000
    capsys.readouterr()
    assert run("search", source, "--text", text_file, "--tokens", 96, "--loss", 0.5, "--out", plan) == 0
    assert json.loads(plan.read_text())["perplexity_change_percent"] <= 0.5


def test_report_prints_a_table_and_draws(source, text_file, tmp_path, capsys):
    arguments = ["report", source, "--text", text_file, "--tokens", 96, "--schemes", "int8", "int4"]
    assert run(*arguments, "--calibrate", text_file, "--out", tmp_path / "r.png") == 0
    said = capsys.readouterr()
    assert [line.split(" |")[0] for line in said.out.splitlines()[2:]] == [
        "| float32",
        "| int8",
        "| int4",
    ]
    assert (tmp_path / "r.png").stat().st_size > 5_000
    assert f"picture in {tmp_path / 'r.png'}\n" in said.err


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
            "wanted text in UTF-8, got other",
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
        (["report", "SOURCE", "--text", "SHORT", "--out", "OUT"], "--out: wanted a file with one of the endings .png"),
        (["benchmark", "SOURCE", "--out", "GONE/a.png"], "--out: wanted a file with .*, in a folder that exists, got "),
    ],
)
def test_input_that_makes_no_sense_is_told_in_one_line(source, tmp_path, capsys, arguments, message):
    (tmp_path / "SHORT").write_text("short")
    (tmp_path / "BYTES").write_bytes(b"\xff\xfe")
    places = {"SOURCE": source} | {name: tmp_path / name for name in ("OUT", "SHORT", "BYTES", "GONE")}
    assert run(*(places.get(argument, argument) for argument in arguments)) == 2
    told = capsys.readouterr().err
    assert told.startswith("quantization: ")
    assert len(told.splitlines()) == 1
    assert re.search(message, told)


def test_a_quantized_source_is_refused(source, tmp_path, capsys):
    assert run("convert", source, "--out", tmp_path / "small") == 0
    capsys.readouterr()
    assert run("convert", tmp_path / "small", "--out", tmp_path / "smaller") == 2
    assert "got a quantized model" in capsys.readouterr().err


def test_the_commands_of_the_readme_run_as_they_are_typed(source, text_file, tmp_path, monkeypatch, capsys):
    readme = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
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
    assert "wanted matplotlib for pictures" in told
    assert told.endswith("install the extra: quantization[plots]\n")


def test_what_is_printed_to_be_typed_next_can_be_pasted(source, text_file, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)  # no workspace
    assert run("convert", source, "--out", "my small model") == 0
    assert "try: quantization generate 'my small model' --prompt \"The\"\n" in capsys.readouterr().err
    (tmp_path / "uv.lock").touch()
    (tmp_path / "packages" / "gpt2").mkdir(parents=True)
    assert run("convert", source, "--out", "small") == 0
    wanted = 'try: uv run --package quantization quantization generate small --prompt "The"\n'
    assert wanted in capsys.readouterr().err
    asked = ["search", source, "--text", text_file, "--tokens", 48, "--megabytes", 0.2, "--out", "my plan.json"]
    assert run(*asked) == 0
    tried = capsys.readouterr().err.splitlines()[-1]
    assert tried == (
        f"try: uv run --package quantization quantization convert {source} --plan 'my plan.json' --out DIR"
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
