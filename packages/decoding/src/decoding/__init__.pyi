"""From logits to text."""

from . import contract as contract
from .commands.generate import run_generate as run_generate
from .commands.generate_settings import Generate as Generate
from .distribution.penalties import (
    dry as dry,
    frequency_penalty as frequency_penalty,
    no_repeat_ngram as no_repeat_ngram,
    presence_penalty as presence_penalty,
    repetition_penalty as repetition_penalty,
)
from .distribution.truncation import (
    epsilon as epsilon,
    eta as eta,
    exclude_top_choices as exclude_top_choices,
    min_p as min_p,
    temperature as temperature,
    top_k as top_k,
    top_n_sigma as top_n_sigma,
    top_p as top_p,
    typical as typical,
)
from .distribution.words import (
    ban as ban,
    force_prefix as force_prefix,
    not_yet as not_yet,
    sequence_bias as sequence_bias,
)
from .generation import generate_ids as generate_ids, samples as samples
from .loop import Batch as Batch
from .methods.beams import beam_search as beam_search
from .methods.contrastive import contrastive_search as contrastive_search
from .methods.drafts import DraftModel as DraftModel, PromptLookup as PromptLookup
from .methods.grammar import (
    Grammar as Grammar,
    matching_grammar as matching_grammar,
    matching_regex as matching_regex,
    matching_schema as matching_schema,
)
from .methods.guidance import GuidedModel as GuidedModel
from .methods.reranking import best_of as best_of, minimum_bayes_risk as minimum_bayes_risk
from .methods.speculation import generate_speculatively as generate_speculatively
from .pictures.beam_tree import draw_beam_tree as draw_beam_tree
from .pictures.explanation import Explanation as Explanation, explain as explain
from .protocols import Cache as Cache, LanguageModel as LanguageModel, Tokenizer as Tokenizer
from .rows import Generated as Generated, Row as Row
from .sampling import greedy as greedy, sample as sample
from .session import PackedWeights as PackedWeights
from .settings.file import read_settings as read_settings, write_settings as write_settings
from .settings.values import GenerationSettings as GenerationSettings
from .settings.vocabulary import Vocabulary as Vocabulary
from .text import GeneratedText as GeneratedText, generate as generate, stream as stream

__version__: str
