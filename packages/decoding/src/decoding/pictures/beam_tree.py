"""A beam search as a picture: every candidate that was looked at, and which of them went on."""

from collections.abc import Callable
from pathlib import Path

from workbench import drawable, legend

from ..methods.hypotheses import Candidate, Search
from .explanation import drawing

LEGEND = "a column a step, with summed log-probabilities; blue went on, green was kept, gray was dropped; red: the best"
COLORS = {"went on": "#30638e", "kept": "#2e8b57", "dropped": "#b0b0b0"}
BEST = "#d1495b"


def fates(search: Search) -> list[list[tuple[Candidate, tuple[int, ...], str]]]:
    """The candidates of each step with all their new ids and what became of them: "went on", "kept" (ended, and among
    the finished hypotheses at the end) or "dropped". Copies of the empty beginning are left out."""
    finished = {hypothesis.ids for hypothesis in search.finished}
    texts: dict[int, tuple[int, ...]] = {0: ()}
    steps = []
    for step in search.trace:
        looked_at = [(one, (*texts[one.parent], one.token)) for one in step if one.parent in texts]
        texts = {one.place: ids for one, ids in looked_at if one.place is not None}
        steps.append([(one, ids, _fate(one, ids in finished)) for one, ids in looked_at])
    return steps


def _fate(candidate: Candidate, finished: bool) -> str:
    if candidate.ended:
        return "kept" if finished else "dropped"
    return "dropped" if candidate.place is None else "went on"


def draw_beam_tree(
    search: Search, path: str | Path, word: Callable[[int], str] = str, *, best: tuple[int, ...] | None = None
) -> Path:
    """A PNG of one search out of `beam_search`: a column a step, a row a candidate from the best down, with its token
    and summed log-probability (extra `plots`). Blue went on, green ended and was kept, gray was dropped; the line to
    `best` (default: the best finished hypothesis) is red. `word` names a token: `explain(…).words.get` does. ValueError
    for a search without steps."""
    if not search.trace:
        raise ValueError("wanted a search that took steps, got one without; give its prompt room for new tokens")
    figure_class, canvas_class = drawing()
    width = max(len(step) for step in search.trace)
    figure = figure_class(figsize=(1.5 + 1.5 * len(search.trace), 0.8 + 0.42 * width), layout="constrained")
    axis = figure.subplots()
    wanted = best if best is not None else search.finished[0].ids if search.finished else ()
    places: dict[int, tuple[float, float]] = {0: (0.0, 0.0)}
    axis.text(0, 0, "prompt", ha="center", va="center", bbox={"boxstyle": "round", "fc": "white"})
    for column, step in enumerate(fates(search), start=1):
        next_places = {}
        for row, (candidate, ids, fate) in enumerate(step):
            x, y = places[candidate.parent]
            on_path, color = wanted[: len(ids)] == ids, COLORS[fate]
            axis.plot([x + 0.3, column - 0.3], [y, -row], color=BEST if on_path else color, lw=2 if on_path else 1)
            label = f"{drawable(word(candidate.token))}  {candidate.total:.2f}"
            axis.text(column, -row, label, ha="center", va="center", color=color, fontsize=8)
            if candidate.place is not None:
                next_places[candidate.place] = (float(column), float(-row))
        places = next_places
    words = [drawable(word(candidate.token)) for step in search.trace for candidate in step]
    figure.supxlabel("\n".join([LEGEND, *legend(words)]), fontsize=8, color="#606060")
    axis.set_xlim(-0.6, len(search.trace) + 0.6)
    axis.set_ylim(-width + 0.3, 0.7)
    axis.axis("off")
    canvas_class(figure).print_png(str(path))
    return Path(path)
