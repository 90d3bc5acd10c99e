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


@pytest.fixture
def refused(unchecked):
    """Hold a refusal to its three parts: what was wanted, what came (with `got` in it), what to do."""

    def hold(call, kind, got):
        with pytest.raises(kind) as refusal:
            call()
        message = str(refusal.value)
        assert "wanted" in message
        assert "; " in message, "nothing says what to do"
        assert got in message

    return hold
