"""Probes, against least squares by NumPy and tasks whose answer is known."""

import numpy as np
import pytest
import torch

from interpretability import fit_probe, probe_place
from interpretability.features.probes import RIDGES, _split, control_classes


def test_the_closed_form_is_ridge_regression() -> None:
    """As ordinary least squares with sqrt(penalty) x identity as further rows, which NumPy solves."""
    draw = torch.Generator().manual_seed(0)
    x, classes = torch.randn(50, 4, generator=draw).double(), torch.randint(3, (50,), generator=draw)
    probe = fit_probe(x, classes, 3, ridge=0.5)
    centered = (x - x.mean(0)).numpy()
    targets = np.eye(3)[classes.numpy()]
    penalty = 0.5 * np.mean((centered**2).sum(0))
    rows = np.vstack([centered, np.sqrt(penalty) * np.eye(4)])
    wanted, *_ = np.linalg.lstsq(rows, np.vstack([targets - targets.mean(0), np.zeros((4, 3))]), rcond=None)
    np.testing.assert_allclose(probe.weights.numpy(), wanted, atol=1e-6)
    np.testing.assert_allclose(
        (x.float() @ probe.weights + probe.bias).numpy(), centered @ wanted + targets.mean(0), atol=1e-5
    )


def tokens_and_groups(n: int = 1200, kinds: int = 40) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(1)
    return torch.randint(kinds, (n,), generator=draw), torch.arange(n) // 30, torch.randint(2, (n,), generator=draw)


def test_what_only_the_context_tells_has_selectivity_and_what_a_table_of_words_tells_has_none() -> None:
    tokens, groups, classes = tokens_and_groups()
    names = torch.nn.functional.one_hot(tokens, 40).float()
    noise = 0.1 * torch.randn(len(tokens), 3, generator=torch.Generator().manual_seed(2))
    context = torch.cat([names, noise + classes[:, None]], dim=1)
    report = probe_place(context, classes, tokens, groups)
    assert report.accuracy > 0.98
    by_word = probe_place(names, tokens % 2, tokens, groups)
    assert by_word.accuracy > 0.98
    assert by_word.control > 0.98
    assert abs(by_word.selectivity) < 0.02
    only_context = probe_place(noise + classes[:, None], classes, tokens, groups)
    assert only_context.accuracy > 0.98
    assert only_context.selectivity > 0.3  # a token's lot cannot be read off what does not name the token


def test_nothing_is_read_off_noise() -> None:
    tokens, groups, classes = tokens_and_groups()
    report = probe_place(torch.randn(1200, 5, generator=torch.Generator().manual_seed(3)), classes, tokens, groups)
    assert 0.35 < report.accuracy < 0.65
    assert report.majority < 0.65


def test_every_token_keeps_its_lot_and_lots_are_drawn_as_classes_occur() -> None:
    tokens, _, _ = tokens_and_groups(6000, kinds=2000)
    classes = (torch.arange(6000) % 10 == 0).long()
    lots = control_classes(tokens, classes, torch.Generator().manual_seed(0))
    for kind in tokens.unique()[:50]:
        assert len(lots[tokens == kind].unique()) == 1
    assert 0.06 < lots.double().mean() < 0.14


def test_the_ridge_is_the_one_that_is_best_on_what_was_not_learned_from() -> None:
    draw = torch.Generator().manual_seed(4)
    x, groups = torch.randn(240, 100, generator=draw), torch.arange(240) // 6
    classes = (x[:, 0] + torch.randn(240, generator=draw) > 0).long()
    report = probe_place(x, classes, torch.arange(240), groups, seed=7)
    learn, choose, _ = _split(groups, torch.Generator().manual_seed(7))
    right = [(fit_probe(x[learn], classes[learn], 2, r)(x[choose]) == classes[choose]).sum().item() for r in RIDGES]
    assert len(set(right)) > 1
    assert report.probe.ridge == RIDGES[right.index(max(right))]


def test_the_most_frequent_class_is_that_of_what_was_learned_from() -> None:
    groups = torch.arange(80) // 4
    judge = _split(groups, torch.Generator().manual_seed(0))[2]
    classes = judge.long()
    classes[(~judge).nonzero()[::5]] = 1  # some where it learns, too
    report = probe_place(torch.randn(80, 3, generator=torch.Generator().manual_seed(5)), classes, groups, groups)
    assert report.majority == 0.0


def test_whole_texts_are_held_out() -> None:
    tokens, groups, classes = tokens_and_groups()
    report = probe_place(torch.randn(1200, 5), classes, tokens, groups)
    held = set(report.groups)
    assert len(held) == 12  # of 40
    assert len(report.right) == sum(int((groups == group).sum()) for group in held)


def test_what_makes_no_sense_is_refused() -> None:
    tokens, groups, classes = tokens_and_groups(90)
    x = torch.randn(90, 3)
    with pytest.raises(ValueError, match="at least 4 texts"):
        probe_place(x, classes, tokens, groups)
    with pytest.raises(ValueError, match="at least 2 that occur"):
        probe_place(x, torch.zeros(90, dtype=torch.long), tokens, torch.arange(90))
    with pytest.raises(ValueError, match=r"got \[89, 90\]"):
        probe_place(x, classes[:-1], tokens, groups)
