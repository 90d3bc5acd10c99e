"""Checks of the rungs about attention: by small cases that name the slip, then by the contract."""

import math
from typing import Any

import torch
from torch import Tensor

import attention as ours

from .comparing import agree, called, difference, refuse


def causal_mask(mine: Any) -> None:
    """From one token up."""
    for n in (1, 2, 3, 5):
        wanted = torch.ones(n, n, dtype=torch.bool).tril()
        slips = {
            "the diagonal is hidden, too: a token must see itself": torch.ones(n, n, dtype=torch.bool).tril(-1),
            "the mask is the wrong way round: True where it may not look": ~wanted,
            "rows and columns are exchanged: tokens see what comes after them": wanted.T,
        }
        agree("a token sees itself and all before it", f"causal_mask({n})", lambda: mine.causal_mask(n), wanted, slips)


def attention(mine: Any) -> None:
    """The equation on small numbers, then the contract of any attention."""
    for t, d in ((1, 1), (2, 1), (2, 4), (3, 4)):
        q, k, v = torch.randn(3, 1, 1, t, d, generator=torch.Generator().manual_seed(t)).round(decimals=1)
        causal = torch.ones(t, t, dtype=torch.bool).tril()
        for mask, how in ((None, "None"), (causal[None, None], "causal")):
            wanted = ours.attend_reference(q, k, v, mask)[0]
            given = f"attend(q, k, v of {[1, 1, t, d]}, mask={how})"
            agree(
                "it is softmax(q k^T / sqrt(D)) v",
                given,
                lambda: mine.attend(q, k, v, mask),
                wanted,
                _slips(q, k, v, mask),
            )
    _extremes(mine)
    ours.contract.check(mine.attend)


def _slips(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> dict[str, Any]:
    d, plain = q.shape[-1], q @ k.mT
    low = -math.inf

    def out(scores: Tensor, dim: int = -1) -> Tensor:
        return (scores if mask is None else scores.masked_fill(~mask, low)).softmax(dim) @ v

    scaled = plain / math.sqrt(d)
    slips = {
        "the scores are not divided by sqrt(D)": out(plain),
        "the scores are divided by D, not by its root": out(plain / d),
        "the scores are multiplied by sqrt(D)": out(plain * math.sqrt(d)),
        "the softmax runs over the queries, not over the keys": out(scaled, -2),
        "the scores are divided by the root of the number of tokens, not of D": out(plain / math.sqrt(k.shape[-2])),
        "queries and keys are exchanged": out(scaled.mT),
    }
    if mask is not None:
        slips |= {
            "the mask is not used": scaled.softmax(-1) @ v,
            "the mask is laid on after the softmax, so that shares do not add up to 1": (scaled.softmax(-1) * mask) @ v,
            "the mask is the wrong way round": scaled.masked_fill(mask, low).softmax(-1) @ v,
            "the mask is the wrong way round: True is where it may look": scaled.masked_fill(mask, low)
            .softmax(-1)
            .nan_to_num()
            @ v,
            "hidden scores are set to 0, which is not low": scaled.masked_fill(~mask, 0.0).softmax(-1) @ v,
        }
    return slips


def _extremes(mine: Any) -> None:
    x = torch.tensor([[[[200.0], [-200.0]]]])
    agree(
        "large scores stay finite",
        "attend with scores of 40,000",
        lambda: mine.attend(x, x, x),
        x,
        {"exp is taken of scores as they are, and overflows": torch.full_like(x, math.nan)},
    )
    q, k, v = torch.randn(3, 1, 1, 3, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    given = "attend(q, k, v of float64)"
    got, wanted = called(given, lambda: mine.attend(q, k, v)), ours.attend_reference(q, k, v)[0]
    if difference(got, wanted, 1e-10) and not difference(got, wanted):
        refuse(
            "double precision keeps its digits",
            given,
            "wanted     the digits of float64\ngot        those of float32\n"
            "that is what comes out when .float() is taken of all numbers, not of half precision alone",
        )
    one = torch.ones(1, 1, 1, 1)
    hidden = torch.zeros(1, 1, 1, 1, dtype=torch.bool)
    agree(
        "a query that may look at nothing gives zeros",
        "attend(one token, mask=[[False]])",
        lambda: mine.attend(one, one, one, hidden),
        torch.zeros(1, 1, 1, 1),
        {
            "all scores are minus infinity, and softmax of that is NaN": torch.full((1, 1, 1, 1), math.nan),
            "what is hidden from everybody still gets equal shares": one,
        },
    )


def heads(mine: Any) -> None:
    """Numbers that say where they come from."""
    for b, t, h, d in ((1, 1, 2, 1), (1, 2, 2, 1), (1, 2, 2, 2), (2, 3, 2, 4)):
        x = torch.arange(float(b * t * h * d)).reshape(b, t, h * d)
        split = torch.stack(x.split(d, dim=-1), dim=1)
        every = torch.stack([x[..., i::h] for i in range(h)], dim=1)
        slips = {
            "one view mixes the numbers of different tokens": x.reshape(b, h, t, d),
            "a head takes every H-th channel": every,
            "tokens and heads are not exchanged": x.reshape(b, t, h, d),
        }
        agree(
            "a head has channels side by side, of all tokens",
            f"split_heads(x {[b, t, h * d]}, n_head={h})",
            lambda: mine.split_heads(x, h),
            split,
            slips,
        )
        back = {
            "one reshape mixes the numbers of different heads": split.reshape(b, t, h * d),
            "a head's channels are spread out": split.permute(0, 2, 3, 1).flatten(2),
        }
        agree("merging undoes splitting", f"merge_heads(x {[b, h, t, d]})", lambda: mine.merge_heads(split), x, back)


def cache(mine: Any) -> None:
    """In steps as at once."""
    for sizes in ([1], [1, 1], [2], [2, 1], [1, 3], [2, 2, 1]):
        total = sum(sizes)
        q, k, v = torch.randn(3, 1, 1, total, 2, generator=torch.Generator().manual_seed(total))
        whole = ours.attend(q, k, v, ours.causal())
        held: Any = None
        start = 0
        for size in sizes:
            stop = start + size
            part = [x[:, :, start:stop] for x in (q, k, v)]
            given = f"look: {size} new token{'s' * (size > 1)} after {start} held"
            got = called(given, lambda: mine.look(_attend_for(stop, given), *part, held))
            if not isinstance(got, tuple) or len(got) != 2:
                refuse("output and what to hold come out", given, f"wanted     a pair\ngot        {type(got).__name__}")
            slips = _cache_slips(q, k, v, start, stop)
            agree("the output is that of the whole text", given, lambda: got[0], whole[:, :, start:stop], slips)
            held = got[1]
            agree(
                "keys and values of all tokens so far are held",
                given,
                lambda: held,
                (k[:, :, :stop], v[:, :, :stop]),
                {
                    "only the new ones are held": (part[1], part[2]),
                    "the new ones stand before the older ones": tuple(
                        torch.cat((x[:, :, start:stop], x[:, :, :start]), 2) for x in (k, v)
                    ),
                },
            )
            start = stop


def _attend_for(n: int, given: str) -> Any:
    """Ours, which wants keys and values of n tokens."""

    def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
        for name, x in (("keys", k), ("values", v)):
            if x.ndim != 4 or x.shape[:2] != q.shape[:2]:
                refuse(
                    "keys and values are joined along the tokens, axis 2 of [B, H, T, D]",
                    given,
                    f"wanted     attend with {name} {[*q.shape[:2], n, q.shape[3]]}\ngot        {list(x.shape)}\n"
                    "that is what comes out when torch.cat joins another axis",
                )
        return ours.attend(q, k, v, mask)

    return attend


def _cache_slips(q: Tensor, k: Tensor, v: Tensor, start: int, stop: int) -> dict[str, Any]:
    new = slice(start, stop)
    query, n = q[:, :, new], stop - start
    everyone = ours.attend(query, k[:, :, :stop], v[:, :, :stop])
    lower = torch.ones(n, stop, dtype=torch.bool).tril()
    return {
        "new tokens see each other, those after them too: there is no mask": everyone,
        "the mask forgets how many tokens are held": ours.attend(query, k[:, :, :stop], v[:, :, :stop], lower),
        "what is held is not looked at": ours.attend(query, k[:, :, new], v[:, :, new], ours.causal()),
    }
