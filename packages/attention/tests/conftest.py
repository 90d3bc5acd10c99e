import jaxtyping
import pytest
import torch
from torch.nn import functional


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
def kernel_calls(monkeypatch):
    """The arguments of every call of torch's kernel, beyond q, k and v."""
    calls = []

    def recorded(q, k, v, **arguments):
        calls.append(arguments)
        return functional.scaled_dot_product_attention(q, k, v, **arguments)

    monkeypatch.setattr("attention.kernels.fast.scaled_dot_product_attention", recorded)
    return calls
