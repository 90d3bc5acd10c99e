"""Attribution adds up to the model's own logits, and each part is what taking it out of the stream takes away."""

import pytest
import torch

import quantization
from interpretability import attribute, attribute_neurons, editing, tracing


def texts(count, generator):
    return torch.randint(300, (count, 12), generator=generator)


def close(ours, logits):
    """Within 1e-5, of the logit where that is larger than 1."""
    return ((ours - logits.double()).abs() <= 1e-5 * logits.double().abs().clamp(min=1.0)).all()


def test_the_parts_add_up_for_every_token_of_a_hundred_texts(each_model):
    generator = torch.Generator().manual_seed(3)
    tokens, targets, against = (texts(100, generator) for _ in range(3))
    with torch.no_grad():
        logits = each_model(tokens)
    wanted = logits.gather(-1, targets[..., None])[..., 0]
    found = attribute(each_model, tokens, targets)
    assert torch.equal(found.logits, wanted)
    assert close(found.parts.sum(dim=-1), wanted)
    less = wanted - logits.gather(-1, against[..., None])[..., 0]
    assert close(attribute(each_model, tokens, targets, against).parts.sum(dim=-1), less)
    c = each_model.config
    assert len(found.names) == found.parts.shape[-1] == 4 + c.n_layer * (c.n_head + 1)
    assert len(set(found.names)) == len(found.names)


@torch.no_grad()
def test_a_part_is_what_the_logit_loses_without_it_at_the_same_scale(model, tokens):
    """By brute force: the part taken out of the last stream, normed by the scale that was."""
    targets = tokens.flip(0)
    found = attribute(model, tokens, targets)
    with tracing(model, ["1.resid_post", "0.attention.heads", "1.feed_forward.hidden"]) as places:
        model(tokens)
    stream, norm = places["1.resid_post"].double(), model.final_norm
    scale = (stream.var(dim=-1, unbiased=False, keepdim=True) + norm.eps).sqrt()

    def logit(x):
        state = (x - x.mean(dim=-1, keepdim=True)) / scale * norm.weight.double() + norm.bias.double()
        return (state * model.token_embedding.weight.double()[targets]).sum(dim=-1)

    attention, down = model.decoder.blocks[0].attention, model.decoder.blocks[1].feed_forward.down
    head = places["0.attention.heads"][:, :, 1].double() @ attention.out.weight.double()[:, 8:16].T
    mlp = places["1.feed_forward.hidden"].double() @ down.weight.double().T
    for name, written in (("0.head.1", head), ("1.feed_forward", mlp)):
        ours = found.parts[..., found.names.index(name)]
        torch.testing.assert_close(ours, logit(stream) - logit(stream - written), atol=1e-9, rtol=1e-9)


def test_the_neurons_of_a_layer_add_up_to_it(model, tokens):
    found = attribute(model, tokens, tokens)
    neurons = attribute_neurons(model, tokens, tokens, 1)
    assert neurons.shape == (2, 9, 96)
    torch.testing.assert_close(neurons.sum(dim=-1), found.parts[..., found.names.index("1.feed_forward")])


def test_largest_names_parts_by_size_whatever_the_sign(model, tokens):
    rows = attribute(model, tokens, tokens).largest(1, 4)
    assert [abs(value) for _, value in rows] == sorted((abs(value) for _, value in rows), reverse=True)
    assert min(value for _, value in rows) < 0 < max(value for _, value in rows)


def test_dropout_plays_no_part_and_the_model_stays_in_training(make_model, tokens):
    model = make_model(dropout=0.5).train()
    found = attribute(model, tokens, tokens)
    assert close(found.parts.sum(dim=-1), found.logits)
    assert model.training
    assert model.decoder.blocks[1].dropout.training


def test_an_edit_around_it_is_attributed(model, tokens):
    with editing(model, {"0.attention.heads": torch.zeros_like}):
        found = attribute(model, tokens, tokens)
    assert close(found.parts.sum(dim=-1), found.logits)
    assert not found.parts[..., found.names.index("0.head.0")].any()


def test_wrong_input_is_refused(make_model, model, tokens):
    with pytest.raises(ValueError, match=r"targets: wanted one id for each token, \[2, 9\], got \[2, 8\]"):
        attribute(model, tokens, tokens[:, :8])
    with pytest.raises(ValueError, match="against: wanted ids from 0 to 299, got 300 to 300"):
        attribute(model, tokens, tokens, torch.full_like(tokens, 300))
    with pytest.raises(ValueError, match="layer: wanted 0 to 1, got 2; this model has 2 blocks"):
        attribute_neurons(model, tokens, tokens, 2)
    small = quantization.quantize(make_model(n_embd=32, n_head=2), "int8")
    with pytest.raises(ValueError, match=r"attribution: wanted a model with floating-point weights, got a quantized"):
        attribute(small, tokens, tokens)
