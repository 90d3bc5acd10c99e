"""Who leaves is not worked for: streamed or not, queued or not begun, the place is free at once."""

import json
import socket
from urllib.parse import urlsplit

import pytest

REQUEST = {"prompt": "hi", "max_tokens": 200}


HEAD = "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


def asked(url, room=None, **body):
    """A connection that has sent a request. room: bytes of what comes back that fit in before somebody reads."""
    place = urlsplit(url)
    data = json.dumps({**REQUEST, **body}).encode()
    connection = socket.socket()
    connection.settimeout(20)
    if room is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    connection.connect((place.hostname, place.port))
    connection.sendall((HEAD % len(data)).encode() + data)
    return connection


def leave(engine, url, until, count, **body):
    """So many clients that leave after their request was taken; the steps that the engine took until none was left."""
    steps = []
    for _ in range(count):
        connection = asked(url, **body)
        until(lambda: engine.tasks)
        if body.get("stream"):
            connection.recv(64)
        task = engine.tasks[-1]
        connection.close()
        until(lambda task=task: task.cancelled)
        began = engine.steps
        until(lambda: not engine.tasks)
        steps.append(engine.steps - began)
    return steps


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("count", [5, pytest.param(50, marks=pytest.mark.slow)])
def test_a_place_is_free_a_step_after_its_client_left(fakes, serve, until, stream, count):
    engine = fakes.FakeEngine(pace=0.01)
    with serve(engine) as (url, web):
        assert max(leave(engine, url, until, count, stream=stream)) <= 2
        until(lambda: not web.running.requests)
        assert engine.ends["cancelled"] == count
        assert (
            'serving_requests_total{path="/v1/completions",status="499"} ' + f"{count}.0" in web.metrics.text().decode()
        )


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("count", [5, pytest.param(50, marks=pytest.mark.slow)])
def test_who_waits_in_the_queue_and_leaves_gives_the_place_in_it_free(fakes, serve, until, stream, count):
    engine = fakes.FakeEngine(places=1, queue=100, pace=0.2)  # the first one's text takes longer than `until` waits
    with serve(engine) as (url, _):
        first = asked(url, stream=True)
        until(lambda: engine.tasks)
        waiting = [asked(url, stream=stream) for _ in range(count)]
        until(lambda: len(engine.tasks) == 1 + count)
        for connection in waiting:
            connection.close()
        until(lambda: len(engine.tasks) == 1)
        assert not engine.tasks[0].cancelled
        first.close()
        until(lambda: not engine.tasks)


def test_who_leaves_in_the_middle_of_the_body_costs_nothing(fakes, serve, until):
    engine = fakes.FakeEngine()
    with serve(engine) as (url, web):
        place = urlsplit(url)
        with socket.create_connection((place.hostname, place.port)) as connection:
            connection.sendall((HEAD % 100).encode() + b"{")
            until(lambda: web.running.requests)
        until(lambda: not web.running.requests)
        assert engine.steps == 0


def test_a_slow_reader_does_not_slow_the_others(fakes, serve, until):
    engine = fakes.FakeEngine(fakes.served(n_ctx=100_000), places=2, burst=100)
    with serve(engine, room=16_384) as (url, web):
        with asked(url, room=16_384, stream=True, max_tokens=10_000, logprobs=5) as slow:
            until(lambda: engine.tasks)
            until(lambda: engine.steps > 3)
            with asked(url, stream=True, max_tokens=2_000) as quick:
                text = b""
                while b"[DONE]" not in text:
                    text += quick.recv(65_536)
            until(lambda: not engine.tasks)
            until(lambda: web.running.requests == 1)
            found = b""
            while b"[DONE]" not in found:
                found += slow.recv(1 << 20)
        pieces = [json.loads(line[6:]) for line in found.split(b"\n") if line.startswith(b"data: {")]
        assert sum(len(one["choices"][0]["text"]) for one in pieces) == 10_000
        assert len(pieces) < 100  # of so many the engine told: those that nobody took grew together
