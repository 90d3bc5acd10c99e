"""A GGUF file opened by llama.cpp itself, where its Python binding is installed."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from gpt2 import GPT2, Tokenizer
from workbench import require

from .probe import CLOSE, TEXT, Agreement, agreement, logits_of, probe_ids


@dataclass(frozen=True)
class LlamaCheck:
    """What llama.cpp makes of the probe text and of its ids."""

    same_ids: bool
    """Whether it cuts the text into the same tokens."""
    agreement: Agreement


def has_llama() -> bool:
    """Whether `llama-cpp-python` is installed; it is no extra of ours, since it is compiled for minutes."""
    return find_spec("llama_cpp") is not None


def check_with_llama(path: Path, model: GPT2, tokenizer: Tokenizer, weights: str = "float32") -> LlamaCheck:
    """Tokenize and read the probe text with llama.cpp, on one thread; ImportError without `llama-cpp-python`.

    llama.cpp rounds GELU through a table of float16, so that its logits differ in the third digit even where the
    weights are the same.
    """
    llama_cpp = require("llama_cpp", "llama-cpp-python", "server")
    ids = probe_ids(model, tokenizer)
    theirs = llama_cpp.Llama(
        str(path),
        n_ctx=model.n_ctx,
        n_batch=model.n_ctx,
        n_threads=1,
        n_threads_batch=1,
        logits_all=True,
        verbose=False,
    )
    cut = theirs.tokenize(TEXT.encode(), add_bos=False, special=False)
    theirs.eval(ids)
    logits = np.array(theirs.scores[: len(ids)], dtype=np.float32)
    theirs.close()
    return LlamaCheck(
        cut == tokenizer.encode(TEXT), agreement(logits_of(model, ids), logits, max(CLOSE[weights], CLOSE["float16"]))
    )
