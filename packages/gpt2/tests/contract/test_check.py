"""The contract holds for ours and for that of transformers, and names each mistake that is put in."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from attention import causal
from gpt2 import GPT2, contract

from ..conftest import CONFIG


@pytest.fixture
def theirs(transformers):
    def make(**changes):
        shape = {"vocab_size": 300, "n_positions": 24, "n_embd": 32, "n_head": 4, "n_layer": 3}
        dropout = {"attn_pdrop": 0.0, "embd_pdrop": 0.0, "resid_pdrop": 0.0}
        torch.manual_seed(0)
        return transformers.GPT2LMHeadModel(transformers.GPT2Config(**shape, **dropout, **changes)).eval()

    return make


def test_ours_keeps_every_claim_and_is_left_as_it_was():
    model = GPT2(CONFIG, generator=torch.Generator().manual_seed(0)).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    findings = contract.measure(model)
    assert all(finding.held for finding in findings), findings
    assert max(finding.error or 0.0 for finding in findings) < 1e-9
    assert len(contract.check(model)) == len(findings) >= 17
    assert model.training
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_that_of_transformers_keeps_every_claim(theirs):
    claims = contract.check(theirs())
    assert "GELU is the tanh form" in claims
    assert "a cache changes nothing" not in claims  # theirs has another seam
    assert claims.not_judged == ("caches and rows of several lengths (give the model new_cache, cache= and lengths=)",)


OTHERS = [
    ({"activation_function": "gelu"}, "GELU is the tanh form"),
    ({"layer_norm_epsilon": 1e-6}, "the norms' epsilon is 1e-5"),
    ({"layer_norm_epsilon": 1e-12}, "the norms' epsilon is 1e-5"),
    ({"tie_word_embeddings": False}, "the head is the token embedding"),
    ({"scale_attn_weights": False}, "attention is scaled by 1 / sqrt(head size)"),
    ({"scale_attn_by_inverse_layer_idx": True}, "logits equal those of the reference"),
]


@pytest.mark.parametrize(("changes", "claim"), OTHERS)
def test_other_architectures_of_transformers_are_named(changes, claim, theirs):
    with pytest.raises(contract.BrokenClaim, match="found") as error:
        contract.check(theirs(**changes))
    assert claim in [broken.claim for broken in error.value.broken]


def transposed(model):
    for block in model.decoder.blocks:
        layer = block.attention.out
        layer.forward = lambda x, layer=layer: nn.functional.linear(x, layer.weight.T, layer.bias)


def without_biases(model):
    for name, layer in model.named_modules():
        if isinstance(layer, nn.Linear) and name:
            layer.forward = lambda x, layer=layer: nn.functional.linear(x, layer.weight)


def off_by_one(model):
    table = model.position_embedding
    table.forward = lambda positions: table.weight[(positions + 1) % CONFIG.n_ctx]


def post_norm(model):
    for block in model.decoder.blocks:

        def forward(x, mask=None, cache=None, block=block):
            x = block.attention_norm(x + block.attention(x, mask or causal(), cache))
            return block.feed_forward_norm(x + block.feed_forward(x))

        block.forward = forward


def no_last_norm(model):
    model.final_norm.forward = lambda x: x


def sees_all(model):
    for block in model.decoder.blocks:
        plain = block.attention.forward
        block.attention.forward = lambda x, mask=None, cache=None, plain=plain: plain(x, None, None)


def forgets_positions(model):
    table, plain = model.position_embedding, model.position_embedding.forward
    table.forward = lambda positions: plain(positions - positions[:, :1])


def context_unchecked(model):
    table = model.position_embedding
    table.forward = lambda positions: table.weight[positions % CONFIG.n_ctx]
    model._positions = lambda tokens, cache, lengths: torch.arange(tokens.shape[1]).expand(len(tokens), -1)


def square_root_forgotten(model):
    """Scaled by the head size instead of its root."""
    for block in model.decoder.blocks:
        plain = block.attention.qkv.forward

        def forward(x, plain=plain, head_size=CONFIG.n_embd // CONFIG.n_head):
            q, k, v = plain(x).chunk(3, dim=-1)
            return torch.cat([q / head_size**0.5, k, v], dim=-1)

        block.attention.qkv.forward = forward


def heads_interleaved(model):
    order = torch.arange(CONFIG.n_embd).reshape(-1, CONFIG.n_head).T.flatten()
    for block in model.decoder.blocks:
        plain, out = block.attention.qkv.forward, block.attention.out.forward
        block.attention.qkv.forward = lambda x, plain=plain: torch.cat(
            [part[..., order] for part in plain(x).chunk(3, dim=-1)], dim=-1
        )
        block.attention.out.forward = lambda x, out=out: out(x[..., order.argsort()])


def residual_forgotten(model):
    for block in model.decoder.blocks:
        plain = block.forward
        block.forward = lambda x, mask=None, cache=None, plain=plain: plain(x, mask, cache) - x


def values_first(model):
    for block in model.decoder.blocks:
        plain = block.attention.qkv.forward
        block.attention.qkv.forward = lambda x, plain=plain: torch.cat(
            [plain(x).chunk(3, dim=-1)[part] for part in (2, 1, 0)], dim=-1
        )


def rows_leak(model):
    plain = model.final_norm.forward
    model.final_norm.forward = lambda x: plain(x + 0.1 * x.mean(0, keepdim=True))


def drops_in_evaluation(model):
    plain = model.final_norm.forward
    model.final_norm.forward = lambda x: nn.functional.dropout(plain(x), 0.2, training=True)


PLANTED = [
    (transposed, "projections lie [in, out]"),
    (without_biases, "projections have their biases"),
    (off_by_one, "positions count from 0"),
    (post_norm, "norms come before their layers"),
    (no_last_norm, "a last norm stands before the head"),
    (sees_all, "no token sees later ones"),
    (sees_all, "later tokens change nothing"),
    (forgets_positions, "a cache changes nothing"),
    (forgets_positions, "padding changes nothing"),
    (context_unchecked, "more tokens than the context holds are refused"),
    (square_root_forgotten, "logits equal those of the reference"),
    (heads_interleaved, "a head's channels lie side by side"),
    (residual_forgotten, "logits equal those of the reference"),
    (values_first, "queries, keys and values come in this order"),
    (rows_leak, "rows of a batch do not see each other"),
    (drops_in_evaluation, "logits equal those of the reference"),
]


@pytest.mark.parametrize(("plant", "claim"), PLANTED)
def test_planted_mistakes_are_named(plant, claim, monkeypatch):
    def copy(model):
        again = GPT2(CONFIG)
        again.load_state_dict(model.state_dict())
        plant(again)
        return again

    # A deep copy would carry patches that are bound to the first model: plant them in the copy instead.
    monkeypatch.setattr("gpt2.contract.subject.copy.deepcopy", copy)
    with pytest.raises(contract.BrokenClaim) as error:
        contract.check(GPT2(CONFIG, generator=torch.Generator().manual_seed(0)))
    assert claim in [broken.claim for broken in error.value.broken], error.value


def test_what_is_no_gpt2_is_refused():
    with pytest.raises(ValueError, match="wanted the number of heads"):
        contract.check(nn.Linear(2, 2))
    with pytest.raises(ValueError, match=r"published names .* got one without wte.weight"):
        contract.check(nn.Linear(2, 2), n_head=1)


def test_the_contract_needs_torch_and_the_standard_library_only():
    code = (
        "import sys, gpt2.contract; others = {'tiktoken', 'safetensors', 'transformers', 'tyro', 'attention'};"
        "assert not others & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


WRONG = [*OTHERS, *PLANTED]


def test_the_wrong_ones_are_counted():
    assert len(WRONG) == 22
