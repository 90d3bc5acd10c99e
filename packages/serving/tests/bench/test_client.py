"""The client sees what a server sends, and the times are the server's."""

import asyncio

import pytest

from serving.bench.addresses import address
from serving.bench.client import complete, get

REQUEST = {"model": "m", "prompt": "a", "max_tokens": 5}


def ask(url, timeout=30.0, key=None):
    return asyncio.run(complete(address(url), REQUEST, key, timeout))


def test_an_answer_is_timed_and_counted(scripted):
    scripted.first, scripted.pause = 0.15, 0.05
    answer = ask(scripted.url, key="secret")
    assert (answer.status, answer.tokens, answer.finish_reason, answer.whole) == (200, 5, "length", True)
    assert len(answer.times) == 5
    assert answer.times[0] >= 0.15
    assert answer.times[4] - answer.times[0] >= 4 * 0.05 * 0.9
    assert answer.seconds >= answer.times[-1]
    assert scripted.keys == ["Bearer secret"]
    assert scripted.requests[0]["stream_options"] == {"include_usage": True}


def test_an_answer_without_its_end_is_not_whole(scripted):
    scripted.cut = True
    answer = ask(scripted.url)
    assert answer.status == 200
    assert not answer.whole


def test_a_refusal_keeps_its_status_and_message(scripted):
    scripted.refuse_after = 0
    answer = ask(scripted.url)
    assert answer.status == 429
    assert "busy" in answer.error


def test_one_that_waits_too_long_is_given_up(scripted):
    scripted.first = 30.0
    answer = ask(scripted.url, timeout=0.2)
    assert answer.status == 200
    assert "TimeoutError" in answer.error
    assert answer.seconds < 10


def test_no_server_is_an_error_of_the_answer(unused_port):
    assert "Error" in ask(f"http://127.0.0.1:{unused_port}").error


def test_models_are_read(scripted):
    status, body = asyncio.run(get(address(scripted.url), "/v1/models", None))
    assert status == 200
    assert b"scripted" in body


@pytest.fixture
def unused_port():
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]
