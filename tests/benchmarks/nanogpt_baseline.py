"""The other side of the training benchmarks: a GPT of nanoGPT's published shape and settings, made of torch's modules.

    uv run python tests/benchmarks/nanogpt_baseline.py [--text FILE] [--steps 2000]

Learns a text character by character with the hyper-parameters that nanoGPT's README gives for a laptop's processor (4
layers, 4 heads, 128 wide, context 64, batch 12, AdamW at 1e-3 with betas 0.9 and 0.99, cosine to 1e-4 after 100 steps,
decay 0.1, clipping at 1, evaluation over 20 batches of both sides every 250 steps) and prints its bits per byte on the
same held-out text as ours.
"""

import argparse
import json
import math
import time

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Attention(nn.Module):
    """One matrix for queries, keys and values; torch's own scaled dot product attention with its causal flag."""

    def __init__(self, width: int, n_head: int) -> None:
        super().__init__()
        self.n_head = n_head
        self.project, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        b, t, c = x.shape
        q, k, v = (part.view(b, t, self.n_head, -1).transpose(1, 2) for part in self.project(x).split(c, dim=2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(y.transpose(1, 2).contiguous().view(b, t, c))


class Block(nn.Module):
    def __init__(self, width: int, n_head: int) -> None:
        super().__init__()
        self.norm_1, self.attention, self.norm_2 = nn.LayerNorm(width), Attention(width, n_head), nn.LayerNorm(width)
        self.feed_forward = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm_1(x))
        return x + self.feed_forward(self.norm_2(x))


class GPT(nn.Module):
    """Tied embedding and head, learned positions, loss over the whole logits."""

    def __init__(self, n_vocab: int, n_ctx: int, width: int, n_head: int, n_layer: int) -> None:
        super().__init__()
        self.tokens, self.positions = nn.Embedding(n_vocab, width), nn.Embedding(n_ctx, width)
        self.blocks = nn.Sequential(*(Block(width, n_head) for _ in range(n_layer)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, n_vocab, bias=False)
        self.head.weight = self.tokens.weight
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1:
                residual = name.endswith(("attention.out.weight", "feed_forward.2.weight"))
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * n_layer) if residual else 0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, tokens: Tensor, targets: Tensor) -> Tensor:
        x = self.tokens(tokens) + self.positions(torch.arange(tokens.shape[1]))
        logits = self.head(self.norm(self.blocks(x)))
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.reshape(-1))

    def optimizer(self, rate: float, betas: tuple[float, float] = (0.9, 0.95)) -> torch.optim.AdamW:
        matrices = [p for p in self.parameters() if p.dim() > 1]
        vectors = [p for p in self.parameters() if p.dim() < 2]
        groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
        return torch.optim.AdamW(groups, lr=rate, betas=betas)


def windows(data: Tensor, batch: int, length: int) -> tuple[Tensor, Tensor]:
    """Drawn with replacement, as nanoGPT draws them."""
    starts = torch.randint(len(data) - length, (batch,))
    rows = torch.stack([data[i : i + length + 1] for i in starts.tolist()])
    return rows[:, :-1], rows[:, 1:]


@torch.no_grad()
def nats(model: GPT, data: Tensor, length: int) -> float:
    """Summed over every character but the first, in non-overlapping windows."""
    whole = (len(data) - 1) // length * length
    total = 0.0
    for inputs, targets in zip(
        data[:whole].view(-1, length).split(256), data[1 : whole + 1].view(-1, length).split(256), strict=True
    ):
        total += float(model(inputs, targets)) * inputs.numel()
    if whole < len(data) - 1:
        rest = data[whole:]
        total += float(model(rest[None, :-1], rest[None, 1:])) * (len(rest) - 1)
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", help="file to learn from (default: the text that comes with Python)")
    parser.add_argument("--held-out", type=float, default=0.1, help="share that is judged on")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1337)
    arguments = parser.parse_args()

    from dataio import embedded_text, read_text, split_corpus

    corpus = read_text(arguments.text) if arguments.text else embedded_text()
    sides = split_corpus(corpus, arguments.held_out)
    learned_text, judged_text = ("\n".join(document.text for document in side.documents) for side in sides)
    ids = {character: number for number, character in enumerate(sorted(set(learned_text + judged_text)))}
    data, judged = (torch.tensor([ids[character] for character in text]) for text in (learned_text, judged_text))
    torch.manual_seed(arguments.seed)
    model, steps, rate = GPT(len(ids), 64, 128, 4, 4), arguments.steps, 1e-3
    optimizer, began = model.optimizer(rate, (0.9, 0.99)), time.perf_counter()
    for step in range(steps):
        if step % 250 == 0:
            with torch.no_grad():
                for side in (data, judged):
                    [float(model(*windows(side, 12, 64))) for _ in range(20)]
        share = max(0, step - 100) / (steps - 100)
        factor = step / 100 if step < 100 else 0.1 + 0.45 * (1 + math.cos(math.pi * share))
        for group in optimizer.param_groups:
            group["lr"] = rate * factor
        loss = model(*windows(data, 12, 64))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        loss.item()  # nanoGPT's README logs every step
    bits = nats(model, judged, 64) / math.log(2) / len(judged_text.encode())
    print(json.dumps({"bits_per_byte": bits, "training_seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    main()
