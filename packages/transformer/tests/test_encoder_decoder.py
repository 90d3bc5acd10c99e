"""An encoder and a decoder together: in steps as at once, and nothing leaks from what pads the source."""

import pytest
import torch

from attention import KeyValueCache, causal, padding
from transformer import (
    DecoderStack,
    EncoderDecoder,
    EncoderStack,
)

C, H, B, T, S = 8, 2, 2, 5, 7


def randomized(module):
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return module


@pytest.mark.parametrize("remembered", [False, True])
def test_an_encoder_decoder_writes_in_steps_what_it_writes_at_once(remembered):
    model, source, target = randomized(EncoderDecoder(2, C, H)), torch.randn(B, S, C), torch.randn(B, T, C)
    mask, cache, outputs = padding(torch.tensor([4, S])), KeyValueCache(2, B, H, T, C // H), []
    with torch.no_grad():
        encoded = model.encode(source, mask)
        read = model.remember(encoded) if remembered else encoded
        for token in target.split(1, dim=1):
            outputs.append(model.decode(token, read, mask, cache))
            cache.advance(1)
        whole = model(source, target, mask)
    torch.testing.assert_close(torch.cat(outputs, dim=1), whole, atol=1e-4, rtol=1e-4)


def test_what_pads_the_source_changes_nothing():
    model, source, target = randomized(EncoderDecoder(2, C, H)), torch.randn(B, S, C), torch.randn(B, T, C)
    mask, other = padding(torch.tensor([4, S])), source.clone()
    other[0, 4:] = 100 * torch.randn(3, C)
    torch.testing.assert_close(model(other, target, mask), model(source, target, mask))


def test_an_encoder_sees_the_future_and_a_decoder_does_not():
    x = torch.randn(1, T, C)
    changed = torch.cat([x[:, :-1], torch.randn(1, 1, C)], dim=1)
    decoder, encoder = randomized(DecoderStack(2, C, H)), randomized(EncoderStack(2, C, H))
    torch.testing.assert_close(decoder(changed)[:, :-1], decoder(x)[:, :-1])
    assert not torch.allclose(encoder(changed)[:, :-1], encoder(x)[:, :-1])
    torch.testing.assert_close(encoder(changed, causal())[:, :-1], encoder(x, causal())[:, :-1])
