"""What is said of the processor decides which library multiplies."""

import pytest
import torch

from tensors import onednn_is_faster, onednn_is_there, processor_has
from tensors.machine import processors


@pytest.mark.parametrize(("vendor", "faster"), [("GenuineIntel", False), ("", False), ("AuthenticAMD", True)])
def test_the_maker_of_the_processor_decides(vendor, faster, monkeypatch):
    monkeypatch.setattr(processors, "_vendor", lambda: vendor)
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: True)
    onednn_is_faster.cache_clear()
    try:
        assert onednn_is_faster() is (faster and onednn_is_there())
    finally:
        onednn_is_faster.cache_clear()


@pytest.mark.parametrize("there", [True, False])
def test_features_are_what_torch_says(monkeypatch, there):
    monkeypatch.setattr(torch.cpu, "_is_vnni_supported", lambda: there, raising=False)
    assert processor_has("avx512_vnni") is there
    monkeypatch.delattr(torch.cpu, "_is_vnni_supported")
    assert not processor_has("avx512_vnni"), "a torch that cannot tell counts as without"


def test_features_have_names():
    with pytest.raises(ValueError, match=r"wanted a feature out of amx, .*, got 'avx'; choose"):
        processor_has("avx")
