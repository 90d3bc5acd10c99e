"""The contract passes what is right, torch's own included, and names what is wrong."""

import pytest
import torch
from torch import nn

from attention import causal
from transformer import DecoderBlock, contract


class TorchBlock(nn.Module):
    """torch.nn.TransformerEncoderLayer made causal."""

    n_embd = 8

    def __init__(self, norm_first):
        super().__init__()
        self.inner = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, norm_first=norm_first, batch_first=True)

    def forward(self, x):
        return self.inner(x, src_mask=torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1))


def test_ours_keeps_every_claim():
    held = contract.check(DecoderBlock(8, 2))
    assert "future tokens change nothing" in held
    assert "rows of different lengths in a cache do not touch" in held


@pytest.mark.parametrize("norm_first", [True, False])
def test_torch_keeps_every_claim_that_needs_no_cache(norm_first):
    held = contract.check(TorchBlock(norm_first))
    assert "gradients are slopes" in held
    assert "steps give what the whole gives" not in held


class Peeking(DecoderBlock):
    def forward(self, x, cache=None):
        return x + self.attention(self.attention_norm(x))


class NormOverTime(DecoderBlock):
    """Normalises each channel over the tokens instead of each token over its channels."""

    def forward(self, x):
        x = (x - x.mean(1, keepdim=True)) / (x.std(1, unbiased=False, keepdim=True) + 1)
        return x + self.attention(x, causal())


class NormOverBatch(DecoderBlock):
    def forward(self, x):
        return super().forward(x - x.mean(0))


class CountsTokens(DecoderBlock):
    def forward(self, x):
        return super().forward(x + torch.outer(torch.arange(x.shape[1]), torch.arange(8)).to(x))


class DropsAlways(DecoderBlock):
    def forward(self, x):
        return super().forward(nn.functional.dropout(x, 0.5, training=True))


class CacheBetweenHalves(DecoderBlock):
    """Uses the cache for attention, and forgets the residual once it does."""

    def forward(self, x, cache=None):
        if cache is None:
            return super().forward(x)
        return self.feed_forward(self.feed_forward_norm(x + self.attention(self.attention_norm(x), cache=cache)))


class AddsInPlace(DecoderBlock):
    def forward(self, x):
        x += self.attention(self.attention_norm(x), causal())
        return x


class NormIgnored(DecoderBlock):
    def forward(self, x):
        return x + self.attention(x, causal())


BROKEN = {
    Peeking: "future tokens change nothing",
    NormOverTime: "future tokens change nothing",
    NormOverBatch: "rows of a batch do not touch",
    CountsTokens: "the order of the past changes nothing",
    DropsAlways: "the same input gives the same output",
    CacheBetweenHalves: "steps give what the whole gives",
    AddsInPlace: "the input is left as it was",
    NormIgnored: "every weight learns",
}


@pytest.mark.parametrize("kind", BROKEN, ids=lambda kind: kind.__name__)
def test_a_broken_block_is_caught_by_the_claim_it_breaks(kind):
    with pytest.raises(contract.BrokenClaim, match=r"Smallest shapes that show it: x of \[B, T, C\]") as broken:
        contract.check(kind(8, 2))
    assert broken.value.claim == BROKEN[kind]
