"""What the commands and the files of every package need: no torch, no subject.

Names are listed in `__init__.pyi` and loaded on first use, so that `import workbench` costs nothing.
"""

from .imports.faces import face

__getattr__, __dir__, __all__ = face(__name__, __file__)
