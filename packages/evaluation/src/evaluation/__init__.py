"""From text to scores: how well a model predicts, answers and writes, with intervals.

Names are listed in `__init__.pyi` beside it.
"""

from workbench import face

__getattr__, __dir__, __all__ = face(__name__, __file__)
