"""Every row matches the form that it is bound to."""

import json
import re

import pytest
import torch

from decoding import (
    GenerationSettings,
    generate,
    matching_grammar,
    matching_regex,
    matching_schema,
)


def babbler(models):
    """A model of bytes that would write anything."""
    return models.Table(torch.randn(257, 257, generator=torch.Generator().manual_seed(1)) * 2)


@pytest.mark.extras
@pytest.mark.parametrize("beams", [1, 3])
def test_a_regular_expression_is_matched_by_every_row(models, tokenizer, beams):
    pytest.importorskip("llguidance", reason="needs the extra `grammar`")
    settings = GenerationSettings(max_new_tokens=40, beams=beams, seed=4)
    constraints = [matching_regex(tokenizer, r"[a-c]{3,5}-(x|yy)") for _ in range(6)]
    rows = generate(babbler(models), tokenizer, ["Hi"] * 6, settings, constraints=constraints)
    assert {row.finish_reason for row in rows} == {"end_of_text"}
    assert all(re.fullmatch(r"[a-c]{3,5}-(x|yy)", row.text) for row in rows)
    assert beams > 1 or len({row.text for row in rows}) > 3


@pytest.mark.extras
@pytest.mark.parametrize("early", [False, True, "never"])
@pytest.mark.parametrize("form", ["A|B|C|D", "A", "[A-C]B?"])
def test_more_beams_than_texts_that_fit_give_the_answer_and_score_of_transformers(models, tokenizer, form, early):
    """Eight beams for four letters: soon none of them lives on, and what is finished counts."""
    pytest.importorskip("llguidance", reason="needs the extra `grammar`")
    theirs, end = models.transformers_gpt2(3, n_vocab=tokenizer.n_vocab), tokenizer.end_of_text
    settings = GenerationSettings(max_new_tokens=10, temperature=0, beams=8, early_stopping=early)
    [row] = generate(
        models.Transformers(theirs), tokenizer, ["Hi"], settings, constraints=[matching_regex(tokenizer, form)]
    )
    prompt = torch.tensor([tokenizer.encode("Hi")])

    def allowed(_, ids):
        written = bytes(ids[prompt.shape[1] :].tolist()) if end not in ids else None
        if written is None:
            return list(range(tokenizer.n_vocab))
        nexts = [byte for byte in range(256) if any(word.startswith(written + bytes([byte])) for word in WORDS[form])]
        return nexts + [end] * (written in WORDS[form]) or list(range(tokenizer.n_vocab))

    wanted = theirs.generate(
        prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=10, do_sample=False, eos_token_id=end,
        pad_token_id=end, num_beams=8, early_stopping=early, return_dict_in_generate=True, output_scores=True,
        prefix_allowed_tokens_fn=allowed,
    )  # fmt: skip
    answer = [token for token in wanted.sequences[0, prompt.shape[1] :].tolist() if token != end]
    assert row.text.encode() == bytes(answer)
    assert row.text.encode() in WORDS[form]
    assert row.score == pytest.approx(wanted.sequences_scores[0].item(), abs=1e-4)


WORDS = {"A|B|C|D": [b"A", b"B", b"C", b"D"], "A": [b"A"], "[A-C]B?": [b"A", b"B", b"C", b"AB", b"BB", b"CB"]}
"""Every text that matches the form."""


@pytest.mark.extras
def test_a_schema_and_a_grammar_are_kept(models, tokenizer):
    pytest.importorskip("llguidance", reason="needs the extra `grammar`")
    schema = {
        "type": "object",
        "properties": {"age": {"type": "integer", "minimum": 0, "maximum": 99}, "ok": {"type": "boolean"}},
        "required": ["age", "ok"], "additionalProperties": False,
    }  # fmt: skip
    constraints = [matching_schema(tokenizer, schema), matching_grammar(tokenizer, 'start: "(" start ")" | "x"')]
    settings = GenerationSettings(max_new_tokens=400, seed=4)
    record, nested = generate(babbler(models), tokenizer, ["a", "b"], settings, constraints=constraints)
    read = json.loads(record.text)
    assert set(read) == {"age", "ok"}
    assert 0 <= read["age"] <= 99
    depth = nested.text.index("x")
    assert nested.text == "(" * depth + "x" + ")" * depth


@pytest.mark.extras
@pytest.mark.parametrize(
    ("matching", "text", "words"),
    [
        (matching_regex, "[0-9", "a regular expression, got one with an error: unclosed character class; correct it"),
        (matching_schema, '{"type": "foo"}', "a JSON schema, got one with an error: Invalid type: foo; correct it"),
        (matching_schema, "{", "a JSON schema, got '{': Expecting property name"),
        (matching_grammar, "start: foo", 'a grammar, got one with an error: at 1(8): unknown name: "foo"; correct it'),
    ],
)
def test_a_form_with_an_error_is_named_with_what_is_wrong(tokenizer, matching, text, words):
    pytest.importorskip("llguidance", reason="needs the extra `grammar`")
    with pytest.raises(ValueError, match=re.escape(f"wanted {words}")):
        matching(tokenizer, text)


@pytest.mark.extras
@pytest.mark.parametrize(
    ("matching", "form"),
    [
        (matching_schema, '{"$ref": "#"}'),
        (matching_schema, '{"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}'),
        (matching_schema, '{"allOf": [{"$ref": "#"}]}'),
        (matching_schema, "false"),
        (matching_grammar, "start: start"),
    ],
)
def test_a_form_that_no_text_fits_is_refused_and_gives_no_empty_text(tokenizer, matching, form):
    pytest.importorskip("llguidance", reason="needs the extra `grammar`")
    with pytest.raises(ValueError, match="correct it"):
        matching(tokenizer, form)


@pytest.mark.extras
@pytest.mark.parametrize(
    ("matching", "form", "written"),
    [
        (matching_regex, "(a|b|ab)*" * 400, b"a"),
        (matching_grammar, "start: a0\n" + "".join(f"a{i}: a{i + 1} a{i + 1}\n" for i in range(40)) + 'a40: "x"', b"x"),
    ],
)
def test_a_form_too_large_to_be_followed_fails_on_the_way_and_does_not_end_the_text(
    models, tokenizer, matching, form, written
):
    """llguidance stops in both, and a matcher that has stopped looks like one whose text is whole."""
    pytest.importorskip("llguidance", reason="needs the extra `grammar`")
    grammar = matching(tokenizer, form)
    assert grammar([]).sum() >= 1
    for _ in range(2):  # once given up, it stays so
        with pytest.raises(ValueError, match=r"(?i)can be followed, got one too large: .*too many.*; simplify it"):
            grammar(list(written))
    with pytest.raises(ValueError, match="that match the grammar"):
        matching_regex(tokenizer, "ab")(list(b"x"))
    settings = GenerationSettings(seed=1, min_new_tokens=2)
    with pytest.raises(ValueError, match="simplify it"):
        generate(babbler(models), tokenizer, ["Hi"], settings, constraints=[matching(tokenizer, form)])
