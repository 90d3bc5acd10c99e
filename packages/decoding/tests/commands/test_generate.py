"""What `decoding generate` writes: the text that `generate` gives, as blocks, as JSON Lines, or as it comes."""

import io
import json
import sys

import pytest

import gpt2
from decoding import GenerationSettings, generate
from decoding.commands.main import main

SAMPLED = GenerationSettings(max_new_tokens=40, temperature=0.8, top_k=30, seed=7)


SAMPLED_OPTIONS = ["--max-new-tokens", "40", "--temperature", "0.8", "--top-k", "30", "--seed", "7", "--device", "cpu"]


def test_one_prompt_gives_prompt_and_continuation(folder, capsys):
    assert main(["generate", folder, "--prompt", "the 世", *SAMPLED_OPTIONS]) == 0
    expected = generate(*gpt2.load(folder), ["the 世"], SAMPLED)[0].text
    out, err = capsys.readouterr()
    assert out == f"the 世{expected}\n"
    assert err == ""


def test_several_prompts_give_one_block_each(folder, capsys, tmp_path):
    file = tmp_path / "prompts.txt"
    file.write_text("aus\nthe hat\n\n", encoding="utf-8")  # the empty line at the end is none
    assert main(["generate", folder, "--prompt", "Grüße", "--prompts-file", str(file), *SAMPLED_OPTIONS]) == 0
    prompts = ["Grüße", "aus", "the hat"]
    results = generate(*gpt2.load(folder), prompts, SAMPLED)
    blocks = [f"=== {i} of 3 ===\n{prompts[i - 1]}{results[i - 1].text}\n" for i in (1, 2, 3)]
    assert capsys.readouterr().out == "".join(blocks)


def test_json_gives_one_object_per_prompt_and_line(folder, capsys):
    assert main(["generate", folder, "--json", "--prompt", "a\nb", "--prompt", "🙂", *SAMPLED_OPTIONS]) == 0
    lines = capsys.readouterr().out.splitlines()
    results = generate(*gpt2.load(folder), ["a\nb", "🙂"], SAMPLED)
    assert [json.loads(line) for line in lines] == [
        {"prompt": prompt, "text": result.text, "ids": list(result.ids), "finish_reason": result.finish_reason}
        for prompt, result in zip(["a\nb", "🙂"], results, strict=True)
    ]


def test_a_text_that_fills_the_context_says_so_on_standard_error(folder, capsys):
    prompt = "the" * 1990
    tokenizer = gpt2.load(folder)[1]
    prompt = tokenizer.decode(tokenizer.encode(prompt)[:1997])
    assert main(["generate", folder, "--prompt", prompt, "--max-new-tokens", "9", "--device", "cpu"]) == 0
    assert "1 of 1 ended early, at the model's context of 2000 tokens" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["/no/such/model", "--prompt", "x"], "the folder of a model, got /no/such/model"),
        (["no_such_model", "--prompt", "x"], "wanted a folder here or a model on the hub"),
        (["MODEL"], "wanted a prompt, got none; give --prompt"),
        (["MODEL", "--prompt", ""], "got an empty one as prompt 1 of 1"),
        (["MODEL", "--prompt", "x", "--prompt", ""], "got an empty one as prompt 2 of 2"),
        (["MODEL", "--prompt", "世" * 2001], "prompts of 1 to 2000 tokens"),
        (["MODEL", "--prompt", "\udcff"], "a prompt in UTF-8"),
        (["MODEL", "--prompt", "x", "--temperature", "0", "--top-k", "3"], "set a temperature above 0"),
        (
            ["MODEL", "--prompt", "x", "--penalty-alpha", "0.6", "--top-k", "4"],
            "--temperature must be 0 with --penalty-a",
        ),
        (
            ["MODEL", "--prompt", "x", "--beams", "2", "--when-full", "drop_oldest_half"],
            "must be 'stop' with beams, got",
        ),
        (
            ["MODEL", "--prompt", "x", "--log-probabilities", "2"],
            "wanted --json or --out with --log-probabilities, got",
        ),
        (["MODEL", "--prompt", "x", "--resume"], "wanted --out FILE with --resume, got none; name the file"),
        (["MODEL", "--prompt", "x", "--samples", "0"], "wanted --samples of 1 or more, got 0"),
        (
            ["MODEL", "--prompt", "x", "--samples", "2", "--temperature", "0"],
            "--temperature must be above 0 with --samples 2, got 0",
        ),
        (["MODEL", "--prompt", "x", "--rows", "0"], "wanted --rows of 1 or more, got 0"),
        (["MODEL", "--prompt", "x", "--forced-words", "y"], "--beams must be 2 or more with --forced-words, got 1; 4"),
        (["MODEL", "--prompt", "x", "--banned", ""], "wanted a text in --banned and --forced-words, got an empty one"),
        (["MODEL", "--prompt", "x", "--top-p", "1.5"], "--top-p must be above 0 and at most 1"),
        (["MODEL", "--prompt", "x", "--temperature", "nan"], "--temperature must be a finite number"),
        (["MODEL", "--prompt", "x", "--max-new-tokens", "0"], "--max-new-tokens must be 1 or more"),
        (["MODEL", "--prompt", "x", "--device", "abacus"], "abacus"),
        (["MODEL", "--prompts-file", "/no/such/file"], "a file of prompts, got /no/such/file"),
        (["EMPTY", "--prompt", "x"], "wanted"),
    ],
)
def test_bad_input_exits_with_2_and_one_clear_line(folder, tmp_path, capsys, arguments, words):
    arguments = [{"MODEL": folder, "EMPTY": str(tmp_path)}.get(argument, argument) for argument in arguments]
    assert main(["generate", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("decoding: ")
    assert words in err


def test_samples_of_a_prompt_draw_each_its_own(small, capsys, tmp_path):
    arguments = ["generate", small, "--prompt", "aus", "--prompt", "the hat", *SAMPLED_OPTIONS]
    out = tmp_path / "out.jsonl"
    assert main([*arguments, "--samples", "3", "--out", str(out)]) == 0
    results = generate(*gpt2.load(small), ["aus"] * 3 + ["the hat"] * 3, SAMPLED)
    lines = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert [(line["prompt"], tuple(line["ids"])) for line in lines] == [
        (prompt, result.ids) for prompt, result in zip(["aus"] * 3 + ["the hat"] * 3, results, strict=True)
    ]
    assert len({tuple(line["ids"]) for line in lines[:3]}) == 3
    one = [*arguments[:4], *SAMPLED_OPTIONS, "--out", str(tmp_path / "one.jsonl")]
    assert main(one) == 0
    assert main([*one, "--samples", "3", "--resume"]) == 0, "more samples of the same prompt go on"
    assert [json.loads(line) for line in (tmp_path / "one.jsonl").read_text("utf-8").splitlines()] == lines[:3]


def test_all_hypotheses_asked_for_are_shown_with_their_scores(small, capsys):
    arguments = ["generate", small, "--prompt", "the", "--beams", "3", "--n-best", "2", "--temperature", "0"]
    assert main([*arguments, "--json", "--device", "cpu"]) == 0
    best = json.loads(capsys.readouterr().out)
    assert list(best["others"][0]) == [name for name in best if name not in ("prompt", "others")]
    assert main([*arguments, "--device", "cpu"]) == 0
    assert capsys.readouterr().out == "".join(
        f"--- {rank} of 2, score {one['score']:.4g} ---\nthe{one['text']}\n"
        for rank, one in enumerate((best, *best["others"]), start=1)
    )


@pytest.mark.parametrize("options", ["--penalty-alpha 0.6 --top-k 4", "--prompt-lookup-tokens 3", "--beams 3"])
def test_one_prompt_is_written_by_the_method_asked_for(small, capsys, options):
    arguments = ["generate", small, "--prompt", "the hat", "--temperature", "0", *options.split(), "--device", "cpu"]
    assert main([*arguments, "--json"]) == 0
    expected = json.loads(capsys.readouterr().out)["text"]
    assert main(arguments) == 0
    assert capsys.readouterr().out == f"the hat{expected}\n"


@pytest.mark.extras
def test_a_single_prompt_may_be_bound_to_a_pattern_and_stopped_by_a_word(folder, capsys):
    pytest.importorskip("llguidance", reason="needs the extra `grammar`")
    assert main(["generate", folder, "--prompt", "the", "--regex", "[ab]{4}", *SAMPLED_OPTIONS]) == 0
    text = capsys.readouterr().out.removeprefix("the").removesuffix("\n")
    assert len(text) == 4
    assert set(text) <= set("ab")


def test_a_missing_extra_is_one_line(folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "llguidance", None)
    assert main(["generate", folder, "--prompt", "the", "--regex", "a", "--device", "cpu"]) == 2
    assert capsys.readouterr().err == (
        "decoding: wanted llguidance, but it cannot be imported (import of llguidance halted; None in sys.modules); "
        "install the extra: decoding[grammar]\n"
    )


@pytest.mark.extras
@pytest.mark.parametrize("more", [[], ["--prompt", "the"], ["--json"], ["--beams", "2"]])
@pytest.mark.parametrize(("tokens", "cut"), [(3, True), (4, False), (9, False)])
def test_a_bound_text_that_is_cut_off_says_so_on_standard_error(folder, capsys, more, tokens, cut):
    """Four letters of one byte each are whole after four tokens, whether or not the end of the text was drawn."""
    pytest.importorskip("llguidance", reason="needs the extra `grammar`")
    arguments = ["--prompt", "aus", "--regex", "[ab]{4}", "--max-new-tokens", str(tokens), "--device", "cpu", *more]
    assert main(["generate", folder, *arguments]) == 0
    n = arguments.count("--prompt")
    note = f"{n} of {n} unfinished: ended after {tokens} new tokens, before the form was complete; raise --max-new-"
    assert (f"decoding: {note}" in capsys.readouterr().err) == cut


def test_output_takes_any_text_in_any_encoding_and_none_is_a_reader_who_left(small, monkeypatch, capsys):
    words = ["generate", small, "--prompt", "aus 世界", "--max-new-tokens", "3", "--temperature", "0"]
    for more in ([], ["--json"]):
        written = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="cp1252", errors="strict"))
        assert main([*words, *more]) == 0
        sys.stdout.flush()
        if more:
            assert json.loads(written.getvalue())["prompt"] == "aus 世界"
        else:
            assert written.getvalue().startswith(rb"aus \u4e16\u754c")
        monkeypatch.setattr(sys, "stdout", None)
        assert main([*words, *more]) == 141
    assert capsys.readouterr().err == ""
