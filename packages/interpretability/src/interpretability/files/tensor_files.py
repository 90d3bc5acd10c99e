"""One safetensors file with a few words about its tensors: no pickle, and nothing but whole files on disk."""

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from workbench import expanded, make_folder, replace_files


def write_tensor_file(path: str | Path, tensors: Mapping[str, Tensor], words: Mapping[str, str]) -> None:
    """Write tensors and words into a file, in place of an earlier one once it is whole; its folder is made."""
    path = expanded(path)
    make_folder(path.parent)
    held = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    replace_files({path: save(held, metadata=dict(words))})


def read_tensor_file(path: str | Path, what: str, made_by: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the words of a file. ValueError, with `what` it should be and the command it is `made_by`, for
    one that is not there or not whole."""
    path = expanded(path)
    if not path.is_file():
        got = "a folder" if path.is_dir() else "no such file"
        raise ValueError(f"{path}: wanted {what}, got {got}; make one with {made_by}")
    try:
        with safe_open(path, framework="pt") as opened:
            return {name: opened.get_tensor(name) for name in opened.keys()}, opened.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"{path}: wanted {what}, a safetensors file, got one that is damaged or another kind ({error}); make it "
            f"again with {made_by}"
        ) from None
