"""Ids and positions as vectors, and pictures of them.

Names are listed in `__init__.pyi` beside it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
