"""The door to lm-eval, which is imported only when somebody goes through it (extra `lm-eval`)."""

from typing import TYPE_CHECKING

from decoding import LanguageModel, Tokenizer
from workbench import require

if TYPE_CHECKING:
    from .lm_eval_adapter import Adapter


def lm_eval_model(model: LanguageModel, tokenizer: Tokenizer) -> "Adapter":
    """A model for `lm_eval.simple_evaluate(model=..., tasks=[...])`. ImportError without the extra `lm-eval`."""
    require("lm_eval", "evaluation", "lm-eval")
    from .lm_eval_adapter import Adapter

    return Adapter(model, tokenizer)
