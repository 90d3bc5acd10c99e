import gc
import weakref

import numpy as np
import pytest
import torch
from hypothesis import assume, given, strategies as st

from tensors import Value, softmax_cross_entropy

# Written once, run by ours and by theirs: both have these names.
UNARY = {
    "exp": lambda a: a.tanh().exp(),
    "log": lambda a: (a * a + 1).log(),
    "tanh": lambda a: a.tanh(),
    "relu": lambda a: a.relu(),
    "cube": lambda a: a.tanh() ** 3,
    "negative": lambda a: 1 - a,
    "reciprocal": lambda a: 2 / (a * a + 1),
    "sum": lambda a: a.sum(),
    "mean": lambda a: a.mean(),
    "mean of the last axis": lambda a: a.mean(-1) if a.shape else a,
    "sum of the first axis, kept": lambda a: a.sum(axis=0, keepdims=True) if a.shape else a,
    "flatten": lambda a: a.reshape(-1),
    "transpose": lambda a: a.swapaxes(0, -1) if a.shape else a,
    "pick twice": lambda a: a[[0, -1, 0]] if a.shape else a,
    "slice": lambda a: a[..., ::2] if a.shape else a,
}
BINARY = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / (b * b + 1),
    "@": lambda a, b: a.reshape(-1, 1) @ b.reshape(1, -1),
}
CUBE = Value(torch.ones(2, 3, 4).numpy())
LOGITS = Value([[0.5, 1.0], [2.0, 0.0]])
SHAPES = [(), (1,), (3,), (2, 1), (1, 3), (2, 3), (2, 2, 3)]

leaves = st.lists(st.tuples(st.sampled_from(SHAPES), st.integers(0, 2**20)), min_size=1, max_size=3)
steps = st.lists(
    st.tuples(st.sampled_from([*UNARY, *BINARY]), st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=8
)


def build(values, program):
    """Run a program: each step uses two of the values that exist so far; what does not broadcast is left out."""
    values = list(values)
    for name, i, j in program:
        a, b = values[i % len(values)], values[j % len(values)]
        if name in UNARY:
            values.append(UNARY[name](a))
        elif name == "@" or broadcast_shapes_or_none(a.shape, b.shape) is not None:
            values.append(BINARY[name](a, b))
    total = values[-1].sum()
    for value in values[:-1]:
        total = total + value.tanh().sum()
    return total


def broadcast_shapes_or_none(*shapes):
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        return None


@given(leaves, steps)
def test_any_expression_has_torchs_value_and_gradients(leaves, program):
    arrays = [np.random.default_rng(seed).normal(size=shape) for shape, seed in leaves]
    ours = [Value(array) for array in arrays]
    theirs = [torch.tensor(array, requires_grad=True) for array in arrays]
    our_loss, their_loss = build(ours, program), build(theirs, program)
    assume(abs(their_loss.item()) < 1e6)
    np.testing.assert_allclose(our_loss.data, their_loss.item(), rtol=1e-6, atol=1e-6)
    our_loss.backward()
    their_loss.backward()
    for our, their in zip(ours, theirs, strict=True):
        assert our.grad.shape == our.shape
        np.testing.assert_allclose(our.grad, their.grad.numpy(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("shapes", [((4, 2, 3), (3, 5)), ((2, 3), (4, 3, 5)), ((4, 1, 2, 3), (6, 3, 5))])
def test_batched_matrix_products_broadcast_like_torchs(shapes):
    arrays = [np.random.default_rng(i).normal(size=shape) for i, shape in enumerate(shapes)]
    (a, b), (c, d) = [Value(x) for x in arrays], [torch.tensor(x, requires_grad=True) for x in arrays]
    (a @ b).tanh().sum().backward()
    (c @ d).tanh().sum().backward()
    np.testing.assert_allclose(a.grad, c.grad.numpy(), atol=1e-12)
    np.testing.assert_allclose(b.grad, d.grad.numpy(), atol=1e-12)


@pytest.mark.parametrize(
    "index", [1, (0, 2), slice(1, None), (slice(None), [0, 0, 2]), np.array([[True, False, True]] * 2)]
)
def test_any_numpy_index_has_torchs_gradient(index):
    array = np.arange(6.0).reshape(2, 3)
    ours, theirs = Value(array), torch.tensor(array, requires_grad=True)
    (ours[index] ** 2).sum().backward()
    (theirs[torch.tensor(index) if isinstance(index, np.ndarray) else index] ** 2).sum().backward()
    np.testing.assert_array_equal(ours.grad, theirs.grad.numpy())


def test_an_array_on_the_left_meets_the_value_as_a_whole():
    value = Value([1.0, 2.0])
    for result in (
        np.ones(2) * value,
        np.ones(2) + value,
        np.ones(2) - value,
        np.ones(2) / value,
        np.ones((1, 1)) @ Value([[1.0]]),
    ):
        assert isinstance(result, Value)


def test_powers_zero_and_one_have_a_gradient_at_zero():
    for exponent, gradient in ((0, 0), (1, 1), (2, 0)):
        x = Value(0.0)
        (x**exponent).backward()
        assert x.grad == gradient


def test_gradients_of_inner_values_are_kept_and_right_after_two_calls():
    x = Value(3.0)
    inner = x * x
    loss = inner * inner
    loss.backward()
    assert (inner.grad, x.grad) == (18, 108)
    loss.backward()
    assert (inner.grad, x.grad) == (36, 216)


def test_a_graph_is_freed_at_once_and_without_the_garbage_collector():
    x = Value(np.ones(3))
    inner = (x * x).tanh()
    loss = softmax_cross_entropy((inner[None] / 2 - inner).reshape(1, 3), [0]) + (
        inner.T.mean() if inner.shape[1:] else 0
    )
    loss.backward()
    trace = weakref.ref(inner)
    gc.disable()
    try:
        del inner, loss
        assert trace() is None
    finally:
        gc.enable()


def test_a_deep_graph_is_computed_and_freed_without_recursion():
    x = Value(1.0)
    y = x
    for _ in range(5_000):
        y = y + 1
    y.backward()
    assert x.grad == 1
    del y


@pytest.mark.parametrize(
    ("call", "kind", "got"),
    [
        pytest.param(lambda: CUBE.backward(), ValueError, "(2, 3, 4)", id="loss of many numbers"),
        pytest.param(lambda: CUBE + Value([1.0, 2.0]), ValueError, "neither is 1", id="shapes that do not broadcast"),
        pytest.param(lambda: CUBE @ Value([[1.0]]), ValueError, "(2, 3, 4) @ (1, 1)", id="matrices that do not match"),
        pytest.param(lambda: LOGITS @ Value([1.0, 2.0]), ValueError, "(2, 2) @ (2,)", id="a vector as matrix"),
        pytest.param(lambda: LOGITS.log(), ValueError, "got 0.0", id="log of zero"),
        pytest.param(lambda: LOGITS**LOGITS, TypeError, "Value", id="a value as exponent"),
        pytest.param(lambda: Value("three"), TypeError, "'three'", id="text in a value"),
        pytest.param(lambda: Value([1j]), TypeError, "1j", id="complex numbers in a value"),
    ],
)
def test_a_refusal_says_what_was_wanted_what_came_and_what_to_do(call, kind, got, refused):
    refused(call, kind, got)


@pytest.mark.parametrize("name", ["relu", "tanh", "exp"])
@pytest.mark.parametrize("x", [-np.inf, np.inf, np.nan, 0.0, -0.0, -1e300, 1e-320])
def test_at_the_ends_of_the_numbers_value_and_gradient_are_torchs(name, x):
    ours, theirs = Value([x, 0.5]), torch.tensor([x, 0.5], dtype=torch.float64, requires_grad=True)
    our, their = getattr(ours, name)(), getattr(theirs, name)()
    np.testing.assert_array_equal(np.isfinite(our.data), their.detach().isfinite())
    np.testing.assert_allclose(our.data, their.detach().numpy(), rtol=1e-12)
    our.sum().backward()
    their.sum().backward()
    np.testing.assert_allclose(ours.grad, theirs.grad.numpy(), rtol=1e-12)


@pytest.mark.parametrize("flowing", [np.inf, -np.inf, np.nan])
def test_a_closed_relu_lets_no_gradient_through_however_large(flowing):
    x = Value([-1.0, 1.0])
    ((x.relu() + 1) * np.array([flowing, 1.0])).sum().backward()
    assert x.grad.tolist() == [0.0, 1.0]


@pytest.mark.parametrize(("a", "b"), [(0.0, 1e-200), (1e-170, 1e-170), (1e200, 1e200), (3.0, -np.inf), (1e-200, 1e180)])
def test_a_quotient_of_tiny_or_huge_numbers_has_torchs_gradients(a, b):
    ours = Value(a), Value(b)
    theirs = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (a, b)]
    (ours[0] / ours[1]).backward()
    (theirs[0] / theirs[1]).backward()
    assert [float(x.grad) for x in ours] == pytest.approx([x.grad.item() for x in theirs], rel=1e-12, abs=0)


@pytest.mark.parametrize("axis", [None, 0, -1, ()])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("name", ["sum", "mean"])
def test_one_number_may_be_summed_over_an_axis(name, axis, keepdims):
    x = Value(3.0)
    total = getattr(x, name)(axis, keepdims=keepdims)
    assert total.data == 3.0
    (total * 2).backward()
    assert x.grad.shape == ()
    assert x.grad == 2.0


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
def test_the_mean_of_nothing_is_nan_as_in_torch(shape):
    for axis in (None, 0, -1):
        our, their = Value(np.zeros(shape)).mean(axis), torch.zeros(shape).mean(() if axis is None else axis)
        np.testing.assert_array_equal(our.data, their.numpy())


TWO = [2, 2.0, np.int64(2), np.int8(2), np.uint8(2), np.float32(2), np.float16(2), np.array(2), np.array(2.0)]


@pytest.mark.parametrize("exponent", TWO, ids=lambda exponent: type(exponent).__name__ + str(exponent))
def test_an_exponent_is_any_plain_number(exponent):
    x = Value([3.0, -0.5])
    (x**exponent).sum().backward()
    assert x.grad.tolist() == [6.0, -1.0]
    assert (x**exponent).data.tolist() == [9.0, 0.25]
    assert (x ** np.int64(-1)).data.tolist() == [1 / 3, -2.0]  # no integer powers


@pytest.mark.parametrize("exponent", [Value(2.0), [2], np.array([2]), "2", 2j, None])
def test_other_exponents_are_refused(exponent):
    with pytest.raises(TypeError, match="wanted a plain number as exponent"):
        Value([3.0]) ** exponent
