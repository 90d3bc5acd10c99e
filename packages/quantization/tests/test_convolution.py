"""Convolutions are quantized too, and a network of them is as good on real digits that it has not seen."""

import pytest
import torch
from torch import nn

from quantization import QuantizedConvolution, bytes_of, quantize


@pytest.mark.parametrize("how", ["int8", "int4", "bfloat16"])
def test_convolutions_are_quantized_too(how):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, stride=2), nn.ReLU(), nn.Conv1d(16, 4, 3, groups=2)).eval()
    x = torch.randn(2, 3, 8, 8)
    result = quantize(model, how)
    assert isinstance(result[0], QuantizedConvolution)
    assert (result[0](x) - model[0](x)).abs().max() < 0.02
    y = torch.randn(2, 16, 9)
    assert (result[2](y) - model[2](y)).abs().max() < 0.02


datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn brings the digits")


def block(channels, out_channels):
    return nn.Conv2d(channels, out_channels, 3, padding=1, bias=False), nn.BatchNorm2d(out_channels), nn.ReLU()


@pytest.fixture(scope="module")
def trained():
    """A small one of the kind that mnist_trainer trains, and the half of the digits that it has not seen."""
    pixels, labels = (torch.from_numpy(array) for array in datasets.load_digits(return_X_y=True))
    images, held_out = (pixels.float() / 16).reshape(-1, 1, 8, 8), torch.arange(len(labels)) % 2 == 1
    torch.manual_seed(0)
    model = nn.Sequential(
        *block(1, 16), *block(16, 32), nn.MaxPool2d(2), *block(32, 64), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(64, 10),
    )  # fmt: skip
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for _ in range(8):
        for rows in torch.randperm(int((~held_out).sum())).split(64):
            loss = nn.functional.cross_entropy(model(images[~held_out][rows]), labels[~held_out][rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model.eval(), images[held_out], labels[held_out]


@torch.inference_mode()
@pytest.mark.parametrize("how", ["int8", "int8-weight-only"])
def test_eight_bits_cost_a_thousandth_of_the_accuracy_at_most(trained, how):
    model, images, labels = trained
    small = quantize(model, how)
    before, after = ((each(images).argmax(1) == labels).float().mean().item() for each in (model, small))
    assert before > 0.95
    assert abs(before - after) <= 0.00112  # one image of 898
    assert bytes_of(small) < 0.3 * bytes_of(model)
