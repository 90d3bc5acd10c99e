"""`interpretability lens`: what the model would say if it stopped at each place of the stream."""

from functools import partial
from typing import TYPE_CHECKING

from workbench import check_picture, counted, shown_token

from .answers import PROG, answer, answer_next, clipped, save_picture, table
from .histories import History, run_history
from .inputs import loaded, prompt_ids, windows
from .measure_settings import Lens

if TYPE_CHECKING:
    from torch import Tensor

    from gpt2 import GPT2, Tokenizer

    from ..lens.reading import TunedLens

SHOWN = 5
"""Tokens of a prompt that a table has room for: the last ones."""
WIDTH = 12
TOGETHER = 1024
"""Tokens that are measured at a time."""


def run(settings: Lens) -> None:
    """Do the work of the command; ValueError for what is wrong."""
    check_picture(settings.out, PROG)
    if settings.tune is not None and settings.tuned is not None:
        raise ValueError("--tune, --tuned: wanted one of them, got both; --tune makes the file that --tuned opens")
    if settings.tune is not None and settings.tune.suffix != ".safetensors":
        raise ValueError(f"--tune: wanted a file .safetensors, got {settings.tune}; name it so")
    if settings.steps < 0:
        raise ValueError(f"--steps: wanted 0 or more, got {settings.steps}; leave it out")
    if settings.checkpoints is not None:
        if settings.tune is not None or settings.tuned is not None:
            raise ValueError(
                "--checkpoints: wanted the plain lens, got a tuned one, which is one model's; leave it out"
            )
        again = ["lens", settings.model, "--tune", "lens.safetensors"]
        return run_history(settings, settings.checkpoints, partial(history, settings), again)
    model, tokenizer = loaded(settings.model, settings.device)
    learn, judge = _texts(settings, model, tokenizer)
    prompt = judge[0][:1, :16] if settings.prompt is None else prompt_ids(model, tokenizer, settings.prompt)
    tuned = _lens(settings, model, learn)
    from ..lens.reading import lens_divergences, read_lens

    distances = {"plain": lens_divergences(model, judge)}
    if tuned is not None:
        distances["tuned"] = lens_divergences(model, judge, tuned)
    read = read_lens(model, prompt, tuned)
    places = list(read)
    top = {place: _top(read[place][0], tokenizer) for place in places}
    names = [shown_token(tokenizer.decode_bytes([token])) for token in prompt[0].tolist()]
    columns = range(max(0, len(names) - SHOWN), len(names))
    rows = [
        (place, *(f"{clipped(top[place][at][0], WIDTH - 4)} {top[place][at][1]:3.0%}" for at in columns))
        for place in places
    ]
    words = "tuned" if tuned is not None else "plain"
    lines = [f"What the {words} lens reads after each token (top token, its probability):", ""]
    lines += table(("place", *(clipped(names[at], WIDTH) for at in columns)), rows)
    lines += ["", "Distance to what the model says in the end (KL, nats a token):", ""]
    lines += table(("place", *distances), [(p, *(f"{each[p]:.3f}" for each in distances.values())) for p in places])
    if settings.tune is not None:
        lines.append(f"Lens: {settings.tune}")
    if settings.out is not None:
        lines += _picture(settings, names, places, top)
    facts = {"model": settings.model, "lens": words, "tokens": names, "distance": distances}
    answer(facts | {"top": {place: [[name, p] for name, p in each] for place, each in top.items()}}, lines,
           settings.json)  # fmt: skip
    prompted = [] if settings.prompt is None else ["--prompt", settings.prompt]
    if tuned is None:
        answer_next(["lens", settings.model, *prompted, "--tune", "lens.safetensors"], settings.json)
    else:
        answer_next(["probe", settings.model], settings.json)
    return None


def history(settings: Lens, model: "GPT2", tokenizer: "Tokenizer") -> History:
    """The distance to the end at each place but the last."""
    from ..lens.reading import lens_divergences

    _, judge = _texts(settings, model, tokenizer)

    def measure(model: "GPT2") -> dict[str, float]:
        return dict(list(lens_divergences(model, judge).items())[:-1])

    return History(measure, "Distance of the plain lens to the end (KL, nats a token)", "KL to the end (nats)", ".2f")


def _texts(settings: Lens, model: "GPT2", tokenizer: "Tokenizer") -> "tuple[list[Tensor], list[Tensor]]":
    """Batches of windows to fit on, and others to measure with."""
    rows = windows(model, tokenizer, settings.text, settings.tokens, None)
    held = max(1, len(rows) // 5)
    at_once = max(1, TOGETHER // rows.shape[1])
    return list(rows[:-held].split(at_once)), list(rows[-held:].split(at_once))


def _lens(settings: Lens, model: "GPT2", learn: "list[Tensor]") -> "TunedLens | None":
    """The tuned lens that is asked for, opened or fitted now."""
    from ..lens.tuning import load_lens, save_lens, tune_lens

    if settings.tuned is not None:
        return load_lens(settings.tuned, model)
    if settings.tune is None:
        return None
    steps = tune_lens(model, learn, steps=settings.steps)
    tuned: TunedLens = {}
    for tuned in counted(steps, settings.steps + 1):  # noqa: B007, the last one is the result
        pass
    save_lens(settings.tune, tuned, model)
    return tuned


def _top(read: "Tensor", tokenizer: "Tokenizer") -> list[tuple[str, float]]:
    """The top token after each token, and its probability."""
    values, ids = read.exp().max(dim=-1)
    names = [shown_token(tokenizer.decode_bytes([token])) for token in ids.tolist()]
    return list(zip(names, values.tolist(), strict=True))


def _picture(settings: Lens, names: list[str], places: list[str], top: dict[str, list[tuple[str, float]]]) -> list[str]:
    from ..pictures.lines import plot_cells

    last = range(max(0, len(names) - 24), len(names))
    upward = places[::-1]
    figure = plot_cells(
        upward,
        [names[at] for at in last],
        [[top[place][at][1] for at in last] for place in upward],
        [[clipped(top[place][at][0], 9) for at in last] for place in upward],
        title="What the lens reads after each token; the darker, the likelier",
    )
    assert settings.out is not None
    return save_picture(figure, settings.out)
