"""A finished model on disk: config.json, and model.safetensors with the weights."""

import json
from pathlib import Path

from safetensors.torch import load_file, save_file

from .digit_net import DigitNet


def save(folder: Path, model: DigitNet, classes: tuple[str, ...], size: int) -> None:
    """Write the model with the names of its classes and the side of the images that it learned from, in pixels."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {"classes": classes, "width": model.width, "size": size}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(tensors, folder / "model.safetensors")


def load(folder: Path) -> tuple[DigitNet, tuple[str, ...], int]:
    """The model, ready to predict, its classes and image size; ValueError if the folder holds no such model."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        model = DigitNet(len(config["classes"]), config["width"])
        model.load_state_dict(load_file(folder / "model.safetensors"))
        return model.eval(), tuple(config["classes"]), int(config["size"])
    except Exception as error:  # safetensors and torch raise kinds of their own
        raise ValueError(
            f"wanted a model that mnist-trainer saved, got {folder} with {error}; give a finished run folder, or train "
            "one first"
        ) from error
