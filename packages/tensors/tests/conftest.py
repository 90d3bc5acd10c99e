import jaxtyping
import pytest
from hypothesis import settings

# A busy machine is no failure: examples may take as long as they take.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture
def unchecked():
    """Run a test without the type checker, as users do: it speaks before our messages, and it draws from `random`
    (beartype checks one item of a sequence, picked at random)."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
