"""The command, as one types it."""

import json

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

import gpt2
from finetuning.commands.main import main
from finetuning.running import forgetting


@pytest.fixture(autouse=True)
def old_text(monkeypatch):
    monkeypatch.setattr(forgetting, "old_documents", lambda: ("The lazy dog is quick.", "A fox, of course."))


def test_from_examples_to_a_model_that_other_tools_open(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    talks = [
        {"messages": [{"role": "user", "content": f"what {word}?"}, {"role": "assistant", "content": f"a {word} fox"}]}
        for word in ("quick", "brown", "lazy", "dog", "over", "jumps", "the", "course", "is", "it")
    ]
    data = tmp_path / "talks.jsonl"
    data.write_text("".join(json.dumps(talk) + "\n" for talk in talks), "utf-8")
    assert main(["tune", str(folder), "--data", str(data), "--out", "r", "--steps", "2", "--device", "cpu"]) == 0
    told = capsys.readouterr().out
    for part in ("of which", "(lora)", "before    after", "Forgotten: ", "finetuning merge r --out r-merged"):
        assert part in told
    assert main(["merge", "r", "--out", "m"]) == 0
    assert "decoding generate m" in capsys.readouterr().out
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


def test_mistakes_are_answered_in_a_line(folder, data, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for arguments, message in (
        (["tune"], "MODEL: wanted a model"),
        (["tune", str(folder), "--dta", "x"], "--data"),
        (["tnue"], "did you mean tune"),
        (["merge", "none", "--out", "m"], "none: wanted an adapter, got no such folder"),
        (["merge", str(folder), "--out", "m"], "adapter_config.json: wanted an adapter's configuration"),
        (["tune", str(folder), "--data", str(data), "--targets", "wte"], "targets"),
    ):
        assert main(arguments) == 2
        said = capsys.readouterr().err
        assert message in said
        assert said.count("\n") == 1
