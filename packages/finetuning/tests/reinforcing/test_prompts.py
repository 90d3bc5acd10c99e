"""Prompts of records, as the model is asked them."""

import pytest

from finetuning import Template
from finetuning.reinforcing.prompts import read_prompts


def test_prompts_end_where_the_answer_begins(tokenizer):
    talk = {"messages": [{"role": "user", "content": "what?"}, {"role": "assistant", "content": "a fox"}]}
    records = [("a", {"prompt": "Turn it: "}), ("b", talk), ("c", {"prompt": "x" * 99})]
    prompts, too_long, conversations = read_prompts(iter(records), tokenizer, Template(), 20)
    assert [prompt.text for prompt in prompts] == ["Turn it:", "User: what?\nAssistant:"]
    assert [tokenizer.decode(prompt.ids) for prompt in prompts] == [prompt.text for prompt in prompts]
    assert too_long == ("c (99 tokens)",)
    assert conversations == 1


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"text": "x"}, 'line 7: wanted {"prompt"} or {"messages"}, got text; rename'),
        ({"prompt": 3}, "line 7: wanted"),
        ({}, "line 7: wanted .* got nothing"),
        ({"messages": []}, "line 7: wanted"),
        ({"messages": [{"role": "king", "content": "x"}]}, "line 7: wanted the roles system, user and assistant"),
        ({"prompt": "x" * 99}, r"wanted prompts of at most 20 tokens, .* got line 7 \(99 tokens\) and 0 more"),
    ],
)
def test_other_records_are_refused_with_their_line(tokenizer, record, message):
    with pytest.raises(ValueError, match=message):
        read_prompts([("line 7", record)], tokenizer, Template(), 20)
    with pytest.raises(ValueError, match="got an empty file"):
        read_prompts([], tokenizer, Template(), 20)
