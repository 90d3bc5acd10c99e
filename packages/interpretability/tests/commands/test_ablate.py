"""`interpretability ablate` says what the function gives, on rows of the text that it was given."""

import json

import pytest
import torch

import gpt2
from interpretability import ablate


def rows_of(folder, path, length, count):
    model, tokenizer = gpt2.load(folder)
    ids = [tokenizer.end_of_text, *tokenizer.encode(path.read_text("utf-8"))]
    return model, torch.tensor(ids[: length * count]).view(count, length)


def test_json_is_the_functions_result_with_the_mean_of_the_second_half(folder, text_file, answer):
    model, rows = rows_of(folder, text_file, 16, 12)
    words = ["--text", text_file, "--tokens", 96, "--length", 16]
    code, out, err = answer("ablate", folder, *words, "--json")
    got = json.loads(out)
    wanted = ablate(model, rows[:6], reference=rows[6:])
    assert code == 0
    assert (got["tokens"], got["rows"]) == (96, 6)
    assert {part["part"]: part["nats"] for part in got["parts"]} == pytest.approx(
        {effect.part: effect.nats.value for effect in wanted}, abs=1e-6
    )
    values = [part["nats"] for part in got["parts"]]
    assert values == sorted(values, reverse=True)
    assert "ablating on 96 tokens in 6 rows" in err
    assert err.splitlines()[-1].startswith("next: ")


def test_the_table_fits_80_columns_and_says_what_is_chance(folder, text_file, answer):
    words = ["ablate", folder, "--text", text_file, "--reference", text_file, "--tokens", 96, "--length", 16]
    code, out, _ = answer(*words, "--how", "resample", "--parts", "*.feed_forward", "*.attention", "--top", 3)
    lines = out.splitlines()
    assert code == 0
    assert max(map(len, lines)) <= 80
    assert "95 % interval" in lines[0]
    assert lines[4].startswith("1 others")
    assert "4 parts tried (Holm)" in lines[5]
    assert "only 6 rows" in lines[6]


def test_checkpoints_have_the_effects_of_each(folder, text_file, answer, tmp_path):
    model, rows = rows_of(folder, text_file, 16, 6)
    tokenizer = gpt2.load(folder)[1]
    wanted = {effect.part: effect.nats.value for effect in ablate(model, rows, how="zero")}
    gpt2.save(tmp_path / "run" / "checkpoints" / "step-000020", model, tokenizer)
    with torch.no_grad():
        model.decoder.blocks[0].attention.out.weight[:, :8] = 0  # the first head writes nothing yet
    gpt2.save(tmp_path / "run" / "checkpoints" / "step-000010", model, tokenizer)
    words = ["ablate", "run", "--text", text_file, "--tokens", 96, "--length", 16, "--how", "zero"]
    code, out, _ = answer(*words, "--checkpoints", "all", "--json")
    first, last = json.loads(out)["steps"]
    wanted = {effect.part: effect.nats.value for effect in ablate(gpt2.load(folder)[0], rows, how="zero")}
    assert code == 0
    assert (first["step"], last["step"]) == (10, 20)
    assert {name: last[name] for name in wanted} == pytest.approx(wanted, abs=1e-6)
    assert first["0.head.0"] == pytest.approx(0.0, abs=1e-6)
    assert abs(last["0.head.0"]) > 1e-4
    code, out, _ = answer(*words, "--checkpoints", "2", "--top", 3)
    assert code == 0
    assert out.splitlines()[2].split() == ["step", "10", "20"]
    largest = sorted(wanted, key=lambda name: -abs(wanted[name]))[:3]
    assert [line.split()[0] for line in out.splitlines()[3:6]] == largest
    assert "3 others: --top shows more, --json all" in out
    assert "interpretability ablate run" in out.splitlines()[-1]


@pytest.mark.extras
def test_a_picture_is_drawn(folder, text_file, answer, tmp_path):
    words = ["--text", text_file, "--tokens", 96, "--length", 16, "--how", "zero", "--out", "heads.svg"]
    assert answer("ablate", folder, *words)[0] == 0
    assert "0.head.1" in (tmp_path / "heads.svg").read_text("utf-8")


def test_wrong_input_is_one_line(folder, text_file, refused, tmp_path):
    (tmp_path / "short.txt").write_text("the cat", "utf-8")
    (tmp_path / "empty.txt").write_text("", "utf-8")
    words = ["ablate", folder, "--text"]
    assert "--length: wanted 2 to 32 tokens (the model's context), got 64" in refused(*words, text_file, "--length", 64)
    assert "--tokens: wanted at least 32, two rows of 16, got 8; give more, or a smaller --length" in refused(
        *words, text_file, "--length", 16, "--tokens", 8
    )
    assert "--text: wanted at least two rows of 32 tokens, got" in refused(*words, "short.txt")
    assert "empty" in refused(*words, "empty.txt")
    assert "did you mean 0.head.2?" in refused(*words, text_file, "--parts", "0.heat.2")
    assert "no-such-file" in refused(*words, "no-such-file")
    assert "--how: wanted one of mean, zero, resample, got 'median'" in refused(*words, text_file, "--how", "median")
