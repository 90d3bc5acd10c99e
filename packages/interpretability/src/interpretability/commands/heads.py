"""`interpretability heads`: what kind of head each head is, now or over the checkpoints of a run."""

from functools import partial
from typing import TYPE_CHECKING

from workbench import check_picture

from .answers import PROG, answer, answer_next, save_picture, table
from .histories import History, run_history
from .inputs import loaded
from .measure_settings import Heads

if TYPE_CHECKING:
    from gpt2 import GPT2, Tokenizer

    from ..heads.kinds import HeadKinds

KINDS = ("previous", "duplicate", "induction", "first", "positional", "distance")
HIGH = 0.4
"""A share of attention from which on a head is called by its kind."""


def run(settings: Heads) -> None:
    """Do the work of the command; ValueError for what is wrong."""
    check_picture(settings.out, PROG)
    if settings.checkpoints is not None:
        text = [] if settings.text is None else ["--text", settings.text]
        again = ["heads", settings.model, *text]
        return run_history(settings, settings.checkpoints, partial(history, settings), again)
    model, tokenizer = loaded(settings.model, settings.device)
    kinds = _scores(settings, model, _pool(settings, tokenizer))
    scores = {name: values.tolist() for name, values in kinds.kinds.items()}
    layers, heads = len(scores["previous"]), len(scores["previous"][0])
    rows = [
        (f"L{layer}H{head}", *(_cell(name, scores[name][layer][head]) for name in KINDS))
        for layer in range(layers)
        for head in range(heads)
    ]
    best = {name: kinds.best(name) for name in KINDS[:-1]}
    lines = [*table(("head", *KINDS), rows), "", *_found(best)]
    if settings.out is not None:
        from attention import plot_scores

        named = {f"{layer}.{name}": values[layer] for name, values in kinds.kinds.items() if name != "distance"
                 for layer in range(layers)}  # fmt: skip
        lines += save_picture(plot_scores(named, "share of attention"), settings.out)
    facts = {"model": settings.model, "scores": scores, "best": {name: list(each) for name, each in best.items()}}
    answer(facts, lines, settings.json)
    where = best["induction"]
    if where[2] >= HIGH:
        answer_next(["lens", settings.model, "--prompt", "abcd efgh abcd ef"], settings.json)
    else:
        answer_next(["induction", "--out", "induction"], settings.json)
    return None


def history(settings: Heads, model: "GPT2", tokenizer: "Tokenizer") -> History:
    """The best head of each kind."""
    pool = _pool(settings, tokenizer)

    def measure(model: "GPT2") -> dict[str, float]:
        kinds = _scores(settings, model, pool)
        return {name: kinds.best(name)[2] for name in KINDS[:-1]}

    return History(measure, "The best head of each kind", "share of attention, best head", spec=".2f")


def _pool(settings: Heads, tokenizer: "Tokenizer") -> list[int]:
    """The tokens to draw from: those of a text, or all but the special ones."""
    if settings.text is None:
        return list(range(tokenizer.end_of_text))
    from dataio import read_text

    return sorted({token for one in read_text(settings.text).documents for token in tokenizer.encode(one.text)})


def _scores(settings: Heads, model: "GPT2", pool: list[int]) -> "HeadKinds":
    from ..heads.kinds import score_heads

    return score_heads(model, pool, period=settings.period, rows=settings.rows, seed=settings.seed)


def _cell(name: str, value: float) -> str:
    return f"{value:.1f}" if name == "distance" else f"{value:.2f}"


def _found(best: dict[str, tuple[int, int, float]]) -> list[str]:
    """What the table says, in words."""
    layer, head, score = best["induction"]
    if score >= HIGH:
        return [f"L{layer}H{head} is an induction head: {score:.0%} of what it looks at came after the same token."]
    return [f"No induction head: the best, L{layer}H{head}, gives {score:.0%} to what came after the same token."]
