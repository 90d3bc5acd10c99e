"""What may be chosen by name, and what stands behind the names; apart, so that a command says it without torch."""

from typing import Literal

Method = Literal["pca", "tsne", "umap"]
"""How many dimensions become two."""
METHODS: tuple[Method, ...] = ("pca", "tsne", "umap")

Theme = Literal["light", "dark"]
"""The background of a picture."""
INK: dict[Theme, tuple[str, str]] = {"light": ("#ffffff", "#222222"), "dark": ("#16181d", "#e8e8e8")}
"""Background and text of each theme."""

Table = Literal["tokens", "positions"]
"""Which vectors of a model."""
TENSORS: dict[Table, str] = {"tokens": "wte.weight", "positions": "wpe.weight"}
"""The tensor that holds them, by GPT-2's names (openai/gpt-2 src/model.py)."""
