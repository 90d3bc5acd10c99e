import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from tensors import Value, gradient_check, softmax_cross_entropy

MATRIX = np.random.default_rng(0).normal(size=(2, 3))


@pytest.mark.parametrize("make", [np.array, Value, torch.tensor], ids=["arrays", "values", "torch"])
def test_a_right_gradient_agrees_for_ours_and_for_torch(make):
    check = gradient_check(lambda x, y: ((x @ y).tanh() / (x * x + 1).sum()).sum(), make(MATRIX), make(MATRIX.T.copy()))
    assert check, str(check)
    assert check.error < 1e-8


@given(st.integers(0, 1), st.integers(0, 2))
def test_a_wrong_gradient_is_found_at_its_coordinate(row, column):
    def wrong(x):
        def pull(g):
            gradient = g * np.cos(x.data)
            gradient[row, column] += 1e-3
            return (gradient,)

        return Value(np.sin(x.data), "sin", (x,), pull).sum()

    check = gradient_check(wrong, MATRIX)
    assert not check
    assert check.coordinate == (row, column)
    assert check.gradient - check.slope == pytest.approx(1e-3, rel=1e-3)
    assert f"input 0, coordinate ({row}, {column})" in str(check)


def test_it_finds_torchs_own_disagreement_with_itself():
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(context, x):
            return x * 2

        @staticmethod
        def backward(context, gradient):
            return gradient * 3

    check = gradient_check(
        lambda x, y: x.sum() + Wrong.apply(y).sum(), torch.zeros(2).double(), torch.zeros(3).double()
    )
    assert not check
    assert (check.input, check.gradient, round(check.slope, 6)) == (1, 3, 2)
    assert not torch.autograd.gradcheck(Wrong.apply, torch.zeros(3).double().requires_grad_(), raise_exception=False)


def test_an_input_without_influence_has_slope_and_gradient_zero():
    assert gradient_check(lambda x, unused: (x * x).sum(), MATRIX, MATRIX)
    assert gradient_check(lambda x, unused: (x * x).sum(), torch.tensor(MATRIX), torch.tensor(MATRIX))


def test_a_gradient_that_is_not_a_number_does_not_pass():
    assert not gradient_check(lambda x: (x * x + 1e-300).sqrt().sum() * 0 + (x / x).sum(), torch.zeros(1).double())


def test_checking_changes_no_input():
    x = torch.tensor(MATRIX)
    value = Value(MATRIX.copy())
    gradient_check(lambda x: (x * x).sum(), x)
    gradient_check(lambda x: softmax_cross_entropy(x, [0, 2]), value)
    assert x.grad is None
    assert value.grad is None
    np.testing.assert_array_equal(x.numpy(), MATRIX)
    np.testing.assert_array_equal(value.data, MATRIX)


@pytest.mark.parametrize(
    ("call", "kind", "got"),
    [
        pytest.param(lambda: gradient_check(lambda: 1), ValueError, "none", id="checking nothing"),
        pytest.param(lambda: gradient_check(torch.sum, torch.ones(2)), TypeError, "float32", id="checking in float32"),
        pytest.param(
            lambda: gradient_check(torch.tanh, torch.ones(2).double()), ValueError, "(2,)", id="checking many outputs"
        ),
        pytest.param(lambda: gradient_check(lambda x: 1.0, [1.0]), TypeError, "float", id="checking a number"),
        pytest.param(
            lambda: gradient_check(lambda x: x * torch.rand(()).double(), torch.ones(()).double()),
            ValueError,
            "two",
            id="checking what is random",
        ),
    ],
)
def test_a_refusal_says_what_was_wanted_what_came_and_what_to_do(call, kind, got, refused):
    refused(call, kind, got)
