"""What goes on inside a GPT-2: named places, attributions, lenses, ablations, features, and a page that shows them.

Names are listed in `__init__.pyi` beside it.
"""

from workbench import face

__getattr__, __dir__, __all__ = face(__name__, __file__)
