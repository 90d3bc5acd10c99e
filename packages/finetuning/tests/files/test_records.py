"""Files of records: the samples of the reference page are read as it says."""

import json
import re
from pathlib import Path

import pytest

from finetuning import Template, encoded, read_examples, read_labeled, read_pairs, read_records, read_template

PAGE = (Path(__file__).parents[2] / "docs" / "records.md").read_text("utf-8")


def blocks(kind):
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


def test_the_samples_of_the_page_are_read_as_it_says(tokenizer, tmp_path):
    found = {}
    for number, text in enumerate(blocks("json")):
        record = json.loads(text)
        path = tmp_path / f"{number}.jsonl"
        path.write_text(json.dumps(record) + "\n", "utf-8")
        found[tuple(record)] = path
    tables = []
    for number, text in enumerate(blocks("csv")):
        tables.append(tmp_path / f"{number}.csv")
        tables[-1].write_text(text, "utf-8")
    [one], [other] = (
        read_examples(read_records(path), tokenizer, Template(), 99).fitting
        for path in (found["prompt", "completion"], tables[0])
    )
    assert one == other
    assert tokenizer.decode(one.ids) == "Capital of France? Paris<|endoftext|>"
    [talk] = read_examples(read_records(found[("messages",)]), tokenizer, Template(), 99).fitting
    assert tokenizer.decode(talk.ids) + "\n" in re.findall(r"```\n(Answer.*?)```", PAGE, re.DOTALL)
    assert read_template(found["system", "user", "assistant"]) == Template()
    assert read_labeled(read_records(tables[1]), tokenizer, 99).labels == ("bad", "good")
    assert len(read_pairs(read_records(found["prompt", "chosen", "rejected"]), tokenizer, 99).fitting) == 1


def test_a_file_of_another_kind_is_told_what_to_do(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("x", "utf-8")
    with pytest.raises(
        ValueError, match=r"got \.txt; write a record a line as JSON into a \.jsonl file, or take docst"
    ):
        read_records(path)


def test_white_space_between_prompt_and_answer_belongs_to_the_answer(tokenizer):
    left = encoded(tokenizer, Template(), {"prompt": "Capital? ", "completion": "Paris"})
    right = encoded(tokenizer, Template(), {"prompt": "Capital?", "completion": " Paris"})
    assert left == right
