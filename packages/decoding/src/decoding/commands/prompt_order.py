"""Continuations in the order of their prompts, from any of them on, by any method."""

from collections.abc import Iterator, Sequence

from ..loop import Batch
from ..methods.dispatch import method_of
from ..protocols import LanguageModel, Tokenizer
from ..requests.checks import check_prompt
from ..rows import Constraint
from ..settings.values import GenerationSettings
from ..settings.vocabulary import Vocabulary
from ..text import GeneratedText, encode_prompt, generate, with_text


def in_order(
    model: LanguageModel,
    tokenizer: Tokenizer,
    prompts: Sequence[str],
    settings: GenerationSettings,
    max_rows: int,
    constraints: Sequence[Constraint | None],
    done: int,
) -> Iterator[GeneratedText]:
    """The continuations of all prompts but the first `done`, each as soon as it and those before it have ended."""
    names = [f"prompt {number} of {len(prompts)}" for number in range(1, len(prompts) + 1)]
    ids = [encode_prompt(tokenizer, model, prompt, name) for prompt, name in zip(prompts, names, strict=True)]
    for one, name in zip(ids, names, strict=True):
        check_prompt(one, name, model)
    if method_of(settings) != "loop":
        yield from in_groups(model, tokenizer, prompts, settings, max_rows, constraints, done)
        return
    vocabulary = Vocabulary.of(model, tokenizer)
    length = max(map(len, ids)) + settings.max_new_tokens if settings.when_full == "stop" else None
    batch = Batch(model, max_rows=max_rows, end_of_text=vocabulary, decode_bytes=tokenizer.decode_bytes, length=length)
    rows = [batch.add(ids[n], settings, constraints[n], number=n) for n in range(done, len(ids))]
    for row in rows:
        while row.finish_reason is None:
            batch.step()
        yield with_text(tokenizer, row.result, settings)


def in_groups(
    model: LanguageModel,
    tokenizer: Tokenizer,
    prompts: Sequence[str],
    settings: GenerationSettings,
    max_rows: int,
    constraints: Sequence[Constraint | None],
    done: int,
) -> Iterator[GeneratedText]:
    """`in_order` for methods whose rows begin and end together: the same groups as without a break, so that not even
    the last digit of a score changes."""
    for start in range(done - done % max_rows, len(prompts), max_rows):
        group = slice(start, start + max_rows)
        results = generate(model, tokenizer, prompts[group], settings, constraints=constraints[group], first_row=start)
        yield from results[max(0, done - start) :]
