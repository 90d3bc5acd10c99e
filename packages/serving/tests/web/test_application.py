"""The routes: states, limits, tokens, and bad requests, after each of which the server answers as before."""

import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from serving.protocol.limits import Limits

GOOD = {"prompt": "hi", "max_tokens": 4, "seed": 1}
CHAT = {"messages": [{"role": "user", "content": "hi"}]}
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def client(url):
    with httpx.Client(base_url=url, timeout=30) as client:
        yield client


def text(client):
    return client.post("/v1/completions", json=GOOD).json()["choices"][0]["text"]


BAD = {  # name: (status, method, path, body or bytes, headers, wanted, got)
    "not JSON": (400, "POST", "/v1/completions", b"{prompt: hi}", JSON, "a JSON object", "{prompt: hi}"),
    "no object": (400, "POST", "/v1/completions", b"[1]", JSON, "a JSON object", "[1]"),
    "empty": (400, "POST", "/v1/completions", b"", JSON, "a JSON object", "b''"),
    "NaN": (400, "POST", "/v1/completions", b'{"temperature": NaN}', JSON, "a JSON object", "NaN"),
    "lone surrogate": (400, "POST", "/v1/completions", b'{"prompt": "\\ud800"}', JSON, "a JSON object", "ud800"),
    "no UTF-8": (400, "POST", "/v1/completions", b'{"prompt": "\xff"}', JSON, "a JSON object", "xff"),
    "nested too deep": (400, "POST", "/v1/completions", b"[" * 200_000, JSON, "a JSON object", "nested too deep"),
    "too large": (413, "POST", "/v1/completions", b" " * 5_000_000, JSON, "at most 4,194,304 bytes", "5000000"),
    "another kind": (415, "POST", "/v1/completions", b"{}", {"content-type": "text/plain"}, "json", "text/plain"),
    "packed": (415, "POST", "/v1/completions", b"{}", {**JSON, "content-encoding": "gzip"}, "as it is", "gzip"),
    "unknown field": (400, "POST", "/v1/completions", {"promt": "hi"}, {}, "did you mean prompt", "promt"),
    "not honored": (400, "POST", "/v1/completions", {"suffix": "x"}, {}, "wanted no such field", "one"),
    "wrong type": (400, "POST", "/v1/completions", {"max_tokens": "x"}, {}, "a whole number", '"x"'),
    "negative": (400, "POST", "/v1/completions", {"max_tokens": -5}, {}, ">= 0", "-5"),
    "no temperature": (400, "POST", "/v1/completions", {"temperature": -1}, {}, "0 (greedy) or more", "-1.0"),
    "huge n": (400, "POST", "/v1/completions", {"n": 10**9}, {}, "at most 128 texts", "1,000,000,000"),
    "endless n": (400, "POST", "/v1/completions", {"n": 10**30}, {}, "at most 128 texts", "1,000,000"),
    "too many tokens": (400, "POST", "/v1/completions", {"max_tokens": 10**6}, {}, "at most 65,536", "1,000,000"),
    "too long": (400, "POST", "/v1/completions", {"prompt": "x" * 300}, {}, "at most 255 tokens", "300"),
    "empty prompt": (400, "POST", "/v1/completions", {"prompt": ""}, {}, "a text to continue", "an empty text"),
    "strange ids": (400, "POST", "/v1/completions", {"prompt": [5, 999_999]}, {}, "ids from 0 to 256", "999999"),
    "too many prompts": (400, "POST", "/v1/completions", {"prompt": ["a"] * 257}, {}, "at most 256 prompts", "257"),
    "grammar bomb": (400, "POST", "/v1/completions", {"grammar": "a" * 20_000}, {}, "at most 16,384", "20,000"),
    "many stops": (400, "POST", "/v1/completions", {"stop": ["a"] * 99}, {}, "at most 16 stop strings", "99"),
    "too many likely": (400, "POST", "/v1/completions", {"logprobs": 21}, {}, "at most 20 tokens", "21"),
    "unknown model": (404, "POST", "/v1/completions", {"model": "x"}, {}, "wanted one of fake", "'x'"),
    "no chats": (404, "POST", "/v1/chat/completions", CHAT, {}, "chat template", "without"),
    "unknown path": (404, "GET", "/v2", None, {}, "a path of this server", "/v2"),
    "another method": (405, "GET", "/v1/completions", None, {}, "the method POST", "GET"),
    "no tokens": (400, "POST", "/v1/detokenize", {"tokens": [-1]}, {}, "ids from 0 to 256", "-1"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_request_is_answered_by_name_and_does_no_harm(client, name):
    status, method, path, body, headers, wanted, got = BAD[name]
    before = text(client)
    content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    usual = {} if isinstance(body, bytes) or body is None else JSON
    answer = client.request(method, path, content=content, headers={**usual, **headers})
    assert answer.status_code == status
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert wanted in error["message"]
    assert got in error["message"]
    assert len(error["message"]) < 400
    assert text(client) == before


def test_a_body_in_chunks_is_too_large_as_well(client):
    answer = client.post("/v1/completions", content=iter([b" " * 100_000] * 60), headers=JSON)
    assert answer.status_code == 413


def test_tokens_and_back(client):
    told = client.post("/v1/tokenize", json={"prompt": "hü"}).json()
    assert told == {
        "tokens": [104, 195, 188],
        "pieces": ["h", "bytes:\\xc3", "bytes:\\xbc"],
        "count": 3,
        "max_model_len": 256,
    }
    back = client.post("/v1/detokenize", json={"tokens": told["tokens"]}).json()
    assert back == {"prompt": "hü", "bytes": [104, 195, 188]}


def test_models_tell_limits_and_where_they_come_from(fakes, serve, http):
    facts = {"bits_per_byte": 1.5, "data_fingerprint": "abc", "system_fingerprint": "fp_1"}
    with serve(fakes.FakeEngine(fakes.served(**facts)), limits=Limits(seconds=7)) as (url, _):
        (told,) = http.get(f"{url}/v1/models").json()["data"]
        assert {name: told[name] for name in facts} == facts
        assert told["limits"]["seconds"] == 7
        assert http.get(f"{url}/v1/models/fake").json() == told


def test_ready_says_no_while_loading_full_draining_or_broken_and_health_only_then(fakes, serve, http):
    engine = fakes.FakeEngine()
    with serve(engine) as (url, _):
        for state, ready, health in [
            ("ready", 200, 200),
            ("loading", 503, 200),
            ("full", 503, 200),
            ("draining", 503, 200),
            ("broken", 503, 503),
        ]:
            engine.state = state
            assert http.get(f"{url}/ready").status_code == ready
            assert http.get(f"{url}/ready").json()["status"] == state
            assert http.get(f"{url}/health").status_code == health
            if state not in ("ready", "full"):
                answer = http.post(f"{url}/v1/completions", json=GOOD)
                assert (answer.status_code, answer.json()["error"]["code"]) == (503, state)
                assert answer.headers["retry-after"] == "5"
        engine.models, engine.state = {}, "loading"
        assert http.post(f"{url}/v1/completions", json=GOOD).status_code == 503
        engine.state = "ready"


def test_a_request_without_a_name_gets_the_first_model(fakes, serve, http):
    with serve(fakes.FakeEngine(fakes.served("one"), fakes.served("two"))) as (url, _):

        def model(**body):
            return http.post(f"{url}/v1/completions", json={**GOOD, **body}).json()["model"]

        assert (model(), model(model="two")) == ("one", "two")


def test_ten_times_overload_is_answered_with_200_and_429_only(fakes, serve, http):
    engine = fakes.FakeEngine(places=2, queue=2, pace=0.01)
    with serve(engine) as (url, _), httpx.Client(limits=httpx.Limits(max_connections=40), timeout=60) as client:

        def ask(number):
            answer = client.post(f"{url}/v1/completions", json={**GOOD, "seed": number, "max_tokens": 20})
            return answer.status_code, answer.headers.get("retry-after")

        with ThreadPoolExecutor(40) as pool:
            answers = list(pool.map(ask, range(80)))
        assert {status for status, _ in answers} == {200, 429}
        assert all((status == 429) == (wait == "3") for status, wait in answers)
        assert engine.most_tasks <= 4
        assert http.get(f"{url}/ready").status_code == 200


def test_a_failure_of_the_engine_is_a_status_or_the_end_of_a_stream(fakes, serve, until, http):
    engine = fakes.FakeEngine(pace=0.005)
    with serve(engine) as (url, _):
        for kind, status in [("refused", 400), ("late", 503), ("memory", 503), ("broken", 500)]:
            engine.fails = ("wanted x, got y", kind)
            for stream in (False, True):
                answer = http.post(f"{url}/v1/completions", json={**GOOD, "stream": stream})
                assert (answer.status_code, answer.json()["error"]["message"]) == (status, "wanted x, got y")
        engine.fails = None
        with http.stream("POST", f"{url}/v1/completions", json={**GOOD, "stream": True, "max_tokens": 100}) as answer:
            lines = answer.iter_lines()
            next(lines)
            engine.fails = ("wanted x, got y", "broken")
            rest = [line for line in lines if line]
        assert json.loads(rest[-1].removeprefix("data: "))["error"]["type"] == "server_error"
        assert "[DONE]" not in rest[-1]


def test_a_mistake_of_ours_is_a_500_that_tells_nothing_of_it(fakes, serve, capfd, http):
    engine = fakes.FakeEngine()
    with serve(engine) as (url, web):
        engine.submit = lambda job: 1 / 0
        answer = http.post(f"{url}/v1/completions", json=GOOD)
        assert (answer.status_code, answer.json()["error"]["type"]) == (500, "server_error")
        assert "division" not in answer.text
        assert 'path="/v1/completions",status="500"} 1.0' in web.metrics.text().decode()
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_pages_of_other_origins_may_ask_only_if_they_are_named(fakes, serve, http):
    asks = {"origin": "https://a.example", "access-control-request-method": "POST"}
    with serve(fakes.FakeEngine()) as (url, _):
        assert "access-control-allow-origin" not in http.options(f"{url}/v1/completions", headers=asks).headers
        assert "access-control-allow-origin" not in http.get(f"{url}/health", headers=asks).headers
    with serve(fakes.FakeEngine(), origins=["https://a.example"]) as (url, _):
        told = http.options(f"{url}/v1/completions", headers=asks)
        assert (told.status_code, told.headers["access-control-allow-origin"]) == (200, "https://a.example")
        other = http.options(f"{url}/v1/completions", headers={**asks, "origin": "https://b.example"})
        assert "access-control-allow-origin" not in other.headers
