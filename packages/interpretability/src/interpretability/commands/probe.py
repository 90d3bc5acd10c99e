"""`interpretability probe`: what a straight line reads off each place, and what it reads off one without meaning."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from workbench import check_picture, counted

from .answers import PROG, answer, answer_next, clipped, save_picture, table
from .histories import History, run_history
from .inputs import loaded, windows
from .measure_settings import Probe

if TYPE_CHECKING:
    from torch import Tensor

    from gpt2 import GPT2, Tokenizer

    from ..features.probes import ProbeReport

    Parts = tuple[list[Tensor], list[list[tuple[int, int]]], list[int], Sequence[str]]

TOGETHER = 1024
"""Tokens that are read at a time."""


def run(settings: Probe) -> None:
    """Do the work of the command; ValueError for what is wrong."""
    check_picture(settings.out, PROG)
    if settings.checkpoints is not None:
        again = ["probe", settings.model]
        return run_history(settings, settings.checkpoints, partial(history, settings), again)
    model, tokenizer = loaded(settings.model, settings.device)
    task = _Task(settings, model, tokenizer)
    reports = {place: task.report(model, place) for place in counted(task.places, len(task.places), unit="place")}
    from evaluation import estimate

    rows = []
    facts = {}
    for place, report in reports.items():
        weights: dict[int, list[bool]] = {}
        for group, right in zip(report.groups, report.right, strict=True):
            weights.setdefault(group, []).append(right)
        found = estimate([sum(each) for each in weights.values()], [len(each) for each in weights.values()])
        low, high = found.low, found.high
        interval = "" if low is None or high is None else f"[{low:.3f}, {high:.3f}]"
        rows.append((place, f"{report.accuracy:.3f}", interval, f"{report.control:.3f}", f"{report.selectivity:.3f}"))
        facts[place] = {
            "accuracy": report.accuracy,
            "low": low,
            "high": high,
            "control": report.control,
            "selectivity": report.selectivity,
            "ridge": report.probe.ridge,
        }
    any_report = next(iter(reports.values()))
    lines = [
        f"{task.title}: {len(task.names)} classes, {len(any_report.right):,} of {len(task.classes):,} held out",
        f"Always the most frequent class: {any_report.majority:.3f}",
        "",
        *table(("place", "accuracy", "95 %", "control", "selectivity"), rows),
    ]
    if settings.out is not None:
        from ..pictures.lines import plot_bars

        series = {"task": [r.accuracy for r in reports.values()], "control": [r.control for r in reports.values()]}
        lines += save_picture(plot_bars(list(reports), series, title=task.title, ylabel="accuracy"), settings.out)
    whole = {"model": settings.model, "task": task.title, "classes": task.names, "majority": any_report.majority}
    answer(whole | {"places": facts}, lines, settings.json)
    answer_next(["neurons", settings.model], settings.json)
    return None


def history(settings: Probe, model: "GPT2", tokenizer: "Tokenizer") -> History:
    """The selectivity of each place."""
    task = _Task(settings, model, tokenizer)

    def measure(model: "GPT2") -> dict[str, float]:
        return {place: task.report(model, place).selectivity for place in task.places}

    title = f"{task.title}: selectivity (accuracy above that of the control task)"
    return History(measure, title, "selectivity", spec=".3f", facts={"task": task.title})


class _Task:
    """What is asked: the classes of some tokens of some texts."""

    def __init__(self, settings: Probe, model: "GPT2", tokenizer: "Tokenizer") -> None:
        import torch

        from ..lens.reading import lens_places
        from ..places import chosen_places

        self.places = chosen_places(model, settings.place) if settings.place else lens_places(model)
        self.seed = settings.seed
        if settings.labels is not None:
            self.title = f"labels of {clipped(settings.labels.name, 40)}"
            self.batches, self.chosen, classes, self.names = _labeled(settings, model, tokenizer)
        else:
            self.title = settings.property
            self.batches, self.chosen, classes, self.names = _properties(settings, model, tokenizer)
        self.classes = torch.tensor(classes)
        ids = [tokens[row, at] for tokens, chosen in zip(self.batches, self.chosen, strict=True) for row, at in chosen]
        self.tokens = torch.stack(ids).cpu()
        groups, before = [], 0
        for tokens, chosen in zip(self.batches, self.chosen, strict=True):
            groups += [before + row for row, _ in chosen]
            before += len(tokens)
        self.groups = torch.tensor(groups)

    def report(self, model: "GPT2", place: str) -> "ProbeReport":
        """How a probe does at a place of the model, which may be another checkpoint's."""
        import torch

        from ..features.probes import probe_place
        from ..trace import tracing

        found = []
        with torch.no_grad(), tracing(model, place) as record:
            for tokens, chosen in zip(self.batches, self.chosen, strict=True):
                model(tokens)
                if record[place].ndim != 3:
                    raise ValueError(
                        f"--place: wanted one with a vector a token, got {place} of shape {list(record[place].shape)}; "
                        "take the stream, such as 0.resid_post"
                    )
                rows, places = (torch.tensor(each) for each in zip(*chosen, strict=True))
                found.append(record[place][rows, places].float().cpu())
        return probe_place(torch.cat(found), self.classes, self.tokens, self.groups, seed=self.seed)


def _properties(settings: Probe, model: "GPT2", tokenizer: "Tokenizer") -> "Parts":
    """Batches of windows, in each the tokens that have a class, and their classes."""
    from ..features.properties import PROPERTIES

    ask, names = PROPERTIES[settings.property]
    rows = windows(model, tokenizer, settings.text, settings.tokens, None)
    batches, chosen, classes = [], [], []
    for tokens in rows.split(max(1, TOGETHER // rows.shape[1])):
        here = []
        for row, ids in enumerate(tokens.tolist()):
            words = [tokenizer.decode_bytes([token]).decode("utf-8", errors="replace") for token in ids]
            for at, kind in enumerate(ask(words)):
                if kind >= 0:
                    here.append((row, at))
                    classes.append(kind)
        if here:
            batches.append(tokens)
            chosen.append(here)
    if not classes:
        raise ValueError(f"--property {settings.property}: wanted tokens that have one, got none; give another --text")
    return batches, chosen, classes, names


def _labeled(settings: Probe, model: "GPT2", tokenizer: "Tokenizer") -> "Parts":
    """A batch for each text, of which the last token is read; a text longer than the context keeps its end."""
    import torch

    from ..features.properties import read_labels

    assert settings.labels is not None
    texts, labels = read_labels(settings.labels)
    names = sorted(set(labels))
    device = model.final_norm.weight.device
    batches = []
    for text in texts:
        ids = [tokenizer.end_of_text, *tokenizer.encode(text)][-model.n_ctx :]
        batches.append(torch.tensor([ids], device=device))
    chosen = [[(0, tokens.shape[1] - 1)] for tokens in batches]
    return batches, chosen, [names.index(label) for label in labels], names
