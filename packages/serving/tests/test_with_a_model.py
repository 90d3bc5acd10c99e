"""Both halves together: a real model behind OpenAI's client, among neighbors, with those who leave."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from urllib.parse import urlsplit

import openai
import pytest
import torch

import gpt2
from serving.engine.engine import Engine
from serving.engine.loading import load

PROMPTS = ["The", "a long prompt that takes some reading", "ü“", "x"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny model that nobody trained."""
    place = tmp_path_factory.mktemp("models") / "tiny"
    tokenizer = gpt2.Tokenizer({bytes([byte]): byte for byte in range(256)})
    config = gpt2.GPT2Config(n_vocab=tokenizer.n_vocab, n_ctx=128, n_embd=32, n_head=2, n_layer=2)
    torch.manual_seed(0)
    gpt2.save(place, gpt2.GPT2(config).eval(), tokenizer)
    return place


@pytest.fixture(scope="module")
def real(folder, serve):
    """A server over the engine, its address and the engine."""
    engine = Engine([partial(load, "tiny", str(folder), rows=4)], queue=64)
    engine.wait_until_ready(600.0)
    with serve(engine) as (url, _):
        yield url, engine


def test_a_seeded_request_gives_the_same_answer_among_neighbors(real):
    url, engine = real
    bodies = [
        {
            "prompt": PROMPTS[number % 4],
            "max_tokens": 3 + 3 * (number % 5),
            "seed": number,
            "n": 1 + number % 2,
            "logprobs": 1,
        }
        for number in range(7)
    ]
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=20) as client:

        def ask(body):
            return [(one.text, one.logprobs) for one in client.completions.create(model="tiny", **body).choices]

        alone = [ask(body) for body in bodies]
        with ThreadPoolExecutor(7) as pool:
            assert list(pool.map(ask, bodies)) == alone
    assert engine.models["tiny"].exact


@pytest.mark.parametrize(
    "body",
    [
        {"stop": ["e", "ü"]},
        {"echo": True, "logprobs": 2},
        {"n": 2, "logprobs": 0},
        {"beams": 3, "n": 2, "temperature": 0},
        {"min_p": 0.1, "dry_multiplier": 0.8, "repetition_penalty": 1.2},
        {"guidance_scale": 1.5, "negative_prompt": "no"},
    ],
    ids=str,
)
def test_streamed_is_what_is_not_streamed(real, http, body):
    url, _ = real
    asked = {"prompt": PROMPTS[2], "max_tokens": 20, "seed": 3, **body}
    answer = http.post(f"{url}/v1/completions", json=asked)
    assert answer.status_code == 200, answer.text
    whole = answer.json()["choices"]
    texts, tokens = [""] * len(whole), [[] for _ in whole]
    for line in http.post(f"{url}/v1/completions", json={**asked, "stream": True}).text.splitlines():
        if line.startswith("data: {"):
            for one in json.loads(line[6:])["choices"]:
                texts[one["index"]] += one["text"]
                tokens[one["index"]] += one["logprobs"]["tokens"] if one["logprobs"] else []
    assert texts == [one["text"] for one in whole]
    assert tokens == [one["logprobs"]["tokens"] if one["logprobs"] else [] for one in whole]


def test_prompts_are_scored_as_the_model_scores_them(real, folder, http):
    url, _ = real
    model, tokenizer = gpt2.load(folder)
    ids = tokenizer.encode(PROMPTS[1])
    with torch.inference_mode():
        wanted = model(torch.tensor([ids]))[0].log_softmax(-1)[:-1].gather(1, torch.tensor(ids[1:])[:, None])[:, 0]
    for most in (0, 1):
        body = {"prompt": ids, "max_tokens": most, "echo": True, "logprobs": 1, "temperature": 0}
        choice = http.post(f"{url}/v1/completions", json=body).json()["choices"][0]
        values = choice["logprobs"]["token_logprobs"]
        assert len(values) == len(ids) + most
        assert values[0] is None
        assert torch.tensor(values[1 : len(ids)]).sub(wanted).abs().max() < 1e-5


@pytest.mark.parametrize(
    ("body", "said"), [({"regex": "[.*"}, "regular expression"), ({"json_schema": "{"}, "JSON schema")]
)
@pytest.mark.extras
def test_a_form_that_is_none_is_a_400_and_the_server_goes_on(real, http, body, said):
    url, _ = real
    for stream in (False, True):
        answer = http.post(f"{url}/v1/completions", json={"prompt": "a", "stream": stream, **body})
        assert (answer.status_code, said in answer.json()["error"]["message"]) == (400, True)
    assert http.post(f"{url}/v1/completions", json={"prompt": "a"}).status_code == 200


@pytest.mark.parametrize("stream", [False, True])
def test_who_leaves_frees_all_places(real, until, stream):
    url, engine = real
    place = urlsplit(url)
    body = {"prompt": "a", "max_tokens": 120, "n": 8, "stop_at_end_of_text": False, "stream": stream}
    data, before = json.dumps(body).encode(), engine.stats.jobs["cancelled"]
    head = "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json"
    with socket.create_connection((place.hostname, place.port)) as connection:
        connection.sendall(f"{head}\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
        until(lambda: engine.stats.running == 4)
    until(lambda: engine.stats.jobs["cancelled"] == before + 1)
    assert engine.stats.running == engine.stats.queued == 0
