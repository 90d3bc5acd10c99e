"""What a tensor is, and how gradients come to be: everyday operations, randomness, and a small autodiff engine.

Names are listed in `__init__.pyi` beside it.
"""

from workbench import face

__getattr__, __dir__, __all__ = face(__name__, __file__)
