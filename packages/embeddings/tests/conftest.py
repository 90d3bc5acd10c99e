import re

import jaxtyping
import pytest
import torch


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.fixture
def unchecked():
    """Run a test without the type checker, as users do: it would speak before our messages."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture
def refused(unchecked):
    """Hold a refusal to its three parts, what was wanted, what came and what to do, with `message` in it."""

    def hold(call, message):
        with pytest.raises(ValueError, match=message) as refusal:
            call()
        assert re.match("wanted .*, got .*; .", str(refusal.value))

    return hold
