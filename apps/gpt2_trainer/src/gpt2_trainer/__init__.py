"""Train GPT-2, watch it learn, evaluate it, sample from it."""

from .settings import TrainerSettings

__all__ = ["TrainerSettings"]
