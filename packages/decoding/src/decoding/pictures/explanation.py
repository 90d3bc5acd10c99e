"""One decision made visible: what each step of the settings did to the distribution of the next token."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from tensors import generator
from workbench import drawable, legend, require, shown_token

from ..distribution.histories import histories
from ..distribution.pipeline import transforms_of
from ..distribution.sampling import draw_uniforms, processed, sample
from ..protocols import LanguageModel
from ..requests.checks import check_request
from ..requests.methods import check_method
from ..session import Session
from ..settings.values import GenerationSettings
from ..settings.vocabulary import EndOfText, Vocabulary

CHOSEN = "#d1495b"


@dataclass(frozen=True)
class Explanation:
    """The probabilities [S, V] of the next token from the model and after each step, whose names are `stages`; `chosen`
    is the id that row 0 of a batch would draw (or the likeliest), `words` shows the ids."""

    stages: tuple[str, ...]
    probabilities: Float[Tensor, "S V"]
    chosen: int
    words: dict[int, str]

    def likeliest(self, count: int = 10) -> list[int]:
        """`count` ids, likeliest at the end or else at first, in the model's order; the chosen one is among them."""
        size = min(count, self.probabilities.shape[1])
        found: dict[int, None] = {}
        for stage in (-1, 0):
            found.update(dict.fromkeys(self.probabilities[stage].topk(size).indices.tolist()))
        kept = sorted(list(found)[:size], key=lambda token: -self.probabilities[0, token])
        return kept if self.chosen in kept else [*kept, self.chosen]

    def table(self, count: int = 10) -> str:
        """A row a token, a column a stage, in percent; a dot where the token may not come, a star at the chosen one."""
        rows = [["token", *self.stages]]
        for token in self.likeliest(count):
            cells = [f"{100 * value:.2f}" if value > 0 else "." for value in self.probabilities[:, token].tolist()]
            rows.append([("* " if token == self.chosen else "  ") + self.words[token], *cells])
        kept = [(stage > 0).sum().item() for stage in self.probabilities]
        rows.append(["  tokens that may come", *map(str, kept)])
        notes = [f"({meaning})" for meaning in legend([row[0] for row in rows])]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])
            for row in rows
        ]
        return "\n".join([*lines, *notes])

    def _legend(self, tokens: list[int]) -> list[str]:
        chosen = "the chosen token" if len(self.stages) == 1 else "the token that was chosen after the last step"
        return [f"red: {chosen}", *legend([self.words[token] for token in tokens])]

    def picture(self, path: str | Path, count: int = 10) -> Path:
        """The same as a PNG, one panel of bars a stage (extra `plots`)."""
        figure_class, canvas_class = drawing()
        tokens = self.likeliest(count)
        names = [drawable(self.words[token]) for token in tokens]
        figure = figure_class(figsize=(2.2 + 2.0 * len(self.stages), 1.2 + 0.3 * len(tokens)), layout="constrained")
        axes = figure.subplots(1, len(self.stages), sharey=True, squeeze=False)[0]
        for axis, stage, row in zip(axes, self.stages, self.probabilities, strict=True):
            values = [100 * row[token].item() for token in tokens]
            colors = [CHOSEN if token == self.chosen else "#30638e" for token in tokens]
            axis.barh(range(len(names)), values, color=colors)
            axis.set_title(f"{stage}\n{int((row > 0).sum())} may come", fontsize=9)
            axis.set_xlabel("%")
            axis.set_xlim(0, max(1e-9, 112 * self.probabilities[:, tokens].max().item()))
            axis.spines[["top", "right"]].set_visible(False)
        axes[0].set_yticks(range(len(names)), labels=names)
        axes[0].get_yticklabels()[tokens.index(self.chosen)].set_color(CHOSEN)  # its bar may be too short to see
        axes[0].invert_yaxis()
        figure.supxlabel("\n".join(self._legend(tokens)), fontsize=8, color="#606060")
        canvas_class(figure).print_png(str(path))
        return Path(path)


def explain(
    model: LanguageModel,
    prompt: Sequence[int] | str,
    settings: GenerationSettings | None = None,
    *,
    tokenizer: Any = None,
    end_of_text: EndOfText = None,
) -> Explanation:
    """What the settings make of the model's distribution after `prompt` (ids, or a text with its tokenizer), step by
    step, and which token comes of it. ValueError for a text without a tokenizer, and as `generate_ids`."""
    settings = settings or GenerationSettings()
    check_method(settings, ("loop", "lookup"), "explain")
    if isinstance(prompt, str) and tokenizer is None:
        raise ValueError("wanted a tokenizer for a prompt of text, got none; pass tokenizer=, or a list of ids")
    ids: Sequence[int] = tokenizer.encode(prompt) if isinstance(prompt, str) else prompt
    if tokenizer is not None and end_of_text is None:
        end_of_text = Vocabulary.of(model, tokenizer)
    decode_bytes = None if tokenizer is None else tokenizer.decode_bytes
    vocabulary = check_request(model, [ids], settings, end_of_text, decode_bytes, first_row=None)
    logits = Session(model, 1, len(ids)).feed([ids])
    draws = generator(settings.seed, 0)
    past = histories([ids], [[]], logits.device)
    stages, rows = ["model"], [logits.softmax(dim=-1)]
    for transform in transforms_of(settings, vocabulary):
        logits = processed(logits, [transform], past, [draws])
        stages.append(transform.name)
        rows.append(logits.softmax(dim=-1))
    chosen = logits.argmax(dim=-1) if settings.is_greedy else sample(logits, draw_uniforms([draws]))
    return Explanation(tuple(stages), torch.cat(rows), int(chosen), shown_tokens(tokenizer, model.n_vocab))


def shown_tokens(tokenizer: Any, n_vocab: int) -> dict[int, str]:
    """Every id of a vocabulary as `shown_token`, or as its number where there is no tokenizer."""
    if tokenizer is None:
        return {token: str(token) for token in range(n_vocab)}
    known = range(min(n_vocab, tokenizer.n_vocab))
    unused = {token: f"unused id {token}" for token in range(len(known), n_vocab)}  # some vocabularies are rounded up
    return {token: shown_token(tokenizer.decode_bytes([token])) for token in known} | unused


def drawing() -> tuple[Any, Any]:
    """matplotlib's `Figure`, and the canvas that writes it as PNG."""
    canvas = require("matplotlib.backends.backend_agg", "decoding", "plots").FigureCanvasAgg
    return require("matplotlib.figure", "decoding", "plots").Figure, canvas
