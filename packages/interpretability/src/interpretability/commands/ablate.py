"""`interpretability ablate`: what a text costs without each part."""

import json
from functools import partial
from typing import TYPE_CHECKING

from workbench import Progress, check_picture, many, shown, tell_next, unwatched

from .histories import History, run_history
from .inputs import loaded, row_length, windows
from .outputs import check_top, options, say
from .settings import Ablate

if TYPE_CHECKING:
    from torch import Tensor

    from gpt2 import GPT2, Tokenizer

    from ..interventions.effects import Effect

PROG = "interpretability"


def run(settings: Ablate) -> None:
    """Print the table, then the next command. ValueError for parts, texts and lengths that make no sense."""
    check_picture(settings.out, PROG)
    check_top(settings.top)
    if settings.checkpoints is not None:
        again = ["ablate", settings.model, *options(text=settings.text, how=settings.how)]
        return run_history(settings, settings.checkpoints, partial(history, settings), again)
    model, tokenizer = loaded(settings.model, settings.device)
    tokens, other = _texts(settings, model, tokenizer)
    with shown(PROG, f"ablating on {many(tokens.numel(), 'token')} in {many(len(tokens), 'row')}") as progress:
        effects = _effects(settings, model, tokens, other, progress)
    effects.sort(key=lambda effect: -effect.nats.value)
    if settings.json:
        say(json.dumps({"how": settings.how, "tokens": tokens.numel(), "rows": len(tokens), "parts": facts(effects)}))
    else:
        say(*table(effects, settings, len(tokens)))
    if settings.out is not None:
        from ..pictures.bars import draw_effects

        draw_effects(effects[: settings.top], f"{settings.how} ablation").savefig(settings.out)
    part = effects[0].part
    deeper = f"{part.partition('.')[0]}.neuron.*" if part.endswith(("feed_forward", "block")) else "*.feed_forward"
    few = ["--tokens", "2000"] if "neuron" in deeper else []  # a thousand parts take minutes on more
    words = ["ablate", settings.model, *options(text=settings.text, how=settings.how), *few, "--parts", deeper]
    tell_next(PROG, [PROG, *words], beside_results=True)
    return None


def history(settings: Ablate, model: "GPT2", tokenizer: "Tokenizer") -> History:
    """What each part is worth, on one text."""
    tokens, other = _texts(settings, model, tokenizer)

    def measure(model: "GPT2") -> dict[str, float]:
        return {effect.part: effect.nats.value for effect in _effects(settings, model, tokens, other, unwatched)}

    return History(
        measure,
        f"Nats a token without a part ({settings.how})",
        f"nats a token without it ({settings.how})",
        top=settings.top,
        facts={"how": settings.how},
    )


def _texts(settings: Ablate, model: "GPT2", tokenizer: "Tokenizer") -> "tuple[Tensor, Tensor | None]":
    """Rows to measure on, and those of the other text, if one is needed."""
    wanted = settings.tokens if settings.reference or settings.how == "zero" else 2 * settings.tokens
    length = row_length(model, settings.tokens, settings.length, has_length=True)
    tokens = windows(model, tokenizer, settings.text, wanted, length, has_length=True)
    other = None
    if settings.reference is not None:
        other = windows(model, tokenizer, settings.reference, settings.tokens, length, "--reference", has_length=True)
    elif settings.how != "zero":
        half = len(tokens) // 2
        tokens, other = tokens[:half], tokens[half:]
    return tokens, other


def _effects(
    settings: Ablate, model: "GPT2", tokens: "Tensor", other: "Tensor | None", progress: Progress
) -> "list[Effect]":
    from tensors import generator

    from ..ablation import ablate

    return ablate(
        model,
        tokens,
        settings.parts,
        how=settings.how,
        reference=other,
        generator=generator("resample", settings.seed),
        progress=progress,
    )


def table(effects: "list[Effect]", settings: Ablate, rows: int) -> list[str]:
    """The largest effects with interval and corrected p-value, and what the columns mean."""
    from evaluation.commands.outputs import few

    lines = [f"{'part':16} {'nats/token':>10}   {'95 % interval':19} {'p, corrected':>12}"]
    for effect in effects[: settings.top]:
        low, high = effect.nats.low, effect.nats.high
        interval = "" if low is None or high is None else f"[{low:+.4f}, {high:+.4f}]"
        star = " *" if effect.is_real else ""
        lines.append(f"{effect.part:16} {effect.nats.value:+10.4f}   {interval:19} {effect.adjusted:12.2g}{star}")
    if len(effects) > settings.top:
        lines.append(f"{len(effects) - settings.top} others; --top shows more, --json all")
    real = sum(effect.is_real for effect in effects)
    lines.append(f"* more than chance at 5 %, {many(len(effects), 'part')} tried (Holm): {real}")
    return lines + few(rows, "row")


def facts(effects: "list[Effect]") -> list[dict[str, object]]:
    """The effects for JSON."""
    return [
        {
            "part": effect.part,
            "nats": effect.nats.value,
            "low": effect.nats.low,
            "high": effect.nats.high,
            "p": effect.p_value,
            "p_corrected": effect.adjusted,
        }
        for effect in effects
    ]
