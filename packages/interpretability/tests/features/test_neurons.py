"""Neurons: found where the model itself says they are high, and speaking for what they push."""

import pytest
import torch

from gpt2 import GPT2, GPT2Config
from interpretability import most_selective, promoted_tokens, top_passages
from interpretability.features.neurons import read_neuron


def tiny() -> GPT2:
    config = GPT2Config(n_vocab=60, n_ctx=16, n_embd=8, n_head=2, n_layer=2)
    model = GPT2(config, generator=torch.Generator().manual_seed(0)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(10)
    return model


def hidden_of(model: GPT2, tokens: torch.Tensor) -> list[torch.Tensor]:
    """The neurons by a hook on what reads them."""
    found: list[torch.Tensor] = []
    hooks = [
        block.feed_forward.down.register_forward_pre_hook(lambda layer, given: found.append(given[0]))
        for block in model.decoder.blocks
    ]
    with torch.no_grad():
        model(tokens)
    for hook in hooks:
        hook.remove()
    return found


def test_passages_are_where_the_model_computes_the_highest_activations() -> None:
    model = tiny()
    tokens = torch.randint(60, (10, 16), generator=torch.Generator().manual_seed(1))
    blocks = top_passages(model, iter(tokens.split(3)), k=2)
    for block, hidden in zip(blocks, hidden_of(model, tokens), strict=True):
        assert torch.allclose(block.values[:, 0], hidden.amax((0, 1)), atol=1e-6)
        assert torch.allclose(block.mean, hidden.mean((0, 1)), atol=1e-6)
    standing = torch.stack([block.standing_out for block in blocks])
    layer, neuron = most_selective(blocks, 3)[0]
    assert standing[layer, neuron] == standing.max()


def test_a_promoted_token_is_one_whose_logit_rises_most_when_the_neuron_writes() -> None:
    model = tiny()
    ids = [token for token, _ in promoted_tokens(model, 1, 5, 60)]
    written = model.decoder.blocks[1].feed_forward.down.weight[:, 5].detach()
    with torch.no_grad():
        lean = written - written.mean()
        logits = model.token_embedding.logits(model.final_norm.weight * lean)
    assert ids == logits.argsort(descending=True).tolist()
    assert len(promoted_tokens(model, 0, 0, 4)) == 4


@pytest.mark.parametrize("name", ["2.0", "0.32", "0", "a.b", "-1.3", "0.1.2", ""])
def test_a_neuron_that_there_is_not_is_refused(name: str) -> None:
    assert read_neuron("1.31", tiny()) == (1, 31)
    with pytest.raises(ValueError, match=r"layers 0\.\.1 and neurons 0\.\.31"):
        read_neuron(name, tiny())


def test_no_text_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one token"):
        top_passages(tiny(), [])
