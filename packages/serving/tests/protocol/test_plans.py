"""Requests as plans: OpenAI's meaning of each field, and what cannot be done."""

import json
import re

import pytest

from decoding import GenerationSettings
from serving.protocol.limits import Limits
from serving.protocol.plans import USUAL_TOKENS, plan_chat, plan_completion
from serving.protocol.reading import read_with_settings
from serving.protocol.refusals import Refused
from serving.protocol.requests import ChatRequest, CompletionRequest


@pytest.fixture
def plan(fakes):
    def planned(limits=None, served=None, **body):
        asked, given = read_with_settings(json.dumps({"prompt": "hi", **body}).encode(), CompletionRequest)
        return plan_completion(asked, given, served or fakes.served(n_ctx=64), limits or Limits())

    return planned


@pytest.fixture
def chat(fakes):
    def planned(**body):
        messages = [{"role": "user", "content": "hi"}]
        asked, given = read_with_settings(json.dumps({"messages": messages, **body}).encode(), ChatRequest)
        return plan_chat(asked, given, (104, 105), fakes.served(n_ctx=64), Limits())

    return planned


def test_a_completion_has_sixteen_new_tokens_or_as_many_as_fit(plan):
    assert plan().settings.max_new_tokens == USUAL_TOKENS
    assert plan(prompt="x" * 60).settings.max_new_tokens == 4


def test_a_chat_goes_on_to_the_end_of_the_context(chat):
    assert chat().settings.max_new_tokens == 62
    assert chat(max_tokens=3).settings.max_new_tokens == chat(max_completion_tokens=3).settings.max_new_tokens == 3


def test_zero_log_probabilities_are_not_none(plan, chat):
    assert plan().settings.log_probabilities is plan().likeliest is None
    assert plan(logprobs=0).settings.log_probabilities == plan(logprobs=0).likeliest == 0
    assert chat(logprobs=True).likeliest == 0
    assert chat(logprobs=True, top_logprobs=2).likeliest == 2


def test_without_a_seed_one_is_drawn_and_known(plan):
    assert plan(seed=5).settings.seed == 5
    assert len({plan().settings.seed for _ in range(5)}) > 1


def test_what_is_left_out_is_the_folders_own_setting(plan, fakes):
    served = fakes.served(n_ctx=64, defaults=GenerationSettings(temperature=0.5, top_k=7))
    assert (plan(served=served).settings.temperature, plan(served=served).settings.top_k) == (0.5, 7)
    assert plan(served=served, top_k=0).settings.top_k == 0
    greedy = fakes.served(n_ctx=64, defaults=GenerationSettings(temperature=0))
    assert plan(served=greedy).settings.temperature == 1
    assert plan(served=greedy, temperature=0).settings.temperature == 0


def test_temperature_zero_goes_with_top_p_as_openais_does(plan):
    assert plan(temperature=0, top_p=0.9, seed=1).settings == plan(temperature=0, seed=1).settings
    assert plan(temperature=0, top_p=0.9).settings.top_p == 1
    with pytest.raises(Refused, match="top_p"):
        plan(temperature=0, top_p=7)
    with pytest.raises(Refused, match="top_k=5"):
        plan(temperature=0, top_k=5)


def test_biases_have_ids_as_keys_and_may_speak_of_what_just_came(plan):
    assert plan(logit_bias={"5": 2, "7,8": -1.5}).settings.logit_bias == (((5,), 2.0), ((7, 8), -1.5))
    for key in ("a", "", "1,", "-1", "1.5", "\uff19"):
        with pytest.raises(Refused, match="logit_bias: wanted ids as keys"):
            plan(logit_bias={key: 1})


def test_stop_is_one_text_or_several(plan):
    assert plan(stop="a").settings.stop == ("a",)
    assert plan(stop=["a", "b"]).settings.stop == ("a", "b")


def test_the_best_are_found_among_more(plan):
    assert plan(n=3, best_of=3).candidates is None
    assert (plan(n=2, best_of=5).samples, plan(n=2, best_of=5).candidates) == (2, 5)
    assert plan(best_of=4, choose="consensus").choose == "consensus"


def test_scoring_writes_nothing(plan):
    scoring = plan(max_tokens=0, echo=True, logprobs=1)
    assert scoring.only_prompt
    assert scoring.job("a", 5.0, print).prompt_log_probabilities == 1
    assert plan(max_tokens=1, logprobs=1).job("a", 5.0, print).prompt_log_probabilities is None


def test_beams_give_the_best_n(plan):
    assert plan(beams=4, n=2, temperature=0).settings.n_best == 2


def test_forms_and_guidance_reach_the_job(plan, chat):
    job = plan(json_schema={"type": "object"}, guidance_scale=1.5, negative_prompt="no").job("a", 5.0, print)
    assert (job.form.kind, job.form.text) == ("json_schema", '{"type": "object"}')
    assert (job.guidance.scale, job.guidance.negative) == (1.5, (110, 111))
    assert plan(regex="a+").form.text == "a+"
    assert chat(response_format={"type": "json_object"}).form.kind == "json_schema"
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "array"}}}
    assert chat(response_format=schema).form.text == '{"type": "array"}'
    assert chat(response_format={"type": "text"}).form is None


@pytest.mark.parametrize(
    ("body", "param", "said"),
    [
        ({"max_tokens": 0}, "max_tokens", "wanted 1 or more without echo, got 0"),
        ({"max_tokens": 63}, "max_tokens", "wanted at most 62 after the prompt of 2 tokens"),
        ({"prompt": "x" * 64}, "prompt", "wanted at most 63 tokens"),
        ({"prompt": ["a", "x" * 70]}, "prompt", "got 70 in prompt 2"),
        ({"n": 3, "best_of": 2}, "best_of", "wanted n=3 or more, got 2"),
        ({"best_of": 3, "stream": True}, "stream", "known only at the end"),
        ({"choose": "consensus"}, "choose", "best_of of 2 or more"),
        ({"stream_options": {"include_usage": True}}, "stream_options", "wanted stream=true"),
        ({"negative_prompt": "x"}, "negative_prompt", "guidance_scale"),
        ({"regex": "a", "grammar": "b"}, "regex", "one form"),
        ({"temperature": -1}, "temperature", "got -1.0"),
        ({"max_tokens": 5, "min_new_tokens": 6}, "min_new_tokens", "at most max_tokens"),
        ({"stop": [""]}, "stop", "at least one character"),
        ({"beams": 4, "logprobs": 1, "temperature": 0}, "logprobs", "left out with beams"),
    ],
)
def test_what_cannot_be_done_is_refused_by_the_names_that_clients_use(plan, body, param, said):
    with pytest.raises(Refused, match=re.escape(said)) as caught:
        plan(**body)
    assert (caught.value.status, caught.value.param) == (400, param)


@pytest.mark.parametrize(
    ("limit", "body"),
    [
        ({"samples": 2}, {"n": 3}),
        ({"samples": 2}, {"best_of": 3}),
        ({"new_tokens": 19}, {"n": 2, "max_tokens": 10}),
        ({"new_tokens": 19}, {"prompt": ["a", "b"], "max_tokens": 10}),
        ({"stops": 1}, {"stop": ["a", "b"]}),
        ({"stop_characters": 3}, {"stop": "abcd"}),
        ({"likeliest": 4}, {"logprobs": 5}),
        ({"sequences": 2}, {"logit_bias": {"1": 1, "2": 1, "3": 1}}),
        ({"sequences": 2}, {"banned": [[1, 2], [3]]}),
        ({"sequences": 2}, {"forced_prefix": [1, 2, 3]}),
        ({"beams": 2}, {"beams": 3, "temperature": 0}),
        ({"form_characters": 3}, {"regex": "abcd"}),
        ({"form_characters": 3}, {"json_schema": {"type": "object"}}),
    ],
)
def test_every_limit_holds(plan, limit, body):
    assert plan(**body)
    with pytest.raises(Refused, match="wanted at most"):
        plan(limits=Limits(**limit), **body)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"top_logprobs": 2}, "wanted logprobs with it"),
        ({"max_tokens": 3, "max_completion_tokens": 4}, "one of two names"),
        ({"max_tokens": 0}, "wanted 1 or more"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs: wanted at most 20"),
        ({"response_format": {"type": "json_schema"}}, "got no schema"),
        ({"response_format": {"type": "json_object"}, "regex": "a"}, "one form"),
        ({"choose": "consensus"}, "got a chat"),
    ],
)
def test_what_a_chat_cannot_do_is_refused(chat, body, said):
    with pytest.raises(Refused, match=re.escape(said)):
        chat(**body)
