"""The server's life: signals in mid-stream, with real processes over a fake engine."""

import json
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from serving.web.server import address, listening

PROGRAM = Path(__file__).parent / "fake_server.py"


@contextmanager
def started(pace, drain):
    """A server's process and address."""
    process = subprocess.Popen(
        [sys.executable, str(PROGRAM), str(pace), str(drain)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


class Streams:
    """Clients that each read a stream to its end."""

    def __init__(self, http, url, count, tokens):
        self.texts, self.ends = [b""] * count, [None] * count
        self.threads = [Thread(target=self.read, args=(http, url, number, tokens)) for number in range(count)]
        for thread in self.threads:
            thread.start()

    def read(self, http, url, number, tokens):
        body = {"prompt": "hi", "max_tokens": tokens, "seed": number, "stream": True}
        try:
            with http.stream("POST", f"{url}/v1/completions", json=body) as answer:
                for data in answer.iter_bytes():
                    self.texts[number] += data
            self.ends[number] = "closed"
        except Exception as error:
            self.ends[number] = type(error).__name__

    def join(self):
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive()

    def chunks(self, number):
        """What came, and whether it was all."""
        lines = [line for line in self.texts[number].decode().split("\n") if line]
        return [json.loads(line.removeprefix("data: ")) for line in lines[:-1]], lines[-1] == "data: [DONE]"


def finish(process, seconds=30):
    out, err = process.communicate(timeout=seconds)
    return process.returncode, out.splitlines(), err


@pytest.mark.parametrize("times", [1, pytest.param(50, marks=pytest.mark.slow)])
def test_within_the_drain_no_answer_is_cut(http, until, times):
    for _ in range(times):
        with started(0.005, 30) as (process, url):
            streams = Streams(http, url, 4, tokens=60)
            until(lambda streams=streams: all(streams.texts))
            process.send_signal(signal.SIGTERM)
            until(lambda url=url: http.get(f"{url}/ready").status_code == 503)
            refused = http.post(f"{url}/v1/completions", json={"prompt": "hi"})
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "draining")
            streams.join()
            assert finish(process)[0] == 0
        for number in range(4):
            chunks, done = streams.chunks(number)
            assert done
            assert len("".join(one["choices"][0]["text"] for one in chunks)) == 60
            assert chunks[-1]["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize("times", [1, pytest.param(50, marks=pytest.mark.slow)])
def test_after_the_drain_answers_end_as_cancelled_and_are_whole(http, until, times):
    for _ in range(times):
        with started(0.01, 0.3) as (process, url):
            streams = Streams(http, url, 3, tokens=200)
            until(lambda streams=streams: all(streams.texts))
            process.send_signal(signal.SIGTERM)
            streams.join()
            code, said, _ = finish(process)
        assert (code, said[-1]) == (0, "cut")
        for number in range(3):
            chunks, done = streams.chunks(number)
            assert done
            assert chunks[-1]["choices"][0]["finish_reason"] == "cancelled"
            assert all(one["choices"][0]["finish_reason"] is None for one in chunks[:-1])


def test_an_answer_that_is_not_streamed_is_not_cut_either(http, until):
    answers = []
    with started(0.01, 30) as (process, url):
        body = {"prompt": "hi", "max_tokens": 60}
        thread = Thread(target=lambda: answers.append(http.post(f"{url}/v1/completions", json=body)))
        thread.start()
        until(lambda: "serving_running_rows 1.0" in http.get(f"{url}/metrics").text)
        process.send_signal(signal.SIGINT)
        thread.join(60)
        assert finish(process)[0] == 0
    assert answers[0].json()["choices"][0]["finish_reason"] == "length"


def test_a_second_signal_ends_at_once(http, until):
    with started(0.05, 600) as (process, url):
        streams = Streams(http, url, 1, tokens=200)
        until(lambda: all(streams.texts))
        process.send_signal(signal.SIGTERM)
        until(lambda: http.get(f"{url}/ready").status_code == 503)
        process.send_signal(signal.SIGTERM)
        code, said, _ = finish(process)
        streams.join()
    assert (code, said[-1]) == (143, "ended at once")
    assert not streams.chunks(0)[1]


def test_without_requests_it_ends_at_once_and_says_nothing_on_standard_error(http):
    with started(0.01, 600) as (process, url):
        assert http.get(f"{url}/health").status_code == 200
        began = time.perf_counter()
        process.send_signal(signal.SIGTERM)
        code, said, err = finish(process)
        assert time.perf_counter() - began < 20
    assert (code, said[-1]) == (0, "whole")
    assert [line for line in err.splitlines() if not line.startswith("{")] == []


def test_an_address_that_is_taken_is_named(http):
    with listening("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        with pytest.raises(OSError, match=rf"127.0.0.1:{port}: wanted an address to listen at, got one where .*in use"):
            listening("127.0.0.1", port)
    with pytest.raises(ValueError, match="--port: wanted 0 to 65535, got 70000"):
        listening("127.0.0.1", 70_000)


def test_an_address_is_one_that_a_client_can_use():
    with listening("0.0.0.0", 0) as sock:
        assert address(sock) == f"http://127.0.0.1:{sock.getsockname()[1]}"
    if socket.has_ipv6:
        with listening("::1", 0) as sock:
            assert address(sock) == f"http://[::1]:{sock.getsockname()[1]}"
