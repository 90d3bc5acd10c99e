"""OpenAI's own client: forty calls, sync and async, whole, streamed and raw."""

import asyncio

import openai
import pytest

from serving.jobs import Full

CALLS = [  # body, and what the choices have to be like
    {"prompt": "hi"},
    {"prompt": ["hi", "you"]},
    {"prompt": [104, 105]},
    {"prompt": [[104, 105], [97]]},
    {"prompt": "hi", "n": 3},
    {"prompt": ["a", "b"], "n": 2},
    {"prompt": "hi", "echo": True},
    {"prompt": "hi", "logprobs": 0},
    {"prompt": "hi", "logprobs": 3},
    {"prompt": "hi", "logprobs": 1, "echo": True},
    {"prompt": "hi", "stop": "e"},
    {"prompt": "hi", "stop": ["e", "t"]},
    {"prompt": "hi", "logit_bias": {"5": -100}},
    {"prompt": "hi", "presence_penalty": 0.5, "frequency_penalty": 0.5},
    {"prompt": "hi", "temperature": 0},
    {"prompt": "hi", "top_p": 0.5, "temperature": 0.7},
    {"prompt": "hi", "user": "me"},
    {"prompt": "hi", "extra_body": {"min_p": 0.1, "typical_p": 0.9, "dry_multiplier": 0.8, "xtc_probability": 0.1}},
]


@pytest.fixture(scope="module")
def client(url):
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        yield client


def asked(body, **more):
    return {"model": "fake", "max_tokens": 8, "seed": 7, **body, **more}


@pytest.mark.parametrize("body", CALLS, ids=str)
def test_streamed_is_not_streamed_in_pieces(client, body):
    whole = client.completions.create(**asked(body))
    several = isinstance(body["prompt"], list) and not isinstance(body["prompt"][0], int)
    count = body.get("n", 1) * (len(body["prompt"]) if several else 1)
    assert [choice.index for choice in whole.choices] == list(range(count))
    texts, reasons, scores = [""] * count, [None] * count, [[] for _ in range(count)]
    for chunk in client.completions.create(**asked(body, stream=True)):
        for choice in chunk.choices:
            texts[choice.index] += choice.text
            if choice.finish_reason:
                assert reasons[choice.index] is None
                reasons[choice.index] = choice.finish_reason
            if choice.logprobs is not None:
                scores[choice.index] += zip(
                    choice.logprobs.tokens,
                    choice.logprobs.token_logprobs,
                    choice.logprobs.text_offset,
                    map(str, choice.logprobs.top_logprobs),
                    strict=True,
                )
    for choice in whole.choices:
        assert choice.text == texts[choice.index]
        assert choice.finish_reason == reasons[choice.index] == "length"
        found = choice.logprobs
        assert (found is None) == ("logprobs" not in body)
        if found is not None:
            together = zip(
                found.tokens, found.token_logprobs, found.text_offset, map(str, found.top_logprobs), strict=True
            )
            assert list(together) == scores[choice.index]
            assert "".join(found.tokens) == choice.text
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens


def test_a_seed_gives_the_same_text_and_another_one_another(client):
    def text(seed):
        return client.completions.create(**asked({"prompt": "hi"}, seed=seed)).choices[0].text

    assert text(1) == text(1) != text(2)


def test_the_seed_that_was_drawn_is_told_and_repeats_the_text(client):
    first = client.completions.create(model="fake", prompt="hi", max_tokens=8)
    again = client.completions.create(model="fake", prompt="hi", max_tokens=8, seed=first.seed)
    assert first.choices[0].text == again.choices[0].text


def test_usage_comes_where_it_was_asked_for(client):
    def chunks(**options):
        return list(client.completions.create(**asked({"prompt": "hi"}, stream=True, **options)))

    assert all(chunk.usage is None for chunk in chunks())
    *before, last = chunks(stream_options={"include_usage": True})
    assert all(chunk.usage is None and chunk.choices for chunk in before)
    assert (last.choices, last.usage.prompt_tokens, last.usage.completion_tokens) == ([], 2, 8)
    *before, last = chunks(stream_options={"include_usage": True, "continuous_usage_stats": True})
    assert [chunk.usage.completion_tokens for chunk in before] == sorted(
        chunk.usage.completion_tokens for chunk in before
    )
    assert before[-1].usage.completion_tokens == last.usage.completion_tokens == 8


def test_scoring_a_prompt_alone(client):
    choice = client.completions.create(**asked({"prompt": "hi", "echo": True, "logprobs": 1}, max_tokens=0)).choices[0]
    assert (choice.text, choice.logprobs.tokens, choice.logprobs.text_offset) == ("hi", ["h", "i"], [0, 1])
    assert choice.logprobs.token_logprobs[0] is choice.logprobs.top_logprobs[0] is None
    assert choice.logprobs.token_logprobs[1] == max(choice.logprobs.top_logprobs[1].values())


def test_raw_answers_have_their_ids(client):
    raw = client.completions.with_raw_response.create(**asked({"prompt": "hi"}))
    assert raw.headers["x-request-id"] == raw.parse().id
    assert raw.parse().id.startswith("cmpl-")


def test_streams_can_be_read_as_raw_lines(client):
    with client.completions.with_streaming_response.create(**asked({"prompt": "hi"}, stream=True)) as raw:
        lines = [line for line in raw.iter_lines() if line]
    assert raw.headers["content-type"].startswith("text/event-stream")
    assert all(line.startswith("data: ") for line in lines)
    assert lines[-1] == "data: [DONE]"


def test_models_are_listed_and_looked_up(client):
    assert [model.id for model in client.models.list()] == ["fake"]
    assert client.models.retrieve("fake").max_model_len == 256
    with pytest.raises(openai.NotFoundError, match="wanted one of fake, got 'other'"):
        client.models.retrieve("other")


@pytest.mark.parametrize(
    ("error", "changes"),
    [
        (openai.BadRequestError, {"temperature": -1}),
        (openai.BadRequestError, {"suffix": "x"}),
        (openai.BadRequestError, {"logprobs": 21}),
        (openai.BadRequestError, {"prompt": ""}),
        (openai.NotFoundError, {"model": "other"}),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_is_wrong_is_an_error_of_the_right_class(client, error, changes, stream):
    with pytest.raises(error) as caught:
        client.completions.create(**asked({"prompt": "hi", **changes}, stream=stream))
    assert caught.value.body["type"] == "invalid_request_error"
    assert caught.value.body["param"] == next(iter(changes))
    assert "wanted" in caught.value.message or "must be" in caught.value.message


def test_many_clients_at_once_get_what_each_gets_alone(client, url):
    async def all_at_once():
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=20) as many:
            answers = [many.completions.create(**asked({"prompt": "hi"}, seed=seed)) for seed in range(12)]
            return [answer.choices[0].text for answer in await asyncio.gather(*answers)]

    alone = [client.completions.create(**asked({"prompt": "hi"}, seed=seed)).choices[0].text for seed in range(12)]
    assert asyncio.run(all_at_once()) == alone


def test_an_async_stream_is_the_same_text(client, url):
    async def streamed():
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none") as one:
            stream = await one.completions.create(**asked({"prompt": "hi"}, stream=True))
            return "".join([chunk.choices[0].text async for chunk in stream])

    assert asyncio.run(streamed()) == client.completions.create(**asked({"prompt": "hi"})).choices[0].text


def test_the_client_tries_again_when_all_places_are_taken(fakes, serve):
    engine = fakes.FakeEngine()
    takes, refusals = engine.submit, iter([Full(0), Full(0)])

    def full_at_first(job):
        for full in refusals:
            raise full
        return takes(job)

    engine.submit = full_at_first
    with serve(engine) as (url, web), openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=2) as client:
        assert client.completions.create(model="fake", prompt="hi", max_tokens=2).choices[0].finish_reason == "length"
        assert 'status="429"} 2.0' in web.metrics.text().decode()
        refusals = iter([Full(7)])
        with pytest.raises(openai.RateLimitError) as caught:
            client.with_options(max_retries=0).completions.create(model="fake", prompt="hi", max_tokens=2)
        assert caught.value.response.headers["retry-after"] == "7"


def test_a_key_is_asked_for(fakes, serve):
    from serving.web.keys import Keys

    with serve(fakes.FakeEngine(), keys=Keys(["right"])) as (url, _):
        with openai.OpenAI(base_url=f"{url}/v1", api_key="right", max_retries=0) as client:
            assert [model.id for model in client.models.list()] == ["fake"]
        with (
            openai.OpenAI(base_url=f"{url}/v1", api_key="wrong", max_retries=0) as client,
            pytest.raises(openai.AuthenticationError, match="Authorization: Bearer KEY"),
        ):
            client.models.list()


@pytest.mark.extras
def test_chats_streamed_and_not(fakes, serve):
    served = fakes.served(special=("<|user|>", "<|assistant|>"), chat_template=fakes.TEMPLATE)
    messages = [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]
    engine = fakes.FakeEngine(served)
    with serve(engine) as (url, _), openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        body = {"model": "fake", "messages": messages, "max_tokens": 6, "seed": 1, "logprobs": True, "n": 2}
        whole = client.chat.completions.create(**body)
        texts, scores = ["", ""], [[], []]
        for chunk in client.chat.completions.create(**body, stream=True, stream_options={"include_usage": True}):
            for choice in chunk.choices:
                texts[choice.index] += choice.delta.content
                scores[choice.index] += choice.logprobs.content
        assert chunk.usage == whole.usage
        for choice in whole.choices:
            assert choice.message.role == "assistant"
            assert choice.message.content == texts[choice.index]
            assert choice.message.content == "".join(one.token for one in scores[choice.index])
            assert choice.logprobs.content == scores[choice.index]
        with pytest.raises(openai.BadRequestError, match="call no tools"):
            client.chat.completions.create(**body, tools=[{"type": "function", "function": {"name": "x"}}])
