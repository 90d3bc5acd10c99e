"""Paths through a head add up to it, and one path is what taking its part out of what the head reads takes away."""

import pytest
import torch

from interpretability import attribute, attribute_paths, tracing


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("token", [0, 4, -1])
def test_the_paths_of_a_layer_add_up_to_its_heads(model, tokens, layer, token):
    row = tokens[:1]
    for target, against in ((7, None), (7, 11)):
        other = None if against is None else torch.full_like(row, against)
        whole = attribute(model, row, torch.full_like(row, target), other)
        paths = attribute_paths(model, row, target, layer, token=token, against=against)
        wanted = [whole.parts[0, token, whole.names.index(f"{layer}.head.{head}")] for head in range(3)]
        torch.testing.assert_close(paths.values.sum(dim=(0, 2)), torch.stack(wanted), atol=1e-5, rtol=1e-5)
        assert paths.values.shape == (len(paths.names), 3, 9)
        assert len(paths.names) == (3 if layer == 0 else 8)


@torch.no_grad()
def test_a_path_is_what_the_logit_loses_without_it_with_patterns_and_scales_held(model, tokens):
    row, head, place, target = tokens[:1], 2, 3, 7
    with tracing(model) as at:
        model(row)
    block, norm, last = model.decoder.blocks[1], model.decoder.blocks[1].attention_norm, at["1.resid_post"][0, -1]
    stream = at["1.resid_pre"][0].double()
    scale = (stream.var(dim=-1, unbiased=False, keepdim=True) + norm.eps).sqrt()
    values = block.attention.qkv.weight.double()[48:][8 * head : 8 * head + 8]
    writes = block.attention.out.weight.double()[:, 8 * head : 8 * head + 8]

    def logit(x):
        """Of head 2 alone, given the stream it reads."""
        normed = (x - x.mean(dim=-1, keepdim=True)) / scale * norm.weight.double() + norm.bias.double()
        value = normed @ values.T + block.attention.qkv.bias.double()[48:][8 * head : 8 * head + 8]
        written = at["1.attention.pattern"][0, head, -1].double() @ value @ writes.T
        deviation = (last.double().var(unbiased=False) + model.final_norm.eps).sqrt()
        centered = (written - written.mean()) / deviation * model.final_norm.weight.double()
        return centered @ model.token_embedding.weight.double()[target]

    mlp = at["0.feed_forward.hidden"][0].double() @ model.decoder.blocks[0].feed_forward.down.weight.double().T
    without = stream.clone()
    without[place] -= mlp[place]
    paths = attribute_paths(model, row, target, 1)
    ours = paths.values[paths.names.index("0.feed_forward"), head, place]
    assert ours.item() == pytest.approx((logit(stream) - logit(without)).item(), rel=1e-9, abs=1e-12)


def test_wrong_input_is_refused(model, tokens):
    with pytest.raises(ValueError, match="wanted one row and a token of it, -9 to 8, got 2 rows"):
        attribute_paths(model, tokens, 7, 1)
    with pytest.raises(ValueError, match="-9 to 8, got 1 rows and 9"):
        attribute_paths(model, tokens[:1], 7, 1, token=9)
    with pytest.raises(ValueError, match="layer: wanted 0 to 1, got 5"):
        attribute_paths(model, tokens[:1], 7, 5)
