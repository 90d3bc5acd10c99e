import jaxtyping
import pytest


@pytest.fixture
def unchecked():
    """Run a test without the type checker, as users do: it speaks before our messages, and it draws from `random`
    (beartype checks one item of a sequence, picked at random)."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
