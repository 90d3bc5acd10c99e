"""Logged requests once more: the same texts, or where they differ."""

import json

import pytest

from serving.commands.main import main
from serving.web.access_log import AccessLog
from serving.web.keys import Keys

BODIES = [
    {"prompt": "hi", "max_tokens": 6},
    {"prompt": ["a", "b"], "n": 2, "max_tokens": 6, "stream": True, "stream_options": {"include_usage": True}},
    {"prompt": "hi", "max_tokens": 3, "seed": 4},
]


@pytest.fixture
def logged(fakes, serve, http, tmp_path):
    """A log of some requests, one of them refused."""
    path = tmp_path / "log.jsonl"
    log = AccessLog(path, texts=True)
    with serve(fakes.FakeEngine(), log=log) as (url, _):
        for body in [*BODIES, {"n": 0}]:
            http.post(f"{url}/v1/completions", json=body)
    log.close()
    return path


def changed(path, change):
    lines = list(map(json.loads, path.read_text().splitlines()))
    change(lines)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_the_same_requests_give_the_same_texts(fakes, serve, logged, capsys):
    with serve(fakes.FakeEngine()) as (url, _):
        assert main(["replay", str(logged), "--url", url]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[1] for line in said[:3]] == ["same"] * 3
    assert said[3] == "3 requests, 1 line without: none differ"


def test_a_text_that_differs_is_pointed_at(fakes, serve, logged, capsys):
    def change(lines):
        lines[0]["texts"][0] = lines[0]["texts"][0][:3] + "#" + lines[0]["texts"][0][4:]
        lines[2]["seed"] += 1

    changed(logged, change)
    with serve(fakes.FakeEngine(fakes.served(system_fingerprint="fp_other"))) as (url, _):
        assert main(["replay", str(logged), "--url", url]) == 1
    said = capsys.readouterr().out
    assert "text 0 differs at character 3: wanted '#" in said
    assert "another model or version answers now: fp_other, then fp_0123" in said
    assert "2 differ" in said


def test_a_text_that_was_cut_off_is_compared_as_far_as_it_went(fakes, serve, logged, capsys):
    def change(lines):
        lines[0] |= {"texts": [lines[0]["texts"][0][:2]], "finish_reasons": ["cancelled"]}

    changed(logged, change)
    with serve(fakes.FakeEngine()) as (url, _):
        assert main(["replay", str(logged), "--url", url]) == 0
    assert "3 requests" in capsys.readouterr().out


def test_a_text_that_was_cut_off_may_not_be_another_one(fakes, serve, logged, capsys):
    def change(lines):
        lines[0] |= {"texts": ["#" + lines[0]["texts"][0][1:2]], "finish_reasons": ["cancelled"]}

    changed(logged, change)
    with serve(fakes.FakeEngine()) as (url, _):
        assert main(["replay", str(logged), "--url", url]) == 1
    assert "text 0 differs at character 0: wanted '#" in capsys.readouterr().out


def test_one_request_can_be_chosen_and_the_key_is_shown(fakes, serve, logged, capsys, monkeypatch):
    monkeypatch.setenv("SERVING_API_KEY", "one")
    chosen = json.loads(logged.read_text().splitlines()[1])["id"]
    with serve(fakes.FakeEngine(), keys=Keys(["one"])) as (url, _):
        assert main(["replay", str(logged), "--url", url, "--id", chosen]) == 0
        assert capsys.readouterr().out.startswith(f"{chosen}  same\n1 request:")
        monkeypatch.delenv("SERVING_API_KEY")
        assert main(["replay", str(logged), "--url", url]) == 2
        assert "got status 401" in capsys.readouterr().err


def test_what_cannot_be_replayed_is_one_line(tmp_path, logged, capsys):
    (tmp_path / "bare.jsonl").write_text('{"id": "a", "status": 200}\n')
    assert main(["replay", str(tmp_path / "bare.jsonl")]) == 2
    assert "wanted requests and their texts, got 1 line without" in capsys.readouterr().err
    assert main(["replay", str(logged), "--url", "http://127.0.0.1:1"]) == 2
    assert "wanted a server, got none" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", [["replay", "log.jsonl"], ["bench", "http://127.0.0.1:9"]], ids=lambda words: words[0]
)
def test_a_key_file_without_a_key_is_a_sentence(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "keys").write_text(" \r\n\n")
    entry = {"id": "a", "request": {}, "status": 200, "texts": []}
    (tmp_path / "log.jsonl").write_text(json.dumps(entry) + "\n")
    assert main([*command, "--key-file", "keys"]) == 2
    assert "--key-file keys: wanted a key on a line of its own, got an empty file" in capsys.readouterr().err
