"""The network: five convolutions that look at ever larger parts of an image, and one matrix that decides."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import max_pool2d


class DigitNet(nn.Module):
    """Grey images of any size from 8 x 8 on to one logit for each class.

    Three scales: full size, half, quarter. A convolution sees 3 x 3 neighbours; after two of them and a pooling a
    feature covers 6 x 6 pixels, and so on up to most of a digit. The mean over all places in the end forgets where a
    feature was, so any image size will do and few weights are needed.

    Args:
        n_classes: how many answers there are.
        width: channels at full size; doubled at half, and 2.5 times as many at quarter size.
    """

    def __init__(self, n_classes: int = 10, width: int = 24) -> None:
        super().__init__()
        self.n_classes, self.width = n_classes, width
        self.fine = nn.Sequential(convolution(1, width), convolution(width, width))
        self.middle = nn.Sequential(convolution(width, 2 * width), convolution(2 * width, 2 * width))
        self.coarse = convolution(2 * width, 5 * width // 2)
        self.decide = nn.Linear(5 * width // 2, n_classes)

    def forward(self, images: Float[Tensor, "B 1 H W"]) -> Float[Tensor, "B K"]:
        # Channels last: the convolutions of CPUs and GPUs read all channels of a pixel together.
        images = images.contiguous(memory_format=torch.channels_last)
        features = max_pool2d(self.fine(images), 2)
        features = max_pool2d(self.middle(features), 2)
        return self.decide(self.coarse(features).mean((2, 3)))

    @property
    def n_parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.parameters())


def convolution(channels: int, out_channels: int) -> nn.Sequential:
    """3 x 3 convolution, then batch normalisation (arXiv 1502.03167), whose offset makes a bias needless, then ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels, out_channels, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )
