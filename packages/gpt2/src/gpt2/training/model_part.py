"""The model's part of a checkpoint, as `trainkit.Checkpoints` wants its parts."""

from pathlib import Path

from trainkit import is_first_rank

from ..files.folder import load_weights, save_model
from ..model import GPT2
from ..tokenizer.tokenizer import Tokenizer


class ModelFolder:
    """The model part of a checkpoint: a whole Hugging Face folder, tokenizer included."""

    def __init__(self, model: GPT2, tokenizer: Tokenizer) -> None:
        self.model, self.tokenizer = model, tokenizer

    def save(self, folder: Path) -> None:
        """Of several processes the first writes."""
        if not is_first_rank():
            return
        save_model(folder, self.model, end_of_text=self.tokenizer.end_of_text)
        self.tokenizer.save(folder, n_ctx=self.model.n_ctx)

    def load(self, folder: Path) -> None:
        load_weights(self.model, folder)
