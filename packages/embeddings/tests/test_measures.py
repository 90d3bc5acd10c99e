import numpy as np
import pytest
import torch

from embeddings import (
    linear_cka,
    nearest_rows,
)


def test_neighbours_are_those_of_a_brute_force_search():
    vectors, queries = torch.randn(50, 7), torch.randn(9, 7)
    expected = torch.nn.functional.cosine_similarity(queries[:, None], vectors[None], dim=-1).topk(4)
    rows, similarities = nearest_rows(queries, vectors, 4, block_bytes=600)
    assert torch.equal(rows, expected.indices)
    torch.testing.assert_close(similarities, expected.values)


def test_rows_that_do_not_count_are_left_out():
    vectors = torch.randn(30, 5)
    itself = torch.arange(30)[:, None]
    rows, _ = nearest_rows(vectors, vectors, 29, without=itself, block_bytes=900)
    assert not (rows == itself).any()
    assert [sorted(row) for row in rows.tolist()] == [sorted(set(range(30)) - {i}) for i in range(30)]


def test_alikeness_is_that_of_centred_kernels():
    x, y = torch.randn(40, 6).numpy().astype(float), torch.randn(40, 3).numpy().astype(float)
    center = np.eye(40) - 1 / 40
    k, m = center @ x @ x.T @ center, center @ y @ y.T @ center  # Kornblith et al. 2019, equations 1 and 3
    expected = (k * m).sum() / np.sqrt((k * k).sum() * (m * m).sum())
    assert linear_cka(torch.tensor(x), torch.tensor(y)) == pytest.approx(expected)


def test_rotation_scale_and_shift_change_no_alikeness():
    x = torch.randn(30, 5)
    rotation, _ = torch.linalg.qr(torch.randn(5, 5))
    assert linear_cka(x, 3 * x @ rotation + 7) == pytest.approx(1.0, abs=1e-5)
    assert linear_cka(x, torch.randn(30, 5)) < 0.6


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: nearest_rows(torch.ones(1, 2), torch.tensor([[1.0, 2], [1, torch.nan]]), 1),
            "finite vectors, .* row 1;",
        ),
        (lambda: linear_cka(torch.ones(2, 2), torch.ones(3, 2)), r"got shapes \[2, 2\] and \[3, 2\]; keep"),
        (lambda: linear_cka(torch.ones(1, 2), torch.ones(1, 2)), "at least two"),
        (lambda: linear_cka(torch.ones(3, 2), torch.randn(3, 2)), "wanted rows that differ"),
        (lambda: linear_cka(torch.full((3, 2), torch.inf), torch.ones(3, 2)), "wanted finite first"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(call, message, refused):
    refused(call, message)
