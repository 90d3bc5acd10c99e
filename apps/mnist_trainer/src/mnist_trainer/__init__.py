"""A small convolutional network that learns to read digits."""

from workbench import face

__getattr__, __dir__, __all__ = face(__name__, __file__)
