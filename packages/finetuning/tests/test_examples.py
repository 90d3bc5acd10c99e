"""Which tokens of an example are learned."""

import json

import pytest
from transformers import AutoTokenizer

from finetuning import Template, encoded, jinja, read_examples, read_records, read_template

TALK = [
    {"role": "system", "content": "Be short."},
    {"role": "user", "content": "  what is it?\n"},
    {"role": "assistant", "content": "a fox"},
    {"role": "user", "content": "the dog is {lazy} \"and\" 'quick' \\ 狐"},
    {"role": "assistant", "content": "of course\nthe fox"},
]


def learned_text(tokenizer, example):
    return tokenizer.decode([token for token, learn in zip(example.ids, example.learned, strict=True) if learn])


def test_the_answer_and_its_end_are_learned_and_nothing_else(tokenizer):
    example = encoded(tokenizer, Template(), {"prompt": "the fox ", "completion": "jumps over"})
    assert tokenizer.decode(example.ids) == "the fox jumps over<|endoftext|>"
    assert learned_text(tokenizer, example) == " jumps over<|endoftext|>"
    assert example.ids[: example.learned.index(True)] == tuple(tokenizer.encode("the fox"))
    assert example.answer_bytes == len(" jumps over")


def test_of_a_conversation_each_answer_is_learned(tokenizer):
    example = encoded(tokenizer, Template(), {"messages": TALK})
    assert learned_text(tokenizer, example) == " a fox<|endoftext|> of course\nthe fox<|endoftext|>"
    assert example.n_learned == sum(example.learned) > 4


def test_an_answer_without_a_prompt_is_predicted_from_the_end_of_text(tokenizer):
    example = encoded(tokenizer, Template(), {"prompt": "", "completion": "jumps"})
    assert example.ids[0] == tokenizer.end_of_text
    assert learned_text(tokenizer, example) == "jumps<|endoftext|>"


@pytest.mark.parametrize(
    "template",
    [
        Template(),
        Template(("<s>", "</s>\n"), ("### Instruction:\n", "\n\n"), "### Response:\n"),
        Template(("'\\ {{x}} ", "\n"), ('{% raw %}"', "狐\n"), "=> "),
    ],
    ids=["usual", "alpaca", "hostile"],
)
def test_transformers_chat_template_gives_the_same_ids(folder, tokenizer, template):
    theirs = AutoTokenizer.from_pretrained(folder)
    theirs.chat_template = jinja(template)
    text = theirs.apply_chat_template(TALK, tokenize=False)
    pieces = template.pieces(TALK)
    assert text == "".join(piece + ("<|endoftext|>" if answer else "") for piece, answer in pieces)
    prompt = theirs.apply_chat_template(TALK[:-1], tokenize=False, add_generation_prompt=True)
    assert prompt == "".join(piece + ("<|endoftext|>" if answer else "") for piece, answer in pieces[:-1])
    assert template.prompt(TALK[:2]) == pieces[0][0]


def test_ids_of_the_usual_template_are_transformers(folder, tokenizer):
    theirs = AutoTokenizer.from_pretrained(folder)
    theirs.chat_template = jinja(Template())
    ids = theirs.apply_chat_template(TALK, tokenize=True, return_dict=False)
    assert tuple(ids) == encoded(tokenizer, Template(), {"messages": TALK}).ids


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"text": "x"}, r"wanted .*prompt.* got text; rename"),
        ({}, "got nothing"),
        ({"prompt": "x"}, "got prompt; rename"),
        ({"prompt": "x", "completion": ""}, "completion: wanted at least one word"),
        ({"prompt": "x", "completion": " \n"}, "completion: wanted at least one word"),
        ({"prompt": 3, "completion": "y"}, "prompt: wanted a text, got 3"),
        ({"prompt": "x", "completion": None}, "completion: wanted a text, got None"),
        ({"messages": []}, "messages: wanted a list"),
        ({"messages": "hello"}, "messages: wanted a list"),
        ({"messages": [{"role": "user"}]}, "messages: wanted .* each"),
        ({"messages": [{"role": "user", "content": "x"}]}, "wanted an answer to learn from, got none"),
        ({"messages": [{"role": "assistant", "content": " "}]}, "wanted an answer of at least one word"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "wanted the roles system, user and assistant, got 'tool'"),
        ({"messages": [{"role": "user", "content": 1}]}, "content: wanted a text, got 1"),
    ],
    ids=str,
)
def test_a_record_that_is_no_example_is_refused_with_its_line(tokenizer, tmp_path, record, message):
    path = tmp_path / "d.jsonl"
    path.write_text(json.dumps({"prompt": "a", "completion": "b"}) + "\n\n" + json.dumps(record) + "\n", "utf-8")
    with pytest.raises(ValueError, match=f"line 3 of .*d.jsonl: .*{message}"):
        read_examples(read_records(path), tokenizer, Template(), 48)


def test_longer_ones_are_left_out_and_named(tokenizer):
    fits, too_long = {"prompt": "a", "completion": "b"}, {"prompt": "a", "completion": "xyz " * 20}
    found = read_examples([("line 1", fits), ("line 2", too_long)], tokenizer, Template(), 10)
    assert len(found.fitting) == 1
    assert [place.split(" (")[0] for place in found.too_long] == ["line 2"]
    exact = len(encoded(tokenizer, Template(), too_long).ids) - 1
    assert not read_examples([("line 2", too_long)], tokenizer, Template(), exact).too_long
    told = rf"wanted examples of at most {exact - 1} tokens, the context .* got none: line 2 \({exact} tokens\)"
    with pytest.raises(ValueError, match=told):
        read_examples([("line 2", too_long)], tokenizer, Template(), exact - 1)
    with pytest.raises(ValueError, match="wanted at least one example, got an empty file"):
        read_examples([], tokenizer, Template(), 10)


def test_tables_are_read_as_they_are_written(tmp_path):
    path = tmp_path / "d.csv"
    path.write_bytes('\ufeffprompt,completion\r\n"a, ""b""\nc",d\r\ne,f\r\n'.encode())
    assert [record for _, record in read_records(path)] == [
        {"prompt": 'a, "b"\nc', "completion": "d"},
        {"prompt": "e", "completion": "f"},
    ]
    path.write_text("prompt,completion\na,b,c\n", "utf-8")
    with pytest.raises(ValueError, match=r"line 2 of .*wanted 2 columns, got 3"):
        list(read_records(path))
    path.write_text("", "utf-8")
    with pytest.raises(ValueError, match="wanted a first line"):
        list(read_records(path))
    with pytest.raises(ValueError, match=r"wanted a \.jsonl"):
        read_records(tmp_path / "d.txt")
    with pytest.raises(OSError, match="No such file"):
        list(read_records(tmp_path / "none.jsonl"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"robot": "x"}, "wanted system, user and assistant, got robot"),
        ({"user": "x"}, r"user: wanted \[text before, text after\]"),
        ({"assistant": ["a", "b"]}, "assistant: wanted the text before an answer"),
        ({"assistant": " "}, "wanted a text before an answer"),
        ({"user": ["Assistant: ", "\n"]}, "wanted another text before the user's words"),
    ],
    ids=str,
)
def test_templates_that_cannot_be_are_refused(tmp_path, content, message):
    path = tmp_path / "t.json"
    path.write_text(json.dumps(content), "utf-8")
    with pytest.raises(ValueError, match=message):
        read_template(path)


def test_a_template_file_changes_what_it_names(tmp_path):
    path = tmp_path / "t.json"
    path.write_text(json.dumps({"user": ["Q: ", "\n"], "assistant": "A: "}), "utf-8")
    assert read_template(path) == Template(user=("Q: ", "\n"), assistant="A: ")
