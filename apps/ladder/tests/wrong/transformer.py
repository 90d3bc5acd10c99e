"""Typical wrong solutions of the rungs about blocks."""

WRONG = {
    "layer_norm": [
        (
            "x.var",
            [
                """
                m, v = x.mean(-1, keepdim=True), x.var(-1, keepdim=True)
                return (x - m) / (v + epsilon).sqrt() * weight + bias
                """
            ],
            "divides by C - 1",
        ),
        (
            "the wrong axis",
            [
                """
                mean = x.mean(dim=0, keepdim=True)
                variance = (x - mean).square().mean(dim=0, keepdim=True)
                return (x - mean) / (variance + epsilon).sqrt() * weight + bias
                """
            ],
            "runs over the rows of the batch|wanted",
        ),
        (
            "no mean",
            ["v = x.var(-1, keepdim=True, correction=0)\nreturn x / (v + epsilon).sqrt() * weight + bias"],
            "the mean is not subtracted",
        ),
        (
            "no root",
            [
                """
                mean = x.mean(dim=-1, keepdim=True)
                variance = (x - mean).square().mean(dim=-1, keepdim=True)
                return (x - mean) / (variance + epsilon) * weight + bias
                """
            ],
            "divides by the variance, not by its root",
        ),
        (
            "no epsilon",
            [
                """
                mean = x.mean(dim=-1, keepdim=True)
                variance = (x - mean).square().mean(dim=-1, keepdim=True)
                return (x - mean) / variance.sqrt() * weight + bias
                """
            ],
            "epsilon is missing",
        ),
        (
            "epsilon outside of the root",
            [
                """
                mean = x.mean(dim=-1, keepdim=True)
                variance = (x - mean).square().mean(dim=-1, keepdim=True)
                return (x - mean) / (variance.sqrt() + epsilon) * weight + bias
                """
            ],
            "epsilon is added to the root",
        ),
        ("torch's own", ["return torch.nn.functional.layer_norm(x, x.shape[-1:], weight, bias)"], "by itself"),
        (
            "weights left out",
            [
                """
                mean = x.mean(dim=-1, keepdim=True)
                variance = (x - mean).square().mean(dim=-1, keepdim=True)
                return (x - mean) / (variance + epsilon).sqrt()
                """
            ],
            "weight and bias are left out",
        ),
        (
            "no keepdim",
            [
                """
                return (x - x.mean(-1)) / (x.var(-1, unbiased=False) + epsilon).sqrt() * weight + bias
                """,
            ],
            "keepdim=True keeps",
        ),
    ],
    "gelu": [
        ("the exact form", ["return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))"], "the exact GELU is computed"),
        ("relu", ["return x.clamp(min=0)"], "ReLU is computed"),
        ("sigmoid", ["return x * torch.sigmoid(1.702 * x)"], "the sigmoid form"),
        ("no root", ["return 0.5 * x * (1 + torch.tanh(2 / math.pi * (x + 0.044715 * x**3)))"], "not under a root"),
        (
            "brackets",
            ["return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * x + 0.044715 * x**3))"],
            "does not multiply the cube",
        ),
        (
            "math.tanh",
            ["return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))"],
            "line \\d+",
        ),
    ],
    "residual": [
        ("no plus", ["for layer in layers:\n    x = layer(x)\nreturn x"], "there is no plus sign"),
        ("in place", ["for layer in layers:\n    x += layer(x)\nreturn x"], "stays as it was|in place"),
        (
            "all read the start",
            ["out = x\nfor layer in layers:\n    out = out + layer(x)\nreturn out"],
            "every layer reads the start",
        ),
        (
            "one plus for all",
            ["out = x\nfor layer in layers:\n    out = layer(out)\nreturn x + out"],
            "wanted     \\[1, 3\\]|only the start is added once|\\[2.0, 6.0\\]",
        ),
        ("backwards", ["for layer in reversed(layers):\n    x = x + layer(x)\nreturn x"], "opposite order"),
    ],
    "block": [
        (
            "post-norm",
            ["x = attention_norm(x + attention(x))\nreturn feed_forward_norm(x + feed_forward(x))"],
            "norms stand after the plus sign",
        ),
        (
            "no first plus",
            ["x = attention(attention_norm(x))\nreturn x + feed_forward(feed_forward_norm(x))"],
            "the first part replaces the stream",
        ),
        (
            "no second plus",
            ["x = x + attention(attention_norm(x))\nreturn feed_forward(feed_forward_norm(x))"],
            "the second part replaces the stream",
        ),
        (
            "both read the start",
            ["return x + attention(attention_norm(x)) + feed_forward(feed_forward_norm(x))"],
            "both parts read the start of the block",
        ),
        (
            "one norm",
            ["x = x + attention(attention_norm(x))\nreturn x + feed_forward(attention_norm(x))"],
            "one norm serves both parts",
        ),
        (
            "the normed stream goes on",
            ["x = attention_norm(x)\nx = x + attention(x)\nx = feed_forward_norm(x)\nreturn x + feed_forward(x)"],
            "both parts read through their norm",
        ),
        (
            "no residual",
            [
                """
                x = attention(attention_norm(x))
                return feed_forward(feed_forward_norm(x))
                """,
            ],
            "no plus sign at all",
        ),
        (
            "residual from normed",
            [
                """
                n = attention_norm(x)
                x = n + attention(n)
                n = feed_forward_norm(x)
                return n + feed_forward(n)
                """,
            ],
            "add to the normed stream",
        ),
    ],
}
