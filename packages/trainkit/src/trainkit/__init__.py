"""The visible training loop and what every run needs around it.

Names are listed in `__init__.pyi` beside it.
"""

from workbench import face

__getattr__, __dir__, __all__ = face(__name__, __file__)
