"""`interpretability patch`: where an answer is made, by activation patching or causal tracing."""

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from workbench import Progress, check_picture, finite, shown, tell_next, unwatched

from .histories import History, run_history
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
    again = options(prompt=settings.prompt, corrupted=settings.corrupted, subject=settings.subject)
    if settings.checkpoints is not None:
        again = ["patch", settings.model, *again]
        return run_history(settings, settings.checkpoints, partial(history, settings), again)
    model, tokenizer = loaded(settings.model, settings.device)
    asked = _asked(settings, model, tokenizer)
    with shown(PROG, f"patching {len(asked.names)} tokens") as progress:
        result = _result(settings, model, asked, progress)
    if settings.json:
        facts = {"what": asked.what, "clean": result.clean, "corrupted": result.corrupted, "tokens": asked.names}
        say(json.dumps(finite(facts | {"places": result.names, "recovered": result.recovered.tolist()})))
    else:
        table(result, asked.names, asked.what, settings.top)
    if settings.out is not None:
        from ..pictures.grids import draw_patching

        draw_patching(result, asked.names, asked.what).savefig(settings.out)
    where = [] if any("heads" in place for place in settings.places) else ["--places", "*.attention.heads"]
    command = [PROG, "patch", settings.model, *again, *where, *([] if settings.out else ["--out", "patch.png"])]
    tell_next(PROG, command, beside_results=True)
    return None


def history(settings: Patch, model: "GPT2", tokenizer: "Tokenizer") -> History:
    """How much of one and the same answer each place and token brings back, in its own unit: a share says nothing of a
    checkpoint at which both runs answer alike."""
    asked = _asked(settings, model, tokenizer)

    def measure(model: "GPT2") -> dict[str, float]:
        result = _result(settings, model, asked, unwatched)
        cells = {
            f"{place} at {at} {name}": float(value) - result.corrupted
            for place, row in zip(result.names, result.patched, strict=True)
            for at, (name, value) in enumerate(zip(asked.names, row, strict=True))
        }
        return cells | {"clean": result.clean, "corrupted": result.corrupted}

    return History(
        measure,
        f"{asked.what}: what is brought back",
        f"{asked.what}, above that of the corrupted run",
        spec="+.2f" if asked.measure.startswith("logit") else "+.3f",
        top=settings.top,
        beside=("clean", "corrupted"),
        facts={"what": asked.what},
    )


@dataclass(frozen=True)
class Asked:
    """The prompts, the answer and the one that it is measured against, and what that is in words."""

    clean: "Tensor"
    corrupted: "Tensor | None"
    subject: list[int]
    target: int
    against: int | None
    names: list[str]
    measure: str
    what: str


def _asked(settings: Patch, model: "GPT2", tokenizer: "Tokenizer") -> Asked:
    clean, corrupted, subject = prompt_ids(model, tokenizer, settings.prompt), None, list[int]()
    if settings.corrupted is not None:
        corrupted = prompt_ids(model, tokenizer, settings.corrupted, "--corrupted")
        target, against = answers(settings, model, tokenizer, clean, corrupted)
    else:
        if settings.against is not None:
            raise ValueError("--against: wanted it with --corrupted, got --subject; leave it out")
        target, against = answers(settings, model, tokenizer, clean, clean)[0], None
        subject = subject_tokens(tokenizer, settings.prompt, settings.subject or "")
    measure = "probability" if corrupted is None else "logit" if against is None else "logit difference"
    what = f"{measure} of {token_names(tokenizer, [target])[0]}"
    if against is not None:
        what += f" to {token_names(tokenizer, [against])[0]}"
    return Asked(clean, corrupted, subject, target, against, token_names(tokenizer, clean[0]), measure, what)


def _result(settings: Patch, model: "GPT2", asked: Asked, progress: Progress) -> "Patching":
    from tensors import generator

    from ..circuits.patching import patch, trace_causally

    if asked.corrupted is not None:
        return patch(
            model,
            asked.clean,
            asked.corrupted,
            asked.target,
            asked.against,
            places=settings.places,
            progress=progress,
        )
    return trace_causally(
        model,
        asked.clean,
        asked.subject,
        asked.target,
        noise=settings.noise,
        samples=settings.samples,
        generator=generator("noise", settings.seed),
        places=settings.places,
        progress=progress,
    )


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
