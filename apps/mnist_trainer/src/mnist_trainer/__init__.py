"""A small convolutional network that learns to read digits."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .digit_net import DigitNet
    from .handwriting import Framing, read_drawing
    from .image_data import ImageData, load_images
    from .judging import Judgement, judge, wilson_interval
    from .model_folder import Reader, load, save
    from .prediction import Prediction, predict
    from .settings import TrainSettings
    from .training import Run, run

_HOMES = {
    "TrainSettings": "settings",
    "ImageData": "image_data",
    "load_images": "image_data",
    "DigitNet": "digit_net",
    "Run": "training",
    "run": "training",
    "Judgement": "judging",
    "judge": "judging",
    "wilson_interval": "judging",
    "Reader": "model_folder",
    "load": "model_folder",
    "save": "model_folder",
    "Framing": "handwriting",
    "read_drawing": "handwriting",
    "Prediction": "prediction",
    "predict": "prediction",
}

__all__ = [
    "DigitNet",
    "Framing",
    "ImageData",
    "Judgement",
    "Prediction",
    "Reader",
    "Run",
    "TrainSettings",
    "judge",
    "load",
    "load_images",
    "predict",
    "read_drawing",
    "run",
    "save",
    "wilson_interval",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for (PEP 562): the command answers before torch is loaded."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
