"""Whatever stands in the JSON files of a model: it loads, or a ValueError says what is wrong; no traceback, no bomb."""

import json
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import gpt2
from gpt2 import GPT2, GPT2Config, Tokenizer

SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small") / "model"
    tokenizer = Tokenizer.train(["the cat and the hat and the bat " * 20], 262)
    gpt2.save(folder, GPT2(GPT2Config(n_vocab=262, n_ctx=8, n_embd=4, n_head=2, n_layer=1)), tokenizer)
    return folder


def changed(content, data):
    """The content with one value in it, at any depth, replaced or taken away."""
    at, key = content, None
    while isinstance(at, dict | list) and at:
        key = data.draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(min(len(at), 5))))
        if not (isinstance(at[key], dict | list) and at[key] and data.draw(st.booleans())):
            break
        at = at[key]
    if data.draw(st.booleans()):
        at[key] = data.draw(VALUES)
    else:
        del at[key]
    return content


@pytest.mark.parametrize("name", ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_change_loads_or_is_refused_in_a_sentence(small, name, data):
    path = small / name
    whole = path.read_bytes()
    try:
        content = (
            data.draw(st.just(None) | VALUES) if data.draw(st.integers(0, 5)) == 0 else changed(json.loads(whole), data)
        )
        path.write_text(json.dumps(content), encoding="utf-8", errors="replace")
        with suppress(ValueError):
            gpt2.load(small)
    finally:
        path.write_bytes(whole)
