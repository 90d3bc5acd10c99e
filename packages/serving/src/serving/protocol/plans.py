"""What a request asks of the engine and of its answer: settings, prompts and options, all checked."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from decoding import GenerationSettings

from ..jobs import Event, Form, Guidance, Job
from ..status import Served
from .forms import biases, form_of, guidance, response_form
from .limits import Limits, check_most
from .prompts import ids_of_prompts
from .refusals import Refused, wrong
from .requests import OTHER_NAMES, Asked, ChatRequest, CompletionRequest

USUAL_TOKENS = 16
"""New tokens of a completion that does not say how many, as OpenAI has it."""


@dataclass(frozen=True)
class Plan:
    """One request, ready for the engine, and how its answer is written."""

    served: Served
    prompts: tuple[tuple[int, ...], ...]
    settings: GenerationSettings
    samples: int
    candidates: int | None = None
    choose: Literal["likeliest", "consensus"] = "likeliest"
    only_prompt: bool = False
    form: Form | None = None
    guidance: Guidance | None = None
    echo: bool = False
    likeliest: int | None = None
    """Log-probabilities in the answer: None for none, else so many likeliest tokens."""
    stream: bool = False
    usage: Literal["none", "last", "each"] = "none"
    """In which chunks of a stream the usage comes."""
    user: str | None = None

    @property
    def rows(self) -> int:
        """Texts in the answer."""
        return len(self.prompts) * self.samples

    def job(self, name: str, seconds: float, tell: Callable[[Event], None]) -> Job:
        """The engine's part."""
        return Job(
            model=self.served.name,
            prompts=self.prompts,
            settings=self.settings,
            tell=tell,
            samples=self.samples,
            candidates=self.candidates,
            choose=self.choose,
            prompt_log_probabilities=self.likeliest if self.echo else None,
            only_prompt=self.only_prompt,
            form=self.form,
            guidance=self.guidance,
            deadline=seconds,
            name=name,
        )


def plan_completion(request: CompletionRequest, given: Mapping[str, Any], served: Served, limits: Limits) -> Plan:
    """The plan of a completion; `given` are its settings by their names in `GenerationSettings`. `Refused` says what
    cannot be done."""
    prompts = ids_of_prompts(request.prompt, served, limits)
    drawn = request.best_of or request.n
    if drawn < request.n:
        raise wrong("best_of", f"wanted n={request.n} or more, got {drawn}; raise it, or lower n")
    candidates = drawn if drawn > request.n else None
    if request.choose == "consensus" and (request.n != 1 or candidates is None):
        got = f"n={request.n} and best_of={request.best_of}"
        raise wrong("choose", f"wanted n=1 and best_of of 2 or more for a consensus, got {got}; set them")
    if candidates and request.stream:
        raise wrong("stream", f"wanted false with best_of={drawn}, known only at the end, got true")
    if request.max_tokens == 0 and not request.echo:
        raise wrong("max_tokens", "wanted 1 or more without echo, got 0; set echo to score the prompt")
    most = request.max_tokens
    if most is None:
        most = max(1, min(USUAL_TOKENS, *(served.n_ctx - len(prompt) for prompt in prompts)))
    plan = _plan(request, given, served, limits, prompts, most, drawn)
    return replace(
        plan,
        candidates=candidates,
        choose=request.choose,
        only_prompt=most == 0,
        echo=request.echo,
        likeliest=request.logprobs,
        settings=with_settings(plan.settings, {"log_probabilities": request.logprobs}),
    )


def plan_chat(
    request: ChatRequest, given: Mapping[str, Any], prompt: tuple[int, ...], served: Served, limits: Limits
) -> Plan:
    """The plan of a chat whose messages are the ids `prompt`."""
    if request.max_tokens is not None and request.max_completion_tokens not in (None, request.max_tokens):
        got = f"{request.max_tokens} and max_completion_tokens={request.max_completion_tokens}"
        raise wrong("max_tokens", f"wanted one of two names, got {got}; leave one out")
    if request.max_tokens == 0:
        raise wrong("max_tokens", "wanted 1 or more, got 0; raise it")
    if request.top_logprobs is not None and not request.logprobs:
        raise wrong("top_logprobs", f"wanted logprobs with it, got {request.top_logprobs}; set it")
    most = request.max_tokens or request.max_completion_tokens or max(1, served.n_ctx - len(prompt))
    if request.choose != "likeliest":
        raise wrong("choose", "wanted a completion with best_of, got a chat; leave it out")
    plan = _plan(request, given, served, limits, (prompt,), most, request.n)
    likeliest = (request.top_logprobs or 0) if request.logprobs else None
    form = response_form(request, plan.form, limits)
    return replace(
        plan, likeliest=likeliest, form=form, settings=with_settings(plan.settings, {"log_probabilities": likeliest})
    )


def _plan(
    request: Asked,
    given: Mapping[str, Any],
    served: Served,
    limits: Limits,
    prompts: tuple[tuple[int, ...], ...],
    most: int,
    drawn: int,
) -> Plan:
    stops = [request.stop] if isinstance(request.stop, str) else request.stop or []
    check_most("n" if drawn == request.n else "best_of", drawn, limits.samples, "texts")
    check_most("max_tokens", len(prompts) * drawn * most, limits.new_tokens, "new tokens in all")
    check_most("stop", len(stops), limits.stops, "stop strings")
    check_most("stop", max(map(len, stops), default=0), limits.stop_characters, "characters")
    name = "logprobs" if isinstance(request, CompletionRequest) else "top_logprobs"
    check_most(name, int(getattr(request, name) or 0), limits.likeliest, "tokens")
    check_most("beams", given.get("beams", 1), limits.beams, "beams")
    for name in ("banned", "forced_words", "forced_prefix"):
        ids = given.get(name, ())
        check_most(name, sum(len(one) if isinstance(one, tuple) else 1 for one in ids), limits.sequences, "ids")
    check_most("logit_bias", len(request.logit_bias or {}), limits.sequences, "entries")
    if request.stream_options is not None and not request.stream:
        raise wrong("stream_options", "wanted stream=true with them, got false; set it")
    options = request.stream_options
    usage: Literal["none", "last", "each"] = "none"
    if options is not None and options.include_usage:
        usage = "each" if options.continuous_usage_stats else "last"
    values = {**given, "max_new_tokens": max(1, most), "stop": tuple(stops), "logit_bias": biases(request.logit_bias)}
    if values.get("temperature") == 0 and "top_p" in values and 0 < values["top_p"] <= 1:
        del values["top_p"]  # OpenAI's two dials are independent: with the first at 0 there is nothing left to narrow
    values.setdefault("seed", secrets.randbits(31))
    if values.get("beams", 1) > 1:
        values["n_best"] = request.n
    if served.defaults.is_greedy:  # a folder that says nothing means that; clients who say nothing mean OpenAI's 1
        values.setdefault("temperature", 1.0)
    settings = with_settings(served.defaults, values)
    for number, prompt in enumerate(prompts, start=1):
        _check_room(prompt, most, settings, served.n_ctx, number if len(prompts) > 1 else None)
    return Plan(
        served,
        prompts,
        settings,
        request.n,
        form=form_of(request, limits),
        guidance=guidance(request, served),
        stream=request.stream,
        usage=usage,
        user=request.user,
    )


def with_settings(settings: GenerationSettings, changes: Mapping[str, Any]) -> GenerationSettings:
    """The settings with changes; 400 in the words of `GenerationSettings`, by the names that clients use."""
    try:
        return replace(settings, **changes)
    except (ValueError, TypeError) as error:
        message = str(error)
        for ours, theirs in OTHER_NAMES.items():
            message = message.replace(ours, theirs)
        first = message.split(" ", 1)[0]
        known = {*vars(settings), *OTHER_NAMES.values()}
        raise Refused(message, param=first if first in known else None) from None


def _check_room(
    prompt: tuple[int, ...], most: int, settings: GenerationSettings, n_ctx: int, number: int | None
) -> None:
    what = "the prompt" if number is None else f"prompt {number}"
    if len(prompt) + min(most, 1) > n_ctx:
        raise Refused(
            f"prompt: wanted at most {n_ctx - min(most, 1):,} tokens (the context of {n_ctx:,}, less a new one), got "
            f"{len(prompt):,} in {what}; shorten it",
            param="prompt",
            code="context_length_exceeded",
        )
    if len(prompt) + most > n_ctx and settings.when_full == "stop":
        raise Refused(
            f"max_tokens: wanted at most {n_ctx - len(prompt):,} after {what} of {len(prompt):,} tokens (the context "
            f'is {n_ctx:,}), got {most:,}; ask for less, or set when_full to "drop_oldest_half"',
            param="max_tokens",
            code="context_length_exceeded",
        )
