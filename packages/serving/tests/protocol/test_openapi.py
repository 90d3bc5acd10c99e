"""The OpenAPI document, and whatever it allows: answers, refusals, and never a mistake of the server."""

import json

import httpx
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from serving.protocol.openapi import document

SCHEMAS = document()["components"]["schemas"]
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def values(schema):
    """What a schema allows, and now and then what it does not."""
    if "$ref" in schema:
        return values(SCHEMAS[schema["$ref"].rsplit("/", 1)[1]])
    if "anyOf" in schema:
        return st.one_of([values(one) for one in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind = schema.get("type")
    if kind == "object" and "properties" in schema:
        needed = {name: values(schema["properties"][name]) for name in schema.get("required", ())}
        others = {name: values(one) for name, one in schema["properties"].items() if name not in needed}
        return st.fixed_dictionaries(needed).flatmap(
            lambda base: st.lists(st.sampled_from(sorted(others) or ["model"]), max_size=4, unique=True).flatmap(
                lambda names: st.fixed_dictionaries({name: others[name] for name in names if name in others}).map(
                    lambda more: {**base, **more}
                )
            )
        )
    if kind == "object":
        return st.dictionaries(st.integers(0, 300).map(str) | TEXT, st.floats(-5, 5) | st.integers(-5, 5), max_size=3)
    if kind == "array":
        return st.lists(values(schema.get("items", {})), max_size=4)
    return {
        "string": TEXT,
        "integer": st.integers(-2, 300) | st.integers(),
        "number": st.floats(0, 2) | st.floats(allow_nan=False, allow_infinity=False),
        "boolean": st.booleans(),
        "null": st.none(),
    }.get(kind, ANY)


def bodies(name):
    whole = values(SCHEMAS[name])
    return st.one_of(whole, whole, st.tuples(whole, TEXT, ANY).map(lambda one: {**one[0], one[1]: one[2]}), ANY)


def test_every_reference_leads_somewhere_and_every_path_answers():
    written = json.dumps(document())
    for found in set(written.split('"$ref": "#/components/schemas/')[1:]):
        assert found.split('"')[0] in SCHEMAS
    assert document()["openapi"] == "3.1.0"


# The server draws in a thread of its own, and hypothesis takes that for the strategy's doing.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/completions", "CompletionRequest"),
        ("/v1/chat/completions", "ChatRequest"),
        ("/v1/tokenize", "TokenizeRequest"),
        ("/v1/detokenize", "DetokenizeRequest"),
    ],
)
@pytest.mark.parametrize("cases", [25, pytest.param(500, marks=pytest.mark.slow)])
def test_no_request_that_the_document_allows_breaks_the_server(fakes, serve, path, name, cases):
    statuses = set()
    engine = fakes.FakeEngine(
        fakes.served(special=("<|user|>", "<|assistant|>"), chat_template=fakes.TEMPLATE), burst=50
    )
    with serve(engine) as (url, _), httpx.Client(base_url=url, timeout=60) as client:

        @settings(max_examples=cases, deadline=None, suppress_health_check=list(HealthCheck))
        @given(bodies(name))
        def ask(body):
            answer = client.post(path, content=json.dumps(body).encode(), headers={"content-type": "application/json"})
            statuses.add(answer.status_code)
            assert answer.status_code < 500, answer.text
            if answer.status_code != 200:
                assert answer.json()["error"]["message"]

        ask()
    assert {200, 400} <= statuses <= {200, 400, 404, 429}
