"""Ids and positions as vectors, and pictures of them.

Names are loaded on first use (PEP 562), so that `import embeddings` costs nothing until something is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .alibi import alibi_bias, alibi_slopes
    from .hashed_ngrams import HashedNgrams
    from .measures import linear_cka, nearest_rows
    from .pictures import compare, heat_map, plot, similarity_map
    from .positions import LearnedPositions
    from .projections import Projection, project
    from .projector import export_projector
    from .rotary import RotaryPositions, rotate
    from .rotary_scaling import linear_scaling, ntk_scaling, yarn_scaling
    from .sinusoids import sinusoidal_positions, wavelengths
    from .tokens import TokenEmbedding, grow_vocabulary
    from .vector_files import read_vectors, write_vectors
    from .word_learning import skip_gram
    from .word_vectors import GivenTable, WordVectors, table_for

__all__ = [  # noqa: RUF022  in reading order
    "TokenEmbedding",
    "grow_vocabulary",
    "WordVectors",
    "read_vectors",
    "write_vectors",
    "GivenTable",
    "table_for",
    "HashedNgrams",
    "skip_gram",
    "LearnedPositions",
    "sinusoidal_positions",
    "wavelengths",
    "RotaryPositions",
    "rotate",
    "linear_scaling",
    "ntk_scaling",
    "yarn_scaling",
    "alibi_slopes",
    "alibi_bias",
    "nearest_rows",
    "linear_cka",
    "project",
    "Projection",
    "plot",
    "compare",
    "heat_map",
    "similarity_map",
    "export_projector",
]

_HOMES = {
    "TokenEmbedding": "tokens",
    "grow_vocabulary": "tokens",
    "WordVectors": "word_vectors",
    "GivenTable": "word_vectors",
    "table_for": "word_vectors",
    "read_vectors": "vector_files",
    "write_vectors": "vector_files",
    "HashedNgrams": "hashed_ngrams",
    "skip_gram": "word_learning",
    "LearnedPositions": "positions",
    "sinusoidal_positions": "sinusoids",
    "wavelengths": "sinusoids",
    "RotaryPositions": "rotary",
    "rotate": "rotary",
    "linear_scaling": "rotary_scaling",
    "ntk_scaling": "rotary_scaling",
    "yarn_scaling": "rotary_scaling",
    "alibi_slopes": "alibi",
    "alibi_bias": "alibi",
    "nearest_rows": "measures",
    "linear_cka": "measures",
    "project": "projections",
    "Projection": "projections",
    "plot": "pictures",
    "compare": "pictures",
    "heat_map": "pictures",
    "similarity_map": "pictures",
    "export_projector": "projector",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
