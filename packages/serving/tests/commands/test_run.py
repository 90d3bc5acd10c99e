"""`serving run` as a new user types it: a real model, a real process, what it prints, a signal in mid-stream."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

import gpt2
from serving.commands.main import main
from serving.commands.run import client, curl
from serving.web.server import listening

BIN = Path(sys.executable).parent
WITH_BIN = f"{BIN}:{os.environ['PATH']}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny model that nobody trained."""
    place = tmp_path_factory.mktemp("models") / "tiny"
    tokenizer = gpt2.Tokenizer({bytes([byte]): byte for byte in range(256)})
    config = gpt2.GPT2Config(n_vocab=tokenizer.n_vocab, n_ctx=128, n_embd=32, n_head=2, n_layer=2)
    gpt2.save(place, gpt2.GPT2(config).eval(), tokenizer)
    return place


@contextmanager
def started(*arguments, cwd):
    """A process of `serving run` and the lines that it printed once it was ready."""
    words = [str(BIN / "serving"), "run", *map(str, arguments), "--port", "0"]
    usual = {name: value for name, value in os.environ.items() if name != "SERVING_API_KEY"}
    environment = {**usual, "PATH": WITH_BIN, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd, env=environment
    )
    try:
        lines = []
        while not lines or not lines[-1].lstrip().startswith("python"):
            line = process.stdout.readline()
            assert line, process.communicate()[1]
            lines.append(line.rstrip("\n"))
        yield process, lines, next(line for line in lines if line.startswith("Ready at ")).split()[2].rstrip(";")
    finally:
        process.kill()
        process.communicate()


def typed(line):
    """What a shell makes of a line."""
    environment = {**os.environ, "PATH": WITH_BIN}
    return subprocess.run(line, shell=True, capture_output=True, text=True, timeout=120, env=environment)


def test_a_new_user_pastes_what_is_printed_stops_in_mid_stream_and_asks_again(folder, tmp_path, http, capsys):
    log = tmp_path / "log.jsonl"
    with started(folder, "--log", log, "--log-texts", cwd=tmp_path) as (process, lines, url):
        assert lines[0].startswith("tiny: ")
        for line in lines[-2:]:
            done = typed(line)
            assert done.returncode == 0, done.stderr
            assert done.stdout
        assert done.stdout.strip("\n") != ""
        body = {"prompt": "hi", "max_tokens": 120, "stream": True, "seed": 5, "stop_at_end_of_text": False}
        with http.stream("POST", f"{url}/v1/completions", json=body) as answer:
            parts = answer.iter_text()
            text = next(parts)
            process.send_signal(signal.SIGTERM)
            text += "".join(parts)
        assert text.rstrip().endswith("data: [DONE]")
        chunks = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
        assert chunks[-1]["choices"][0]["finish_reason"] == "length"
        assert process.wait(60) == 0
    # Another process, with a key and a second model, writes the same texts.
    (tmp_path / "keys").write_text("secret\n")
    keys = ("--key-file", tmp_path / "keys")
    named = ("--model", f"tiny={folder}", "--model", f"b={folder}")
    with started(*named, *keys, "--host", "0.0.0.0", cwd=tmp_path) as (process, lines, url):
        assert "Bearer $SERVING_API_KEY" in lines[-2]
        assert http.get(f"{url}/v1/models").status_code == 401
        told = http.get(f"{url}/v1/models", headers={"authorization": "Bearer secret"}).json()["data"]
        assert [one["id"] for one in told] == ["tiny", "b"]
        capsys.readouterr()
        assert main(["replay", str(log), "--url", url, *map(str, keys)]) == 0
        assert capsys.readouterr().out.splitlines()[-1] == "3 requests: none differ"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        said = process.stderr.read()
    assert "other machines reach it; a key is asked for" in said
    assert "secret" not in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "wanted a model to serve, got none"),
        (["nowhere"], "nowhere"),
        (["--model", "x"], "--model: wanted NAME=SOURCE, got 'x'"),
        (["FOLDER", "--rows", "0"], "--rows: wanted 1 or more, got 0"),
        (["FOLDER", "--queue", "-1"], "--queue: wanted 0 or more, got -1"),
        (["FOLDER", "--drain", "-1"], "--drain: wanted 0 or more seconds, got -1"),
        (["FOLDER", "--port", "70000"], "--port: wanted 0 to 65535, got 70000"),
        (["FOLDER", "--key-file", "nowhere"], "nowhere: No such file"),
        (["FOLDER", "--limits.seconds", "0"], "--limits.seconds: wanted 1 or more, got 0"),
        (["FOLDER", "OTHER"], "OTHER"),
        (["FOLDER", "--precision", "float8"], "--precision: wanted one of"),
    ],
)
def test_what_cannot_be_served_is_one_line(folder, tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    words = [str(folder) if word == "FOLDER" else word for word in arguments]
    assert main(["run", *(["--port", "0"] if "--port" not in words else []), *words]) == 2
    told = capsys.readouterr().err.splitlines()
    assert told[-1].startswith("serving: ")
    assert said in told[-1]


def test_an_address_that_is_taken_is_one_line(folder, capsys):
    with listening("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        assert main(["run", str(folder), "--port", str(port)]) == 2
    assert f"127.0.0.1:{port}: wanted an address to listen at" in capsys.readouterr().err


def test_lines_for_a_shell_are_quoted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "curl").write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    (tmp_path / "python").write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    for name in ("curl", "python"):
        (tmp_path / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "SERVING_API_KEY": "k"}
    lines = [curl("http://127.0.0.1:1", True), client("http://127.0.0.1:1", 'it\'s "a" $model', True)]
    words = [subprocess.run(line, shell=True, capture_output=True, text=True, env=environment).stdout for line in lines]
    assert "Authorization: Bearer k\n" in words[0]
    assert json.loads(words[0].splitlines()[-1])["max_tokens"] == 40
    compile(words[1].splitlines()[1], "line", "exec")
    assert 'it\'s \\"a\\" $model' in words[1]
