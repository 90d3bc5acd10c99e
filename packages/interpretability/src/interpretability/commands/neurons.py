"""`interpretability neurons`: the passages that neurons of the feed-forward layers are highest on."""

from functools import partial
from typing import TYPE_CHECKING, Any

from workbench import check_picture, counted, shown_token

from .answers import COLUMNS, PROG, answer, answer_next, clipped, save_picture, table
from .histories import History, run_history
from .inputs import loaded, windows
from .measure_settings import Neurons

if TYPE_CHECKING:
    from torch import Tensor

    from gpt2 import GPT2, Tokenizer

    from ..features.passages import Passage, TopPassages

TOGETHER = 1024
"""Tokens that are read at a time."""
PROMOTED = 5


def run(settings: Neurons) -> None:
    """Do the work of the command; ValueError for what is wrong."""
    check_picture(settings.out, PROG)
    if settings.top < 1:
        raise ValueError(f"--top: wanted at least 1, got {settings.top}; leave it out")
    if settings.checkpoints is not None:
        named = [word for name in settings.neuron for word in ("--neuron", name)]
        again = ["neurons", settings.model, *named]
        return run_history(settings, settings.checkpoints, partial(history, settings), again)
    model, tokenizer = loaded(settings.model, settings.device)
    from ..features.neurons import promoted_tokens

    asked = bool(settings.neuron)
    rows, blocks, chosen = _found(settings, model, tokenizer)
    facts = [
        _facts(layer, neuron, blocks[layer], promoted_tokens(model, layer, neuron, PROMOTED), tokenizer)
        for layer, neuron in chosen
    ]
    lines = [f"{rows.numel():,} tokens of {settings.text or 'the held-out part of the text of `train`'}", ""]
    for (layer, neuron), fact in zip(chosen, facts, strict=True):
        count = settings.top if asked else 3
        lines += _about(f"{layer}.{neuron}", fact, blocks[layer].of(neuron)[:count], tokenizer)
    if settings.out is not None:
        lines += _picture(settings, model, blocks, chosen)
    answer({"model": settings.model, "tokens": rows.numel(), "neurons": facts}, lines, settings.json)
    if asked:
        answer_next(["features", settings.model], settings.json)
    else:
        answer_next(["neurons", settings.model, "--neuron", facts[0]["neuron"]], settings.json)
    return None


def history(settings: Neurons, model: "GPT2", tokenizer: "Tokenizer") -> History:
    """How high each neuron is on the tokens that it is highest on in the end."""
    from ..features.neurons import mean_at

    rows, blocks, chosen = _found(settings, model, tokenizer)
    peaks = {
        (layer, neuron): [divmod(passage.at, rows.shape[1]) for passage in blocks[layer].of(neuron)]
        for layer, neuron in chosen
    }

    def measure(model: "GPT2") -> dict[str, float]:
        return {f"{layer}.{neuron}": value for (layer, neuron), value in mean_at(model, rows, peaks).items()}

    most = max(settings.top, 3)
    title = f"Activation on the tokens that it is highest on at last (mean of {most})"
    return History(measure, title, "activation after GELU", spec="+.2f", facts={"tokens": rows.numel()})


def _found(
    settings: Neurons, model: "GPT2", tokenizer: "Tokenizer"
) -> "tuple[Tensor, list[TopPassages], list[tuple[int, int]]]":
    """The windows of the text, the passages of all neurons, and layer and number of those that are looked at."""
    from ..features.neurons import most_selective, read_neuron, top_passages

    asked = [read_neuron(name, model) for name in settings.neuron]
    rows = windows(model, tokenizer, settings.text, settings.tokens, None)
    batches = rows.split(max(1, TOGETHER // rows.shape[1]))
    blocks = top_passages(model, counted(batches, len(batches), unit="piece"), k=max(settings.top, 3))
    return rows, blocks, asked or most_selective(blocks, settings.top)


def _facts(
    layer: int, neuron: int, block: "TopPassages", promoted: list[tuple[int, float]], tokenizer: "Tokenizer"
) -> dict[str, Any]:
    return {
        "neuron": f"{layer}.{neuron}",
        "active": float(block.active[neuron]),
        "mean": float(block.mean[neuron]),
        "speaks_for": [[_name(token, tokenizer), value] for token, value in promoted],
        "passages": [
            {
                "activation": passage.activation,
                "at": passage.at,
                "text": _text(passage.tokens, tokenizer),
                "token": _name(passage.tokens[passage.peak], tokenizer),
            }
            for passage in block.of(neuron)
        ],
    }


def _about(name: str, fact: dict[str, Any], passages: "list[Passage]", tokenizer: "Tokenizer") -> list[str]:
    """A head line, and a line for each passage with the token that it is highest on in brackets."""
    spoken = " ".join(word for word, _ in fact["speaks_for"])
    lines = [clipped(f"Neuron {name}: active on {fact['active']:.0%} of tokens, speaks for {spoken}", COLUMNS)]
    return [*lines, *passage_lines(passages, tokenizer), ""]


def passage_lines(passages: "list[Passage]", tokenizer: "Tokenizer") -> list[str]:
    """A line of 80 columns for each passage: activation, what comes before, [the token], what comes after."""
    rows = []
    for passage in passages:
        before = _text(passage.tokens[: passage.peak], tokenizer)
        token = _name(passage.tokens[passage.peak], tokenizer)
        after = _text(passage.tokens[passage.peak + 1 :], tokenizer)
        middle = f"[{clipped(token, 16)}]"
        room = COLUMNS - 10 - len(middle)
        left = clipped(before, room * 2 // 3, end=True)
        rows.append((f"{passage.activation:.2f}", f"{left}{middle}{clipped(after, room - len(left))}"))
    return ["  " + line for line in table(("", ""), rows, left=0)[1:]] if len(rows) > 1 else [
        f"  {value}  {text}" for value, text in rows
    ]  # fmt: skip


def _text(tokens: list[int], tokenizer: "Tokenizer") -> str:
    return shown_token(tokenizer.decode_bytes(tokens), " ") if tokens else ""


def _name(token: int, tokenizer: "Tokenizer") -> str:
    return shown_token(tokenizer.decode_bytes([token]))


def _picture(settings: Neurons, model: "GPT2", blocks: "list[TopPassages]", chosen: list[tuple[int, int]]) -> list[str]:
    from ..pictures.lines import plot_bars

    names = [f"{layer}.{neuron}" for layer, neuron in chosen]
    highest = [float(blocks[layer].values[neuron, 0]) for layer, neuron in chosen]
    mean = [float(blocks[layer].mean[neuron]) for layer, neuron in chosen]
    figure = plot_bars(
        names,
        {"highest": highest, "mean": mean},
        title="Neurons: highest and mean activation",
        ylabel="activation after GELU",
    )
    assert settings.out is not None
    return save_picture(figure, settings.out)
