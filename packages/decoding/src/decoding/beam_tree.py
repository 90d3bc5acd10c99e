"""A beam search as a picture: every candidate that was looked at, and which of them went on."""

from collections.abc import Callable
from pathlib import Path

from .explanation import _matplotlib
from .hypotheses import Search
from .shown_tokens import drawable, legend

LEGEND = "a column a step, with summed log-probabilities; blue went on, green ended, grey was dropped; red: the best"


def draw_beam_tree(
    search: Search, path: str | Path, word: Callable[[int], str] = str, *, best: tuple[int, ...] | None = None
) -> Path:
    """A PNG of one search out of `beam_search`: a column a step, a row a candidate from the best down, with its token
    and summed log-probability (extra `plots`). Blue went on, green ended, grey was dropped; the line to `best`
    (default: the best finished hypothesis) is red. `word` names a token: `explain(…).words.get` does. ValueError for a
    search without steps."""
    if not search.trace:
        raise ValueError("wanted a search that took steps, got one without; give its prompt room for new tokens")
    figure_class, canvas_class = _matplotlib()
    width = max(len(step) for step in search.trace)
    figure = figure_class(figsize=(1.5 + 1.5 * len(search.trace), 0.8 + 0.42 * width), layout="constrained")
    axis = figure.subplots()
    wanted = best if best is not None else search.finished[0].ids if search.finished else ()
    places: dict[int, tuple[float, float]] = {0: (0.0, 0.0)}
    texts: dict[int, tuple[int, ...]] = {0: ()}
    axis.text(0, 0, "prompt", ha="center", va="center", bbox={"boxstyle": "round", "fc": "white"})
    for column, step in enumerate(search.trace, start=1):
        next_places, next_texts = {}, {}
        for row, candidate in enumerate(one for one in step if one.parent in places):
            x, y = places[candidate.parent]
            ids = (*texts[candidate.parent], candidate.token)
            on_path = wanted[: len(ids)] == ids
            colour = "#2e8b57" if candidate.ended else "#30638e" if candidate.place is not None else "#b0b0b0"
            axis.plot(
                [x + 0.3, column - 0.3], [y, -row], color="#d1495b" if on_path else colour, lw=2 if on_path else 1
            )
            label = f"{drawable(word(candidate.token))}  {candidate.total:.2f}"
            axis.text(column, -row, label, ha="center", va="center", color=colour, fontsize=8, parse_math=False)
            if candidate.place is not None:
                next_places[candidate.place], next_texts[candidate.place] = (float(column), float(-row)), ids
        places, texts = next_places, next_texts
    words = [drawable(word(candidate.token)) for step in search.trace for candidate in step]
    figure.supxlabel("\n".join([LEGEND, *legend(words)]), fontsize=8, color="#606060")
    axis.set_xlim(-0.6, len(search.trace) + 0.6)
    axis.set_ylim(-width + 0.3, 0.7)
    axis.axis("off")
    canvas_class(figure).print_png(str(path))
    return Path(path)
