"""A file of results is resumed with the model and the settings that its lines name, and with no others."""

import json
import shutil

import pytest
import torch

import gpt2
from decoding.commands.main import main
from decoding.commands.provenance import model_now

RESUMABLE = ["--prompt", "aus", "--prompt", "the", "--max-new-tokens", "3", "--seed", "7", "--device", "cpu"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (["--seed", "8"], "wanted --seed=8 in line 1 of {out}, got --seed=7; give the same model"),
        (["--temperature", "0.5"], "wanted --temperature=0.5 in line 1 of {out}, got --temperature=its default; give"),
        (
            ["--max-new-tokens", "4", "--stop", "x"],
            "wanted --max-new-tokens=4 and --stop=['x'] in line 1 of {out}, got",
        ),
        (["--banned", "the"], "wanted --banned=['the'] in line 1 of {out}, got --banned=its default"),
        (["--regex", "a+"], "wanted regex='a+' in line 1 of {out}, got regex=its default"),
        (["--json-schema", "SCHEMA"], "wanted json_schema='sha256:44136fa355b3678a' in line 1 of {out}, got"),
        (["--prompt", "one more"], None),
        (["--rows", "1", "--json"], None),
    ],
)
def test_a_file_of_results_is_resumed_with_the_same_settings_only(small, tmp_path, capsys, changed, words):
    out, schema = tmp_path / "top_k.jsonl", tmp_path / "schema.json"
    schema.write_text("{}")
    command = ["generate", small, *RESUMABLE, "--out", str(out)]
    assert main(command) == 0
    before = out.read_text("utf-8")
    assert json.loads(before.splitlines()[0])["settings"] == {"max_new_tokens": 3, "seed": 7}
    code = main([*command, *[{"SCHEMA": str(schema)}.get(word, word) for word in changed], "--resume"])
    assert out.read_text("utf-8").startswith(before)
    err = capsys.readouterr().err
    assert code == (0 if words is None else 2)
    assert words is None or err.startswith(f"decoding: {words.format(out=out)}")


def test_a_file_of_results_is_resumed_with_the_same_model_only(small, folder, tmp_path, capsys):
    out = tmp_path / "out.jsonl"
    assert main(["generate", small, *RESUMABLE, "--out", str(out)]) == 0
    assert main(["generate", folder, *RESUMABLE, "--out", str(out), "--resume"]) == 2
    assert f"wanted model={folder!r}"[:50] in capsys.readouterr().err


def test_a_file_of_results_that_says_no_settings_is_not_resumed(small, tmp_path, capsys):
    out = tmp_path / "out.jsonl"
    out.write_text('{"prompt": "aus", "text": "x", "ids": [1], "finish_reason": "stop"}\n')
    assert main(["generate", small, *RESUMABLE, "--out", str(out), "--resume"]) == 2
    assert "lines that say their model and fingerprint and settings, got none in line 1" in capsys.readouterr().err
    assert out.read_text().count("\n") == 1


def changed_weights(folder):
    model, tokenizer = gpt2.load(folder)
    with torch.no_grad():
        model.final_norm.bias.add_(1)
    gpt2.save(folder, model, tokenizer)


def another_end(folder):
    path = folder / "generation_config.json"
    path.write_text(path.read_text().replace('"eos_token_id"', '"eos_token_id": 5, "other"'))


@pytest.mark.parametrize("change", [changed_weights, another_end])
def test_what_changed_at_the_same_path_is_another_model(small, tmp_path, capsys, change):
    folder, out = tmp_path / "model", tmp_path / "out.jsonl"
    shutil.copytree(small, folder)
    command = ["generate", str(folder), *RESUMABLE, "--out", str(out)]
    assert main(command) == 0
    whole = out.read_text("utf-8")
    out.write_text(whole.splitlines(keepends=True)[0], "utf-8")  # it broke off
    assert main([*command, "--resume"]) == 0
    assert out.read_text("utf-8") == whole
    out.write_text(whole.splitlines(keepends=True)[0], "utf-8")
    change(folder)
    capsys.readouterr()
    assert main([*command, "--resume"]) == 2
    assert "give the same model, input and settings as before" in capsys.readouterr().err
    assert out.read_text("utf-8").count("\n") == 1


def test_an_edited_prompt_is_another_one(small, tmp_path, capsys):
    prompts, out = tmp_path / "prompts.txt", tmp_path / "out.jsonl"
    prompts.write_text("aus\nthe\n")
    command = ["generate", small, "--prompts-file", str(prompts), "--max-new-tokens", "2", "--out", str(out)]
    assert main(command) == 0
    prompts.write_text("aus\ntha\n")  # as long as before
    assert main([*command, "--resume"]) == 2
    assert "line 2" in capsys.readouterr().err


def test_a_folder_of_another_format_is_known_by_all_its_files(tmp_path):
    (tmp_path / "a").write_text("1")
    before = model_now(str(tmp_path), own_format=True)
    (tmp_path / "a").write_text("2")
    assert model_now(str(tmp_path), own_format=True) != before


def test_two_forms_at_once_are_refused_and_a_folder_at_home_is_found(small, tmp_path, capsys, monkeypatch):
    (tmp_path / "schema.json").write_text("{}")
    asked = ["--regex", "a", "--json-schema", str(tmp_path / "schema.json")]
    assert main(["generate", small, "--prompt", "x", *asked]) == 2
    assert "got --regex and --json-schema; choose one of them" in capsys.readouterr().err
    monkeypatch.setenv("HOME", str(tmp_path))
    shutil.copytree(small, tmp_path / "run" / "model")
    assert main(["generate", "~/run", "--prompt", "aus", "--max-new-tokens", "2"]) == 0
