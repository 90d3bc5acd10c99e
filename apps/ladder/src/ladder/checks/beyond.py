"""Checks of the rungs about what one does with a trained model."""

from typing import Any

import torch

from .comparing import agree, called, refuse


def int8(mine: Any) -> None:
    """From one number up, and back."""
    for numbers in ([[1.0]], [[2.0, -1.0]], [[0.0, 0.0], [1.0, 0.3]], [[0.01, -0.02, 0.013], [5.0, -3.0, 0.1]]):
        weight = torch.tensor(numbers)
        largest = weight.abs().amax(1, keepdim=True)
        scale = torch.where(largest > 0, largest / 127, 1.0)
        whole = (weight / scale).round().to(torch.int8)
        given = f"quantize({numbers})"
        got = called(given, lambda: mine.quantize(weight))
        if not isinstance(got, tuple) or len(got) != 2:
            refuse("whole numbers and scales come out", given, f"wanted     a pair\ngot        {type(got).__name__}")
        one = weight.abs().max() / 127
        agree(
            "each row has the scale of its largest number",
            given,
            lambda: got[1],
            scale,
            {
                "one scale serves all rows": one.expand_as(scale),
                "a row of zeros gets the scale 0": largest / 127,
                "the largest number, not the largest magnitude, is divided by 127": torch.where(
                    largest > 0, weight.amax(1, keepdim=True) / 127, 1.0
                ),
                "it is divided by 128": torch.where(largest > 0, largest / 128, 1.0),
                "it is divided by 255": torch.where(largest > 0, largest / 255, 1.0),
                "the scale is upside down": torch.where(largest > 0, 127 / largest, 1.0),
            },
        )
        if not isinstance(got[0], torch.Tensor) or got[0].dtype != torch.int8:
            kind = getattr(got[0], "dtype", type(got[0]).__name__)
            refuse("whole numbers take one byte each", given, f"wanted     torch.int8\ngot        {kind}")
        agree(
            "numbers are rounded to the nearest step",
            given,
            lambda: got[0].int(),
            whole.int(),
            {
                "numbers are cut toward zero, not rounded": (weight / scale).to(torch.int8).int(),
                "numbers are rounded down": (weight / scale).floor().int(),
            },
        )
        agree(
            "whole numbers times scale is nearly the weight",
            f"restored of {given}",
            lambda: mine.restored(whole, scale),
            whole.float() * scale,
            {"whole numbers are divided by the scale": whole.float() / scale},
        )


def lora(mine: Any) -> None:
    """Shapes that all differ, and a detour that begins at nothing."""
    for c, n, r, alpha in ((1, 1, 1, 1.0), (2, 1, 1, 3.0), (3, 4, 2, 8.0), (3, 4, 2, 1.0)):
        source = torch.Generator().manual_seed(c)
        x, w, bias, a, b = (
            torch.randn(s, generator=source).round(decimals=1) for s in ((2, c), (n, c), (n,), (r, c), (n, r))
        )
        layer, detour = x @ w.T + bias, (x @ a.T) @ b.T
        given = f"lora(x [2, {c}], weight [{n}, {c}], a [{r}, {c}], b [{n}, {r}], alpha={alpha:g})"
        agree(
            "layer and detour are added",
            given,
            lambda: mine.lora(x, w, bias, a, b, alpha),
            layer + alpha / r * detour,
            {
                "alpha is not divided by r": layer + alpha * detour,
                "alpha and r are left out": layer + detour,
                "alpha is divided by C, not by r": layer + alpha / c * detour,
                "alpha / r is rounded down: // for /": layer + alpha // r * detour,
                "the detour is left out": layer,
                "the detour takes the place of the layer": alpha / r * detour,
                "the bias is left out": x @ w.T + alpha / r * detour,
                "the bias is scaled, too": x @ w.T + alpha / r * (detour + bias),
            },
        )
        before = w.clone()
        agree(
            "the detour can be folded into the weight",
            f"merge of the same, alpha={alpha:g}",
            lambda: mine.merge(w, a, b, alpha),
            w + alpha / r * b @ a,
            {
                "alpha is not divided by r": w + alpha * b @ a,
                "alpha and r are left out": w + b @ a,
                "alpha is divided by C, not by r": w + alpha / c * b @ a,
                "alpha / r is rounded down: // for /": w + alpha // r * b @ a,
                "only the detour comes out": alpha / r * b @ a,
            },
        )
        if not torch.equal(w, before):
            refuse(
                "the weight that was given stays as it was",
                f"merge of the same, alpha={alpha:g}",
                "got        a changed one\nthat is what comes out when += changes it in place",
            )
