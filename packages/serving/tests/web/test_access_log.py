"""One line of JSON a request, with prompts only if asked for."""

import json

import pytest

from serving.web.access_log import AccessLog

BODY = {"prompt": "a secret prompt", "max_tokens": 4, "seed": 3, "user": "me"}


@pytest.fixture
def logged(fakes, serve, tmp_path):
    def lines(ask, **facts):
        log = AccessLog(tmp_path / "log.jsonl", **facts)
        with serve(fakes.FakeEngine(), log=log) as (url, _):
            ask(url)
        log.close()
        return (tmp_path / "log.jsonl").read_text()

    return lines


def test_a_line_tells_how_it_went_and_no_text(logged, http):
    written = logged(lambda url: http.post(f"{url}/v1/completions", json=BODY))
    (line,) = map(json.loads, written.splitlines())
    assert "secret" not in written
    assert (line["status"], line["path"], line["method"], line["client"]) == (
        200,
        "/v1/completions",
        "POST",
        "127.0.0.1",
    )
    assert (line["prompt_tokens"], line["new_tokens"], line["finish_reasons"]) == (15, 4, ["length"])
    assert (line["seed"], line["user"], line["model"], line["system_fingerprint"]) == (3, "me", "fake", "fp_0123")
    assert 0 < line["first_token_seconds"] <= line["seconds"]
    assert line["id"].startswith("cmpl-")


def test_asked_for_it_has_the_request_and_the_texts(logged, http):
    texts = []

    def ask(url):
        for stream in (False, True):
            answer = http.post(f"{url}/v1/completions", json={**BODY, "stream": stream})
            texts.append(answer)

    lines = list(map(json.loads, logged(ask, texts=True).splitlines()))
    assert [line["request"] for line in lines] == [{**BODY, "stream": False}, {**BODY, "stream": True}]
    assert lines[0]["texts"] == lines[1]["texts"] == [texts[0].json()["choices"][0]["text"]]


def test_refusals_are_logged_with_their_reason(logged, http):
    (line,) = map(json.loads, logged(lambda url: http.post(f"{url}/v1/completions", json={"n": 0})).splitlines())
    assert (line["status"], line["refused"]) == (400, "n: wanted a whole number >= 1, got 0; correct it")


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path):
    log = AccessLog(tmp_path / "log.jsonl")
    log.close()
    log.write({"a": 1})
    assert (tmp_path / "log.jsonl").read_text() == ""
