"""Typical wrong solutions of the rungs about what one does with a trained model."""

WRONG = {
    "int8": [
        (
            "one scale",
            [
                "s = (weight.abs().max() / 127).expand(len(weight), 1)\nreturn (weight / s).round().to(torch.int8), s",
                None,
            ],
            "one scale serves all rows",
        ),
        (
            "no abs",
            [
                "scale = weight.amax(dim=1, keepdim=True) / 127\nreturn (weight / scale).round().to(torch.int8), scale",
                None,
            ],
            "not the largest magnitude|gets the scale 0",
        ),
        (
            "cut, not rounded",
            [
                """
                largest = weight.abs().amax(dim=1, keepdim=True)
                scale = torch.where(largest > 0, largest / 127, torch.ones_like(largest))
                return (weight / scale).to(torch.int8), scale
                """,
                None,
            ],
            "cut toward zero",
        ),
        (
            "still floats",
            [
                """
                largest = weight.abs().amax(dim=1, keepdim=True)
                scale = torch.where(largest > 0, largest / 127, torch.ones_like(largest))
                return (weight / scale).round(), scale
                """,
                None,
            ],
            "wanted     torch.int8",
        ),
        (
            "zeros",
            [
                "s = weight.abs().amax(dim=1, keepdim=True) / 127\nreturn (weight / s).round().to(torch.int8), s",
                None,
            ],
            "a row of zeros gets the scale 0",
        ),
        ("divided", [None, "return whole.float() / scale"], "divided by the scale"),
        (
            "max without abs",
            [
                """
                scale = weight.amax(1, keepdim=True) / 127
                scale[scale == 0] = 1
                return (weight / scale).round().to(torch.int8), scale
                """,
                """
                return whole * scale
                """,
            ],
            "largest number, not the largest magnitude",
        ),
        (
            "no zero rows",
            [
                """
                scale = weight.abs().amax(1, keepdim=True) / 127
                return (weight / scale).round().to(torch.int8), scale
                """,
                """
                return whole * scale
                """,
            ],
            "a row of zeros gets the scale 0$",
        ),
    ],
    "lora": [
        (
            "alpha not divided",
            ["return x @ weight.T + bias + alpha * (x @ a.T) @ b.T", None],
            "alpha is not divided by r",
        ),
        ("alpha left out", ["return x @ weight.T + bias + (x @ a.T) @ b.T", None], "alpha and r are left out"),
        ("a, b exchanged", ["return x @ weight.T + bias + alpha / len(a) * (x @ b) @ a", None], "line \\d+|wanted"),
        (
            "in place of the layer",
            ["return alpha / len(a) * (x @ a.T) @ b.T", None],
            "takes the place of the layer|bias",
        ),
        ("merged without alpha", [None, "return weight + b @ a"], "alpha and r are left out"),
        ("only the detour", [None, "return alpha / len(a) * b @ a"], "only the detour comes out"),
        ("a @ b", [None, "return weight + alpha / len(a) * a @ b"], "line \\d+: return weight|wanted"),
        (
            "alpha/C",
            [
                """
                return x @ weight.T + bias + alpha / a.shape[1] * (x @ a.T) @ b.T
                """,
                """
                return weight + alpha / a.shape[1] * b @ a
                """,
            ],
            "divided by C",
        ),
        (
            "floor div",
            [
                """
                r = a.shape[0]
                return x @ weight.T + bias + (alpha // r) * x @ a.T @ b.T
                """,
                """
                return weight + alpha // len(a) * b @ a
                """,
            ],
            "rounded down",
        ),
        (
            "in place",
            [
                """
                r = len(a)
                return x @ weight.T + bias + alpha / r * x @ a.T @ b.T
                """,
                """
                weight += alpha / len(a) * b @ a
                return weight
                """,
            ],
            r"\+= changes it in place",
        ),
        ("torch is not imported", ["return torch.zeros(1)", None], "`import torch` at the top of the file"),
    ],
}
