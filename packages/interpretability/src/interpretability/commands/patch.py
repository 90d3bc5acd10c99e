"""`interpretability patch`: where an answer is made, by activation patching or causal tracing."""

import json
from typing import TYPE_CHECKING

from workbench import check_picture, finite, shown, tell_next

from .inputs import loaded, prompt_ids, single_token, token_names
from .outputs import bar, check_top, options, say
from .settings import Patch

if TYPE_CHECKING:
    from torch import Tensor

    from gpt2 import GPT2, Tokenizer

    from ..circuits.patching import Patching

PROG = "interpretability"


def run(settings: Patch) -> None:
    """Print the table, then the next command. ValueError for prompts that do not go together."""
    check_picture(settings.out, PROG)
    check_top(settings.top)
    if (settings.corrupted is None) == (settings.subject is None):
        got = "neither" if settings.corrupted is None else "both"
        raise ValueError(f"wanted --corrupted TEXT or --subject WORDS, got {got}; give one of them")
    model, tokenizer = loaded(settings.model, settings.device)
    tokens = prompt_ids(model, tokenizer, settings.prompt)
    names = token_names(tokenizer, tokens[0])
    with shown(PROG, f"patching {len(names)} tokens") as progress:
        if settings.corrupted is not None:
            from ..circuits.patching import patch

            other = prompt_ids(model, tokenizer, settings.corrupted, "--corrupted")
            target, against = answers(settings, model, tokenizer, tokens, other)
            result = patch(model, tokens, other, target, against, places=settings.places, progress=progress)
        else:
            from tensors import generator

            from ..circuits.patching import trace_causally

            if settings.against is not None:
                raise ValueError("--against: wanted it with --corrupted, got --subject; leave it out")
            target, against = answers(settings, model, tokenizer, tokens, tokens)[0], None
            result = trace_causally(
                model,
                tokens,
                subject_tokens(tokenizer, settings.prompt, settings.subject or ""),
                target,
                noise=settings.noise,
                samples=settings.samples,
                generator=generator("noise", settings.seed),
                places=settings.places,
                progress=progress,
            )
    what = f"{result.measure} of {token_names(tokenizer, [target])[0]}"
    if against is not None:
        what += f" to {token_names(tokenizer, [against])[0]}"
    if settings.json:
        facts = {"what": what, "clean": result.clean, "corrupted": result.corrupted, "tokens": names}
        say(json.dumps(finite(facts | {"places": result.names, "recovered": result.recovered.tolist()})))
    else:
        table(result, names, what, settings.top)
    if settings.out is not None:
        from ..pictures.grids import draw_patching

        draw_patching(result, names, what).savefig(settings.out)
    again = options(prompt=settings.prompt, corrupted=settings.corrupted, subject=settings.subject)
    where = [] if any("heads" in place for place in settings.places) else ["--places", "*.attention.heads"]
    command = [PROG, "patch", settings.model, *again, *where, *([] if settings.out else ["--out", "patch.png"])]
    tell_next(PROG, command, beside_results=True)


def answers(
    settings: Patch, model: "GPT2", tokenizer: "Tokenizer", clean: "Tensor", corrupted: "Tensor"
) -> tuple[int, int | None]:
    """The ids of the answer and of the one that it is measured against."""
    from trainkit import evaluating

    with evaluating(model):
        first, second = (int(model(ids, last_only=True)[0].argmax()) for ids in (clean, corrupted))
    target = first if settings.target is None else single_token(model, tokenizer, settings.target, "--target")
    if settings.against is not None:
        return target, single_token(model, tokenizer, settings.against, "--against")
    return target, second if second != target else None


def subject_tokens(tokenizer: "Tokenizer", prompt: str, words: str) -> list[int]:
    """Numbers of the tokens that hold the first occurrence of `words`; ValueError where there is none."""
    start = prompt.find(words)
    if not words or start < 0:
        raise ValueError(f"--subject: wanted words of the prompt, got {words!r}; copy them from it")
    first, last = len(prompt[:start].encode()), len(prompt[: start + len(words)].encode())
    found, place = [], 0
    for number, token in enumerate(tokenizer.encode(prompt)):
        end = place + len(tokenizer.decode_bytes([token]))
        if place < last and end > first:
            found.append(number)
        place = end
    return found


def table(result: "Patching", names: list[str], what: str, top: int) -> None:
    """The cells that bring back most of the clean answer."""
    recovered = result.recovered
    say(f"{what}: {result.clean:+.4f} clean, {result.corrupted:+.4f} corrupted")
    if not recovered.isfinite().all():
        say("both runs give the same answer: nothing to bring back; choose other words, or another --target")
        return
    say(f"{'put in':22} {'at token':24} {'recovered':>9}")
    flat = recovered.flatten()
    for index in flat.abs().argsort(descending=True)[:top].tolist():
        place, token = divmod(index, len(names))
        share = float(flat[index])
        say(f"{result.names[place]:22} {f'{token} {names[token]}'[:24]:24} {share:+9.1%}  {bar(share, 1.0, 16)[:20]}")
