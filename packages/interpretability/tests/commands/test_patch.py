"""`interpretability patch` says what the functions give, for two prompts and for noise on a subject."""

import json

import pytest
import torch

import gpt2
from interpretability import patch, trace_causally
from interpretability.commands.patch import subject_tokens
from tensors import generator

CLEAN, OTHER = "the cat sat", "the hat sat"


def tokens_of(tokenizer, text):
    return torch.tensor([tokenizer.encode(text)])


def test_json_is_the_functions_result(folder, answer):
    model, tokenizer = gpt2.load(folder)
    clean, other = tokens_of(tokenizer, CLEAN), tokens_of(tokenizer, OTHER)
    words = ["patch", folder, "--prompt", CLEAN, "--corrupted", OTHER, "--target", " the", "--against", "s"]
    code, out, err = answer(*words, "--json")
    got = json.loads(out)
    wanted = patch(model, clean, other, tokenizer.encode(" the")[0], tokenizer.encode("s")[0])
    assert code == 0
    assert tuple(got["places"]) == wanted.names
    torch.testing.assert_close(torch.tensor(got["recovered"]), wanted.recovered)
    assert (got["clean"], got["corrupted"]) == pytest.approx((wanted.clean, wanted.corrupted))
    assert err.splitlines()[-1].startswith("next: ")
    code, out, _ = answer(*words, "--top", 4)
    assert len(out.splitlines()) == 6
    assert max(map(len, out.splitlines())) <= 80


def test_noise_on_a_subject_is_causal_tracing(folder, answer):
    model, tokenizer = gpt2.load(folder)
    clean = tokens_of(tokenizer, CLEAN)
    words = ["patch", folder, "--prompt", CLEAN, "--subject", "cat", "--target", " the", "--samples", 2, "--seed", 3]
    got = json.loads(answer(*words, "--json")[1])
    subject = subject_tokens(tokenizer, CLEAN, "cat")
    draws = generator("noise", 3)
    wanted = trace_causally(model, clean, subject, tokenizer.encode(" the")[0], samples=2, generator=draws)
    torch.testing.assert_close(torch.tensor(got["recovered"]), wanted.recovered)


@pytest.mark.parametrize("prompt", ["the cat sat", "größer 世界 the cat", "x" * 10 + "cat"])
def test_the_subjects_tokens_are_those_that_hold_its_bytes(tokenizer, prompt):
    ids = tokenizer.encode(prompt)
    found = subject_tokens(tokenizer, prompt, "cat")
    assert found == list(range(found[0], found[-1] + 1))
    assert b"cat" in tokenizer.decode_bytes([ids[n] for n in found])
    assert b"cat" not in tokenizer.decode_bytes([ids[n] for n in found[1:]])
    assert b"cat" not in tokenizer.decode_bytes([ids[n] for n in found[:-1]])


@pytest.mark.extras
def test_a_picture_is_drawn(folder, answer, tmp_path):
    assert answer("patch", folder, "--prompt", CLEAN, "--corrupted", OTHER, "--out", "patch.svg")[0] == 0
    assert "resid_pre" in (tmp_path / "patch.svg").read_text("utf-8")


def test_the_same_answer_twice_is_said(folder, answer):
    code, out, _ = answer("patch", folder, "--prompt", CLEAN, "--corrupted", CLEAN)
    assert code == 0
    assert "both runs give the same answer" in out


def test_wrong_input_is_one_line(folder, refused):
    words = ["patch", folder, "--prompt", CLEAN]
    assert "wanted --corrupted TEXT or --subject WORDS, got neither" in refused(*words)
    assert "got both" in refused(*words, "--corrupted", OTHER, "--subject", "cat")
    assert "wanted two prompts of as many tokens" in refused(*words, "--corrupted", "the cat sat in the hat")
    assert "--corrupted: wanted a text of at least one token" in refused(*words, "--corrupted", "")
    assert "--subject: wanted words of the prompt, got 'dog'" in refused(*words, "--subject", "dog")
    assert "did you mean" in refused(*words, "--subject", "cat", "--places", "0.resid_pr")
    assert "at least 1 sample" in refused(*words, "--subject", "cat", "--samples", 0)
    assert "--against: wanted it with --corrupted" in refused(*words, "--subject", "cat", "--against", "s")
