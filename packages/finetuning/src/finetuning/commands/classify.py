"""`finetuning classify`: what is told of a run that learns labels. `finetuning label`: a classifier at work."""

import json
import sys
from contextlib import nullcontext
from typing import Any

from ..classifying.settings import ClassifySettings
from .settings import Label
from .telling import (
    COLUMNS,
    COST,
    carry_out,
    fact,
    fitted,
    forgotten_line,
    left_out,
    model_line,
    result_line,
    table,
)

SHOWN_LABELS = 10
"""Labels up to which the confusion matrix is shown whole."""
SHOWN_MISTAKES = 5
WIDTH = 20
"""Characters of a text that are shown at least."""


def classify_command(settings: ClassifySettings) -> int:
    """Classify as `settings` say; exit code and errors are those of `carry_out`."""

    def begin(settings: ClassifySettings, should_stop: Any) -> Any:
        from ..classifying.run import classify

        return classify(settings, should_stop)

    return carry_out(settings, begin, introduction, report, "texts")


def introduction(run: Any) -> str:
    """Model, texts, labels and folder of a prepared run, each under its name."""
    from ..examples import shown

    learned, held, labels = run.curriculum.learned, run.curriculum.judged, run.texts.labels
    counts = [sum(text.label == number for text in learned) for number in range(len(labels))]
    named = [f"{label} ({count:,})" for label, count in zip(labels, counts, strict=True)]
    steps = f"{run.total} steps of up to {run.curriculum.batches.order.batch_size} texts"
    lines = [
        model_line(run),
        fact("Texts", f"{len(learned):,} to learn from, {len(held):,} held out"),
        fact("Labels", shown(named)),
        fact("Run", f"{run.folder} ({steps if run.total else 'no step: the start is the result'})"),
        *left_out(run.texts.too_long, f"longer than the context of {run.model.n_ctx} tokens"),
    ]
    return "\n".join(lines)


def report(run: Any) -> str:
    """What was learned and what was forgotten, with intervals, the surest mistakes, and the next command."""
    from workbench import next_lines

    from ..classifying.judging import judge_labels, most_frequent
    from ..running.forgetting import forgotten, old_scores

    texts = run.curriculum.judged
    after = judge_labels(run.model, texts)
    lost = forgotten(run.record.before["old"], old_scores(run.model.body, run.tokenizer))
    rows = [
        ("accuracy (before: the usual label)", most_frequent(run.curriculum.learned, texts), after.accuracy),
        ("old text, bits a byte", lost.second, lost.first),
    ]
    words = ["finetuning", "label", str(run.folder), "FILE"]
    lines = [
        *table(rows),
        "",
        *confusion(after.confusion(len(run.texts.labels)).tolist(), run.texts.labels),
        *mistakes(after, texts, run.texts.labels),
        "",
        forgotten_line(lost),
        COST,
        result_line(run),
        *([f"Adapter: {run.folder / 'adapter'}"] if (run.folder / "adapter").is_dir() else []),
        "",
        next_lines("finetuning", words),
    ]
    return "\n".join(lines)


def confusion(counts: list[list[int]], labels: Any) -> list[str]:
    """The matrix, a row a label, a column for what is said; of many labels, or long ones, those that are most often
    taken for others."""
    wide = max(len(label) for label in (*labels, "is / said"))
    columns = [max(len(label), len(f"{max(row[n] for row in counts):,}")) for n, label in enumerate(labels)]
    lines = [f"{'is / said':<{wide}}  " + "  ".join(f"{label:>{w}}" for label, w in zip(labels, columns, strict=True))]
    for label, row in zip(labels, counts, strict=True):
        lines.append(f"{label:<{wide}}  " + "  ".join(f"{n:>{w},}" for n, w in zip(row, columns, strict=True)))
    if len(labels) <= SHOWN_LABELS and len(lines[0]) <= COLUMNS:
        return lines
    pairs = [(counts[a][b], a, b) for a in range(len(labels)) for b in range(len(labels)) if a != b]
    worst = sorted(pairs, reverse=True)[:SHOWN_MISTAKES]
    said = [f"  {labels[a]} taken for {labels[b]}: {count:,}" for count, a, b in worst if count]
    return ["Most often confused:", *said] if said else []


def mistakes(judged: Any, texts: Any, labels: Any) -> list[str]:
    """The surest mistakes, each with its text and its place."""
    from workbench import shorten

    wrong = judged.mistakes()[:SHOWN_MISTAKES]
    lines = ["", "Surest mistakes:"] if wrong else []
    for number in wrong:
        text = texts[number]
        what = f"  {labels[judged.guesses[number]]} ({judged.sure[number]:.0%}) for {labels[text.label]}: "
        room = COLUMNS - len(what) - len(f" [{text.place}]")
        lines.append(f"{what}{shorten(' '.join(text.text.split()), max(WIDTH, room))} [{text.place}]")
    return lines


def label_command(settings: Label) -> int:
    """Label the texts of a file, a line of JSON each. Returns 0.

    Raises ValueError or OSError for a folder that is no classifier, and for a text that cannot be read, by its place.
    """
    from ..classifying.classifier import Labeled, probabilities, readable
    from ..classifying.labels import surest
    from ..classifying.model_folder import load_classifier
    from ..examples import shown
    from ..files.records import read_records

    classifier, tokenizer = load_classifier(settings.model)
    places, texts, rows, known = [], [], [], []
    for place, record in read_records(settings.file, cure='write {"text": "..."} a line into a .jsonl file'):
        try:
            text = record.get("text")
            if not isinstance(text, str):
                raise ValueError(f'wanted a record with "text", got {", ".join(map(str, record)) or "nothing"}; add it')
            rows.append(readable(tokenizer, text, classifier.n_ctx))
        except ValueError as error:
            raise ValueError(f"{place}: {error}") from None
        places.append(place)
        texts.append(text)
        known.append(surest(record["label"]) if "label" in record else None)
    if not rows:
        raise ValueError(f"{settings.file}: wanted at least one text, got an empty file; write one a line")
    best, numbers = probabilities(classifier, rows).max(1)
    found = [Labeled(classifier.labels[n], p) for n, p in zip(numbers.tolist(), best.tolist(), strict=True)]
    lines = [
        json.dumps({"label": one.label, "probability": round(one.probability, 4), "text": text}, ensure_ascii=False)
        for one, text in zip(found, texts, strict=True)
    ]
    with nullcontext(sys.stdout) if settings.out is None else settings.out.open("w", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in lines))
    if all(label is not None for label in known):
        from evaluation import share

        right = share([label == one.label for label, one in zip(known, found, strict=True)])
        between = f"{right.low:.3f} to {right.high:.3f}"
        sys.stderr.write(f"accuracy against the file's own labels: {right.value:.3f} ({between})\n")
        if strange := sorted({str(label) for label in known} - set(classifier.labels)):
            sys.stderr.write(fitted(f"always wrong, as the model has no such label: {shown(strange)}") + "\n")
    return 0
