"""Ids and positions as vectors, and pictures of them."""

from .positions import LearnedPositions
from .tokens import TokenEmbedding

__all__ = ["LearnedPositions", "TokenEmbedding"]
