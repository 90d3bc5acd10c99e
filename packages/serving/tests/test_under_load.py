"""The real engine behind real sockets, for long: seeds among neighbors, clients that leave, signals, far too many."""

import json
import os
import random
import re
import signal
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Thread
from time import sleep

import httpx
import pytest
import torch

import gpt2
from serving.engine.engine import Engine
from serving.engine.loading import load
from serving.engine.work import Work

pytestmark = pytest.mark.slow
PROGRAM = Path(__file__).parent / "real_server.py"
TEXTS = ["The", "a long prompt that takes some reading, and then some more of it " * 3, "ü“", "x", "0123456789" * 7]
LONG = {"stop_at_end_of_text": False, "seed": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model that nobody trained, whose texts differ from seed to seed, with a long context."""
    place = tmp_path_factory.mktemp("models") / "loud"
    tokenizer = gpt2.Tokenizer({bytes([byte]): byte for byte in range(256)})
    draws = torch.Generator().manual_seed(0)
    config = gpt2.GPT2Config(n_vocab=tokenizer.n_vocab, n_ctx=2048, n_embd=64, n_head=4, n_layer=2)
    model = gpt2.GPT2(config, generator=draws).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=draws))
    gpt2.save(place, model, tokenizer)
    return place


@pytest.fixture
def real(folder, serve):
    """A server over the engine, its address and the engine."""
    engine = Engine([partial(load, "m", str(folder), rows=4)], queue=64)
    engine.wait_until_ready(600.0)
    with serve(engine) as (url, _):
        yield url, engine


def read(http, url, body):
    """Of each text: itself, its log-probabilities and why it ended; streamed or not."""
    answer = http.post(f"{url}/v1/completions", json=body)
    assert answer.status_code == 200, answer.text
    if not body.get("stream"):
        return [(one["text"], one["logprobs"], one["finish_reason"]) for one in answer.json()["choices"]]
    texts = {}
    for line in answer.text.splitlines():
        if line.startswith("data: {"):
            for one in json.loads(line[6:])["choices"]:
                text, scores, _ = texts.get(one["index"], ("", {}, None))
                for name, values in (one["logprobs"] or {}).items():
                    scores.setdefault(name, []).extend(values)
                texts[one["index"]] = (text + one["text"], scores or None, one["finish_reason"])
    assert answer.text.endswith("data: [DONE]\n\n")
    return [texts[index] for index in sorted(texts)]


def random_body(chance):
    changes = [
        {},
        {"temperature": 0},
        {"top_p": 0.9},
        {"repetition_penalty": 1.3},
        {"stop": ["e", "\n"]},
        {"min_p": 0.1},
    ]
    return {
        "prompt": chance.choice(TEXTS),
        "max_tokens": chance.randint(1, 12),
        "seed": chance.randrange(50),
        "n": chance.choice([1, 1, 2]),
        "logprobs": chance.choice([None, 0, 2]),
        "stream": chance.random() < 0.5,
        **chance.choice(changes),
    }


def test_a_thousand_requests_get_the_texts_that_each_gets_alone(real, http):
    url, engine = real
    chance = random.Random(7)
    bodies = [random_body(chance) for _ in range(1_000)]
    with ThreadPoolExecutor(8) as pool:
        among = list(pool.map(lambda body: read(http, url, body), bodies))
    assert engine.models["m"].exact
    differ = [body for body, texts in zip(bodies, among, strict=True) if read(http, url, body) != texts]
    assert not differ, f"{len(differ)} differ, such as {differ[0]}"
    assert len({texts[0][0] for texts in among}) > 500


@pytest.mark.parametrize("kind", ["streamed", "whole", "queued", "in its prompt"])
def test_fifty_who_leave_have_no_place_after_a_step(real, until, monkeypatch, kind):
    url, engine = real
    batch, left, took = engine.loaded["m"].batch, {}, []
    advance, cancel, end = batch.advance, Work.cancel, Work.end

    def slowly():
        sleep(0.01)
        return advance()

    def cancelled(work):
        left.setdefault(work, engine.tally.steps)
        cancel(work)

    def ended(work, *given):
        if work in left and not work.done:
            took.append(engine.tally.steps - left[work])
        end(work, *given)

    monkeypatch.setattr(batch, "advance", slowly)
    monkeypatch.setattr(Work, "cancel", cancelled)
    monkeypatch.setattr(Work, "end", ended)
    body = {"prompt": "x" * 1_500 if kind == "in its prompt" else "x", "max_tokens": 400, **LONG}
    with httpx.Client(timeout=60, trust_env=False) as others:
        if kind == "queued":  # behind one who has all the places
            first = others.stream(
                "POST", f"{url}/v1/completions", json={**body, "max_tokens": 2_000, "n": 4, "stream": True}
            )
            first.__enter__()
            until(lambda: engine.stats.running == 4)
        busy = engine.stats.running
        for turn in range(50):
            with open_socket(url, {**body, "stream": kind == "streamed" or turn % 2 == 0}) as connection:
                if kind == "streamed":
                    assert connection.recv(64)
                elif kind == "queued":
                    until(lambda: engine.stats.queued == 1)
                else:
                    until(lambda: engine.stats.running == busy + 1)
                work = engine.works[-1]
            until(lambda work=work: work.done)
            assert work.cancelled
            assert (engine.stats.running, engine.stats.queued) == (busy, 0)
            if kind in ("queued", "in its prompt"):
                assert work.new_tokens == 0
        if kind == "queued":
            first.__exit__(None, None, None)
    until(lambda: not engine.works)
    assert len(took) == 50 + (kind == "queued")
    assert max(took) <= 2  # the step that was under way, and the one in which the place was given back


@contextmanager
def open_socket(url, body, room=None):
    """A connection that has sent a completion. room: bytes of what comes back that fit in before somebody reads."""
    import socket
    from urllib.parse import urlsplit

    place, data = urlsplit(url), json.dumps(body).encode()
    head = "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json"
    with socket.socket() as connection:
        connection.settimeout(60)
        if room is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        connection.connect((place.hostname, place.port))
        connection.sendall(f"{head}\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
        yield connection


def test_a_slow_reader_gets_all_of_its_text_and_does_not_hold_up_the_others(real, http, until):
    url, engine = real
    body = {"prompt": "x", "max_tokens": 1_500, "logprobs": 20, "stream": True, **LONG}
    with open_socket(url, body, room=4_096) as slow:
        until(lambda: engine.stats.running == 1)
        for seed in range(20):
            assert len(read(http, url, {"prompt": "x", "max_tokens": 20, **LONG, "seed": seed})) == 1
        until(lambda: not engine.works, 120.0)
        found = b""
        while b"[DONE]" not in found:
            found += slow.recv(1 << 20)
    events = [json.loads(line[6:]) for line in found.split(b"\n") if line.startswith(b"data: {")]
    assert sum(len(one["choices"][0]["logprobs"]["tokens"]) for one in events) == 1_500
    assert len(events) < 1_500  # what it did not take grew together


@contextmanager
def servers(folder, drain):
    """What starts a server and gives its address, its process and the lines that it still says."""
    command, environment = (
        [sys.executable, str(PROGRAM), str(folder), str(drain)],
        {**os.environ, "OMP_NUM_THREADS": "1"},
    )
    program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def start():
        program.stdin.write("\n")
        program.stdin.flush()
        url, pid = program.stdout.readline().split()
        return url, int(pid)

    def rest():
        lines = []
        while not lines or not lines[-1].startswith("exit "):
            lines.append(program.stdout.readline().strip())
        return lines[-2:]

    try:
        yield start, rest
    finally:
        program.kill()
        program.communicate()


@pytest.mark.parametrize(
    ("drain", "tokens", "how", "reason"), [(60, 100, "whole", "length"), (0.1, 2_000, "cut", "cancelled")]
)
def test_fifty_signals_in_mid_stream_cut_no_answer(folder, http, until, drain, tokens, how, reason):
    with servers(folder, drain) as (start, rest):
        for turn in range(50):
            url, pid = start()
            texts, threads = [b""] * 5, []

            def stream(number, url=url, texts=texts):
                body = {"prompt": "x", "max_tokens": tokens, "stream": number > 0, **LONG, "seed": number}
                with httpx.stream("POST", f"{url}/v1/completions", json=body, timeout=60, trust_env=False) as answer:
                    for data in answer.iter_bytes():
                        texts[number] += data

            threads = [Thread(target=stream, args=(number,)) for number in range(5)]
            for thread in threads:
                thread.start()
            until(lambda url=url: all_there(http, url))
            sleep(0.002 * (turn % 10))
            os.kill(pid, signal.SIGTERM)
            for thread in threads:
                thread.join(60)
                assert not thread.is_alive()
            assert rest() == [how, "exit 0"]
            reasons = [json.loads(texts[0])["choices"][0]["finish_reason"]]
            for text in texts[1:]:
                lines = [line for line in text.decode().split("\n") if line]
                assert lines[-1] == "data: [DONE]"
                reasons.append(json.loads(lines[-2][6:])["choices"][0]["finish_reason"])
            assert reasons == [reason] * 5


def all_there(http, url):
    """Whether all five requests are known to the server, and texts are being written."""
    numbers = http.get(f"{url}/metrics").text
    rows = [float(re.search(rf"^serving_{name} (\S+)", numbers, re.M)[1]) for name in ("running_rows", "queued_rows")]
    return sum(rows) == 5 and float(re.search(r"^serving_new_tokens_total (\S+)", numbers, re.M)[1]) > 4


def test_ten_times_too_many_get_200_or_429_and_memory_stays_as_it_is(folder, http):
    def memory(pid):
        return int(re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[1]) / 1024

    def ask(number):
        body = {"prompt": TEXTS[number % 5], "max_tokens": 20, "stream": number % 2 == 0, "logprobs": 5, **LONG}
        # Without verify=False each of 2,880 clients reads the certificates: 55 ms of CPU time.
        with httpx.Client(timeout=120, trust_env=False, verify=False) as client:
            answer = client.post(f"{url}/v1/completions", json=body)
        if answer.status_code == 429:
            assert int(answer.headers["retry-after"]) >= 1
        return answer.status_code

    with servers(folder, 1) as (start, _), ThreadPoolExecutor(360) as pool:
        url, pid = start()
        statuses, held = Counter(), []
        for _ in range(8):
            statuses.update(pool.map(ask, range(360)))  # of places there are 36
            held.append(memory(pid))
        assert set(statuses) == {200, 429}
        assert statuses[200] >= 8 * 36
        assert held[-1] - held[2] < 0.03 * held[2], held
        assert http.get(f"{url}/ready").status_code == 200
        os.kill(pid, signal.SIGTERM)
