"""The command says on standard output what `generate` gives, and tells bad input from success by its exit code."""

import json
import os
import re
import signal
import subprocess
import sys

import pytest
import torch

import gpt2
from decoding import GenerationSettings, generate
from decoding.commands.main import COMMANDS, main
from decoding.methods import beams
from decoding.slips import slip, unframed

CHOICES = ("--when-full", "--order", "--early-stopping")
SAMPLED = GenerationSettings(max_new_tokens=40, temperature=0.8, top_k=30, seed=7)
SAMPLED_OPTIONS = ["--max-new-tokens", "40", "--temperature", "0.8", "--top-k", "30", "--seed", "7", "--device", "cpu"]


def saved_model(path, n_ctx):
    """A saved GPT-2 with random weights; its text is gibberish in which many characters are cut."""
    tokenizer = gpt2.Tokenizer.train(["Grüße aus 世界 🙂, the cat and the hat"] * 3, 270)
    config = gpt2.GPT2Config(n_vocab=tokenizer.n_vocab, n_ctx=n_ctx, n_embd=16, n_head=2, n_layer=1)
    gpt2.save(path, gpt2.GPT2(config, generator=torch.Generator().manual_seed(0)), tokenizer)
    return str(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return saved_model(tmp_path_factory.mktemp("model"), n_ctx=2000)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A model whose context is soon full."""
    return saved_model(tmp_path_factory.mktemp("small"), n_ctx=64)


@pytest.fixture(scope="module")
def tireless(tmp_path_factory):
    """A model that can go on for minutes: whoever ends it early has interrupted it."""
    return saved_model(tmp_path_factory.mktemp("tireless"), n_ctx=100_000)


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


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a\n\nb\n", "wanted a prompt a line in {file}, got line 2 empty; fill or delete it"),
        (b"\na\n", "wanted a prompt a line in {file}, got line 1 empty; fill or delete it"),
        (b"", "wanted a prompt a line in {file}, got no text; write one there"),
        (b"\n\n", "wanted a prompt a line in {file}, got no text; write one there"),
        (b"abc\xff", "at offset 3"),
        (b"a\nb\n" + 2001 * "世".encode(), "tokens (the model's n_ctx), got 6003 in prompt 3 of 3; shorten it"),
    ],
)
def test_a_file_of_prompts_that_cannot_be_used_is_refused(folder, tmp_path, capsys, content, words):
    file = tmp_path / "prompts.txt"
    file.write_bytes(content)
    assert main(["generate", folder, "--prompts-file", str(file)]) == 2
    assert words.format(file=file) in capsys.readouterr().err


ALL = "decoding generate --help lists all"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("", "wanted one of the commands generate, got none; decoding --help lists all"),
        ("--top-k 3", "wanted one of the commands generate, got '--top-k'; decoding --help"),
        ("generates x", "wanted one of the commands generate, got 'generates'; did you mean"),
        ("score x --text y", "wanted the command generate, got 'score'; type `evaluation score` for scores of texts"),
        ("evaluate x", "wanted the command generate, got 'evaluate'; type `evaluation tasks` for scores in tasks"),
        ("compare x y", "wanted the command generate, got 'compare'; type `evaluation compare` for two models side by"),
        ("generate x --promt y", "wanted an option of decoding generate, got --promt; did you mean --prompt?"),
        ("generate x --no_resume", "wanted an option of decoding generate, got --no_resume; did you mean --resume?"),
        ("generate x --frobnicate", f"wanted an option of decoding generate, got --frobnicate; {ALL}"),
        ("generate x --top-k abc", "--top-k: wanted a whole number, got 'abc'; leave --top-k out for the default"),
        ("generate x --top_k=1.5", "--top-k: wanted a whole number, got '1.5'; leave --top-k out for the default"),
        ("generate x --temperature hot", "--temperature: wanted a number, got 'hot'; leave --temperature out"),
        ("generate x --log-probabilities y", "--log-probabilities: wanted a whole number, got 'y'; leave"),
        ("generate x --seed --prompt y", "wanted a value after --seed, got none; a value that begins with a dash is"),
        ("generate x --prompt", "wanted a value after --prompt, got none; write --prompt VALUE"),
        ("generate x --prompt -item", "wanted a value after --prompt, got none; a value that begins with a dash is "
         "written --prompt=-item"),
        ("generate x --early-stopping maybe", "--early-stopping: wanted one of True, False, never, got 'maybe'; ch"),
        ("generate", f"Missing from decoding generate: MODEL Folder of a model, such as RUN/model after training, "
         f"or another source that gpt2 loads. (required); {ALL}"),
        ("generate x y --prompt z", f"Unrecognized options: y; {ALL}"),
        ("generate x --json=3", f"Unrecognized options: 3; {ALL}"),
        ("generate x --prompt y --logit-bias 95", "Error parsing --logit-bias: Could not find valid parse for argum"),
    ],
)  # fmt: skip
def test_wrong_arguments_exit_with_2_and_one_line(arguments, line, capsys):
    assert main(arguments.split()) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"decoding: {line}")


def test_a_frame_that_the_parser_draws_becomes_one_line():
    drawn = "╭─ Value error ─╮\n│ Wanted one,   │\n│ got two.      │\n│ ───────────── │\n│ See --help.   │\n╰───────╯\n"
    plain = "\n Value error   \n ------------- \n  Wanted one,   \n  got two.      \n  -------------\n  See --help.\n"
    assert unframed(drawn) == unframed(plain) == "Wanted one, got two."


@pytest.mark.parametrize("value", ["--prompt=-item", "--prompt=--top-k"])
def test_a_value_may_begin_with_a_dash(value, folder, capsys):
    assert main(["generate", folder, "--prompt", "x", value, "--max-new-tokens", "1", "--device", "cpu"]) == 0
    assert value.partition("=")[2] in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_that_help_names_is_no_slip(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    named = re.findall(r"^[│ ]+(--[a-z][a-z0-9-]+)", capsys.readouterr().out, re.MULTILINE)
    assert len(named) > 5
    slips = [slip(command, COMMANDS[command], [f"{option}=1"]) for option in named if option not in CHOICES]
    assert set(slips) == {None}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [("generate --help", 0), ("generate /no/such/model --prompt x", 2), ("generate --top 3", 2)],
)
def test_help_and_wrong_arguments_are_answered_without_torch(arguments, code):
    program = (
        "import sys; from decoding.commands.main import main\ntry: code = main()\nexcept SystemExit as e: code = e.code"
    )
    result = subprocess.run(
        [sys.executable, "-c", f"{program}\nprint(code, 'torch' in sys.modules)", *arguments.split()],
        capture_output=True,
        text=True,
    )
    assert result.stdout.splitlines()[-1] == f"{code} False"


def test_threads_that_wait_do_not_spin_unless_the_user_says_so():
    program = "import os, sys; from decoding.commands.main import main; assert 'torch' not in sys.modules\n"
    program += "main(sys.argv[1:]); print(os.environ['OMP_WAIT_POLICY'])"
    without = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    for given, expected in ((without, "passive"), ({**without, "OMP_WAIT_POLICY": "active"}, "active")):
        arguments = [sys.executable, "-c", program, "generate", "/no/such/model", "--prompt", "x"]
        assert subprocess.run(arguments, env=given, capture_output=True, text=True).stdout == f"{expected}\n"


LONG = ["--prompt", "the", "--max-new-tokens", "99000", "--no-stop-at-end-of-text", "--device", "cpu"]


def start(*arguments):
    # In the background of a shell SIGINT is ignored, and children inherit that; a handler they do not.
    ours = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "decoding", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    finally:
        signal.signal(signal.SIGINT, ours)


def test_a_reader_that_leaves_ends_the_command_quietly(tireless):
    with start("generate", tireless, *LONG) as process:
        process.stdout.close()
        assert process.wait() == 141
        assert process.stderr.read() == b""


def test_an_interrupt_ends_the_command_with_one_line(tireless):
    with start("generate", tireless, *LONG) as process:
        assert process.stdout.read(100).startswith(b"the")  # well into the text
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
        assert process.stderr.read() == b"decoding: interrupted\n"


def test_what_the_protocol_lacks_is_named_without_the_annotations():
    program = "import torch, decoding; decoding.generate_ids(torch.nn.Linear(1, 1), [[1]])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "got Linear without ['new_cache', 'n_ctx', 'n_vocab']; wrap it" in result.stderr


METHODS = {
    "sampled": "--temperature 0.8 --top-k 30",
    "sampled with log-probabilities": "--temperature 0.8 --log-probabilities 2",
    "past the context": "--temperature 0.9 --when-full drop_oldest_half --no-stop-at-end-of-text --max-new-tokens 64",
    "beams": "--temperature 0 --beams 3 --n-best 2",
    "sampled beams": "--temperature 0.9 --beams 3 --n-best 2 --early-stopping True",
    "groups of beams": "--temperature 0 --beams 4 --beam-groups 2 --diversity-penalty 0.5 --n-best 2",
    "contrastive": "--temperature 0 --penalty-alpha 0.6 --top-k 4",
    "look-up": "--temperature 0 --prompt-lookup-tokens 4",
    "sampled look-up": "--temperature 0.8 --prompt-lookup-tokens 4",
}


@pytest.mark.parametrize("options", METHODS.values(), ids=METHODS)
def test_a_file_of_results_that_broke_off_is_resumed_with_the_same_draws(small, tmp_path, capsys, options):
    prompts, out = tmp_path / "prompts.txt", tmp_path / "out.jsonl"
    prompts.write_text("aus\nthe hat\nthe hat\nand the hat and the\nand\n", encoding="utf-8")
    arguments = ["generate", small, "--prompts-file", str(prompts), "--out", str(out), "--rows", "2", "--seed", "7"]
    arguments += ["--max-new-tokens", "10", "--device", "cpu", *options.split()]
    assert main(arguments) == 0
    whole = out.read_text(encoding="utf-8")
    lines = whole.splitlines(keepends=True)
    assert len(lines) == 5
    assert ("--temperature 0 " in options) == (lines[1] == lines[2]), "each row draws its own"
    assert main(arguments) == 2
    assert "add --resume" in capsys.readouterr().err
    everything = [*arguments[: arguments.index("--out")], "--json", *arguments[arguments.index("--seed") :]]
    assert main(everything) == 0
    together = [json.loads(line)["ids"] for line in capsys.readouterr().out.splitlines()]
    assert [json.loads(line)["ids"] for line in lines] == together, "rows written at a time change nothing"
    for kept in (0, 3):
        out.write_text("".join(lines[:kept]) + "".join(lines[kept:])[:30], encoding="utf-8")  # and a torn one
        assert main([*arguments, "--resume"]) == 0
        if "--log-probabilities" not in options:  # their last digit knows how many rows were computed together
            assert out.read_text(encoding="utf-8") == whole
        for ours, theirs in zip(out.read_text("utf-8").splitlines(), lines, strict=True):
            one, other = json.loads(ours), json.loads(theirs)
            assert one.pop("log_probabilities", ()) == pytest.approx(other.pop("log_probabilities", ()), abs=1e-5)
            assert (one.pop("likeliest", None) is None) == (other.pop("likeliest", None) is None)
            assert one == other


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


def test_a_method_that_is_no_loop_writes_each_group_as_soon_as_it_is_done(small, tmp_path, monkeypatch):
    out = tmp_path / "out.jsonl"
    arguments = ["generate", small, "--prompt", "a", "--prompt", "b", "--prompt", "c", "--prompt", "d", "--rows", "2"]
    arguments += ["--beams", "2", "--temperature", "0", "--max-new-tokens", "5", "--device", "cpu", "--out", str(out)]
    there, search = [], beams.beam_search
    monkeypatch.setattr(
        beams, "beam_search", lambda *a, **o: there.append(out.read_text().count("\n")) or search(*a, **o)
    )
    assert main(arguments) == 0
    assert there == [0, 2]


@pytest.mark.parametrize("options", ["--penalty-alpha 0.6 --top-k 4", "--prompt-lookup-tokens 3", "--beams 3"])
def test_one_prompt_is_written_by_the_method_asked_for(small, capsys, options):
    arguments = ["generate", small, "--prompt", "the hat", "--temperature", "0", *options.split(), "--device", "cpu"]
    assert main([*arguments, "--json"]) == 0
    expected = json.loads(capsys.readouterr().out)["text"]
    assert main(arguments) == 0
    assert capsys.readouterr().out == f"the hat{expected}\n"


def test_words_are_typed_as_text(folder, capsys):
    """Banned as they stand and after a space, forced anywhere, forced at the beginning: ids of the tokenizer's."""
    model, tokenizer = gpt2.load(folder)
    ids = {word: tuple(tokenizer.encode(word)) for word in ("the", " the", "hat", "世", "and ")}
    arguments = ["generate", folder, "--prompt", "the", "--device", "cpu"]
    arguments += ["--temperature", "0", "--max-new-tokens", "12"]
    banned = {"banned": (ids["the"], ids[" the"]), "forced_prefix": ids["and "]}
    forced = {"forced_words": (ids["hat"], ids["世"]), "beams": 3}
    for options, wanted in (
        (["--banned", "the", "--forced-prefix", "and "], banned),
        (["--forced-words", "hat", "--forced-words", "世", "--beams", "3"], forced),
    ):
        assert main([*arguments, *options]) == 0
        result = generate(model, tokenizer, ["the"], GenerationSettings(max_new_tokens=12, temperature=0, **wanted))[0]
        assert capsys.readouterr().out == f"the{result.text}\n"
    assert "hat" in result.text
    assert "世" in result.text


@pytest.mark.parametrize(
    ("typed", "biases"),
    [
        ("95 -100 54 3.5", (((95,), -100.0), ((54,), 3.5))),
        ("95 3", (((95,), 3.0),)),
        ("95,54 -inf 7 1e1", (((95, 54), -float("inf")), ((7,), 10.0))),
    ],
)
def test_biases_are_typed_as_pairs(folder, capsys, typed, biases):
    arguments = ["generate", folder, "--prompt", "the", "--device", "cpu", "--max-new-tokens", "20"]
    assert main([*arguments, "--json", "--logit-bias", *typed.split()]) == 0
    settings = GenerationSettings(max_new_tokens=20, logit_bias=biases)
    expected = generate(*gpt2.load(folder), ["the"], settings)[0].ids
    assert json.loads(capsys.readouterr().out)["ids"] == list(expected)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("the 3.5", "an id and a number in --logit-bias, got the id 'the'; write 95 -100"),
        ("95 nan", "--logit-bias must be numbers or -inf, got nan for (95,)"),
        ("999999 1", "(the model's vocabulary), got 999999 in --logit-bias"),
    ],
)
def test_biases_of_no_ids_are_refused(folder, capsys, typed, words):
    assert main(["generate", folder, "--prompt", "the", "--device", "cpu", "--logit-bias", *typed.split()]) == 2
    assert words in capsys.readouterr().err


def test_prompts_may_come_on_standard_input(folder):
    result = subprocess.run(
        [sys.executable, "-m", "decoding", "generate", folder, "--prompts-file", "-", *SAMPLED_OPTIONS, "--json"],
        input=b"aus\nthe\n", capture_output=True,
    )  # fmt: skip
    assert [json.loads(line)["prompt"] for line in result.stdout.splitlines()] == ["aus", "the"]


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
        "decoding: wanted llguidance for constrained decoding, found none; install decoding[grammar]\n"
    )


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
