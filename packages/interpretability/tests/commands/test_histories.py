"""`--checkpoints` says of every checkpoint what the function says of its model."""

import json

import pytest
import torch

import gpt2
from interpretability import attribute, judge_features, load_features, patch, top_passages, tracing
from interpretability.commands.histories import History, history_table
from interpretability.commands.inputs import windows

PROMPT, OTHER = "the cat sat", "the hat sat"


@pytest.fixture(scope="module")
def run_folder(make_model, tokenizer, tmp_path_factory):
    """A run of two checkpoints, which are two models."""
    folder = tmp_path_factory.mktemp("run")
    for step in (10, 20):
        where = folder / "checkpoints" / f"step-{step:06d}"
        gpt2.save(where, make_model(n_vocab=tokenizer.n_vocab, seed=step), tokenizer)
    return folder


@pytest.fixture
def steps_of(answer, run_folder):
    """The steps of a command's JSON, each beside its model."""

    def ask(command, *words):
        code, out, err = answer(command, run_folder, *words, "--checkpoints", "all", "--json")
        assert code == 0, err
        assert err.splitlines()[-1].startswith(f"next: interpretability {command} {run_folder}")
        steps = json.loads(out)["steps"]
        assert [step["step"] for step in steps] == [10, 20]
        return [(step, gpt2.load(run_folder / "checkpoints" / f"step-{step['step']:06d}")[0]) for step in steps]

    return ask


def test_attribute_follows_the_token_that_the_last_checkpoint_expects(steps_of, tokenizer):
    tokens = torch.tensor([tokenizer.encode(PROMPT)])
    found = steps_of("attribute", "--prompt", PROMPT)
    with torch.no_grad():
        target = torch.full_like(tokens, int(found[-1][1](tokens)[0, -1].argmax()))
    for step, model in found:
        parts = attribute(model, tokens, target)
        assert {name: step[name] for name in parts.names} == pytest.approx(dict(parts.largest()))
        assert step["logit"] == pytest.approx(float(parts.parts[0, -1].sum()))


def test_attribute_follows_neurons(steps_of):
    found = steps_of("attribute", "--prompt", PROMPT, "--neurons", 1, "--target", " the")
    assert all(len(step) == 1 + 96 + 1 for step, _ in found)
    assert found[0][0]["1.neuron.3"] != found[1][0]["1.neuron.3"]


def test_patch_follows_one_answer(steps_of, tokenizer):
    clean, corrupted = (torch.tensor([tokenizer.encode(text)]) for text in (PROMPT, OTHER))
    target, against = tokenizer.encode(" the")[0], tokenizer.encode("s")[0]
    words = ("--prompt", PROMPT, "--corrupted", OTHER, "--target", " the", "--against", "s")
    for step, model in steps_of("patch", *words):
        result = patch(model, clean, corrupted, target, against)
        assert (step["clean"], step["corrupted"]) == pytest.approx((result.clean, result.corrupted))
        cells = [value for name, value in step.items() if " at " in name]
        torch.testing.assert_close(torch.tensor(cells), result.patched.flatten() - result.corrupted)


def test_neurons_are_followed_on_the_tokens_that_are_theirs_at_last(steps_of, tokenizer, text_file):
    found = steps_of("neurons", "--text", text_file, "--tokens", 320, "--neuron", "1.5", "--neuron", "0.63")
    rows = windows(found[-1][1], tokenizer, str(text_file), 320, None)
    passages = top_passages(found[-1][1], [rows], k=5)
    assert found[-1][0]["1.5"] == pytest.approx(float(passages[1].values[5].mean()), rel=1e-5)
    peaks = [divmod(passage.at, rows.shape[1]) for passage in passages[0].of(63)]
    with tracing(found[0][1], "0.feed_forward.hidden") as record, torch.no_grad():
        found[0][1](rows)
    values = [float(record["0.feed_forward.hidden"][row, at, 63]) for row, at in peaks]
    assert found[0][0]["0.63"] == pytest.approx(sum(values) / len(values), rel=1e-5)


def test_features_of_the_last_checkpoint_are_judged_at_each(steps_of, tokenizer, text_file, tmp_path):
    words = ("--text", text_file, "--tokens", 320, "--features", 32, "--active", 4, "--steps", 3)
    found = steps_of("features", *words, "--save", tmp_path / "kept")
    judge = [windows(found[-1][1], tokenizer, str(text_file), 320, None)[-1:]]
    features = load_features(tmp_path / "kept", found[-1][1])
    for step, model in found:
        report = judge_features(model, features, judge)
        assert (step["as it is"], step["on features"]) == pytest.approx((report.loss, report.loss_with_features))
        assert step["recovered"] == pytest.approx(report.recovered)


def test_a_table_of_many_checkpoints_fits_80_columns_and_says_what_it_leaves_out():
    found = [(step, {"a" * 50: step / 7, "b": float("nan")}) for step in range(0, 3000, 100)]
    lines = history_table(History(lambda model: {}, "what", "unit", beside=("b",)), found, ["a" * 50])
    assert max(map(len, lines)) <= 80
    steps = lines[2].split()
    assert (steps[0], steps[1], steps[-1]) == ("step", "0", "2900")
    assert lines[3].split()[-1] == "+414.2857"
    assert lines[4].split() == ["b", *["-"] * (len(steps) - 1)]
    assert lines[-1] == f"{len(steps) - 1} of 30 checkpoints; --json has all"
