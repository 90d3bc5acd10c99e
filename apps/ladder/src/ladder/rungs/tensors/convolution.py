"""A convolution by hand.

For images a layer need not connect everything with everything: an edge looks the same in every corner. A convolution
slides a small window over the image, and at each place asks how well what lies there fits a pattern: it multiplies
number by number, over all channels, and adds up. One pattern gives one channel of the result.

    out[b, o, y, x] = bias[o] + sum over c, i, j of weight[o, c, i, j] * image[b, c, y + i, x + j]

The window stays inside the image, so the result is smaller: H - K + 1 high. (Mathematics would flip the pattern; no
deep-learning library does.)

Write `convolution`. A loop over the K x K places of the pattern is enough: each of them is a product of whole images.
"""

import torch
from torch import Tensor

# without: conv1d conv2d conv3d Conv2d unfold Unfold


def convolution(image: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """image [B, C, H, W] and weight [O, C, K, K] with bias [O] give [B, O, H - K + 1, W - K + 1]."""
    # hole
    # hint: For one place (i, j) of the pattern, every window sees image[:, :, i : i + H', j : j + W'].
    # hint: Multiply by weight[:, :, i, j], [O, C], and sum over c: torch.einsum("bchw,oc->bohw", part, ...)
    # hint: Add these up over i and j, and add bias[:, None, None] once.
    k = weight.shape[-1]
    height, width = image.shape[2] - k + 1, image.shape[3] - k + 1
    out = bias[:, None, None].expand(len(image), -1, height, width)
    for i in range(k):
        for j in range(k):
            part = image[:, :, i : i + height, j : j + width]
            out = out + torch.einsum("bchw,oc->bohw", part, weight[:, :, i, j])
    return out
    # end
