"""What a person may say to `embeddings plot`, `embeddings nearest` and `embeddings compare`: read before torch is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from ..pictures.choices import Method, Table, Theme

Source = Annotated[str, arg(metavar="MODEL_OR_VECTORS")]
File = Annotated[Path, arg(metavar="FILE")]
Number = Annotated[int, arg(metavar="N")]


@dataclass(frozen=True)
class PlotSettings:
    """Lay out vectors in two dimensions and save the picture. Its title says how much of the structure was kept."""

    source: Positional[Source]
    """Folder of a model in the Hugging Face layout (GPT-2's tensor names) or of its run, or a text file of vectors."""
    out: File
    """Where the picture goes: .png, .svg or .pdf. A file of that name is replaced."""
    method: Method = "pca"
    """pca keeps distances and is fast; tsne and umap keep neighbors and take seconds for every 1,000 vectors."""
    table: Table = "tokens"
    """Which vectors of a model: those of its tokens (wte) or of its positions (wpe)."""
    first: Number = 1000
    """How many vectors, from the first row on: published files and vocabularies begin with the frequent ones."""
    words: Annotated[Path | None, arg(metavar="FILE")] = None
    """Instead of the first ones: those of a UTF-8 file, a word a line; after a tab, the group that colors it."""
    neighbours: Annotated[int | None, arg(metavar="N")] = None
    """How many points count as near: perplexity of tsne (30 if left out), n_neighbors of umap (15)."""
    seed: Number = 0
    """The same seed gives the same picture."""
    theme: Theme = "light"
    """Background of the picture."""


@dataclass(frozen=True)
class CompareSettings:
    """Save PCA, t-SNE and UMAP of the same vectors side by side."""

    source: Positional[Source]
    """Folder of a model in the Hugging Face layout (GPT-2's tensor names) or of its run, or a text file of vectors."""
    out: File
    """Where the picture goes: .png, .svg or .pdf. A file of that name is replaced."""
    table: Table = "tokens"
    """Which vectors of a model: those of its tokens (wte) or of its positions (wpe)."""
    first: Number = 1000
    """How many vectors, from the first row on: published files and vocabularies begin with the frequent ones."""
    words: Annotated[Path | None, arg(metavar="FILE")] = None
    """Instead of the first ones: those of a UTF-8 file, a word a line; after a tab, the group that colors it."""
    seed: Number = 0
    """The same seed gives the same picture."""
    theme: Theme = "light"
    """Background of the picture."""


@dataclass(frozen=True)
class NearestSettings:
    """List the words whose vectors point most nearly the same way, with the cosine of the angle between (1: the same).
    A space at the start of a token is shown, and may be typed, as ␣."""

    source: Positional[Source]
    """Folder of a model in the Hugging Face layout (GPT-2's tensor names) or of its run, or a text file of vectors."""
    words: Positional[Annotated[tuple[str, ...], arg(metavar="WORD [WORD ...]")]]
    """The words to ask for."""
    k: Number = 10
    """How many neighbors of each."""
