"""The command, as one types it."""

import json
import re
import shutil

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

import gpt2
from finetuning import Judged
from finetuning.commands import telling
from finetuning.commands.classify import confusion
from finetuning.commands.main import main
from finetuning.running import forgetting


@pytest.fixture(autouse=True)
def old_text(monkeypatch):
    monkeypatch.setattr(forgetting, "old_documents", lambda: ("The lazy dog is quick.", "A fox, of course."))


def test_from_examples_to_a_model_that_other_tools_open(folder, data, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    talks = [
        {"messages": [{"role": "user", "content": f"what {word}?"}, {"role": "assistant", "content": f"a {word} fox"}]}
        for word in ("quick", "brown", "lazy", "dog", "over", "jumps", "the", "course", "is", "it")
    ]
    spoken = tmp_path / "talks.jsonl"
    spoken.write_text("".join(json.dumps(talk) + "\n" for talk in talks), "utf-8")
    assert main(["tune", str(folder), "--data", str(spoken), "--out", "r", "--steps", "2", "--device", "cpu"]) == 0
    told = capsys.readouterr().out
    own = sum(parameter.numel() for parameter in gpt2.load(folder)[0].parameters()) / 1e6
    for part in (
        f"{own:.2f} million weights, beside which",
        "(lora)",
        "before    after",
        "Forgotten: ",
        "finetuning merge r --out r-merged",
    ):
        assert part in told
    assert main(["merge", "r", "--out", "m"]) == 0
    assert "decoding generate m --prompt 'User: what quick?\nAssistant:'" in capsys.readouterr().out
    assert main(["merge", "r", "--out", "m"]) == 2
    assert "--out m: wanted a new or empty folder" in capsys.readouterr().err
    assert main(["distill", str(folder), "--teacher", "r", "--data", str(data), "--device", "cpu"]) == 2
    assert (
        "got an adapter, which says nothing without its base; merge them: `finetuning merge r"
        in capsys.readouterr().err
    )
    merged, tokenizer = gpt2.load("m")
    theirs = AutoModelForCausalLM.from_pretrained("m").eval()
    tokens = torch.tensor([tokenizer.encode("the lazy dog")])
    with torch.no_grad():
        torch.testing.assert_close(merged.eval()(tokens), theirs(tokens).logits, rtol=1e-5, atol=1e-5)
    theirs = AutoTokenizer.from_pretrained("m")
    template = theirs.apply_chat_template(talks[0]["messages"][:1], tokenize=False, add_generation_prompt=True)
    assert template == "User: what quick?\nAssistant:"
    assert main(["tune", "--resume", "r", "--device", "cpu"]) == 0
    assert "all steps are done" in capsys.readouterr().out


def test_texts_with_labels_from_the_file_to_new_ones(folder, labeled, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    records = [json.loads(line) for line in labeled.read_text("utf-8").splitlines()]
    for record in records[::3]:  # where raters differ
        record["label"] = {record["label"]: 0.75, ({"a fox", "a dog"} - {record["label"]}).pop(): 0.25}
    labeled.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    words = ["classify", str(folder), "--data", str(labeled), "--out", "r", "--steps", "6", "--device", "cpu"]
    assert main([*words, "--method", "full", "--learning-rate", "1e-2"]) == 0
    told = capsys.readouterr().out
    for part in ("a dog (", "accuracy (before: the usual label)", "is / said", "Forgotten: ", " MB)", "label r FILE"):
        assert part in told
    assert re.search(r"\d s in all, peak memory \d+\.\d\d GB", told)
    (tmp_path / "new.csv").write_text("text,label\nthe lazy dog,a dog\nthe quick fox,a fox\n", "utf-8")
    assert main(["label", "r", "new.csv"]) == 0
    captured = capsys.readouterr()
    lines = [json.loads(line) for line in captured.out.splitlines()]
    assert [line["text"] for line in lines] == ["the lazy dog", "the quick fox"]
    assert {line["label"] for line in lines} <= {"a dog", "a fox"}
    assert "accuracy against the file's own labels: " in captured.err
    assert main(["label", "r", str(labeled)]) == 0
    captured = capsys.readouterr()
    said = [json.loads(line)["label"] for line in captured.out.splitlines()]
    right = [label == ("a fox", "a dog")[number % 2] for number, label in enumerate(said)]
    assert f"accuracy against the file's own labels: {sum(right) / 60:.3f} (" in captured.err
    assert main(["label", "r", "new.csv", "--out", "said.jsonl"]) == 0
    assert [json.loads(line) for line in (tmp_path / "said.jsonl").read_text("utf-8").splitlines()] == lines
    assert "no such label" not in capsys.readouterr().err
    (tmp_path / "new.csv").write_text("text,label\nthe lazy dog,a dog\nthe quick fox,a cat\n", "utf-8")
    assert main(["label", "r", "new.csv"]) == 0
    assert "\nalways wrong, as the model has no such label: a cat\n" in capsys.readouterr().err
    (tmp_path / "new.txt").write_text("the lazy dog\n", "utf-8")
    for words, message in (
        (["merge", "r", "--out", "m"], "r: wanted an adapter, got a classifier, which has its adapter merged already"),
        (["label", "r", "new.txt"], 'got .txt; write {"text": "..."} a line into a .jsonl file'),
    ):
        assert main(words) == 2
        assert message in capsys.readouterr().err
    assert main(["compare", str(folder), "r"]) == 0
    told = capsys.readouterr().out
    for part in (
        "before    after   change",
        "accuracy (before: the usual label)",
        "old text, bits a byte",
        "exact sign",
    ):
        assert part in told


def test_what_is_not_merged_is_said(folder, data, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["tune", str(folder), "--data", str(data), "--out", "r", "--steps", "1", "--device", "cpu"]
    assert main([*words, "--method", "full"]) == 0
    told = capsys.readouterr().out
    assert "of which" in told
    (tmp_path / "u").mkdir()
    shutil.copy("r/run.json", "u/run.json")
    for given, message in (
        ("r", "r: wanted an adapter, got a run that changed whole weights; its model is r/model"),
        ("u", "u: wanted an adapter, got a run that is not finished; resume it with --resume u"),
    ):
        assert main(["merge", given, "--out", "m"]) == 2
        assert message in capsys.readouterr().err
        assert not (tmp_path / "m").exists()


def test_rewards_that_teach_nothing_are_told(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "judge.py").write_text("def score(prompt, answer):\n    return 1\n", "utf-8")
    words = ["reinforce", str(folder), "--data", "tasks:copy:12", "--steps", "1", "--group", "2", "--device", "cpu"]
    words += ["--max-new-tokens", "3", "--reward"]
    assert main([*words, "judge.py:score", "--out", "r"]) == 0
    told = capsys.readouterr().out
    assert "No answer did better than its group, so nothing was learned: " in told
    assert "finetuning tune" in told.partition("\nNext:")[2]
    assert "finetuning merge" not in told
    (tmp_path / "length.py").write_text("def score(prompt, answer):\n    return len(answer)\n", "utf-8")
    assert main([*words, "length.py:score", "--out", "s"]) == 0
    assert "No answer did better" not in capsys.readouterr().out


def test_differences_and_intervals_are_shown_as_what_they_are():
    assert [telling.signed(value) for value in (-0.0004, 0.0004, -0.0006, 0.25)] == [
        "+0.000",
        "+0.000",
        "-0.001",
        "+0.250",
    ]
    one, five = Judged((2.0,), (4,), (True,)), Judged((1.0, 2.0), (2, 2), (True, True))
    rows = [("nats", one.loss, one.loss), ("exact", one.share_exact, five.share_exact)]
    told = "\n".join(telling.table(rows))
    assert re.search(r"nats +0.500 +0.500   none from one", told)
    assert re.search(r"exact +1.000 +1.000   0.342 to 1.000", told)  # Wilson's, of two of two


def test_pairs_from_the_file_to_a_model(folder, pairs, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["prefer", str(folder), "--data", str(pairs), "--out", "r", "--steps", "2", "--device", "cpu"]
    assert main([*words, "--loss", "ipo"]) == 0
    told = capsys.readouterr().out
    for part in ("by ipo (beta 0.1)", "chosen likelier than rejected", "gained more", "Forgotten: ", "merge r --out"):
        assert part in told
    assert main(["merge", "r", "--out", "m"]) == 0
    capsys.readouterr()
    assert main(["compare", str(folder), "r"]) == 0
    of_the_run = capsys.readouterr().out
    assert main(["compare", str(folder), "m", "--data", str(pairs)]) == 0
    of_the_file = capsys.readouterr().out
    assert "chosen likelier than rejected" in of_the_run
    assert "Of 40: " in of_the_file
    assert main(["compare", str(folder), "m"]) == 0
    assert "No task: give its records with --data" in capsys.readouterr().out


def add_long_ones(path, count, **changes):
    """Adds so many records that are longer than the model reads."""
    record = json.loads(path.read_text("utf-8").splitlines()[0]) | changes
    path.write_text(path.read_text("utf-8") + f"{json.dumps(record)}\n" * count, "utf-8")


LONG = "the quick brown fox jumps over the lazy dog, of course. " * 4


@pytest.mark.parametrize(
    ("command", "records", "changes", "options"),
    [
        ("tune", "data", {"prompt": LONG}, []),
        ("distill", "data", {"prompt": LONG}, ["--teacher", "base"]),
        ("classify", "labeled", {"text": LONG}, []),
        ("prefer", "pairs", {"chosen": LONG}, ["--learning-rate", "1"]),
        (
            "reinforce",
            "data",
            {"prompt": LONG},
            ["--reward", "judge.py:score", "--group", "2", "--max-new-tokens", "2"],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_told_fits_eighty_columns(
    folder, tmp_path, request, capsys, monkeypatch, command, records, changes, options
):
    """Next commands may be longer: they are copied whole."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "judge.py").write_text("def score(prompt, answer):\n    return 1\n", "utf-8")
    data = request.getfixturevalue(records)
    add_long_ones(data, 9, **changes)
    words = [command, "base", "--data", data.name, "--out", "r", "--steps", "1", "--device", "cpu", *options]
    assert main(words) == 0
    told, _, following = capsys.readouterr().out.partition("\nNext:\n")
    assert following
    assert "Left out  9 " in told
    assert max(map(len, told.splitlines())) <= 80
    assert main(["compare", "base", "r"]) == 0
    told, _, following = capsys.readouterr().out.partition("\nNext:\n")
    assert following
    assert max(map(len, told.splitlines())) <= 80


def test_labels_too_long_for_a_matrix_are_told_as_pairs():
    labels = [f"a label of many words, number {n}" for n in range(3)]
    assert confusion([[1, 0, 2], [0, 1, 0], [0, 0, 1]], labels) == [
        "Most often confused:",
        f"  {labels[0]} taken for {labels[2]}: 2",
    ]
    assert confusion([[1, 0], [2, 1]], ["a", "b"])[0] == "is / said  a  b"


def test_a_finished_run_tells_its_report_again_without_judging(folder, data, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["tune", "base", "--data", data.name, "--out", "r", "--steps", "1", "--method", "full", "--device", "cpu"]
    assert main(words) == 0
    told = capsys.readouterr().out
    table = told[told.index("\n\n") :]
    assert "Forgotten: " in table
    with monkeypatch.context() as nothing:
        nothing.setattr("finetuning.tuning.tune", None)
        assert main(["tune", "--resume", "r", "--device", "cpu"]) == 0
        assert capsys.readouterr().out == f"Finished  all steps are done; here is the result again{table}"
        assert main(["prefer", "--resume", "r"]) == 2
        assert "wanted a run of `finetuning prefer`, got one of `finetuning tune`" in capsys.readouterr().err
    shutil.move("r", "s")  # what was told names r
    assert main(["tune", "--resume", "s", "--device", "cpu"]) == 0
    again = capsys.readouterr().out
    assert "all steps are done" in again
    assert "Model: s/model (" in again
    shutil.rmtree("s/model")
    assert main(["tune", "--resume", "s", "--device", "cpu"]) == 0
    assert "Resuming after step 1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "records", "n"), [("tune", "data", 60), ("classify", "labeled", 60), ("prefer", "pairs", 40)]
)
def test_comparing_says_which_records_were_learned_from(
    folder, tmp_path, request, capsys, monkeypatch, command, records, n
):
    monkeypatch.chdir(tmp_path)
    data = request.getfixturevalue(records)
    words = [command, "base", "--data", data.name, "--out", "r", "--steps", "1", "--device", "cpu"]
    assert main(words) == 0
    [learned, held] = re.search(r"(\d+) to learn from.*, (\d+) held out", capsys.readouterr().out).groups()
    assert int(learned) + int(held) == n
    assert main(["compare", "base", "r", "--data", data.name]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert f"AFTER learned from {learned} of the {n} records, so this says little of new ones. Leave --data out" in told
    assert "BEFORE learned" not in told
    if command == "classify":  # a side of another kind than the task
        return
    assert main(["compare", "r", "base", "--data", data.name]) == 0
    told = capsys.readouterr().out
    assert f"BEFORE learned from {learned} of the {n} records" in " ".join(told.split())
    assert main(["compare", "base", "r"]) == 0
    assert "learned from" not in capsys.readouterr().out


def test_mistakes_are_answered_in_a_line(folder, data, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for arguments, message in (
        (["tune"], "MODEL: wanted a model"),
        (["tune", str(folder), "--dta", "x"], "--data"),
        (["tnue"], "did you mean tune"),
        (["merge", "none", "--out", "m"], "none: wanted an adapter, got no such folder"),
        (["classify", str(folder)], "--data: wanted a file of examples, got none; name one"),
        (["classify", str(folder), "--data", str(data)], "line 1 of"),
        (["classify", str(folder), "--data", "docstrings"], 'wanted {"text", "label"}, got prompt, completion'),
        (["prefer", str(folder), "--data", str(data)], 'wanted {"prompt", "chosen", "rejected"}'),
        (["prefer", str(folder), "--data", str(data), "--loss", "kto"], "--loss"),
        (
            ["label", str(folder), str(data)],
            "wanted a classifier, got a language model; teach it labels with `finetuning classify`",
        ),
        (["label", "none", str(data)], "none: wanted the folder of a classifier, got no such folder"),
        (["compare", "./none", str(folder)], "wanted a model folder"),
        (["compare", str(folder)], "wanted AFTER, got none; usage: finetuning compare BEFORE AFTER [options]"),
        (["merge"], "wanted RUN_OR_ADAPTER and --out, got none; usage: finetuning merge RUN_OR_ADAPTER --out DIR ["),
        (["tune", str(folder), "--data", "nope.jsonl"], "got nope.jsonl: No such file or directory; check the path"),
        (
            ["tune", str(folder), "--data", "docstrings", "--template", "no.json"],
            "wanted a file or folder, got no.json",
        ),
        (["reinforce", str(folder), "--data", "tasks:copy:12", "--reward", "no.py:f"], "or folder, got no.py: No such"),
        (["merge", str(folder), "--out", "m"], "adapter_config.json: wanted an adapter's configuration"),
        (["tune", str(folder), "--data", str(data), "--targets", "wte"], "targets"),
    ):
        assert main(arguments) == 2
        said = capsys.readouterr().err
        assert message in said
        assert said.count("\n") == 1
