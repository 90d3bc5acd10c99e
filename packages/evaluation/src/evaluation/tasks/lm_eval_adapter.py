"""Our models under lm-eval (EleutherAI's lm-evaluation-harness): a `TemplateLM` over spans and the generation loop.

Figures equal those of lm-eval's own `hf` back end on the same folder; what it does per request is done here per batch,
ordered by length, with beginnings that requests share computed once and requests that repeat answered from memory.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval.api.model import TemplateLM
from lm_eval.utils import get_rolling_token_windows

from decoding import GenerationSettings, LanguageModel, Tokenizer, generate

from ..pairs import fit_span
from ..spans import TOKENS_PER_BATCH, Span, score_spans

Answer = tuple[float, bool]
KNOWN = {"until", "max_gen_toks", "do_sample", "temperature", "top_k", "top_p"}


@dataclass(frozen=True)
class Continuation:
    """A request for text: the prompt's place among the requests, what it may read, and how to go on."""

    number: int
    prompt: str
    settings: GenerationSettings


class Adapter(TemplateLM):
    """What `evaluation.lm_eval_model` gives."""

    def __init__(self, model: LanguageModel, tokenizer: Tokenizer, tokens_per_batch: int = TOKENS_PER_BATCH) -> None:
        super().__init__()
        self.model, self.text, self.tokens_per_batch = model, tokenizer, tokens_per_batch
        self.answers: dict[Span, Answer] = {}

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
        return self.text.encode(string)

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
        new = [span for span in dict.fromkeys(spans) if span not in self.answers]
        scores = score_spans(self.model, new, tokens_per_batch=self.tokens_per_batch)
        for span, score in zip(new, scores, strict=True):
            self.answers[span] = (-score.total, bool(score.likeliest.all()))
        return [self.answers[span] for span in spans]

    def generate_until(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[str]:
        """The continuation of each prompt up to the first of its stop strings, which is not part of it."""
        wanted = [self._continuation(number, *request.args) for number, request in enumerate(requests)]
        texts: dict[int, str] = {}
        for batch in self._alike(wanted):
            results = generate(self.model, self.text, [each.prompt for each in batch], batch[0].settings)
            texts.update(
                (each.number, before(r.text, each.settings.stop)) for each, r in zip(batch, results, strict=True)
            )
        for number, request in enumerate(requests):
            self.cache_hook.add_partial("generate_until", request.args, texts[number])
        return [texts[number] for number in range(len(requests))]

    def _continuation(self, number: int, prompt: str, options: Mapping[str, Any]) -> Continuation:
        if unknown := set(options) - KNOWN:
            raise ValueError(f"wanted generation options among {sorted(KNOWN)}, got {sorted(unknown)}; remove them")
        until, new = options.get("until") or [], int(options.get("max_gen_toks", self.max_gen_toks))
        room = self.max_length - new
        if room < 1:
            raise ValueError(
                f"wanted max_gen_toks below the model's context of {self.max_length}, got {new}; ask for fewer"
            )
        ids = self.tok_encode(prompt)[-room:] or [self.eot_token_id]
        kept = self.text.decode_bytes(ids).decode("utf-8", errors="replace")
        stop = tuple(word for word in ((until,) if isinstance(until, str) else until) if word)
        return Continuation(number, kept, sampling(options, new, stop))

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


def sampling(options: Mapping[str, Any], max_new_tokens: int, stop: tuple[str, ...]) -> GenerationSettings:
    """lm-eval's options as settings: greedy unless the task asks to sample."""
    if not options.get("do_sample", float(options.get("temperature", 0)) > 0):
        return GenerationSettings(max_new_tokens=max_new_tokens, stop=stop, temperature=0)
    given = {name: options[name] for name in ("temperature", "top_k", "top_p") if name in options}
    return GenerationSettings(max_new_tokens=max_new_tokens, stop=stop, **given)


def before(text: str, stop: Sequence[str]) -> str:
    """A text up to the first of the stop strings that it holds."""
    return text[: min((place for word in stop if (place := text.find(word)) >= 0), default=len(text))]
