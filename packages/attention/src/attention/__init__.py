"""Who looks at whom: scaled dot-product attention, its masks, heads and key-value cache.

Names are listed in `__init__.pyi` beside it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
