"""A model folder as an API: OpenAI's completions, where the same request gives the same text under any load.

Names are listed in `__init__.pyi` beside it.
"""

from workbench import face

__getattr__, __dir__, __all__ = face(__name__, __file__)
