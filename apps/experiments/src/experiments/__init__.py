"""Which change really helps, in CPU seconds, with intervals: plans, sweeps, paired tables, scaling fits."""

from workbench import face

__getattr__, __dir__, __all__ = face(__name__, __file__)
