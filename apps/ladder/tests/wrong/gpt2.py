"""Typical wrong solutions of the rungs about the whole model."""

WRONG = {
    "forward": [
        (
            "no positions",
            ["x = token_table[tokens]\nfor block in blocks:\n    x = block(x)\nreturn final_norm(x)"],
            "positions are left out",
        ),
        (
            "no final norm",
            [
                """
                x = token_table[tokens] + position_table[torch.arange(tokens.shape[1])]
                for block in blocks:
                    x = block(x)
                return x
                """
            ],
            "the final norm is missing",
        ),
        (
            "counted from 1",
            [
                """
                x = token_table[tokens] + position_table[torch.arange(1, tokens.shape[1] + 1) % len(position_table)]
                for block in blocks:
                    x = block(x)
                return final_norm(x)
                """
            ],
            "positions count from 1",
        ),
        (
            "ids as positions",
            [
                """
                x = token_table[tokens] + position_table[tokens]
                for block in blocks:
                    x = block(x)
                return final_norm(x)
                """
            ],
            "a token's id is taken for its position",
        ),
        (
            "clamped",
            [
                """
                places = torch.arange(tokens.shape[1]).clamp(max=len(position_table) - 1)
                x = token_table[tokens] + position_table[places]
                for block in blocks:
                    x = block(x)
                return final_norm(x)
                """
            ],
            "longer than the table of positions is an error",
        ),
        (
            "returns in the loop",
            [
                """
                x = token_table[tokens] + position_table[torch.arange(tokens.shape[1])]
                for block in blocks:
                    x = block(x)
                    return final_norm(x)
                """
            ],
            "only the first block is used",
        ),
        (
            "adds blocks",
            [
                """
                x = token_table[tokens] + position_table[torch.arange(tokens.shape[1])]
                for b in blocks:
                    x = x + b(x)
                return final_norm(x)
                """,
            ],
            "blocks have added it already",
        ),
        (
            "shape0",
            [
                """
                T = tokens.shape[0]
                x = token_table[tokens] + position_table[:T]
                for b in blocks:
                    x = b(x)
                return final_norm(x)
                """,
            ],
            "number of texts is taken",
        ),
    ],
    "tied_head": [
        ("softmax", ["return (states @ token_table.T).softmax(dim=-1)", None], "probabilities come out"),
        ("not transposed", ["return states @ token_table", None], "line \\d+: return states @ token_table"),
        ("every place", [None, "return logits.argmax(dim=-1)"], "every place answers"),
        ("the first place", [None, "return logits[:, 0].argmax(dim=-1)"], "the first place answers"),
        ("over everything", [None, "return logits[:, -1].argmax()"], "wanted     shape \\[1\\]"),
        ("the logit", [None, "return logits[:, -1].max(dim=-1).values"], "the largest logit comes out"),
    ],
    "initial_weights": [
        (
            "variance",
            [
                """
                if kind == "bias":
                    return torch.zeros(*shape)
                if kind == "gain":
                    return torch.ones(*shape)
                return torch.randn(*shape, generator=generator) * 0.02**0.5
                """
            ],
            "0.02 is taken for the variance",
        ),
        (
            "writers like others",
            [
                """
                if kind in ("bias", "gain"):
                    return torch.full(tuple(shape), float(kind == "gain"))
                deviation = 0.01 if kind == "position" else 0.02
                return torch.randn(*shape, generator=generator) * deviation
                """
            ],
            "writers are drawn like other matrices",
        ),
        (
            "one writer a block",
            [
                """
                if kind in ("bias", "gain"):
                    return torch.full(tuple(shape), float(kind == "gain"))
                deviation = {"position": 0.01, "writer": 0.02 / n_layer**0.5}.get(kind, 0.02)
                return torch.randn(*shape, generator=generator) * deviation
                """
            ],
            "each block has two writers",
        ),
        (
            "gains at 0",
            [
                """
                if kind in ("bias", "gain"):
                    return torch.zeros(*shape)
                deviation = {"position": 0.01, "writer": 0.02 / (2 * n_layer) ** 0.5}.get(kind, 0.02)
                return torch.randn(*shape, generator=generator) * deviation
                """
            ],
            "a gain begins at 0",
        ),
        (
            "drawn for nothing",
            [
                """
                noise = torch.randn(*shape, generator=generator)
                if kind in ("bias", "gain"):
                    return torch.full(tuple(shape), float(kind == "gain"))
                return noise * {"position": 0.01, "writer": 0.02 / (2 * n_layer) ** 0.5}.get(kind, 0.02)
                """
            ],
            "the same seed gives the same model",
        ),
        (
            "the global generator",
            [
                """
                if kind in ("bias", "gain"):
                    return torch.full(tuple(shape), float(kind == "gain"))
                return torch.randn(*shape) * {"position": 0.01, "writer": 0.02 / (2 * n_layer) ** 0.5}.get(kind, 0.02)
                """
            ],
            "a matrix begins as GPT-2's does",
        ),
    ],
}
