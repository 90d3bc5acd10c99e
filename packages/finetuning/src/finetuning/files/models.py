"""Models as they lie on disk: in float, or in whole numbers."""

from typing import Any

import gpt2
from gpt2 import GPT2, Tokenizer
from workbench import expanded, require

QUANTIZED = "quantization.json"


def load_model(source: str) -> tuple[GPT2, Tokenizer]:
    """What `gpt2.load` opens; and folders that `quantization` wrote, whose weights stay whole numbers.

    Raises ValueError and OSError as those do, ImportError for a quantized folder where the extra is missing.
    """
    if is_quantized(source):
        quantization: Any = require("quantization", "finetuning", "quantization")
        found: tuple[GPT2, Tokenizer] = quantization.load(expanded(source))
        return found
    return gpt2.load(source)


def is_quantized(source: str) -> bool:
    """Whether a model's folder holds whole numbers."""
    return (expanded(source) / QUANTIZED).is_file()
