"""`evaluation compare`: both models on the same pieces of text, or on the same questions."""

import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from workbench import check_same, counted, digest, finished_lines, finite, line_writer, many, tell_next

from .documents import pieces, read_documents
from .inputs import field_of, load, model_facts, question_scores, questions, questions_again
from .outputs import ending, few, measured, options, say, show
from .settings import Compare

if TYPE_CHECKING:
    from decoding import LanguageModel, Tokenizer

    from ..intervals import Comparison
    from ..tasks.items import Item

Unit = TypeVar("Unit")
Measure = Callable[["LanguageModel", "Tokenizer", Sequence[Unit]], Iterator[float]]
"""A number for each unit, in their order."""


def compare(command: Compare) -> None:
    """Print both values, their difference with its interval, and who wins how often. ValueError for what cannot be
    compared."""
    if bool(command.text) == bool(command.task):
        got = "both" if command.text else "neither"
        raise ValueError(f"wanted --text FILE or --task TASK, got {got}; give one of them")
    if command.limit is not None and command.limit < 1:
        raise ValueError(f"wanted a limit of at least 1, got {command.limit}; leave it out for all")
    result, what = _compare_questions(command) if command.task else _compare_texts(command)
    if command.json:
        say(json.dumps(finite({"measure": what, **asdict(result)})))
    else:
        a, b = result.first_higher, result.second_higher
        name_a, name_b = ending(command.model_a), ending(command.model_b)
        width = max(30, len(name_a), len(name_b))
        say(
            what,
            f"A  {name_a:{width}} {show(result.first)}",
            f"B  {name_b:{width}} {show(result.second)}",
            f"A - B {'':{width - 3}} {show(result.difference)}",
            f"higher: A in {a}, B in {b}, equal in {result.ties}; exact sign test p = {result.p_value:.3g}",
            *few(a + b + result.ties, "question" if command.task else "piece"),
        )
    if command.task:
        words = ["tasks", command.model_a, *questions_again(command)]
    else:
        files = [file for file in command.text if file != "-"] or ["FILE"]  # standard input has been read
        words = ["score", command.model_a, *files, *options(field=field_of(command))]
    tell_next("evaluation", ["evaluation", *words], beside_results=True)


def _compare_texts(command: Compare) -> "tuple[Comparison, str]":
    documents = read_documents(command.text, (), command.field)
    limit = None if command.limit is None else min(command.limit, sys.maxsize)
    units = list(islice((p for d in documents for p in pieces(d.text) if p.strip()), limit))
    sizes = [len(unit.encode("utf-8")) for unit in units]

    def bits(model: "LanguageModel", tokenizer: "Tokenizer", left: Sequence[str]) -> Iterator[float]:
        from ..scores import score_documents

        for score in score_documents(model, tokenizer, left, stride=command.stride):
            yield score.nats / math.log(2)

    facts = [
        {"stride": command.stride, "content": digest(unit), "bytes": size}
        for unit, size in zip(units, sizes, strict=True)
    ]
    first, second = _both(command, "piece", units, facts, "bits", bits)
    from ..intervals import compare_units

    return compare_units(
        first, second, sizes
    ), f"bits per byte (fewer are better) on {many(len(units), 'piece')} of text"


def _compare_questions(command: Compare) -> "tuple[Comparison, str]":
    task, items = questions(command)

    def right(model: "LanguageModel", tokenizer: "Tokenizer", left: "Sequence[Item]") -> Iterator[float]:
        return (float(score.correct) for score in question_scores(model, tokenizer, left))

    facts = [{"task": task.name, "content": digest(asdict(item))} for item in items]
    first, second = _both(command, "question", items, facts, "correct", right)
    from ..intervals import compare_units

    return compare_units(first, second), f"accuracy on {many(len(items), 'question')} of {task.name}"


def _both(
    command: Compare,
    noun: str,
    units: Sequence[Unit],
    facts: Sequence[dict[str, Any]],
    measure_name: str,
    measure: Measure[Unit],
) -> tuple[list[float], list[float]]:
    """The measure of every unit by model A, then by model B, a line each; what `--out` holds is not done again."""
    sources = {"A": command.model_a, "B": command.model_b}
    whose = [{"side": side, **(model_facts(each) if command.out else {})} for side, each in sources.items()]
    wanted = [{**one, noun: number, **fact} for one in whose for number, fact in enumerate(facts)]
    done = finished_lines(command.out, command.resume)
    check_same(done, wanted, command.out)
    values = [measured(line, measure_name) for line in done]
    for number, source in enumerate(sources.values()):
        finished = min(max(0, len(values) - number * len(units)), len(units))
        if finished == len(units):
            continue
        model, tokenizer = load(source, command.device)
        new = counted(measure(model, tokenizer, units[finished:]), len(units), finished, noun)
        if command.out is None:
            values += new
        else:
            with line_writer(command.out) as write:
                for value in new:
                    write(wanted[len(values)] | {measure_name: value})
                    values.append(value)
    return values[: len(units)], values[len(units) :]
