"""The same folder in TransformerLens: every place of the table, and ablations by its hooks, with the time they take.

For the session `parity-interpretability`, whose environment has TransformerLens; skipped elsewhere.
"""

import time

import pytest
import torch

import gpt2
from gpt2.files.folder import save_model
from interpretability import ablate, places_of, tracing

pytest.importorskip("transformer_lens", reason="compares with TransformerLens: nox -s parity-interpretability")

SHAPES = {"two layers": (64, 4, 2), "one head": (32, 1, 1), "four layers": (60, 5, 4)}


def bridge_of(folder):
    from transformer_lens.model_bridge import TransformerBridge

    return TransformerBridge.boot_transformers(str(folder), device="cpu").eval()


@torch.no_grad()
@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
def test_every_place_of_the_table_is_that_of_its_hook(make_model, tokenizer, tmp_path, shape):
    model = make_model(*shape, n_vocab=tokenizer.n_vocab, n_ctx=64)
    for block in model.decoder.blocks:
        block.attention.qkv.weight.mul_(0.3)  # scores as large as trained ones: rounding grows with them
    gpt2.save(tmp_path / "model", model, tokenizer)
    tokens = torch.randint(tokenizer.n_vocab, (3, 40), generator=torch.Generator().manual_seed(1))
    with tracing(model) as ours:
        model(tokens)
    _, theirs = bridge_of(tmp_path / "model").run_with_cache(tokens)
    for name, place in places_of(model).items():
        assert ours[name].shape == theirs[place.hook].shape, name
        scale = max(1.0, float(theirs[place.hook].abs().max()))
        torch.testing.assert_close(
            ours[name], theirs[place.hook], atol=1e-5 * scale, rtol=0, msg=lambda m, n=name: n + m
        )


def loss(bridge, tokens, head=None):
    """Nats a token, with one head of TransformerLens' hooks at zero."""

    def off(value, hook):
        value[:, :, head[1]] = 0
        return value

    hooks = [] if head is None else [(f"blocks.{head[0]}.attn.hook_z", off)]
    return bridge.run_with_hooks(tokens, return_type="loss", loss_per_token=True, fwd_hooks=hooks).mean()


@torch.no_grad()
def test_all_heads_ablated_are_the_same_numbers_in_a_fraction_of_the_time(tmp_path):
    """The shape of the default recipe, 16,000 tokens; CPU seconds of this process, whatever else runs beside it."""
    config = gpt2.GPT2Config(n_vocab=2048, n_ctx=128, n_embd=256, n_head=8, n_layer=2)
    model = gpt2.GPT2(config, generator=torch.Generator().manual_seed(0)).eval()
    with torch.no_grad():
        for block in model.decoder.blocks:
            block.attention.out.weight.mul_(30)
    save_model(tmp_path, model, end_of_text=0)
    bridge = bridge_of(tmp_path)
    tokens = torch.randint(2048, (128, 125), generator=torch.Generator().manual_seed(1))
    heads = [(layer, head) for layer in range(2) for head in range(8)]
    ablate(model, tokens[:16], how="zero")
    loss(bridge, tokens[:16])
    began = time.process_time()
    ours = torch.tensor([effect.nats.value for effect in ablate(model, tokens, how="zero")])
    between = time.process_time()
    plain = loss(bridge, tokens)
    theirs = torch.stack([loss(bridge, tokens, head) - plain for head in heads])
    our_time, their_time = between - began, time.process_time() - between
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-3)
    spent = f"{our_time:.1f} CPU s, TransformerLens {their_time:.1f}"
    print(f"all heads on 16,000 tokens: {spent}")  # noqa: T201
    assert their_time >= 2.5 * our_time, f"{spent}; alone on a machine it is 3 times and more"
    assert our_time <= 20.0, f"{spent}; 20 is 10 s on two cores"
