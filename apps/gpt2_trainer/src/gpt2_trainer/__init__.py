"""Train GPT-2, watch it learn, evaluate it, sample from it."""

from workbench import face

__getattr__, __dir__, __all__ = face(__name__, __file__)
