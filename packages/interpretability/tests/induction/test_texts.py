"""Synthetic texts: what is asked for can be foretold, and by the tokens alone."""

from itertools import pairwise

import pytest
import torch

from interpretability import copying_texts

POOL = torch.arange(100, 140)


def drawn(rows: int = 50, length: int = 21, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    return copying_texts(rows, length, POOL, generator=torch.Generator().manual_seed(seed))


def test_each_target_followed_the_same_token_in_the_first_half() -> None:
    inputs, targets = drawn()
    half = 10
    assert inputs.shape == targets.shape == (50, 21)
    for text, answers in zip(inputs.tolist(), targets.tolist(), strict=True):
        first = text[:half]
        assert len(set(first)) == half
        follows = dict(pairwise(first))
        for t, answer in enumerate(answers):
            if answer >= 0:
                assert t >= half
                assert follows[text[t]] == answer
            if t + 1 < len(text) and answer >= 0:
                assert text[t + 1] == answer
    share = (targets >= 0).float().mean().item()
    assert 0.2 < share < 0.5


def test_copies_come_from_every_distance_so_that_position_tells_nothing() -> None:
    inputs, targets = drawn(rows=400)
    distances = set()
    for text, answers in zip(inputs.tolist(), targets.tolist(), strict=True):
        distances |= {t + 1 - text.index(answer) for t, answer in enumerate(answers) if answer >= 0}
    assert distances >= set(range(3, 19))


def test_the_same_generator_draws_the_same_texts() -> None:
    assert torch.equal(drawn(seed=4)[0], drawn(seed=4)[0])
    assert not torch.equal(drawn(seed=4)[0], drawn(seed=5)[0])


@pytest.mark.parametrize("length", [3, 82])
def test_a_length_that_does_not_fit_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match=r"wanted 4\.\.81 tokens"):
        drawn(length=length)
