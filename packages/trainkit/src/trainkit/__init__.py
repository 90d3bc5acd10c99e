"""The visible training loop and what every run needs around it.

Names are listed in `__init__.pyi` beside it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
