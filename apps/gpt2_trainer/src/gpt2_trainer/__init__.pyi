"""Train GPT-2, watch it learn, evaluate it, sample from it."""

from .commands.settings import TrainerSettings as TrainerSettings

__version__: str
