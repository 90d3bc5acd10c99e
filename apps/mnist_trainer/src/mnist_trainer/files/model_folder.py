"""A finished model on disk: config.json, and model.safetensors with the weights."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from safetensors.torch import load_file

from trainkit import write_tensors
from workbench import whole_folder

from ..digit_net import DigitNet
from ..handwriting import Framing


@dataclass(frozen=True)
class Reader:
    """A network with what one must know to ask it."""

    model: DigitNet
    classes: tuple[str, ...]
    framing: Framing


def save(folder: Path, reader: Reader) -> None:
    """Write config.json and model.safetensors into `folder`: both or, after a kill, none."""
    config = {"width": reader.model.width, "classes": reader.classes, "framing": asdict(reader.framing)}
    with whole_folder(folder) as aside:
        (aside / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        write_tensors(aside / "model.safetensors", reader.model.state_dict())


def load(folder: Path) -> Reader:
    """Read what `save` wrote, from that folder or from the run folder around it; ValueError if there is none."""
    inner = folder / "model" if (folder / "model").is_dir() else folder
    try:
        config = json.loads((inner / "config.json").read_text(encoding="utf-8"))
        model = DigitNet(len(config["classes"]), config["width"])
        model.load_state_dict(load_file(inner / "model.safetensors"))
        return Reader(model.eval(), tuple(config["classes"]), Framing(**config["framing"]))
    except Exception as error:  # safetensors, torch and json raise kinds of their own
        raise ValueError(
            f"wanted a model that mnist-trainer saved, got {folder} ({type(error).__name__}: {error}); give the folder "
            "of a finished run, or train one first"
        ) from error


def newest_run(runs: Path = Path("runs")) -> Path:
    """The last of runs/mnist-001, runs/mnist-002, ... that holds a finished model; ValueError if there is none."""
    finished = sorted(path.parent.parent for path in runs.glob("mnist-*/model/config.json"))
    if not finished:
        raise ValueError(
            f"wanted a finished run in {runs}/, got none; train one first with mnist-trainer, or give --model"
        )
    return finished[-1]
