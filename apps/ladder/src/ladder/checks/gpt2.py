"""Checks of the rungs about the whole model: by small tables that one can follow, and by the contract of any GPT-2."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

import gpt2

from ..assembled import AssembledGPT2, Pieces, our_initial_weight
from .comparing import agree, refuse


def forward(mine: Any) -> None:
    """With blocks that one can follow, then all of GPT-2 around it."""
    words, places = torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([[10.0], [20.0], [30.0]])
    blocks: list[Callable[[Tensor], Tensor]] = [lambda x: 2 * x, lambda x: x + 1]
    norm: Callable[[Tensor], Tensor] = lambda x: -x  # noqa: E731
    for ids in ([[0]], [[2, 0]], [[1, 1], [2, 0]]):
        tokens = torch.tensor(ids)
        t = tokens.shape[1]
        where = places[torch.arange(t)]

        def through(x: Tensor) -> Tensor:
            return norm(blocks[1](blocks[0](x)))

        wanted = through(words[tokens] + where)
        twice = words[tokens] + where
        for one in blocks:
            twice = twice + one(twice)
        slips = {
            "each block's result is added to the stream; blocks have added it already": norm(twice),
            "the number of texts is taken for the number of tokens": through(words[tokens] + places[: len(ids)])
            if len(ids) == 1
            else wanted,
            "positions are left out": through(words[tokens]),
            "the final norm is missing": -wanted,
            "the blocks come in the opposite order": norm(blocks[0](blocks[1](words[tokens] + where))),
            "positions count from 1": through(words[tokens] + places[(torch.arange(t) + 1) % 3]),
            "a token's id is taken for its position": through(words[tokens] + places[tokens]),
            "the position is added after the blocks": norm(blocks[1](blocks[0](words[tokens])) + where),
            "only the first block is used": norm(blocks[0](words[tokens] + where)),
            "there are no blocks": norm(words[tokens] + where),
        }
        agree(
            "vectors of tokens and positions, blocks, final norm",
            f"forward({ids}) with token vectors 1, 2, 4, positions 10, 20, 30, blocks 2 x and x + 1, norm -x",
            lambda: mine.forward(tokens, words, places, blocks, norm),
            wanted,
            slips,
        )
    try:
        got = mine.forward(torch.tensor([[0, 0, 0, 0]]), words, places, [], norm)
    except Exception:
        pass
    else:
        refuse(
            "a text that is longer than the table of positions is an error",
            "forward of 4 tokens, 3 positions",
            f"wanted     an error\ngot        {got.flatten().tolist()}",
        )
    config = gpt2.GPT2Config(n_vocab=11, n_ctx=16, n_embd=8, n_head=2, n_layer=2)
    model = AssembledGPT2(config, Pieces(forward=mine.forward), torch.Generator().manual_seed(0))
    gpt2.contract.check(model)


def tied_head(mine: Any) -> None:
    """Products, and the last place."""
    for shape in ((1, 1, 2), (1, 2, 2), (2, 3, 4)):
        v = 3
        states = torch.arange(1.0, 1 + shape[0] * shape[1] * shape[2]).reshape(shape)
        table = torch.arange(v * shape[2]).reshape(v, shape[2]).float() - 2
        wanted = torch.einsum("btc,vc->btv", states, table)
        slips = {"probabilities come out; logits are asked for": wanted.softmax(-1)}
        agree(
            "a logit is the product of state and token vector",
            f"head(states {list(shape)}, token_table [3, {shape[2]}])",
            lambda: mine.head(states, table),
            wanted,
            slips,
        )
    for logits in (
        [[[0.0, 2.0, 1.0]]],
        [[[5.0, 0.0], [0.0, 1.0]]],
        [[[9.0, 0.0], [1.0, 0.0]], [[9.0, 0.0], [0.0, 4.0]]],
    ):
        x = torch.tensor(logits)
        slips = {
            "every place answers, not only the last": x.argmax(-1),
            "the first place answers, not the last": x[:, 0].argmax(-1),
            "the argmax runs over all rows together": x[:, -1].argmax(),
            "the argmax runs over the rows of the batch": x[:, -1].argmax(0),
            "the largest logit comes out, not its place": x[:, -1].max(-1).values,
        }
        agree(
            "the likeliest token after the last place",
            f"next_token({logits})",
            lambda: mine.next_token(x),
            x[:, -1].argmax(-1),
            slips,
        )


def initial_weights(mine: Any) -> None:
    """Each kind, from a seed, and then whether a whole model begins as ours does."""
    for n_layer in (1, 8):
        for kind in ("matrix", "token", "position", "writer", "bias", "gain"):
            shape = (64,) if kind in ("bias", "gain") else (32, 64)

            def draw(by: Callable[..., Tensor], kind: str = kind, shape: Any = shape, n_layer: int = n_layer) -> Tensor:
                return by(kind, shape, n_layer, torch.Generator().manual_seed(1))

            wanted = draw(our_initial_weight)
            noise = torch.randn(*shape, generator=torch.Generator().manual_seed(1))
            slips: dict[str, Any] = {
                "0.02 is taken for the variance: it is the deviation": noise * 0.02**0.5,
                "the deviation is 1": noise,
                "a gain begins at 0, which lets nothing through": torch.zeros(*shape) if kind == "gain" else None,
            }
            if kind == "writer":
                slips |= {
                    "writers are drawn like other matrices": noise * 0.02,
                    "it is divided by sqrt(n_layer), though each block has two writers": noise * 0.02 / n_layer**0.5,
                    "it is divided by 2 n_layer, not by its root": noise * 0.02 / (2 * n_layer),
                }
            if kind == "position":
                slips["positions are drawn like tokens"] = noise * 0.02
            agree(
                f"a {kind} begins as GPT-2's does",
                f"initial_weight({kind!r}, {list(shape)}, n_layer={n_layer}, seed 1)",
                lambda: draw(mine.initial_weight),
                wanted,
                slips,
            )
    config = gpt2.GPT2Config(n_vocab=11, n_ctx=8, n_embd=8, n_head=2, n_layer=2)
    theirs = AssembledGPT2(config, Pieces(initial_weight=mine.initial_weight), torch.Generator().manual_seed(2))
    ours = gpt2.GPT2(config, generator=torch.Generator().manual_seed(2))
    for (name, one), other in zip(theirs.named_parameters(), ours.parameters(), strict=True):
        if not torch.allclose(one, other, atol=1e-6):
            refuse(
                "the same seed gives the same model",
                f"a model of 2 layers, its {name}",
                "wanted     the weights that gpt2 begins with\ngot        others: is anything drawn for biases, "
                "or drawn twice?",
            )
