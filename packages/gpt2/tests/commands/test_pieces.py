"""`gpt2 tokens` shows the pieces of a text, and no control characters."""

import ast

import pytest


def test_tokens_are_listed_with_their_bytes(folder, tokenizer, command):
    text = "the naïve 漢\x1b[2J"
    code, output, _ = command("tokens", text, "--tokenizer", folder)
    rows = [line.split("\t") for line in output.splitlines()]
    assert code == 0
    assert [int(row[0]) for row in rows] == tokenizer.encode(text)
    for i, start, end, piece in rows:
        data = ast.literal_eval(piece)
        assert text.encode()[int(start) : int(end)] == tokenizer.decode_bytes([int(i)])
        assert (data if isinstance(data, bytes) else data.encode()) == tokenizer.decode_bytes([int(i)])
    assert any(row[3].startswith("b'") for row in rows), "a part of a character"
    assert "\x1b" not in output


def test_tokens_without_the_published_vocabulary_name_the_option(command, monkeypatch):
    def unreachable(name):
        raise ConnectionError

    monkeypatch.setattr("tiktoken.get_encoding", unreachable)
    code, _, error = command("tokens", "hello")
    assert code == 2
    assert "published vocabulary: wanted tiktoken's cached copy or its download, got ConnectionError" in error
    assert error.endswith(": --tokenizer DIR, such as RUN/model\n")


@pytest.mark.parametrize("value", ["1", "0", "false"])
def test_no_color_is_honored_in_a_terminal(folder, command, monkeypatch, value):
    """no-color.org: whatever its value, unless it is empty."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", value)
    code, output, _ = command("tokens", "the cat", "--tokenizer", folder)
    assert (code, "\x1b" in output) == (0, False)
    assert output.split("\t")[1] == "0"
    monkeypatch.setenv("NO_COLOR", "")
    assert "\x1b[44;30m" in command("tokens", "the cat", "--tokenizer", folder)[1]


def test_a_terminal_gets_colours_and_no_control_characters(folder, tokenizer, command, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    _, output, _ = command("tokens", "the cat\x1b[2J\r", "--tokenizer", folder)
    assert "\x1b[44;30m" in output
    assert "\x1b[2J" not in output
    assert "\r" not in output
    assert "12 bytes" in output
