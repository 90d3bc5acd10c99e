"""Maps are what torch's layer weighs by, recording changes nothing, and scores are what brute force counts."""

import math

import pytest
import torch
from torch import nn

from attention import KeyValueCache, MultiHeadAttention, causal, head_scores, induction_scores, record_maps, rollout

B, H, T, C = 2, 3, 5, 12


class Two(nn.Module):
    """Two layers, called in the two ways in which arguments can be passed."""

    def __init__(self):
        super().__init__()
        self.first, self.second = MultiHeadAttention(C, H), MultiHeadAttention(C, H)

    def forward(self, x, cache=None):
        return self.second(self.first(x, causal(), cache), mask=None)


def test_recorded_maps_are_the_weights_of_torch_and_outputs_stay():
    model, x = Two(), torch.randn(B, T, C)
    before = model(x)
    with record_maps(model) as maps:
        assert torch.equal(model(x), before)
    theirs = nn.MultiheadAttention(C, H, batch_first=True)
    theirs.in_proj_weight.data, theirs.in_proj_bias.data = model.first.qkv.weight.data, model.first.qkv.bias.data
    hidden = torch.ones(T, T, dtype=torch.bool).triu(1)
    torch.testing.assert_close(maps["first"], theirs(x, x, x, attn_mask=hidden, average_attn_weights=False)[1])
    assert list(maps) == ["first", "second"]
    assert not maps["second"].requires_grad
    maps.clear()
    model(x)
    assert not maps


def test_scores_are_what_brute_force_counts():
    weights = torch.rand(B, H, T, T).softmax(-1) * torch.ones(T, T).tril()
    weights = weights / weights.sum(-1, keepdim=True)
    scores = head_scores(weights)
    for h in range(H):
        shares = [(q, k, float(weights[b, h, q, k])) for b in range(B) for q in range(T) for k in range(q + 1)]
        assert math.isclose(scores.entropy[h], sum(-w * math.log(w) for *_, w in shares) / (B * T), rel_tol=1e-4)
        assert math.isclose(scores.distance[h], sum(w * (q - k) for q, k, w in shares) / (B * T), rel_tol=1e-4)
        previous = sum(w for q, k, w in shares if q == k + 1) / (B * (T - 1))
        assert math.isclose(scores.previous[h], previous, rel_tol=1e-4)


def test_a_head_that_looks_at_the_token_before_scores_so():
    scores = head_scores(torch.eye(T).roll(1, dims=0)[None, None])
    assert scores.previous.tolist() == [1.0]
    assert scores.entropy.tolist() == [0.0]


@pytest.mark.parametrize(("period", "length"), [(3, 7), (2, 6), (4, 8), (3, 4)])
def test_induction_scores_are_what_brute_force_counts(period, length):
    """A token's earlier occurrences are looked up in a text of distinct tokens that repeats itself."""
    text = [place % period for place in range(length)]
    weights = torch.rand(B, H, length, length).softmax(-1)
    for h in range(H):
        found = [
            float(weights[b, h, q, k + 1])
            for b in range(B)
            for q in range(period, length)
            for k in range(q - 1)
            if text[k] == text[q]
        ]
        found += [0.0] if not found else []
        expected = sum(found) / (B * (length - period))
        assert math.isclose(induction_scores(weights, period)[h], expected, rel_tol=1e-4)


def test_a_head_that_copies_on_scores_one_and_one_that_looks_back_scores_nothing():
    places = torch.arange(8)
    copying = torch.zeros(1, 2, 8, 8)
    copying[0, 0, places, (places - 3).clamp(min=0)] = 1.0  # of a text of four tokens, twice
    copying[0, 1, places, (places - 4).clamp(min=0)] = 1.0
    assert induction_scores(copying, 4).tolist() == [1.0, 0.0]


def test_rollout_follows_every_path():
    one, two = (torch.rand(B, H, T, T).softmax(-1) for _ in range(2))
    first, second = one.mean(1), two.mean(1)
    expected = (torch.eye(T) + first + second + second @ first) / 4
    torch.testing.assert_close(rollout([one, two]), expected)
    torch.testing.assert_close(rollout([one, two]).sum(-1), torch.ones(B, T))


def recorded_with_a_cache():
    with record_maps(model := Two()), torch.no_grad():
        model(torch.randn(1, 1, C), KeyValueCache(1, 1, H, 2, C // H).layer(0))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (recorded_with_a_cache, "wanted a call without a cache; got one with; record"),
        (lambda: head_scores(torch.ones(1, 1, 2, 3)), r"two tokens or more; got \[1, 1, 2, 3\]; score"),
        (lambda: head_scores(torch.ones(1, 1, 1, 1)), r"got \[1, 1, 1, 1\]"),
        (
            lambda: induction_scores(torch.ones(1, 1, 3, 4), 2),
            r"a period from 2 to T - 1; got \[1, 1, 3, 4\] and 2; record",
        ),
        (lambda: induction_scores(torch.ones(1, 1, 4, 4), 4), r"got \[1, 1, 4, 4\] and 4"),
        (lambda: induction_scores(torch.ones(1, 1, 4, 4), 1), r"and 1;"),
        (lambda: rollout([]), "one layer or more; got none; record"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(unchecked, call, message):
    with pytest.raises(ValueError, match=message):
        call()
