"""Texts and their labels, and what is none."""

import json

import pytest

from finetuning import read_labeled, read_records
from finetuning.classifying.labels import LabeledText, split_labeled, surest, texts_digest


def lines(tmp_path, *records):
    path = tmp_path / "d.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    return read_records(path)


def test_labels_have_an_order_of_their_own(tokenizer, tmp_path):
    named = read_labeled(lines(tmp_path, *({"text": "x", "label": n} for n in ("b", "c", "a", "b"))), tokenizer, 48)
    assert named.labels == ("a", "b", "c")
    assert [text.label for text in named.fitting] == [1, 2, 0, 1]
    numbered = read_labeled(lines(tmp_path, *({"text": "x", "label": n} for n in (10, 9, 2))), tokenizer, 48)
    assert numbered.labels == ("2", "9", "10")


@pytest.mark.extras
def test_csv_and_parquet_say_the_same(tokenizer, tmp_path):
    (tmp_path / "d.csv").write_text('text,label\n"a fox, of course",fox\nthe dog,dog\n', "utf-8")
    found = read_labeled(read_records(tmp_path / "d.csv"), tokenizer, 48)
    assert [(text.text, found.labels[text.label]) for text in found.fitting] == [
        ("a fox, of course", "fox"),
        ("the dog", "dog"),
    ]
    pyarrow = pytest.importorskip("pyarrow", reason="needs the extra finetuning[parquet]")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table({"text": ["a fox, of course", "the dog"], "label": ["fox", "dog"]})
    parquet.write_table(table, tmp_path / "d.parquet")
    again = read_labeled(read_records(tmp_path / "d.parquet"), tokenizer, 48)
    assert [(text.ids, text.label) for text in again.fitting] == [(text.ids, text.label) for text in found.fitting]


GOOD = {"text": "the fox", "label": "a"}


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"prompt": "x", "completion": "y"}, r'wanted {"text", "label"}, got prompt, completion; rename'),
        ({"text": "x"}, "got text; rename the fields"),
        ({}, "got nothing"),
        ({"text": "", "label": "a"}, "text: wanted at least one word, got ''; leave the record out"),
        ({"text": " \n", "label": "a"}, "text: wanted at least one word"),
        ({"text": 3, "label": "a"}, "text: wanted a text, got 3; put it in quotes"),
        ({"text": "x", "label": ""}, "label: wanted a name or a whole number, got ''"),
        ({"text": "x", "label": None}, "label: wanted a name or a whole number, got None"),
        ({"text": "x", "label": 0.5}, "label: wanted a name or a whole number, got 0.5"),
        ({"text": "x", "label": True}, "label: wanted a name or a whole number, got True"),
        ({"text": "x", "label": ["a"]}, "label: wanted a name or a whole number"),
        ({"text": "x", "label": {"a": 0.5, "b": 0.4}}, "label: wanted shares that add up to 1, got 0.9; divide by"),
        ({"text": "x", "label": {}}, "label: wanted shares that add up to 1, got 0"),
        (
            {"text": "x", "label": {"a": 1.5, "b": -0.5}},
            "label: wanted a share from 0 to 1 of each name, got 1.5 of 'a'",
        ),
        ({"text": "x", "label": {"a": "1"}}, "label: wanted a share from 0 to 1 of each name, got '1' of 'a'"),
    ],
    ids=str,
)
def test_a_record_that_is_no_labeled_text_is_refused_with_its_line(tokenizer, tmp_path, record, message):
    with pytest.raises(ValueError, match=f"line 2 of .*d.jsonl: .*{message}"):
        read_labeled(lines(tmp_path, GOOD, record), tokenizer, 48)


def test_a_label_may_be_the_share_of_each(tokenizer, tmp_path):
    rated = {"b": 0.75, "c": 0.25}
    found = read_labeled(
        lines(tmp_path, GOOD, {"text": "x", "label": rated}, {"text": "y", "label": "c"}), tokenizer, 48
    )
    assert found.labels == ("a", "b", "c")
    assert [text.label for text in found.fitting] == [0, 1, 2]
    assert [text.shares for text in found.fitting] == [None, (0.0, 0.75, 0.25), None]
    assert surest(rated) == "b"
    assert surest(2) == "2"
    others = [LabeledText(t.place, t.text, t.ids, t.label, t.shares and (0.0, 0.7, 0.3)) for t in found.fitting]
    assert texts_digest(found.fitting, found.labels) != texts_digest(others, found.labels)
    with pytest.raises(ValueError, match=r"line 2 of .*: label: wanted one of a, b, got 'c', .* never seen"):
        read_labeled(lines(tmp_path, GOOD, {"text": "x", "label": rated}), tokenizer, 48, ("a", "b"))


def test_labels_that_do_not_suffice_are_refused(tokenizer, tmp_path):
    with pytest.raises(ValueError, match="wanted two or more labels, got 'a' alone; add texts with another"):
        read_labeled(lines(tmp_path, GOOD, GOOD), tokenizer, 48)
    with pytest.raises(ValueError, match=r"line 2 of .*: label: wanted one of a, b, got 'c', .* never seen"):
        read_labeled(lines(tmp_path, GOOD, {"text": "x", "label": "c"}), tokenizer, 48, ("a", "b"))
    with pytest.raises(ValueError, match="wanted at least one text of at most 48 tokens, got an empty file"):
        read_labeled([], tokenizer, 48)


def test_longer_texts_are_left_out_and_named(tokenizer, tmp_path):
    long = {"text": "xyz " * 20, "label": "b"}
    found = read_labeled(lines(tmp_path, GOOD, {**GOOD, "label": "b"}, long), tokenizer, 10)
    assert len(found.fitting) == 2
    assert [place.split(" of ")[0] for place in found.too_long] == ["line 3"]
    with pytest.raises(ValueError, match="got none but longer ones: line 1"):
        read_labeled(lines(tmp_path, long), tokenizer, 10)


def test_equal_texts_are_on_one_side_and_every_label_is_learned(tokenizer, tmp_path):
    records = [{"text": f"the fox {n // 2}", "label": "ab"[n % 2]} for n in range(80)]
    found = read_labeled(lines(tmp_path, *records), tokenizer, 48)
    learned, judged = split_labeled(found, 0.2, "d.jsonl")
    assert len(learned) + len(judged) == 80
    assert not {text.ids for text in learned} & {text.ids for text in judged}
    lonely = {"text": judged[0].text, "label": "c"}
    with pytest.raises(ValueError, match=r"line 81 of .*: wanted a label that is also .* got 'c'"):
        split_labeled(read_labeled(lines(tmp_path, *records, lonely), tokenizer, 48), 0.2, "d.jsonl")
    with pytest.raises(ValueError, match="wanted at least two different texts, one to judge by, got 2"):
        split_labeled(read_labeled(lines(tmp_path, GOOD, {**GOOD, "label": "b"}), tokenizer, 48), 0.2, "d.jsonl")
