"""A file of results is resumed with the model and the settings that its lines name, and with no others."""

import json

import pytest

from decoding.commands.main import main

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
    assert "lines that say their model and settings, got none in line 1" in capsys.readouterr().err
    assert out.read_text().count("\n") == 1
