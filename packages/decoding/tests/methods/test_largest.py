"""The largest scores are found in their chunks, whatever the number of scores."""

import pytest
import torch

from decoding.methods.largest import largest


@pytest.mark.parametrize("n", [5, 8 * 64 * 8, 30_001])
def test_the_largest_scores_are_found_in_their_chunks(n):
    scores = torch.randn(3, n, generator=torch.Generator().manual_seed(n))
    scores[1, 7:] = -torch.inf
    scores[2, -3:] += 9  # behind the last whole chunk
    places = largest(scores, 8)
    best = scores.topk(min(8, n))
    assert torch.equal(scores.gather(1, places), best.values)
    assert torch.equal(places[::2], best.indices[::2])
    assert all(len(set(row)) == len(row) for row in places.tolist())
