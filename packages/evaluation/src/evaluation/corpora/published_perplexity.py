"""One text, one model, three perplexities: which one a published figure is, its name should say."""

from dataclasses import dataclass

from decoding import LanguageModel, Tokenizer

from ..scores import document_ids, exponential, score_tokens
from .detokenizers import Detokenizer, original_tokens


@dataclass(frozen=True)
class NamedPerplexity:
    """exp(nats / counted): `text` says what the model read, `per` what the nats were divided by."""

    name: str
    text: str
    per: str
    nats: float
    counted: int

    @property
    def perplexity(self) -> float:
        return exponential(self.nats / self.counted)


def named_perplexities(
    model: LanguageModel, tokenizer: Tokenizer, text: str, detokenizer: Detokenizer, *, stride: int | None = None
) -> list[NamedPerplexity]:
    """The perplexities of a corpus as it was published, in pieces, each under its name.

    raw: the text as it stands, per token of the model (transformers' recipe from the end-of-text token on).
    raw_words: the same nats per original token (lm-eval's word perplexity reads detokenized text with rules of its own
        and counts words alone).
    published: the detokenized text, per original token: the protocol of GPT-2's paper (Radford et al. 2019, table 3).
    """
    words = original_tokens(text)
    raw, count = _nats(model, tokenizer, text, stride)
    plain, _ = _nats(model, tokenizer, detokenizer.apply(text), stride)
    return [
        NamedPerplexity("raw", "as it stands", "token of the model", raw, count),
        NamedPerplexity("raw_words", "as it stands", "original token", raw, words),
        NamedPerplexity("published", f"detokenized ({detokenizer.name})", "original token", plain, words),
    ]


def _nats(model: LanguageModel, tokenizer: Tokenizer, text: str, stride: int | None) -> tuple[float, int]:
    scores = score_tokens(model, document_ids(tokenizer, text, 0), stride=stride)
    return scores.total, len(scores.nats)
