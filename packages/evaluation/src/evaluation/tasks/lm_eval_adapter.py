"""Our models under lm-eval (EleutherAI's lm-evaluation-harness): a `TemplateLM` over spans and the generation loop.

Figures are those of lm-eval's own `hf` back end on the same folder, up to rounding; what it does per request is done
here per batch, ordered by length, with beginnings that requests share and requests that repeat computed once.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval.api.model import TemplateLM
from lm_eval.utils import get_rolling_token_windows

from decoding import GenerationSettings, LanguageModel, Tokenizer, generate_ids

from ..pairs import encode_with_special, fit_span, special_ids
from ..spans import TOKENS_PER_BATCH, Span, score_spans
from .lm_eval_beams import Ids, beams_until
from .lm_eval_options import settings_of

Answer = tuple[float, bool]


@dataclass(frozen=True)
class Continuation:
    """A request for text: its place among the requests, the ids that fit the context, and how to go on."""

    number: int
    prompt: Ids
    settings: GenerationSettings


class Adapter(TemplateLM):
    """What `evaluation.lm_eval_model` gives."""

    def __init__(self, model: LanguageModel, tokenizer: Tokenizer, tokens_per_batch: int = TOKENS_PER_BATCH) -> None:
        super().__init__()
        self.model, self.text, self.tokens_per_batch = model, tokenizer, tokens_per_batch
        self.written = 0

    @property
    def eot_token_id(self) -> int:
        return self.text.end_of_text

    @property
    def max_length(self) -> int:
        return self.model.n_ctx

    @property
    def max_gen_toks(self) -> int:
        """Tokens where a task names no number, as in lm-eval's `hf`."""
        return 256

    def tok_encode(self, string: str, add_special_tokens: bool | None = None, **options: Any) -> list[int]:
        """The ids of a text; the name of a special token, such as <|endoftext|>, is that token, as in `hf`."""
        return encode_with_special(self.text, string)

    def _loglikelihood_tokens(
        self, requests: list[tuple[tuple[str, str], list[int], list[int]]], **options: Any
    ) -> list[Answer]:
        answers = self._score([fit_span(self.model, before, after) for _, before, after in requests])
        for (pair, _, _), answer in zip(requests, answers, strict=True):
            self.cache_hook.add_partial("loglikelihood", pair, answer)
        return answers

    def loglikelihood_rolling(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[float]:
        """Log-likelihood of whole texts, each token once, in lm-eval's windows."""
        windows = [list(self._windows(request.args[0])) for request in requests]
        answers = iter(self._score([span for spans in windows for span in spans]))
        totals = [sum((next(answers)[0] for _ in spans), 0.0) for spans in windows]
        for request, total in zip(requests, totals, strict=True):
            self.cache_hook.add_partial("loglikelihood_rolling", request.args, total)
        return totals

    def _windows(self, text: str) -> Iterator[Span]:
        for fed, scored in get_rolling_token_windows(self.tok_encode(text), self.eot_token_id, self.max_length, 1):
            yield Span((*fed, scored[-1]), len(scored))

    def _score(self, spans: Sequence[Span]) -> list[Answer]:
        new = list(dict.fromkeys(spans))
        scores = score_spans(self.model, new, tokens_per_batch=self.tokens_per_batch)
        answers = {s: (-score.total, bool(score.likeliest.all())) for s, score in zip(new, scores, strict=True)}
        return [answers[span] for span in spans]

    def generate_until(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[str]:
        """The continuation of each prompt up to the first of its stop strings, which is not part of it."""
        wanted = [self._continuation(number, *request.args) for number, request in enumerate(requests)]
        texts: dict[int, str] = {}
        for batch in self._alike(wanted):
            results = self._written([each.prompt for each in batch], batch[0].settings)
            self.written += len(batch)
            texts |= {each.number: self._text(each, ids) for each, ids in zip(batch, results, strict=True)}
        for number, request in enumerate(requests):
            self.cache_hook.add_partial("generate_until", request.args, texts[number])
        return [texts[number] for number in range(len(requests))]

    def _written(self, prompts: list[Ids], settings: GenerationSettings) -> list[Ids]:
        """The new ids of each prompt. A request that comes again, as for a vote, draws anew."""
        if settings.beams > 1:
            return beams_until(self.model, self.text, prompts, settings, first_row=self.written)
        results = generate_ids(
            self.model,
            prompts,
            settings,
            end_of_text=self.eot_token_id,
            decode_bytes=self.text.decode_bytes,
            first_row=self.written,
        )
        return [result.ids for result in results]

    def _text(self, request: Continuation, ids: Sequence[int]) -> str:
        """What was written, without special tokens, up to the first stop string or the end-of-text token's name."""
        end = self.text.decode_bytes([self.eot_token_id]).decode("utf-8", errors="replace")
        special = set(special_ids(self.text).values())
        written = self.text.decode_bytes([token for token in ids if token not in special])
        return before(written.decode("utf-8", errors="replace"), (*request.settings.stop, end))

    def _continuation(self, number: int, prompt: str, options: Mapping[str, Any]) -> Continuation:
        settings = settings_of(options, self.max_gen_toks)
        room = self.max_length - settings.max_new_tokens
        if room < 1:
            raise ValueError(
                f"wanted max_gen_toks below the model's context of {self.max_length}, got {settings.max_new_tokens}; "
                "ask for fewer"
            )
        return Continuation(number, tuple(self.tok_encode(prompt)[-room:] or [self.eot_token_id]), settings)

    def _alike(self, wanted: Sequence[Continuation]) -> Iterator[list[Continuation]]:
        """Requests with the same settings, longest prompts first, as many as fit a batch."""
        ordered = sorted(wanted, key=lambda each: (repr(each.settings), -len(each.prompt), each.prompt))
        batch: list[Continuation] = []
        for each in ordered:
            full = (len(batch) + 1) * self.max_length > max(self.tokens_per_batch, self.max_length)
            if batch and (full or batch[0].settings != each.settings):
                yield batch
                batch = []
            batch.append(each)
        if batch:
            yield batch


def before(text: str, stop: Sequence[str]) -> str:
    """A text cut before each of the stop strings in turn: of two that overlap the one that is named first counts."""
    for word in stop:
        text = text.split(word)[0]
    return text
