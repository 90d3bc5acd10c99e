import pytest
import torch

from tensors import choose_device


def test_auto_is_a_device_that_computes(monkeypatch):
    monkeypatch.delenv("TENSORS_DEVICE", raising=False)
    device = choose_device()
    assert torch.ones(2, device=device).sum().item() == 2
    if torch.cuda.is_available():
        assert device.type == "cuda"


def test_the_environment_decides_what_auto_is_and_nothing_else(monkeypatch):
    monkeypatch.setenv("TENSORS_DEVICE", "cpu")
    assert choose_device() == torch.device("cpu")
    monkeypatch.setenv("TENSORS_DEVICE", "warp")
    assert choose_device("cpu") == torch.device("cpu")
    with pytest.raises(ValueError, match="TENSORS_DEVICE"):
        choose_device()


def test_a_refusal_fits_two_lines_of_a_terminal():
    """torch's own answer to a name that it does not know is a list of twenty that it does."""
    for name in ("gpu", "cuda:99", "hpu", ""):
        with pytest.raises(ValueError, match=r"name one of .*cpu, auto$") as caught:
            choose_device(name)
        assert len(str(caught.value)) <= 160


@pytest.mark.parametrize(
    ("call", "kind", "got"),
    [
        pytest.param(lambda: choose_device("cuda:99"), ValueError, "cuda:99", id="no such device"),
        pytest.param(lambda: choose_device("gpu"), ValueError, "'gpu'", id="no device at all"),
    ],
)
def test_a_refusal_says_what_was_wanted_what_came_and_what_to_do(call, kind, got, refused):
    refused(call, kind, got)
