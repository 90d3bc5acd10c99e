"""Beam search that ends as under lm-eval's `hf`: all hypotheses end together, once the best candidate shows a stop."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from decoding import GenerationSettings, LanguageModel, Tokenizer, beam_search

Ids = tuple[int, ...]


def beams_until(
    model: LanguageModel, tokenizer: Tokenizer, prompts: Sequence[Ids], settings: GenerationSettings, first_row: int = 0
) -> list[Ids]:
    """The new ids of each prompt, as `hf` writes them for one prompt at a time. first_row: as for `beam_search`.

    Its criterion looks at the best of the candidates of a step, and where the last tokens of that one spell a stop
    string or the end-of-text token, what is running then is all that is considered: as if `max_new_tokens` were the
    number of that step. So prompts that show a stop are searched once more up to there.
    """
    end = tokenizer.decode_bytes([tokenizer.end_of_text])
    stops = {word.encode(): len(tokenizer.encode(word)) + 2 for word in settings.stop} | {end: 3}
    settings = replace(settings, stop=())

    def search(some: Sequence[Ids], limit: int, first: int) -> list[list[Any]]:
        least = min(settings.min_new_tokens, limit)
        wanted = replace(settings, max_new_tokens=limit, min_new_tokens=least)
        return beam_search(model, some, wanted, end_of_text=tokenizer.end_of_text, first_row=first)

    found = search(prompts, settings.max_new_tokens, first_row)
    results = []
    for number, (one,) in enumerate(found):
        step = _first_stop(one.trace, tokenizer, stops)
        if step is not None and step < settings.max_new_tokens:
            ((one,),) = search([prompts[number]], step, first_row + number)
        results.append(one.finished[0].ids)
    return results


def _first_stop(trace: Sequence[Sequence[Any]], tokenizer: Tokenizer, stops: Mapping[bytes, int]) -> int | None:
    """The step (from 1) at which the best candidate first shows one of the stops within its last so many tokens."""
    running: dict[int, Ids] = dict.fromkeys(range(len(trace[0])), ())
    for step, candidates in enumerate(trace, start=1):
        ids = (*running[candidates[0].parent], candidates[0].token)
        if any(stop in tokenizer.decode_bytes(ids[-count:]) for stop, count in stops.items()):
            return step
        running = {each.place: (*running[each.parent], each.token) for each in candidates if each.place is not None}
    return None
