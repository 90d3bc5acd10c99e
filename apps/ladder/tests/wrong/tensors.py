"""Typical wrong solutions of the rungs about tensors and gradients."""

WRONG = {
    "broadcasting": [
        (
            "aligned at the left",
            [
                """
                length = max(len(a), len(b))
                a, b = a + (1,) * (length - len(a)), b + (1,) * (length - len(b))
                for m, n in zip(a, b):
                    if m != n and 1 not in (m, n):
                        raise ValueError("they do not fit")
                return tuple(max(m, n) for m, n in zip(a, b))
                """
            ],
            "left ends",
        ),
        (
            "no error",
            [
                """
                length = max(len(a), len(b))
                a, b = (1,) * (length - len(a)) + a, (1,) * (length - len(b)) + b
                return tuple(max(m, n) for m, n in zip(a, b))
                """
            ],
            "shapes that do not fit are a ValueError",
        ),
        (
            "the larger wins over 0",
            [
                """
                length = max(len(a), len(b))
                a, b = (1,) * (length - len(a)) + a, (1,) * (length - len(b)) + b
                for m, n in zip(a, b):
                    if m != n and 1 not in (m, n):
                        raise ValueError("they do not fit")
                return tuple(max(m, n) for m, n in zip(a, b))
                """
            ],
            "the larger size always wins, over a 0",
        ),
        ("zip cuts the longer one", ["return tuple(max(m, n) for m, n in zip(a, b))"], "a missing size is left out"),
        (
            "assert",
            [
                """
                out = []
                n = max(len(a), len(b))
                a = (1,) * (n - len(a)) + a
                b = (1,) * (n - len(b)) + b
                for x, y in zip(a, b):
                    assert x == y or 1 in (x, y)
                    out.append(y if x == 1 else x)
                return tuple(out)
                """,
            ],
            "ValueError\ngot        AssertionError",
        ),
    ],
    "backward_add_multiply": [
        (
            "its own number",
            [None, "return g * self.data, g * other.data", None],
            "each gets its own number",
        ),
        (
            "the gradient not passed on",
            [None, "return other.data, self.data", None],
            "the gradient that arrives is left out",
        ),
        (
            "grad set, not added",
            [
                None,
                None,
                """
                value.grad = g
                if value.pull is not None:
                    for parent, part in zip(value.parents, value.pull(g)):
                        arriving[id(parent)] = arriving.get(id(parent), 0.0) + part
                """,
            ],
            "gradients add up over calls of backward",
        ),
        (
            "the second use overwrites the first",
            [
                None,
                None,
                """
                value.grad = g if value.grad is None else value.grad + g
                if value.pull is not None:
                    for parent, part in zip(value.parents, value.pull(g)):
                        arriving[id(parent)] = part
                """,
            ],
            "takes the place of what arrived before",
        ),
        ("a sum halves", ["return g / 2, g / 2", None, None], "a sum passes its gradient on to both"),
        (
            "no leaf guard",
            [
                """
                return g, g
                """,
                """
                return other.data * g, self.data * g
                """,
                """
                value.grad = g
                for p, gp in zip(value.parents, value.pull(g)):
                    arriving[id(p)] = arriving.get(id(p), 0.0) + gp
                """,
            ],
            "its pull is None",
        ),
        (
            "single value",
            [
                """
                return g
                """,
                """
                return other.data * g, self.data * g
                """,
                """
                value.grad = (value.grad or 0) + g
                if value.pull is None:
                    continue
                for p, gp in zip(value.parents, value.pull(g)):
                    arriving[id(p)] = arriving.get(id(p), 0.0) + gp
                """,
            ],
            "a sum passes its gradient on to both",
        ),
        (
            "overwrite",
            [
                """
                return g, g
                """,
                """
                return other.data * g, self.data * g
                """,
                """
                value.grad = g
                for p, gp in zip(value.parents, value.pull(g)):
                    arriving[id(p)] = gp
                """,
            ],
            "its pull is None",
        ),
    ],
    "backward_matmul": [
        ("exchanged", ["return a.T @ gradient, gradient @ b.T"], "the two gradients are exchanged"),
        ("elementwise", ["return gradient * b, gradient * a"], "backward_matmul|could not be broadcast"),
        ("no transpose", ["return gradient @ b, a @ gradient"], "mismatch in its core dimension"),
        ("no gradient", ["g = np.ones_like(gradient)\nreturn g @ b.T, a.T @ g"], "NameError"),
        (
            "the arriving gradient is ignored",
            ["ones = gradient * 0 + 1\nreturn ones @ b.T, a.T @ ones"],
            "the gradient that arrives is left out",
        ),
    ],
    "backward_softmax": [
        ("as a sigmoid", ["return p * (1 - p) * gradient"], "as if they did not touch each other"),
        (
            "the wrong axis",
            ["average = (p * gradient).sum(axis=0, keepdims=True)\nreturn p * (gradient - average)"],
            "not along each row|one by one",
        ),
        (
            "a plain mean",
            ["return p * (gradient - gradient.mean(axis=-1, keepdims=True))"],
            "not weighted by the shares",
        ),
        ("one average for all", ["return p * (gradient - (p * gradient).sum())"], "all rows share one average"),
        ("nothing subtracted", ["return p * gradient"], "the average is not subtracted"),
        (
            "axis1 no keepdims",
            [
                """
                return p * (gradient - (p * gradient).sum(axis=1))
                """,
            ],
            "keepdims=True keeps",
        ),
        (
            "mean",
            [
                """
                return p * (gradient - (p * gradient).mean(axis=1, keepdims=True))
                """,
            ],
            "divided by the number of scores",
        ),
    ],
    "hidden_layer": [
        (
            "sum for mean",
            [
                """
                d = shares.copy()
                d[np.arange(n), targets] -= 1
                e = (d @ w2.T) * (1 - hidden**2)
                return loss, x.T @ e, e.sum(axis=0), hidden.T @ d, d.sum(axis=0)
                """
            ],
            "divide by the number of rows",
        ),
        (
            "tanh forgotten",
            [
                """
                d = shares.copy()
                d[np.arange(n), targets] -= 1
                d /= n
                e = d @ w2.T
                return loss, x.T @ e, e.sum(axis=0), hidden.T @ d, d.sum(axis=0)
                """
            ],
            "1 - tanh² of the hidden layer is forgotten",
        ),
        (
            "biases not summed",
            [
                """
                d = shares.copy()
                d[np.arange(n), targets] -= 1
                d /= n
                e = (d @ w2.T) * (1 - hidden**2)
                return loss, x.T @ e, e, hidden.T @ d, d
                """
            ],
            "the gradient of b1 is right",
        ),
        (
            "four values",
            [
                """
                d = shares.copy()
                d[np.arange(n), targets] -= 1
                d /= n
                e = (d @ w2.T) * (1 - hidden**2)
                return x.T @ e, e.sum(axis=0), hidden.T @ d, d.sum(axis=0)
                """
            ],
            "five values come out",
        ),
    ],
    "convolution": [
        (
            "flipped",
            [
                """
                k = weight.shape[-1]
                weight = weight.flip(2, 3)
                h, w = image.shape[2] - k + 1, image.shape[3] - k + 1
                out = bias[:, None, None].expand(len(image), -1, h, w)
                for i in range(k):
                    for j in range(k):
                        out = out + torch.einsum("bchw,oc->bohw", image[:, :, i : i + h, j : j + w], weight[:, :, i, j])
                return out
                """
            ],
            "the pattern is flipped",
        ),
        (
            "a bias each time",
            [
                """
                k = weight.shape[-1]
                h, w = image.shape[2] - k + 1, image.shape[3] - k + 1
                out = torch.zeros(len(image), len(weight), h, w)
                for i in range(k):
                    for j in range(k):
                        part = image[:, :, i : i + h, j : j + w]
                        out = out + torch.einsum("bchw,oc->bohw", part, weight[:, :, i, j]) + bias[:, None, None]
                return out
                """
            ],
            "the bias is added at every place",
        ),
        (
            "i and j exchanged",
            [
                """
                k = weight.shape[-1]
                h, w = image.shape[2] - k + 1, image.shape[3] - k + 1
                out = bias[:, None, None].expand(len(image), -1, h, w)
                for i in range(k):
                    for j in range(k):
                        part = image[:, :, i : i + h, j : j + w]
                        out = out + torch.einsum("bchw,oc->bohw", part, weight[:, :, j, i])
                return out
                """
            ],
            "rows and columns of the pattern are exchanged",
        ),
        (
            "torch's own",
            ["return torch.nn.functional.conv2d(image, weight, bias)"],
            "conv2d does this exercise by itself",
        ),
    ],
}
