"""Blocks and stacks: what is built around attention to make a layer, and layers to make a network.

Names are listed in `__init__.pyi` beside it.
"""

from workbench import face

__getattr__, __dir__, __all__ = face(__name__, __file__)
