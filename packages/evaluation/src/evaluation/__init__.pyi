"""From text to scores: how well a model predicts, answers and writes, with intervals."""

# In reading order.
# isort: skip_file

from .spans import Span as Span, SpanScore as SpanScore, score_spans as score_spans
from .scores import (
    DocumentScore as DocumentScore,
    TokenScores as TokenScores,
    perplexity as perplexity,
    score_documents as score_documents,
    score_tokens as score_tokens,
)
from .intervals import (
    Comparison as Comparison,
    Estimate as Estimate,
    compare_units as compare_units,
    estimate as estimate,
    share as share,
    mean_estimate as mean_estimate,
    sign_test as sign_test,
)
from .ways.dynamic import Ways as Ways, three_ways as three_ways
from .corpora.detokenizers import DETOKENIZERS as DETOKENIZERS, Detokenizer as Detokenizer
from .corpora.published_perplexity import (
    NamedPerplexity as NamedPerplexity,
    named_perplexities as named_perplexities,
)
from .tasks.items import Choice as Choice, Cloze as Cloze
from .tasks.tasks import (
    BLIMP as BLIMP,
    CHOICE as CHOICE,
    HELLASWAG as HELLASWAG,
    LAMBADA as LAMBADA,
    ItemScore as ItemScore,
    Task as Task,
    score_items as score_items,
    summarise as summarise,
)
from .tasks.files import read_items as read_items
from .tasks.harness import lm_eval_model as lm_eval_model
from .writing.quality import QualityReport as QualityReport, quality_report as quality_report
from .writing.memorisation import CopiedSpan as CopiedSpan, longest_copied_span as longest_copied_span

__version__: str
