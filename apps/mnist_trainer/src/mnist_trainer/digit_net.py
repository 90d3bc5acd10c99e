"""The network: six convolutions that look at ever larger parts of an image, and one matrix that decides."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import max_pool2d


class DigitNet(nn.Module):
    """Gray images of any size from 8 x 8 on to one logit for each class.

    Three scales: full size, half, quarter, two convolutions at each. A convolution sees 3 x 3 neighbours, so a feature
    covers 5 x 5 pixels at full size, 14 x 14 at half and 32 x 32, a whole digit, at a quarter. The mean over all places
    in the end forgets where a feature was: any image size will do, and few weights are needed.

    Args:
        n_classes: how many answers there are.
        width: channels at full size; doubled where the image is halved, so that every scale costs about as much.
    """

    def __init__(self, n_classes: int = 10, width: int = 16) -> None:
        super().__init__()
        self.n_classes, self.width = n_classes, width
        self.fine = nn.Sequential(convolution(1, width), convolution(width, width))
        self.middle = nn.Sequential(convolution(width, 2 * width), convolution(2 * width, 2 * width))
        self.coarse = nn.Sequential(convolution(2 * width, 4 * width), convolution(4 * width, 4 * width))
        self.decide = nn.Linear(4 * width, n_classes)
        # Channels last: a CPU's or GPU's convolution reads all channels of a pixel together. A third less time.
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Float[Tensor, "B 1 H W"]) -> Float[Tensor, "B K"]:
        features = self.fine(images.contiguous(memory_format=torch.channels_last))
        features = self.middle(max_pool2d(features, 2))
        features = self.coarse(max_pool2d(features, 2))
        return self.decide(features.mean((2, 3)))

    @property
    def n_parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.parameters())


def convolution(channels: int, out_channels: int) -> nn.Sequential:
    """3 x 3 convolution, then batch normalization (arXiv 1502.03167), whose offset makes a bias needless, then ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels, out_channels, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )
