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
    "no_repeat_ngram",
    "dry",
    "sequence_bias",
    "ban",
    "force_prefix",
    "not_yet",
    "Generated",
    "Row",
    "Batch",
    "generate_ids",
    "GeneratedText",
    "generate",
    "stream",
    "draw_beam_tree",
    "explain",
    "Explanation",
    "PackedWeights",
    "write_settings",
    "read_settings",
    "matching_grammar",
    "matching_schema",
    "matching_regex",
    "Grammar",
    "minimum_bayes_risk",
    "best_of",
    "samples",
    "beam_search",
    "contrastive_search",
    "GuidedModel",
    "generate_speculatively",
    "DraftModel",
    "PromptLookup",
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
    "read_items",
    "ItemScore",
    "score_items",
    "summarise",
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

_MODULE = {
    **dict.fromkeys(("draw_beam_tree",), "beam_tree"),
    **dict.fromkeys(
        (
            "Explanation",
            "explain",
        ),
        "explanation",
    ),
    **dict.fromkeys(
        (
            "read_settings",
            "write_settings",
        ),
        "settings_file",
    ),
    **dict.fromkeys(
        (
            "Grammar",
            "matching_regex",
            "matching_schema",
            "matching_grammar",
        ),
        "grammar",
    ),
    **dict.fromkeys(
        (
            "samples",
            "best_of",
            "minimum_bayes_risk",
        ),
        "reranking",
    ),
    **dict.fromkeys(("beam_search",), "beams"),
    **dict.fromkeys(("PackedWeights",), "packed"),
    **dict.fromkeys(("contrastive_search",), "contrastive"),
    **dict.fromkeys(("GuidedModel",), "guidance"),
    **dict.fromkeys(("generate_speculatively",), "speculation"),
    **dict.fromkeys(
        (
            "PromptLookup",
            "DraftModel",
        ),
        "drafts",
    ),
    **dict.fromkeys(
        (
            "sequence_bias",
            "ban",
            "force_prefix",
            "not_yet",
        ),
        "words",
    ),
    **dict.fromkeys(
        (
            "repetition_penalty",
            "frequency_penalty",
            "presence_penalty",
            "no_repeat_ngram",
            "dry",
        ),
        "penalties",
    ),
    **dict.fromkeys(
        (
            "temperature",
            "top_k",
            "top_p",
            "min_p",
            "typical",
            "epsilon",
            "eta",
            "top_n_sigma",
            "exclude_top_choices",
        ),
        "truncation",
    ),
    **dict.fromkeys(
        (
            "read_settings",
            "write_settings",
        ),
        "settings_file",
    ),
    **dict.fromkeys(
        (
            "Grammar",
            "matching_regex",
            "matching_schema",
            "matching_grammar",
        ),
        "grammar",
    ),
    **dict.fromkeys(
        (
            "samples",
            "best_of",
            "minimum_bayes_risk",
        ),
        "reranking",
    ),
    **dict.fromkeys(
        (
            "PromptLookup",
            "DraftModel",
        ),
        "drafts",
    ),
    **dict.fromkeys(
        (
            "sequence_bias",
            "ban",
            "force_prefix",
            "not_yet",
        ),
        "words",
    ),
    **dict.fromkeys(
        (
            "repetition_penalty",
            "frequency_penalty",
            "presence_penalty",
            "no_repeat_ngram",
            "dry",
        ),
        "penalties",
    ),
    **dict.fromkeys(
        (
            "temperature",
            "top_k",
            "top_p",
            "min_p",
            "typical",
            "epsilon",
            "eta",
            "top_n_sigma",
            "exclude_top_choices",
        ),
        "truncation",
    ),
    **dict.fromkeys(
        (
            "read_settings",
            "write_settings",
        ),
        "settings_file",
    ),
    **dict.fromkeys(
        (
            "Grammar",
            "matching_regex",
            "matching_schema",
            "matching_grammar",
        ),
        "grammar",
    ),
    **dict.fromkeys(
        (
            "samples",
            "best_of",
            "minimum_bayes_risk",
        ),
        "reranking",
    ),
    **dict.fromkeys(
        (
            "PromptLookup",
            "DraftModel",
        ),
        "drafts",
    ),
    **dict.fromkeys(
        (
            "sequence_bias",
            "ban",
            "force_prefix",
            "not_yet",
        ),
        "words",
    ),
    **dict.fromkeys(
        (
            "repetition_penalty",
            "frequency_penalty",
            "presence_penalty",
            "no_repeat_ngram",
            "dry",
        ),
        "penalties",
    ),
    **dict.fromkeys(
        (
            "temperature",
            "top_k",
            "top_p",
            "min_p",
            "typical",
            "epsilon",
            "eta",
            "top_n_sigma",
            "exclude_top_choices",
        ),
        "truncation",
    ),
    **dict.fromkeys(
        (
            "Grammar",
            "matching_regex",
            "matching_schema",
            "matching_grammar",
        ),
        "grammar",
    ),
    **dict.fromkeys(
        (
            "samples",
            "best_of",
            "minimum_bayes_risk",
        ),
        "reranking",
    ),
    **dict.fromkeys(
        (
            "PromptLookup",
            "DraftModel",
        ),
        "drafts",
    ),
    **dict.fromkeys(
        (
            "sequence_bias",
            "ban",
            "force_prefix",
            "not_yet",
        ),
        "words",
    ),
    **dict.fromkeys(
        (
            "repetition_penalty",
            "frequency_penalty",
            "presence_penalty",
            "no_repeat_ngram",
            "dry",
        ),
        "penalties",
    ),
    **dict.fromkeys(
        (
            "temperature",
            "top_k",
            "top_p",
            "min_p",
            "typical",
            "epsilon",
            "eta",
            "top_n_sigma",
            "exclude_top_choices",
        ),
        "truncation",
    ),
    **dict.fromkeys(
        (
            "Grammar",
            "matching_regex",
            "matching_schema",
            "matching_grammar",
        ),
        "grammar",
    ),
    **dict.fromkeys(
        (
            "samples",
            "best_of",
            "minimum_bayes_risk",
        ),
        "reranking",
    ),
    **dict.fromkeys(
        (
            "PromptLookup",
            "DraftModel",
        ),
        "drafts",
    ),
    **dict.fromkeys(
        (
            "sequence_bias",
            "ban",
            "force_prefix",
            "not_yet",
        ),
        "words",
    ),
    **dict.fromkeys(
        (
            "repetition_penalty",
            "frequency_penalty",
            "presence_penalty",
            "no_repeat_ngram",
            "dry",
        ),
        "penalties",
    ),
    **dict.fromkeys(
        (
            "temperature",
            "top_k",
            "top_p",
            "min_p",
            "typical",
            "epsilon",
            "eta",
            "top_n_sigma",
            "exclude_top_choices",
        ),
        "truncation",
    ),
    **dict.fromkeys(("LanguageModel", "Cache", "Tokenizer"), "protocols"),
    "GenerationSettings": "settings",
    **dict.fromkeys(("greedy", "sample"), "sampling"),
    **dict.fromkeys(("Generated", "Row"), "rows"),
    **dict.fromkeys(("Batch", "generate_ids"), "loop"),
    **dict.fromkeys(("GeneratedText", "generate", "stream"), "text"),
    **dict.fromkeys(("Detokenizer", "DETOKENIZERS"), "detokenizers"),
    **dict.fromkeys(("NamedPerplexity", "named_perplexities"), "published_perplexity"),
    **dict.fromkeys(("Choice", "Cloze"), "task_items"),
    "read_items": "task_files",
    **dict.fromkeys(
        ("Task", "LAMBADA", "HELLASWAG", "BLIMP", "CHOICE", "ItemScore", "score_items", "summarise"), "tasks"
    ),
    **dict.fromkeys(("Estimate", "estimate", "Comparison", "compare_units", "sign_test"), "intervals"),
    "lm_eval_model": "harness",
    **dict.fromkeys(("QualityReport", "quality_report"), "quality"),
    **dict.fromkeys(("CopiedSpan", "longest_copied_span"), "memorisation"),
    **dict.fromkeys(("Span", "SpanScore", "score_spans"), "spans"),
    **dict.fromkeys(("TokenScores", "score_tokens", "perplexity", "DocumentScore", "score_documents"), "scores"),
}


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
