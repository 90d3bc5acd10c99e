"""`interpretability attribute` says what the functions give."""

import json

import pytest
import torch

import gpt2
from interpretability import attribute, attribute_neurons, attribute_paths

PROMPT = "the cat sat"


def whole(folder):
    model, tokenizer = gpt2.load(folder)
    return model, tokenizer, torch.tensor([tokenizer.encode(PROMPT)])


def test_json_is_the_attribution_and_the_table_ends_in_the_logit(folder, answer):
    model, _, tokens = whole(folder)
    with torch.no_grad():
        logits = model(tokens)[0, -1]
    target = int(logits.argmax())
    code, out, err = answer("attribute", folder, "--prompt", PROMPT, "--json")
    found = attribute(model, tokens, torch.full_like(tokens, target))
    got = json.loads(out)
    assert code == 0
    assert got["target"] == target
    assert [(part["part"], part["logit"]) for part in got["parts"]] == found.largest()
    assert got["logit"] == pytest.approx(logits[target].item(), rel=1e-5)
    assert err.splitlines()[-1].startswith("next: ")
    assert "--paths 1" in err
    code, out, _ = answer("attribute", folder, "--prompt", PROMPT, "--top", 5)
    lines = out.splitlines()
    assert float(lines[-1].split()[-1]) == pytest.approx(logits[target].item(), abs=1e-3)
    assert sum(float(line.split()[-1 if line[-1].isdigit() else -2]) for line in lines[1:-1]) == pytest.approx(
        logits[target].item(), abs=1e-3
    )
    assert len(lines) == 1 + 5 + 1 + 1
    assert max(map(len, lines)) <= 80


def test_paths_and_neurons_are_those_of_the_functions(folder, answer):
    model, tokenizer, tokens = whole(folder)
    target, against = tokenizer.encode(" the")[0], tokenizer.encode("s")[0]
    words = ["attribute", folder, "--prompt", PROMPT, "--target", " the", "--against", "s", "--json"]
    got = json.loads(answer(*words, "--paths", 1)[1])
    paths = attribute_paths(model, tokens, target, 1, against=against)
    assert sum(part["logit"] for part in got["parts"]) == pytest.approx(float(paths.values.sum()), abs=1e-6)
    assert len(got["parts"]) == paths.values.numel()
    got = json.loads(answer(*words, "--neurons", 0)[1])
    wanted = torch.full_like(tokens, target), 0, torch.full_like(tokens, against)
    neurons = attribute_neurons(model, tokens, *wanted)[0, -1]
    assert got["parts"][0]["logit"] == pytest.approx(float(neurons[neurons.abs().argmax()]))
    assert got["parts"][0]["part"] == f"0.neuron.{int(neurons.abs().argmax())}"


@pytest.mark.extras
def test_a_picture_is_drawn(folder, answer, tmp_path):
    assert answer("attribute", folder, "--prompt", PROMPT, "--out", "who.svg")[0] == 0
    assert "1.feed_forward" in (tmp_path / "who.svg").read_text("utf-8")


def test_wrong_input_is_one_line(folder, refused):
    assert "--prompt: wanted a text of at least one token, got an empty one" in refused(
        "attribute", folder, "--prompt", ""
    )
    assert "--prompt: wanted at most 32 tokens (the model's context), got" in refused(
        "attribute", folder, "--prompt", "xyz" * 40
    )
    assert "--target: wanted one token, got 'xqz', which is 3" in refused(
        "attribute", folder, "--prompt", PROMPT, "--target", "xqz"
    )
    assert "--top: wanted at least 1 line, got 0" in refused("attribute", folder, "--prompt", PROMPT, "--top", 0)
    assert "wanted --paths or --neurons, got both" in refused(
        "attribute", folder, "--prompt", PROMPT, "--paths", 1, "--neurons", 1
    )
    assert "layer: wanted 0 to 1, got 9" in refused("attribute", folder, "--prompt", PROMPT, "--paths", 9)
    assert "no-such-folder" in refused("attribute", "./no-such-folder", "--prompt", PROMPT)


def test_a_folder_without_a_tokenizer_is_named(folder, refused, tmp_path):
    import shutil

    shutil.copytree(folder, tmp_path / "bare")
    for name in ("vocab.json", "merges.txt", "tokenizer.json"):
        (tmp_path / "bare" / name).unlink()
    assert "wanted a whole model folder, got one without vocab.json, merges.txt" in refused(
        "attribute", "bare", "--prompt", PROMPT
    )


def test_a_quantized_folder_is_named(folder, refused, tmp_path):
    import quantization

    model, tokenizer = gpt2.load(folder)
    quantization.save(tmp_path / "small", quantization.quantize(model, "int8"), tokenizer)
    assert "wanted weights in float, got a quantized model" in refused("attribute", "small", "--prompt", PROMPT)
