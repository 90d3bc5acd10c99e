"""Checks of the rungs about tensors and gradients; torch is the judge."""

import itertools
from typing import Any

import numpy as np
import torch

import tensors
from workbench import Broken, BrokenClaim

from .comparing import agree, called, refuse


def broadcasting(mine: Any) -> None:
    """Against torch.broadcast_shapes, on all small shapes."""
    sizes = [shape for n in range(4) for shape in itertools.product((1, 2, 3), repeat=n)]
    pairs = sorted(itertools.product(sizes, sizes), key=lambda pair: (len(pair[0]) + len(pair[1]), pair))
    for a, b in [*pairs, ((0,), (1,)), ((1, 0), (3, 1))]:
        given = f"broadcast_shape({a}, {b})"
        try:
            wanted = tuple(torch.broadcast_shapes(a, b))
        except RuntimeError:
            _no_shape(mine, a, b, given)
            continue
        n = max(len(a), len(b))
        left = [(*shape, *(1,) * (n - len(shape))) for shape in (a, b)]
        slips = {
            "the larger size always wins, over a 0, too": tuple(
                max(p) for p in zip((*(1,) * (n - len(a)), *a), (*(1,) * (n - len(b)), *b), strict=True)
            ),
            "shapes are laid on top of each other at their left ends": tuple(map(max, *left)) if n else (),
            "a missing size is left out": tuple(max(p) for p in zip(a, b, strict=False)),
        }
        agree("shapes that fit give the shape of the sum", given, lambda: mine.broadcast_shape(a, b), wanted, slips)


def _no_shape(mine: Any, a: Any, b: Any, given: str) -> None:
    try:
        got = mine.broadcast_shape(a, b)
    except ValueError:
        return
    except Exception as error:
        evidence = f"wanted     ValueError\ngot        {type(error).__name__}"
        raise BrokenClaim(Broken("shapes that do not fit are a ValueError", evidence, given)) from error
    refuse("shapes that do not fit are a ValueError", given, f"wanted     ValueError\ngot        {got}")


def backward_add_multiply(mine: Any) -> None:
    """By numbers that one can follow, then by the contract of any engine."""
    a, b = mine.Value(2.0), mine.Value(3.0)
    agree(
        "a sum passes its gradient on to both",
        "(a + b).pull(5.0) with a = 2, b = 3",
        lambda: (a + b).pull(5.0),
        (5.0, 5.0),
        {"the gradient that arrives is left out": (1.0, 1.0), "a sum is taken for a product": (15.0, 10.0)},
    )
    agree(
        "a product passes on the gradient times the other factor",
        "(a * b).pull(5.0) with a = 2, b = 3",
        lambda: (a * b).pull(5.0),
        (15.0, 10.0),
        {
            "each gets its own number, not the other one's": (10.0, 15.0),
            "the gradient that arrives is left out": (3.0, 2.0),
        },
    )
    agree(
        "a walk ends at numbers that were made from nothing",
        "a.backward() with a = Value(2.0): no parents, and its pull is None",
        lambda: _walked(a, a),
        1.0,
    )
    agree(
        "what arrives at a value adds up",
        "(b + b).backward() with b = Value(3.0)",
        lambda: _walked(b + b, b),
        2.0,
        {"what arrives takes the place of what arrived before": 1.0, "nothing is passed on": None},
    )
    operations = {name: tensors.contract.OPERATIONS[name] for name in ("add", "multiply")}
    engine = tensors.contract.Engine(value=mine.Value, operations=operations)
    tensors.contract.check(engine, arrays=False)


def _walked(last: Any, asked: Any) -> Any:
    last.backward()
    return asked.grad


def _random(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape)


def backward_matmul(mine: Any) -> None:
    """Against torch, from one number up."""
    for n, k, m in ((1, 1, 1), (1, 2, 1), (2, 1, 2), (2, 3, 4), (3, 3, 3)):
        a, b, g = (np.round(_random(*shape, seed=1 + i), 2) for i, shape in enumerate(((n, k), (k, m), (n, m))))
        x, y = (torch.tensor(one, requires_grad=True) for one in (a, b))
        (x @ y).backward(torch.tensor(g))
        wanted = (x.grad.numpy(), y.grad.numpy())  # type: ignore[union-attr]
        given = f"backward_matmul(a {[n, k]}, b {[k, m]}, gradient {[n, m]})"
        slips = {
            "the two gradients are exchanged": wanted[::-1],
            "the gradient that arrives is left out": (np.ones((n, m)) @ b.T, a.T @ np.ones((n, m))),
        }
        if n == k == m:
            slips |= {
                "b is not transposed": (g @ b, wanted[1]),
                "a is not transposed": (wanted[0], a @ g),
                "neither is transposed": (g @ b, a @ g),
            }
        agree(
            "the gradients are those of the product",
            given,
            lambda: mine.backward_matmul(a, b, g),
            wanted,
            slips,
        )


def backward_softmax(mine: Any) -> None:
    """Against torch, from one row up."""
    for n, m in ((1, 1), (2, 2), (2, 3), (4, 5)):
        scores = torch.tensor(np.round(_random(n, m), 2), requires_grad=True)
        g = np.round(_random(n, m, seed=3), 2)
        p = scores.softmax(-1)
        p.backward(torch.tensor(g))
        shares, wanted = p.detach().numpy(), scores.grad.numpy()  # type: ignore[union-attr]
        weighted = shares * g
        slips = {
            "the shares are differentiated one by one, as if they did not touch each other": shares * (1 - shares) * g,
            "the average runs over the rows, not along each row": shares * (g - weighted.sum(0, keepdims=True)),
            "the average is not weighted by the shares": shares * (g - g.mean(-1, keepdims=True)),
            "all rows share one average": shares * (g - weighted.sum()),
            "the average is not subtracted": weighted,
            "the average is divided by the number of scores, too": shares * (g - weighted.mean(-1, keepdims=True)),
        }
        if n == m:
            columns = shares * (g - weighted.sum(-1))
            slips["averages of rows are subtracted from columns: keepdims=True keeps their axis"] = columns
        given = f"backward_softmax(p {[n, m]}, gradient {[n, m]}) with p = {np.round(shares, 3).tolist()}"
        agree("the gradient is that of softmax", given, lambda: mine.backward_softmax(shares, g), wanted, slips)


def hidden_layer(mine: Any) -> None:
    """Against torch's autograd, weight by weight."""
    for n, d, h, k in ((1, 1, 1, 2), (2, 1, 1, 2), (3, 2, 4, 3)):
        given = f"gradients of {n} row{'s' * (n > 1)}, {d} inputs, {h} hidden, {k} classes"
        shapes = ((n, d), (d, h), (h,), (h, k), (k,))
        x, *weights = (np.round(_random(*shape, seed=i), 2) for i, shape in enumerate(shapes))
        targets = np.arange(n) % k
        w1, b1, w2, b2 = (torch.tensor(weight, requires_grad=True) for weight in weights)
        hidden = torch.tanh(torch.tensor(x) @ w1 + b1)
        loss = torch.nn.functional.cross_entropy(hidden @ w2 + b2, torch.tensor(targets))
        loss.backward()
        got = _five(mine, x, targets, weights, given)
        slope = (1 - hidden.detach() ** 2).numpy()
        ours = [one.grad.numpy() for one in (w1, b1, w2, b2)]  # type: ignore[union-attr]
        flat = _without_slope(hidden.detach(), x, w2, b2, torch.tensor(targets))
        for name, mine_, wanted in zip(("w1", "b1", "w2", "b2"), got[1:], ours, strict=True):
            slips = {
                "the mean is forgotten: divide by the number of rows": wanted * n,
                "the 1 - tanh² of the hidden layer is forgotten": flat.get(name),
                "nothing is subtracted at the target": None,
            }
            agree(f"the gradient of {name} is right", given, lambda: mine_, wanted, slips, 1e-8)
        assert slope.shape == (n, h)
        agree("the loss stays as it is", given, lambda: got[0], float(loss))


def _five(mine: Any, x: Any, targets: Any, weights: Any, given: str) -> Any:
    return _checked_five(called(given, lambda: mine.gradients(x, targets, *weights)), given)


def _checked_five(got: Any, given: str) -> Any:
    """Five values, or a sentence."""
    if not isinstance(got, tuple | list) or len(got) != 5:
        refuse("five values come out", given, f"wanted     loss and four gradients\ngot        {type(got).__name__}")
    return got


def _without_slope(hidden: Any, x: Any, w2: Any, b2: Any, targets: Any) -> dict[str, Any]:
    shares = (hidden @ w2.detach() + b2.detach()).softmax(-1)
    d = (shares - torch.nn.functional.one_hot(targets, shares.shape[1])) / len(x)
    e = (d @ w2.detach().T).numpy()
    return {"w1": x.T @ e, "b1": e.sum(0)}


def convolution(mine: Any) -> None:
    """Against torch's, from one pixel up."""
    source = torch.Generator().manual_seed(0)
    conv: Any = torch.nn.functional.conv2d
    for b, c, o, h, w, k in ((1, 1, 1, 1, 1, 1), (1, 1, 1, 2, 2, 2), (1, 1, 1, 3, 4, 2), (2, 3, 4, 5, 6, 3)):
        image, weight, bias = (
            torch.randn(shape, generator=source).round(decimals=1) for shape in ((b, c, h, w), (o, c, k, k), (o,))
        )
        wanted = conv(image, weight, bias)
        slips = {
            "the pattern is flipped": conv(image, weight.flip(2, 3), bias),
            "rows and columns of the pattern are exchanged": conv(image, weight.mT, bias),
            "the bias is added at every place of the pattern": conv(image, weight, bias * k * k),
            "the bias is left out": conv(image, weight),
            "the channels are averaged": conv(image, weight / c, bias),
            "the result is as large as the image: it was padded": conv(image, weight, bias, padding=k // 2),
        }
        given = f"convolution(image {[b, c, h, w]}, weight {[o, c, k, k]}, bias {[o]})"
        agree(
            "each place is a sum over channels and pattern",
            given,
            lambda: mine.convolution(image, weight, bias),
            wanted,
            slips,
        )
