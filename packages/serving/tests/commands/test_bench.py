"""`serving bench`, as it is typed."""

import pytest

from serving.bench.driving import Load
from serving.commands.bench import run_bench
from serving.commands.outside_settings import Bench


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (Bench(()), "wanted the address of one server or of two, got 0"),
        (Bench(("http://127.0.0.1:1",) * 3), "got 3"),
        (Bench(("http://127.0.0.1:1",), turns=0), "--turns: wanted at least 1"),
        (Bench(("http://example.org",)), "give --other-machine"),
        (Bench(("http://127.0.0.1:1",), fields="[1]"), "--fields: wanted a JSON object"),
        (Bench(("http://127.0.0.1:1",), clients=0), "clients: wanted at least 1"),
    ],
)
def test_what_makes_no_sense_is_said_before_any_server_is_asked(command, said):
    with pytest.raises(ValueError, match=said):
        run_bench(command)


def test_what_is_asked_for_by_default_fits_in_the_context_of_the_default_recipe():
    """128 tokens; tokenizers of 2,048 ids take less than three of them for each of our words."""
    command, load = Bench(("http://127.0.0.1:1",)), Load()
    shared = ("clients", "requests", "tokens", "words", "temperature", "timeout")
    assert [getattr(command, name) for name in shared] == [getattr(load, name) for name in shared]
    assert command.tokens + 3 * command.words <= 128
