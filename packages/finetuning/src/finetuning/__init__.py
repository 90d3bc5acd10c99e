"""Any GPT-2 learns a task: what may change, what must not, and files that other tools open.

Names are listed in `__init__.pyi` beside it.
"""

from workbench import face

__getattr__, __dir__, __all__ = face(__name__, __file__)
