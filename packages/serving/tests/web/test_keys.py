"""Keys: where they come from, who is let in."""

import pytest

from serving.protocol.refusals import Refused
from serving.web.keys import VARIABLE, Keys, read_keys


@pytest.mark.parametrize(
    ("header", "let_in"),
    [
        (b"Bearer one", True),
        (b"bearer two", True),
        (b"Bearer  one ", True),
        (b"Bearer on", False),
        (b"Bearer ", False),
        (b"one", False),
        (b"Basic one", False),
        (b"", False),
        (None, False),
        (b"Bearer one two", False),
        (b"Bearer \xff", False),
    ],
)
def test_one_of_the_keys_is_wanted(header, let_in):
    keys = Keys(["one", "two"])
    if let_in:
        keys.check(header)
    else:
        with pytest.raises(Refused) as caught:
            keys.check(header)
        assert (caught.value.status, caught.value.code) == (401, "invalid_api_key")
        assert b"two" not in caught.value.encoded()


def test_without_keys_everybody_is_let_in():
    Keys().check(None)


def test_keys_come_from_a_file_before_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, "of-the-environment")
    (tmp_path / "keys").write_text("one\n\n  two \n")
    read_keys(tmp_path / "keys").check(b"Bearer two")
    with pytest.raises(Refused):
        read_keys(tmp_path / "keys").check(b"Bearer of-the-environment")
    read_keys(None).check(b"Bearer of-the-environment")
    monkeypatch.setenv(VARIABLE, " ")
    read_keys(None).check(None)


def test_a_file_without_a_key_is_refused(tmp_path):
    (tmp_path / "keys").write_text("\n \n")
    with pytest.raises(ValueError, match="wanted a key on a line of its own, got an empty file"):
        read_keys(tmp_path / "keys")


def test_all_but_states_and_the_document_are_behind_the_key(fakes, serve, http):
    with serve(fakes.FakeEngine(), keys=Keys(["one"])) as (url, _):
        for path in ("/v1/models", "/metrics", "/nothing"):
            answer = http.get(url + path)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        for path in ("/health", "/ready", "/openapi.json"):
            assert http.get(url + path).status_code == 200
        assert http.get(f"{url}/metrics", headers={"authorization": "Bearer one"}).status_code == 200
