"""Bodies as structs: what is wrong is named, with what was wanted and what came."""

import json

import pytest

from serving.protocol.reading import NOT_HERE, decoded, read, read_with_settings
from serving.protocol.refusals import Refused
from serving.protocol.requests import SETTINGS, ChatRequest, CompletionRequest, TokenizeRequest


def refused(body, kind=CompletionRequest):
    with pytest.raises(Refused) as caught:
        read_with_settings(body if isinstance(body, bytes) else json.dumps(body).encode(), kind)
    return caught.value


@pytest.mark.parametrize(
    "body",
    [b"", b"nothing", b"[1, 2]", b'"text"', b'{"a": NaN}', b'{"a": Infinity}', b'{"prompt": "\\ud800"}', b"\xff\xfe{}"],
)
def test_what_is_no_json_object_is_refused(body):
    error = refused(body)
    assert error.status == 400
    assert "wanted a JSON object as the body, got" in error.message


def test_an_object_nested_too_deep_is_refused_and_not_followed():
    assert "nested too deep" in refused(b'{"a":' * 100_000 + b"1" + b"}" * 100_000).message


def test_numbers_without_end_are_refused():
    assert refused(b'{"temperature": 1e999}').status == 400


def test_an_unknown_field_is_answered_with_the_nearest_known_one():
    error = refused({"temprature": 1})
    assert "did you mean temperature?" in error.message
    assert (error.param, error.code) == ("temprature", "unknown_field")
    assert "openapi.json" in refused({"zzzzzzzz": 1}).message


@pytest.mark.parametrize("name", NOT_HERE)
def test_known_fields_that_are_not_honored_are_refused_by_name(name):
    error = refused({name: "x"})
    assert (error.status, error.param) == (400, name)
    assert name in error.message


def test_a_known_field_that_is_not_honored_may_be_null():
    request, given = read_with_settings(
        b'{"prompt": "a", "suffix": null, "stop": null, "temperature": null}', CompletionRequest
    )
    assert (request.prompt, request.stop, given) == ("a", None, {})


@pytest.mark.parametrize(
    ("body", "param", "wanted", "got"),
    [
        ({"max_tokens": "ten"}, "max_tokens", "a whole number", '"ten"'),
        ({"max_tokens": 1.5}, "max_tokens", "a whole number", "1.5"),
        ({"max_tokens": True}, "max_tokens", "a whole number", "true"),
        ({"max_tokens": -1}, "max_tokens", ">= 0", "-1"),
        ({"n": 0}, "n", ">= 1", "0"),
        ({"temperature": "hot"}, "temperature", "a number", '"hot"'),
        ({"stop": [1]}, "stop", "a text", "1"),
        ({"stream": 1}, "stream", "true or false", "1"),
        ({"logit_bias": {"5": "x"}}, "logit_bias", "a number", "another"),
        ({"banned": [[1, "x"]]}, "banned", "a whole number", '"x"'),
        ({"order": "vllm"}, "order", "openapi.json", '"vllm"'),
        ({"prompt": {"a": 1}}, "prompt", "a text", '{"a": 1}'),
    ],
)
def test_a_wrong_value_is_answered_with_its_place_what_was_wanted_and_what_came(body, param, wanted, got):
    error = refused(body)
    assert (error.status, error.param) == (400, param)
    assert wanted in error.message
    assert got in error.message


def test_a_missing_field_is_named():
    error = refused({"model": "m"}, ChatRequest)
    assert error.param == "messages"
    assert "messages" in error.message


def test_given_settings_are_those_that_came_and_no_others():
    request, given = read_with_settings(
        b'{"prompt": "a", "top_k": 3, "seed": 0, "banned": [[1], [2, 3]]}', CompletionRequest
    )
    assert request.prompt == "a"
    assert given == {"top_k": 3, "seed": 0, "banned": ((1,), (2, 3))}
    assert set(given) <= set(SETTINGS)


def test_other_bodies_take_no_settings():
    assert read(b'{"prompt": "a"}', TokenizeRequest).prompt == "a"
    with pytest.raises(Refused, match="top_k"):
        read(b'{"prompt": "a", "top_k": 3}', TokenizeRequest)


def test_long_values_are_shortened_in_messages():
    assert len(refused({"max_tokens": "x" * 10_000}).message) < 200
    assert len(refused({"x" * 10_000: 1}).message) < 200


def test_big_whole_numbers_are_read_exactly():
    assert decoded(b'{"seed": 123456789012345678901234567890}') == {"seed": 123456789012345678901234567890}
