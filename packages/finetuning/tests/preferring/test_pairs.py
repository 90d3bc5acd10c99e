"""Pairs of answers, and what is none."""

import json

import pytest

from finetuning import read_pairs, read_records
from finetuning.preferring.pairs import split_pairs

GOOD = {"prompt": "the fox:", "chosen": " jumps", "rejected": " is lazy"}


def lines(tmp_path, *records):
    path = tmp_path / "d.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    return read_records(path)


def test_both_answers_follow_one_prompt_and_end(tokenizer, tmp_path):
    [pair] = read_pairs(lines(tmp_path, {**GOOD, "prompt": "the fox: "}), tokenizer, 48).fitting
    assert tokenizer.decode(pair.chosen.ids) == "the fox:  jumps<|endoftext|>"
    assert tokenizer.decode(pair.rejected.ids) == "the fox:  is lazy<|endoftext|>"
    assert pair.prompt == tuple(tokenizer.encode("the fox:"))
    assert pair.rejected.ids[: len(pair.prompt)] == pair.prompt


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"prompt": "x", "completion": "y"}, r'wanted {"prompt", "chosen", "rejected"}, got prompt, completion'),
        ({"prompt": "x", "chosen": "y"}, "got prompt, chosen; rename the fields"),
        ({}, "got nothing"),
        ({**GOOD, "chosen": ""}, "chosen: wanted at least one word, got ''; leave the pair out"),
        ({**GOOD, "rejected": " \n"}, "rejected: wanted at least one word"),
        ({**GOOD, "prompt": None}, "prompt: wanted a text, got None"),
        ({**GOOD, "chosen": 3}, "chosen: wanted a text, got 3; put it in quotes"),
        ({**GOOD, "rejected": " jumps"}, "wanted two answers that differ, got ' jumps' as chosen and as rejected"),
    ],
    ids=str,
)
def test_a_record_that_is_no_pair_is_refused_with_its_line(tokenizer, tmp_path, record, message):
    with pytest.raises(ValueError, match=f"line 2 of .*d.jsonl: .*{message}"):
        read_pairs(lines(tmp_path, GOOD, record), tokenizer, 48)


def test_longer_ones_are_left_out_and_named(tokenizer, tmp_path):
    long = {**GOOD, "rejected": "xyz " * 20}
    found = read_pairs(lines(tmp_path, GOOD, long), tokenizer, 20)
    assert len(found.fitting) == 1
    assert [place.split(" of ")[0] for place in found.too_long] == ["line 2"]
    exact = len(read_pairs(lines(tmp_path, long), tokenizer, 100).fitting[0].rejected.ids) - 1
    assert not read_pairs(lines(tmp_path, long), tokenizer, exact).too_long
    told = rf"wanted at least one pair of at most {exact - 1} tokens each, got none but .*line 1 .*\({exact} tokens\)"
    with pytest.raises(ValueError, match=told):
        read_pairs(lines(tmp_path, long), tokenizer, exact - 1)
    with pytest.raises(ValueError, match="got an empty file"):
        read_pairs([], tokenizer, 20)


def test_pairs_of_one_prompt_are_on_one_side(tokenizer, tmp_path):
    records = [{**GOOD, "prompt": f"the {n // 3} fox:", "rejected": f" is {n}"} for n in range(60)]
    learned, judged = split_pairs(read_pairs(lines(tmp_path, *records), tokenizer, 48), 0.2, "d.jsonl")
    assert len(learned) + len(judged) == 60
    assert not {pair.prompt for pair in learned} & {pair.prompt for pair in judged}
    with pytest.raises(ValueError, match=r"d.jsonl: wanted at least two different prompts, .* got 1 pairs of one"):
        split_pairs(read_pairs(lines(tmp_path, GOOD), tokenizer, 48), 0.2, "d.jsonl")
