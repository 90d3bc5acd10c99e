"""Scores of heads, against loops over every pair of tokens and maps whose kind is known."""

import pytest
import torch

from gpt2 import GPT2, GPT2Config
from interpretability import HeadKinds, repeated_tokens, score_heads
from interpretability.heads.kinds import duplicate_scores, kinds_of, positional_scores


def random_maps(rows: int = 3, heads: int = 2, length: int = 12) -> torch.Tensor:
    scores = torch.randn(rows, heads, length, length, generator=torch.Generator().manual_seed(0))
    hidden = torch.ones(length, length).triu(1).bool()
    return scores.masked_fill(hidden, -torch.inf).softmax(-1)


def map_to(places: list[int], rows: int = 2) -> torch.Tensor:
    """A map whose query t looks at places[t] alone."""
    return torch.nn.functional.one_hot(torch.tensor(places), len(places)).float().expand(rows, 1, -1, -1)


def test_each_score_is_the_sum_over_pairs_that_it_stands_for() -> None:
    maps, period = random_maps(), 5
    rows, _, length, _ = maps.shape
    wanted = {"previous": 0.0, "duplicate": 0.0, "induction": 0.0, "first": 0.0}
    for row in range(rows):
        for t in range(length):
            for s in range(t + 1):
                weight = maps[row, 1, t, s].item()
                wanted["previous"] += weight * (s == t - 1) / (rows * (length - 1))
                wanted["first"] += weight * (s == 0 and t > 0) / (rows * (length - 1))
                if t >= period:
                    wanted["duplicate"] += weight * (s < t and s % period == t % period) / (rows * (length - period))
                    copies = s > 0 and (s - 1) % period == t % period and s - 1 < t and s <= t - 1
                    wanted["induction"] += weight * copies / (rows * (length - period))
    found = kinds_of(maps, period)
    assert {name: pytest.approx(found[name][1].item(), abs=1e-5) for name in wanted} == wanted


def test_a_head_of_one_kind_scores_one_on_it() -> None:
    period, length = 4, 8
    previous = kinds_of(map_to([max(0, t - 1) for t in range(length)]), period)
    assert previous["previous"].item() == 1.0
    assert previous["positional"].item() == 1.0
    assert previous["induction"].item() == 0.0
    duplicate = kinds_of(map_to([t - period if t >= period else 0 for t in range(length)]), period)
    assert duplicate["duplicate"].item() == 1.0
    induction = kinds_of(map_to([t - period + 1 if t >= period else 0 for t in range(length)]), period)
    assert induction["induction"].item() == 1.0
    assert duplicate_scores(map_to([0] * length), period).item() == 0.25  # only the first repetition is of that token


def test_positional_compares_a_row_with_the_others() -> None:
    one, other = map_to([0, 0, 0, 0], rows=1), map_to([0, 1, 2, 3], rows=1)
    assert positional_scores(torch.cat([one, one, one])).item() == 1.0
    assert positional_scores(torch.cat([one, other])).item() == 0.0


def test_random_texts_repeat_themselves_and_nothing_else() -> None:
    tokens = repeated_tokens(range(20, 40), 8, rows=5, generator=torch.Generator().manual_seed(1))
    assert tokens.shape == (5, 16)
    assert torch.equal(tokens[:, :8], tokens[:, 8:])
    assert all(len(row[:8].unique()) == 8 and row.min() >= 20 for row in tokens)
    assert len(tokens[:, :8].unique(dim=0)) == 5


def test_a_whole_model_has_a_score_for_every_head_and_the_best_is_found() -> None:
    model = GPT2(GPT2Config(n_vocab=50, n_ctx=16, n_embd=8, n_head=2, n_layer=3), generator=torch.Generator()).eval()
    kinds = score_heads(model)
    assert {name: tuple(values.shape) for name, values in kinds.kinds.items()} == dict.fromkeys(kinds.kinds, (3, 2))
    layer, head, score = kinds.best("first")
    assert score == kinds.first.max().item() == kinds.first[layer, head].item()
    assert isinstance(kinds, HeadKinds)
    assert torch.equal(score_heads(model, seed=1).induction, score_heads(model, seed=1).induction)


@pytest.mark.parametrize(
    ("given", "said"), [({"period": 9}, "2..8"), ({"rows": 1}, "at least 2 texts"), ({"pool": [3]}, "at least 2")]
)
def test_what_makes_no_sense_is_refused(given: dict[str, object], said: str) -> None:
    model = GPT2(GPT2Config(n_vocab=50, n_ctx=16, n_embd=8, n_head=2, n_layer=1))
    with pytest.raises(ValueError, match=said):
        score_heads(model, **given)
