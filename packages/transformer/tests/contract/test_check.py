"""The contract passes what is right, torch's own included, and names what is wrong."""

import pytest
import torch
from torch import nn

from attention import MultiHeadAttention, causal
from transformer import CrossBlock, DecoderBlock, EncoderBlock, contract


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
    """Normalizes each channel over the tokens instead of each token over its channels."""

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


class NoLargestScore(MultiHeadAttention):
    """A softmax written as the formula has it: exp overflows where scores are large."""

    def forward(self, x, mask=None, cache=None, *, source=None):
        q, k, v = self.queries_keys_values(x, source, None)
        weights = (q @ k.mT / self.head_size**0.5).exp()
        weights = weights.tril() if source is None else weights
        return self.out((weights / weights.sum(-1, keepdim=True) @ v).transpose(1, 2).flatten(2))


class Overflowing(DecoderBlock):
    def __init__(self, n_embd, n_head):
        super().__init__(n_embd, n_head, attention=NoLargestScore)

    def forward(self, x):
        return super().forward(x)


class LosesDigits(DecoderBlock):
    def forward(self, x):
        return super().forward(x) + 1000 - 1000


class StopsGradients(DecoderBlock):
    def forward(self, x):
        return x + self.feed_forward(self.attention(x, causal()).detach())


class ForgetsTheCache(DecoderBlock):
    """Writes the cache and then looks at the new tokens only."""

    def forward(self, x, cache=None):
        if cache is not None:
            cache.write(*self.attention.queries_keys_values(self.attention_norm(x), None, None)[1:])
        return super().forward(x)


class OneLengthForAll(DecoderBlock):
    """Takes what the longest row holds for what every row holds."""

    def forward(self, x, cache=None):
        if cache is not None:
            cache.rows.lengths = torch.full_like(cache.rows.lengths, cache.rows.longest)
            cache.rows.shortest = cache.rows.longest
        return super().forward(x, cache=cache)


class EmptyRowsToNaN(DecoderBlock):
    def forward(self, x, mask=None):
        output = super().forward(x, mask)
        return output if mask is None else output + 0 / mask.any(-1)[:, 0, :, None].float()


class OneTokenOnly(nn.Module):
    """Residual wiring, and no attention."""

    n_embd = 8

    def __init__(self, *sizes):
        super().__init__()
        self.inner = nn.Linear(8, 8)

    def forward(self, x):
        return x + self.inner(x)


BROKEN = {
    Peeking: "future tokens change nothing",
    NormOverTime: "future tokens change nothing",
    NormOverBatch: "rows of a batch do not touch",
    CountsTokens: "the order of the past changes nothing",
    DropsAlways: "the same input gives the same output",
    CacheBetweenHalves: "steps give what the whole gives",
    AddsInPlace: "the input is left as it was",
    NormIgnored: "every weight learns",
    Overflowing: "extreme scores stay finite",
    LosesDigits: "half precision gives nearly the same",
    StopsGradients: "gradients are slopes",
    ForgetsTheCache: "steps give what the whole gives",
    OneLengthForAll: "rows of different lengths in a cache do not touch",
    EmptyRowsToNaN: "an empty row stays finite and leaves the others alone",
    OneTokenOnly: "an earlier token changes a later output",
}


@pytest.mark.parametrize("kind", BROKEN, ids=lambda kind: kind.__name__)
def test_a_broken_block_is_caught_by_the_claim_it_breaks(kind):
    with pytest.raises(contract.BrokenClaim, match=r"Smallest input that shows it: x of \[B, T, C\]") as broken:
        contract.check(kind(8, 2))
    assert broken.value.claim == BROKEN[kind]


@pytest.mark.parametrize("wiring", ["pre", "post", "sandwich", "parallel"])
def test_our_encoder_keeps_every_claim(wiring):
    held = contract.check(EncoderBlock(8, 2, wiring=wiring), causal=False)
    assert "the order of tokens changes only the order of outputs" in held
    assert "hidden tokens change nothing" in held


@pytest.mark.parametrize("wiring", ["pre", "post", "sandwich"])
def test_our_cross_block_keeps_every_claim(wiring):
    held = contract.check(CrossBlock(8, 2, wiring=wiring))
    assert "hidden tokens of the source change nothing" in held
    assert "steps give what the whole gives" in held


class TorchDecoder(nn.Module):
    """torch.nn.TransformerDecoderLayer made causal."""

    n_embd = 8

    def __init__(self):
        super().__init__()
        self.inner = nn.TransformerDecoderLayer(8, 2, 16, dropout=0.0, batch_first=True)

    def forward(self, x, source):
        return self.inner(x, source, tgt_mask=torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1))


def test_torch_s_decoder_layer_keeps_every_claim_that_needs_no_cache():
    held = contract.check(TorchDecoder())
    assert "each row hears its own source" in held
    assert "hidden tokens of the source change nothing" not in held


class IgnoresTheMask(EncoderBlock):
    def forward(self, x, mask=None):
        return super().forward(x)


class AddsTheMeanOfAll(EncoderBlock):
    """Where later tokens are seen, adds the mean over all tokens, hidden ones too."""

    def forward(self, x, mask=None):
        output = super().forward(x, mask)
        return output + x.mean(1, keepdim=True) if mask is not None and mask[..., 0, 1:].any() else output


class SeesNoEnd(EncoderBlock):
    """Without a mask, only looks back."""

    def forward(self, x, mask=None):
        return super().forward(x, causal() if mask is None else mask)


class NaNWhereNothingIsSeen(EncoderBlock):
    def forward(self, x, mask=None):
        output = super().forward(x, mask)
        return output if mask is None else output + 0 / mask.any(-1)[:, 0, :, None].float()


BROKEN_ENCODERS = {
    IgnoresTheMask: "future tokens change nothing",
    AddsTheMeanOfAll: "hidden tokens change nothing",
    SeesNoEnd: "the order of tokens changes only the order of outputs",
    NaNWhereNothingIsSeen: "a query that sees nothing gives zeros",
}


@pytest.mark.parametrize("kind", BROKEN_ENCODERS, ids=lambda kind: kind.__name__)
def test_a_broken_encoder_is_caught_by_the_claim_it_breaks(kind):
    with pytest.raises(contract.BrokenClaim, match=r"Smallest input that shows it: x of \[B, T, C\]") as broken:
        contract.check(kind(8, 2), causal=False)
    assert broken.value.claim == BROKEN_ENCODERS[kind]


class LooksAheadInTheWriting(CrossBlock):
    def forward(self, x, source):
        return super().forward(x, source, torch.ones(x.shape[1], x.shape[1], dtype=torch.bool))


class NumbersTheSource(CrossBlock):
    def forward(self, x, source):
        return super().forward(x, source * torch.arange(1, source.shape[1] + 1)[:, None].to(source))


class HearsRowZero(CrossBlock):
    def forward(self, x, source):
        return super().forward(x, source[:1].expand_as(source))


class HearsNothing(CrossBlock):
    def forward(self, x, source):
        return super().forward(x, 0 * source)


class IgnoresTheSourceMask(CrossBlock):
    def forward(self, x, source, *, source_mask=None):
        return super().forward(x, source)


class NaNWithoutASource(CrossBlock):
    def forward(self, x, source, *, source_mask=None):
        output = super().forward(x, source, source_mask=source_mask)
        return output if source_mask is None else output + 0 / source_mask.any(-1)[:, 0, :, None].float()


BROKEN_CROSS = {
    LooksAheadInTheWriting: "future tokens change nothing",
    NumbersTheSource: "the order of the source changes nothing",
    HearsRowZero: "each row hears its own source",
    HearsNothing: "each row hears its own source",
    IgnoresTheSourceMask: "hidden tokens of the source change nothing",
    NaNWithoutASource: "an empty source stays finite",
}


@pytest.mark.parametrize("kind", BROKEN_CROSS, ids=lambda kind: kind.__name__)
def test_a_broken_cross_block_is_caught_by_the_claim_it_breaks(kind):
    with pytest.raises(contract.BrokenClaim, match=r"x of \[B, T, C\] = .*, source of \[B, S, C\] = ") as broken:
        contract.check(kind(8, 2))
    assert broken.value.claim == BROKEN_CROSS[kind]


def test_the_smallest_shapes_are_named():
    with pytest.raises(contract.BrokenClaim, match=r"future tokens.*x of \[B, T, C\] = \[1, 2, 8\]"):
        contract.check(Peeking(8, 2))


def test_a_block_of_unknown_width_is_refused_with_what_to_do():
    with pytest.raises(ValueError, match=r"wanted the width of Identity; got no attribute n_embd; pass n_embd="):
        contract.check(nn.Identity())


def rms(norm, x):
    return x / x.square().mean(-1, keepdim=True).add(1e-5).sqrt() * norm.weight + norm.bias


class Written(nn.Module):
    """A block as a student writes it; each slip is a method written wrongly."""

    n_embd = 8

    def __init__(self):
        super().__init__()
        self.attention = MultiHeadAttention(8, 2)
        self.up, self.down, self.a, self.b = nn.Linear(8, 32), nn.Linear(32, 8), nn.LayerNorm(8), nn.LayerNorm(8)

    def norm(self, layer, x):
        return layer(x)

    def activation(self, x):
        return nn.functional.gelu(x, approximate="tanh")

    def look(self, x):
        return self.attention(x, causal())

    def feed(self, x):
        return self.down(self.activation(self.up(x)))

    def forward(self, x):
        x = x + self.look(self.norm(self.a, x))
        return x + self.feed(self.norm(self.b, x))


class ExactGelu(Written):
    def activation(self, x):
        return nn.functional.gelu(x)


class Relu(Written):
    def activation(self, x):
        return x.relu()


class NoActivation(Written):
    def activation(self, x):
        return x


class RootMeanSquare(Written):
    def norm(self, layer, x):
        return rms(layer, x)


class NormWithoutAnEpsilon(Written):
    def norm(self, layer, x):
        return (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + 1e-5) * layer.weight + layer.bias


class SameNormTwice(Written):
    def forward(self, x):
        x = x + self.look(self.norm(self.a, x))
        return x + self.feed(self.norm(self.a, x)) + 0 * self.b(x)


class NormAfterwards(Written):
    def forward(self, x):
        x = self.norm(self.a, x + self.look(x))
        return self.norm(self.b, x + self.feed(x))


class NormOnTheResidual(Written):
    def forward(self, x):
        x = self.norm(self.a, x)
        x = x + self.look(x)
        x = self.norm(self.b, x)
        return x + self.feed(x)


class SideBySide(Written):
    def forward(self, x):
        return x + self.look(self.norm(self.a, x)) + self.feed(self.norm(self.b, x))


class FeedForwardFirst(Written):
    def forward(self, x):
        x = x + self.feed(self.norm(self.b, x))
        return x + self.look(self.norm(self.a, x))


class FirstResidualForgotten(Written):
    def forward(self, x):
        x = self.look(self.norm(self.a, x))
        return x + self.feed(self.norm(self.b, x))


class SecondResidualForgotten(Written):
    def forward(self, x):
        x = x + self.look(self.norm(self.a, x))
        return self.feed(self.norm(self.b, x))


class ResidualOfTheWrongPlace(Written):
    def forward(self, x):
        seen = x + self.look(self.norm(self.a, x))
        return x + self.feed(self.norm(self.b, seen))


class ScaledByTheWidth(Written):
    def look(self, x):
        q, k, v = self.attention.queries_keys_values(x, None, None)
        return self.attention.out(
            nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True, scale=8**-0.5)
            .transpose(1, 2)
            .flatten(2)
        )


SLIPS = [
    ExactGelu,
    Relu,
    NoActivation,
    RootMeanSquare,
    NormWithoutAnEpsilon,
    SameNormTwice,
    NormAfterwards,
    NormOnTheResidual,
    SideBySide,
    FeedForwardFirst,
    FirstResidualForgotten,
    SecondResidualForgotten,
    ResidualOfTheWrongPlace,
    ScaledByTheWidth,
]


def written(kind):
    """A block with weights that differ from layer to layer, the norms' too."""
    torch.manual_seed(0)
    block = kind()
    for weight in block.parameters():
        weight.data += 0.1 * torch.randn_like(weight)
    return block


def test_a_block_is_held_to_a_reference():
    held = contract.check(written(Written), reference=written(Written).forward)
    assert "the output is that of the reference" in held
    assert held.not_judged == ()
    assert "pass reference=" in str(contract.check(written(Written)))


@pytest.mark.parametrize("kind", SLIPS, ids=lambda kind: kind.__name__)
def test_a_slip_that_no_claim_sees_is_caught_by_the_reference(kind):
    with pytest.raises(contract.BrokenClaim) as broken:
        contract.check(written(kind), reference=written(Written).forward)
    assert broken.value.claim == "the output is that of the reference", str(broken.value)


WRONG = [*BROKEN, *BROKEN_ENCODERS, *BROKEN_CROSS, *SLIPS]


def test_the_wrong_ones_are_counted():
    assert len(WRONG) == 39
