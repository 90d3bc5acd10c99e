"""`interpretability attribute`: a logit as the sum of what every part wrote."""

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from workbench import check_picture, tell_next

from .histories import History, run_history
from .inputs import loaded, prompt_ids, single_token, token_names
from .outputs import bar, check_top, options, say
from .settings import Attribute

if TYPE_CHECKING:
    from torch import Tensor

    from gpt2 import GPT2, Tokenizer

PROG = "interpretability"


def run(settings: Attribute) -> None:
    """Print the table, then the next command. ValueError for what cannot be taken apart."""
    check_picture(settings.out, PROG)
    check_top(settings.top)
    if settings.paths is not None and settings.neurons is not None:
        raise ValueError("wanted --paths or --neurons, got both; ask for one after the other")
    again = ["--prompt", settings.prompt, *options(target=settings.target, against=settings.against)]
    if settings.checkpoints is not None:
        again = ["attribute", settings.model, *again, *options(paths=settings.paths, neurons=settings.neurons)]
        return run_history(settings, settings.checkpoints, partial(history, settings), again)
    model, tokenizer = loaded(settings.model, settings.device)
    asked = _asked(settings, model, tokenizer)
    rows, whole = _rows(settings, model, asked)
    if settings.json:
        parts = [{"part": name, "logit": value} for name, value in rows]
        facts = {"what": asked.what, "target": asked.target, "against": asked.against, "logit": whole}
        say(json.dumps(facts | {"parts": parts}))
    else:
        table(rows, settings.top, f"{asked.what} after {asked.names[-1]}", sum(value for _, value in rows))
    if settings.out is not None:
        from ..pictures.bars import draw_bars

        draw_bars(rows[: settings.top], asked.what, "logit").savefig(settings.out)
    layer = model.config.n_layer - 1
    step = ["--neurons", str(layer)] if settings.paths is not None else ["--paths", str(layer)]
    tell_next(PROG, [PROG, "attribute", settings.model, *again, *step], beside_results=True)
    return None


def history(settings: Attribute, model: "GPT2", tokenizer: "Tokenizer") -> History:
    """Who wrote the logit of one and the same token, which the last checkpoint chooses if nobody did."""
    asked = _asked(settings, model, tokenizer)

    def measure(model: "GPT2") -> dict[str, float]:
        rows, whole = _rows(settings, model, asked)
        return dict(rows) | {"logit": whole}

    title = f"{asked.what} after {asked.names[-1]}"
    facts = {"what": asked.what, "target": asked.target, "against": asked.against}
    return History(measure, title, "logit", spec="+.2f", top=settings.top, beside=("logit",), facts=facts)


@dataclass(frozen=True)
class Asked:
    """Whose logit is taken apart, and in what words."""

    tokens: "Tensor"
    target: int
    against: int | None
    names: list[str]
    what: str


def _asked(settings: Attribute, model: "GPT2", tokenizer: "Tokenizer") -> Asked:
    from trainkit import evaluating

    tokens = prompt_ids(model, tokenizer, settings.prompt)
    with evaluating(model):
        likeliest = int(model(tokens, last_only=True)[0].argmax())
    target = likeliest if settings.target is None else single_token(model, tokenizer, settings.target, "--target")
    against = None if settings.against is None else single_token(model, tokenizer, settings.against, "--against")
    what = f"logit of {token_names(tokenizer, [target])[0]}"
    if against is not None:
        what += f" less that of {token_names(tokenizer, [against])[0]}"
    if settings.paths is not None:
        what += f", as far as the heads of layer {settings.paths} wrote it"
    elif settings.neurons is not None:
        what += f", as far as feed-forward layer {settings.neurons} wrote it"
    return Asked(tokens, target, against, token_names(tokenizer, tokens[0]), what)


def _rows(settings: Attribute, model: "GPT2", asked: Asked) -> tuple[list[tuple[str, float]], float]:
    """Parts and what they wrote, largest first, and the whole logit."""
    import torch

    from ..attribution import attribute, attribute_neurons

    tokens, target = asked.tokens, torch.full_like(asked.tokens, asked.target)
    other = None if asked.against is None else torch.full_like(tokens, asked.against)
    found = attribute(model, tokens, target, other)
    rows, whole = found.largest(), float(found.parts[0, -1].sum())
    if settings.paths is not None:
        rows = path_rows(model, tokens, asked.target, settings.paths, asked.against, asked.names)
    elif settings.neurons is not None:
        values = attribute_neurons(model, tokens, target, settings.neurons, other)[0, -1]
        rows = [(f"{settings.neurons}.neuron.{n}", float(values[n])) for n in values.abs().argsort(descending=True)]
    return rows, whole


def path_rows(
    model: "GPT2", tokens: "Tensor", target: int, layer: int, against: int | None, names: list[str]
) -> list[tuple[str, float]]:
    """Paths by what they are, largest first."""
    from ..circuits.paths import attribute_paths

    paths = attribute_paths(model, tokens, target, layer, against=against)
    rows = [
        (f"{part} at {place} {names[place]} -> {layer}.head.{head}", float(paths.values[p, head, place]))
        for p, part in enumerate(paths.names)
        for head in range(paths.values.shape[1])
        for place in range(len(names))
    ]
    return sorted(rows, key=lambda row: -abs(row[1]))


def table(rows: list[tuple[str, float]], top: int, title: str, total: float) -> None:
    """The largest rows as bars, the others as one line, and the sum."""
    shown, rest = rows[:top], rows[top:]
    lines = list(shown)
    if rest:
        lines.append((f"{len(rest)} others", sum(value for _, value in rest)))
    largest = max(abs(value) for _, value in lines)
    say(title, *(f"{name[:46]:46} {value:+9.4f}  {bar(value, largest)}" for name, value in lines))
    say(f"{'sum':46} {total:+9.4f}")
