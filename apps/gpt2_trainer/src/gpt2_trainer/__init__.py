"""Train GPT-2, watch it learn, evaluate it, sample from it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
