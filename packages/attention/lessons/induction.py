# ruff: noqa: T201
"""Two layers of attention learn to copy: on texts that repeat themselves, a head learns to look at what came next.

    uv run python packages/attention/lessons/induction.py [FOLDER]

Trains for half a minute on one core, prints each head's scores, and draws its maps into FOLDER where one is given.
The first layer learns to look at the token before, the second to look for a token like itself and take what followed:
an induction head (Olsson et al. 2022, "In-context Learning and Induction Heads").
"""

import sys
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from attention import MultiHeadAttention, causal, head_scores, induction_scores, plot_heads, plot_scores, record_maps

N_VOCAB, N_EMBD, N_HEAD, LENGTH, STEPS = 26, 64, 4, 32, 2000


class TwoLayers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(N_VOCAB, N_EMBD), nn.Embedding(LENGTH, N_EMBD)
        self.layers = nn.ModuleList(MultiHeadAttention(N_EMBD, N_HEAD) for _ in range(2))
        self.head = nn.Linear(N_EMBD, N_VOCAB)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.tokens(ids) + self.places.weight[: ids.shape[1]]
        for layer in self.layers:
            x = x + layer(x, causal())
        return self.head(x)


def repeated(period: int, rows: int) -> Tensor:
    """Letters drawn at random, and again from the start: only who looks back can tell what comes next."""
    return torch.randint(N_VOCAB, (rows, period)).repeat(1, -(-LENGTH // period))[:, :LENGTH]


def trained() -> TwoLayers:
    torch.manual_seed(0)
    model = TwoLayers()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for step in range(STEPS):
        period = int(torch.randint(6, 17, ()))
        ids = repeated(period, rows=32)
        loss = cross_entropy(model(ids)[:, period - 1 : -1].flatten(0, 1), ids[:, period:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 200 == 0:
            print(f"step {step:4}: {loss.item():.3f} nats a token of the repetition", file=sys.stderr)
    return model


def main(folder: str | None = None) -> None:
    model = trained()
    with record_maps(model) as maps, torch.no_grad():
        model(repeated(12, rows=64))
    previous = {name: head_scores(weights).previous for name, weights in maps.items()}
    copying = {name: induction_scores(weights, 12) for name, weights in maps.items()}
    for name in maps:
        print(f"{name}: token before {previous[name].numpy().round(2)}, copying {copying[name].numpy().round(2)}")
    if folder is None:
        return
    text = 2 * "questionably"
    ids = torch.tensor([[ord(letter) - ord("a") for letter in text]])
    with record_maps(model) as maps, torch.no_grad():
        model(ids)
    for name, weights in maps.items():
        plot_heads(weights, list(text), title=name).savefig(Path(folder, f"{name}.png"), dpi=70)
    plot_scores(copying, "copying").savefig(Path(folder, "copying.png"), dpi=70)


if __name__ == "__main__":
    main(*sys.argv[1:])
