"""Whatever is asked of a form: a text that matches it, or a ValueError; no panic, no hang, no bomb."""

import json
import re

import pytest
import torch
from hypothesis import strategies as st

from decoding import GenerationSettings, generate_ids, matching_grammar, matching_regex, matching_schema

pytestmark = pytest.mark.extras
pytest.importorskip("llguidance", reason="needs the extra decoding[grammar]")


@pytest.fixture
def writer(models, tokenizer):
    """The tokenizer, of bytes, and a function that writes a text in a form, with a model of noise."""
    noise = torch.randn(tokenizer.n_vocab, tokenizer.n_vocab, generator=torch.Generator().manual_seed(0))
    model = models.Table(noise, n_ctx=40)

    def write(constraint):
        row = generate_ids(
            model,
            [[65]],
            GenerationSettings(max_new_tokens=12, seed=1),
            end_of_text=tokenizer.end_of_text,
            constraints=[constraint],
        )[0]
        return tokenizer.decode_bytes([id for id in row.ids if id != tokenizer.end_of_text]), row.finish_reason

    return tokenizer, write


def test_any_regular_expression_is_matched_or_refused(fuzz, writer):
    tokenizer, write = writer
    pieces = st.sampled_from(
        ["a", "[0-9]", "(", ")", "|", "*", "+", "{2}", "{2000}", "{99999999}", "?", ".", "^", "$", "\\", "\\d", "[^",
         "]", "(?=a)", "(?i)", "\x00", "é", "\ud800", "((a*)*)*", "(a{1000}){1000}", "\\p{L}", "#", "(?P<x>a)"]
    )  # fmt: skip

    def claim(pattern):
        with fuzz.answer():
            text, reason = write(matching_regex(tokenizer, pattern))
            if reason == "end_of_text" and re.fullmatch(r"([a-z0-9|]|(?<=[a-z])[*+])*", pattern):
                assert re.fullmatch(pattern, text.decode(), re.DOTALL)

    fuzz(claim, 50, pattern=st.lists(pieces, max_size=5).map("".join) | st.text(max_size=8))


def test_any_schema_is_fitted_or_refused(fuzz, writer):
    tokenizer, write = writer
    whole = {
        "type": "object",
        "properties": {"a": {"type": "integer", "minimum": 0}, "b": {"enum": ["x", None]}, "c": {"$ref": "#/$defs/d"}},
        "required": ["a"],
        "$defs": {"d": {"type": "array", "items": {"type": "string", "pattern": "a+"}, "maxItems": 2}},
    }
    values = st.sampled_from(
        ["string", "object", {"$ref": "#"}, {"$ref": "#/x"}, [], {}, True, False, None, -1, 10**400, "(", "@DEEP@",
         {"type": "string", "minLength": 10**9}, {"allOf": [{"$ref": "#"}]}, {"not": {}}, "\ud800", {"const": 1}]
    )  # fmt: skip

    def claim(content):
        with fuzz.answer():
            text, reason = write(matching_schema(tokenizer, content.decode()))
            if reason == "end_of_text":
                json.loads(text)

    fuzz(claim, 60, content=fuzz.changed(whole, values) | fuzz.changed(whole))

    def given(schema):
        with fuzz.answer():
            write(matching_schema(tokenizer, schema))

    fuzz(given, 40, schema=fuzz.wild() | st.dictionaries(st.sampled_from(["type", "$ref", "enum"]), fuzz.wild()))


def test_any_grammar_is_followed_or_refused(fuzz, writer):
    tokenizer, write = writer
    lines = st.sampled_from(
        ["start: a", 'a: "x"', "a: a", "start: start", 'start: "x" start | ""', "start: /[0-9]+/", "%import common.INT",
         "start: (a", "a: b", "b: a", "%json {", "start: %json {}", "start[max_tokens=0]: /x/", "\ud800", "start: "]
    )  # fmt: skip

    def claim(grammar):
        with fuzz.answer():
            write(matching_grammar(tokenizer, grammar))

    fuzz(claim, 60, grammar=st.lists(lines, max_size=4).map("\n".join) | st.text(max_size=20))
