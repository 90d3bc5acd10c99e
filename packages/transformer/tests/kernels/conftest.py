from pathlib import Path

import pytest

from transformer.kernels import native


@pytest.fixture(params=["native", "avx2", "plain"])
def instructions(request, monkeypatch):
    """The kernels, on every set of instructions that this processor has."""
    facts = Path("/proc/cpuinfo")
    if request.param == "avx2" and not (facts.is_file() and " avx2 " in facts.read_text()):
        pytest.skip("no AVX2 here, or the system does not say")
    monkeypatch.setenv(native.SWITCH, request.param)
    if native.library() is None:
        pytest.skip("no C++ compiler here: torch computes")
    return request.param
