"""`serving bench`, as it is typed."""

import pytest

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
