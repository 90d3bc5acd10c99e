"""`interpretability ablate`: what a text costs without each part."""

import json
from typing import TYPE_CHECKING

from workbench import Progress, check_picture, counted, many, shown, tell_next, unwatched

from .answers import answer, answer_next, save_picture, table as columns
from .inputs import loaded, windows
from .outputs import check_top, options, say
from .settings import Ablate

if TYPE_CHECKING:
    from torch import Tensor

    from gpt2 import GPT2, Tokenizer

    from ..interventions.effects import Effect

PROG = "interpretability"
FOLLOWED = 6
"""Parts that a table of checkpoints has columns for."""


def run(settings: Ablate) -> None:
    """Print the table, then the next command. ValueError for parts, texts and lengths that make no sense."""
    check_picture(settings.out, PROG)
    check_top(settings.top)
    if settings.checkpoints is not None:
        return run_history(settings, settings.checkpoints)
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
    words = ["ablate", settings.model, *options(text=settings.text, how=settings.how), "--parts", deeper]
    tell_next(PROG, [PROG, *words], beside_results=True)
    return None


def run_history(settings: Ablate, which: str) -> None:
    """What each part was worth at every checkpoint, on one text; the table has those that are worth most at last."""
    from ..history.checkpoints import chosen_checkpoints, over_training

    chosen = chosen_checkpoints(settings.model, which)
    last, tokenizer = loaded(str(chosen[-1][1]), settings.device)
    tokens, other = _texts(settings, last, tokenizer)

    def measure(model: "GPT2") -> dict[str, float]:
        return {effect.part: effect.nats.value for effect in _effects(settings, model, tokens, other, unwatched)}

    steps = over_training(settings.model, measure, which, device=tokens.device)
    found = list(counted(steps, len(chosen), unit="checkpoint"))
    names = sorted(found[-1][1], key=lambda name: -found[-1][1][name])
    shown_names = names[: min(FOLLOWED, settings.top)]
    rows = [(f"{step}", *(f"{effects[name]:+.4f}" for name in shown_names)) for step, effects in found]
    lines = [f"Nats a token without a part ({settings.how}) at {len(found)} checkpoints:", ""]
    lines += columns(("step", *shown_names), rows, left=0)
    if len(names) > len(shown_names):
        lines += ["", f"{many(len(names) - len(shown_names), 'other part')}: --json has all"]
    if settings.out is not None:
        from ..pictures.lines import plot_history

        measures = {name: [effects[name] for _, effects in found] for name in shown_names}
        figure = plot_history([step for step, _ in found], measures, ylabel=f"nats a token without it ({settings.how})")
        lines += save_picture(figure, settings.out)
    steps_found = [{"step": step, "parts": dict(effects)} for step, effects in found]
    answer({"model": settings.model, "how": settings.how, "steps": steps_found}, lines, settings.json)
    answer_next(["ablate", settings.model, *options(text=settings.text, how=settings.how)], settings.json)


def _texts(settings: Ablate, model: "GPT2", tokenizer: "Tokenizer") -> "tuple[Tensor, Tensor | None]":
    """Rows to measure on, and those of the other text, if one is needed."""
    wanted = settings.tokens if settings.reference or settings.how == "zero" else 2 * settings.tokens
    tokens = windows(model, tokenizer, settings.text, wanted, settings.length)
    other = None
    if settings.reference is not None:
        other = windows(model, tokenizer, settings.reference, settings.tokens, settings.length, "--reference")
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
