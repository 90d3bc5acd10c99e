"""Who looks at whom: scaled dot-product attention, its masks, heads and key-value cache.

Names are listed in `__init__.pyi` beside it.
"""

from workbench import face

__getattr__, __dir__, __all__ = face(__name__, __file__)
