"""Mixtures read through `Batches`, held against counting."""

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

import dataio


def numbers(*sizes: int) -> list[dataio.ArrayDataset]:
    """Source k's example i is the number 1000 k + i."""
    return [dataio.ArrayDataset(torch.arange(size) + 1000 * k) for k, size in enumerate(sizes)]


def run(mixture: dataio.Mixture, batch_size: int, n: int, **options) -> list[int]:
    """The numbers that the first n examples of a run hold, by their places alone."""
    batches = dataio.Batches(mixture, batch_size, **options)
    places = np.concatenate([batches.indices(step) for step in range(-(-n // batch_size))])[:n]
    source = mixture.source(places)
    return (1000 * source + places - mixture.borders[source]).tolist()


def read(dataset: dataio.BatchTransformed | dataio.Mixture, batch_size: int, n: int) -> list[int]:
    """The same, read."""
    batches = dataio.Batches(dataset, batch_size)
    came = [int(i) for step in range(-(-n // batch_size)) for (part,) in batches[step] for i in part]
    return came[:n]


sources = st.integers(1, 5).flatmap(
    lambda k: st.tuples(
        st.lists(st.integers(1, 40), min_size=k, max_size=k), st.lists(st.floats(0.01, 1), min_size=k, max_size=k)
    )
)


def mixed(sizes: list[int], weights: list[float]) -> tuple[dataio.Mixture, np.ndarray]:
    shares = np.array(weights) / np.sum(weights)
    return dataio.Mixture(numbers(*sizes), shares.tolist()), shares


@given(sources, st.integers(0, 400), st.integers(1, 400), st.integers(1, 50))
def test_every_stretch_has_the_stated_proportions(drawn, first, count, batch_size):
    mixture, shares = mixed(*drawn)
    came = np.array(run(mixture, batch_size, first + count)[first:]) // 1000
    counts = np.bincount(came, minlength=len(shares))
    assert np.abs(counts - count * shares).max() <= len(shares)


@given(sources, st.integers(1, 400), st.booleans())
def test_every_source_gives_all_its_examples_before_one_comes_again(drawn, count, shuffle):
    mixture, _ = mixed(*drawn)
    came = np.array(run(mixture, 7, count, shuffle=shuffle))
    for k, size in enumerate(drawn[0]):
        own = came[came // 1000 == k] - 1000 * k
        for start in range(0, len(own), size):
            epoch = own[start : start + size].tolist()
            assert len(set(epoch)) == len(epoch)
            assert shuffle or epoch == list(range(len(epoch)))


@given(sources, st.integers(1, 30), st.integers(1, 30), st.integers(0, 3))
def test_the_order_depends_on_the_seed_alone(drawn, batch_size, other_size, seed):
    mixture, _ = mixed(*drawn)
    assert run(mixture, batch_size, 90, seed=seed) == run(mixture, other_size, 90, seed=seed)


@given(sources, st.integers(1, 30), st.integers(1, 4), st.integers(1, 9), st.integers(0, 20))
def test_a_resumed_run_on_other_ranks_reads_the_same_global_batches(drawn, batch_size, world_size, micro, start):
    mixture, _ = mixed(*drawn)
    whole = dataio.Batches(mixture, batch_size, seed=5)
    expected = [int(i) for step in range(start, start + 3) for (part,) in whole[step] for i in part]
    parts = [
        dataio.Batches(mixture, batch_size, seed=5, rank=rank, world_size=world_size, micro_batch_size=micro)
        for rank in range(world_size)
    ]
    streams = [list(part.from_step(start, start + 3)) for part in parts]
    came = [int(i) for step in zip(*streams, strict=True) for rank in step for (part,) in rank for i in part]
    assert came == expected


def test_proportions_hold_after_billions_of_examples():
    mixture = dataio.Mixture(numbers(10, 3, 2000), [0.2, 0.1, 0.7])
    batches = dataio.Batches(mixture, 1000)
    chosen = mixture.source(batches.indices(4_000_000))
    assert np.abs(np.bincount(chosen) - [200, 100, 700]).max() <= 3
    with pytest.raises(IndexError, match=r"wanted a step within 2\^32 examples, got step 5000000 of 1000"):
        batches.indices(5_000_000)


def test_token_windows_mix_and_keep_their_fields():
    tokens = [np.arange(100), np.arange(500) + 1000]
    windows = [dataio.TokenWindows(part, 8, end_of_text=0) for part in tokens]
    mixture = dataio.Mixture(windows, [0.5, 0.5])
    [(inputs, targets, ids, positions)] = dataio.Batches(mixture, 20, seed=1)[3]
    assert torch.equal(targets[:, :-1], inputs[:, 1:])
    assert ids.shape == positions.shape == (20, 8)
    assert (inputs[:, 0] >= 1000).sum() == 10
    assert [field.tolist() for field in mixture[3]] == [field.tolist() for field in windows[0][3]]


def test_a_transformed_mixture_keeps_its_order_and_a_part_is_refused():
    mixture = dataio.Mixture(numbers(10, 90), [0.9, 0.1])
    doubled = dataio.BatchTransformed(mixture, lambda batch: batch * 2)
    assert read(mixture, 10, 50) == run(mixture, 10, 50)
    assert read(doubled, 10, 50) == [2 * i for i in run(mixture, 10, 50)]
    with pytest.raises(ValueError, match=r"wanted a whole mixture of 100 examples, got a part of 5; take parts of its"):
        dataio.Batches(dataio.Subset(mixture, range(5)), 2)


BAD = {
    "number": ([1.0], "wanted one weight for each dataset, got 2 datasets and 1 weights; pass as many"),
    "negative": ([1.5, -0.5], r"wanted weights above 0, got \[1.5, -0.5\]; leave out"),
    "zero": ([1.0, 0.0], "wanted weights above 0"),
    "nan": ([1.0, float("nan")], "wanted weights above 0"),
    "sum": ([3.0, 1.0], r"wanted weights that sum to 1, got \[3.0, 1.0\] with sum 4; .*pass \[0.75, 0.25\]"),
}


@pytest.mark.parametrize(("weights", "message"), BAD.values(), ids=BAD)
def test_bad_weights_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        dataio.Mixture(numbers(3, 4), weights)


def test_an_empty_source_and_lengths_are_refused():
    with pytest.raises(ValueError, match=r"wanted examples in every dataset, got none in number 1; leave it out"):
        dataio.Mixture(numbers(3, 0), [0.5, 0.5])
    with pytest.raises(ValueError, match=r"wanted a mixture without lengths"):
        dataio.Batches(dataio.Mixture(numbers(3, 4), [0.5, 0.5]), 2, lengths=[1] * 7)
