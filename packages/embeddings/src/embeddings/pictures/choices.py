"""What may be chosen by name. Apart, so that the command can say it without importing torch."""

from typing import Literal

Method = Literal["pca", "tsne", "umap"]
METHODS: tuple[Method, ...] = ("pca", "tsne", "umap")
Theme = Literal["light", "dark"]
Table = Literal["tokens", "positions"]
