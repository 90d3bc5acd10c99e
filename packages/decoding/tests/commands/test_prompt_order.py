"""Continuations come in the order of their prompts, from any of them on, with the same draws, by every method."""

import json

import pytest

from decoding.commands.main import main
from decoding.methods import dispatch

METHODS = {
    "sampled": "--temperature 0.8 --top-k 30",
    "sampled with log-probabilities": "--temperature 0.8 --log-probabilities 2",
    "past the context": "--temperature 0.9 --when-full drop_oldest_half --no-stop-at-end-of-text --max-new-tokens 24",
    "beams": "--temperature 0 --beams 3 --n-best 2",
    "sampled beams": "--temperature 0.9 --beams 3 --n-best 2 --early-stopping True",
    "groups of beams": "--temperature 0 --beams 4 --beam-groups 2 --diversity-penalty 0.5 --n-best 2",
    "contrastive": "--temperature 0 --penalty-alpha 0.6 --top-k 4",
    "look-up": "--temperature 0 --prompt-lookup-tokens 4",
    "sampled look-up": "--temperature 0.8 --prompt-lookup-tokens 4",
}


@pytest.mark.parametrize("options", METHODS.values(), ids=METHODS)
def test_a_file_of_results_that_broke_off_is_resumed_with_the_same_draws(short, tmp_path, capsys, options):
    prompts, out = tmp_path / "prompts.txt", tmp_path / "out.jsonl"
    prompts.write_text("aus\nthe hat\nthe hat\nand the hat and the\nand\n", encoding="utf-8")
    arguments = ["generate", short, "--prompts-file", str(prompts), "--out", str(out), "--rows", "2", "--seed", "7"]
    arguments += ["--max-new-tokens", "5", "--device", "cpu", *options.split()]
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
    for kept in (0, 3) if options == METHODS["sampled"] else (3,):
        out.write_text("".join(lines[:kept]) + "".join(lines[kept:])[:30], encoding="utf-8")  # and a torn one
        assert main([*arguments, "--resume"]) == 0
        if "--log-probabilities" not in options:  # their last digit knows how many rows were computed together
            assert out.read_text(encoding="utf-8") == whole
        for ours, theirs in zip(out.read_text("utf-8").splitlines(), lines, strict=True):
            one, other = json.loads(ours), json.loads(theirs)
            assert one.pop("log_probabilities", ()) == pytest.approx(other.pop("log_probabilities", ()), abs=1e-5)
            assert (one.pop("likeliest", None) is None) == (other.pop("likeliest", None) is None)
            assert one == other


def test_a_method_that_is_no_loop_writes_each_group_as_soon_as_it_is_done(small, tmp_path, monkeypatch):
    out = tmp_path / "out.jsonl"
    arguments = ["generate", small, "--prompt", "a", "--prompt", "b", "--prompt", "c", "--prompt", "d", "--rows", "2"]
    arguments += ["--beams", "2", "--temperature", "0", "--max-new-tokens", "5", "--device", "cpu", "--out", str(out)]
    there, search = [], dispatch.beam_search
    monkeypatch.setattr(
        dispatch, "beam_search", lambda *a, **o: there.append(out.read_text().count("\n")) or search(*a, **o)
    )
    assert main(arguments) == 0
    assert there == [0, 2]
