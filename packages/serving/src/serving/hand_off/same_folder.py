"""Tools that open our model folder as it is: vLLM, and optimum's export to ONNX."""

import shlex
from pathlib import Path

from gpt2 import GPT2, Tokenizer, save
from gpt2.files.loading import source_folder


def folder_for(source: str, out: Path | None, model: GPT2, tokenizer: Tokenizer) -> Path:
    """The model folder of a source, or the one written to `out`: checkpoint files and names on the hub have none.

    Raises ValueError where one is needed and `out` is None.
    """
    if out is not None:
        save(out, model, tokenizer)
        return out
    if not Path(source).expanduser().is_dir():
        raise ValueError(f"--out: wanted a folder to write the model to, as {source} is none, got none; give --out DIR")
    return source_folder(source)


def vllm_line(folder: Path, model: GPT2) -> str:
    """The command that serves a model folder by vLLM."""
    return shlex.join(["vllm", "serve", str(folder), "--max-model-len", str(model.n_ctx)])


def onnx_line(folder: Path) -> str:
    """The command that exports a model folder to ONNX; in an environment of its own, as optimum wants an older
    `transformers`."""
    words = ["optimum-cli", "export", "onnx", "--model", str(folder), f"{folder}-onnx"]
    return shlex.join(["uvx", "--from", "optimum-onnx[onnxruntime]", *words])
