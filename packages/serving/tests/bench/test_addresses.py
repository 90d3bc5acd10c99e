"""Which servers may be driven."""

import pytest

from serving.bench.addresses import address


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "http://localhost:8000/v1/", "http://[::1]:8000"])
def test_this_machine_is_fine(url):
    at = address(url)
    assert at.is_here
    assert (at.port, at.path) == (8000, "")


def test_another_machine_needs_to_be_said():
    with pytest.raises(ValueError, match="give --other-machine"):
        address("https://example.org/models/v1")
    at = address("https://example.org/models/v1", other_machine=True)
    assert (at.host, at.port, at.path, at.encrypted) == ("example.org", 443, "/models", True)


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://127.0.0.1", "http://", "http://127.0.0.1:99999", ""])
def test_what_is_no_address_is_refused(url):
    with pytest.raises(ValueError, match="wanted the address of a server"):
        address(url)
