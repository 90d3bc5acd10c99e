"""A model, or a run with its checkpoints, as one page that computes everything itself."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import gpt2
from tensors import generator
from workbench import Progress, expanded, make_folder, unwatched, write_text

from ..trace import check_finite
from .document import document
from .first_text import first_place, first_text, other_ids
from .packing import GROUP, packed, packed_float16, packed_int8, packed_states, ranges, shapes_of, spelled
from .runs import RunFolder, chosen, run_of, state_at

PATTERN = gpt2.Tokenizer({bytes([byte]): byte for byte in range(256)}).pattern
LARGEST = 64_000_000
"""Bytes of a page that browsers open at once and that computes a token in a tenth of a second."""
SEEDS = 1000
"""Seeds of the page: 0 to 999 draw what `decoding` draws with them."""
OF_A_STATE = 0.36
"""Bytes of an earlier state for each weight, about, before base64."""
USUAL = 10
"""Checkpoints that a page holds where nobody says how many, and fewer where there are fewer."""


@dataclass(frozen=True)
class Page:
    """What was written."""

    path: Path
    n_bytes: int
    steps: tuple[int, ...]
    """Of the checkpoints in it, the final model aside."""
    text: str
    """What it shows first."""


def write_page(
    source: str | Path,
    out: str | Path,
    *,
    checkpoints: int | None = USUAL,
    required: bool = False,
    int8: bool = False,
    text: str | None = None,
    progress: Progress = unwatched,
) -> Page:
    """Write the page of a model or run as one HTML file that needs no network, and say what is in it.

    checkpoints: how many states on the way to put in, 0 for none, None for all that the run has. required: it is an
    error if there are none. int8: weights of the final model in eight bits instead of sixteen. text: shown first
    (default: a passage of the run's held-out text, or what the model writes).

    Raises ValueError for a model that is no GPT-2, a tokenizer with a pattern of its own, a text that does not fit the
    context, checkpoints where there are none, and a page that would be too large, with its size.
    """
    out = expanded(out)
    model, tokenizer = gpt2.load(source)
    run = run_of(expanded(source))
    check_finite(model, source)
    check_tokenizer(tokenizer)
    paths = run.checkpoints() if checkpoints != 0 else {}
    if required and not paths:
        raise ValueError(
            f"--checkpoints: wanted a run with checkpoints besides its final model, got none in {source}; train with "
            f"--save-every N --keep 20, or leave --checkpoints out"
        )
    steps = chosen(list(paths), checkpoints) if paths else []
    check_size(model.config.n_parameters, len(steps), int8)
    if text is not None and not 1 <= (n_tokens := len(tokenizer.encode(text))) < model.n_ctx:
        raise ValueError(
            f"--text: wanted 1 to {model.n_ctx - 1} tokens, the model's context without its start, got {n_tokens}; "
            "give another"
        )
    total = 3 + 2 * len(steps)
    progress(0, total)
    if text is None:
        text = first_text(model, tokenizer, run.held_out())
    ids = [tokenizer.end_of_text, *tokenizer.encode(text)]
    progress(1, total)
    state = dict(model.named_parameters())
    blocks = {"vocabulary": vocabulary(tokenizer), "weights": spelled((packed_int8 if int8 else packed_float16)(state))}
    progress(2, total)
    states = []
    for number, step in enumerate(steps, start=3):
        states.append(state_at(paths[step], model))
        progress(number, total)
    if states:
        blocks |= history(states)
    content = document(
        f"Inside {name_of(source)}",
        facts(name_of(source), model, tokenizer, run, steps, int8)
        | {"text": text, "place": first_place(model, tokenizer, ids)}
        | {"other": other_ids(model, tokenizer, run.held_out(), text)},
        blocks,
    )
    make_folder(out.parent)
    write_text(out, content)
    progress(total, total)
    return Page(out, len(content.encode()), tuple(steps), text)


def check_tokenizer(tokenizer: gpt2.Tokenizer) -> None:
    """ValueError for a pattern that JavaScript might read in another way."""
    if tokenizer.pattern != PATTERN:
        raise ValueError(
            f"tokenizer: wanted GPT-2's pattern, which the page knows, got {tokenizer.pattern!r}, which a browser may "
            f"read in another way; look at this model in Python (interpretability.tracing)"
        )


def check_size(weights: int, n_states: int, int8: bool) -> None:
    """ValueError for a page that no browser opens with pleasure: how large it would be, and what to do instead."""

    def size(of_a_weight: float, states: int) -> float:
        return weights * (of_a_weight + OF_A_STATE * states) * 4 / 3

    found = size(1.0 if int8 else 2.0, n_states)
    if found <= LARGEST:
        return
    if size(1.0, 0) <= LARGEST:
        room = int((LARGEST * 3 / 4 / weights - 1) / OF_A_STATE)
        advice = f"take --int8{f' and --checkpoints {room}' if n_states > room else ''}"
    else:
        advice = (
            "look at it in Python (interpretability.tracing), by the commands that write tables and pictures "
            "(`interpretability --help`), or make the page of a smaller model (`train` makes one in minutes)"
        )
    raise ValueError(
        f"page: wanted at most {LARGEST / 1e6:.0f} MB, got {weights / 1e6:.0f} million weights, which make about "
        f"{found / 1e6:,.0f} MB ({size(1.0, 0) / 1e6:,.0f} MB with --int8 and no checkpoints); {advice}"
    )


def name_of(source: str | Path) -> str:
    """What the page calls the model: the last word of its path that says something."""
    path = Path(source).resolve() if Path(source).exists() else Path(source)
    return path.parent.name if path.name == "model" else path.name


def facts(
    name: str, model: gpt2.GPT2, tokenizer: gpt2.Tokenizer, run: RunFolder, steps: list[int], int8: bool
) -> dict[str, Any]:
    """What the script is told besides weights."""
    c = model.config
    shape = ("n_vocab", "n_ctx", "n_embd", "n_head", "n_layer", "layer_norm_epsilon", "activation")
    return {
        "name": name,
        "config": {field: getattr(c, field) for field in shape},
        "parameters": c.n_parameters,
        "kind": "int8" if int8 else "float16",
        "group": GROUP,
        "shapes": shapes_of(dict(model.named_parameters())),
        "lengths": [len(token) for token in in_order(tokenizer)],
        "special": list(tokenizer.special_ids),
        "always": sorted(tokenizer.always),
        "letters": in_class(r"\p{L}+"),
        "numbers": in_class(r"\p{N}+"),
        "seeds": [generator(seed, 0).initial_seed() % 2**32 for seed in range(SEEDS)],
        "run": {"total": run.total, "steps": steps, **run.curve()},
    }


def in_order(tokenizer: gpt2.Tokenizer) -> list[bytes]:
    """The bytes of all tokens that merges make, by id."""
    return sorted(tokenizer.ranks, key=tokenizer.ranks.__getitem__)


def vocabulary(tokenizer: gpt2.Tokenizer) -> str:
    """Those bytes one after the other, packed."""
    return spelled(packed(b"".join(in_order(tokenizer))))


def in_class(pattern: str) -> list[tuple[int, int]]:
    """The code points that the tokenizer's own engine finds by a pattern, as ranges: browsers know other editions of
    Unicode. What a pattern leaves out has no ids, so that the ids of all characters spell those it finds."""
    finder = gpt2.Tokenizer({bytes([byte]): byte for byte in range(256)}, pattern=pattern)
    everything = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x110000)]))
    return ranges(map(ord, bytes(finder.encode(everything)).decode()))


def history(states: list[dict[str, Tensor]]) -> dict[str, str]:
    """The blocks of the checkpoints."""
    with torch.no_grad():
        scales, written = packed_states(states)
    return {"scales": spelled(scales)} | {f"state-{number}": spelled(one) for number, one in enumerate(written)}
