"""From files on disk to batches, in an order that can be resumed.

Names are listed in `__init__.pyi` beside it.
"""

from workbench import face

__getattr__, __dir__, __all__ = face(__name__, __file__)
