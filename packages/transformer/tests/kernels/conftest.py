import pytest

from transformer.kernels import native


@pytest.fixture(params=["native", "plain"])
def instructions(request, monkeypatch):
    """The kernels, on either set of instructions."""
    monkeypatch.setenv(native.SWITCH, request.param)
    if native.library() is None:
        pytest.skip("no C++ compiler here: torch computes")
    return request.param
