"""The contract passes what is right, torch's own included, and names what is wrong."""

import math

import pytest
import torch
from torch import nn

from attention import MultiHeadAttention, attend, attend_reference, causal, contract, merge_heads, split_heads

N_EMBD, N_HEAD = 8, 2


class TorchAttention(nn.Module):
    """torch.nn.MultiheadAttention behind the call that the contract makes."""

    def __init__(self):
        super().__init__()
        self.inner = nn.MultiheadAttention(N_EMBD, N_HEAD, batch_first=True)

    def forward(self, x, mask):
        hidden = None if mask is None else ~mask.repeat_interleave(N_HEAD, dim=0)[:, 0]
        return self.inner(x, x, x, attn_mask=hidden, need_weights=False)[0]


def test_ours_keeps_every_claim():
    functions = contract.check(attend)
    assert functions == contract.check(attend_reference)
    assert "the output is that of the equation" in functions
    assert "rows of different lengths in a cache do not touch" in contract.check(MultiHeadAttention(N_EMBD, N_HEAD))


def test_torch_keeps_every_claim_that_needs_no_cache():
    held = contract.check(TorchAttention(), n_embd=N_EMBD)
    assert "hidden tokens change nothing" in held
    assert "steps give what the whole gives" not in held


def test_a_module_is_left_in_its_mode():
    layer = MultiHeadAttention(N_EMBD, N_HEAD, dropout=0.5).train()
    contract.check(layer)
    assert layer.training


def weights_of(q, k, mask, fill=-math.inf, dim=-1, scale=True):
    scores = q @ k.mT / (math.sqrt(q.shape[-1]) if scale else 1)
    return (scores if mask is None else scores.masked_fill(~mask, fill)).softmax(dim)


def careful(q, k, v, mask, **arguments):
    """Attention by hand, right unless told otherwise: what is hidden gets a weight of zero."""
    weights = weights_of(q, k, mask, torch.finfo(q.dtype).min, **arguments)
    return (weights if mask is None else weights * mask) @ v


def in_place(q, k, v, mask):
    with torch.no_grad():
        q *= 2
    return careful(q, k, v, mask)


def own_triangle(q, k, v, mask):
    return attend(
        q, k, v, mask if mask is None or q.shape == k.shape else mask & causal().dense(1, q.shape[2], k.shape[2])
    )


def unsafe_softmax(q, k, v, mask):
    shares = (q @ k.mT / math.sqrt(q.shape[-1])).exp() * (1 if mask is None else mask)
    return shares @ v / shares.sum(-1, keepdim=True).clamp(min=1e-30)


def deaf_to_padding(q, k, v, mask):
    same_for_all = mask is not None and bool((mask == mask[..., :1, :]).all())
    return attend(q, k, v, None if same_for_all else mask)


def counting_keys(q, k, v, mask):
    """Scores scaled by how many keys there are: what is hidden counts."""
    return careful(q * math.log1p(k.shape[2]), k, v, mask)


def float32_inside(q, k, v, mask):
    """The softmax in float32, and no way back."""
    scores = (q @ k.mT / math.sqrt(q.shape[-1])).float()
    lowest = torch.finfo(torch.float32).min
    weights = (scores if mask is None else scores.masked_fill(~mask, lowest)).softmax(-1)
    return (weights if mask is None else weights * mask) @ v


def others(q, mask):
    """What `mask` shows but for a query's own token."""
    seen = torch.ones(q.shape[2], q.shape[2], dtype=torch.bool) if mask is None else mask
    return seen & ~torch.eye(seen.shape[-1], dtype=torch.bool)[-seen.shape[-2] :]


SEEN = "an earlier token changes a later output"
FUNCTIONS = {
    "transposed": (lambda *a: careful(*a).transpose(1, 2), "the output has the shape and type of the input"),
    "noisy": (lambda *a: careful(*a) + torch.rand(1), "the same input gives the same output"),
    "in place": (in_place, "the input is left as it was"),
    "deaf to the mask": (lambda q, k, v, mask: careful(q, k, v, None), "future tokens change nothing"),
    "mask the wrong way round": (
        lambda q, k, v, mask: careful(q, k, v, None if mask is None else mask.mT),
        "future tokens change nothing",
    ),
    "mask behind the softmax": (
        lambda q, k, v, mask: (weights_of(q, k, None) * (1 if mask is None else mask)) @ v,
        "future tokens change nothing",
    ),
    "softmax over the queries": (lambda *a: careful(*a, dim=-2), "future tokens change nothing"),
    "rows mixed": (lambda q, k, v, mask: careful(q, k, v - v.mean(0), mask), "rows of a batch do not touch"),
    "counts keys": (counting_keys, "padding on the right changes nothing"),
    "float32 inside": (float32_inside, "half precision gives nearly the same"),
    "counts places": (
        lambda q, k, v, mask: careful(q, k * torch.arange(k.shape[2])[:, None].to(k), v, mask),
        "the order of the past changes nothing",
    ),
    "softmax without a maximum": (unsafe_softmax, "large numbers stay finite"),
    "always causal": (
        lambda q, k, v, mask: attend(q, k, v, causal() if mask is None else mask),
        "the order of tokens changes only the order of outputs",
    ),
    "deaf to padding": (deaf_to_padding, "hidden tokens change nothing"),
    "NaN for nothing": (
        lambda q, k, v, mask: weights_of(q, k, mask) @ v,
        "a query that sees nothing gives zeros",
    ),
    "mean for nothing": (
        lambda q, k, v, mask: weights_of(q, k, mask, fill=-1e9) @ v,
        "a query that sees nothing gives zeros",
    ),
    "forgets the offset": (own_triangle, "steps give what the whole gives"),
    "gradient cut": (lambda q, k, v, mask: careful(q.detach(), k, v, mask) + 0 * q, "gradients are slopes"),
    "deaf to other tokens": (lambda q, k, v, mask: v if mask is None else v * mask.any(-1)[..., None], SEEN),
    "blind to itself": (lambda q, k, v, mask: careful(q, k, v, others(q, mask)), "a token sees itself"),
    "scores not scaled": (lambda *a: careful(*a, scale=False), "the output is that of the equation"),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_broken_function_is_caught_by_the_claim_it_breaks(name):
    function, claim = FUNCTIONS[name]
    with pytest.raises(
        contract.BrokenClaim, match=r"Smallest input that shows it: q, k and v of \[B, H, T, D\]"
    ) as broken:
        contract.check(function)
    assert broken.value.claim == claim


class CacheWithoutOffset(MultiHeadAttention):
    """Every chunk takes itself for the start of the text."""

    def forward(self, x, mask=None, cache=None):
        if cache is None:
            return super().forward(x, mask)
        q, k, v = (split_heads(part, self.n_head) for part in self.qkv(x).chunk(3, dim=-1))
        return self.out(merge_heads(attend(q, *cache.write(k, v), causal())))


class CacheWithoutRows(MultiHeadAttention):
    """All rows are taken for as long as the longest."""

    def forward(self, x, mask=None, cache=None):
        if cache is None:
            return super().forward(x, mask)
        q, k, v = (split_heads(part, self.n_head) for part in self.qkv(x).chunk(3, dim=-1))
        k, v = cache.write(k, v)
        places = torch.arange(k.shape[2] - x.shape[1], k.shape[2])[None]
        return self.out(merge_heads(attend(q, k, v, causal(), query_positions=places)))


class IdleWeight(MultiHeadAttention):
    """A weight that nothing uses."""

    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.spare = nn.Parameter(torch.ones(1))


class OneToken(nn.Module):
    """A layer for each token by itself."""

    n_embd = N_EMBD

    def __init__(self, *sizes):
        super().__init__()
        self.inner = nn.Linear(N_EMBD, N_EMBD)

    def forward(self, x, mask=None):
        return self.inner(x)


class OnlyOthers(MultiHeadAttention):
    """The triangle without its diagonal."""

    def forward(self, x, mask=None, cache=None):
        mask = torch.ones(1, 1, x.shape[1], x.shape[1], dtype=torch.bool) if mask is None else mask
        return super().forward(x, others(x[:, None], mask))


MODULES = {
    CacheWithoutOffset: "steps give what the whole gives",
    CacheWithoutRows: "rows of different lengths in a cache do not touch",
    IdleWeight: "every weight learns",
    OneToken: SEEN,
    OnlyOthers: "a token sees itself",
}


@pytest.mark.parametrize("kind", MODULES, ids=lambda kind: kind.__name__)
def test_a_broken_module_is_caught_by_the_claim_it_breaks(kind):
    with pytest.raises(contract.BrokenClaim, match=r"Smallest input that shows it: x of \[B, T, C\]") as broken:
        contract.check(kind(N_EMBD, N_HEAD))
    assert broken.value.claim == MODULES[kind]


def test_every_claim_catches_somebody():
    caught = [claim for _, claim in FUNCTIONS.values()] + list(MODULES.values())
    claimed = {*contract.check(attend), *contract.check(MultiHeadAttention(N_EMBD, N_HEAD))}
    assert set(caught) == claimed


def test_the_smallest_shapes_are_named():
    with pytest.raises(contract.BrokenClaim) as broken:
        contract.check(FUNCTIONS["deaf to the mask"][0])
    assert broken.value.smallest.endswith("= [1, 1, 2, 1]")
    with pytest.raises(contract.BrokenClaim) as broken:
        contract.check(FUNCTIONS["rows mixed"][0])
    assert broken.value.smallest.endswith("= [2, 1, 2, 2]")


def test_what_an_implementation_raises_is_told():
    def unfinished(q, k, v, mask):
        raise NotImplementedError("to do")

    with pytest.raises(contract.BrokenClaim, match="it raised NotImplementedError: to do"):
        contract.check(unfinished)


def test_a_module_of_unknown_width_is_refused():
    with pytest.raises(ValueError, match="wanted the width of Identity; got no attribute n_embd; pass n_embd="):
        contract.check(nn.Identity())


class ByHand(nn.Module):
    """Attention as a student writes it, with a matrix for each part; each slip is a method to write wrongly."""

    n_embd = N_EMBD

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(N_EMBD, N_EMBD) for _ in range(4))

    def split(self, x):
        return x.unflatten(-1, (N_HEAD, -1)).transpose(1, 2)

    def join(self, x):
        return x.transpose(1, 2).flatten(2)

    def parts(self, x):
        return self.q(x), self.k(x), self.v(x)

    def scale(self):
        return (N_EMBD / N_HEAD) ** -0.5

    def forward(self, x, mask=None):
        q, k, v = map(self.split, self.parts(x))
        scores = q @ k.mT * self.scale()
        hidden = torch.zeros_like(scores, dtype=torch.bool) if mask is None else ~mask.expand_as(scores)
        weights = scores.masked_fill(hidden, -1e30).softmax(-1).masked_fill(hidden, 0)
        return self.o(self.join(weights @ v))


class NotScaled(ByHand):
    def scale(self):
        return 1.0


class ScaledByTheWidth(ByHand):
    def scale(self):
        return N_EMBD**-0.5


class ScaledTwice(ByHand):
    def scale(self):
        return N_HEAD / N_EMBD


class QueryAndKeyExchanged(ByHand):
    def parts(self, x):
        return self.k(x), self.q(x), self.v(x)


class KeyForValue(ByHand):
    def parts(self, x):
        return self.q(x), self.v(x), self.k(x)


class TransposedWeights(ByHand):
    def parts(self, x):
        return x @ self.q.weight + self.q.bias, self.k(x), self.v(x)


class BiasForgotten(ByHand):
    def parts(self, x):
        return self.q(x), self.k(x), self.v(x) - self.v.bias + 0 * self.v.bias


class HeadsInterleaved(ByHand):
    def split(self, x):
        return x.unflatten(-1, (-1, N_HEAD)).transpose(1, 3).transpose(2, 3)

    def join(self, x):
        return x.transpose(2, 3).transpose(1, 3).flatten(2)


class HeadsJoinedInterleaved(ByHand):
    def join(self, x):
        return x.permute(0, 2, 3, 1).flatten(2)


class OneHead(ByHand):
    def split(self, x):
        return x[:, None]

    def join(self, x):
        return x[:, 0]


class NoOutputMatrix(ByHand):
    def forward(self, x, mask=None):
        out = super().forward(x, mask)
        return torch.linalg.solve(self.o.weight.double(), (out - self.o.bias).double().mT).mT.to(x)


SLIPS = [
    NotScaled,
    ScaledByTheWidth,
    ScaledTwice,
    QueryAndKeyExchanged,
    KeyForValue,
    TransposedWeights,
    BiasForgotten,
    HeadsInterleaved,
    HeadsJoinedInterleaved,
    OneHead,
    NoOutputMatrix,
]


def equation_of(module):
    names = {"query": module.q, "key": module.k, "value": module.v, "output": module.o}
    biases = {f"{name}_bias": layer.bias for name, layer in names.items()}
    return contract.equation(n_head=N_HEAD, **{name: layer.weight for name, layer in names.items()}, **biases)


def seeded(kind):
    torch.manual_seed(0)
    return kind()


def test_a_module_is_held_to_the_equation_of_its_weights():
    assert "the output is that of the reference" in contract.check(
        seeded(ByHand), reference=equation_of(seeded(ByHand))
    )
    ours = MultiHeadAttention(N_EMBD, N_HEAD, n_kv_head=1)
    sizes = [N_EMBD, N_EMBD // N_HEAD, N_EMBD // N_HEAD]
    weights = dict(zip(("query", "key", "value"), ours.qkv.weight.split(sizes), strict=True))
    biases = dict(zip(("query_bias", "key_bias", "value_bias"), ours.qkv.bias.split(sizes), strict=True))
    reference = contract.equation(n_head=N_HEAD, **weights, **biases, output=ours.out.weight, output_bias=ours.out.bias)
    assert "the output is that of the reference" in contract.check(ours, reference=reference)
    with pytest.raises(ValueError, match="wanted queries and keys in 3 heads, got matrices of 8 and 4 rows; pass"):
        contract.equation(n_head=3, **weights, output=ours.out.weight)


def test_a_module_in_torch_s_own_layout_is_held_to_the_same_equation():
    module = TorchAttention()
    q, k, v = module.inner.in_proj_weight.chunk(3)
    q_bias, k_bias, v_bias = module.inner.in_proj_bias.chunk(3)
    out = module.inner.out_proj
    reference = contract.equation(
        n_head=N_HEAD, query=q, key=k, value=v, output=out.weight,
        query_bias=q_bias, key_bias=k_bias, value_bias=v_bias, output_bias=out.bias,
    )  # fmt: skip
    held = contract.check(module, n_embd=N_EMBD, reference=reference)
    assert "the output is that of the reference" in held
    assert held.not_judged == ()


@pytest.mark.parametrize("kind", SLIPS, ids=lambda kind: kind.__name__)
def test_a_slip_that_weights_can_hide_is_caught_by_the_reference_alone(kind):
    module = seeded(kind)
    if kind is ScaledByTheWidth:  # as one whose weights are larger
        assert "the scale of the scores" in str(contract.check(module))
    with pytest.raises(contract.BrokenClaim) as broken:
        contract.check(module, reference=equation_of(module))
    assert broken.value.claim == "the output is that of the reference"


def test_a_layer_that_begins_at_zero_keeps_every_claim():
    module = seeded(ByHand)
    with torch.no_grad():
        module.o.weight.zero_()
        module.o.bias.zero_()
    assert "a token sees itself" in contract.check(module)
    assert not module.o.weight.any()


WRONG = [*FUNCTIONS, *MODULES, *SLIPS]


def test_the_wrong_ones_are_counted():
    assert len(WRONG) == 37
