"""Top passages, against a plain sort of everything."""

import pytest
import torch

from interpretability import TopPassages
from interpretability.features.passages import AFTER, BEFORE


def corpus(rows: int = 12, length: int = 40, units: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(rows, length, units, generator=generator), torch.randint(99, (rows, length), generator=generator)


def test_they_are_the_highest_windows_of_the_whole_corpus_whatever_the_batches() -> None:
    activations, tokens = corpus()
    for sizes in ([12], [1] * 12, [5, 7]):
        top = TopPassages(5, k=3)
        for some, ids in zip(activations.split(sizes), tokens.split(sizes), strict=True):
            top.add(some, ids)
        for unit in range(5):
            order = sorted(
                ((activations[row, :, unit].max().item(), row) for row in range(12)), reverse=True
            )[:3]  # fmt: skip
            found = top.of(unit)
            assert [passage.activation for passage in found] == [value for value, _ in order]
            for passage, (_, row) in zip(found, order, strict=True):
                peak = int(activations[row, :, unit].argmax())
                assert passage.at == row * 40 + peak
                assert passage.tokens == tokens[row, max(0, peak - BEFORE) : peak + AFTER + 1].tolist()
                assert passage.tokens[passage.peak] == tokens[row, peak]


def test_its_statistics_are_those_of_the_corpus() -> None:
    activations, tokens = corpus()
    top = TopPassages(5)
    for some, ids in zip(activations.split(5), tokens.split(5), strict=True):
        top.add(some, ids)
    flat = activations.flatten(0, 1)
    assert torch.allclose(top.mean, flat.mean(0), atol=1e-6)
    assert torch.allclose(top.deviation, flat.std(0, correction=0), atol=1e-5)
    assert torch.allclose(top.active, (flat > 0).float().mean(0))
    assert torch.allclose(top.standing_out, (flat.max(0).values - flat.mean(0)) / flat.std(0, correction=0), atol=1e-4)
    assert top.n_tokens == 480


def test_a_corpus_of_few_windows_gives_few_passages() -> None:
    activations, tokens = corpus(rows=2)
    top = TopPassages(5, k=4)
    top.add(activations, tokens)
    assert len(top.of(0)) == 2
    with pytest.raises(ValueError, match=r"0\.\.4, got 5"):
        top.of(5)
    with pytest.raises(ValueError, match="at least 1 passage"):
        TopPassages(5, k=0)
