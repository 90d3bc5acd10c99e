"""From logits to text, and from text to scores.

Names are loaded on first use (PEP 562), so that `decoding --help` answers without importing torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .beam_tree import draw_beam_tree
    from .beams import beam_search
    from .contrastive import contrastive_search
    from .detokenizers import DETOKENIZERS, Detokenizer
    from .drafts import DraftModel, PromptLookup
    from .explanation import Explanation, explain
    from .generate_command import run_generate
    from .generate_settings import Generate
    from .grammar import Grammar, matching_grammar, matching_regex, matching_schema
    from .guidance import GuidedModel
    from .harness import lm_eval_model
    from .intervals import Comparison, Estimate, compare_units, estimate, sign_test
    from .loop import Batch, generate_ids
    from .memorisation import CopiedSpan, longest_copied_span
    from .packed import PackedWeights
    from .penalties import dry, frequency_penalty, no_repeat_ngram, presence_penalty, repetition_penalty
    from .protocols import Cache, LanguageModel, Tokenizer
    from .published_perplexity import NamedPerplexity, named_perplexities
    from .quality import QualityReport, quality_report
    from .reranking import best_of, minimum_bayes_risk, samples
    from .rows import Generated, Row
    from .sampling import greedy, sample
    from .scores import DocumentScore, TokenScores, perplexity, score_documents, score_tokens
    from .settings import GenerationSettings
    from .settings_file import read_settings, write_settings
    from .spans import Span, SpanScore, score_spans
    from .speculation import generate_speculatively
    from .task_files import read_items
    from .task_items import Choice, Cloze
    from .tasks import BLIMP, CHOICE, HELLASWAG, LAMBADA, ItemScore, Task, score_items, summarise
    from .text import GeneratedText, generate, stream
    from .truncation import epsilon, eta, exclude_top_choices, min_p, temperature, top_k, top_n_sigma, top_p, typical
    from .words import ban, force_prefix, not_yet, sequence_bias

__all__ = [  # noqa: RUF022  in reading order
    "LanguageModel",
    "Cache",
    "Tokenizer",
    "GenerationSettings",
    "read_settings",
    "write_settings",
    "greedy",
    "sample",
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "typical",
    "epsilon",
    "eta",
    "top_n_sigma",
    "exclude_top_choices",
    "repetition_penalty",
    "frequency_penalty",
    "presence_penalty",
    "dry",
    "no_repeat_ngram",
    "sequence_bias",
    "ban",
    "force_prefix",
    "not_yet",
    "Row",
    "Generated",
    "generate_ids",
    "Batch",
    "GeneratedText",
    "generate",
    "stream",
    "Generate",
    "run_generate",
    "PackedWeights",
    "beam_search",
    "PromptLookup",
    "DraftModel",
    "generate_speculatively",
    "contrastive_search",
    "GuidedModel",
    "samples",
    "best_of",
    "minimum_bayes_risk",
    "matching_regex",
    "matching_schema",
    "matching_grammar",
    "Grammar",
    "explain",
    "Explanation",
    "draw_beam_tree",
    "Span",
    "SpanScore",
    "score_spans",
    "TokenScores",
    "score_tokens",
    "perplexity",
    "DocumentScore",
    "score_documents",
    "Detokenizer",
    "DETOKENIZERS",
    "NamedPerplexity",
    "named_perplexities",
    "Choice",
    "Cloze",
    "Task",
    "LAMBADA",
    "HELLASWAG",
    "BLIMP",
    "CHOICE",
    "ItemScore",
    "score_items",
    "summarise",
    "read_items",
    "Estimate",
    "estimate",
    "Comparison",
    "compare_units",
    "sign_test",
    "lm_eval_model",
    "QualityReport",
    "quality_report",
    "CopiedSpan",
    "longest_copied_span",
]

_NAMES = {
    "protocols": ["LanguageModel", "Cache", "Tokenizer"],
    "settings": ["GenerationSettings"],
    "settings_file": ["read_settings", "write_settings"],
    "sampling": ["greedy", "sample"],
    "truncation": [
        *("temperature", "top_k", "top_p", "min_p", "typical"),
        *("epsilon", "eta", "top_n_sigma", "exclude_top_choices"),
    ],
    "penalties": ["repetition_penalty", "frequency_penalty", "presence_penalty", "dry", "no_repeat_ngram"],
    "words": ["sequence_bias", "ban", "force_prefix", "not_yet"],
    "rows": ["Row", "Generated"],
    "loop": ["generate_ids", "Batch"],
    "text": ["GeneratedText", "generate", "stream"],
    "generate_settings": ["Generate"],
    "generate_command": ["run_generate"],
    "packed": ["PackedWeights"],
    "beams": ["beam_search"],
    "drafts": ["PromptLookup", "DraftModel"],
    "speculation": ["generate_speculatively"],
    "contrastive": ["contrastive_search"],
    "guidance": ["GuidedModel"],
    "reranking": ["samples", "best_of", "minimum_bayes_risk"],
    "grammar": ["matching_regex", "matching_schema", "matching_grammar", "Grammar"],
    "explanation": ["explain", "Explanation"],
    "beam_tree": ["draw_beam_tree"],
    "spans": ["Span", "SpanScore", "score_spans"],
    "scores": ["TokenScores", "score_tokens", "perplexity", "DocumentScore", "score_documents"],
    "detokenizers": ["Detokenizer", "DETOKENIZERS"],
    "published_perplexity": ["NamedPerplexity", "named_perplexities"],
    "task_items": ["Choice", "Cloze"],
    "tasks": ["Task", "LAMBADA", "HELLASWAG", "BLIMP", "CHOICE", "ItemScore", "score_items", "summarise"],
    "task_files": ["read_items"],
    "intervals": ["Estimate", "estimate", "Comparison", "compare_units", "sign_test"],
    "harness": ["lm_eval_model"],
    "quality": ["QualityReport", "quality_report"],
    "memorisation": ["CopiedSpan", "longest_copied_span"],
}
_MODULE = {name: module for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import the module that holds `name` and keep what it gives, so that this runs once per name."""
    if name == "contract":  # a module, so that `decoding.contract.check` needs no second import
        return import_module(".contract", __name__)
    if name not in _MODULE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_MODULE[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
