"""A run as pictures: its curves, where its layers look, and where its tokens lie. Each function returns a Figure."""

import io
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

import embeddings
import gpt2
from attention import plot_layers, record_maps
from trainkit import evaluating
from workbench import read_json_lines, shown_token

matplotlib.use("Agg")
BLUE, ORANGE = "#0072b2", "#e69f00"


def curves(folder: Path) -> Figure:
    """Loss, bits per byte of the held-out text, learning rate and speed over the steps, from RUN/metrics.jsonl."""
    lines = [line for _, line in read_json_lines(folder / "metrics.jsonl")]
    figure = Figure(figsize=(10, 6), layout="constrained")
    loss, bits, rate, speed = figure.subplots(2, 2).flat
    _draw(loss, lines, "loss", BLUE, "training")
    _draw(loss, lines, "validation_loss", ORANGE, "held out", marker="o")
    loss.legend(loc="upper right", frameon=False)
    loss.set_ylabel("nats a token")
    _draw(bits, lines, "bits_per_byte", ORANGE, marker="o")
    bits.set_ylabel("held out, bits a byte")
    _draw(rate, lines, "learning_rate", BLUE)
    rate.set_ylabel("learning rate")
    _draw(speed, lines, "tokens_per_second", BLUE)
    speed.set_ylabel("tokens a second")
    speed.set_ylim(bottom=0)
    for axes in (loss, bits, rate, speed):
        axes.set_xlabel("step")
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def layers(model: "gpt2.GPT2", tokenizer: "gpt2.Tokenizer", text: str) -> Figure:
    """Where every layer looks, its heads averaged, while it reads `text`, as much of it as the context holds and 32
    tokens show; and the rollout through all of them."""
    ids = tokenizer.encode(text)[: min(32, model.n_ctx)]
    with evaluating(model), record_maps(model) as maps:
        model(torch.tensor([ids], device=next(model.parameters()).device))
    looks = {f"layer {number}": weights for number, weights in enumerate(maps.values(), start=1)}
    return plot_layers(looks, [shown_token(tokenizer.decode_bytes([id])) for id in ids])


def token_vectors(model: "gpt2.GPT2", tokenizer: "gpt2.Tokenizer", tokens: np.ndarray, most: int = 250) -> Figure:
    """The token embedding by PCA: the `most` commonest ids of `tokens`, colored by what they are made of."""
    common = np.argsort(-np.bincount(tokens, minlength=model.n_vocab), kind="stable")[:most]
    pieces = [tokenizer.decode([int(id)]) for id in common]
    vectors = model.token_embedding.weight.detach()[torch.from_numpy(common.copy())]
    labels = [shown_token(tokenizer.decode_bytes([int(id)])) for id in common]
    return embeddings.plot(embeddings.project(vectors, "pca"), labels, [_kind(piece) for piece in pieces])


def png(figure: Figure) -> bytes:
    """The figure as a PNG file's bytes."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110)
    return stream.getvalue()


def pixels(png: bytes) -> Tensor:
    """A PNG file's bytes as TensorBoard takes a picture: [3, H, W], 0 to 1."""
    image = matplotlib.image.imread(io.BytesIO(png))
    return torch.from_numpy(image[:, :, :3].copy()).permute(2, 0, 1)


def _draw(axes: Any, lines: list[dict[str, Any]], name: str, color: str, label: str = "", marker: str = "") -> None:
    points = [(line["step"], line[name]) for line in lines if line.get(name) is not None]
    if points:
        axes.plot(*zip(*points, strict=True), color=color, label=label or name, marker=marker)


def _kind(piece: str) -> str:
    word = piece.strip()
    if not word:
        return "space"
    if word.isdigit():
        return "digits"
    if not any(map(str.isalpha, word)):
        return "signs"
    return "begins a word" if piece[0] == " " or word[0].isupper() else "inside a word"
