"""Questions are read from the formats in which their authors publish them."""

import json

import pytest

from evaluation import BLIMP, CHOICE, HELLASWAG, LAMBADA, Choice, Cloze, read_items

SWAG = {
    "activity_label": "Cooking", "ctx_a": "A man cooks [step] eggs.", "ctx_b": "he", "ctx": "unused",
    "endings": ["eats [title] them.", "flies  away."], "label": "0", "ind": 4,
}  # fmt: skip
LINES = {
    "lambada": (LAMBADA, {"text": "the cat and the hat"}, Cloze("the cat and the", " hat")),
    "hellaswag": (HELLASWAG, SWAG, Choice("Cooking: A man cooks eggs. He", (" eats. them.", " flies away."), 0)),
    "blimp": (BLIMP, {"sentence_good": "a cat sits", "sentence_bad": "a cat sit", "UID": "x"},
              Choice("", ("a cat sits", "a cat sit"), 0)),
    "choice": (CHOICE, {"question": "2 + 2 = ", "choices": ["3", " 4"], "answer": "b"},
               Choice("2 + 2 =", (" 3", " 4"), 1)),
}  # fmt: skip


@pytest.mark.parametrize("name", LINES)
def test_published_lines_become_questions(name, tmp_path):
    task, line, item = LINES[name]
    (tmp_path / "data.jsonl").write_text(json.dumps(line) + "\n\n" + json.dumps(line) + "\n", encoding="utf-8")
    assert read_items(task, tmp_path / "data.jsonl") == [item, item]
    assert read_items(task, tmp_path / "data.jsonl", limit=1) == [item]


@pytest.mark.parametrize(
    ("task", "line", "words"),
    [
        (LAMBADA, "{}", "line 1: wanted 'text', a text that is not empty, got nothing beside the fields"),
        (LAMBADA, '{"text": "word"}', "wanted a passage of at least two words, got 'word'; leave the line out"),
        (CHOICE, '{"question": "x", "choices": ["a", ""], "answer": 0}', "list of texts that are not empty"),
        (CHOICE, '{"question": "x", "choices": ["a", "b"], "answer": 2}', "got answer 2 of 2; correct the line"),
        (CHOICE, '{"question": "x", "choices": ["a", "b"]}', "got answer None of 2"),
        (CHOICE, '{"question": "x", "choices": ["a"], "answer": 0}', "one of at least 2 choices"),
        (CHOICE, '{"question": "x", "choices": ["a", "\\ud800"], "answer": 0}', "wanted 'choices' in UTF-8, got half"),
        (LAMBADA, '{"text": "a \\udcff"}', "wanted 'text' in UTF-8, got half a surrogate pair"),
        (HELLASWAG, json.dumps(SWAG | {"endings": ["[step] [x]", "a"]}), "wanted choices with text in them, got '"),
        (HELLASWAG, json.dumps(SWAG | {"endings": ["a", "[step]"]}), "leave the question out"),
        (BLIMP, '{"sentence_good": " ", "sentence_bad": "x"}', "wanted choices with text in them, got ' ' among 2"),
        (BLIMP, '{"sentence_good": "x", "sentence_bad": 3}', "wanted 'sentence_bad', .* got 3 beside"),
    ],
)
def test_lines_of_another_format_are_refused(task, line, words, tmp_path):
    (tmp_path / "data.jsonl").write_text(line + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match=words):
        read_items(task, tmp_path / "data.jsonl")
